//! Why a datagram is refused.

use crate::types::ClusterId;

/// Why a datagram is refused.
///
/// Non-exhaustive, like [`Refused`]: a later version may tell more apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The datagram is longer than any that is sealed.
    #[error("the datagram is too long")]
    TooLong,
    /// The datagram ends before its seal does.
    #[error("the datagram is cut off")]
    Truncated,
    /// The datagram does not even claim to be sealed.
    #[error("the datagram is not sealed")]
    Unsealed,
    /// The datagram has another format.
    #[error("the datagram is sealed in version {found}, not {}", super::VERSION)]
    UnknownVersion {
        /// Its version.
        found: u8,
    },
    /// The datagram names this group, and a key that is not known: a stranger's, or one that is not known yet, or
    /// not any more.
    #[error("the datagram is sealed with a key that is not known")]
    UnknownKey,
    /// The datagram is of another group, or says so if its key is not known: two groups have been given the same
    /// address, or somebody sends the datagrams of one group to another.
    #[error("the datagram is of group {cluster}, not of this one")]
    ForeignCluster {
        /// The group that the datagram names.
        cluster: ClusterId,
    },
    /// The datagram was forged or altered by somebody without the key.
    #[error("the datagram is not what was sealed")]
    Forged,
    /// The sealed content is not of this protocol, or has ids of another type.
    #[error("what was sealed is no datagram")]
    Malformed,
    /// This process has sealed the datagram itself: it came back.
    #[error("the datagram was sealed by its receiver")]
    Reflected,
    /// The datagram was sealed in the name of this node by another process: an earlier one, or two nodes have this id.
    #[error("the datagram is in the name of its receiver")]
    OwnId,
    /// The datagram was sealed for another node.
    #[error("the datagram is for another node")]
    Misdirected,
    /// The datagram does not prove to be recent: its sender is not known yet, or does not know yet that this
    /// node has restarted, or is an earlier process of its node. The sender is answered.
    #[error("the datagram does not prove to be recent")]
    Unproven,
    /// The handshake answers a question that was answered already.
    #[error("the handshake was done already")]
    Stale,
    /// The datagram has arrived before, or so late that this cannot be told any more.
    #[error("the datagram has arrived before")]
    Replayed,
    /// The generator had no randomness to give, without which the datagram cannot be accepted or answered.
    #[error("no randomness to accept or answer the datagram")]
    NoRandomness,
}

/// How many datagrams were refused, by [`Refusal`]. The host counts, the operator reads.
///
/// A few that are unproven, stale or replayed are no attack: nodes restart, and networks duplicate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub struct Refused {
    /// [`Refusal::TooLong`].
    pub too_long: u64,
    /// [`Refusal::Truncated`].
    pub truncated: u64,
    /// [`Refusal::Unsealed`].
    pub unsealed: u64,
    /// [`Refusal::UnknownVersion`].
    pub unknown_version: u64,
    /// [`Refusal::UnknownKey`].
    pub unknown_key: u64,
    /// [`Refusal::ForeignCluster`].
    pub foreign_cluster: u64,
    /// [`Refusal::Forged`].
    pub forged: u64,
    /// [`Refusal::Malformed`].
    pub malformed: u64,
    /// [`Refusal::Reflected`].
    pub reflected: u64,
    /// [`Refusal::OwnId`].
    pub own_id: u64,
    /// [`Refusal::Misdirected`].
    pub misdirected: u64,
    /// [`Refusal::Unproven`]; handshakes that begin, which cannot be proven, are not counted.
    pub unproven: u64,
    /// [`Refusal::Stale`].
    pub stale: u64,
    /// [`Refusal::Replayed`].
    pub replayed: u64,
    /// [`Refusal::NoRandomness`].
    pub no_randomness: u64,
}

impl Refused {
    /// Counts one refusal.
    pub fn count(&mut self, refusal: Refusal) {
        let counter = match refusal {
            Refusal::TooLong => &mut self.too_long,
            Refusal::Truncated => &mut self.truncated,
            Refusal::Unsealed => &mut self.unsealed,
            Refusal::UnknownVersion { .. } => &mut self.unknown_version,
            Refusal::UnknownKey => &mut self.unknown_key,
            Refusal::ForeignCluster { .. } => &mut self.foreign_cluster,
            Refusal::Forged => &mut self.forged,
            Refusal::Malformed => &mut self.malformed,
            Refusal::Reflected => &mut self.reflected,
            Refusal::OwnId => &mut self.own_id,
            Refusal::Misdirected => &mut self.misdirected,
            Refusal::Unproven => &mut self.unproven,
            Refusal::Stale => &mut self.stale,
            Refusal::Replayed => &mut self.replayed,
            Refusal::NoRandomness => &mut self.no_randomness,
        };
        *counter = counter.saturating_add(1);
    }
}
