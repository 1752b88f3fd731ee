//! What is sealed before the body of a datagram, written by postcard.
//!
//! ```text
//! 0  for everybody
//! 1  request: sender, receiver; then zeros
//! 2  reply: nonce of the datagram that it answers, ticket; then zeros
//! 3  full head: sender, receiver, session and ticket of the receiver, ticket, channel that is read, whether to confirm
//! 4  short head: tag of the receiver
//! ```
//! The number of the kind is one byte. A nonce is twelve bytes, a session six, a channel ten, a tag two; a ticket is eight
//! bytes with the highest first. The channel is behind a byte that is 1, or is a byte that is 0 if none is read.

use std::prelude::rust_2024::*;

use blake2::{Blake2b512, Digest};
use rand_core::TryCryptoRng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::number::{Channel, Nonce, Session};
use super::{Refusal, SealError};

#[derive(Serialize, Deserialize)]
pub(super) enum Contents<I> {
    Broadcast,
    /// Asks a node for a ticket.
    Request {
        from: I,
        to: I,
    },
    /// Gives a ticket to the process that sealed the datagram with this nonce.
    Reply {
        answered: Nonce,
        ticket: Ticket,
    },
    Full(FullHead<I>),
    Short(Tag),
}

/// What a datagram of one node to another begins with until each has heard that the other reads its channel.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct FullHead<I> {
    pub(super) from: I,
    pub(super) to: I,
    /// The process of the receiver that the sender knows, and the ticket that it has given.
    pub(super) proof: (Session, Ticket),
    /// What the receiver's datagrams are to bear.
    pub(super) ticket: Ticket,
    /// The channel of the receiver that the sender reads.
    pub(super) heard: Option<Channel>,
    /// Whether the sender has not heard yet that the receiver reads this channel.
    pub(super) asks: bool,
}

/// What a process gives to show that a datagram is recent: a later one is greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct Ticket(#[serde(with = "postcard::fixint::be")] pub(super) u64);

impl Ticket {
    /// The ticket before the first of a process. The tickets of two processes have hardly ever one number.
    pub(super) fn draw<R: TryCryptoRng>(rng: &mut R) -> Result<Self, R::Error> {
        let mut bytes = [0; 8];
        rng.try_fill_bytes(&mut bytes)?;
        Ok(Ticket(u64::from_be_bytes(bytes) / 2))
    }

    pub(super) fn next(self) -> Self {
        Ticket(self.0.saturating_add(1))
    }
}

/// Tells the nodes apart that a datagram may be for, well enough to name a mistake: the channel is what decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Tag([u8; 2]);

impl Tag {
    /// The first bytes of a hash of the id. They are sealed, so that the hash needs no key.
    pub(super) fn of(id: &impl Serialize) -> Result<Self, SealError> {
        let bytes = postcard::to_allocvec(id).map_err(|_| SealError::BadId)?;
        let [first, second, ..]: [u8; 64] = Blake2b512::digest(&bytes).into();
        Ok(Tag([first, second]))
    }
}

pub(super) fn decode<I: DeserializeOwned>(plain: &[u8]) -> Result<(Contents<I>, &[u8]), Refusal> {
    postcard::take_from_bytes(plain).map_err(|_| Refusal::Malformed)
}
