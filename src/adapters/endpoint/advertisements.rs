//! What members advertise: a short text of each, a URL for example, which all others know.
//!
//! A node with a text tells it to each member at its start, and when the text changes, again at growing intervals until
//! the member says that it knows it. After that nothing is sent, and nothing at all by a node that never had a text but
//! answers. A member that announces itself, or that a handshake is done with, may have started again: it is told again. A
//! member whose address may be made up, as without keys, is told when it is heard: a leader and its followers hear each
//! other.

use core::time::Duration;
use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::incoming::Origin;
use super::{Endpoint, Transmit, datagram};
use crate::adapters::Advertised;
use crate::types::{NodeId, Timestamp};

/// The pause before an advertisement is repeated, and the longest one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What is sent of advertisements.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Advertisement<I> {
    pub(super) from: I,
    pub(super) to: I,
    /// Another one for each process of the sender, and for each text.
    pub(super) version: u64,
    pub(super) text: Option<Advertised>,
    /// The version of the receiver's text that the sender knows.
    pub(super) known: Option<u64>,
    /// Whether the sender has not heard yet that the receiver knows this version.
    pub(super) wants_answer: bool,
}

/// The text of this node, and those of the others.
pub(super) struct Advertisements<I> {
    version: u64,
    text: Option<Advertised>,
    /// Whether this process ever had a text.
    is_used: bool,
    others: Vec<Other<I>>,
}

/// A member.
struct Other<I> {
    id: I,
    text: Option<Advertised>,
    /// The version of that text, once it is known.
    version: Option<u64>,
    /// Whether the member knows the text of this node.
    is_told: bool,
    /// Whether the member waits for an answer.
    is_waiting: bool,
    /// When the text is sent next, if one of the two holds.
    due: Timestamp,
    pause: Duration,
}

impl<I: NodeId> Advertisements<I> {
    pub(super) fn new<R: TryCryptoRng>(rng: &mut R) -> Result<Self, R::Error> {
        Ok(Advertisements { version: rng.try_next_u64()?, text: None, is_used: false, others: Vec::new() })
    }

    /// The text of `id`, if it is known to have one.
    pub(super) fn of(&self, id: I) -> Option<Advertised> {
        self.others.iter().find(|other| other.id == id)?.text
    }

    fn set(&mut self, text: Option<Advertised>, now: Timestamp) {
        if self.text == text {
            return;
        }
        (self.text, self.version, self.is_used) = (text, self.version.wrapping_add(1), true);
        for other in &mut self.others {
            (other.is_told, other.due, other.pause) = (false, now, FIRST_PAUSE);
        }
    }

    /// A member can be told the text, and is unless it knows it.
    pub(super) fn record_member(&mut self, id: I, now: Timestamp) {
        if !self.others.iter().any(|other| other.id == id) {
            let (is_told, is_waiting) = (false, false);
            self.others.push(Other {
                id,
                text: None,
                version: None,
                is_told,
                is_waiting,
                due: now,
                pause: FIRST_PAUSE,
            });
        }
    }

    /// A member may have started again, and have forgotten the text of this node, or have another one itself.
    pub(super) fn record_start(&mut self, id: I) {
        if let Some(other) = self.others.iter_mut().find(|other| other.id == id) {
            other.is_told = false;
            other.is_waiting |= other.text.is_some();
        }
    }

    fn record(&mut self, told: &Advertisement<I>, now: Timestamp) {
        self.record_member(told.from, now);
        let own = self.version;
        let Some(other) = self.others.iter_mut().find(|other| other.id == told.from) else { return };
        // Datagrams overtake each other: what is heard last may not be the last that was said, so it is told back.
        let is_news = other.version != Some(told.version);
        (other.text, other.version) = (told.text, Some(told.version));
        other.is_told = told.known == Some(own);
        let is_misled = told.known.is_some() && !other.is_told;
        other.is_waiting |= told.wants_answer || is_misled || is_news;
        if other.is_waiting {
            other.due = other.due.min(now);
        }
    }

    /// Forgets the members that are not needed any more.
    pub(super) fn retain(&mut self, is_needed: impl Fn(I) -> bool) {
        self.others.retain(|other| is_needed(other.id));
    }

    /// When the next advertisement is due.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.others.iter().filter(|other| other.is_due_ever(self.is_used)).map(|other| other.due).min()
    }

    /// Takes the advertisements that are due.
    fn take_due(&mut self, me: I, now: Timestamp) -> Vec<Advertisement<I>> {
        let (version, text, is_used) = (self.version, self.text, self.is_used);
        let due = self.others.iter_mut().filter(|other| other.is_due_ever(is_used) && other.due <= now);
        due.map(|other| {
            other.due = now.saturating_add(other.pause);
            other.pause = other.pause.saturating_mul(2).min(LONGEST_PAUSE);
            other.is_waiting = false;
            let wants_answer = !other.is_told && is_used;
            Advertisement { from: me, to: other.id, version, text, known: other.version, wants_answer }
        })
        .collect()
    }
}

impl<I> Other<I> {
    /// Whether there is anything to send, by a node that has a text or had one.
    fn is_due_ever(&self, is_used: bool) -> bool {
        self.is_waiting || (is_used && !self.is_told)
    }
}

impl<I: NodeId, R: TryCryptoRng> Endpoint<I, R> {
    /// Tells all members this text of the node from now on, or that it has none: they know it soon, and again after a
    /// restart of theirs. It is for a program that wants to reach the leader's: its URL, for example.
    pub fn advertise(&mut self, text: Option<Advertised>) {
        self.advertisements.set(text, self.now);
    }

    /// What node `id` advertises, as far as this node knows.
    #[must_use]
    pub fn advertised(&self, id: I) -> Option<Advertised> {
        if id == self.id { self.advertisements.text } else { self.advertisements.of(id) }
    }
}

impl<I: NodeId + Serialize + DeserializeOwned, R: TryCryptoRng> Endpoint<I, R> {
    pub(super) fn receive_advertisement(&mut self, told: &Advertisement<I>, origin: Origin) {
        if told.to != self.id {
            self.counters.count(|counters| &mut counters.misdirected);
        } else if self.is_admitted(told.from) {
            self.advertisements.record(told, origin.at);
        }
    }

    pub(super) fn send_advertisements(&mut self, out: &mut Vec<Transmit>) {
        for advertisement in self.advertisements.take_due(self.id, self.now) {
            let to = advertisement.to;
            let bytes = datagram::encode_advertisement(self.cluster, &advertisement);
            let bytes = bytes.and_then(|bytes| self.sealing.seal_if_met(to, bytes));
            if bytes.is_some() {
                self.transmit_in_turn(to, bytes, out);
            }
        }
    }
}
