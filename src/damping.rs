//! Damping: which members are handed leadership later than their priority asks for, because they lost it soon
//! after a handover. Rule 6.6.

use alloc::vec::Vec;

use crate::backoff::Backoff;
use crate::types::{Nanos, NodeId, Timestamp};

/// The longest leadership that counts as short, as a multiple of the takeover delay: as long as the longest delay,
/// so that the delay does not decay faster than it grows.
const SHORT: u64 = 32;

/// What a node knows of leaderships that began with a handover. It outlives each of them, and ends as each field
/// says.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Damping<I> {
    /// The node that took over last, and when it did, while it leads. It ends when another node leads, and when the
    /// leadership is not short any more.
    trial: Option<(I, Timestamp)>,
    /// The members that lost leadership too soon. An entry ends with its delay.
    unsteady: Vec<UnsteadyMember<I>>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct UnsteadyMember<I> {
    id: I,
    /// For how long the member has to be fit before leadership is handed to it.
    backoff: Backoff,
    /// Since when the member has been fit, as the present leader sees it.
    fit_since: Option<Timestamp>,
}

/// The shortest delay of an unsteady member.
fn unit(takeover_delay: Nanos) -> Nanos {
    takeover_delay.saturating_mul(2)
}

impl<I: NodeId> Damping<I> {
    pub(crate) fn new() -> Self {
        Damping { trial: None, unsteady: Vec::new() }
    }

    /// Whether nothing is left to remember.
    pub(crate) fn is_over(&self) -> bool {
        self.trial.is_none() && self.unsteady.is_empty()
    }

    /// Forgets a leadership that has been long, and members whose delay is over.
    pub(crate) fn forget_what_is_over(&mut self, now: Timestamp, takeover_delay: Nanos) {
        let is_short = |since: Timestamp| now.since(since) < takeover_delay.saturating_mul(SHORT);
        self.trial = self.trial.filter(|&(_, since)| is_short(since));
        self.unsteady.retain(|member| member.backoff.delay(now, unit(takeover_delay)) > Nanos::ZERO);
    }

    /// Leadership is handed over to `leader`. The one that hands it over has not lost it.
    pub(crate) fn begin_trial(&mut self, leader: I, now: Timestamp) {
        self.trial = Some((leader, now));
    }

    /// `leader` leads at `now`. If another node took over before, and hands over to none, it has lost leadership.
    pub(crate) fn end_trial(
        &mut self,
        leader: I,
        now: Timestamp,
        takeover_delay: Nanos,
        is_member: impl Fn(I) -> bool,
    ) {
        let Some((former, since)) = self.trial.filter(|&(former, _)| former != leader) else { return };
        self.trial = None;
        let is_delayed =
            |member: &UnsteadyMember<I>| member.backoff.delay(now, unit(takeover_delay)) > Nanos::ZERO;
        self.unsteady.retain(|member| is_member(member.id) && is_delayed(member));
        if !is_member(former) || now.since(since) >= takeover_delay.saturating_mul(SHORT) {
            return;
        }
        match self.unsteady.iter_mut().find(|member| member.id == former) {
            Some(member) => member.backoff.double(now, unit(takeover_delay)),
            None => {
                let mut backoff = Backoff::default();
                backoff.double(now, unit(takeover_delay));
                self.unsteady.push(UnsteadyMember { id: former, backoff, fit_since: None });
            }
        }
    }

    /// The present leader sees at `now` which members are fit. The delay of a member that is not does not decay.
    pub(crate) fn observe(&mut self, now: Timestamp, takeover_delay: Nanos, is_fit: impl Fn(I) -> bool) {
        let unit = unit(takeover_delay);
        self.unsteady.retain(|member| member.backoff.delay(now, unit) > Nanos::ZERO);
        for member in &mut self.unsteady {
            if is_fit(member.id) {
                member.fit_since.get_or_insert(now);
            } else {
                member.fit_since = None;
                member.backoff.postpone_decay(now, unit);
            }
        }
    }

    /// Another leader sees for itself which members are fit.
    pub(crate) fn forget_observations(&mut self) {
        self.unsteady.iter_mut().for_each(|member| member.fit_since = None);
    }

    /// Whether leadership is not to be handed over to `id` yet.
    pub(crate) fn is_unsteady(&self, id: I, now: Timestamp, takeover_delay: Nanos) -> bool {
        self.has_been_fit_for_long(id, now, takeover_delay) == Some(false)
    }

    /// Whether a member that lost leadership too soon has been fit for as long as it has to; `None` for any other.
    pub(crate) fn has_been_fit_for_long(&self, id: I, now: Timestamp, takeover_delay: Nanos) -> Option<bool> {
        let member = self.unsteady.iter().find(|member| member.id == id)?;
        let delay = member.backoff.delay(now, unit(takeover_delay));
        let is_long = |since: Timestamp| now.since(since) >= delay;
        (delay > Nanos::ZERO).then_some(member.fit_since.is_some_and(is_long))
    }
}

#[cfg(test)]
mod tests;
