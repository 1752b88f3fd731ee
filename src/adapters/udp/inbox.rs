//! What the host's thread does with a datagram.

use std::net::SocketAddr;
use std::prelude::rust_2024::*;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::HostFailure;
use super::datagram::{self, Letter, Nonce, Report, Sighting};
use super::run::Runner;
use crate::io::Input;
use crate::types::{ClusterId, NodeId, Timestamp};

impl<I: NodeId + Serialize + DeserializeOwned> Runner<I> {
    /// A message. It has been received: only now is the clock read.
    pub(super) fn take(&mut self, letter: Letter<I>, source: SocketAddr) -> Result<(), HostFailure> {
        let Letter { from, to, addresses, message } = letter;
        if from == self.election.id() {
            return self.count(|counters| &mut counters.namesakes);
        }
        // A leader tells each what that one has not acknowledged yet: to another it means something else.
        if to != self.election.id() {
            return self.count(|counters| &mut counters.misdirected);
        }
        let ours = message.header.cluster == self.election.hard_state().cluster;
        let stranger = !self.admits(from);
        let now = self.shared.clock.now();
        if ours && !stranger {
            self.book.heard(from, source, now);
        }
        self.bump(|counters| if ours { &mut counters.received } else { &mut counters.foreign });
        if ours && stranger {
            self.bump(|counters| &mut counters.strangers);
        }
        self.election.tick_into(now, &mut self.outputs);
        self.election.step_into(Input::Receive { from, message }, &mut self.outputs);
        if ours {
            // After the step, which may have brought the membership that these addresses go with.
            self.learn(from, stranger, source, &addresses, now);
        }
        self.asker = Some((from, source));
        let acted = self.act();
        self.asker = None;
        acted.map(drop)
    }

    /// "I am here."
    pub(super) fn note(&mut self, from: I, cluster: ClusterId, source: SocketAddr) {
        let ours = self.election.hard_state().cluster;
        if cluster == ours && self.admits(from) {
            self.book.heard(from, source, self.shared.clock.now());
        }
    }

    /// Another node knows this one now. The same has to be known of it, which takes one more datagram.
    pub(super) fn greet_back(&mut self, to: I, source: SocketAddr) {
        let hello = datagram::hello(self.election.id(), self.election.hard_state().cluster);
        if self.admits(to)
            && let Some(hello) = hello
        {
            let letter = self.cover.letter(to, hello);
            self.send_covered(letter, &[source]);
        }
    }

    fn learn(
        &mut self,
        from: I,
        was_stranger: bool,
        source: SocketAddr,
        addresses: &[(I, Sighting)],
        now: Timestamp,
    ) {
        if !self.admits(from) {
            return;
        }
        if was_stranger {
            self.book.heard(from, source, now);
        }
        for &(id, sighting) in addresses {
            if self.admits(id) {
                self.book.told(id, sighting, now);
            }
        }
    }

    /// "Who leads?"
    pub(super) fn answer(
        &mut self,
        nonce: Nonce,
        asked: usize,
        source: SocketAddr,
    ) -> Result<(), HostFailure> {
        let cluster = self.election.hard_state().cluster;
        let report = Report::new(self.election.id(), cluster, self.leader(), source);
        match datagram::answer(nonce, asked, &report) {
            Some(bytes) => {
                let note = self.cover.note(bytes);
                self.send_covered(note, &[source]);
                self.count(|counters| &mut counters.answered)
            }
            None => self.count(|counters| &mut counters.short_questions),
        }
    }
}
