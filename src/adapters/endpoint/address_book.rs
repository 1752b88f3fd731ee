//! The addresses of the members. Addresses travel with the membership: a node tells the others where it
//! knows each member to be, and how long ago this was true, and the latest sighting counts.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::prelude::rust_2024::*;

use super::datagram::{Sighting, is_usable, means_the_same_to};
use crate::types::{NodeId, Timestamp};

/// For how long an address is trusted alone after its node was heard there. A node that is silent
/// for longer is tried at every known address.
const FRESH: Duration = Duration::from_secs(5);

/// How often a node is told the addresses when nothing about them is new; and how much later than this node
/// the others must have seen a member somewhere else, to be believed.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// The most addresses in one datagram, which keeps it below the size of one packet. In a larger group
/// every datagram tells the next of them, those first that are new.
const AT_ONCE: usize = 16;

/// The addresses of configured peers and of the nodes that the election sends to, and of no other node.
pub(super) struct AddressBook<I> {
    entries: BTreeMap<I, Entry>,
    /// Grows when a node is at a new address.
    revision: u64,
    /// Where the next datagram to a large group goes on telling.
    next: usize,
}

#[derive(Default)]
struct Entry {
    configured: Option<SocketAddr>,
    /// The source of the node's own last datagram, and when it came.
    heard: Option<(SocketAddr, Timestamp)>,
    /// The address that others, or the program, report, and as of when.
    reported: Option<(SocketAddr, AsOf)>,
    /// The revision of the book when the node was at a new address.
    revised: u64,
    /// When this node was last told the addresses, and at which revision.
    informed: Option<(Timestamp, u64)>,
}

/// An instant on this node's clock, in milliseconds, also before its origin. The oldest means that the node
/// was never heard by any other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct AsOf(i128);

impl AsOf {
    const NEVER: AsOf = AsOf(i128::MIN);

    fn at(now: Timestamp) -> Self {
        AsOf(i128::try_from(now.since_origin().as_millis()).unwrap_or(i128::MAX))
    }

    fn ago(now: Timestamp, age: Option<u32>) -> Self {
        age.map_or(Self::NEVER, |age| AsOf(Self::at(now).0.saturating_sub(age.into())))
    }

    /// The age in milliseconds, as it is told; `None` if there is none, or one too great to matter.
    fn age(self, now: Timestamp) -> Option<u32> {
        u32::try_from(Self::at(now).0.saturating_sub(self.0).max(0)).ok()
    }
}

impl Entry {
    fn heard_of_late(&self, now: Timestamp) -> Option<SocketAddr> {
        self.heard.filter(|(_, at)| now.saturating_duration_since(*at) < FRESH).map(|(address, _)| address)
    }

    /// The address that was right last, as of then. The node's own datagrams are believed unless others saw
    /// it elsewhere clearly later: for a node that two others see at two addresses, each sighting would be
    /// news.
    fn best(&self) -> Option<(SocketAddr, AsOf)> {
        if let (Some((address, heard)), false) = (self.heard, self.has_moved()) {
            let confirmed = self.reported.filter(|reported| reported.0 == address).map(|reported| reported.1);
            return Some((address, confirmed.unwrap_or(AsOf::NEVER).max(AsOf::at(heard))));
        }
        let configured = self.configured.map(|address| (address, AsOf::NEVER));
        [self.reported, configured].into_iter().flatten().max_by_key(|&(_, as_of)| as_of)
    }

    /// Whether others have seen the node somewhere else since it was heard.
    fn has_moved(&self) -> bool {
        let later = |heard: Timestamp| AsOf::at(heard.saturating_add(TOLD_EVERY));
        match (self.heard, self.reported) {
            (Some((here, heard)), Some((there, as_of))) => here != there && as_of > later(heard),
            (Some(_) | None, _) => false,
        }
    }
}

impl<I: NodeId> AddressBook<I> {
    pub(super) fn new() -> Self {
        AddressBook { entries: BTreeMap::new(), revision: 0, next: 0 }
    }

    /// The program wants `id` in the book, at `address` unless the node is heard elsewhere.
    pub(super) fn configure(&mut self, id: I, address: SocketAddr) {
        self.change(id, |entry| entry.configured.replace(address) != Some(address));
    }

    /// Whether `id` was configured.
    pub(super) fn is_configured(&self, id: I) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.configured.is_some())
    }

    /// A datagram of `id`, which may have an address here, came from `address`.
    pub(super) fn record_source(&mut self, id: I, address: SocketAddr, now: Timestamp) {
        self.change(id, |entry| {
            let news = entry.heard_of_late(now) != Some(address);
            entry.heard = Some((address, now));
            news
        });
    }

    /// The program knows that `id` is at `address`.
    pub(super) fn introduce(&mut self, id: I, address: SocketAddr, now: Timestamp) {
        self.record_report(id, Sighting { address, age: Some(0) }, now);
    }

    /// Another node reports where `id` is, which may have an address here.
    pub(super) fn record_report(&mut self, id: I, sighting: Sighting, now: Timestamp) {
        let Sighting { address, age } = sighting;
        if !is_usable(address) {
            return;
        }
        let as_of = AsOf::ago(now, age);
        self.change(id, |entry| {
            let before = entry.best().map(|(address, _)| address);
            if entry.reported.is_none_or(|(_, known)| known < as_of) {
                entry.reported = Some((address, as_of));
            }
            entry.best().map(|(address, _)| address) != before
        });
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
        self.entries.retain(|&id, entry| is_needed(id) || entry.configured.is_some());
    }

    /// The address of `id` to tell others.
    pub(super) fn address(&self, id: I) -> Option<SocketAddr> {
        self.entries.get(&id)?.best().map(|(address, _)| address)
    }

    /// Every node whose address is known.
    pub(super) fn addresses(&self) -> impl Iterator<Item = (I, SocketAddr)> {
        self.entries.iter().filter_map(|(&id, entry)| Some((id, entry.best()?.0)))
    }

    /// Where to send what is for `id`: where the node was heard of late, else wherever it may be.
    pub(super) fn route(&self, id: I, now: Timestamp) -> Vec<SocketAddr> {
        let Some(entry) = self.entries.get(&id) else { return Vec::new() };
        if let (Some(address), false) = (entry.heard_of_late(now), entry.has_moved()) {
            return Vec::from([address]);
        }
        let heard = entry.heard.map(|heard| heard.0);
        let reported = entry.reported.map(|reported| reported.0);
        let mut all = Vec::with_capacity(3);
        for address in [heard, reported, entry.configured] {
            all.extend(address.filter(|address| !all.contains(address)));
        }
        all
    }

    /// Takes the addresses to enclose in a datagram for `to`, which is at `reader`: if there is news, if `to`
    /// was not told for a while, or at any rate if they are `due`.
    pub(super) fn enclose(
        &mut self,
        to: I,
        reader: SocketAddr,
        due: bool,
        now: Timestamp,
    ) -> Vec<(I, Sighting)> {
        let revision = self.revision;
        let Some(entry) = self.entries.get_mut(&to) else { return Vec::new() };
        let informed = entry.informed;
        let recent = |(at, of)| of == revision && now.saturating_duration_since(at) < TOLD_EVERY;
        if informed.is_some_and(recent) && !due {
            return Vec::new();
        }
        entry.informed = Some((now, revision));
        let known = |(&id, entry): (&I, &Entry)| {
            let (address, as_of) = entry.best()?;
            let means_something = id != to && means_the_same_to(reader, address);
            let old = informed.is_some_and(|(_, of)| entry.revised <= of);
            means_something.then_some((old, (id, Sighting { address, age: as_of.age(now) })))
        };
        let mut all: Vec<_> = self.entries.iter().filter_map(known).collect();
        if all.len() > AT_ONCE {
            let start = self.next.checked_rem(all.len()).unwrap_or(0);
            self.next = start.saturating_add(AT_ONCE);
            all.rotate_left(start);
            all.sort_by_key(|&(old, _)| old);
            all.truncate(AT_ONCE);
        }
        all.into_iter().map(|(_, told)| told).collect()
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests;
