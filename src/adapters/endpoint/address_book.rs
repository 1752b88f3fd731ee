//! The addresses of the members. Addresses travel with the membership: a node tells the others where it
//! knows each member to be, and how long ago this was true, and the latest counts.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::prelude::rust_2024::*;

use super::address::{canonical, means_the_same_to};
use super::candidate::AsOf;
use super::candidates::{Candidates, Word};
use super::datagram::Sighting;
use super::pacing::{Asked, Pacing, Turn};
use crate::types::{NodeId, Timestamp};

/// How often a node is told the addresses when nothing about them is new.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// The most addresses in one datagram, which keeps it below the size of one packet. In a larger group
/// every datagram tells the next of them, those first that are new.
const AT_ONCE: usize = 16;

/// The addresses of configured peers and of the nodes that the election sends to, and of no other node. All are
/// canonical.
pub(super) struct AddressBook<I> {
    entries: BTreeMap<I, Entry>,
    pacing: Pacing,
    /// Grows when a node is at a new address.
    revision: u64,
}

#[derive(Default)]
struct Entry {
    candidates: Candidates,
    /// Whether the program gave a name of the node.
    has_name: bool,
    asked: Asked,
    /// The revision of the book when the node was at a new address.
    revised: u64,
    /// When this node was last told the addresses, and at which revision.
    informed: Option<(Timestamp, u64)>,
    /// Where the next datagram to it goes on telling, if there are more addresses than one datagram takes.
    next: usize,
}

impl<I: NodeId> AddressBook<I> {
    pub(super) fn new() -> Self {
        AddressBook { entries: BTreeMap::new(), pacing: Pacing::new(), revision: 0 }
    }

    /// The send buffer of the socket has so many bytes.
    pub(super) fn set_send_buffer(&mut self, bytes: usize) {
        self.pacing.set_buffer(bytes);
    }

    /// The program wants `id` in the book, and knows it to be at `address` unless it answers elsewhere.
    pub(super) fn configure(&mut self, id: I, address: SocketAddr) {
        self.change(id, |entry| entry.candidates.give(canonical(address)));
    }

    /// The program wants `id` in the book, and has a name of it.
    pub(super) fn name(&mut self, id: I) {
        self.entries.entry(id).or_default().has_name = true;
    }

    /// The names of `id` stand for these addresses, and no others any more. Returns whether one of them is new.
    pub(super) fn resolve(&mut self, id: I, addresses: &[SocketAddr], now: Timestamp) -> bool {
        let mut has_new = false;
        self.change(id, |entry| {
            let before = entry.candidates.best();
            has_new = entry.candidates.resolve(addresses, now);
            if has_new {
                entry.asked.end_rest();
            }
            entry.candidates.best() != before
        });
        has_new
    }

    /// Whether `id` leaves unanswered what is sent to it, or has no address at all.
    pub(super) fn is_missing(&self, id: I, now: Timestamp) -> bool {
        let entry = self.entries.get(&id);
        entry.is_none_or(|entry| entry.candidates.any().is_none() || entry.asked.is_missing(now))
    }

    /// Whether `id` was configured.
    pub(super) fn is_configured(&self, id: I) -> bool {
        self.entries.get(&id).is_some_and(Entry::is_configured)
    }

    /// A datagram of `id`, which may have an address here, came from `address`, with so many bytes, `sealed` or not.
    /// Returns whether the source has to be challenged.
    pub(super) fn record_source(
        &mut self,
        id: I,
        address: SocketAddr,
        (length, sealed): (usize, bool),
        now: Timestamp,
    ) -> bool {
        let mut challenge = false;
        self.change(id, |entry| {
            let seen = entry.candidates.see(address, length, sealed, now);
            entry.asked.answer(now);
            challenge = seen.challenge;
            seen.moved
        });
        challenge
    }

    /// A datagram of `id` has arrived that says nothing of where it is.
    pub(super) fn record_contact(&mut self, id: I, now: Timestamp) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.asked.answer(now);
        }
    }

    /// Whether `id` has answered at `address`.
    pub(super) fn has_answered(&self, id: I, address: SocketAddr) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.candidates.has_answered(address))
    }

    /// The addresses to challenge.
    pub(super) fn unanswered(&self, now: Timestamp) -> Vec<(I, SocketAddr)> {
        let of = |(&id, entry): (&I, &Entry)| {
            entry.candidates.unanswered(now).map(|source| (id, source)).collect::<Vec<_>>()
        };
        self.entries.iter().flat_map(of).collect()
    }

    /// A challenge of `length` bytes is to be sent to a source of `id`. Returns whether it may be.
    pub(super) fn challenge(&mut self, id: I, address: SocketAddr, length: usize, now: Timestamp) -> bool {
        let entry = self.entries.get_mut(&id);
        entry.is_some_and(|entry| entry.candidates.challenge(address, length, now))
    }

    /// Node `id` has echoed the challenge that was sent to `address`.
    pub(super) fn confirm(&mut self, id: I, address: SocketAddr, now: Timestamp) {
        if self.entries.contains_key(&id) {
            self.record_contact(id, now);
            self.change(id, |entry| entry.candidates.confirm(address, now));
        }
    }

    /// The program knows that `id` is at `address` now.
    pub(super) fn introduce(&mut self, id: I, address: SocketAddr, now: Timestamp) {
        let address = canonical(address);
        self.change(id, |entry| entry.candidates.report(address, AsOf::at(now), Word::Trusted, now));
    }

    /// Another node, at `teller`, reports where `id` is, which may have an address here.
    pub(super) fn record_report(
        &mut self,
        id: I,
        (teller, word): (SocketAddr, Word),
        told: Sighting,
        now: Timestamp,
    ) {
        let address = canonical(told.address);
        if means_the_same_to(teller, address) {
            let as_of = AsOf::ago(now, told.age);
            self.change(id, |entry| entry.candidates.report(address, as_of, word, now));
        }
    }

    /// Changes an entry by `change`, which says whether the node is at a new address.
    fn change(&mut self, id: I, change: impl FnOnce(&mut Entry) -> bool) {
        let entry = self.entries.entry(id).or_default();
        if change(entry) {
            self.revision = self.revision.wrapping_add(1);
            entry.revised = self.revision;
        }
    }

    /// All nodes in the book.
    pub(super) fn ids(&self) -> impl Iterator<Item = I> {
        self.entries.keys().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets all nodes but configured peers and those that `is_needed` names.
    pub(super) fn retain(&mut self, is_needed: impl Fn(I) -> bool) {
        self.entries.retain(|&id, entry| is_needed(id) || entry.is_configured());
    }

    /// The address of `id`, as far as it is known.
    pub(super) fn address(&self, id: I) -> Option<SocketAddr> {
        self.entries.get(&id)?.candidates.any()
    }

    /// The node that is known to be at `address`.
    pub(super) fn at(&self, address: SocketAddr) -> Option<I> {
        self.entries.iter().find(|(_, entry)| entry.candidates.is_known_at(address)).map(|(&id, _)| id)
    }

    /// Whether `id` has an address that nobody can have made up.
    pub(super) fn is_certain(&self, id: I) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.candidates.is_certain())
    }

    /// Every node whose address is known.
    pub(super) fn addresses(&self) -> impl Iterator<Item = (I, SocketAddr)> {
        self.entries.iter().filter_map(|(&id, entry)| Some((id, entry.candidates.any()?)))
    }

    /// Where to send what is for `id`: where it answered of late, else wherever it may be.
    pub(super) fn route(&self, id: I, now: Timestamp) -> Vec<SocketAddr> {
        self.entries.get(&id).map(|entry| entry.candidates.route(now)).unwrap_or_default()
    }

    /// Whether a datagram may go out to `id` now, which is rare if it does not answer.
    pub(super) fn turn(&mut self, id: I, now: Timestamp) -> Turn {
        let Some(entry) = self.entries.get_mut(&id) else { return Turn::Now };
        let turn = self.pacing.turn(&mut entry.asked, now);
        if self.pacing.is_uncounted(&entry.asked, now) {
            self.count_silent(now);
        }
        turn
    }

    /// Whether a datagram of `length` bytes may be sent to `address` of `id`. If so, it counts as sent.
    pub(super) fn spend(&mut self, id: I, address: SocketAddr, length: usize, now: Timestamp) -> bool {
        let entry = self.entries.get_mut(&id);
        entry.is_none_or(|entry| entry.candidates.spend(address, length, now))
    }

    /// A datagram of `length` bytes went out to so many addresses of `id`.
    pub(super) fn record_sent(&mut self, id: I, length: usize, addresses: usize, now: Timestamp) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.asked.send(length, addresses, now);
        }
    }

    /// Whether datagrams of `id` arrive.
    pub(super) fn is_arriving(&self, id: I, now: Timestamp) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.asked.is_arriving(now))
    }

    /// Counts the nodes that do not answer, which share a part of the send buffer.
    pub(super) fn count_silent(&mut self, now: Timestamp) {
        self.pacing.count(self.entries.values_mut().map(|entry| &mut entry.asked), now);
    }

    /// Takes the addresses to enclose in a datagram for `to`, which is at `reader`: if there is news, if `to`
    /// was not told for a while, or at any rate if they are `due`. Its own address is among them, as it is seen from
    /// here.
    pub(super) fn enclose(
        &mut self,
        to: I,
        reader: SocketAddr,
        due: bool,
        now: Timestamp,
    ) -> Vec<(I, Sighting)> {
        let revision = self.revision;
        let Some(entry) = self.entries.get_mut(&to) else { return Vec::new() };
        let (informed, next) = (entry.informed, entry.next);
        let recent = |(at, of)| of == revision && now.saturating_duration_since(at) < TOLD_EVERY;
        if informed.is_some_and(recent) && !due {
            return Vec::new();
        }
        entry.informed = Some((now, revision));
        let mut all = Vec::new();
        for (&id, entry) in &self.entries {
            let told = if id == to {
                let own = entry.candidates.answered().filter(|own| means_the_same_to(reader, own.0));
                own.map(|(address, at)| (address, AsOf::at(at))).into_iter().collect()
            } else {
                entry.candidates.told(reader, now)
            };
            let old = informed.is_some_and(|(_, of)| entry.revised <= of);
            all.extend(told.into_iter().map(|told| (old, (id, sighting(told, now)))));
        }
        if all.len() > AT_ONCE {
            let start = next.checked_rem(all.len()).unwrap_or(0);
            if let Some(entry) = self.entries.get_mut(&to) {
                entry.next = start.saturating_add(AT_ONCE);
            }
            all.rotate_left(start);
            all.sort_by_key(|&(old, _)| old);
            all.truncate(AT_ONCE);
        }
        all.into_iter().map(|(_, told)| told).collect()
    }

    /// The addresses of `id` that mean something to a node at `reader`, the best first.
    pub(super) fn sightings(&self, id: I, reader: SocketAddr, now: Timestamp) -> Vec<Sighting> {
        let told = self.entries.get(&id).map(|entry| entry.candidates.told(reader, now));
        told.unwrap_or_default().into_iter().map(|told| sighting(told, now)).collect()
    }
}

impl Entry {
    fn is_configured(&self) -> bool {
        self.has_name || self.candidates.is_given()
    }
}

/// What is told of an address.
fn sighting((address, as_of): (SocketAddr, AsOf), now: Timestamp) -> Sighting {
    Sighting { address, age: as_of.age(now) }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests;
