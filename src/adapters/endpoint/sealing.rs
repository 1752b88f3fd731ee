//! How datagrams travel: sealed, or as they are.

use std::boxed::Box;
use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::datagram::{self, Datagram, MAX_PLAIN, Undecodable};
use crate::adapters::seal::{Keyring, MAX_SEALED, Opened, Refusal, Refused, Seal};
use crate::types::{ClusterId, NodeId};

// The longest datagram travels sealed too: its head has two ids that are larger than any in a message of
// so many members.
const _: () = assert!(MAX_PLAIN + 512 <= MAX_SEALED);

pub(super) enum Sealing<I, R> {
    Plain(ClusterId),
    Sealed(Box<Seal<I, R>>),
}

/// A received datagram.
pub(super) enum Received<I> {
    /// With a seal, its sender is a peer that sealed it for this node, and it is opened for the first time;
    /// questions and answers have no sender.
    Datagram(Datagram<I>),
    /// The same, of a process that another process of the sender had replaced.
    OfTwin(I, Datagram<I>),
    /// A datagram of another group, and its sender if that is known.
    Foreign(Option<I>, ClusterId),
    /// Datagrams for that node can be sealed from now on. The node may not know yet that it can seal its own.
    HandshakeDone(I),
    /// To be sent to where the datagram came from.
    Reply(Vec<u8>),
    /// The seal refused the datagram, and counted it.
    Refused(Refusal),
    /// The datagram is longer than any that is not sealed.
    Oversized,
    /// The datagram is not of this protocol, though sealed by somebody with the key if there is a seal.
    Undecodable,
}

impl<I: NodeId, R: TryCryptoRng> Sealing<I, R> {
    pub(super) fn new(id: I, cluster: ClusterId, keys: Option<Keyring>, rng: R) -> Result<Self, R::Error> {
        Ok(match keys {
            Some(keys) => Sealing::Sealed(Box::new(Seal::new(id, cluster, keys, rng)?)),
            None => Sealing::Plain(cluster),
        })
    }

    /// Uses other keys from now on. Returns whether there is a seal to use them.
    pub(super) fn set_keys(&mut self, keys: Keyring) -> bool {
        match self {
            Sealing::Plain(_) => false,
            Sealing::Sealed(seal) => {
                seal.set_keys(keys);
                true
            }
        }
    }

    /// Whether a datagram for `id` can be sent at once, without a handshake.
    pub(super) fn can_send_to(&self, id: I) -> bool {
        match self {
            Sealing::Plain(_) => true,
            Sealing::Sealed(seal) => seal.can_seal_for(id),
        }
    }

    /// Whether only somebody with the key can have made a datagram.
    pub(super) fn is_sealed(&self) -> bool {
        match self {
            Sealing::Plain(_) => false,
            Sealing::Sealed(_) => true,
        }
    }

    pub(super) fn refused(&self) -> Refused {
        match self {
            Sealing::Plain(_) => Refused::default(),
            Sealing::Sealed(seal) => seal.refused(),
        }
    }
}

impl<I: NodeId + Serialize + DeserializeOwned, R: TryCryptoRng> Sealing<I, R> {
    /// The datagram to send to `to`; `None` if it cannot be sealed.
    pub(super) fn seal_for(&mut self, to: I, bytes: Vec<u8>) -> Option<Vec<u8>> {
        match self {
            Sealing::Plain(_) => Some(bytes),
            Sealing::Sealed(seal) => seal.seal_for(to, &bytes).ok(),
        }
    }

    /// The datagram to send to `to`; `None` if it cannot be sealed, or needs a handshake first.
    pub(super) fn seal_if_met(&mut self, to: I, bytes: Vec<u8>) -> Option<Vec<u8>> {
        if self.can_send_to(to) { self.seal_for(to, bytes) } else { None }
    }

    /// The handshake to send to `to` while [`can_send_to`](Self::can_send_to) says no; `None` if there is
    /// none.
    pub(super) fn handshake(&mut self, to: I) -> Option<Vec<u8>> {
        match self {
            Sealing::Plain(_) => None,
            Sealing::Sealed(seal) => seal.handshake(to).ok(),
        }
    }

    /// The datagram to send to a program that asks; `None` if it cannot be sealed.
    pub(super) fn seal_broadcast(&mut self, bytes: Vec<u8>) -> Option<Vec<u8>> {
        match self {
            Sealing::Plain(_) => Some(bytes),
            Sealing::Sealed(seal) => seal.seal_broadcast(&bytes).ok(),
        }
    }

    pub(super) fn open(&mut self, bytes: &mut [u8]) -> Received<I> {
        match self {
            Sealing::Plain(_) if bytes.len() > MAX_PLAIN => Received::Oversized,
            Sealing::Plain(cluster) => decode(*cluster, bytes, |_| true),
            Sealing::Sealed(seal) => {
                let cluster = seal.cluster();
                match seal.open(bytes) {
                    Opened::Datagram { from, body, is_twin } => {
                        match decode(cluster, body, |datagram| datagram.sender() == Some(from)) {
                            Received::Datagram(datagram) if is_twin => Received::OfTwin(from, datagram),
                            received => received,
                        }
                    }
                    // The sender of a broadcast is unknown, and whether it was sent before is unknown too.
                    Opened::Broadcast(body) => decode(cluster, body, |datagram| datagram.sender().is_none()),
                    Opened::Foreign { from, cluster } => Received::Foreign(Some(from), cluster),
                    Opened::HandshakeDone { with } => Received::HandshakeDone(with),
                    Opened::Reply(reply) => Received::Reply(reply),
                    Opened::Refused(Refusal::ForeignCluster { cluster }) => Received::Foreign(None, cluster),
                    Opened::Refused(refusal) => Received::Refused(refusal),
                }
            }
        }
    }
}

/// Decodes a datagram of group `cluster`, if its sender `fits`.
fn decode<I: NodeId + DeserializeOwned>(
    cluster: ClusterId,
    body: &[u8],
    fits: impl FnOnce(&Datagram<I>) -> bool,
) -> Received<I> {
    match datagram::decode(cluster, body) {
        Ok(datagram) if fits(&datagram) => Received::Datagram(datagram),
        Err(Undecodable::Foreign { from, cluster }) => Received::Foreign(from, cluster),
        Ok(_) | Err(Undecodable::Malformed) => Received::Undecodable,
    }
}
