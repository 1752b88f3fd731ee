//! What an endpoint does with a datagram that came in.

use core::net::SocketAddr;
use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::address::canonical;
use super::candidates::Word;
use super::datagram::{self, Challenge, Datagram, Enveloped, LeaderReport, Nonce, Sighting};
use super::evidence::Fault;
use super::sealing::Received;
use super::{DatagramCounters, Endpoint, Transmit};
use crate::event::Event;
use crate::message::Message;
use crate::types::{ClusterId, NodeId, Timestamp};

/// How many addresses of its leader a follower tells at most, which an announcement has room for.
const MOST_REFERRED: usize = 3;

/// What a message says of addresses. Its step decides whether they are of any use.
pub(super) struct Unsettled<I> {
    from: I,
    origin: Origin,
    /// Whether the sender had an address here when the message came, and the source was recorded.
    recorded: bool,
    addresses: Vec<(I, Sighting)>,
}

/// Where a datagram came from.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    /// Canonical.
    pub(super) source: SocketAddr,
    /// How many bytes came: nobody is answered with more who may not receive at the source.
    pub(super) length: usize,
    pub(super) at: Timestamp,
}

/// The node that is answered now.
pub(super) struct Requester<I> {
    pub(super) id: I,
    pub(super) source: SocketAddr,
    /// How many bytes it may be answered with unless it is known to receive at the source.
    pub(super) room: usize,
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
        self.now = now;
        self.settle();
        self.forget_strangers();
        self.requester = None;
        self.requests.forget();
        let origin = Origin { source: canonical(source), length: bytes.len(), at: now };
        match self.sealing.open(bytes) {
            Received::Datagram(datagram) | Received::OfTwin(_, datagram)
                if self.register_voter.is_some() && datagram.sender() == self.register_voter =>
            {
                self.counters.count(|counters| &mut counters.from_register_voter);
            }
            Received::Datagram(datagram) => return self.receive(datagram, origin, out),
            Received::OfTwin(peer, datagram) => {
                self.news.say(Event::TwoProcesses { peer }, now);
                return self.receive(datagram, origin, out);
            }
            Received::Foreign(from, cluster) => self.receive_foreign(from, cluster, origin),
            Received::HandshakeDone(with) => self.complete_handshake(with, origin, out),
            Received::Reply(bytes) => self.transmit(origin.source, bytes, out),
            Received::Refused(refusal) => {
                Fault::of(refusal).into_iter().for_each(|fault| self.record_fault(fault, origin));
            }
            Received::Oversized => self.refuse(Fault::Unreadable, origin, |counters| &mut counters.oversized),
            Received::OtherVersion => {
                self.refuse(Fault::OtherRelease, origin, |counters| &mut counters.other_version);
            }
            Received::Undecodable => {
                self.refuse(Fault::Unreadable, origin, |counters| &mut counters.undecodable)
            }
        }
        None
    }

    fn receive(
        &mut self,
        datagram: Datagram<I>,
        origin: Origin,
        out: &mut Vec<Transmit>,
    ) -> Option<(I, Message<I>)> {
        match datagram {
            Datagram::Message(enveloped) => return self.receive_message(enveloped, origin, out),
            Datagram::Announcement { from } if self.is_admitted(from) => {
                self.record_source(from, origin, out);
                self.advertisements.record_start(from);
                self.refer(from, origin, out);
            }
            Datagram::Referral { from, leader, addresses } if self.is_admitted(from) => {
                self.record_source(from, origin, out);
                self.follow_referral(from, leader, addresses, origin);
            }
            Datagram::Announcement { .. } | Datagram::Referral { .. } => {}
            Datagram::Challenge(challenge) => self.echo(&challenge, origin, out),
            Datagram::Echo(echoed) => self.receive_echo(&echoed, origin),
            Datagram::Question { nonce, asked, length } => {
                self.answer_question(nonce, asked, length, origin.source, out);
            }
            Datagram::Request { nonce, asked, length } => {
                self.receive_request((nonce, *asked), (origin.source, length), out);
            }
            Datagram::Advertisement(told) => self.receive_advertisement(&told, origin),
            Datagram::Answer(..) | Datagram::Reply(..) => {
                self.counters.count(|counters| &mut counters.undecodable);
            }
        }
        None
    }

    /// A datagram of another group is not handed out, since only its sender can be right about it.
    fn receive_foreign(&mut self, from: Option<I>, cluster: ClusterId, origin: Origin) {
        self.refuse(Fault::Foreign, origin, |counters| &mut counters.foreign);
        if let Some(peer) = from {
            self.news.say(Event::ForeignCluster { peer, cluster }, origin.at);
        }
    }

    /// Counts a datagram that cannot be used.
    fn refuse(
        &mut self,
        fault: Fault,
        origin: Origin,
        counter: impl FnOnce(&mut DatagramCounters) -> &mut u64,
    ) {
        self.counters.count(counter);
        self.record_fault(fault, origin);
    }

    fn receive_message(
        &mut self,
        enveloped: Enveloped<I>,
        origin: Origin,
        out: &mut Vec<Transmit>,
    ) -> Option<(I, Message<I>)> {
        let Enveloped { from, to, addresses, message } = enveloped;
        if from == self.id {
            self.refuse(Fault::OwnId, origin, |counters| &mut counters.from_own_id);
            return None;
        }
        // A leader tells each member what that member has not acknowledged yet: to another node it would mean
        // something else.
        if to != self.id {
            self.refuse(Fault::Misdirected, origin, |counters| &mut counters.misdirected);
            return None;
        }
        let Origin { source, length, .. } = origin;
        self.requester = Some(Requester { id: from, source, room: length });
        self.counters.count(|counters| &mut counters.received);
        self.diagnostics.record_contact(self.sealing.is_sealed(), origin.at);
        let recorded = self.is_admitted(from);
        if recorded {
            self.record_source(from, origin, out);
            self.advertisements.record_member(from, origin.at);
        } else {
            self.counters.count(|counters| &mut counters.strangers);
        }
        self.unsettled = Some(Unsettled { from, origin, recorded, addresses });
        Some((from, message))
    }

    /// A datagram of a node that may have an address here. Its source counts if the program gave it, or once the node
    /// has echoed a challenge from there.
    fn record_source(&mut self, from: I, origin: Origin, out: &mut Vec<Transmit>) {
        let Origin { source, length, at } = origin;
        if self.book.record_source(from, source, (length, self.sealing.is_sealed()), at) {
            self.send_challenge(from, source, at, out);
        }
    }

    /// Member `to` knows no leader. Where the leader is, a follower tells it, which has no other reason to write to it:
    /// the leader may not reach it before it has written to the leader.
    fn refer(&mut self, to: I, origin: Origin, out: &mut Vec<Transmit>) {
        let Some(leader) = self.leader.map(|leader| leader.id).filter(|&leader| leader != to) else { return };
        let Origin { source, length, at } = origin;
        let known = self.book.sightings(leader, source, at);
        let room = datagram::encode_announcement(to, self.cluster).map_or(0, |bytes| bytes.len());
        let referral = |count| {
            let bytes = datagram::encode_referral(self.id, self.cluster, leader, known.get(..count)?);
            bytes.filter(|bytes| bytes.len() <= room)
        };
        let referral = (1..=known.len().min(MOST_REFERRED)).rev().find_map(referral);
        let referral = referral.and_then(|bytes| self.sealing.seal_if_met(to, bytes));
        if let Some(bytes) = referral.filter(|bytes| bytes.len() <= length)
            && self.book.spend(to, source, bytes.len(), at)
        {
            self.transmit(source, bytes, out);
        }
    }

    pub(super) fn send_challenge(
        &mut self,
        to: I,
        source: SocketAddr,
        now: Timestamp,
        out: &mut Vec<Transmit>,
    ) {
        if let Some(bytes) = self.challenge(to, source, now)
            && self.book.challenge(to, source, bytes.len(), now)
        {
            self.transmit(source, bytes, out);
        }
    }

    /// The challenge that shows whether `to` receives at `source`; `None` if it cannot be sealed.
    pub(super) fn challenge(&mut self, to: I, source: SocketAddr, now: Timestamp) -> Option<Vec<u8>> {
        let cookie = self.confirmation.cookie(to, source, now)?;
        let challenge = Challenge { from: self.id, to, cookie };
        self.sealing.seal_if_met(to, datagram::encode_challenge(self.cluster, &challenge)?)
    }

    fn echo(&mut self, challenge: &Challenge<I>, origin: Origin, out: &mut Vec<Transmit>) {
        let Challenge { from, to, cookie } = *challenge;
        if from == self.id || to != self.id {
            return self.counters.count(|counters| &mut counters.misdirected);
        }
        self.book.record_contact(from, origin.at);
        let echo = datagram::encode_echo(self.cluster, &Challenge { from: to, to: from, cookie });
        let echo = echo.and_then(|bytes| self.sealing.seal_if_met(from, bytes));
        if let Some(bytes) = echo.filter(|bytes| bytes.len() <= origin.length) {
            self.transmit(origin.source, bytes, out);
        }
    }

    fn receive_echo(&mut self, echoed: &Challenge<I>, origin: Origin) {
        let Challenge { from, to, cookie } = *echoed;
        let Origin { source, at, .. } = origin;
        if to != self.id || !self.confirmation.is_recent(cookie, from, source, at) {
            self.counters.count(|counters| &mut counters.misdirected);
        } else if self.is_admitted(from) {
            self.book.confirm(from, source, at);
        } else {
            self.confirmation.confirm(source, at);
        }
    }

    /// The other node can be written to now. Whatever it receives first lets it write to this one.
    fn complete_handshake(&mut self, with: I, origin: Origin, out: &mut Vec<Transmit>) {
        if self.register_voter == Some(with) {
            return self.counters.count(|counters| &mut counters.from_register_voter);
        }
        self.diagnostics.record_contact(self.sealing.is_sealed(), origin.at);
        if !self.is_admitted(with) {
            return;
        }
        self.advertisements.record_start(with);
        let announcement = datagram::encode_announcement(self.id, self.cluster);
        let announcement = announcement.and_then(|bytes| self.sealing.seal_if_met(with, bytes));
        if let Some(bytes) = announcement.filter(|bytes| bytes.len() <= origin.length) {
            self.transmit(origin.source, bytes, out);
        }
    }

    fn answer_question(
        &mut self,
        nonce: Nonce,
        asked: Option<SocketAddr>,
        length: usize,
        asker: SocketAddr,
        out: &mut Vec<Transmit>,
    ) {
        let report = asked.map(|asked| LeaderReport::new((self.id, &self.own), self.leader(), asker, asked));
        let answer = report
            .and_then(|report| datagram::encode_answer(self.cluster, nonce, length, (self.id, &report)));
        match answer {
            Some(bytes) => {
                match self.sealing.seal_broadcast(bytes) {
                    Some(bytes) => self.transmit(asker, bytes, out),
                    None => self.counters.count(|counters| &mut counters.send_errors),
                }
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
        let Some(Unsettled { from, origin, recorded, addresses }) = self.unsettled.take() else { return };
        if !self.is_admitted(from) {
            return;
        }
        let Origin { source, length, at } = origin;
        if !recorded {
            // The next datagram from there is followed by a challenge.
            self.book.record_source(from, source, (length, self.sealing.is_sealed()), at);
        }
        self.learn(from, addresses, origin);
    }

    /// A node that this one knows says where its leader is. This node announces itself to that leader, even if it
    /// holds no membership that names it: a newcomer that the leader cannot reach is not told one before. A referral that
    /// is late names a leader of before: it costs announcements, until the next one takes its place.
    fn follow_referral(&mut self, from: I, leader: I, addresses: Vec<Sighting>, origin: Origin) {
        if self.leader.is_some() || !self.is_elsewhere(leader) {
            return;
        }
        self.has_strangers |= self.referred.is_some_and(|before| before != leader);
        self.referred = Some(leader);
        let addresses = addresses.into_iter().map(|sighting| (leader, sighting)).collect();
        self.learn(from, addresses, origin);
    }

    /// Node `from` tells where it knows nodes to be.
    fn learn(&mut self, from: I, addresses: Vec<(I, Sighting)>, origin: Origin) {
        let Origin { source, length, at } = origin;
        let word = if self.sealing.is_sealed() {
            Word::Trusted
        } else {
            // What is sent to addresses that may be made up comes to no more than told of them. What comes from a source
            // that is not proven is owed to that source.
            let length = if self.book.has_answered(from, source) { length } else { 0 };
            Word::Hearsay { bytes: length.checked_div(addresses.len()).unwrap_or(0) }
        };
        for (id, sighting) in addresses {
            if id == self.id {
                self.own.record(sighting.address);
            } else if self.is_admitted(id) {
                self.book.record_report(id, (source, word), sighting, at);
            }
        }
    }
}
