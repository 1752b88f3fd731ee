//! Groups of hosts on loopback sockets, for this program and for `tests/flood.rs`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use quorate::adapters::seal::{Key, Keyring};
use quorate::adapters::udp::{Host, HostConfig};
use quorate::{ClusterId, HardState};

pub(crate) type Id = u16;

/// The group of [`trio_of`].
pub(crate) const GROUP: ClusterId = ClusterId(1);

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

pub(crate) fn first(cluster: u64, members: &[Id]) -> HardState<Id> {
    HardState::bootstrap(ClusterId(cluster), members.iter().copied()).unwrap()
}

pub(crate) fn ring(keys: &[u8]) -> Keyring {
    Keyring::new(keys.iter().map(|&byte| Key::new(&[byte; 32]))).unwrap()
}

/// A host that keeps its state in memory only, in a test that never restarts it.
pub(crate) fn host(config: HostConfig<Id>, saved: HardState<Id>) -> Host<Id> {
    Host::start(config, saved, |_| Ok::<_, Infallible>(())).unwrap()
}

/// Hosts 1, 2 and 3. Each is told only of those started before it, and has to learn of the others.
pub(crate) fn trio_of(config: impl Fn(Id) -> HostConfig<Id>) -> Vec<Host<Id>> {
    let mut hosts: Vec<Host<Id>> = Vec::new();
    for id in 1..=3 {
        let mut config = config(id);
        config.peers = (1..).zip(hosts.iter().map(|host| host.local_addr().into())).collect();
        hosts.push(host(config, first(1, &[1, 2, 3])));
    }
    hosts
}

/// Waits until `seen` returns a value, for [`PATIENCE`] at most.
#[track_caller]
pub(crate) fn wait<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = seen() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
