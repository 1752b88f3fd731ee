//! How datagrams travel: sealed, or as they are.

use std::boxed::Box;
use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::datagram::{self, Datagram, MAX_PLAIN, Nonce, Sighting, Undecodable};
use super::operator::Asked;
use super::sealed_datagram::{self, Names};
use crate::adapters::seal::{Keyring, MAX_SEALED, Opened, Refusal, Refused, Seal};
use crate::message::Message;
use crate::types::{ClusterId, Life, NodeId};

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
    /// The datagram is of another release, though sealed as by this one if there is a seal.
    OtherVersion,
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

    /// What is sealed from now on says in the clear that this node is of that life.
    pub(super) fn set_life(&mut self, life: Life) {
        match self {
            Sealing::Plain(_) => {}
            Sealing::Sealed(seal) => seal.set_life(life),
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

    /// The ids of the keys, if there are any.
    pub(super) fn key_ids(&self) -> Vec<u64> {
        match self {
            Sealing::Plain(_) => Vec::new(),
            Sealing::Sealed(seal) => seal.keys().ids().collect(),
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
    /// Encodes a message of this node to a peer; `None` if it cannot be encoded, or is of another group than the seal.
    pub(super) fn encode_message(
        &self,
        (from, to): (I, I),
        addresses: &[(I, Sighting)],
        message: &Message<I>,
    ) -> Option<Vec<u8>> {
        match self {
            Sealing::Plain(_) => datagram::encode_message(from, to, addresses, message),
            Sealing::Sealed(seal) if seal.cluster() == message.header().cluster => {
                sealed_datagram::encode_message(addresses, message)
            }
            Sealing::Sealed(_) => None,
        }
    }

    /// The datagram to send to `to`; `None` if it cannot be sealed.
    pub(super) fn seal_for(&mut self, to: I, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        let Sealing::Sealed(seal) = self else { return Some(bytes) };
        sealed_datagram::strip(&mut bytes);
        seal.seal_for(to, &bytes).ok()
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
    pub(super) fn seal_broadcast(&mut self, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        let Sealing::Sealed(seal) = self else { return Some(bytes) };
        sealed_datagram::strip(&mut bytes);
        seal.seal_broadcast(&bytes).ok()
    }

    pub(super) fn open(&mut self, bytes: &mut [u8]) -> Received<I> {
        match self {
            Sealing::Plain(_) if bytes.len() > MAX_PLAIN => Received::Oversized,
            Sealing::Plain(cluster) => match datagram::decode(*cluster, bytes) {
                Ok(datagram) => Received::Datagram(datagram),
                Err(undecodable) => undecodable.into(),
            },
            Sealing::Sealed(seal) => open_sealed(seal, bytes),
        }
    }

    /// The nonce and the length of a request for the status, if the datagram is one of somebody with the key. Nothing is
    /// counted, and the datagram stays as it is.
    pub(super) fn read_status_request(&self, bytes: &[u8]) -> Option<(Nonce, usize)> {
        let Sealing::Sealed(seal) = self else { return None };
        let mut copy = bytes.to_vec();
        let body = seal.keys().open_broadcast(seal.cluster(), &mut copy).ok()?;
        match sealed_datagram::decode::<I>(seal.cluster(), None, body).ok()? {
            Datagram::Request { nonce, asked, length } if matches!(*asked, Asked::Status) => {
                Some((nonce, length))
            }
            _ => None,
        }
    }
}

fn open_sealed<I: NodeId + Serialize + DeserializeOwned, R: TryCryptoRng>(
    seal: &mut Seal<I, R>,
    bytes: &mut [u8],
) -> Received<I> {
    let (cluster, to) = (seal.cluster(), seal.id());
    match seal.open(bytes) {
        Opened::Datagram { from, life, body, is_twin } => {
            match sealed_datagram::decode(cluster, Some(Names { from, to, life }), body) {
                Ok(datagram) if datagram.sender() != Some(from) => Received::Undecodable,
                Ok(datagram) if is_twin => Received::OfTwin(from, datagram),
                Ok(datagram) => Received::Datagram(datagram),
                Err(undecodable) => undecodable.into(),
            }
        }
        // The sender of a broadcast is unknown, and whether it was sent before is unknown too.
        Opened::Broadcast(body) => match sealed_datagram::decode(cluster, None, body) {
            Ok(datagram) if datagram.sender().is_none() => Received::Datagram(datagram),
            Ok(_) => Received::Undecodable,
            Err(undecodable) => undecodable.into(),
        },
        Opened::Foreign { from, cluster } => Received::Foreign(Some(from), cluster),
        Opened::HandshakeDone { with } => Received::HandshakeDone(with),
        Opened::Reply(reply) => Received::Reply(reply),
        Opened::Refused(Refusal::ForeignCluster { cluster }) => Received::Foreign(None, cluster),
        Opened::Refused(refusal) => Received::Refused(refusal),
    }
}

impl<I> From<Undecodable<I>> for Received<I> {
    fn from(undecodable: Undecodable<I>) -> Self {
        match undecodable {
            Undecodable::Foreign { from, cluster } => Received::Foreign(from, cluster),
            Undecodable::OtherVersion => Received::OtherVersion,
            Undecodable::Malformed => Received::Undecodable,
        }
    }
}
