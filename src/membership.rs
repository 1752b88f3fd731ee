//! Who votes, who listens, and how many votes make a quorum.

use alloc::boxed::Box;
use alloc::vec::Vec;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use crate::types::{NodeId, Term, Version};

/// The most members a group can have.
pub const MAX_MEMBERS: usize = 255;

/// The members of a group: voters and learners, each sorted, and the votes that make a quorum.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        try_from = "Parts<I>",
        into = "Parts<I>",
        bound(serialize = "I: NodeId + Serialize", deserialize = "I: NodeId + Deserialize<'de>")
    )
)]
pub struct Membership<I> {
    version: Version,
    /// The voters, then the learners.
    members: Box<[I]>,
    voters: u8,
    quorum: u8,
}

/// Why a list of nodes is no membership.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MembershipError {
    /// Nobody could ever be elected.
    #[error("a membership needs at least one voter")]
    NoVoters,
    /// One id stands for one node.
    #[error("a node is listed twice")]
    Duplicate,
    /// See [`MAX_MEMBERS`].
    #[error("a membership holds at most {MAX_MEMBERS} members")]
    TooManyMembers,
    /// Two quorums of one membership must share a voter.
    #[error("a quorum must be more than half of the voters and at most all of them")]
    BadQuorum,
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
        let quorum = (voters.len() / 2).saturating_add(1);
        let first = Version { term: Term(0), number: 1 };
        Self::new(first, voters, Vec::new(), quorum)
    }

    /// The starting point of a node that will be added to a running group, with version (0, 0):
    /// it knows nobody and stays passive until a leader writes to it.
    #[must_use]
    pub fn joining() -> Self {
        Membership { version: Version::default(), members: Box::new([]), voters: 0, quorum: 0 }
    }

    /// Any membership, from its parts. The order of the lists does not matter.
    ///
    /// # Errors
    /// [`MembershipError`] if the lists are too long or name a node twice, if there is no voter
    /// though the version is above (0, 0), or if `2 * quorum > voters >= quorum` does not hold.
    pub fn new(
        version: Version,
        mut voters: Vec<I>,
        mut learners: Vec<I>,
        quorum: usize,
    ) -> Result<Self, MembershipError> {
        if version == Version::default() && voters.is_empty() && learners.is_empty() {
            return Ok(Self::joining());
        }
        if voters.is_empty() {
            return Err(MembershipError::NoVoters);
        }
        let (count, all) = (voters.len(), voters.len().saturating_add(learners.len()));
        let (Ok(few), Ok(_), Ok(needed)) = (u8::try_from(count), u8::try_from(all), u8::try_from(quorum))
        else {
            return Err(MembershipError::TooManyMembers);
        };
        if needed > few || quorum.saturating_mul(2) <= count {
            return Err(MembershipError::BadQuorum);
        }
        voters.sort_unstable();
        learners.sort_unstable();
        let shared = learners.iter().any(|learner| voters.binary_search(learner).is_ok());
        let twice = |list: &[I]| list.iter().zip(list.iter().skip(1)).any(|(a, b)| a == b);
        if shared || twice(&voters) || twice(&learners) {
            return Err(MembershipError::Duplicate);
        }
        voters.append(&mut learners);
        Ok(Membership { version, members: voters.into(), voters: few, quorum: needed })
    }

    /// Its age.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Those whose votes and promises count, sorted.
    #[must_use]
    pub fn voters(&self) -> &[I] {
        self.members.get(..usize::from(self.voters)).unwrap_or_default()
    }

    /// Those who follow without a vote, sorted.
    #[must_use]
    pub fn learners(&self) -> &[I] {
        self.members.get(usize::from(self.voters)..).unwrap_or_default()
    }

    /// The voters, then the learners.
    #[must_use]
    pub fn members(&self) -> &[I] {
        &self.members
    }

    /// How many voters make a quorum.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.quorum.into()
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

    /// The place of `id` in [`members`](Self::members); a voter's comes before any learner's.
    pub(crate) fn index_of(&self, id: I) -> Option<usize> {
        let learner = || Some(self.learners().binary_search(&id).ok()?.saturating_add(self.voters.into()));
        self.voters().binary_search(&id).ok().or_else(learner)
    }

    /// Whether the voters (by place) that satisfy `counts` make a quorum. Spec: `Quorums`.
    pub(crate) fn is_quorum(&self, counts: impl Fn(usize) -> bool) -> bool {
        let satisfied = (0..usize::from(self.voters)).filter(|&voter| counts(voter)).count();
        satisfied >= self.quorum() && self.quorum > 0
    }

    /// The largest value that a quorum of the voters (by place) reaches; `floor` if that is more,
    /// or if there are no voters.
    pub(crate) fn quorum_value(&self, floor: u64, value: impl Fn(usize) -> u64) -> u64 {
        if !self.is_quorum(|voter| value(voter) > floor) {
            return floor;
        }
        let mut best = floor;
        for candidate in (0..usize::from(self.voters)).map(&value) {
            if candidate > best && self.is_quorum(|voter| value(voter) >= candidate) {
                best = candidate;
            }
        }
        best
    }

    /// The same members under another version.
    pub(crate) fn at_version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Whether the two list the same nodes with the same quorum, whatever their versions.
    pub(crate) fn same_members(&self, other: &Self) -> bool {
        self.at_heart() == other.at_heart()
    }

    fn at_heart(&self) -> (&[I], u8, u8) {
        (&self.members, self.voters, self.quorum)
    }
}

/// Spec: `IsNewerConfig`. Versions are compared by term first: a higher number of an older leader
/// is older.
pub(crate) fn is_newer_config(version: Version, than: Version) -> bool {
    version > than
}

/// What a membership looks like outside: checked again whenever it comes in.
#[cfg(feature = "serde")]
#[derive(Serialize, Deserialize)]
struct Parts<I> {
    version: Version,
    voters: Vec<I>,
    learners: Vec<I>,
    quorum: u8,
}

#[cfg(feature = "serde")]
impl<I: NodeId> From<Membership<I>> for Parts<I> {
    fn from(membership: Membership<I>) -> Self {
        Parts {
            version: membership.version,
            voters: membership.voters().to_vec(),
            learners: membership.learners().to_vec(),
            quorum: membership.quorum,
        }
    }
}

#[cfg(feature = "serde")]
impl<I: NodeId> TryFrom<Parts<I>> for Membership<I> {
    type Error = MembershipError;

    fn try_from(parts: Parts<I>) -> Result<Self, MembershipError> {
        Membership::new(parts.version, parts.voters, parts.learners, parts.quorum.into())
    }
}
