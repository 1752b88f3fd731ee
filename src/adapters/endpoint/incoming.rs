//! What an endpoint does with a datagram that came in.

use core::net::SocketAddr;
use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::datagram::{self, Datagram, Enveloped, LeaderReport, Nonce, Sighting};
use super::sealing::Received;
use super::{Endpoint, Transmit};
use crate::event::Event;
use crate::message::Message;
use crate::types::{ClusterId, NodeId, Timestamp};

/// What a message says of addresses. Its step decides whether they are of any use.
pub(super) struct Unsettled<I> {
    from: I,
    source: SocketAddr,
    at: Timestamp,
    addresses: Vec<(I, Sighting)>,
}

impl<I: NodeId + Serialize + DeserializeOwned, R: TryCryptoRng> Endpoint<I, R> {
    /// Opens a datagram that came from `source`, in its place. Returns the message in it and the sender, if
    /// there is one: read the clock, tick, and step it as [`Input::Receive`](crate::Input::Receive). What the
    /// endpoint has to send is added to `out`.
    pub fn handle_datagram(
        &mut self,
        bytes: &mut [u8],
        source: SocketAddr,
        now: Timestamp,
        out: &mut Vec<Transmit>,
    ) -> Option<(I, Message<I>)> {
        self.settle();
        self.forget_strangers();
        self.requester = None;
        match self.sealing.open(bytes) {
            Received::Datagram(datagram) => return self.receive(datagram, source, now, out),
            Received::OfTwin(peer, datagram) => {
                self.news.say(Event::TwoProcesses { peer }, now);
                return self.receive(datagram, source, now, out);
            }
            Received::Foreign(from, cluster) => self.receive_foreign(from, cluster, now),
            Received::HandshakeDone(with) => self.complete_handshake(with, source, out),
            Received::Reply(bytes) => out.push(Transmit { to: source, bytes }),
            Received::Refused => {}
            Received::Oversized => self.counters.count(|counters| &mut counters.oversized),
            Received::Undecodable => self.counters.count(|counters| &mut counters.undecodable),
        }
        None
    }

    fn receive(
        &mut self,
        datagram: Datagram<I>,
        source: SocketAddr,
        now: Timestamp,
        out: &mut Vec<Transmit>,
    ) -> Option<(I, Message<I>)> {
        match datagram {
            Datagram::Message(enveloped) => return self.receive_message(enveloped, source, now),
            Datagram::Announcement { from } => self.receive_announcement(from, source, now),
            Datagram::Question { nonce, length } => self.answer_question(nonce, length, source, out),
            Datagram::Answer(..) => self.counters.count(|counters| &mut counters.undecodable),
        }
        None
    }

    /// A datagram of another group is not handed out, since only its sender can be right about it.
    fn receive_foreign(&mut self, from: Option<I>, cluster: ClusterId, now: Timestamp) {
        self.counters.count(|counters| &mut counters.foreign);
        if let Some(peer) = from {
            self.news.say(Event::ForeignCluster { peer, cluster }, now);
        }
    }

    fn receive_message(
        &mut self,
        enveloped: Enveloped<I>,
        source: SocketAddr,
        now: Timestamp,
    ) -> Option<(I, Message<I>)> {
        let Enveloped { from, to, addresses, message } = enveloped;
        if from == self.id {
            self.counters.count(|counters| &mut counters.from_own_id);
            return None;
        }
        // A leader tells each member what that member has not acknowledged yet: to another node it would mean
        // something else.
        if to != self.id {
            self.counters.count(|counters| &mut counters.misdirected);
            return None;
        }
        self.requester = Some((from, source));
        self.counters.count(|counters| &mut counters.received);
        if self.is_admitted(from) {
            self.book.record_source(from, source, now);
        } else {
            self.counters.count(|counters| &mut counters.strangers);
        }
        self.unsettled = Some(Unsettled { from, source, at: now, addresses });
        Some((from, message))
    }

    fn receive_announcement(&mut self, from: I, source: SocketAddr, now: Timestamp) {
        if self.is_admitted(from) {
            self.book.record_source(from, source, now);
        }
    }

    /// The other node can be written to now. Whatever it receives first lets it write to this one.
    fn complete_handshake(&mut self, with: I, source: SocketAddr, out: &mut Vec<Transmit>) {
        if self.is_admitted(with) {
            self.announce_to(with, &[source], out);
        }
    }

    fn answer_question(&mut self, nonce: Nonce, length: usize, asker: SocketAddr, out: &mut Vec<Transmit>) {
        let report = LeaderReport::new(self.id, self.leader(), asker);
        match datagram::encode_answer(self.cluster, nonce, length, &report) {
            Some(bytes) => {
                let bytes = self.sealing.seal_broadcast(bytes);
                self.transmit(bytes, &[asker], out);
                self.counters.count(|counters| &mut counters.answered);
            }
            None => self.counters.count(|counters| &mut counters.short_questions),
        }
    }
}

impl<I: NodeId, R: TryCryptoRng> Endpoint<I, R> {
    /// Learns the addresses that the last message brought. Its step may have made its sender a member, or
    /// brought the membership that the addresses go with.
    pub(super) fn settle(&mut self) {
        let Some(Unsettled { from, source, at, addresses }) = self.unsettled.take() else { return };
        if !self.is_admitted(from) {
            return;
        }
        self.book.record_source(from, source, at);
        for (id, sighting) in addresses {
            if self.is_admitted(id) {
                self.book.record_report(id, sighting, at);
            }
        }
    }
}
