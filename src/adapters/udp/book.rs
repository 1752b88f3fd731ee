//! Where the members are. Addresses travel with the membership: whoever knows where a member is
//! tells the others, and how long ago that was true; what was seen last counts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::prelude::rust_2024::*;
use std::time::Duration;

use super::datagram::{Sighting, is_usable, means_the_same_to};
use crate::types::{NodeId, Timestamp};

/// For how long an address is trusted alone after its node was heard there. A node that is silent
/// for longer is tried at every address known.
const FRESH: Duration = Duration::from_secs(5);

/// How often a node is told the addresses when nothing about them is new; and how much later than
/// this node others must have seen a member somewhere else, to be believed.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// The most addresses in one datagram, which keeps it below the size of one packet. In a larger
/// group every datagram tells the next of them, those first that are new.
const AT_ONCE: usize = 16;

/// The addresses of configured peers and of the nodes that the election is concerned with, and of
/// nobody else.
pub(in crate::adapters) struct Book<I> {
    entries: BTreeMap<I, Entry>,
    /// Grows when a node is somewhere new.
    revision: u64,
    /// Where the next datagram goes on telling.
    next: usize,
    /// Whether [`addresses`](Self::addresses) may be others than when this was last asked.
    altered: bool,
}

#[derive(Default)]
struct Entry {
    configured: Option<SocketAddr>,
    /// Where its own datagrams came from last.
    heard: Option<(SocketAddr, Timestamp)>,
    /// Where others, or the program, have it, and as of when.
    told: Option<(SocketAddr, AsOf)>,
    /// The revision of the book when it was somewhere new.
    revised: u64,
    /// When this node was last told the addresses, and at which revision.
    informed: Option<(Timestamp, u64)>,
}

/// An instant on this node's clock, also before its origin; the oldest means that nobody has ever
/// heard the node.
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

    /// In milliseconds, as it is told; none if it is no age, or too great a one to matter.
    fn age(self, now: Timestamp) -> Option<u32> {
        u32::try_from(Self::at(now).0.saturating_sub(self.0).max(0)).ok()
    }
}

impl Entry {
    fn heard_of_late(&self, now: Timestamp) -> Option<SocketAddr> {
        self.heard.filter(|(_, at)| now.saturating_duration_since(*at) < FRESH).map(|(address, _)| address)
    }

    /// The address that was right last, as of then. Its own datagrams are believed unless others
    /// saw it elsewhere clearly later: a node that is seen at two addresses by two others is no news
    /// each time it is.
    fn best(&self) -> Option<(SocketAddr, AsOf)> {
        if let (Some((address, heard)), false) = (self.heard, self.has_moved()) {
            let confirmed = self.told.filter(|told| told.0 == address).map(|told| told.1);
            return Some((address, confirmed.unwrap_or(AsOf::NEVER).max(AsOf::at(heard))));
        }
        let configured = self.configured.map(|address| (address, AsOf::NEVER));
        [self.told, configured].into_iter().flatten().max_by_key(|&(_, as_of)| as_of)
    }

    /// Whether others have seen it somewhere else since it was heard.
    fn has_moved(&self) -> bool {
        let later = |heard: Timestamp| AsOf::at(heard.saturating_add(TOLD_EVERY));
        match (self.heard, self.told) {
            (Some((here, heard)), Some((there, as_of))) => here != there && as_of > later(heard),
            (Some(_) | None, _) => false,
        }
    }
}

impl<I: NodeId> Book<I> {
    pub(in crate::adapters) fn new(peers: &[(I, SocketAddr)]) -> Self {
        let entry = |&(id, address)| (id, Entry { configured: Some(address), ..Entry::default() });
        Book { entries: peers.iter().map(entry).collect(), revision: 0, next: 0, altered: true }
    }

    /// The program wants `id` in the book, at `address` unless it is heard elsewhere.
    #[cfg(feature = "tokio")]
    pub(in crate::adapters) fn configure(&mut self, id: I, address: SocketAddr) {
        self.altered |= self.change(id, |entry| entry.configured.replace(address) != Some(address));
    }

    /// The address of everybody in the book.
    #[cfg(feature = "tokio")]
    pub(in crate::adapters) fn all(&self) -> Vec<(I, SocketAddr)> {
        self.entries.iter().filter_map(|(&id, entry)| Some((id, entry.best()?.0))).collect()
    }

    /// Whether `id` was configured.
    pub(in crate::adapters) fn is_configured(&self, id: I) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.configured.is_some())
    }

    /// A datagram of `id`, which may have an address here, came from `address`.
    pub(in crate::adapters) fn heard(&mut self, id: I, address: SocketAddr, now: Timestamp) {
        let news = self.change(id, |entry| {
            let news = entry.heard_of_late(now) != Some(address);
            entry.heard = Some((address, now));
            news
        });
        self.altered |= news;
    }

    /// The program knows that `id` is at `address`.
    pub(in crate::adapters) fn introduced(&mut self, id: I, address: SocketAddr, now: Timestamp) {
        self.told(id, Sighting { address, age: Some(0) }, now);
    }

    /// Another node says where `id` is, which may have an address here.
    pub(in crate::adapters) fn told(&mut self, id: I, sighting: Sighting, now: Timestamp) {
        let Sighting { address, age } = sighting;
        if !is_usable(address) {
            return;
        }
        let as_of = AsOf::ago(now, age);
        let news = self.change(id, |entry| {
            let before = entry.best().map(|(address, _)| address);
            if entry.told.is_none_or(|(_, known)| known < as_of) {
                entry.told = Some((address, as_of));
            }
            entry.best().map(|(address, _)| address) != before
        });
        self.altered |= news;
    }

    fn change(&mut self, id: I, change: impl FnOnce(&mut Entry) -> bool) -> bool {
        let entry = self.entries.entry(id).or_default();
        let news = change(entry);
        if news {
            self.revision = self.revision.wrapping_add(1);
            entry.revised = self.revision;
        }
        news
    }

    /// Configured peers, and where they are said to be.
    pub(in crate::adapters) fn configured(&self) -> Vec<(I, SocketAddr)> {
        self.entries.iter().filter_map(|(&id, entry)| Some((id, entry.configured?))).collect()
    }

    /// Everybody in the book.
    pub(in crate::adapters) fn ids(&self) -> Vec<I> {
        self.entries.keys().copied().collect()
    }

    /// Forgets all but configured peers and those of `concern`. The membership may have changed.
    pub(in crate::adapters) fn keep(&mut self, concern: impl Fn(I) -> bool) {
        self.entries.retain(|&id, entry| concern(id) || entry.configured.is_some());
        self.altered = true;
    }

    /// The address of `id` to tell others.
    pub(in crate::adapters) fn address(&self, id: I) -> Option<SocketAddr> {
        self.entries.get(&id)?.best().map(|(address, _)| address)
    }

    /// The addresses of all `members`, if they may have changed since this was last asked.
    pub(in crate::adapters) fn addresses(&mut self, members: &[I]) -> Option<Vec<(I, SocketAddr)>> {
        let known = |&id: &I| Some((id, self.address(id)?));
        let all = self.altered.then(|| members.iter().filter_map(known).collect());
        self.altered = false;
        all
    }

    /// Where to send what is for `id`: where it was heard of late, else wherever it may be.
    pub(in crate::adapters) fn route(&self, id: I, now: Timestamp) -> Vec<SocketAddr> {
        let Some(entry) = self.entries.get(&id) else { return Vec::new() };
        if let (Some(address), false) = (entry.heard_of_late(now), entry.has_moved()) {
            return Vec::from([address]);
        }
        let (heard, told) = (entry.heard.map(|heard| heard.0), entry.told.map(|told| told.0));
        let mut all = Vec::with_capacity(3);
        for address in [heard, told, entry.configured] {
            all.extend(address.filter(|address| !all.contains(address)));
        }
        all
    }

    /// The addresses to enclose in a datagram for `to`, which is at `reader`: if there is news, if
    /// it was not told for a while, or at any rate if it is `due`.
    pub(in crate::adapters) fn enclose(
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
