//! The succession: which member is next to lead, and whether a member is fit to take over.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::backoff::Backoff;
use crate::damping::Damping;
use crate::membership::{MAX_MEMBERS, Membership};
use crate::notice::Notice;
use crate::progress::Progress;
use crate::rejection::Unfit;
use crate::types::{MemberIndex, Nanos, NodeId, Position, Priority, Timestamp};

/// What decides the order of two members in the succession, the most important first: whether the member is
/// bound, and stays in the group; its priority, its position, and how fresh its promise is.
fn ranking_key(member: &Progress, now: Timestamp) -> (bool, bool, Priority, Position, Timestamp) {
    (now < member.bound_until, !member.leaving, member.priority, member.position, member.bound_until)
}

/// Ranks every voter that may lead except `me`, by [`ranking_key`]. `first`, if any, comes before all. An
/// insertion sort, since the lists are short, and the sort of the standard library would make programs larger.
pub(crate) fn rank<I: NodeId>(
    progress: &mut [Progress],
    members: &Membership<I>,
    me: I,
    first: Option<I>,
    now: Timestamp,
) {
    let own = members.index_of(me);
    let chosen = first.and_then(|first| members.index_of(first));
    progress.iter_mut().for_each(|follower| follower.rank = None);
    let worth = |index: MemberIndex| {
        let key = progress.get(index.as_usize()).map(|follower| ranking_key(follower, now));
        (Some(index) == chosen, key)
    };
    let mut order = [MemberIndex::FIRST; MAX_MEMBERS];
    let mut ranked = 0;
    for ((index, _), follower) in members.indexed_voters().zip(&*progress) {
        if Some(index) == own || !follower.may_lead() {
            continue;
        }
        // The member goes before those that are worth less; of equals, the order of the list decides.
        let so_far = order.get(..ranked).unwrap_or_default();
        let before = so_far.partition_point(|&other| worth(other) >= worth(index));
        let rest = order.get_mut(before..=ranked).unwrap_or_default();
        rest.rotate_right(usize::from(!rest.is_empty()));
        rest.iter_mut().take(1).for_each(|slot| *slot = index);
        ranked = ranked.saturating_add(1);
    }
    let order = order.get(..ranked).unwrap_or_default();
    for (rank, &index) in order.iter().enumerate() {
        if let Some(follower) = progress.get_mut(index.as_usize()) {
            follower.rank = u8::try_from(rank).ok();
        }
    }
}

/// Whether `successor` could take over from `me`, or what it lacks.
pub(crate) fn fitness<I: NodeId>(
    progress: &[Progress],
    members: &Membership<I>,
    me: I,
    successor: I,
    now: Timestamp,
) -> Result<(), Unfit> {
    if successor == me {
        return Err(Unfit::AlreadyLeads);
    }
    if !members.is_voter(successor) {
        return Err(Unfit::NotAVoter);
    }
    let found = members.index_of(successor).and_then(|index| progress.get(index.as_usize()));
    let follower = found.ok_or(Unfit::NotAVoter)?;
    if !follower.answered {
        return Err(Unfit::Silent);
    }
    if !follower.may_lead() {
        return Err(Unfit::NeverLeads);
    }
    if follower.leaving {
        return Err(Unfit::Leaving);
    }
    if now >= follower.bound_until {
        return Err(Unfit::Silent);
    }
    let reaches = |index: MemberIndex| {
        progress.get(index.as_usize()).is_none_or(|other| other.position <= follower.position)
    };
    if members.is_quorum(reaches) { Ok(()) } else { Err(Unfit::Behind) }
}

/// The member with which a handover failed, if there was one, and what it lacks.
pub(crate) type FailedHandover<I> = (Option<I>, Option<Unfit>);

/// When a leader next hands over of its own accord, and to which member. This outlives the leadership, so that a
/// takeover that did not last is not repeated at once. It ends when all of it is over.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Takeover<I> {
    /// Since when a member of higher priority has been in good standing.
    pub(crate) wanted_since: Option<Timestamp>,
    /// Since when members of higher priority have been there, of which none is in good standing.
    pub(crate) unmet_since: Option<Timestamp>,
    /// That no voter is fit to take over from a leader that is to go, and what each lacks.
    pub(crate) no_successor: Option<Notice<Vec<(I, Unfit)>>>,
    /// The last handover of the leader's own accord that failed, and why.
    pub(crate) failure: Option<Notice<FailedHandover<I>>>,
    pub(crate) not_before: Timestamp,
    backoff: Backoff,
    /// The members with which attempts were made, the latest last: the others are tried first, until the back-off is
    /// over.
    tried: Vec<I>,
    pub(crate) damping: Damping<I>,
}

impl<I: NodeId> Takeover<I> {
    pub(crate) fn new() -> Box<Self> {
        Box::new(Takeover {
            wanted_since: None,
            unmet_since: None,
            no_successor: None,
            failure: None,
            not_before: Timestamp::ORIGIN,
            backoff: Backoff::default(),
            tried: Vec::new(),
            damping: Damping::new(),
        })
    }

    /// An attempt with `successor` was made at `now`, so the leader's own next one waits. `unit` is the shortest
    /// delay.
    pub(crate) fn delay(&mut self, successor: Option<I>, now: Timestamp, unit: Nanos) {
        self.record_attempt(successor, now, unit);
        self.not_before = now.after(self.backoff.delay(now, unit));
    }

    /// An attempt with `successor` was made at `now`, so others are tried before that one is tried again.
    pub(crate) fn record_attempt(&mut self, successor: Option<I>, now: Timestamp, unit: Nanos) {
        if self.backoff.delay(now, unit) == Nanos::ZERO {
            self.tried.clear();
        }
        self.backoff.double(now, unit);
        self.tried.retain(|&tried| Some(tried) != successor);
        let surplus = self.tried.len().saturating_add(1).saturating_sub(MAX_MEMBERS);
        self.tried.drain(..surplus);
        self.tried.extend(successor);
    }

    /// Where `id` stands among the members with which attempts were made not long ago, the latest last; `None`, which
    /// comes before all of them, if there was no such attempt.
    pub(crate) fn attempt_order(&self, id: I, now: Timestamp, unit: Nanos) -> Option<usize> {
        let is_recent = self.backoff.delay(now, unit) > Nanos::ZERO;
        self.tried.iter().position(|&tried| tried == id).filter(|_| is_recent)
    }

    /// Forgets what nobody needs any more, each part by itself.
    pub(crate) fn forget_what_is_over(&mut self, now: Timestamp, takeover_delay: Nanos) {
        self.no_successor = self.no_successor.take().filter(|notice| !notice.is_over(now));
        self.failure = self.failure.take().filter(|notice| !notice.is_over(now));
        self.damping.forget_what_is_over(now, takeover_delay);
    }

    /// Whether nothing is left to remember at `now`.
    pub(crate) fn is_over(&self, now: Timestamp, unit: Nanos) -> bool {
        let is_told = self.no_successor.is_some() || self.failure.is_some();
        let is_wanted = self.wanted_since.is_some() || self.unmet_since.is_some();
        let is_delayed = self.backoff.delay(now, unit) > Nanos::ZERO || now < self.not_before;
        !is_told && !is_wanted && !is_delayed && self.damping.is_over()
    }
}

#[cfg(test)]
mod tests;
