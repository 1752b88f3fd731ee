//! What must survive a crash.

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use core::time::Duration;

use crate::membership::{Limits, Membership, MembershipError};
use crate::types::{ClusterId, MembershipVersion, Nanos, NodeId, Term};

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
    /// The highest term this node has taken part in; or the next, with its vote for itself, if it may be
    /// about to stand in that (rule 4.10). Never less than `membership.version().term`.
    pub term: Term,
    /// Whom it voted for, or followed, in `term`.
    pub voted_for: Option<I>,
    /// The longest promise it may have given: how long it stays bound after a restart.
    pub promised: Duration,
    /// The members it knows of.
    pub membership: Membership<I>,
    /// Whether that membership was known to be committed when this was stored.
    pub committed: bool,
}

/// Why a state cannot be recovered so.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// `above` is to be the highest term of all survivors, of which this is one.
    #[error("the highest term of the survivors cannot be {above}: this one has {own}")]
    TermTooLow {
        /// What was given.
        above: Term,
        /// The term of this state.
        own: Term,
    },
    /// There is no term after the last.
    #[error("no term is left")]
    NoTermLeft,
    /// The survivors are none, too many, or listed twice.
    #[error(transparent)]
    Membership(#[from] MembershipError),
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

    /// The state of a node of a new group whose nodes find each other. Give every one the same
    /// `cluster` and `max_members`.
    ///
    /// **No more than `max_members` distinct ids may ever be started so**, whatever becomes of
    /// them: a quorum is more than half of `max_members`, and among more nodes there could be two.
    /// Who comes later, or in place of a node that is lost, starts as [`joining`](Self::joining).
    ///
    /// # Errors
    /// As [`Membership::forming`].
    pub fn forming(cluster: ClusterId, limits: Limits) -> Result<Self, MembershipError> {
        Ok(Self::fresh(cluster, Membership::forming(limits)?))
    }

    /// **Unsafe in general**: makes `survivors` a group of their own, by fiat, after a quorum was
    /// lost for good. This node stands for them all: give each survivor's state the same
    /// `survivors` and the same `above`, the highest term among all of theirs.
    ///
    /// What the protocol cannot promise any more is up to the operator:
    /// - every other member is destroyed, or never starts again under its old id: two groups of one
    ///   cluster would each have a leader;
    /// - all survivors are stopped while their states are changed, and all are changed before the
    ///   first starts;
    /// - a membership that was committed and that no survivor holds is lost.
    ///
    /// The new term exceeds `above`, so a leader's work stays fenced against what the survivors
    /// have seen. The result is bound, as after any restart, for what this node had promised.
    ///
    /// # Errors
    /// [`RecoveryError`] if `above` is below this state's own term or is the last there is, or if
    /// the survivors are no membership.
    pub fn recover_unsafely(
        &self,
        survivors: impl IntoIterator<Item = I>,
        above: Term,
    ) -> Result<Self, RecoveryError> {
        if above < self.term {
            return Err(RecoveryError::TermTooLow { above, own: self.term });
        }
        let term = above.next().ok_or(RecoveryError::NoTermLeft)?;
        let limits = self.membership.limits();
        let survivors = Membership::bootstrap(survivors)?;
        // A starting point again, told by its number. Rule 7.1.
        let membership = survivors.at_version(MembershipVersion { term, number: 0 }).with_limits(limits);
        Ok(HardState { term, promised: self.promised, ..Self::fresh(self.cluster, membership) })
    }

    fn fresh(cluster: ClusterId, membership: Membership<I>) -> Self {
        let (term, promised) = (Term(0), Duration::ZERO);
        HardState { cluster, term, voted_for: None, promised, membership, committed: false }
    }

    pub(crate) fn promised_nanos(&self) -> Nanos {
        self.promised.into()
    }
}
