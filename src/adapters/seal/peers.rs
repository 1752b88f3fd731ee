//! The other nodes that a seal remembers: no more than so many.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rand_core::TryCryptoRng;

use super::peer::{NoRandomness, Peer};
use crate::types::NodeId;

/// How many other nodes are remembered.
const MAX_PEERS: usize = 1_024;

/// The peers by their ids.
pub(super) struct Peers<I> {
    peers: BTreeMap<I, Peer>,
    /// How often any peer was used, by which the one is found that was unused for longest.
    used: u64,
}

impl<I: NodeId> Peers<I> {
    pub(super) fn new() -> Self {
        Peers { peers: BTreeMap::new(), used: 0 }
    }

    pub(super) fn get(&self, id: I) -> Option<&Peer> {
        self.peers.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: I) -> Option<&mut Peer> {
        self.peers.get_mut(&id)
    }

    /// Finds the peer, or begins to remember it, and marks it as used. To make room, the peer is forgotten
    /// that was unused for longest: one that has never shown to be alive, if there is any.
    pub(super) fn touch(&mut self, id: I, rng: &mut impl TryCryptoRng) -> Result<&mut Peer, NoRandomness> {
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&id) {
            let longest =
                self.peers.iter().min_by_key(|(_, peer)| (peer.is_live(), peer.used)).map(|(&id, _)| id);
            longest.and_then(|id| self.peers.remove(&id));
        }
        self.used = self.used.saturating_add(1);
        let peer = match self.peers.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => vacant.insert(Peer::new(rng)?),
        };
        peer.used = self.used;
        Ok(peer)
    }
}
