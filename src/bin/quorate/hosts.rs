//! The hosts that an operator names.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use quorate::adapters::udp::{PeerAddress, Resolver};

use crate::failure::Failure;

/// For how long a new name may be unknown, and the pause between two look-ups of it.
const NEW_NAME: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

/// The addresses of a host: of a name that stands for several, all of them.
pub(crate) fn look_up(host: &PeerAddress) -> Result<Vec<SocketAddr>, Failure> {
    let name = match host {
        PeerAddress::Address(address) => return Ok(vec![*address]),
        PeerAddress::Name(name) => name,
    };
    let found =
        Resolver::default().resolve(name).map_err(|error| format!("cannot look up {host}: {error}"))?;
    if found.is_empty() { Err(format!("{host} stands for no address").into()) } else { Ok(found) }
}

/// The addresses of a host that may have started just now: a name server learns of it a little later.
pub(crate) fn look_up_newcomer(host: &PeerAddress) -> Result<Vec<SocketAddr>, Failure> {
    let began = Instant::now();
    loop {
        match look_up(host) {
            Err(_) if began.elapsed() < NEW_NAME => thread::sleep(PAUSE),
            found => return found,
        }
    }
}

/// The addresses of these hosts, in their order and each once. Fails if not one of them is found.
pub(crate) fn look_up_all(hosts: &[PeerAddress]) -> Result<Vec<SocketAddr>, Failure> {
    let (mut all, mut failure) = (Vec::new(), None);
    for host in hosts {
        match look_up(host) {
            Ok(found) => all.extend(found),
            Err(failed) => failure = Some(failed),
        }
    }
    let mut seen = BTreeSet::new();
    all.retain(|&address| seen.insert(address));
    match failure {
        Some(failure) if all.is_empty() => Err(failure),
        _ => Ok(all),
    }
}
