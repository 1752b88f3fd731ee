//! What an endpoint has to send: messages of the election, announcements and handshakes.

use core::net::SocketAddr;
use core::time::Duration;
use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::datagram;
use super::{Endpoint, Transmit};
use crate::message::{Body, Message};
use crate::types::{NodeId, Timestamp};

/// How often a node that knows no leader announces itself: the others may not know its address, and a node
/// that never campaigns is never asked.
const ANNOUNCE_EVERY: Duration = Duration::from_millis(500);

/// How often an endpoint begins handshakes that are not done yet, and forgets addresses that are not needed
/// any more. No event says that a removed node has been told that it is out.
const MAINTAIN_EVERY: Duration = Duration::from_secs(1);

impl<I: NodeId + Serialize + DeserializeOwned, R: TryCryptoRng> Endpoint<I, R> {
    /// Sends `message` to `to`: the datagrams are added to `out`, one for each address that `to` may have.
    /// A message to a node whose address is unknown is counted and dropped.
    pub fn send(&mut self, to: I, message: &Message<I>, now: Timestamp, out: &mut Vec<Transmit>) {
        let mut route = self.book.route(to, now);
        // A stranger is answered where it asked from.
        if let (true, Some((requester, source))) = (route.is_empty(), self.requester) {
            route.extend((requester == to).then_some(source));
        }
        let Some(&reader) = route.first() else {
            return self.counters.count(|counters| &mut counters.unroutable);
        };
        let addresses = self.book.enclose(to, reader, carries_membership(message), now);
        let bytes = datagram::encode_message(self.id, to, &addresses, message);
        let bytes = bytes.and_then(|bytes| self.sealing.seal_for(to, bytes));
        self.transmit(bytes, &route, out);
    }

    /// Does what is due by itself: announcements, handshakes, and forgetting. It may be called at any time;
    /// [`deadline`](Self::deadline) says when it must be.
    pub fn handle_timeout(&mut self, now: Timestamp, out: &mut Vec<Transmit>) {
        self.requester = None;
        if self.leader.is_none() && now >= self.next_announcement {
            self.next_announcement = now.saturating_add(ANNOUNCE_EVERY);
            self.announce(now, out);
        }
        if now >= self.next_maintenance {
            self.next_maintenance = now.saturating_add(MAINTAIN_EVERY);
            self.forget_strangers();
            self.begin_handshakes(now, out);
        }
    }

    /// The others get a handshake first.
    fn announce(&mut self, now: Timestamp, out: &mut Vec<Transmit>) {
        let met: Vec<I> = self.book.ids().filter(|&id| self.sealing.can_send_to(id)).collect();
        for id in met {
            let route = self.book.route(id, now);
            self.announce_to(id, &route, out);
        }
    }

    pub(super) fn announce_to(&mut self, to: I, route: &[SocketAddr], out: &mut Vec<Transmit>) {
        let bytes = datagram::encode_announcement(self.id, self.cluster);
        let bytes = bytes.and_then(|bytes| self.sealing.seal_for(to, bytes));
        self.transmit(bytes, route, out);
    }

    /// Handshakes come before there is anything to send: the first datagram before a handshake is lost.
    fn begin_handshakes(&mut self, now: Timestamp, out: &mut Vec<Transmit>) {
        let unmet: Vec<I> = self.book.ids().filter(|&id| !self.sealing.can_send_to(id)).collect();
        for id in unmet {
            let handshake = self.sealing.handshake(id);
            let route = self.book.route(id, now);
            self.transmit(handshake, &route, out);
        }
    }
}

impl<I: NodeId, R: TryCryptoRng> Endpoint<I, R> {
    /// `None` is a datagram that could not be encoded or sealed.
    pub(super) fn transmit(&mut self, bytes: Option<Vec<u8>>, to: &[SocketAddr], out: &mut Vec<Transmit>) {
        match bytes {
            Some(bytes) => out.extend(to.iter().map(|&to| Transmit { to, bytes: bytes.clone() })),
            None => self.counters.count(|counters| &mut counters.send_errors),
        }
    }
}

/// Addresses travel with the membership.
fn carries_membership<I>(message: &Message<I>) -> bool {
    match &message.body {
        Body::VoteRequest(request) => request.membership.is_some(),
        Body::VoteReply(reply) => reply.membership.is_some(),
        Body::Heartbeat(heartbeat) => heartbeat.membership.is_some(),
        Body::HeartbeatReply(reply) => reply.membership.is_some(),
    }
}
