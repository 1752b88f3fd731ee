//! The addresses of this node itself: the one that its socket is bound to, and those at which others see it.

use core::net::SocketAddr;
use std::prelude::rust_2024::*;

use super::address::{canonical, is_usable, means_the_same_to};

/// At how many addresses this node remembers to have been seen.
const REMEMBERED: usize = 4;

#[derive(Default)]
pub(super) struct OwnAddresses {
    local: Option<SocketAddr>,
    seen: Vec<SocketAddr>,
}

impl OwnAddresses {
    /// The socket is bound to `local`.
    pub(super) fn bind(&mut self, local: SocketAddr) {
        self.local = Some(local);
    }

    /// What the socket is bound to, in its own form.
    pub(super) fn local(&self) -> Option<SocketAddr> {
        self.local
    }

    /// A member sees this node at `address`.
    pub(super) fn record(&mut self, address: SocketAddr) {
        let address = canonical(address);
        self.seen.retain(|&known| known != address);
        if self.seen.len() >= REMEMBERED {
            self.seen.remove(0);
        }
        self.seen.push(address);
    }

    /// Whether what `asker` sends to `address` arrives here, as far as is known.
    pub(super) fn contains(&self, address: SocketAddr, asker: SocketAddr) -> bool {
        let (address, local) = (canonical(address), self.local.map(canonical));
        // What a program of this machine sends to this port of its own machine.
        let is_here = local.is_some_and(|local| {
            let takes_all = local.ip().is_unspecified() && local.port() == address.port();
            takes_all && address.ip().is_loopback() && asker.ip().to_canonical().is_loopback()
        });
        is_here || local == Some(address) || self.seen.contains(&address)
    }

    /// An address of this node that means something to `asker`.
    pub(super) fn for_asker(&self, asker: SocketAddr) -> Option<SocketAddr> {
        let local = self.local.map(canonical).filter(|&local| is_usable(local));
        let all = local.into_iter().chain(self.seen.iter().rev().copied());
        all.into_iter().find(|&address| means_the_same_to(asker, address))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_of_this_node_is_known_in_every_form() {
        for (local, asked, asker, is_own) in [
            ("[::ffff:10.0.0.1]:7", "10.0.0.1:7", "10.0.0.9:1", true),
            ("10.0.0.1:7", "[::ffff:10.0.0.1]:7", "[::ffff:10.0.0.9]:1", true),
            ("[::]:7", "127.0.0.1:7", "127.0.0.1:1", true),
            ("[::]:7", "[::ffff:127.0.0.1]:7", "[::ffff:127.0.0.1]:1", true),
            ("[::ffff:0.0.0.0]:7", "[::1]:7", "[::1]:1", true),
            ("[::]:7", "127.0.0.1:7", "10.0.0.9:1", false),
            ("[::]:7", "127.0.0.1:8", "127.0.0.1:1", false),
            ("10.0.0.1:7", "127.0.0.1:7", "127.0.0.1:1", false),
        ] {
            let mut own = OwnAddresses::default();
            own.bind(at(local));
            assert_eq!(own.contains(at(asked), at(asker)), is_own, "{local} {asked} {asker}");
        }
        let mut own = OwnAddresses::default();
        own.record(at("[::ffff:10.0.0.1]:7"));
        assert!(own.contains(at("10.0.0.1:7"), at("10.0.0.9:1")), "as a member sees it");
    }
}
