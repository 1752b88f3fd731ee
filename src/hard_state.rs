//! What must survive a crash.

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use core::time::Duration;

use crate::membership::{Membership, MembershipError};
use crate::types::{ClusterId, NodeId, Term, nanos};

/// What a node stores before anything that follows from it is sent, and hands back when it starts
/// again. One value, stored whole: term and membership are never stored apart.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(serialize = "I: NodeId + Serialize", deserialize = "I: NodeId + Deserialize<'de>"))
)]
pub struct HardState<I> {
    /// The group this node belongs to.
    pub cluster: ClusterId,
    /// The highest term this node has taken part in. Never less than `membership.version().term`.
    pub term: Term,
    /// Whom it voted for, or followed, in `term`.
    pub voted_for: Option<I>,
    /// The longest promise it may have given: how long it stays bound after a restart.
    pub promised: Duration,
    /// The members it knows of.
    pub membership: Membership<I>,
}

impl<I: NodeId> HardState<I> {
    /// The state of a node of a new group. Give every initial node the same `cluster` and the same
    /// `voters`.
    ///
    /// # Errors
    /// As [`Membership::bootstrap`].
    pub fn bootstrap(
        cluster: ClusterId,
        voters: impl IntoIterator<Item = I>,
    ) -> Result<Self, MembershipError> {
        Ok(Self::fresh(cluster, Membership::bootstrap(voters)?))
    }

    /// The state of a node that will be added to a running group. It stays passive until then.
    #[must_use]
    pub fn joining(cluster: ClusterId) -> Self {
        Self::fresh(cluster, Membership::joining())
    }

    fn fresh(cluster: ClusterId, membership: Membership<I>) -> Self {
        HardState { cluster, term: Term(0), voted_for: None, promised: Duration::ZERO, membership }
    }

    pub(crate) fn promised_nanos(&self) -> u64 {
        nanos(self.promised)
    }
}
