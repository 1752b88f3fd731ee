//! What travels between hosts: four kinds of datagram behind one short header.
//!
//! ```text
//! "qr"  version  kind  body
//!                  1   postcard (sender, receiver, addresses), then a message as the wire module writes it
//!                  2   eight bytes to be echoed, then padding: who leads?
//!                  3   the same eight bytes, then postcard (cluster, leader)
//!                  4   postcard (sender, cluster): I am here
//! ```
//! A change of this layout raises the version, and a host refuses versions that it does not know. All of
//! them travel sealed, if the host has keys: see the module `seal`.

use std::net::{IpAddr, SocketAddr};
use std::prelude::rust_2024::*;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::LeaderAddress;
use crate::adapters::wire;
use crate::message::Message;
use crate::types::{ClusterId, NodeId, Term};

/// The longest datagram that is read: a message and its envelope.
pub(in crate::adapters) const LONGEST: usize = wire::MAX_DATAGRAM + 4 * 1024;

/// How long a question is made. No answer is longer than its question, so that nobody can use a
/// group to multiply what he sends under another's address.
const QUESTION: usize = 512;

const MAGIC: &[u8] = b"qr";
const VERSION: u8 = 4;
const PEER: u8 = 1;
const WHO_LEADS: u8 = 2;
const LEADER: u8 = 3;
const HELLO: u8 = 4;

/// What a question is recognized by in its answer.
pub(in crate::adapters) type Nonce = [u8; 8];

/// A datagram, read.
pub(in crate::adapters) enum Datagram<I> {
    Peer(Letter<I>),
    /// And how long it is.
    Question(Nonce, usize),
    Answer(Nonce, Report<I>),
    Hello(I, ClusterId),
}

impl<I: Copy> Datagram<I> {
    /// The node that sends it; none of questions and answers, which may be anybody's.
    pub(in crate::adapters) fn sender(&self) -> Option<I> {
        match self {
            Datagram::Peer(letter) => Some(letter.from),
            Datagram::Hello(from, _) => Some(*from),
            Datagram::Question(..) | Datagram::Answer(..) => None,
        }
    }
}

/// A message and its envelope.
pub(in crate::adapters) struct Letter<I> {
    pub(in crate::adapters) from: I,
    /// Whom it is for: another node may be where that one was.
    pub(in crate::adapters) to: I,
    /// Where members are, as far as the sender knows.
    pub(in crate::adapters) addresses: Vec<(I, Sighting)>,
    pub(in crate::adapters) message: Message<I>,
}

#[derive(Serialize)]
struct Envelope<'a, I> {
    from: I,
    to: I,
    addresses: &'a [(I, Sighting)],
}

#[derive(Deserialize)]
struct Opened<I> {
    from: I,
    to: I,
    addresses: Vec<(I, Sighting)>,
}

/// Where a member is.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(in crate::adapters) struct Sighting {
    pub(in crate::adapters) address: SocketAddr,
    /// How many milliseconds ago that was known to be true; none if the address was only ever
    /// configured. No two clocks need agree.
    pub(in crate::adapters) age: Option<u32>,
}

/// What is known of the leader.
#[derive(Serialize, Deserialize)]
pub(in crate::adapters) struct Report<I> {
    pub(in crate::adapters) cluster: ClusterId,
    pub(in crate::adapters) leader: Option<(I, Term, Place)>,
}

impl<I: NodeId> Report<I> {
    /// What node `me` can tell whoever asks from `asker`.
    pub(in crate::adapters) fn new(
        me: I,
        cluster: ClusterId,
        leader: Option<LeaderAddress<I>>,
        asker: SocketAddr,
    ) -> Self {
        let place = |leader: &LeaderAddress<I>| match leader.address {
            _ if leader.id == me => Place::Here,
            Some(address) if means_the_same_to(asker, address) => Place::There(address),
            Some(_) | None => Place::Unknown,
        };
        Report { cluster, leader: leader.map(|leader| (leader.id, leader.term, place(&leader))) }
    }
}

/// Where it is.
#[derive(Serialize, Deserialize)]
pub(in crate::adapters) enum Place {
    Unknown,
    /// It is the one that answers.
    Here,
    There(SocketAddr),
}

/// A message to a peer; `None` if it cannot be written or is too long to be read.
pub(in crate::adapters) fn letter<I: NodeId + Serialize>(
    from: I,
    to: I,
    addresses: &[(I, Sighting)],
    message: &Message<I>,
) -> Option<Vec<u8>> {
    let mut bytes = postcard::to_extend(&Envelope { from, to, addresses }, header(PEER)).ok()?;
    wire::encode_into(message, &mut bytes).ok()?;
    (bytes.len() <= LONGEST).then_some(bytes)
}

pub(in crate::adapters) fn question(nonce: Nonce) -> Vec<u8> {
    let mut bytes = header(WHO_LEADS);
    bytes.extend_from_slice(&nonce);
    bytes.resize(QUESTION, 0);
    bytes
}

/// The answer to a question of `asked` bytes; `None` if it would be longer.
pub(in crate::adapters) fn answer<I: NodeId + Serialize>(
    nonce: Nonce,
    asked: usize,
    report: &Report<I>,
) -> Option<Vec<u8>> {
    let mut bytes = header(LEADER);
    bytes.extend_from_slice(&nonce);
    let bytes = postcard::to_extend(report, bytes).ok()?;
    (bytes.len() <= asked).then_some(bytes)
}

/// What a node says that is in nobody's book yet.
pub(in crate::adapters) fn hello<I: NodeId + Serialize>(from: I, cluster: ClusterId) -> Option<Vec<u8>> {
    postcard::to_extend(&(from, cluster), header(HELLO)).ok()
}

/// Reads a datagram; `None` if it is not one of ours, from first byte to last.
pub(in crate::adapters) fn open<I: NodeId + DeserializeOwned>(bytes: &[u8]) -> Option<Datagram<I>> {
    let (kind, body) = bytes.strip_prefix(MAGIC)?.strip_prefix(&[VERSION])?.split_first()?;
    match *kind {
        PEER => {
            let (Opened { from, to, addresses }, message) = postcard::take_from_bytes(body).ok()?;
            let message = wire::decode(message).ok()?;
            Some(Datagram::Peer(Letter { from, to, addresses, message }))
        }
        WHO_LEADS => Some(Datagram::Question(*body.first_chunk()?, bytes.len())),
        LEADER => {
            let (nonce, report) = body.split_first_chunk()?;
            let (report, rest) = postcard::take_from_bytes::<Report<I>>(report).ok()?;
            rest.is_empty().then_some(Datagram::Answer(*nonce, report))
        }
        HELLO => {
            let ((from, cluster), rest) = postcard::take_from_bytes(body).ok()?;
            rest.is_empty().then_some(Datagram::Hello(from, cluster))
        }
        _ => None,
    }
}

/// Whether a node can be there at all.
pub(in crate::adapters) fn is_usable(address: SocketAddr) -> bool {
    let broadcast = matches!(address.ip(), IpAddr::V4(ip) if ip.is_broadcast());
    address.port() != 0 && !address.ip().is_unspecified() && !address.ip().is_multicast() && !broadcast
}

/// Whether `address` means the same to whoever is at `reader`.
pub(in crate::adapters) fn means_the_same_to(reader: SocketAddr, address: SocketAddr) -> bool {
    is_usable(address) && (!address.ip().is_loopback() || reader.ip().is_loopback())
}

fn header(kind: u8) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[VERSION, kind]);
    bytes
}
