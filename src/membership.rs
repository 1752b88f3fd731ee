//! The membership: which nodes vote, which only follow, and how many votes make a quorum.

mod origin;
#[cfg(feature = "serde")]
mod serial_form;

use alloc::boxed::Box;
use alloc::vec::Vec;

#[cfg(feature = "serde")]
use serde::Deserialize;

pub use self::origin::Limits;
use self::origin::Origin;
#[cfg(feature = "serde")]
use self::serial_form::{Learner, Parts};
use crate::types::{MemberIndex, MembershipVersion, NodeId, Term};

/// The most members a group can have.
pub const MAX_MEMBERS: usize = 255;

/// The members of a group: voters and learners, each list sorted, and the number of votes that make a quorum.
///
/// ```
/// use quorate::Membership;
///
/// let members = Membership::bootstrap([3_u64, 1, 2])?;
/// assert_eq!((members.voters(), members.quorum()), (&[1, 2, 3][..], 2));
/// # Ok::<(), quorate::MembershipError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Parts<Vec<I>, Vec<Learner<I>>, Origin<Vec<I>>>"))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "I: NodeId + Deserialize<'de>")))]
pub struct Membership<I> {
    version: MembershipVersion,
    /// The voters, then the learners, then the nodes that founded the group (9.9): one list, so that a copy takes one
    /// allocation and a membership few bytes.
    nodes: Box<[I]>,
    voters: u8,
    /// How many of the nodes are voters or learners.
    members: u8,
    quorum: u8,
    origin: Origin<()>,
    /// The version with which each learner was added, in the order of the learners. Rule 2.8.
    added: Box<[MembershipVersion]>,
}

/// Why a list of nodes is no membership.
///
/// Non-exhaustive: a later version may check more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MembershipError {
    /// Without a voter no node could ever be elected.
    #[error("a membership needs at least one voter")]
    NoVoters,
    /// One id names one node, and counts once.
    #[error("a node is listed twice")]
    Duplicate,
    /// There are more than [`MAX_MEMBERS`] members, or more than `max_members` while a group forms.
    #[error("there are too many members: {MAX_MEMBERS} at most, and max_members while a group forms")]
    TooManyMembers,
    /// Two quorums of one membership might share no voter, or one would need more voters than there are.
    #[error("a quorum must be more than half of the voters and at most all of them")]
    BadQuorum,
    /// Two halves of a group could each form one.
    #[error("min_members must be more than half of max_members and at most all of them")]
    BadLimits,
}

impl<I> Membership<I> {
    /// The voters and the learners.
    pub(crate) fn lists(&self) -> (&[I], &[I]) {
        self.member_list().split_at_checked(self.voters.into()).unwrap_or_default()
    }

    /// The voters, then the learners.
    #[inline]
    fn member_list(&self) -> &[I] {
        self.nodes.get(..self.members.into()).unwrap_or_default()
    }

    /// The nodes behind the members.
    fn founder_list(&self) -> &[I] {
        self.nodes.get(self.members.into()..).unwrap_or_default()
    }

    /// How the group came into being, with the nodes that founded it.
    fn origin(&self) -> Origin<&[I]> {
        self.origin.map(|()| self.founder_list())
    }
}

impl<I: NodeId> Membership<I> {
    /// The first membership of a new group, with version (0, 1): these voters, a majority of which
    /// makes a quorum. Give **every** initial node the same list; nodes started with different
    /// lists refuse each other and say so.
    ///
    /// # Errors
    /// [`MembershipError`] if `voters` is empty, too long, or names a node twice.
    pub fn bootstrap(voters: impl IntoIterator<Item = I>) -> Result<Self, MembershipError> {
        let voters: Vec<I> = voters.into_iter().take(MAX_MEMBERS.saturating_add(1)).collect();
        let quorum = majority(voters.len());
        let first = MembershipVersion { term: Term(0), number: 1 };
        Self::new(first, voters, Vec::new(), quorum)
    }

    /// The starting point of a node that will be added to a running group, with version (0, 0). Such a
    /// node knows no other, and stays passive until a leader writes to it.
    #[must_use]
    pub fn joining() -> Self {
        Membership {
            version: MembershipVersion::default(),
            nodes: Box::new([]),
            voters: 0,
            members: 0,
            quorum: 0,
            origin: Origin::Listed,
            added: Box::new([]),
        }
    }

    /// The starting point of a node of a new group whose nodes find each other, with version (0, 0).
    /// Its voters are the nodes known so far, at first none; any `max_members / 2 + 1` of all
    /// that ever start so make a quorum. [`HardState::forming`](crate::HardState::forming) says what that
    /// asks of the operator.
    ///
    /// # Errors
    /// [`MembershipError::BadLimits`] unless `max_members / 2 < min_members <= max_members`.
    pub fn forming(limits: Limits) -> Result<Self, MembershipError> {
        Self::formed(MembershipVersion::default(), Vec::new(), Vec::new(), limits.quorum().into(), limits)
    }

    /// A membership without [limits](Self::limits), from its parts. The order of the lists does not matter. No
    /// learner counts as added after it was a member before (rule 2.8).
    ///
    /// # Errors
    /// [`MembershipError`] if the lists are too long or name a node twice, if there is no voter
    /// though the version is above (0, 0), or if `2 * quorum > voters >= quorum` does not hold.
    pub fn new(
        version: MembershipVersion,
        voters: Vec<I>,
        learners: Vec<I>,
        quorum: usize,
    ) -> Result<Self, MembershipError> {
        if version == MembershipVersion::default() && voters.is_empty() && learners.is_empty() {
            return Ok(Self::joining());
        }
        Self::assemble(version, voters, learners, quorum, Origin::Listed)
    }

    /// The membership of a group that formed itself or, with version (0, 0), is forming.
    ///
    /// # Errors
    /// As [`new`](Self::new) and [`forming`](Self::forming).
    pub(crate) fn formed(
        version: MembershipVersion,
        voters: Vec<I>,
        learners: Vec<I>,
        quorum: usize,
        limits: Limits,
    ) -> Result<Self, MembershipError> {
        Self::assemble(version, voters, learners, quorum, Origin::Formed(limits))
    }

    fn assemble(
        version: MembershipVersion,
        voters: Vec<I>,
        learners: Vec<I>,
        quorum: usize,
        origin: Origin<&[I]>,
    ) -> Result<Self, MembershipError> {
        let limits = origin.limits();
        if limits.is_some_and(|limits| !limits.are_sound()) {
            return Err(MembershipError::BadLimits);
        }
        let forming = limits.filter(|_| version == MembershipVersion::default());
        let (count, all) = (voters.len(), voters.len().saturating_add(learners.len()));
        let (Ok(few), Ok(listed), Ok(needed)) =
            (u8::try_from(count), u8::try_from(all), u8::try_from(quorum))
        else {
            return Err(MembershipError::TooManyMembers);
        };
        match forming {
            // A forming node counts with nodes that it does not know yet, and with no learners.
            Some(limits) if needed != limits.quorum() => return Err(MembershipError::BadQuorum),
            Some(limits) if all > limits.max_members.into() || all > count => {
                return Err(MembershipError::TooManyMembers);
            }
            Some(_) => {}
            None if count == 0 => return Err(MembershipError::NoVoters),
            None if needed > few || quorum.saturating_mul(2) <= count => {
                return Err(MembershipError::BadQuorum);
            }
            None => {}
        }
        let (mut nodes, mut learners) = (sorted(voters)?, sorted(learners)?);
        if learners.iter().any(|learner| nodes.binary_search(learner).is_ok()) {
            return Err(MembershipError::Duplicate);
        }
        let added = core::iter::repeat_n(MembershipVersion::default(), learners.len()).collect();
        nodes.append(&mut learners);
        let origin = origin.map(|founders| nodes.extend_from_slice(founders));
        Ok(Membership {
            version,
            nodes: nodes.into(),
            voters: few,
            members: listed,
            quorum: needed,
            origin,
            added,
        })
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> MembershipVersion {
        self.version
    }

    /// The members whose votes and promises count, sorted.
    #[must_use]
    pub fn voters(&self) -> &[I] {
        self.lists().0
    }

    /// The members that follow without a vote, sorted.
    #[must_use]
    pub fn learners(&self) -> &[I] {
        self.lists().1
    }

    /// The voters, then the learners.
    #[must_use]
    pub fn members(&self) -> &[I] {
        self.member_list()
    }

    /// How many voters make a quorum.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.quorum.into()
    }

    /// The limits that the group keeps to, if it formed itself.
    #[must_use]
    pub fn limits(&self) -> Option<Limits> {
        self.origin.limits()
    }

    /// The nodes that founded the group when all of them were blank, sorted; none if it began otherwise. Enough of them
    /// stay voters for one to be in every quorum. Rules 9.6 and 9.9.
    #[must_use]
    pub fn founders(&self) -> &[I] {
        self.founder_list()
    }

    /// Whether this is the starting point of a group that forms itself.
    #[must_use]
    pub fn is_forming(&self) -> bool {
        self.limits().is_some() && self.version == MembershipVersion::default()
    }

    /// Whether `id` votes.
    #[must_use]
    pub fn is_voter(&self, id: I) -> bool {
        self.voters().binary_search(&id).is_ok()
    }

    /// Whether `id` is a member.
    #[must_use]
    pub fn contains(&self, id: I) -> bool {
        self.index_of(id).is_some()
    }

    /// The index of `id` in [`members`](Self::members), if it is a member.
    pub(crate) fn index_of(&self, id: I) -> Option<MemberIndex> {
        let learner = || Some(self.learners().binary_search(&id).ok()?.saturating_add(self.voters.into()));
        MemberIndex::new(self.voters().binary_search(&id).ok().or_else(learner)?)
    }

    /// The member at `index`; `None` if the membership is shorter.
    pub(crate) fn member(&self, index: MemberIndex) -> Option<I> {
        self.member_list().get(index.as_usize()).copied()
    }

    /// Whether the member at `index` votes.
    pub(crate) fn is_voter_at(&self, index: MemberIndex) -> bool {
        index.as_usize() < self.voters.into()
    }

    /// Rule 2.8: the version with which the member at `index` was added, if it is a learner; (0, 0) for a voter, and
    /// for a learner that was a voter before.
    pub(crate) fn added_at(&self, index: MemberIndex) -> MembershipVersion {
        let learner = index.as_usize().checked_sub(self.voters.into());
        learner.and_then(|learner| self.added.get(learner)).copied().unwrap_or_default()
    }

    /// Every voter with its index, in order.
    pub(crate) fn indexed_voters(&self) -> impl Iterator<Item = (MemberIndex, I)> {
        MemberIndex::below(self.voters).zip(self.voters().iter().copied())
    }

    /// Every member with its index, in order.
    pub(crate) fn indexed_members(&self) -> impl Iterator<Item = (MemberIndex, I)> {
        MemberIndex::all().zip(self.member_list().iter().copied())
    }

    /// Whether the voters that satisfy `counts` make a quorum. Spec: `Quorums`.
    pub(crate) fn is_quorum(&self, counts: impl Fn(MemberIndex) -> bool) -> bool {
        let satisfied = MemberIndex::below(self.voters).filter(|&voter| counts(voter)).count();
        satisfied >= self.quorum() && self.quorum > 0
    }

    /// The largest value that a quorum of the voters reaches; `at_least` if that is larger, or if there are no
    /// voters.
    pub(crate) fn quorum_value<T: Copy + Ord>(&self, at_least: T, value: impl Fn(MemberIndex) -> T) -> T {
        if !self.is_quorum(|voter| value(voter) > at_least) {
            return at_least;
        }
        // Values are tried from the highest down: most voters share one, that of the last round of heartbeats.
        let values = || MemberIndex::below(self.voters).map(&value);
        let mut candidate = values().max();
        while let Some(least) = candidate.filter(|&least| !self.is_quorum(|voter| value(voter) >= least)) {
            candidate = values().filter(|&value| value < least).max();
        }
        candidate.unwrap_or(at_least)
    }

    /// The same members under another version.
    pub(crate) fn at_version(mut self, version: MembershipVersion) -> Self {
        self.version = version;
        self
    }

    pub(crate) fn set_version(&mut self, version: MembershipVersion) {
        self.version = version;
    }

    /// The next membership after this one, with these members and a majority for a quorum.
    pub(crate) fn next_membership(&self, voters: Vec<I>, learners: Vec<I>) -> Option<Self> {
        let MembershipVersion { term, number } = self.version;
        let version = MembershipVersion { term, number: number.checked_add(1)? };
        let quorum = majority(voters.len());
        let next = Self::assemble(version, voters, learners, quorum, self.origin()).ok()?;
        let added = |&id: &I| self.index_of(id).map_or(version, |index| self.added_at(index));
        Some(Membership { added: next.learners().iter().map(added).collect(), ..next })
    }

    /// The starting point of a forming group, with these nodes known.
    pub(crate) fn with_known(&self, voters: Vec<I>) -> Option<Self> {
        Self::assemble(self.version, voters, Vec::new(), self.quorum(), self.origin()).ok()
    }

    /// The first membership of a group that formed itself: its founders, with the quorum that elected the first
    /// leader. Rule 8.4.
    pub(crate) fn first_membership(&self, term: Term, founders: Vec<I>) -> Option<Self> {
        Self::assemble(
            MembershipVersion { term, number: 1 },
            founders,
            Vec::new(),
            self.quorum(),
            self.origin(),
        )
        .ok()
    }

    /// Rule 7.4: whether two memberships cannot both be right, because they have one version and other members, or
    /// are different starting points.
    ///
    /// A was started with the list {A, B, C} and D with {A, B, D}, both of version (0, 1): {A, C} and {B, D} could
    /// each elect a leader. Forming nodes may know different nodes meanwhile, but if A counts with 3 members at
    /// most and C with 5, their quorums are 2 and 3 and need not overlap. A joining node holds no list that could
    /// contradict another.
    pub(crate) fn contradicts(&self, other: &Self) -> bool {
        let is_starting_point = |members: &Self| members.version.term == Term(0);
        let is_joining = |members: &Self| members.quorum == 0;
        let forms = self.is_forming() || other.is_forming();
        if forms && is_starting_point(self) && is_starting_point(other) {
            let max = |members: &Self| {
                members.limits().filter(|_| members.is_forming()).map(|limits| limits.max_members)
            };
            return !is_joining(self) && !is_joining(other) && max(self) != max(other);
        }
        self.version == other.version && self.differs_from(other)
    }

    /// The same members, in a group with these limits, or without.
    pub(crate) fn with_limits(self, limits: Option<Limits>) -> Self {
        self.with_origin(limits.map_or(Origin::Listed, Origin::Formed))
    }

    /// The first membership of a group that these voters found. Rule 9.6.
    pub(crate) fn founded(self) -> Self {
        let founders = self.voters().to_vec();
        self.with_origin(Origin::Founded(&founders))
    }

    fn with_origin(self, origin: Origin<&[I]>) -> Self {
        let mut nodes = self.member_list().to_vec();
        let origin = origin.map(|founders| nodes.extend_from_slice(founders));
        Membership { nodes: nodes.into(), origin, ..self }
    }

    /// Rule 9.9: whether each quorum has one of the founders, if the group was founded by blank nodes.
    pub(crate) fn is_anchored(&self) -> bool {
        let founders = self.founders();
        let others = self.voters().iter().filter(|voter| founders.binary_search(voter).is_err()).count();
        founders.is_empty() || others < self.quorum()
    }

    /// Whether the two list other members, or need another quorum.
    pub(crate) fn differs_from(&self, other: &Self) -> bool {
        self.identity() != other.identity()
    }

    /// What makes two memberships the same, whatever their versions.
    fn identity(&self) -> (&[I], u8, u8) {
        (self.member_list(), self.voters, self.quorum)
    }
}

/// Sorts a list, which is short and usually sorted already, and refuses duplicates.
fn sorted<I: NodeId>(list: Vec<I>) -> Result<Vec<I>, MembershipError> {
    let mut sorted = Vec::with_capacity(list.len());
    for id in list {
        match sorted.last().is_none_or(|last| *last < id) {
            true => sorted.push(id),
            false => match sorted.binary_search(&id) {
                Ok(_) => return Err(MembershipError::Duplicate),
                Err(position) => sorted.insert(position, id),
            },
        }
    }
    Ok(sorted)
}

/// How many votes are more than half of `voters`.
pub(crate) fn majority(voters: usize) -> usize {
    (voters / 2).saturating_add(1)
}

/// Spec: `IsNewerConfig`. Versions are compared by term first: a higher number of an earlier leader is older.
pub(crate) fn is_newer_config(version: MembershipVersion, than: MembershipVersion) -> bool {
    version > than
}

#[cfg(test)]
mod tests;
