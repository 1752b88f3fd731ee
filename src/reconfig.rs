//! Planning of a reconfiguration: the target, what makes a step to another membership safe, and the next step.

use alloc::vec::Vec;
use core::fmt;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize, Serializer};

use crate::membership::{MAX_MEMBERS, Membership, MembershipError, majority};
use crate::types::{MembershipVersion, NodeId, Term};

/// Whether this node changes the members while it leads. Without the feature the branches that this constant closes are
/// not compiled in, and a leader keeps the membership that it was elected with: one of the two choices that the rules of
/// section 8 always leave to a leader.
pub(crate) const CAN_RECONFIGURE: bool = cfg!(feature = "reconfiguration");

/// The members that a group shall have: the nodes that shall vote, and those that shall follow without a vote.
/// A majority of the voters makes a quorum.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Lists<Vec<I>>"))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "I: NodeId + Deserialize<'de>")))]
pub struct Target<I>(Membership<I>);

impl<I: NodeId> Target<I> {
    /// These voters and these learners, and no other members. The order of the lists does not matter.
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
    /// [`MembershipError`] if there is no voter, if there are more than
    /// [`MAX_MEMBERS`](crate::MAX_MEMBERS) members, or if one is listed twice.
    pub fn new(
        voters: impl IntoIterator<Item = I>,
        learners: impl IntoIterator<Item = I>,
    ) -> Result<Self, MembershipError> {
        let most = MAX_MEMBERS.saturating_add(1);
        let voters: Vec<I> = voters.into_iter().take(most).collect();
        let learners = learners.into_iter().take(most).collect();
        let quorum = majority(voters.len());
        Membership::new(MembershipVersion { term: Term(0), number: 1 }, voters, learners, quorum).map(Target)
    }

    /// The nodes that shall vote, sorted.
    #[must_use]
    pub fn voters(&self) -> &[I] {
        self.0.voters()
    }

    /// The nodes that shall follow without a vote, sorted.
    #[must_use]
    pub fn learners(&self) -> &[I] {
        self.0.learners()
    }

    /// Whether `id` shall be a member.
    #[must_use]
    pub fn contains(&self, id: I) -> bool {
        self.0.contains(id)
    }

    pub(crate) fn size(&self) -> usize {
        self.0.members().len()
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

impl<I: NodeId> fmt::Display for Target<I> {
    /// `voters [1, 2, 3], learners [4]`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "voters {:?}", self.voters())?;
        match self.learners() {
            [] => Ok(()),
            learners => write!(f, ", learners {learners:?}"),
        }
    }
}

/// What a member lacks that a reconfiguration waits for.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub enum Awaited {
    /// The leader holds no promise of it: it has not answered of late.
    #[error("it has not answered of late: see whether it runs and can be reached")]
    Reply,
    /// It answers, and has not acknowledged the membership in force, which it has to store before.
    #[error("it answers, but does not acknowledge the membership in force: see whether it can write")]
    Acknowledgement,
    /// Its data do not reach far enough.
    #[error("its data do not reach far enough: let it catch up")]
    Data,
}

/// Spec: `QuorumsOverlap`, "∀ Qx ∈ Quorums(x), Qy ∈ Quorums(y) : Qx ∩ Qy ≠ {}". Of quorums that are
/// told by their size just this is true whatever the lists: together they exceed the union.
pub(crate) fn quorums_overlap<I: NodeId>(old: &Membership<I>, new: &Membership<I>) -> bool {
    let added = new.voters().iter().filter(|&&id| !old.is_voter(id)).count();
    let union = old.voters().len().saturating_add(added);
    old.quorum().saturating_add(new.quorum()) > union
}

/// Whether the two have the same quorums, and so differ in learners at most.
pub(crate) fn has_same_quorums<I: NodeId>(old: &Membership<I>, new: &Membership<I>) -> bool {
    (old.voters(), old.quorum()) == (new.voters(), new.quorum())
}

/// How healthy a member is for the leader that plans a step, worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum MemberHealth {
    /// The member does not answer, so its vote helps no quorum.
    Silent,
    /// The member answers, and wants to leave.
    Leaving,
    /// The member answers, and stays.
    Answering,
    /// The member answers, and has acknowledged the membership in force: a learner may be promoted. Rule 8.1.
    Ready,
}

/// The next safe step from `current` towards `target`, which contains the leader as a voter; `None` if there is
/// none now. Rule 8.2: newcomers follow before they vote, and a group grows before it shrinks. As many members as
/// the overlap of quorums allows change at once, if the next membership is `sound`; otherwise one member that can
/// be promoted or removed alone.
///
/// From {A, B, C}, B dead, to {A, D, E}: {A, C} with the learners D and E, since B helps no quorum, and C stays
/// until D and E are ready; then {A, C, D, E}, since a group grows before it shrinks; then {A, D, E}. With B alive:
/// learners D and E, {A, B, C, D}, {A, C, D, E}, {A, D, E}.
pub(crate) fn next_step<I: NodeId>(
    current: &Membership<I>,
    target: &Target<I>,
    health: impl Fn(I) -> MemberHealth,
    sound: impl Fn(&Membership<I>) -> bool,
) -> Option<Membership<I>> {
    let newcomers = target.voters().iter().copied().filter(|&id| !current.is_voter(id));
    let (promoted, pending): (Vec<I>, Vec<I>) =
        newcomers.partition(|&id| current.contains(id) && health(id) == MemberHealth::Ready);
    let superfluous = current.voters().iter().copied().filter(|&id| !target.is_voter(id));
    let (mut removed, others): (Vec<I>, Vec<I>) =
        superfluous.partition(|&id| health(id) < MemberHealth::Answering);
    // While newcomers are pending, as many voters stay as the target has; unless there is no room for newcomers.
    let grown = current.voters().len().saturating_add(promoted.len());
    let surplus = grown.saturating_sub(removed.len()).saturating_sub(target.voters().len());
    let may_shrink = pending.is_empty() || current.members().len() >= MAX_MEMBERS;
    removed.extend(others.iter().copied().take(if may_shrink { others.len() } else { surplus }));

    let many = [(&promoted[..], &removed[..]), (&promoted[..], &[]), (&[], &removed[..])];
    let many = many.into_iter().map(|(promoted, removed)| most_at_once(current, promoted, removed));
    let one = promoted.chunks(1).map(|one| (one, &[][..])).chain(removed.chunks(1).map(|one| (&[][..], one)));
    many.chain(one)
        .chain([(&[][..], &[][..])])
        .filter_map(|(promoted, removed)| step(current, target, promoted, removed))
        .find(|next| quorums_overlap(current, next) && next.is_anchored() && sound(next))
}

/// The most members that may be promoted and removed in one step; of equally many, rather promoted than removed.
/// Quorums overlap if a majority of the next voters and the quorum in force exceed the union of both.
///
/// {A, B, C} has a quorum of 2, so only 2 * 2 - 3 = 1 voter may change: {A, C} and {B, D} are quorums of it and of
/// {A, B, D}, and share no node. {A, B, C, D} has a quorum of 3, so 2 may change, as to {A, B, C, E}: two quorums
/// of 3 among 5 nodes share one.
fn most_at_once<'a, I: NodeId>(
    current: &Membership<I>,
    promoted: &'a [I],
    removed: &'a [I],
) -> (&'a [I], &'a [I]) {
    let (voters, twice) = (current.voters().len(), current.quorum().saturating_mul(2));
    let fits = |some: usize| {
        let room = twice.checked_sub(voters.saturating_add(some))?;
        Some((some, room.min(removed.len())))
    };
    let size = |&(some, more): &(usize, usize)| (some.saturating_add(more), some);
    let (some, more) = (0..=promoted.len()).filter_map(fits).max_by_key(size).unwrap_or((0, 0));
    (promoted.get(..some).unwrap_or_default(), removed.get(..more).unwrap_or_default())
}

/// `current` with the voters `promoted` and `removed`, and the target's other members as learners; `None` if that
/// changes nothing, or is no membership.
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
    let next = current.next_membership(voters, learners)?;
    next.differs_from(current).then_some(next)
}

/// A target as serde sees it.
#[cfg(feature = "serde")]
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists<List> {
    voters: List,
    learners: List,
}

#[cfg(feature = "serde")]
impl<I: Serialize> Serialize for Target<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (voters, learners) = self.0.lists();
        Lists { voters, learners }.serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl<I: NodeId> TryFrom<Lists<Vec<I>>> for Target<I> {
    type Error = MembershipError;

    fn try_from(lists: Lists<Vec<I>>) -> Result<Self, MembershipError> {
        Target::new(lists.voters, lists.learners)
    }
}

#[cfg(test)]
mod tests;
