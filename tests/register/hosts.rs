//! Thread hosts on loopback that share a register. Bounds are generous: no test says how fast anything is.

use std::convert::Infallible;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use quorate::adapters::register::{RegisterConfig, RegisterEvent, Silence, Use};
use quorate::adapters::udp::{Host, HostCommandError, HostConfig, HostStartError, Notice};
use quorate::{Config, HardState, Lease, Position, Priority, Timing, Urgency};

use super::bench::{A, B, Id, R, first};
use super::memory::MemoryRegister;

const PATIENCE: Duration = Duration::from_secs(60);

/// Long enough that a slow machine loses no lease by it.
pub(crate) fn timing() -> Timing {
    let wan = Timing::wan();
    Timing { promise: wan.promise * 2, promise_limit: wan.promise_limit * 2, ..wan }
}

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn config(id: Id) -> HostConfig<Id> {
    HostConfig::new(Config { timing: timing(), ..Config::new(id) }, any_port())
}

pub(crate) fn spare() -> Use {
    Use::Spare { look: Duration::from_millis(100) }
}

fn with(id: Id, register: &MemoryRegister) -> HostConfig<Id> {
    config(id).register(RegisterConfig::new(R, spare(), register.clone()))
}

fn start(config: HostConfig<Id>) -> Host<Id> {
    Host::start(config, first(), |_: &HardState<Id>| Ok::<_, Infallible>(())).unwrap()
}

/// The machines A and B.
fn pair(register: &MemoryRegister) -> [Host<Id>; 2] {
    let one = start(with(A, register));
    let two = start(with(B, register).peer(A, one.local_addr().into()));
    [one, two]
}

#[track_caller]
fn wait<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = seen() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The host that leads by a membership that all have acknowledged, the other one, and the lease.
#[track_caller]
fn settle([one, two]: [Host<Id>; 2]) -> (Host<Id>, Host<Id>, Lease) {
    let leads = |host: &Host<Id>| host.lease().filter(|_| host.status().committed);
    let (is_first, lease) = wait("a leader", || {
        leads(&one).map(|lease| (true, lease)).or_else(|| leads(&two).map(|lease| (false, lease)))
    });
    if is_first { (one, two, lease) } else { (two, one, lease) }
}

#[test]
fn of_two_hosts_one_is_elected_while_the_other_is_down_and_replaced_when_it_dies() {
    let register = MemoryRegister::new();
    // Both have signed.
    let (leader, follower, lease) = settle(pair(&register));
    wait("signatures", || (register.inspect().signatures == [A, B]).then_some(()));
    leader.abort().unwrap();
    let next = wait("the other to lead", || follower.lease().filter(|next| next.term > lease.term));
    // It goes on by the promises of the register.
    wait("a later end of the lease", || follower.lease().filter(|later| later.until > next.until));
    let id = follower.status().id;
    follower.abort().unwrap();
    let alone = start(with(id, &register));
    wait("a leader alone", || alone.lease());
    let status = alone.register_status().unwrap();
    assert_eq!((status.silence, status.bound.map(|(to, _)| to)), (None, Some(id)));
}
