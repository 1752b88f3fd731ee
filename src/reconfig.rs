//! From one membership to another: what makes a step safe, and the way to a target by such steps.

use alloc::vec::Vec;

use crate::membership::{MAX_MEMBERS, Membership, MembershipError, majority};
use crate::types::{NodeId, Term, Version};

/// Who shall vote and who shall follow. A majority of the voters makes a quorum.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Target<I>(Membership<I>);

impl<I: NodeId> Target<I> {
    /// These voters and these learners, and nobody else. The order of the lists does not matter.
    ///
    /// ```
    /// use quorate::Target;
    ///
    /// let replaced = Target::new([1, 2, 4], [])?;
    /// assert_eq!(replaced.voters(), [1, 2, 4]);
    /// assert!(Target::<u32>::new([], [1]).is_err());
    /// # Ok::<(), quorate::MembershipError>(())
    /// ```
    ///
    /// # Errors
    /// [`MembershipError`] if there is no voter, or too many members, or one is listed twice.
    pub fn new(
        voters: impl IntoIterator<Item = I>,
        learners: impl IntoIterator<Item = I>,
    ) -> Result<Self, MembershipError> {
        let most = MAX_MEMBERS.saturating_add(1);
        let voters: Vec<I> = voters.into_iter().take(most).collect();
        let learners = learners.into_iter().take(most).collect();
        let quorum = majority(voters.len());
        Membership::new(Version { term: Term(0), number: 1 }, voters, learners, quorum).map(Target)
    }

    /// Those whose votes shall count, sorted.
    #[must_use]
    pub fn voters(&self) -> &[I] {
        self.0.voters()
    }

    /// Those who shall follow without a vote, sorted.
    #[must_use]
    pub fn learners(&self) -> &[I] {
        self.0.learners()
    }

    /// Whether `id` shall be a member.
    #[must_use]
    pub fn contains(&self, id: I) -> bool {
        self.0.contains(id)
    }

    /// The same without those; `None` if nobody would vote.
    pub(crate) fn without(&self, gone: &[I]) -> Option<Self> {
        let stays = |id: &I| !gone.contains(id);
        let list = |list: &[I]| list.iter().copied().filter(stays).collect::<Vec<I>>();
        Self::new(list(self.voters()), list(self.learners())).ok()
    }

    pub(crate) fn is_voter(&self, id: I) -> bool {
        self.0.is_voter(id)
    }

    /// Whether `members` are just these.
    pub(crate) fn is_reached(&self, members: &Membership<I>) -> bool {
        let lists = (members.voters(), members.learners()) == (self.voters(), self.learners());
        lists && members.quorum() == majority(self.voters().len())
    }
}

/// Spec: `QuorumsOverlap`, "∀ Qx ∈ Quorums(x), Qy ∈ Quorums(y) : Qx ∩ Qy ≠ {}". Of quorums that are
/// told by their size just this is true whatever the lists: together they exceed the union.
pub(crate) fn quorums_overlap<I: NodeId>(old: &Membership<I>, new: &Membership<I>) -> bool {
    let added = new.voters().iter().filter(|&&id| !old.is_voter(id)).count();
    let union = old.voters().len().saturating_add(added);
    old.quorum().saturating_add(new.quorum()) > union
}

/// What the leader may count on in a member, worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Standing {
    /// It does not answer. Without its vote nobody is worse off.
    Silent,
    /// It wants to leave.
    Leaving,
    /// It answers, and stays.
    Answering,
    /// It answers, and holds the membership in force: a learner that may vote. Rule 8.1.
    Ready,
}

/// The next safe step from `current` towards `target`, which contains the leader as a voter; `None`
/// if there is none now. Newcomers follow before they vote, and a group grows before it shrinks:
/// as many at once as quorums overlap, and as leave a membership that is `sound`. Rule 8.2.
pub(crate) fn next_step<I: NodeId>(
    current: &Membership<I>,
    target: &Target<I>,
    standing: impl Fn(I) -> Standing,
    sound: impl Fn(&Membership<I>) -> bool,
) -> Option<Membership<I>> {
    let newcomers = target.voters().iter().copied().filter(|&id| !current.is_voter(id));
    let (promoted, pending): (Vec<I>, Vec<I>) =
        newcomers.partition(|&id| current.contains(id) && standing(id) == Standing::Ready);
    let superfluous = current.voters().iter().copied().filter(|&id| !target.is_voter(id));
    let (mut removed, others): (Vec<I>, Vec<I>) =
        superfluous.partition(|&id| standing(id) < Standing::Answering);
    removed.sort_by_key(|&id| standing(id));
    // While somebody is still to come, no more go than leaves as many as there shall be.
    let surplus = current
        .voters()
        .len()
        .saturating_add(promoted.len())
        .saturating_sub(removed.len())
        .saturating_sub(target.voters().len());
    let spared = if pending.is_empty() { others.len() } else { surplus };
    removed.extend(others.into_iter().take(spared));

    let (some, more) = (promoted.len(), removed.len());
    [(some, more), (some, 0), (0, more), (some.min(1), 0), (0, more.min(1)), (0, 0)]
        .into_iter()
        .filter_map(|(some, more)| {
            let (some, more) = most_at_once(current, some, more);
            let promoted = promoted.get(..some).unwrap_or_default();
            let removed = removed.get(..more).unwrap_or_default();
            step(current, target, promoted, removed)
        })
        .find(|next| quorums_overlap(current, next) && sound(next))
}

/// How many of those who may be promoted and removed can be so in one step: as many as possible,
/// and then rather promoted than removed. Whether quorums overlap is a matter of numbers.
fn most_at_once<I: NodeId>(current: &Membership<I>, promoted: usize, removed: usize) -> (usize, usize) {
    let (voters, quorum) = (current.voters().len(), current.quorum());
    let fits = |&(some, more): &(usize, usize)| {
        let union = voters.saturating_add(some);
        quorum.saturating_add(majority(union.saturating_sub(more))) > union
    };
    let pairs = (0..=promoted).flat_map(|some| (0..=removed).map(move |more| (some, more)));
    let size = |&(some, more): &(usize, usize)| (some.saturating_add(more), some);
    pairs.filter(fits).max_by_key(size).unwrap_or((0, 0))
}

/// `current` with those promoted and removed, and the target's other members as learners; `None`
/// if that changes nothing, or cannot be.
fn step<I: NodeId>(
    current: &Membership<I>,
    target: &Target<I>,
    promoted: &[I],
    removed: &[I],
) -> Option<Membership<I>> {
    let stay = current.voters().iter().filter(|&id| !removed.contains(id));
    let voters: Vec<I> = stay.chain(promoted).copied().collect();
    let others = target.0.members().iter().copied().filter(|id| !voters.contains(id));
    let (mut learners, newcomers): (Vec<I>, Vec<I>) = others.partition(|&id| current.contains(id));
    let room = MAX_MEMBERS.saturating_sub(voters.len()).saturating_sub(learners.len());
    learners.extend(newcomers.into_iter().take(room));
    let next = current.successor(voters, learners)?;
    next.differs_from(current).then_some(next)
}

#[cfg(test)]
mod tests;
