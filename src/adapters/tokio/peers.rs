//! What a UDP transport knows of the other nodes.

use std::boxed::Box;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use super::Clock;
use crate::adapters::Advertised;
use crate::adapters::endpoint::{DatagramCounters, Endpoint, PeerAddress, UnusableAddress};
use crate::adapters::seal::{Keyring, SystemRng};
use crate::types::NodeId;

/// What a [`Udp`](super::Udp) transport knows, to be read and added to while its node runs. Clones are the
/// same.
pub struct Peers<I: NodeId>(pub(super) Arc<Mutex<UdpState<I>>>);

/// The state of a transport that its node and the program share.
pub(super) enum UdpState<I: NodeId> {
    /// The node is not known yet.
    Bound {
        peers: Vec<(I, PeerAddress)>,
        keys: Option<Keyring>,
    },
    Started {
        endpoint: Box<Endpoint<I, SystemRng>>,
        clock: Clock,
    },
}

impl<I: NodeId> UdpState<I> {
    pub(super) fn started(&mut self) -> Option<(&mut Endpoint<I, SystemRng>, &Clock)> {
        match self {
            UdpState::Bound { .. } => None,
            UdpState::Started { endpoint, clock } => Some((endpoint, clock)),
        }
    }
}

impl<I: NodeId> Peers<I> {
    /// Node `id` is at `address`, or where a name says, as far as you know; where the node answers counts more. Of each
    /// node the last four addresses and the last four names are kept, and never forgotten: give both what is configured
    /// and what was learned before a restart. A name is looked up soon, also if it was looked up before.
    ///
    /// # Errors
    /// [`UnusableAddress`] if no node can be there: the address is unspecified, one of several machines, or one of a link
    /// (`fe80::1`) that does not name the link (`fe80::1%2`), or its port is 0.
    pub fn introduce(&self, id: I, address: PeerAddress) -> Result<(), UnusableAddress> {
        address.check()?;
        match &mut *self.lock() {
            UdpState::Bound { peers, .. } => {
                let peer = (id, address);
                peers.retain(|known| *known != peer);
                peers.push(peer);
                Ok(())
            }
            UdpState::Started { endpoint, .. } => endpoint.configure_peer(id, address),
        }
    }

    /// The address of `id`, if it is known.
    #[must_use]
    pub fn address(&self, id: I) -> Option<SocketAddr> {
        match &*self.lock() {
            UdpState::Bound { peers, .. } => {
                addresses(peers).filter(|peer| peer.0 == id).last().map(|peer| peer.1)
            }
            UdpState::Started { endpoint, .. } => endpoint.address(id),
        }
    }

    /// What node `id` advertises, as far as is known; nothing before the node has started.
    #[must_use]
    pub fn advertised(&self, id: I) -> Option<Advertised> {
        match &*self.lock() {
            UdpState::Bound { .. } => None,
            UdpState::Started { endpoint, .. } => endpoint.advertised(id),
        }
    }

    /// Advertises this to the other members from now on, or nothing any more. Before the node has started, say it by
    /// [`Udp::advertising`](super::Udp::advertising).
    pub fn advertise(&self, text: Option<Advertised>) {
        if let UdpState::Started { endpoint, .. } = &mut *self.lock() {
            endpoint.advertise(text);
        }
    }

    /// All known addresses: worth saving for the next start, where members come and go.
    #[must_use]
    pub fn addresses(&self) -> Vec<(I, SocketAddr)> {
        match &*self.lock() {
            UdpState::Bound { peers, .. } => addresses(peers).collect(),
            UdpState::Started { endpoint, .. } => endpoint.known_addresses(),
        }
    }

    /// What came and went.
    #[must_use]
    pub fn counters(&self) -> DatagramCounters {
        match &*self.lock() {
            UdpState::Bound { .. } => DatagramCounters::default(),
            UdpState::Started { endpoint, .. } => endpoint.counters(),
        }
    }

    /// Uses other keys from now on: see [`Keyring`] on how to rotate. Returns whether there is a seal to use
    /// them.
    pub fn set_keys(&self, keys: Keyring) -> bool {
        match &mut *self.lock() {
            UdpState::Bound { keys: known, .. } => known.as_mut().map(|known| *known = keys).is_some(),
            UdpState::Started { endpoint, .. } => endpoint.set_keys(keys),
        }
    }

    /// Every change under this lock is whole, so a poisoned one does no harm.
    pub(super) fn lock(&self) -> MutexGuard<'_, UdpState<I>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The peers that were given by their addresses.
fn addresses<I: NodeId>(peers: &[(I, PeerAddress)]) -> impl Iterator<Item = (I, SocketAddr)> {
    peers.iter().filter_map(|(id, address)| match address {
        PeerAddress::Address(address) => Some((*id, *address)),
        PeerAddress::Name(_) => None,
    })
}

impl<I: NodeId> Clone for Peers<I> {
    fn clone(&self) -> Self {
        Peers(Arc::clone(&self.0))
    }
}

impl<I: NodeId> fmt::Debug for Peers<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").field("counters", &self.counters()).finish_non_exhaustive()
    }
}
