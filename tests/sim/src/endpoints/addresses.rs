//! The address of each node, the forms in which sockets take it, and how translation changes it on the way.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::rng::Dice;

/// The site whose translator shows every destination another source, and lets in that destination's answers alone.
const SYMMETRIC: u8 = 0;

/// The network that a node is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// An address of its own, on a link that all nodes of this kind share.
    Open,
    /// A machine that runs several nodes, on the same link.
    Machine(u8),
    /// A site behind a translator.
    Site(u8),
}

/// The location of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Location {
    /// Different for each location that ever was.
    number: u16,
    /// The address that the world sees. Behind a symmetric translator there is none that is of use.
    pub(crate) public: SocketAddr,
    /// The node's own address. Behind a translator it is another one, and only nodes of the same site reach it.
    local: SocketAddr,
    place: Place,
}

/// The locations of all nodes.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    locations: Vec<Location>,
    /// Whether each node has a socket on `[::]`, which takes IPv4 addresses mapped into IPv6.
    dual: Vec<bool>,
    /// Whether nodes share machines, and are told addresses of one machine or link.
    pub(crate) narrow: bool,
    /// Whether one node at a time may be behind a symmetric translator.
    symmetric: bool,
    used: u16,
}

impl Addresses {
    /// The faults of addresses that a run has, and first locations.
    pub(crate) fn draw(nodes: usize, dice: &mut Dice) -> Self {
        let dual = dice.pick(&[0, 300_000, 700_000]);
        let mut addresses = Addresses {
            locations: Vec::new(),
            dual: (0..nodes).map(|_| dice.chance(dual)).collect(),
            narrow: dice.chance(400_000),
            symmetric: dice.chance(400_000),
            used: 0,
        };
        for _ in 0..nodes {
            let place = addresses.any_place(dice);
            let location = addresses.fresh(place);
            addresses.locations.push(location);
        }
        addresses
    }

    /// A place that this run has.
    fn any_place(&self, dice: &mut Dice) -> Place {
        let shared = [Place::Machine(1), Place::Machine(2)];
        match dice.below(6) {
            0 => Place::Site(1),
            1 => Place::Site(2),
            2 if self.symmetric && !self.locations.iter().any(Location::is_symmetric) => {
                Place::Site(SYMMETRIC)
            }
            3 | 4 if self.narrow => dice.pick(&shared),
            _ => Place::Open,
        }
    }

    /// A location that no node had before.
    fn fresh(&mut self, place: Place) -> Location {
        self.used += 1;
        let (number, port) = (self.used, 1_024 + self.used);
        let at = |ip: [u8; 4]| SocketAddr::from((ip, port));
        let own = (number % 200) as u8;
        let (public, local) = match place {
            Place::Open => (at([198, 51, 100, own]), at([198, 51, 100, own])),
            Place::Machine(machine) => (at([192, 0, 2, machine]), at([192, 0, 2, machine])),
            Place::Site(SYMMETRIC) => (at([198, 18, 0, 0]), at([10, 0, 0, own])),
            Place::Site(site) => (at([203, 0, 113, site]), at([10, 0, site, own])),
        };
        Location { number, public, local, place }
    }

    pub(crate) fn of(&self, node: usize) -> Location {
        self.locations[node]
    }

    /// The address to which the socket of `node` is bound.
    pub(crate) fn bound(&self, node: usize) -> SocketAddr {
        let port = self.locations[node].local.port();
        if self.dual[node] {
            (Ipv6Addr::UNSPECIFIED, port).into()
        } else {
            (Ipv4Addr::UNSPECIFIED, port).into()
        }
    }

    /// Whether the socket of `node` takes an address in this form.
    pub(crate) fn takes(&self, node: usize, address: SocketAddr) -> bool {
        self.dual[node] == address.is_ipv6()
    }

    /// Whether a third node cannot use the address of `node` that another one uses.
    pub(crate) fn is_hidden(&self, node: usize) -> bool {
        self.locations[node].is_symmetric() || self.narrow && self.locations[node].is_on_link()
    }

    /// Whether any node that is told the public address of `node` reaches it.
    pub(crate) fn is_reachable(&self, node: usize) -> bool {
        !self.locations[node].is_symmetric()
    }

    /// The address of `other` that means the least to others than `node`.
    pub(crate) fn narrowest(&self, node: usize, other: usize) -> SocketAddr {
        let (here, there) = (self.locations[node], self.locations[other]);
        if matches!(here.place, Place::Machine(_)) && here.place == there.place {
            (Ipv4Addr::LOCALHOST, there.local.port()).into()
        } else if self.share_link(node, other) {
            self.link_local(node, other)
        } else {
            there.public
        }
    }

    fn share_link(&self, one: usize, other: usize) -> bool {
        [one, other].into_iter().all(|node| self.dual[node] && self.locations[node].is_on_link())
    }

    /// The address of `other` on the link, with the number that the machine of `node` gives to the link.
    fn link_local(&self, node: usize, other: usize) -> SocketAddr {
        let there = self.locations[other];
        let ip = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, there.number);
        SocketAddrV6::new(ip, there.local.port(), 0, node as u32 + 2).into()
    }

    /// The node gets a location that no node had before, perhaps at another place.
    pub(crate) fn relocate(&mut self, node: usize, dice: &mut Dice) {
        let place = self.any_place(dice);
        self.locations[node] = self.fresh(place);
    }

    /// The translator gives the node another public address. Without one, the node itself gets another address.
    pub(crate) fn rebind(&mut self, node: usize) {
        let before = self.locations[node];
        let mut after = self.fresh(before.place);
        if matches!(before.place, Place::Site(_)) {
            after.local = before.local;
        }
        self.locations[node] = after;
    }

    /// `heir` gets the location of `former`, which gets another one, and no translator that is symmetric.
    pub(crate) fn take_over(&mut self, heir: usize, former: usize) {
        let location = self.locations[former];
        let place = if location.is_symmetric() { Place::Open } else { location.place };
        self.locations[former] = self.fresh(place);
        self.locations[heir] = location;
    }

    /// Where a datagram of `from` to `address` arrives, and what its source seems to be, in the receiver's form.
    pub(crate) fn resolve(&self, from: usize, address: SocketAddr) -> Option<(usize, SocketAddr)> {
        let is_mapped = address.is_ipv6() && address.ip().to_canonical().is_ipv4();
        let plain = SocketAddr::new(address.ip().to_canonical(), address.port());
        let (to, source) = self.deliver(from, if is_mapped { plain } else { address })?;
        let mapped = |ip: Ipv4Addr| SocketAddr::from((ip.to_ipv6_mapped(), source.port()));
        match source {
            SocketAddr::V4(v4) if self.dual[to] => Some((to, mapped(*v4.ip()))),
            SocketAddr::V4(_) | SocketAddr::V6(_) => Some((to, source)),
        }
    }

    fn deliver(&self, from: usize, address: SocketAddr) -> Option<(usize, SocketAddr)> {
        let sender = self.locations[from];
        let on_link = |&to: &usize| self.share_link(from, to) && self.link_local(from, to) == address;
        if address.is_ipv6() {
            let to = (0..self.locations.len()).find(on_link)?;
            return Some((to, self.link_local(to, from)));
        }
        let at_port = |at: &Location| at.place == sender.place && at.local.port() == address.port();
        if address.ip().is_loopback() {
            let is_there = |at: &Location| matches!(at.place, Place::Machine(_)) && at_port(at);
            let to = self.locations.iter().position(is_there)?;
            return Some((to, (Ipv4Addr::LOCALHOST, sender.local.port()).into()));
        }
        let near = |at: &Location| matches!(at.place, Place::Site(_)) && at.place == sender.place;
        if let Some(to) = self.locations.iter().position(|at| near(at) && at.local == address) {
            return Some((to, sender.local));
        }
        let to = self.locations.iter().position(|at| at.seen_by(sender.number) == address)?;
        Some((to, sender.seen_by(self.locations[to].number)))
    }
}

impl Location {
    fn is_symmetric(&self) -> bool {
        self.place == Place::Site(SYMMETRIC)
    }

    fn is_on_link(&self) -> bool {
        !matches!(self.place, Place::Site(_))
    }

    /// The address at which the location of that number sees this one.
    fn seen_by(&self, other: u16) -> SocketAddr {
        let [high, low] = other.to_be_bytes();
        if self.is_symmetric() {
            SocketAddr::from(([198, 18, high, low], self.public.port()))
        } else {
            self.public
        }
    }
}
