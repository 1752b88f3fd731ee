//! The small values everything else is made of.

mod time;

use core::fmt;
use core::hash::Hash;
use core::time::Duration;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

pub(crate) use self::time::{CLOCK_END, NEVER};
pub use self::time::{Nanos, Timestamp};

/// What tells a node from others: an integer, a `Uuid`, a `SocketAddr`, or a short text, as which there is
/// [`Name`](crate::Name).
///
/// Every type that fits implements this. Ids are compared and copied often, so keep them small. Messages to
/// operators show an id by its `Debug`, which every id has.
pub trait NodeId: Copy + Ord + Hash + fmt::Debug {}

impl<T: Copy + Ord + Hash + fmt::Debug> NodeId for T {}

/// The index of a member in [`Membership::members`](crate::Membership::members): a voter's index is below any
/// learner's. An index is valid for the membership it was taken from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct MemberIndex(u8);

impl MemberIndex {
    pub(crate) const FIRST: MemberIndex = MemberIndex(0);

    /// The indices of the first `count` members, in order.
    #[inline]
    pub(crate) fn below(count: u8) -> impl Iterator<Item = MemberIndex> {
        (0..count).map(MemberIndex)
    }

    /// Every index that a member can have, in order.
    #[inline]
    pub(crate) fn all() -> impl Iterator<Item = MemberIndex> {
        // The last of 255 members has the index 254.
        Self::below(u8::MAX)
    }

    /// The index of the member at that position of a list; `None` if no membership is that long.
    #[inline]
    pub(crate) fn new(position: usize) -> Option<MemberIndex> {
        u8::try_from(position).ok().map(MemberIndex)
    }

    /// The position in a list that has an entry for each member.
    #[inline]
    pub(crate) const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

impl From<MemberIndex> for u64 {
    #[inline]
    fn from(index: MemberIndex) -> Self {
        index.0.into()
    }
}

/// The number of a group. It keeps groups apart that share a network: a node ignores messages of another
/// cluster, and [reports](crate::Event::ForeignCluster) them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct ClusterId(pub u64);

impl ClusterId {
    /// The group of this name. Two names give the same number no more often than two random numbers are the same:
    /// the number is a hash (FNV-1a), which will not change.
    ///
    /// ```
    /// use quorate::ClusterId;
    ///
    /// assert_eq!(ClusterId::from_name("backup"), ClusterId::from_name("backup"));
    /// assert_ne!(ClusterId::from_name("backup"), ClusterId::from_name("reports"));
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        ClusterId(name.bytes().fold(0xcbf2_9ce4_8422_2325, hash))
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which of the groups it is that ever had one [`ClusterId`]: a group that was started with another list, or anew
/// after all of its nodes had forgotten it, has another life. A node ignores messages of another life, and
/// [reports](crate::Event::OtherLife) them. Rule 1.7.
///
/// It is a fingerprint, so two groups have the same life no more often than two random numbers are the same. Nodes whose
/// ids are network addresses, or arrays of integers of several bytes, derive the same one on processors of one byte order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Life(pub u64);

impl Life {
    /// The life of a node that belongs to no group yet: a joining one, or one that has forgotten.
    pub const NONE: Life = Life(0);
}

impl fmt::Display for Life {
    /// `1f0c35f0a1b2c3d4`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The number of a period with at most one leader (Raft §5.1). Each later leader has a higher one, which
/// makes it a fencing token: what receives a leader's work refuses a lower term than it has seen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Term(pub u64);

impl Term {
    /// The term after this one; `None` after the last that there is.
    #[must_use]
    pub const fn next(self) -> Option<Term> {
        match self.0.checked_add(1) {
            Some(term) => Some(Term(term)),
            None => None,
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The leader of a group in one term.
///
/// Exhaustive: the two are all that there is to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Leader<I> {
    /// The node.
    pub id: I,
    /// The term that it leads.
    pub term: Term,
}

impl<I: fmt::Debug> fmt::Display for Leader<I> {
    /// `node 3 in term 7`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {:?} in term {}", self.id, self.term)
    }
}

/// The node that holds a voter's promise, and the term of the vote or heartbeat that the promise was given
/// in answer to.
///
/// This is no [`Leader`], because the holder need not lead that term: a candidate that has the vote and
/// never wins holds the promise all the same.
///
/// Exhaustive, like a `Leader`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct PromiseHolder<I> {
    /// The node.
    pub id: I,
    /// The term.
    pub term: Term,
}

impl<I: fmt::Debug> fmt::Display for PromiseHolder<I> {
    /// `node 3 in term 7`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {:?} in term {}", self.id, self.term)
    }
}

/// The version of a membership: the term of the leader that wrote it, then its number
/// (Spec: `configTerm`, `configVersion`). Versions are compared lexicographically; the lower is the older.
///
/// Exhaustive: the order is that of just these two.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct MembershipVersion {
    /// The term of the leader that wrote it; 0 for a starting point.
    pub term: Term,
    /// Its number, which grows by one with each change of the members.
    pub number: u64,
}

impl fmt::Display for MembershipVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.term, self.number)
    }
}

/// How far the data of a node reach, in whatever its host replicates. Positions are compared
/// lexicographically. A node is elected only by voters whose position is not ahead of its own (Raft §5.4.1).
///
/// Exhaustive: the order is that of just these two, and hosts make positions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Position {
    /// The host's own term, or epoch, in which the last of the data was written. It need not be the
    /// election's, so it is no [`Term`].
    pub term: u64,
    /// The length of the data, in any unit that grows.
    pub index: u64,
}

impl fmt::Display for Position {
    /// `3.14`: the term, then the index.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.term, self.index)
    }
}

/// How much a node wants to lead. Of several nodes, the one of the highest priority ends up as leader; a
/// node of priority 0 votes and never leads (a witness). Priority delays elections and hands leadership over,
/// and never prevents an election. Rules 4.1 and 6.5.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Priority(pub u8);

impl Priority {
    /// The priority of a node that votes and never leads.
    pub const NEVER_LEADS: Priority = Priority(0);
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Default for Priority {
    /// 1, for nodes that are all alike.
    fn default() -> Self {
        Priority(1)
    }
}

/// The number of a request. It grows with each round of requests that a process sends, so that the receiver
/// recognises a replayed or late request. Rule 2.7.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Round(pub u64);

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Round {
    pub(crate) const fn next(self) -> Round {
        Round(self.0.saturating_add(1))
    }
}

/// Which of its starts a node is in that has forgotten what it took part in. Rule 9.2.
///
/// It is the time of the start, in milliseconds since 1970, above twenty bits that are left to chance. So a later
/// start has a higher number, and starts within one millisecond have different ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Incarnation(pub u64);

impl Incarnation {
    const LOW_BITS: u64 = (1 << 20) - 1;

    /// The incarnation that begins at that time; `None` more than 557 years after 1970.
    pub(crate) fn starting_at(since_1970: Duration) -> Option<Incarnation> {
        let millis = u64::try_from(since_1970.as_millis()).ok()?;
        millis.checked_mul(Self::LOW_BITS.saturating_add(1)).map(Incarnation)
    }

    /// An incarnation without a wall clock: earlier than all that have one, and unlike any other.
    pub(crate) fn by_chance(chance: u64) -> Incarnation {
        Incarnation((chance >> 4) & !Self::LOW_BITS)
    }

    /// The same time, with other bits that are left to chance.
    pub(crate) fn with_chance(self, chance: u64) -> Incarnation {
        Incarnation((self.0 & !Self::LOW_BITS) | (chance & Self::LOW_BITS))
    }

    /// The incarnation of a start that is so much later.
    pub(crate) fn later_by(self, elapsed: Nanos) -> Incarnation {
        let millis = elapsed.part(1_000_000).0.saturating_mul(Self::LOW_BITS.saturating_add(1));
        Incarnation((self.0 & !Self::LOW_BITS).saturating_add(millis))
    }

    /// Rule 9.8: the time in units of 2^-20 seconds, as a term.
    pub(crate) fn first_term(self) -> Term {
        Term((self.0 & !Self::LOW_BITS) / 1_000)
    }
}

#[cfg(test)]
mod tests;
