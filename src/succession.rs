//! Who is next, and when.

use alloc::boxed::Box;

use crate::membership::Membership;
use crate::types::{Nanos, NodeId, Position, Priority};

/// What a leader knows of a member. Its own record is among them.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Progress {
    /// Until when it is bound, on the leader's clock. Rule 3.1.
    pub(crate) bound_until: Nanos,
    pub(crate) position: Position,
    pub(crate) priority: Priority,
    /// It has answered a heartbeat of the term that is led.
    pub(crate) answered: bool,
    /// It has acknowledged, in that term, the membership in force.
    pub(crate) acknowledged: bool,
    /// It wants to be removed.
    pub(crate) leaving: bool,
    /// Its promise was in force at the last heartbeat.
    pub(crate) was_bound: bool,
    /// Its place in the succession. Rule 4.1.
    pub(crate) rank: Option<u8>,
}

impl Progress {
    fn ranking_key(&self, now: Nanos) -> (bool, bool, Priority, Position, Nanos) {
        (now < self.bound_until, !self.leaving, self.priority, self.position, self.bound_until)
    }

    pub(crate) fn may_lead(&self) -> bool {
        self.priority > Priority::NEVER_LEADS
    }
}

/// Ranks every voter that may lead except `me`: those that answer before those that do not, those
/// that stay before those that leave, then by priority, position and freshness. `first`, if any, comes before all.
pub(crate) fn rank<I: NodeId>(
    progress: &mut [Progress],
    members: &Membership<I>,
    me: I,
    first: Option<I>,
    now: Nanos,
) {
    let own = members.index_of(me);
    let chosen = first.and_then(|first| members.index_of(first));
    let voters = members.voters().len();
    progress.iter_mut().for_each(|follower| follower.rank = None);
    let worth = |place: u8| {
        let key = progress.get(usize::from(place)).map(|follower| follower.ranking_key(now));
        (Some(usize::from(place)) == chosen, key)
    };
    let mut order = [0_u8; crate::membership::MAX_MEMBERS];
    let mut ranked = 0;
    for (place, follower) in progress.iter().enumerate().take(voters) {
        let is_electable = Some(place) != own && follower.may_lead();
        let Some(place) = u8::try_from(place).ok().filter(|_| is_electable) else { continue };
        // Each before those that are worth less; of equals, who is listed first.
        let so_far = order.get(..ranked).unwrap_or_default();
        let before = so_far.partition_point(|&other| worth(other) >= worth(place));
        let rest = order.get_mut(before..=ranked).unwrap_or_default();
        rest.rotate_right(usize::from(!rest.is_empty()));
        rest.iter_mut().take(1).for_each(|slot| *slot = place);
        ranked = ranked.saturating_add(1);
    }
    let order = order.get(..ranked).unwrap_or_default();
    for (rank, &place) in order.iter().enumerate() {
        if let Some(follower) = progress.get_mut(usize::from(place)) {
            follower.rank = u8::try_from(rank).ok();
        }
    }
}

/// What stands in the way of a member that is to take over.
pub(crate) fn fitness<I: NodeId>(
    progress: &[Progress],
    members: &Membership<I>,
    me: I,
    successor: I,
    now: Nanos,
) -> Result<(), crate::rejection::Unfit> {
    use crate::rejection::Unfit;
    if successor == me {
        return Err(Unfit::AlreadyLeads);
    }
    if !members.is_voter(successor) {
        return Err(Unfit::NotAVoter);
    }
    let record = members.index_of(successor).and_then(|place| progress.get(place));
    let follower = record.ok_or(Unfit::NotAVoter)?;
    if !follower.may_lead() {
        return Err(Unfit::NeverLeads);
    }
    if follower.leaving {
        return Err(Unfit::Leaving);
    }
    if now >= follower.bound_until || !follower.answered {
        return Err(Unfit::Silent);
    }
    let reaches = |place: usize| progress.get(place).is_none_or(|other| other.position <= follower.position);
    if members.is_quorum(reaches) { Ok(()) } else { Err(Unfit::Behind) }
}

/// A delay that doubles with each mishap and halves with each stretch of good time.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Backoff {
    length: Nanos,
    since: Nanos,
}

/// Doublings at the most.
const LONGEST: u64 = 16;

impl Backoff {
    /// Whether there has been any mishap.
    pub(crate) fn is_active(&self) -> bool {
        self.length > 0
    }

    /// What is left of it at `now`, when `unit` is the shortest.
    pub(crate) fn delay(&self, now: Nanos, unit: Nanos) -> Nanos {
        if !self.is_active() {
            return 0;
        }
        let stretch = unit.saturating_mul(LONGEST);
        let halvings = now.saturating_sub(self.since).checked_div(stretch).unwrap_or(0);
        let left = u32::try_from(halvings).ok().and_then(|by| self.length.checked_shr(by)).unwrap_or(0);
        if left < unit { 0 } else { left }
    }

    /// Another mishap.
    pub(crate) fn double(&mut self, now: Nanos, unit: Nanos) {
        let next = self.delay(now, unit).saturating_mul(2).max(unit);
        self.length = next.min(unit.saturating_mul(LONGEST));
        self.since = now;
    }
}

/// When a leader next tries, of its own accord, to hand over. It outlives its leadership, so that
/// a takeover that did not last is not repeated at once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Takeover<I> {
    /// Since when somebody better has been in good standing.
    pub(crate) wanted_since: Option<Nanos>,
    pub(crate) not_before: Nanos,
    pub(crate) backoff: Backoff,
    /// Who failed last: somebody else is tried first.
    pub(crate) failed: Option<I>,
}

impl<I> Takeover<I> {
    pub(crate) fn new() -> Box<Self> {
        Box::new(Takeover { wanted_since: None, not_before: 0, backoff: Backoff::default(), failed: None })
    }
}

#[cfg(test)]
mod tests;
