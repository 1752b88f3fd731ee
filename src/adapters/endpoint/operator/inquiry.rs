//! The asking side, without a socket.

use std::fmt;
use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Asked, Command, Reply, Ticket};
use crate::adapters::endpoint::datagram::{self, Datagram, Nonce};
use crate::adapters::endpoint::sealed_datagram;
use crate::adapters::seal::{Keyring, SealError};
use crate::types::{ClusterId, NodeId};

/// A request to a node: send [`bytes`](Self::bytes) to its address, again and again until a datagram comes back that
/// [`read_reply`](Self::read_reply) takes. A repeated command is carried out once.
///
/// Without a reply to a command nobody knows whether it is carried out: look at a report.
#[derive(Clone)]
pub struct Inquiry {
    cluster: ClusterId,
    keys: Keyring,
    nonce: Nonce,
    bytes: Vec<u8>,
}

impl Inquiry {
    /// How long a request is, unless its command is longer: it and its reply pass any network in one piece, when they
    /// are sealed.
    pub const LENGTH: usize = 1_024;

    /// Asks a node of group `cluster` how it is, in `length` bytes: [`LENGTH`](Self::LENGTH), or what a reply has asked
    /// for ([`Refused::TooShort`](super::Refused::TooShort)).
    ///
    /// # Errors
    /// [`SealError`], if `length` is more than a datagram has.
    pub fn status(
        cluster: ClusterId,
        keys: &Keyring,
        length: usize,
        rng: &mut impl TryCryptoRng,
    ) -> Result<Self, SealError> {
        Self::new(cluster, keys, &Asked::<()>::Status, length, rng)
    }

    /// Tells a node of group `cluster` to do something. The ticket is that of its last report.
    ///
    /// # Errors
    /// [`SealError`], if the command is too long.
    pub fn command<I: NodeId + Serialize>(
        cluster: ClusterId,
        keys: &Keyring,
        ticket: Ticket,
        command: &Command<I>,
        rng: &mut impl TryCryptoRng,
    ) -> Result<Self, SealError> {
        Self::new(cluster, keys, &Asked::Command(ticket, command.clone()), Self::LENGTH, rng)
    }

    fn new<I: Serialize>(
        cluster: ClusterId,
        keys: &Keyring,
        asked: &Asked<I>,
        length: usize,
        rng: &mut impl TryCryptoRng,
    ) -> Result<Self, SealError> {
        let nonce = rng.try_next_u64().map_err(|_| SealError::NoRandomness)?.to_be_bytes();
        let mut bytes = datagram::encode_request(cluster, nonce, asked, length).ok_or(SealError::BadId)?;
        sealed_datagram::strip(&mut bytes);
        let bytes = keys.seal_broadcast(cluster, &bytes, rng)?;
        Ok(Inquiry { cluster, keys: keys.clone(), nonce, bytes })
    }

    /// The datagram to send. No reply is longer.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads a datagram that came in, in its place; `None` if it is no reply to this request.
    #[must_use]
    pub fn read_reply<I: NodeId + Serialize + DeserializeOwned>(&self, bytes: &mut [u8]) -> Option<Reply<I>> {
        let bytes = self.keys.open_broadcast(self.cluster, bytes).ok()?;
        match sealed_datagram::decode(self.cluster, None, bytes).ok()? {
            Datagram::Reply(nonce, reply) if nonce == self.nonce => Some(*reply),
            _ => None,
        }
    }
}

impl fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inquiry").field("nonce", &self.nonce).finish_non_exhaustive()
    }
}
