//! The small values everything else is made of.

use core::fmt;
use core::hash::Hash;
use core::time::Duration;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// What names a node: an integer, a `Uuid`, a `SocketAddr`, a `[u8; 16]`.
///
/// Implemented for every type that fits. Ids are compared and copied often, so keep them small.
pub trait NodeId: Copy + Ord + Hash + fmt::Debug {}

impl<T: Copy + Ord + Hash + fmt::Debug> NodeId for T {}

/// Nanoseconds, of a clock reading or of a length of time. In a message, `at` is a reading of the
/// *sender's* clock and means nothing to anybody else: it is echoed, never compared.
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

/// Keeps apart groups that share a network: a message of another cluster is refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct ClusterId(pub u64);

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A period with at most one leader (Raft §5.1). It only grows, which makes it a fencing token:
/// whoever receives a leader's work refuses a term lower than one it has seen.
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

/// The age of a membership: the term of the leader that wrote it, then its number
/// (Spec: `configTerm`, `configVersion`). Compared lexicographically.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct MembershipVersion {
    /// The term of the leader that wrote it, 0 for a starting point.
    pub term: Term,
    /// Grows by one with each change.
    pub number: u64,
}

impl fmt::Display for MembershipVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.term, self.number)
    }
}

/// How far a node's own data reach, in whatever the host replicates. Compared lexicographically.
/// A node is elected only by voters whose position is not ahead of its own (Raft §5.4.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Position {
    /// The term in which the last of it was written.
    pub term: u64,
    /// How much of it there is.
    pub index: u64,
}

impl fmt::Display for Position {
    /// `3.14`: the term, then the index.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.term, self.index)
    }
}

/// How much a node is wanted as leader; more is sooner, 0 never leads (a witness). Priority
/// delays and hands over, it never vetoes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Priority(pub u8);

impl Priority {
    /// Votes and never leads.
    pub const NEVER_LEADS: Priority = Priority(0);
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Default for Priority {
    /// 1: every node alike.
    fn default() -> Self {
        Priority(1)
    }
}

/// Numbers what one process sends. Strictly increasing while the process lives, so that a replayed
/// or late message is known for what it is.
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
