//! The small values everything else is made of.

use core::fmt;
use core::hash::Hash;
use core::time::Duration;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// The name of a node: an integer, a `Uuid`, a `SocketAddr`, a `[u8; 16]`.
///
/// Every type that fits implements this. Ids are compared and copied often, so keep them small. Messages to
/// operators show an id by its `Debug`, which every id has.
pub trait NodeId: Copy + Ord + Hash + fmt::Debug {}

impl<T: Copy + Ord + Hash + fmt::Debug> NodeId for T {}

/// Nanoseconds, of a clock reading or of a length of time. In a message, `at` is a reading of the
/// *sender's* clock and means nothing to any other node: it is echoed, never compared.
pub type Nanos = u64;

/// The latest clock reading that is accepted: 292 years. It leaves room to add any length.
pub(crate) const CLOCK_END: Nanos = Nanos::MAX / 2;

/// A timer that never fires.
pub(crate) const NEVER: Nanos = Nanos::MAX;

/// `length` in nanoseconds, at most [`NEVER`].
pub(crate) fn nanos(length: Duration) -> Nanos {
    let whole = length.as_secs().checked_mul(1_000_000_000);
    whole.and_then(|whole| whole.checked_add(length.subsec_nanos().into())).unwrap_or(NEVER)
}

/// The number of a group. It keeps groups apart that share a network: a node ignores messages of another
/// cluster, and [reports](crate::Event::ForeignCluster) them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct ClusterId(pub u64);

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
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
