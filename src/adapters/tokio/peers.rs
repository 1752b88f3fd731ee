//! What a UDP transport knows of the others, and what it seals with.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::transport::NodeView;
use crate::adapters::seal::Keyring;
use crate::adapters::udp::book::Book;
use crate::adapters::udp::cover::{Cover, Uncovered};
use crate::adapters::udp::datagram::Sighting;
use crate::adapters::udp::{Counters, Protection};
use crate::types::{ClusterId, NodeId, Timestamp};

pub(super) struct Heard<I> {
    pub(super) from: I,
    pub(super) cluster: ClusterId,
    pub(super) source: SocketAddr,
    pub(super) at: Timestamp,
    pub(super) addresses: Vec<(I, Sighting)>,
}

/// What a [`Udp`](super::Udp) transport knows, to be read and added to while its node runs. Clones are the same.
pub struct Peers<I>(pub(super) Arc<Mutex<ManualNetwork<I>>>);

pub(super) struct ManualNetwork<I> {
    pub(super) book: Book<I>,
    pub(super) counters: Counters,
    pub(super) protection: Protection,
    /// None until the node is known: before that nothing is sent or heard.
    pub(super) cover: Option<Cover<I>>,
}

impl<I: NodeId + Serialize + DeserializeOwned> ManualNetwork<I> {
    pub(super) fn letter(&mut self, to: I, bytes: Vec<u8>) -> Option<Vec<u8>> {
        self.cover.as_mut()?.letter(to, bytes)
    }

    pub(super) fn open(&mut self, datagram: &mut [u8]) -> Option<Uncovered<I>> {
        Some(self.cover.as_mut()?.open(datagram))
    }

    /// For whom has not been met: before there is anything to say, as the first letter would be lost.
    pub(super) fn hellos(&mut self, now: Timestamp) -> Vec<(Option<Vec<u8>>, Vec<SocketAddr>)> {
        let Some(cover) = &mut self.cover else { return Vec::new() };
        let unmet = self.book.ids().into_iter().filter(|&id| !cover.has_met(id)).collect::<Vec<_>>();
        unmet.into_iter().map(|id| (cover.hello(id), self.book.route(id, now))).collect()
    }
}

impl<I: NodeId> ManualNetwork<I> {
    /// Addresses are kept of those that the node has to do with, and of configured peers.
    pub(super) fn learn(&mut self, heard: Heard<I>, view: &NodeView<'_, I>) {
        let Heard { from, source, at, addresses, .. } = heard;
        let admits =
            |book: &Book<I>, id: I| id != view.id && (view.is_concerned_with(id) || book.is_configured(id));
        if !admits(&self.book, from) {
            bump(&mut self.counters.strangers);
            return;
        }
        self.book.heard(from, source, at);
        for (id, sighting) in addresses {
            if admits(&self.book, id) {
                self.book.told(id, sighting, at);
            }
        }
    }
}

impl<I: NodeId> Peers<I> {
    /// Node `id` is at `address`, as far as you know; where it is heard counts more. Never forgotten.
    pub fn introduce(&self, id: I, address: SocketAddr) {
        self.lock().book.configure(id, address);
    }

    /// Where `id` is, if that is known.
    #[must_use]
    pub fn address(&self, id: I) -> Option<SocketAddr> {
        self.lock().book.address(id)
    }

    /// Everybody that it knows an address of: worth saving for the next start, where members come
    /// and go.
    #[must_use]
    pub fn addresses(&self) -> Vec<(I, SocketAddr)> {
        self.lock().book.all()
    }

    /// What came and went.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let desk = self.lock();
        let refused = desk.cover.as_ref().map(Cover::refused).unwrap_or_default();
        Counters { refused, ..desk.counters }
    }

    /// Other keys from now on: see [`Keyring`] on how to rotate. Gives back whether there is a seal to
    /// have them.
    pub fn set_keys(&self, keys: Keyring) -> bool {
        let mut desk = self.lock();
        if let Protection::Sealed(known) = &mut desk.protection {
            *known = keys.clone();
        }
        match &mut desk.cover {
            Some(cover) => cover.set_keys(keys),
            None => matches!(desk.protection, Protection::Sealed(_)),
        }
    }

    pub(super) fn count(&self, which: impl FnOnce(&mut Counters) -> &mut u64) {
        bump(which(&mut self.lock().counters));
    }
}

impl<I> Peers<I> {
    /// Every change under it is whole, so a poisoned lock does no harm.
    pub(super) fn lock(&self) -> MutexGuard<'_, ManualNetwork<I>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bump(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

impl<I> Clone for Peers<I> {
    fn clone(&self) -> Self {
        Peers(Arc::clone(&self.0))
    }
}

impl<I> fmt::Debug for Peers<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").field("counters", &self.lock().counters).finish_non_exhaustive()
    }
}
