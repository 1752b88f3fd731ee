//! Hosts on threads.

use std::convert::Infallible;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use quorate::adapters::endpoint::{Endpoint, Transmit};
use quorate::adapters::register::{RegisterConfig, RegisterEvent, Silence, Use};
use quorate::adapters::seal::SystemRng;
use quorate::adapters::udp::{Host, HostCommandError, HostConfig, HostStartError, Notice};
use quorate::{Config, Force, HardState, Lease, Position, Target};

use super::memory::MemoryRegister;
use super::{A, B, CLUSTER, Id, PATIENCE, R, denial_of_a_later_term, first, register, speaks, timing};

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn config(id: Id) -> HostConfig<Id> {
    HostConfig::new(Config { timing: timing(), ..Config::new(id) }, any_port())
}

fn with(id: Id, memory: &MemoryRegister) -> HostConfig<Id> {
    config(id).register(register(memory.clone()))
}

fn start(config: HostConfig<Id>) -> Host<Id> {
    Host::start(config, first(), |_: &HardState<Id>| Ok::<_, Infallible>(())).unwrap()
}

/// The machines A and B.
fn pair(memory: &MemoryRegister) -> [Host<Id>; 2] {
    let one = start(with(A, memory));
    let two = start(with(B, memory).peer(A, one.local_addr().into()));
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

/// Why the voter says nothing to the node of this host.
fn silence(host: &Host<Id>) -> Option<Silence<Id>> {
    host.register_status().unwrap().silence
}

/// The host that leads by a membership that all have acknowledged, the other one, and the lease. To both of them the voter
/// of the register speaks.
#[track_caller]
fn settle([one, two]: [Host<Id>; 2]) -> (Host<Id>, Host<Id>, Lease) {
    for host in [&one, &two] {
        wait("signatures", || host.register_status().filter(speaks));
    }
    let leads = |host: &Host<Id>| host.lease().filter(|_| host.status().committed);
    let (is_first, lease) = wait("a leader", || {
        leads(&one).map(|lease| (true, lease)).or_else(|| leads(&two).map(|lease| (false, lease)))
    });
    if is_first { (one, two, lease) } else { (two, one, lease) }
}

#[test]
fn of_two_hosts_one_is_elected_while_the_other_is_down_and_replaced_when_it_dies() {
    let memory = MemoryRegister::new();
    let (leader, follower, lease) = settle(pair(&memory));
    assert_eq!(memory.inspect().signatures, [A, B]);
    leader.abort().unwrap();
    let next = wait("the other to lead", || follower.lease().filter(|next| next.term > lease.term));
    // It goes on by the promises of the register.
    wait("a later end of the lease", || follower.lease().filter(|later| later.until > next.until));
    let id = follower.status().id;
    follower.abort().unwrap();
    let alone = start(with(id, &memory));
    wait("a leader alone", || alone.lease());
    let status = alone.register_status().unwrap();
    assert_eq!((status.silence, status.bound.map(|(to, _)| to)), (None, Some(id)));
}

/// Waits for the next event of the agent that `wanted` takes, and returns all up to it.
#[track_caller]
fn events_until(host: &Host<Id>, wanted: impl Fn(&RegisterEvent<Id>) -> bool) -> Vec<RegisterEvent<Id>> {
    let (news, mut seen) = (host.events(), Vec::new());
    loop {
        match news.recv_timeout(PATIENCE) {
            Ok(Notice::Register(event)) => {
                seen.push(event);
                if wanted(&seen[seen.len() - 1]) {
                    return seen;
                }
            }
            Ok(_) => {}
            Err(error) => panic!("{error} after {seen:?}"),
        }
    }
}

/// A register that is released also if the test fails.
struct Released(MemoryRegister);

impl Drop for Released {
    fn drop(&mut self) {
        self.0.work();
    }
}

#[test]
fn a_register_that_hangs_costs_no_lease_while_the_other_machine_is_there_and_holds_no_host_up() {
    let memory = Released(MemoryRegister::new());
    let (leader, follower, lease) = settle(pair(&memory.0));
    memory.0.hang();
    wait("the follower to miss the register", || silence(&follower));
    assert_eq!(silence(&follower), Some(Silence::Unreachable));
    let later = leader.lease().unwrap();
    wait("a lease that grows", || leader.lease().filter(|grown| grown.until > later.until));
    // The call that hangs is one. Those that time out behind it were never begun.
    let failed = |host: &Host<Id>| host.register_status().unwrap().calls.failed;
    let before = failed(&follower);
    wait("more calls to fail", || (failed(&follower) >= before + 3).then_some(()));
    assert!(memory.0.hanging() <= 2, "{} calls hang", memory.0.hanging());
    assert_eq!(leader.lease().unwrap().term, lease.term);
    // A host that stops does not wait for it.
    let stop = thread::spawn(move || follower.shutdown_within(Duration::from_secs(1)));
    wait("the follower to stop", || stop.is_finished().then_some(()));
    stop.join().unwrap().unwrap();
    assert!(memory.0.hanging() >= 1, "the call ended before the host did");
    memory.0.work();
    wait("the register to answer", || silence(&leader).is_none().then_some(()));
}

#[test]
fn what_comes_of_a_swap_that_was_given_up_is_not_reported() {
    let memory = Released(MemoryRegister::new());
    let (leader, follower, lease) = settle(pair(&memory.0));
    drop(follower);
    let (late, later) = (Position { term: 1, index: 7 }, Position { term: 1, index: 8 });
    wait("a position to be recorded at all", || {
        leader.record_position(Position { term: 1, index: 1 }).unwrap();
        let seen = events_until(&leader, |event| !matches!(event, RegisterEvent::Silent(_)));
        seen.contains(&RegisterEvent::PositionRecorded(Position { term: 1, index: 1 })).then_some(())
    });
    memory.0.hang();
    leader.record_position(late).unwrap();
    let seen = events_until(&leader, |event| *event == RegisterEvent::PositionRefused(late));
    assert!(seen.contains(&RegisterEvent::PositionRefused(late)), "{seen:?}");
    let unknown = leader.register_status().unwrap().calls.unknown;
    memory.0.work();
    // Its lease may have ended meanwhile, for want of the register: it is elected again then.
    let seen = wait("the next one to be recorded", || {
        leader.record_position(later).unwrap();
        let seen = events_until(&leader, |event| !matches!(event, RegisterEvent::Silent(_)));
        seen.contains(&RegisterEvent::PositionRecorded(later)).then_some(seen)
    });
    assert!(!seen.contains(&RegisterEvent::PositionRecorded(late)), "{seen:?}");
    assert!(unknown >= 1, "no swap was given up");
    assert!(leader.status().term >= lease.term);
    assert_eq!(memory.0.inspect().state.position_floor, later);
}

#[test]
fn a_datagram_in_the_name_of_the_registers_voter_has_no_effect_and_is_counted() {
    let memory = MemoryRegister::new();
    let (leader, _follower, lease) = settle(pair(&memory));
    let forger = UdpSocket::bind(any_port()).unwrap();
    let mut endpoint = Endpoint::new(R, CLUSTER, None, SystemRng::new().unwrap()).unwrap();
    endpoint.bind(forger.local_addr().unwrap());
    endpoint.configure(leader.status().id, leader.local_addr()).unwrap();
    let dropped = || leader.counters().from_register_voter;
    wait("forgeries to be dropped", || {
        let status = leader.status();
        let message = denial_of_a_later_term(lease.term, status.version);
        let mut transmits = Vec::new();
        endpoint.send(status.id, &message, status.now, &mut transmits);
        endpoint.handle_timeout(status.now, &mut transmits);
        for Transmit { to, bytes } in transmits {
            forger.send_to(&bytes, to).unwrap();
        }
        (dropped() >= 10).then_some(())
    });
    assert_eq!(leader.lease().unwrap().term, lease.term);
    assert!(leader.addresses().iter().all(|&(id, _)| id != R), "{:?}", leader.addresses());
}

#[test]
fn a_leader_has_a_position_recorded_and_a_follower_is_refused() {
    let memory = MemoryRegister::new();
    let (leader, follower, _) = settle(pair(&memory));
    let position = Position { term: 1, index: 5 };
    let answer = |event: &RegisterEvent<Id>| !matches!(event, RegisterEvent::Silent(_));
    leader.record_position(position).unwrap();
    let seen = events_until(&leader, answer);
    assert_eq!(seen.last(), Some(&RegisterEvent::PositionRecorded(position)));
    assert_eq!(leader.status().position, position, "the election was told, too");
    assert_eq!(memory.inspect().state.position_floor, position);
    follower.record_position(position).unwrap();
    assert_eq!(events_until(&follower, answer).last(), Some(&RegisterEvent::PositionRefused(position)));
    let without = start(config(A));
    assert_eq!(without.register_status(), None);
    assert!(matches!(without.record_position(position), Err(HostCommandError::NoRegister)));
}

#[test]
fn a_client_that_panics_costs_the_voter_and_not_the_host() {
    let memory = MemoryRegister::new();
    let (leader, follower, lease) = settle(pair(&memory));
    memory.panic();
    wait("the follower to miss the register", || silence(&follower));
    memory.work();
    assert_eq!(leader.lease().map(|lease| lease.term), Some(lease.term));
    follower.shutdown().unwrap();
}

#[test]
fn a_leader_that_needs_nothing_of_the_register_counts_its_voter_as_present() {
    let memory = MemoryRegister::new();
    let (leader, follower, _) = settle(pair(&memory));
    let heard_ago = |id: Id| {
        let members = leader.status().members;
        members.iter().find(|member| member.id == id).and_then(|member| member.heard_ago)
    };
    let long = timing().promise_limit;
    wait("the voter not to have been heard for long", || heard_ago(R).filter(|&ago| ago > long));
    assert_eq!(leader.status().present_voters, 3);
    assert_eq!(leader.status().diagnosis, None);
    // A follower looks often. What it finds out, its status tells.
    memory.fail();
    wait("the follower to miss the register", || silence(&follower));
    assert_eq!(follower.status().present_voters, 2);
    // Nor does it take the voter for silent: it would not leave the other voter out then.
    memory.work();
    let target = Target::new([leader.status().id, R], []).unwrap();
    leader.reconfigure(target, Force::Never, []).unwrap();
}

#[test]
fn a_host_that_is_told_to_speak_for_itself_or_to_wait_too_long_for_a_call_does_not_start() {
    let usage = Use::Spare { look: Duration::from_secs(1) };
    let of = |voter| RegisterConfig::new(voter, usage, MemoryRegister::new());
    let longest = timing().promise_limit;
    for register in [of(A), of(R).call_timeout(Duration::ZERO), of(R).call_timeout(longest * 2)] {
        let started =
            Host::start(config(A).register(register), first(), |_: &HardState<Id>| Ok::<_, Infallible>(()));
        assert!(matches!(started, Err(HostStartError::Register(_))), "{started:?}");
    }
}

#[test]
fn a_copy_that_was_put_back_while_a_host_was_down_is_noticed_when_it_starts_again() {
    let (memory, folder) = (MemoryRegister::new(), tempfile::tempdir().unwrap());
    let file = folder.path().join("register");
    let copy = memory.copy();
    let remembering = || config(A).register(register(memory.clone()).remember_in(&file));
    let host = start(remembering());
    wait("a signature", || (memory.inspect().signatures == [A]).then_some(()));
    let sequence = format!(" {}\n", memory.inspect().sequence);
    wait("the number to be kept", || fs::read_to_string(&file).ok().filter(|text| text.ends_with(&sequence)));
    host.abort().unwrap();
    memory.restore(copy);
    let again = start(remembering());
    wait("the copy to be noticed", || {
        silence(&again).filter(|silence| matches!(silence, Silence::Older { .. }))
    });
}
