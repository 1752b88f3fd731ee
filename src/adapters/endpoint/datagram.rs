//! The kinds of datagram that endpoints exchange, behind one short header.
//!
//! ```text
//! "qr"  version  kind  cluster  body
//!  2       1       1      8
//!                  1             postcard (sender, receiver, addresses), then a message as the wire module writes it
//!                  2             eight bytes to be echoed, postcard (the address that is asked), padding: who leads?
//!                  3             the same eight bytes, then postcard (the type of the ids, the leader)
//!                  4             postcard (the sender), padding: an announcement of the sender's address
//!                  5             postcard (sender, receiver), eight bytes: a challenge to be echoed
//!                  6             the same, as the echo of a challenge
//!                  7             postcard (sender, leader, addresses): where the leader may be
//!                  8             eight bytes to be echoed, postcard (what an operator asks), padding
//!                  9             the same eight bytes, then postcard (the type of the ids, the reply)
//!                 10             postcard (sender, receiver, version and text, version that is known, whether to answer)
//! ```
//! An endpoint reads datagrams of its own group alone. A change of this layout raises the version, and an endpoint
//! refuses versions that it does not know. All kinds travel sealed, if the endpoint has keys: see the module `seal`, and
//! `sealed_datagram.rs` for what is left out then.

use core::net::SocketAddr;
use std::boxed::Box;
use std::prelude::rust_2024::*;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::LeaderAddress;
use super::address::{canonical, means_the_same_to};
use super::advertisements::Advertisement;
use super::confirmation::Cookie;
use super::operator::{Asked, Refused, Reply};
use super::own_addresses::OwnAddresses;
use crate::adapters::Advertised;
use crate::adapters::id_type::id_type;
use crate::adapters::wire;
use crate::message::Message;
use crate::types::{ClusterId, NodeId, Term};

/// The longest datagram that is read: a message and its envelope.
pub(super) const MAX_PLAIN: usize = wire::MAX_DATAGRAM + 4 * 1024;

/// The length of a question. No answer is longer than its question, so that a group cannot be used to
/// multiply what is sent under another node's address.
const QUESTION_LENGTH: usize = 512;

const MAGIC: &[u8] = b"qr";
/// How long all before the body is.
pub(super) const HEADER: usize = 12;
pub(super) const VERSION: u8 = 8;
pub(super) const MESSAGE: u8 = 1;
const QUESTION: u8 = 2;
const ANSWER: u8 = 3;
const ANNOUNCEMENT: u8 = 4;
const CHALLENGE: u8 = 5;
const ECHO: u8 = 6;
const REFERRAL: u8 = 7;
const REQUEST: u8 = 8;
const REPLY: u8 = 9;
const ADVERTISEMENT: u8 = 10;

/// What an announcement bears beside its sender, so that there is room for a few challenges in its place.
const ANNOUNCEMENT_PADDING: usize = 160;

/// The bytes by which an answer is matched to its question.
pub(super) type Nonce = [u8; 8];

/// A decoded datagram.
pub(super) enum Datagram<I> {
    Message(Enveloped<I>),
    /// The length is that of the whole datagram.
    Question {
        nonce: Nonce,
        /// The address that the program sent its question to; `None` if the question ends before.
        asked: Option<SocketAddr>,
        length: usize,
    },
    Answer(Nonce, LeaderReport<I>),
    Announcement {
        from: I,
    },
    Challenge(Challenge<I>),
    Echo(Challenge<I>),
    /// A follower tells a member that knows no leader where the leader may be.
    Referral {
        from: I,
        leader: I,
        addresses: Vec<Sighting>,
    },
    /// An operator asks. The length is that of the whole datagram.
    Request {
        nonce: Nonce,
        asked: Box<Asked<I>>,
        length: usize,
    },
    Reply(Nonce, Box<Reply<I>>),
    Advertisement(Advertisement<I>),
}

/// Bytes that are no datagram of this group.
pub(super) enum Undecodable<I> {
    /// The datagram is of this protocol, and of another group; its sender, if the datagram names one.
    Foreign { from: Option<I>, cluster: ClusterId },
    /// The datagram, or the message in it, is of another version: another release has sent it.
    OtherVersion,
    /// The bytes are no datagram of this protocol.
    Malformed,
}

impl<I: Copy> Datagram<I> {
    /// The node that the datagram says it is from. Questions and answers have no sender: any program may
    /// send them.
    pub(super) fn sender(&self) -> Option<I> {
        match self {
            Datagram::Message(enveloped) => Some(enveloped.from),
            Datagram::Announcement { from } | Datagram::Referral { from, .. } => Some(*from),
            Datagram::Advertisement(told) => Some(told.from),
            Datagram::Challenge(challenge) | Datagram::Echo(challenge) => Some(challenge.from),
            Datagram::Question { .. }
            | Datagram::Answer(..)
            | Datagram::Request { .. }
            | Datagram::Reply(..) => None,
        }
    }
}

/// What shows that a node receives at an address.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Challenge<I> {
    pub(super) from: I,
    pub(super) to: I,
    pub(super) cookie: Cookie,
}

/// A message and its envelope.
pub(super) struct Enveloped<I> {
    pub(super) from: I,
    /// The receiver: another node may have been at its address before.
    pub(super) to: I,
    /// The addresses of members, as far as the sender knows them.
    pub(super) addresses: Vec<(I, Sighting)>,
    pub(super) message: Message<I>,
}

#[derive(Serialize)]
struct Envelope<'a, I> {
    from: I,
    to: I,
    addresses: &'a [(I, Sighting)],
}

#[derive(Deserialize)]
struct OpenedEnvelope<I> {
    from: I,
    to: I,
    addresses: Vec<(I, Sighting)>,
}

/// The address of a member.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Sighting {
    pub(super) address: SocketAddr,
    /// How many milliseconds ago the address was known to be right; `None` if it was only ever configured.
    /// No two clocks need agree.
    pub(super) age: Option<u32>,
}

/// What a node knows of the leader.
#[derive(Serialize, Deserialize)]
pub(super) struct LeaderReport<I> {
    leader: Option<(I, Term, Location, Option<Advertised>)>,
}

/// The location of a leader.
#[derive(Serialize, Deserialize)]
enum Location {
    Unknown,
    /// The leader is the node that answers, and knows the address that was asked to be its own.
    Here,
    At(SocketAddr),
}

impl<I: NodeId> LeaderReport<I> {
    /// What node `me` can tell a program that asks from `asker`.
    pub(super) fn new(
        me: (I, &OwnAddresses),
        leader: Option<LeaderAddress<I>>,
        asker: SocketAddr,
        asked: SocketAddr,
    ) -> Self {
        let location = |leader: &LeaderAddress<I>| match leader.address {
            // The question may have been led here by somebody else than its asker.
            _ if leader.id == me.0 && me.1.contains(asked, asker) => Location::Here,
            _ if leader.id == me.0 => me.1.for_asker(asker).map_or(Location::Unknown, Location::At),
            Some(address) if means_the_same_to(asker, address) => Location::At(address),
            Some(_) | None => Location::Unknown,
        };
        LeaderReport {
            leader: leader.map(|leader| (leader.id, leader.term, location(&leader), leader.advertised)),
        }
    }

    /// The leader according to a node that was asked at `asked`. The source of the answer is not used: it
    /// may be that of a program which forwards datagrams.
    pub(super) fn leader(self, cluster: ClusterId, asked: SocketAddr) -> Option<LeaderAddress<I>> {
        let (id, term, location, advertised) = self.leader?;
        let address = match location {
            Location::Unknown => None,
            Location::Here => Some(asked),
            Location::At(address) => Some(canonical(address)),
        };
        Some(LeaderAddress { cluster, id, term, address, advertised })
    }
}

/// Encodes a message to a peer, which names its group; `None` if it cannot be encoded or is too long to be read.
pub(super) fn encode_message<I: NodeId + Serialize>(
    from: I,
    to: I,
    addresses: &[(I, Sighting)],
    message: &Message<I>,
) -> Option<Vec<u8>> {
    let mut bytes =
        postcard::to_extend(&Envelope { from, to, addresses }, header(MESSAGE, message.header().cluster))
            .ok()?;
    wire::encode_into(message, &mut bytes).ok()?;
    (bytes.len() <= MAX_PLAIN).then_some(bytes)
}

/// Encodes the question who leads, to a node at `asked`.
pub(super) fn encode_question(cluster: ClusterId, asked: SocketAddr, nonce: Nonce) -> Vec<u8> {
    let mut bytes = header(QUESTION, cluster);
    bytes.extend_from_slice(&nonce);
    // An address is always encoded.
    bytes = postcard::to_extend(&asked, bytes).unwrap_or_default();
    bytes.resize(QUESTION_LENGTH, 0);
    bytes
}

/// Encodes the answer to a question of that `length`; `None` if it would be longer.
pub(super) fn encode_answer<I: NodeId + Serialize>(
    cluster: ClusterId,
    nonce: Nonce,
    length: usize,
    (me, report): (I, &LeaderReport<I>),
) -> Option<Vec<u8>> {
    let mut bytes = header(ANSWER, cluster);
    bytes.extend_from_slice(&nonce);
    let bytes = postcard::to_extend(&(id_type(&me), report), bytes).ok()?;
    (bytes.len() <= length).then_some(bytes)
}

/// Encodes what a node sends to peers that may not know its address.
pub(super) fn encode_announcement<I: NodeId + Serialize>(from: I, cluster: ClusterId) -> Option<Vec<u8>> {
    let mut bytes = postcard::to_extend(&from, header(ANNOUNCEMENT, cluster)).ok()?;
    bytes.resize(bytes.len().saturating_add(ANNOUNCEMENT_PADDING), 0);
    Some(bytes)
}

/// Encodes what a follower answers an announcement with: where it knows its leader to be.
pub(super) fn encode_referral<I: NodeId + Serialize>(
    from: I,
    cluster: ClusterId,
    leader: I,
    addresses: &[Sighting],
) -> Option<Vec<u8>> {
    postcard::to_extend(&(from, leader, addresses), header(REFERRAL, cluster)).ok()
}

/// Encodes a challenge.
pub(super) fn encode_challenge<I: NodeId + Serialize>(
    cluster: ClusterId,
    challenge: &Challenge<I>,
) -> Option<Vec<u8>> {
    postcard::to_extend(challenge, header(CHALLENGE, cluster)).ok()
}

/// Encodes what a node advertises.
pub(super) fn encode_advertisement<I: NodeId + Serialize>(
    cluster: ClusterId,
    told: &Advertisement<I>,
) -> Option<Vec<u8>> {
    postcard::to_extend(told, header(ADVERTISEMENT, cluster)).ok()
}

/// Encodes the echo of a challenge, which is as long.
pub(super) fn encode_echo<I: NodeId + Serialize>(
    cluster: ClusterId,
    challenge: &Challenge<I>,
) -> Option<Vec<u8>> {
    postcard::to_extend(challenge, header(ECHO, cluster)).ok()
}

/// Encodes what an operator asks, in `length` bytes or as many as it takes; `None` if it cannot be encoded.
pub(super) fn encode_request<I: Serialize>(
    cluster: ClusterId,
    nonce: Nonce,
    asked: &Asked<I>,
    length: usize,
) -> Option<Vec<u8>> {
    let mut bytes = header(REQUEST, cluster);
    bytes.extend_from_slice(&nonce);
    let mut bytes = postcard::to_extend(asked, bytes).ok()?;
    let length = bytes.len().max(length);
    bytes.resize(length, 0);
    Some(bytes)
}

/// Encodes the reply of node `me` to a request; `None` if it cannot be encoded.
pub(super) fn encode_reply<I: Serialize>(
    cluster: ClusterId,
    nonce: Nonce,
    (me, reply): (I, &Reply<I>),
) -> Option<Vec<u8>> {
    let mut bytes = header(REPLY, cluster);
    bytes.extend_from_slice(&nonce);
    postcard::to_extend(&(id_type(&me), reply), bytes).ok()
}

/// Decodes a datagram of group `cluster`, if it is one from first byte to last.
pub(super) fn decode<I: NodeId + Serialize + DeserializeOwned>(
    cluster: ClusterId,
    bytes: &[u8],
) -> Result<Datagram<I>, Undecodable<I>> {
    let (kind, named, body) = split_header(bytes)?;
    let datagram = match kind {
        MESSAGE => decode_message(body),
        _ => decode_body(kind, bytes.len(), body).ok_or(Undecodable::Malformed),
    };
    match datagram {
        Ok(Datagram::Message(enveloped)) if enveloped.message.header().cluster != named => {
            Err(Undecodable::Malformed)
        }
        Ok(datagram) if named == cluster => Ok(datagram),
        Ok(datagram) => Err(Undecodable::Foreign { from: datagram.sender(), cluster: named }),
        // Another group may have ids of another type.
        Err(_) if named != cluster => Err(Undecodable::Foreign { from: None, cluster: named }),
        Err(undecodable) => Err(undecodable),
    }
}

pub(super) fn decode_message<I: NodeId + DeserializeOwned>(
    body: &[u8],
) -> Result<Datagram<I>, Undecodable<I>> {
    let opened = postcard::take_from_bytes::<OpenedEnvelope<I>>(body);
    let (OpenedEnvelope { from, to, addresses }, message) = opened.map_err(|_| Undecodable::Malformed)?;
    let message = decode_enclosed(message)?;
    Ok(Datagram::Message(Enveloped { from, to, addresses, message }))
}

/// Decodes the message at the end of a datagram.
pub(super) fn decode_enclosed<I: NodeId + DeserializeOwned>(
    bytes: &[u8],
) -> Result<Message<I>, Undecodable<I>> {
    wire::decode(bytes).map_err(|error| match error {
        wire::DecodeError::UnknownVersion { .. } => Undecodable::OtherVersion,
        _ => Undecodable::Malformed,
    })
}

pub(super) fn decode_body<I: NodeId + Serialize + DeserializeOwned>(
    kind: u8,
    length: usize,
    body: &[u8],
) -> Option<Datagram<I>> {
    match kind {
        QUESTION => {
            let (nonce, rest) = body.split_first_chunk()?;
            let asked = postcard::take_from_bytes(rest).ok().map(|(asked, _)| asked);
            Some(Datagram::Question { nonce: *nonce, asked, length })
        }
        ANSWER => {
            let (nonce, report) = body.split_first_chunk()?;
            let ((ids, report), rest) = postcard::take_from_bytes::<(&str, LeaderReport<I>)>(report).ok()?;
            let is_readable = report.leader.as_ref().is_none_or(|(leader, ..)| id_type(leader) == ids);
            (rest.is_empty() && is_readable).then_some(Datagram::Answer(*nonce, report))
        }
        ANNOUNCEMENT => {
            let (from, rest) = postcard::take_from_bytes(body).ok()?;
            (rest == [0; ANNOUNCEMENT_PADDING]).then_some(Datagram::Announcement { from })
        }
        CHALLENGE | ECHO => {
            let (challenge, rest) = postcard::take_from_bytes(body).ok()?;
            let datagram = if kind == CHALLENGE { Datagram::Challenge } else { Datagram::Echo };
            rest.is_empty().then_some(datagram(challenge))
        }
        ADVERTISEMENT => {
            let (told, rest) = postcard::take_from_bytes(body).ok()?;
            rest.is_empty().then_some(Datagram::Advertisement(told))
        }
        REQUEST => {
            let (nonce, rest) = body.split_first_chunk()?;
            let (asked, _padding) = postcard::take_from_bytes(rest).ok()?;
            Some(Datagram::Request { nonce: *nonce, asked: Box::new(asked), length })
        }
        REPLY => {
            let (nonce, rest) = body.split_first_chunk()?;
            let (ids, rest) = postcard::take_from_bytes::<&str>(rest).ok()?;
            Some(Datagram::Reply(*nonce, Box::new(decode_reply(ids, rest))))
        }
        REFERRAL => {
            let ((from, leader, addresses), rest) = postcard::take_from_bytes(body).ok()?;
            rest.is_empty().then_some(Datagram::Referral { from, leader, addresses })
        }
        _ => None,
    }
}

/// Ids of another type may be readable as these, and would be others: so their type comes first.
fn decode_reply<I: NodeId + DeserializeOwned + Serialize>(ids: &str, bytes: &[u8]) -> Reply<I> {
    match postcard::take_from_bytes::<Reply<I>>(bytes) {
        Ok((Reply::Report(report, ticket), [])) if id_type(&report.status.id) == ids => {
            Reply::Report(report, ticket)
        }
        Ok((reply @ (Reply::Accepted | Reply::Refused(_)), [])) => reply,
        Ok(_) | Err(_) => Reply::Refused(Refused::OtherIds(ids.into())),
    }
}

pub(super) fn header(kind: u8, cluster: ClusterId) -> Vec<u8> {
    // Most datagrams are no longer, nor with what a seal adds.
    let mut bytes = Vec::with_capacity(128);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[VERSION, kind]);
    bytes.extend_from_slice(&cluster.0.to_be_bytes());
    bytes
}

/// The kind, the group and the body of a datagram of this version.
fn split_header<I>(bytes: &[u8]) -> Result<(u8, ClusterId, &[u8]), Undecodable<I>> {
    match bytes.strip_prefix(MAGIC) {
        Some([VERSION, kind, rest @ ..]) => {
            let (cluster, body) = rest.split_first_chunk().ok_or(Undecodable::Malformed)?;
            Ok((*kind, ClusterId(u64::from_be_bytes(*cluster)), body))
        }
        Some([_, _, ..]) => Err(Undecodable::OtherVersion),
        Some([] | [_]) | None => Err(Undecodable::Malformed),
    }
}

#[cfg(test)]
mod tests;
