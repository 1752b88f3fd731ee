//! What an endpoint has to send: messages of the election, announcements and handshakes.

use core::mem;
use core::net::SocketAddr;
use core::time::Duration;
use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::address::for_socket;
use super::datagram;
use super::evidence::Fault;
use super::pacing::Turn;
use super::{Endpoint, Transmit};
use crate::message::Message;
use crate::types::{NodeId, Timestamp};

/// How often a node that knows no leader announces itself: the others may not know its address, and a node
/// that never campaigns is never asked.
const ANNOUNCE_EVERY: Duration = Duration::from_millis(500);

/// How often an endpoint begins handshakes that are not done yet, repeats challenges, counts the silent, and forgets
/// addresses that are not needed any more. No event says that a removed node has been told that it is out.
const MAINTAIN_EVERY: Duration = Duration::from_secs(1);

impl<I: NodeId + Serialize + DeserializeOwned, R: TryCryptoRng> Endpoint<I, R> {
    /// Sends `message` to `to`: the datagrams are added to `out`, one for each address that `to` may have. A message to
    /// a node whose address is unknown is counted and dropped. So are most messages to a node that does not answer;
    /// those that are sent to it come out of the next [`handle_timeout`](Self::handle_timeout), behind all others.
    pub fn send(&mut self, to: I, message: &Message<I>, now: Timestamp, out: &mut Vec<Transmit>) {
        self.now = now;
        // A message that has waited for a write may be of the life before.
        self.sealing.set_life(message.header().life);
        let route = self.book.route(to, now);
        let Some(&reader) = route.first() else { return self.answer_stranger(to, message, out) };
        let turn = self.book.turn(to, now);
        if turn == Turn::Never {
            return self.counters.count(|counters| &mut counters.held_back);
        }
        let addresses = self.book.enclose(to, reader, carries_membership(message), now);
        let bytes = self.sealing.encode_message((self.id, to), &addresses, message);
        if bytes.is_none() {
            self.evidence.record(to, Fault::TooLong, now);
        }
        let bytes = bytes.and_then(|bytes| self.sealing.seal_for(to, bytes));
        self.transmit_to(to, bytes, &route, turn, out);
    }

    /// A node that may not have an address here is answered where it asked from: with no more than it sent, until it
    /// has shown that it receives there.
    fn answer_stranger(&mut self, to: I, message: &Message<I>, out: &mut Vec<Transmit>) {
        let Some(requester) = self.requester.as_mut().filter(|requester| requester.id == to) else {
            return self.counters.count(|counters| &mut counters.unroutable);
        };
        let (source, room) = (requester.source, requester.room);
        let bytes = self.sealing.encode_message((self.id, to), &[], message);
        let Some(bytes) = bytes.and_then(|bytes| self.sealing.seal_for(to, bytes)) else {
            return self.counters.count(|counters| &mut counters.send_errors);
        };
        let sent = if bytes.len() <= room || self.confirmation.is_confirmed(source, self.now) {
            Some(bytes)
        } else {
            self.counters.count(|counters| &mut counters.unconfirmed);
            self.challenge(to, source, self.now).filter(|bytes| bytes.len() <= room)
        };
        let Some(bytes) = sent else { return };
        if let Some(requester) = &mut self.requester {
            requester.room = room.saturating_sub(bytes.len());
        }
        self.transmit(source, bytes, out);
    }

    /// Does what is due by itself: announcements, handshakes, forgetting, and what is for nodes that do not answer. It
    /// may be called at any time; [`deadline`](Self::deadline) says when it must be.
    pub fn handle_timeout(&mut self, now: Timestamp, out: &mut Vec<Transmit>) {
        self.now = now;
        self.requester = None;
        self.review_names(now);
        if self.leader.is_none() && now >= self.next_announcement {
            self.next_announcement = now.saturating_add(ANNOUNCE_EVERY);
            self.announce(out);
        }
        if now >= self.next_maintenance {
            self.next_maintenance = now.saturating_add(MAINTAIN_EVERY);
            self.forget_strangers();
            self.book.count_silent(now);
            for &id in self.members.iter().filter(|&&id| self.book.is_certain(id)) {
                self.advertisements.record_member(id, now);
            }
            self.begin_handshakes(out);
            for (id, source) in self.book.unanswered(now) {
                self.send_challenge(id, source, now, out);
            }
        }
        self.send_advertisements(out);
        self.report_problem(now);
        out.append(&mut self.deferred);
    }

    /// The others get a handshake first.
    fn announce(&mut self, out: &mut Vec<Transmit>) {
        let met: Vec<I> = self.book.ids().filter(|&id| self.sealing.can_send_to(id)).collect();
        for id in met {
            let bytes = datagram::encode_announcement(self.id, self.cluster);
            let bytes = bytes.and_then(|bytes| self.sealing.seal_for(id, bytes));
            self.transmit_in_turn(id, bytes, out);
        }
    }

    /// Handshakes come before there is anything to send: the first datagram before a handshake is lost.
    fn begin_handshakes(&mut self, out: &mut Vec<Transmit>) {
        let unmet: Vec<I> = self.book.ids().filter(|&id| !self.sealing.can_send_to(id)).collect();
        for id in unmet {
            let handshake = self.sealing.handshake(id);
            self.transmit_in_turn(id, handshake, out);
        }
    }
}

impl<I: NodeId, R: TryCryptoRng> Endpoint<I, R> {
    pub(super) fn transmit_in_turn(&mut self, id: I, bytes: Option<Vec<u8>>, out: &mut Vec<Transmit>) {
        let route = self.book.route(id, self.now);
        match self.book.turn(id, self.now) {
            _ if route.is_empty() => {}
            Turn::Never => self.counters.count(|counters| &mut counters.held_back),
            turn @ (Turn::Now | Turn::Last) => self.transmit_to(id, bytes, &route, turn, out),
        }
    }

    /// Sends to each of these addresses of `id` that may be sent to. `None` is a datagram that could not be encoded or
    /// sealed.
    fn transmit_to(
        &mut self,
        id: I,
        bytes: Option<Vec<u8>>,
        route: &[SocketAddr],
        turn: Turn,
        out: &mut Vec<Transmit>,
    ) {
        let Some(bytes) = bytes else {
            return self.counters.count(|counters| &mut counters.send_errors);
        };
        let mut deferred = mem::take(&mut self.deferred);
        let queue = if turn == Turn::Last { &mut deferred } else { out };
        let before = queue.len();
        let length = bytes.len();
        if let &[address] = route {
            // Nearly always, and then nothing is copied.
            if self.book.spend(id, address, length, self.now) {
                self.transmit(address, bytes, queue);
            }
        } else {
            for &address in route {
                if self.book.spend(id, address, length, self.now) {
                    self.transmit(address, bytes.clone(), queue);
                }
            }
        }
        self.book.record_sent(id, length, queue.len().saturating_sub(before), self.now);
        self.deferred = deferred;
    }

    /// Sends to one address, in the form of the socket, if there is one.
    pub(super) fn transmit(&self, to: SocketAddr, bytes: Vec<u8>, out: &mut Vec<Transmit>) {
        out.extend(for_socket(self.own.local(), to).map(|to| Transmit { to, bytes }));
    }
}

/// Addresses travel with the membership.
fn carries_membership<I>(message: &Message<I>) -> bool {
    message.membership().is_some()
}
