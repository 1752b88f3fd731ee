//! The kinds of datagram that endpoints exchange, behind one short header.
//!
//! ```text
//! "qr"  version  kind  cluster  body
//!  2       1       1      8
//!                  1             postcard (sender, receiver, addresses), then a message as the wire module writes it
//!                  2             eight bytes to be echoed, postcard (the address that is asked), padding: who leads?
//!                  3             the same eight bytes, then postcard (the leader)
//!                  4             postcard (the sender), padding: an announcement of the sender's address
//!                  5             postcard (sender, receiver), eight bytes: a challenge to be echoed
//!                  6             the same, as the echo of a challenge
//! ```
//! An endpoint reads datagrams of its own group alone. A change of this layout raises the version, and an endpoint refuses versions that it does not know. All
//! kinds travel sealed, if the endpoint has keys: see the module `seal`.

use core::net::SocketAddr;
use std::prelude::rust_2024::*;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::LeaderAddress;
use super::address::{canonical, means_the_same_to};
use super::confirmation::Cookie;
use super::own_addresses::OwnAddresses;
use crate::adapters::wire;
use crate::message::Message;
use crate::types::{ClusterId, NodeId, Term};

/// The longest datagram that is read: a message and its envelope.
pub(super) const MAX_PLAIN: usize = wire::MAX_DATAGRAM + 4 * 1024;

/// The length of a question. No answer is longer than its question, so that a group cannot be used to
/// multiply what is sent under another node's address.
const QUESTION_LENGTH: usize = 512;

const MAGIC: &[u8] = b"qr";
const VERSION: u8 = 6;
const MESSAGE: u8 = 1;
const QUESTION: u8 = 2;
const ANSWER: u8 = 3;
const ANNOUNCEMENT: u8 = 4;
const CHALLENGE: u8 = 5;
const ECHO: u8 = 6;
const REFERRAL: u8 = 7;

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
}

/// Bytes that are no datagram of this group.
pub(super) enum Undecodable<I> {
    /// The datagram is of this protocol, and of another group; its sender, if the datagram names one.
    Foreign { from: Option<I>, cluster: ClusterId },
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
            Datagram::Challenge(challenge) | Datagram::Echo(challenge) => Some(challenge.from),
            Datagram::Question { .. } | Datagram::Answer(..) => None,
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
    leader: Option<(I, Term, Location)>,
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
        LeaderReport { leader: leader.map(|leader| (leader.id, leader.term, location(&leader))) }
    }

    /// The leader according to a node that was asked at `asked`. The source of the answer is not used: it
    /// may be that of a program which forwards datagrams.
    pub(super) fn leader(self, cluster: ClusterId, asked: SocketAddr) -> Option<LeaderAddress<I>> {
        let (id, term, location) = self.leader?;
        let address = match location {
            Location::Unknown => None,
            Location::Here => Some(asked),
            Location::At(address) => Some(canonical(address)),
        };
        Some(LeaderAddress { cluster, id, term, address })
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
        postcard::to_extend(&Envelope { from, to, addresses }, header(MESSAGE, message.header.cluster))
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
    report: &LeaderReport<I>,
) -> Option<Vec<u8>> {
    let mut bytes = header(ANSWER, cluster);
    bytes.extend_from_slice(&nonce);
    let bytes = postcard::to_extend(report, bytes).ok()?;
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

/// Encodes the echo of a challenge, which is as long.
pub(super) fn encode_echo<I: NodeId + Serialize>(
    cluster: ClusterId,
    challenge: &Challenge<I>,
) -> Option<Vec<u8>> {
    postcard::to_extend(challenge, header(ECHO, cluster)).ok()
}

/// Decodes a datagram of group `cluster`, if it is one from first byte to last.
pub(super) fn decode<I: NodeId + DeserializeOwned>(
    cluster: ClusterId,
    bytes: &[u8],
) -> Result<Datagram<I>, Undecodable<I>> {
    let (kind, named, body) = split_header(bytes).ok_or(Undecodable::Malformed)?;
    let datagram = decode_body(kind, bytes.len(), body);
    match datagram {
        Some(Datagram::Message(enveloped)) if enveloped.message.header.cluster != named => {
            Err(Undecodable::Malformed)
        }
        Some(datagram) if named == cluster => Ok(datagram),
        Some(datagram) => Err(Undecodable::Foreign { from: datagram.sender(), cluster: named }),
        // Another group may have ids of another type.
        None if named != cluster => Err(Undecodable::Foreign { from: None, cluster: named }),
        None => Err(Undecodable::Malformed),
    }
}

fn decode_body<I: NodeId + DeserializeOwned>(kind: u8, length: usize, body: &[u8]) -> Option<Datagram<I>> {
    match kind {
        MESSAGE => {
            let (OpenedEnvelope { from, to, addresses }, message) = postcard::take_from_bytes(body).ok()?;
            let message = wire::decode(message).ok()?;
            Some(Datagram::Message(Enveloped { from, to, addresses, message }))
        }
        QUESTION => {
            let (nonce, rest) = body.split_first_chunk()?;
            let asked = postcard::take_from_bytes(rest).ok().map(|(asked, _)| asked);
            Some(Datagram::Question { nonce: *nonce, asked, length })
        }
        ANSWER => {
            let (nonce, report) = body.split_first_chunk()?;
            let (report, rest) = postcard::take_from_bytes::<LeaderReport<I>>(report).ok()?;
            rest.is_empty().then_some(Datagram::Answer(*nonce, report))
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
        REFERRAL => {
            let ((from, leader, addresses), rest) = postcard::take_from_bytes(body).ok()?;
            rest.is_empty().then_some(Datagram::Referral { from, leader, addresses })
        }
        _ => None,
    }
}

fn header(kind: u8, cluster: ClusterId) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[VERSION, kind]);
    bytes.extend_from_slice(&cluster.0.to_be_bytes());
    bytes
}

/// The kind, the group and the body of a datagram of this version.
fn split_header(bytes: &[u8]) -> Option<(u8, ClusterId, &[u8])> {
    let (&kind, rest) = bytes.strip_prefix(MAGIC)?.strip_prefix(&[VERSION])?.split_first()?;
    let (cluster, body) = rest.split_first_chunk()?;
    Some((kind, ClusterId(u64::from_be_bytes(*cluster)), body))
}
