//! Why a datagram does not count.

use crate::adapters::RandomError;

/// Why a datagram does not count.
///
/// Non-exhaustive, like [`Refused`]: a later version may tell more apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is longer than any that is sealed.
    #[error("the datagram is too long")]
    TooLong,
    /// It ends before its seal does.
    #[error("the datagram is cut off")]
    Truncated,
    /// It does not even claim to be sealed.
    #[error("the datagram is not sealed")]
    Unsealed,
    /// Another format.
    #[error("the datagram is sealed in version {found}, not {}", super::VERSION)]
    UnknownVersion {
        /// Its version.
        found: u8,
    },
    /// No key is like that: a stranger's, or one that is not known yet, or not any more.
    #[error("the datagram is sealed with a key that is not known")]
    UnknownKey,
    /// Nobody with the key has sealed it as it is.
    #[error("the datagram is not what was sealed")]
    Forged,
    /// What was sealed is nothing of ours, or has ids of another type.
    #[error("what was sealed is no datagram")]
    Malformed,
    /// It was sealed in the name of this node: its own came back, or there are two of that name.
    #[error("the datagram is in the name of its receiver")]
    Reflected,
    /// It was sealed for another node.
    #[error("the datagram is for another node")]
    Misdirected,
    /// Its sender is not known, or takes this node for what it was before a restart. It is answered.
    #[error("the datagram does not prove to be recent")]
    Unproven,
    /// It answers a greeting that was answered already.
    #[error("the datagram is from an earlier meeting")]
    Stale,
    /// It has arrived before, or so much later than others that nobody knows whether it has.
    #[error("the datagram has arrived before")]
    Replayed,
    /// The system had no randomness to give, without which it cannot be taken or answered.
    #[error("no randomness to take or answer the datagram")]
    NoRandomness,
}

impl From<RandomError> for Refusal {
    fn from(_: RandomError) -> Self {
        Refusal::NoRandomness
    }
}

/// How many datagrams did not count, by [`Refusal`]. The host counts, operators read.
///
/// A few that are unproven, stale or replayed are no attack: nodes restart, networks double.
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
    /// [`Refusal::Forged`].
    pub forged: u64,
    /// [`Refusal::Malformed`].
    pub malformed: u64,
    /// [`Refusal::Reflected`].
    pub reflected: u64,
    /// [`Refusal::Misdirected`].
    pub misdirected: u64,
    /// [`Refusal::Unproven`]; greetings, which cannot be, are not counted.
    pub unproven: u64,
    /// [`Refusal::Stale`].
    pub stale: u64,
    /// [`Refusal::Replayed`].
    pub replayed: u64,
    /// [`Refusal::NoRandomness`].
    pub no_randomness: u64,
}

impl Refused {
    /// Counts one.
    pub fn count(&mut self, refusal: Refusal) {
        let counter = match refusal {
            Refusal::TooLong => &mut self.too_long,
            Refusal::Truncated => &mut self.truncated,
            Refusal::Unsealed => &mut self.unsealed,
            Refusal::UnknownVersion { .. } => &mut self.unknown_version,
            Refusal::UnknownKey => &mut self.unknown_key,
            Refusal::Forged => &mut self.forged,
            Refusal::Malformed => &mut self.malformed,
            Refusal::Reflected => &mut self.reflected,
            Refusal::Misdirected => &mut self.misdirected,
            Refusal::Unproven => &mut self.unproven,
            Refusal::Stale => &mut self.stale,
            Refusal::Replayed => &mut self.replayed,
            Refusal::NoRandomness => &mut self.no_randomness,
        };
        *counter = counter.saturating_add(1);
    }
}
