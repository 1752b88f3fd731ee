//! Which client makes room for the next one, when as many are served as there may be.
//!
//! The share of a machine shrinks as others come, so a machine that opens connections without end takes them from itself:
//! a probe of Kubernetes comes from another one, and is answered.

use std::net::{IpAddr, Ipv4Addr};
use std::prelude::rust_2024::*;

/// Where connections come from: a machine, or one network of IPv6, in which a machine has any number of addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    Machine(Ipv4Addr),
    Network(u64),
}

impl Source {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Source::Machine(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Source::Network(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
            }
        }
    }
}

/// A connection, as far as that matters for who makes room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) source: Source,
    /// Whether its request is not whole yet.
    pub(super) is_idle: bool,
}

/// Which of the connections, in the order in which they came, makes room for one from `newcomer`. It is one of the source
/// that has the most, the newcomer counted: the first whose request is not whole yet, or else the first.
pub(super) fn place_to_free(held: &[Held], newcomer: Source) -> Option<usize> {
    let count = |source: Source| {
        let others = held.iter().filter(|held| held.source == source).count();
        others.saturating_add(usize::from(source == newcomer))
    };
    let most = held.iter().map(|held| count(held.source)).max()?;
    let all = held.iter().enumerate().filter(|(_, held)| count(held.source) == most);
    all.min_by_key(|(place, held)| (!held.is_idle, *place)).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// Connections from 10.0.0.x; those with a negative number have sent a whole request.
    fn held(numbers: &[i8]) -> Vec<Held> {
        let held = |&number: &i8| Held { source: machine(number.unsigned_abs()), is_idle: number > 0 };
        numbers.iter().map(held).collect()
    }

    fn machine(number: u8) -> Source {
        Source::of([10, 0, 0, number].into())
    }

    #[test]
    fn the_source_with_the_most_connections_makes_room_and_the_idle_one_first() {
        let cases: [(&[i8], u8, Option<usize>); 8] = [
            (&[], 1, None),
            (&[1, 2, 2, 2], 1, Some(1)),
            (&[1, -2, 2, 2], 1, Some(2)),
            (&[1, -2, -2, -2], 1, Some(1)),
            (&[1, 2, 2, 2], 2, Some(1)),
            // Each has one, and the newcomer's has two then.
            (&[1, 2, 3], 3, Some(2)),
            (&[-1, 2, 3], 4, Some(1)),
            (&[-1, -2, -3], 4, Some(0)),
        ];
        for (numbers, newcomer, place) in cases {
            assert_eq!(place_to_free(&held(numbers), machine(newcomer)), place, "{numbers:?} and {newcomer}");
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one_source_and_a_mapped_address_is_that_of_its_machine() {
        let source = |text: &str| text.parse().map(Source::of);
        assert_eq!(source("2001:db8:0:1::1"), source("2001:db8:0:1:ffff::9"));
        assert_ne!(source("2001:db8:0:1::1"), source("2001:db8:0:2::1"));
        assert_eq!(source("::ffff:10.0.0.7"), Ok(machine(7)));
    }
}
