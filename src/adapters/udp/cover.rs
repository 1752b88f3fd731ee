//! What datagrams travel in: a seal, or nothing.

use std::boxed::Box;
use std::prelude::rust_2024::*;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Protection;
use super::datagram::{self, Datagram, LONGEST};
use crate::adapters::RandomError;
use crate::adapters::seal::{Keyring, MAX_SEALED, Opened, Refused, Seal};
use crate::types::NodeId;

// The longest that travels sealed: its head, and two ids that are larger than any in a message of so
// many members.
const _: () = assert!(LONGEST + 512 <= MAX_SEALED);

pub(in crate::adapters) enum Cover<I> {
    None,
    Seal(Box<Seal<I>>),
}

/// What came in.
pub(in crate::adapters) enum Uncovered<I> {
    /// Of a peer, sent once and to this node, if there is a seal; or a question or an answer.
    Datagram(Datagram<I>),
    /// That node takes letters of this one from now on, and may not know that its own are taken.
    Met(I),
    /// To be sent to where it came from.
    Reply(Vec<u8>),
    /// It has been counted.
    Refused,
    /// It is longer than any that is not sealed.
    Oversized,
    /// It is none of ours, though sealed by somebody with the key if there is a seal.
    Undecodable,
}

impl<I: NodeId> Cover<I> {
    pub(in crate::adapters) fn new(id: I, protection: Protection) -> Result<Self, RandomError> {
        match protection {
            Protection::Sealed(keys) => Ok(Cover::Seal(Box::new(Seal::new(id, keys)?))),
            Protection::OnlyLoopback | Protection::Unsealed => Ok(Cover::None),
        }
    }

    /// Whether there is a seal to have other keys.
    pub(in crate::adapters) fn set_keys(&mut self, keys: Keyring) -> bool {
        match self {
            Cover::None => false,
            Cover::Seal(seal) => {
                seal.set_keys(keys);
                true
            }
        }
    }

    /// Whether what is for `id` can be sent at once.
    pub(in crate::adapters) fn has_met(&self, id: I) -> bool {
        match self {
            Cover::None => true,
            Cover::Seal(seal) => seal.has_met(id),
        }
    }

    pub(in crate::adapters) fn refused(&self) -> Refused {
        match self {
            Cover::None => Refused::default(),
            Cover::Seal(seal) => seal.refused(),
        }
    }
}

impl<I: NodeId + Serialize + DeserializeOwned> Cover<I> {
    /// What to send to `to`; none if it cannot be.
    pub(in crate::adapters) fn letter(&mut self, to: I, bytes: Vec<u8>) -> Option<Vec<u8>> {
        match self {
            Cover::None => Some(bytes),
            Cover::Seal(seal) => seal.letter(to, &bytes).ok(),
        }
    }

    /// What to send to `to` before there is anything to say, if it has not been [met](Self::has_met).
    pub(in crate::adapters) fn hello(&mut self, to: I) -> Option<Vec<u8>> {
        match self {
            Cover::None => None,
            Cover::Seal(seal) => seal.hello(to).ok(),
        }
    }

    /// What to send to whoever asks, or answers.
    pub(in crate::adapters) fn note(&self, bytes: Vec<u8>) -> Option<Vec<u8>> {
        match self {
            Cover::None => Some(bytes),
            Cover::Seal(seal) => seal.note(&bytes).ok(),
        }
    }

    pub(in crate::adapters) fn open(&mut self, bytes: &mut [u8]) -> Uncovered<I> {
        match self {
            Cover::None if bytes.len() > LONGEST => Uncovered::Oversized,
            Cover::None => datagram::open(bytes).map_or(Uncovered::Undecodable, Uncovered::Datagram),
            Cover::Seal(seal) => match seal.open(bytes) {
                Opened::Letter { from, body } => read(body, |datagram| datagram.sender() == Some(from)),
                // Who sends it is not known, and whether it was sent before is not either.
                Opened::Note(body) => read(body, |datagram| datagram.sender().is_none()),
                Opened::Met { from } => Uncovered::Met(from),
                Opened::Reply(reply) => Uncovered::Reply(reply),
                Opened::Refused(_) => Uncovered::Refused,
            },
        }
    }
}

fn read<I: NodeId + DeserializeOwned>(body: &[u8], fits: impl FnOnce(&Datagram<I>) -> bool) -> Uncovered<I> {
    datagram::open(body).filter(fits).map_or(Uncovered::Undecodable, Uncovered::Datagram)
}
