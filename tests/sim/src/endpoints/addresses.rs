//! The address of each node, and how translation changes it on the way.

use std::net::{Ipv4Addr, SocketAddr};

/// The location of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Location {
    /// The address that the world sees.
    pub(crate) public: SocketAddr,
    /// The node's own address. Behind a translator it is another one, and only nodes of the same site reach it.
    pub(crate) local: SocketAddr,
    /// The site behind a translator that the node is in.
    pub(crate) site: Option<u8>,
}

/// The locations of all nodes, by place.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    locations: Vec<Location>,
    used: u16,
}

impl Addresses {
    pub(crate) fn new(sites: &[Option<u8>]) -> Self {
        let mut addresses = Addresses { locations: Vec::new(), used: 0 };
        for &site in sites {
            let location = addresses.fresh(site);
            addresses.locations.push(location);
        }
        addresses
    }

    /// A location that no node had before.
    fn fresh(&mut self, site: Option<u8>) -> Location {
        self.used += 1;
        let port = 1_024 + self.used;
        match site {
            None => {
                let address = SocketAddr::from((Ipv4Addr::new(198, 51, 100, (self.used % 200) as u8), port));
                Location { public: address, local: address, site }
            }
            Some(number) => Location {
                public: SocketAddr::from((Ipv4Addr::new(203, 0, 113, number), port)),
                local: SocketAddr::from((Ipv4Addr::new(10, 0, number, (self.used % 200) as u8), port)),
                site,
            },
        }
    }

    pub(crate) fn of(&self, node: usize) -> Location {
        self.locations[node]
    }

    /// The node gets a location that no node had before, perhaps at another site.
    pub(crate) fn relocate(&mut self, node: usize, site: Option<u8>) {
        self.locations[node] = self.fresh(site);
    }

    /// The translator gives the node another public address. Without one, the node itself gets another address.
    pub(crate) fn rebind(&mut self, node: usize) {
        let before = self.locations[node];
        let mut after = self.fresh(before.site);
        if before.site.is_some() {
            after.local = before.local;
        }
        self.locations[node] = after;
    }

    /// `heir` gets the location of `former`, which gets another one.
    pub(crate) fn take_over(&mut self, heir: usize, former: usize) {
        let location = self.locations[former];
        self.locations[former] = self.fresh(location.site);
        self.locations[heir] = location;
    }

    /// Where a datagram of `from` to `address` arrives, and what its source seems to be.
    pub(crate) fn resolve(&self, from: usize, address: SocketAddr) -> Option<(usize, SocketAddr)> {
        let sender = self.locations[from];
        let near = |at: &Location| at.site.is_some() && at.site == sender.site && at.local == address;
        if let Some(node) = self.locations.iter().position(near) {
            return Some((node, sender.local));
        }
        let node = self.locations.iter().position(|at| at.public == address)?;
        Some((node, sender.public))
    }
}
