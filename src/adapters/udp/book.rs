//! Where the members are. Addresses travel with the membership: whoever hears a member directly
//! tells the others where.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::prelude::rust_2024::*;
use std::time::Duration;

use super::datagram::{is_usable, means_the_same_to};
use crate::membership::Membership;
use crate::types::NodeId;

/// For how long an address is trusted alone after its node was heard there. A node that is silent
/// for longer is tried at every address known.
const FRESH: Duration = Duration::from_secs(5);

/// How often a node is told the addresses when nothing about them is new.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// The most addresses in one datagram, which keeps it below the size of one packet. In a larger
/// group every datagram tells the next of them.
const AT_ONCE: usize = 16;

/// The addresses of members and configured peers, and of nobody else.
pub(super) struct Book<I> {
    entries: BTreeMap<I, Entry>,
    /// Grows when a node is heard somewhere new.
    revision: u64,
    /// Where the next datagram goes on telling.
    next: usize,
}

#[derive(Default)]
struct Entry {
    configured: Option<SocketAddr>,
    heard: Option<(SocketAddr, Duration)>,
    hearsay: Option<SocketAddr>,
    /// When this node was last told the addresses, and at which revision.
    told: Option<(Duration, u64)>,
}

impl Entry {
    fn heard_of_late(&self, now: Duration) -> Option<SocketAddr> {
        self.heard.filter(|(_, at)| now.saturating_sub(*at) < FRESH).map(|(address, _)| address)
    }
}

impl<I: NodeId> Book<I> {
    pub(super) fn new(peers: &[(I, SocketAddr)]) -> Self {
        let entry = |&(id, address)| (id, Entry { configured: Some(address), ..Entry::default() });
        Book { entries: peers.iter().map(entry).collect(), revision: 0, next: 0 }
    }

    /// Whether `id` may have an address here.
    pub(super) fn admits(&self, id: I, members: &Membership<I>) -> bool {
        members.contains(id) || self.entries.get(&id).is_some_and(|entry| entry.configured.is_some())
    }

    /// A datagram of `id`, which is admitted, came from `address`.
    pub(super) fn heard(&mut self, id: I, address: SocketAddr, now: Duration) {
        let entry = self.entries.entry(id).or_default();
        if entry.heard_of_late(now) != Some(address) {
            self.revision = self.revision.wrapping_add(1);
        }
        entry.heard = Some((address, now));
    }

    /// Where configured peers are said to be.
    pub(super) fn configured(&self) -> Vec<SocketAddr> {
        self.entries.values().filter_map(|entry| entry.configured).collect()
    }

    /// Somebody says that `id`, which is admitted, is at `address`.
    pub(super) fn told(&mut self, id: I, address: SocketAddr) {
        if is_usable(address) {
            self.entries.entry(id).or_default().hearsay = Some(address);
        }
    }

    /// The membership changed: forget those who left.
    pub(super) fn keep(&mut self, members: &Membership<I>) {
        self.entries.retain(|&id, entry| members.contains(id) || entry.configured.is_some());
    }

    /// The address of `id` to tell others.
    pub(super) fn address(&self, id: I, now: Duration) -> Option<SocketAddr> {
        let entry = self.entries.get(&id)?;
        let heard = || entry.heard.map(|(address, _)| address);
        entry.heard_of_late(now).or(entry.configured).or(entry.hearsay).or_else(heard)
    }

    /// Where to send what is for `id`: where it was heard of late, else wherever it may be.
    pub(super) fn route(&self, id: I, now: Duration) -> Vec<SocketAddr> {
        let Some(entry) = self.entries.get(&id) else { return Vec::new() };
        if let Some(address) = entry.heard_of_late(now) {
            return Vec::from([address]);
        }
        let mut all = Vec::with_capacity(3);
        for address in [entry.heard.map(|(address, _)| address), entry.configured, entry.hearsay] {
            all.extend(address.filter(|address| !all.contains(address)));
        }
        all
    }

    /// The addresses to enclose in a datagram for `to`, which is at `reader`: if there is news, if
    /// it was not told for a while, or at any rate if it is `due`.
    pub(super) fn enclose(
        &mut self,
        to: I,
        reader: SocketAddr,
        due: bool,
        now: Duration,
    ) -> Vec<(I, SocketAddr)> {
        let revision = self.revision;
        let Some(entry) = self.entries.get_mut(&to) else { return Vec::new() };
        let recent = |(at, of)| of == revision && now.saturating_sub(at) < TOLD_EVERY;
        if entry.told.is_some_and(recent) && !due {
            return Vec::new();
        }
        entry.told = Some((now, revision));
        let known = |(&id, entry): (&I, &Entry)| Some((id, entry.heard_of_late(now)?));
        let known = self.entries.iter().filter_map(known);
        let mut all: Vec<_> =
            known.filter(|&(id, address)| id != to && means_the_same_to(reader, address)).collect();
        if all.len() > AT_ONCE {
            let start = self.next.checked_rem(all.len()).unwrap_or(0);
            self.next = start.saturating_add(AT_ONCE);
            all.rotate_left(start);
            all.truncate(AT_ONCE);
        }
        all
    }
}
