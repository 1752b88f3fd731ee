//! The endpoint and the socket of a process, and the datagrams that are under way to it.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;

use quorate::adapters::endpoint::Endpoint;
use rand_chacha::ChaCha20Rng;

use crate::clock::Instant;

/// A datagram at its receiver.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) from: usize,
    pub(super) source: SocketAddr,
    pub(super) bytes: Vec<u8>,
    /// The sender and the receiver of the message in it, as places.
    pub(super) carries: Option<(usize, usize)>,
}

#[derive(Clone, Debug)]
pub(super) enum Upcoming {
    Arrive { at: SocketAddr, arrival: Arrival },
    Wake { node: usize, process_number: u32 },
}

/// A process's endpoint and its socket.
pub(super) struct Socket {
    pub(super) process_number: u32,
    pub(super) endpoint: Endpoint<u64, ChaCha20Rng>,
    /// Datagrams that the process has not read yet.
    pub(super) waiting: VecDeque<Arrival>,
    /// The wake-up that is scheduled.
    pub(super) wake: Option<Instant>,
    /// The addresses it was told at its start.
    pub(super) told: Vec<(u64, SocketAddr)>,
    /// The sources of the sealed messages of each node that its book has, as long as it has it. Without a seal a
    /// source is sent no more than came from there, which may be too little to find the node again.
    pub(super) heard: BTreeSet<(u64, SocketAddr)>,
}
