//! Forms and scopes of addresses: one canonical form inside, the form of the socket outside, and to others only what
//! means the same to them.

use core::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// The one form in which an address is kept, compared and told: IPv4 as such and not mapped into IPv6, without a flow
/// label, and with a scope only where the address has no meaning without one.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    let SocketAddr::V6(v6) = address else { return address };
    match v6.ip().to_ipv4_mapped() {
        Some(ip) => SocketAddr::new(ip.into(), v6.port()),
        None => {
            let scope = if is_link_local(*v6.ip()) { v6.scope_id() } else { 0 };
            SocketAddrV6::new(*v6.ip(), v6.port(), 0, scope).into()
        }
    }
}

/// The form in which a socket that is bound to `local` sends to `address`; `None` if it cannot.
pub(super) fn for_socket(local: Option<SocketAddr>, address: SocketAddr) -> Option<SocketAddr> {
    match (local, address) {
        (None, _)
        | (Some(SocketAddr::V4(_)), SocketAddr::V4(_))
        | (Some(SocketAddr::V6(_)), SocketAddr::V6(_)) => Some(address),
        (Some(SocketAddr::V4(_)), SocketAddr::V6(_)) => None,
        // Bound to one IPv6 address, a socket sends to no IPv4 address.
        (Some(SocketAddr::V6(local)), SocketAddr::V4(v4)) => {
            let takes_mapped = local.ip().is_unspecified() || local.ip().to_ipv4_mapped().is_some();
            takes_mapped.then(|| SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()))
        }
    }
}

/// Whether a node can have this address at all.
pub(in crate::adapters) fn is_usable(address: SocketAddr) -> bool {
    let ip = address.ip().to_canonical();
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !broadcast && !lacks_link(address)
}

/// Whether the address is one of a link, and does not name the link. Each link may have a machine of this address; some
/// systems send to any link then, and others to none.
fn lacks_link(address: SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if is_link_local(*v6.ip()) && v6.scope_id() == 0)
}

/// An address that no node can have, or that does not name one machine.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[error(
    "no node can be at {0}: an address of a node names one machine, an IPv6 address of a link its link, as \
     [fe80::1%2]:7 does, and a port that is not 0"
)]
pub struct UnusableAddress(pub SocketAddr);

/// Refuses an address that no node can have: an unspecified one, one of several machines, one of a link that is not
/// named, or one without a port.
pub(in crate::adapters) fn check(address: SocketAddr) -> Result<(), UnusableAddress> {
    if is_usable(address) { Ok(()) } else { Err(UnusableAddress(address)) }
}

/// Whether `address` means the same to a program at `reader`: it is usable, and no address of one machine or one link
/// that is not the reader's. Which link an IPv6 address of a link belongs to is known to each machine alone.
pub(super) fn means_the_same_to(reader: SocketAddr, address: SocketAddr) -> bool {
    let (here, there) = (Scope::of(reader.ip()), Scope::of(address.ip()));
    is_usable(address)
        && match there {
            Scope::Wide => true,
            Scope::Machine | Scope::LinkV4 => here == there,
            Scope::LinkV6 => false,
        }
}

/// How far the meaning of an address reaches.
#[derive(PartialEq, Eq)]
enum Scope {
    Machine,
    LinkV4,
    LinkV6,
    Wide,
}

impl Scope {
    fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            ip if ip.is_loopback() => Scope::Machine,
            IpAddr::V4(ip) if ip.is_link_local() => Scope::LinkV4,
            IpAddr::V6(ip) if is_link_local(ip) => Scope::LinkV6,
            IpAddr::V4(_) | IpAddr::V6(_) => Scope::Wide,
        }
    }
}

/// `fe80::/10`.
fn is_link_local(ip: Ipv6Addr) -> bool {
    ip.is_unicast_link_local()
}

/// Whether two addresses are of the same family, so that a socket which sends to one may send to the other.
pub(super) fn is_same_family(one: SocketAddr, other: SocketAddr) -> bool {
    one.is_ipv4() == other.is_ipv4()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::string::ToString;

    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_one_form() {
        for (given, kept) in [
            ("10.0.0.1:7", "10.0.0.1:7"),
            ("[::ffff:10.0.0.1]:7", "10.0.0.1:7"),
            ("[2001:db8::1]:7", "[2001:db8::1]:7"),
            ("[fe80::1%3]:7", "[fe80::1%3]:7"),
            ("[2001:db8::1%3]:7", "[2001:db8::1]:7"),
        ] {
            assert_eq!(canonical(at(given)), at(kept));
        }
        let labelled = SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 7, 5, 9));
        assert_eq!(canonical(labelled), at("[::1]:7"));
    }

    #[test]
    fn an_address_that_no_node_can_have_is_refused() {
        for address in ["10.0.0.1:7", "127.0.0.1:7", "[::1]:7", "[fe80::1%3]:7", "[::ffff:10.0.0.1]:7"] {
            assert_eq!(check(at(address)), Ok(()), "{address}");
        }
        for address in [
            "0.0.0.0:7",
            "[::]:7",
            "[::ffff:0.0.0.0]:7",
            "224.0.0.1:7",
            "[ff02::1%3]:7",
            "[fe80::1]:7",
            "[::ffff:224.0.0.1]:7",
            "255.255.255.255:7",
            "10.0.0.1:0",
            "[2001:db8::1]:0",
        ] {
            assert_eq!(check(at(address)), Err(UnusableAddress(at(address))), "{address}");
        }
        let told = UnusableAddress(at("[fe80::1]:7")).to_string();
        assert!(told.contains("of a link its link") && !told.contains('\n'), "{told}");
    }

    #[test]
    fn a_socket_is_given_the_form_that_it_takes() {
        for (local, address, form) in [
            ("0.0.0.0:1", "10.0.0.1:7", Some("10.0.0.1:7")),
            ("[::]:1", "10.0.0.1:7", Some("[::ffff:10.0.0.1]:7")),
            ("[::ffff:10.0.0.2]:1", "10.0.0.1:7", Some("[::ffff:10.0.0.1]:7")),
            ("[2001:db8::2]:1", "10.0.0.1:7", None),
            ("10.0.0.2:1", "[2001:db8::1]:7", None),
            ("[::]:1", "[2001:db8::1]:7", Some("[2001:db8::1]:7")),
        ] {
            assert_eq!(for_socket(Some(at(local)), at(address)), form.map(at), "{local} {address}");
        }
        assert_eq!(for_socket(None, at("[2001:db8::1]:7")), Some(at("[2001:db8::1]:7")));
    }

    #[test]
    fn an_address_of_one_machine_or_link_means_nothing_to_a_reader_elsewhere() {
        for (reader, address, same) in [
            ("10.0.0.9:1", "10.0.0.1:7", true),
            ("10.0.0.9:1", "[2001:db8::1]:7", true),
            ("10.0.0.9:1", "127.0.0.1:7", false),
            ("10.0.0.9:1", "[::1]:7", false),
            ("127.0.0.9:1", "127.0.0.1:7", true),
            ("[::ffff:127.0.0.9]:1", "127.0.0.1:7", true),
            ("10.0.0.9:1", "169.254.0.1:7", false),
            ("169.254.0.9:1", "169.254.0.1:7", true),
            ("[fe80::9%2]:1", "[fe80::1%2]:7", false),
            ("10.0.0.9:1", "0.0.0.0:7", false),
            ("10.0.0.9:1", "[::ffff:0.0.0.0]:7", false),
            ("10.0.0.9:1", "10.0.0.1:0", false),
            ("10.0.0.9:1", "224.0.0.1:7", false),
            ("10.0.0.9:1", "255.255.255.255:7", false),
        ] {
            assert_eq!(means_the_same_to(at(reader), at(address)), same, "{reader} {address}");
        }
    }
}
