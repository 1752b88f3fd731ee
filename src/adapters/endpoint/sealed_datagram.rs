//! What of a datagram is sealed: all that the seal does not say by itself.
//!
//! ```text
//! version  kind  body
//!    1      1
//!          11    postcard (addresses), then a message whose header names group 0 and life 0
//!          any   the body as `datagram.rs` describes it; kind 1 is not sealed
//! ```
//! The seal says the group of a datagram, and of a datagram of a node its sender, its receiver and the life of its sender.

use std::prelude::rust_2024::*;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::datagram::{
    self, Datagram, Enveloped, HEADER, MAX_PLAIN, MESSAGE, Sighting, Undecodable, VERSION, decode_enclosed,
};
use crate::adapters::wire;
use crate::message::{Header, Message};
use crate::types::{ClusterId, Life, NodeId};

const SEALED_MESSAGE: u8 = 11;

/// Stands in a sealed message, of which the seal says the group.
const UNNAMED: ClusterId = ClusterId(0);

/// What a seal says of a datagram of a node.
pub(super) struct Names<I> {
    pub(super) from: I,
    pub(super) to: I,
    pub(super) life: Life,
}

/// Encodes a message to a peer; `None` if it cannot be encoded or is too long to be read.
pub(super) fn encode_message<I: NodeId + Serialize>(
    addresses: &[(I, Sighting)],
    message: &Message<I>,
) -> Option<Vec<u8>> {
    let head = Header { cluster: UNNAMED, life: Life::NONE, ..message.header() };
    let bytes = datagram::header(SEALED_MESSAGE, message.header().cluster);
    let mut bytes = postcard::to_extend(addresses, bytes).ok()?;
    wire::encode_parts_into(&head, &message.body(), &mut bytes).ok()?;
    (bytes.len() <= MAX_PLAIN).then_some(bytes)
}

/// Leaves out of an encoded datagram what names its protocol and its group.
pub(super) fn strip(bytes: &mut Vec<u8>) {
    // Version and kind stay; they are the third byte and the fourth.
    if let Some(&[_, _, version, kind]) = bytes.first_chunk() {
        bytes.drain(..HEADER.saturating_sub(2).min(bytes.len()));
        bytes.iter_mut().zip([version, kind]).for_each(|(place, byte)| *place = byte);
    }
}

/// Decodes what was sealed for group `cluster`, if it is a datagram from first byte to last. What was sealed for everybody
/// has no names.
pub(super) fn decode<I: NodeId + Serialize + DeserializeOwned>(
    cluster: ClusterId,
    names: Option<Names<I>>,
    bytes: &[u8],
) -> Result<Datagram<I>, Undecodable<I>> {
    let (kind, body) = match bytes {
        [VERSION, kind, body @ ..] => (*kind, body),
        [] | [VERSION] => return Err(Undecodable::Malformed),
        [_, ..] => return Err(Undecodable::OtherVersion),
    };
    let length = body.len().saturating_add(HEADER);
    match (kind, names) {
        (SEALED_MESSAGE, Some(names)) => decode_message(cluster, names, body),
        (SEALED_MESSAGE, None) | (MESSAGE, _) => Err(Undecodable::Malformed),
        _ => datagram::decode_body(kind, length, body).ok_or(Undecodable::Malformed),
    }
}

fn decode_message<I: NodeId + DeserializeOwned>(
    cluster: ClusterId,
    Names { from, to, life }: Names<I>,
    body: &[u8],
) -> Result<Datagram<I>, Undecodable<I>> {
    let (addresses, message) = postcard::take_from_bytes(body).map_err(|_| Undecodable::Malformed)?;
    let (header, body) = decode_enclosed(message)?.into_parts();
    // A second word on either could only contradict the seal.
    if (header.cluster, header.life) != (UNNAMED, Life::NONE) {
        return Err(Undecodable::Malformed);
    }
    let message = Message::new(Header { cluster, life, ..header }, body);
    Ok(Datagram::Message(Enveloped { from, to, addresses, message }))
}
