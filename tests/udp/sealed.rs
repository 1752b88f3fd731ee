//! Hosts with keys, and those who have none.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use quorate::adapters::seal::{Opened, Seal};
use quorate::adapters::wire;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;

/// A generator that no other in this process is seeded like.
fn rng() -> ChaCha20Rng {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    ChaCha20Rng::seed_from_u64(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Long enough that no host loses its leader because the machine is busy.
fn patient(id: Id) -> HostConfig<Id> {
    let mut config = config(id);
    config.config.timing = Timing {
        promise: Duration::from_secs(5),
        promise_limit: Duration::from_secs(15),
        heartbeat_interval: Duration::from_millis(50),
        ..Timing::lan()
    };
    config
}

/// Asks with the host's key. Whatever was sent to it before has been read when it answers.
fn ask(host: &Host<Id>) -> Option<quorate::adapters::udp::LeaderAddress<Id>> {
    who_leads_sealed(GROUP, host.local_addr(), &ring(&[1]), PATIENCE).unwrap()
}

#[test]
fn a_host_without_keys_starts_only_where_nobody_else_can_send_to_it_or_if_it_is_told_to() {
    let start = |listen: &str, protection| {
        let config = HostConfig { listen: listen.parse().unwrap(), protection, ..unsealed(1) };
        Host::start(config, first(1, &[1, 2]), |_: &HardState<Id>| Ok::<_, Infallible>(()))
    };
    for anywhere in ["0.0.0.0:0", "[::]:0", "192.0.2.1:7000", "[::ffff:127.0.0.1]:0"] {
        let refused = start(anywhere, Protection::OnlyLoopback);
        assert!(
            matches!(refused, Err(HostStartError::Bind(BindError::Unsealed { address })) if address.to_string() == anywhere)
        );
    }
    let loopback = start("127.0.0.1:0", Protection::OnlyLoopback).unwrap();
    assert!(matches!(loopback.set_keys(ring(&[1])), Err(HostCommandError::Unsealed)));
    assert!(start("0.0.0.0:0", Protection::Unsealed).is_ok());
    assert!(start("0.0.0.0:0", Protection::Sealed(ring(&[1]))).is_ok());
    assert!(matches!(unsealed(1).unsealed().protection, Protection::Unsealed));
}

#[test]
fn strangers_get_no_answer_and_are_counted() {
    let host = host(config(1), first(1, &[1, 2]));
    let stranger = UdpSocket::bind(any_port()).unwrap();
    stranger.connect(host.local_addr()).unwrap();
    // Plain datagrams of hosts that have no keys: a question is one.
    assert!(who_leads::<Id>(GROUP, host.local_addr(), Duration::from_millis(50)).is_err());
    assert!(
        who_leads_sealed::<Id>(GROUP, host.local_addr(), &ring(&[2]), Duration::from_millis(50)).is_err()
    );
    let mut other = Seal::new(2_u16, GROUP, ring(&[2]), rng()).unwrap();
    stranger.send(&other.handshake(1).unwrap()).unwrap();
    let mut forged = Seal::new(2_u16, GROUP, ring(&[1]), rng()).unwrap().handshake(1).unwrap();
    *forged.last_mut().unwrap() ^= 1;
    stranger.send(&forged).unwrap();
    stranger.send(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    stranger.send(&[b'q'; 40_000]).unwrap();
    stranger.send(&forged[..20]).unwrap();

    assert_eq!(ask(&host), None);
    let refused = wait("the counts", || Some(host.counters().refused).filter(|it| it.truncated == 1));
    assert_eq!((refused.forged, refused.too_long), (1, 1));
    assert!(refused.unsealed >= 2 && refused.unknown_key >= 2);
    // The question that was asked with the key is all that was answered.
    assert_eq!(host.counters().answered, host.counters().sent);
    stranger.set_nonblocking(true).unwrap();
    assert_eq!(stranger.recv(&mut [0; 64]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

/// A plain message of node 2 to node 1, as hosts without keys send it.
fn plain_message() -> Vec<u8> {
    let ear = UdpSocket::bind(any_port()).unwrap();
    let config = unsealed(2).peer(1, ear.local_addr().unwrap().into());
    let _talks = host(config, first(1, &[1, 2]));
    let mut buffer = [0; 2_000];
    loop {
        let length = ear.recv(&mut buffer).unwrap();
        if buffer[3] == 1 {
            return buffer[..length].to_vec();
        }
    }
}

/// What is sealed of the message in a plain datagram without addresses.
fn sealed_form(plain: &[u8]) -> Vec<u8> {
    let (header, rest) = plain.split_at(12);
    let [2, 1, 0, message @ ..] = rest else { panic!("not from 2 to 1 without addresses") };
    let mut message = wire::decode::<Id>(message).unwrap();
    message.modify(|header, _| (header.cluster, header.life) = (ClusterId(0), quorate::Life::NONE));
    [&[header[2], 11, 0], &wire::encode(&message)[..]].concat()
}

#[test]
fn a_message_counts_only_in_a_datagram_that_its_sender_sealed() {
    let message = plain_message();
    let host = host(config(1), first(1, &[1, 2, 3]));
    let socket = UdpSocket::bind(any_port()).unwrap();
    socket.connect(host.local_addr()).unwrap();
    // A broadcast is accepted again and again, so a message in one would need no proof of its sender.
    let sealed_form = sealed_form(&message);
    socket.send(&ring(&[1]).seal_broadcast(GROUP, &sealed_form, &mut rng()).unwrap()).unwrap();
    let met = |id: Id| {
        let mut seal = Seal::new(id, GROUP, ring(&[1]), rng()).unwrap();
        seal.set_life(first(1, &[1, 2]).life);
        socket.send(&seal.handshake(1).unwrap()).unwrap();
        while !seal.can_seal_for(1) {
            let mut buffer = [0; 2_000];
            let length = socket.recv(&mut buffer).unwrap();
            seal.open(&mut buffer[..length]);
        }
        seal
    };
    // A message that names its sender itself, which node 2 has not sealed.
    socket.send(&met(3).seal_for(1, &message).unwrap()).unwrap();
    ask(&host);
    let refused = || host.counters().undecodable + host.counters().other_version;
    wait("two refusals", || (refused() == 2).then_some(()));
    assert_eq!(host.counters().received, 0);
    let mut two = met(2);
    let sealed = two.seal_for(1, &sealed_form).unwrap();
    socket.send(&sealed).unwrap();
    socket.send(&sealed).unwrap();
    ask(&host);
    wait("a replay", || (host.counters().refused.replayed == 1).then_some(()));
    assert_eq!((refused(), host.counters().received), (2, 1));
}

#[test]
fn hosts_of_another_key_are_no_members_whatever_they_are_called() {
    let ours = trio();
    let (place, lease) = leader(&ours);
    let mut theirs = config(1).sealed(ring(&[2]));
    theirs.peers = (2..).zip([ours[1].local_addr().into(), ours[2].local_addr().into()]).collect();
    let mut saved = first(1, &[1, 2, 3]);
    saved.term = Term(1_000);
    let theirs = host(theirs, saved);
    wait("refusals", || ours[1..].iter().all(|host| host.counters().refused.unknown_key > 3).then_some(()));
    assert!(theirs.lease().is_none() && theirs.counters().received == 0);
    wait("the leader of before, or another of these", || {
        let term = ours[place].status().term;
        (term >= lease.term && term < Term(1_000)).then_some(())
    });
}

/// The receiver of a datagram, and its bytes.
type Datagram = (SocketAddr, Vec<u8>);

/// Carries datagrams between two hosts and keeps them.
struct Tap {
    address: SocketAddr,
    kept: Arc<Mutex<Vec<Datagram>>>,
    socket: UdpSocket,
}

impl Tap {
    /// Carries between the two whom `ends` are told of, once they are known.
    fn new(ends: Arc<Mutex<Vec<SocketAddr>>>) -> Tap {
        let socket = UdpSocket::bind(any_port()).unwrap();
        let kept = Arc::new(Mutex::new(Vec::new()));
        let (carrier, keeps) = (socket.try_clone().unwrap(), Arc::clone(&kept));
        thread::spawn(move || {
            let mut buffer = [0; 2_000];
            while let Ok((length, source)) = carrier.recv_from(&mut buffer) {
                let to = ends.lock().unwrap().iter().copied().find(|&end| end != source);
                if length == 1 {
                    return;
                }
                let Some(to) = to else { continue };
                keeps.lock().unwrap().push((to, buffer[..length].to_vec()));
                let _host_is_gone = carrier.send_to(&buffer[..length], to);
            }
        });
        Tap { address: socket.local_addr().unwrap(), kept, socket }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let _carrier_is_gone = self.socket.send_to(b"x", self.address);
    }
}

/// All that a leader sent before it resigned, sent again to its follower after that has restarted, and the leader is
/// gone.
fn replay_to_the_restarted(config: impl Fn(Id) -> HostConfig<Id>) -> (Host<Id>, Term, Tap) {
    let ends = Arc::new(Mutex::new(Vec::new()));
    let tap = Tap::new(Arc::clone(&ends));
    let state = Arc::new(Mutex::new(first(1, &[1, 2])));
    let follower = |listen| {
        let (saved, disk) = (state.lock().unwrap().clone(), Arc::clone(&state));
        let mut config = HostConfig { listen, ..config(2).peer(1, tap.address.into()) };
        config.config.priority = Priority::NEVER_LEADS;
        let save = move |state: &HardState<Id>| {
            disk.lock().unwrap().clone_from(state);
            Ok::<_, Infallible>(())
        };
        Host::start(config, saved, save).unwrap()
    };
    let one = host(config(1).peer(2, tap.address.into()), first(1, &[1, 2]));
    let two = follower(any_port());
    let listen = two.local_addr();
    ends.lock().unwrap().extend([one.local_addr(), listen]);
    let led = wait("a follower", || two.leader());
    wait("some heartbeats", || (two.counters().received > 10).then_some(()));
    let kept = tap.kept.lock().unwrap().clone();
    one.abort().unwrap();
    two.abort().unwrap();
    let two = follower(listen);
    for (to, datagram) in kept {
        if to == listen {
            tap.socket.send_to(&datagram, listen).unwrap();
        }
    }
    (two, led.term, tap)
}

#[test]
fn a_leader_that_is_gone_is_not_followed_for_what_it_said_before_its_follower_restarted() {
    let (two, term, _tap) = replay_to_the_restarted(patient);
    assert_eq!(ask(&two), None);
    wait("refusals", || (two.counters().refused.unproven > 5).then_some(()));
    assert_eq!((two.counters().received, two.status().term), (0, term));

    // And this is what it is kept from.
    let (two, term, _tap) =
        replay_to_the_restarted(|id| HostConfig { protection: Protection::OnlyLoopback, ..patient(id) });
    let dead = wait("a dead leader to be followed", || two.leader());
    assert_eq!((dead.id, dead.term), (1, term));
}

/// What each host has received since the last time.
fn wait_for_more(hosts: &[Host<Id>], heard: &mut BTreeMap<usize, u64>) {
    for (place, host) in hosts.iter().enumerate() {
        let before = heard.get(&place).copied().unwrap_or(0);
        let now = wait("more heartbeats", || {
            Some(host.counters().received).filter(|&received| received > before + 5)
        });
        heard.insert(place, now);
    }
}

#[test]
fn keys_are_changed_while_hosts_run_and_nobody_notices_but_who_has_the_old_one() {
    let hosts = trio_of(patient);
    let (place, lease) = leader(&hosts);
    let mut heard = BTreeMap::new();
    wait_for_more(&hosts, &mut heard);
    // In whatever order the hosts take each step.
    for keys in [&[1, 2][..], &[2, 1], &[2]] {
        for host in hosts.iter().rev() {
            host.set_keys(ring(keys)).unwrap();
            wait_for_more(&hosts, &mut heard);
        }
    }
    assert_eq!(leader(&hosts).0, place);
    for host in &hosts {
        assert_eq!(host.status().term, lease.term, "nobody even tried");
        assert_eq!(host.counters().refused.unknown_key, 0);
    }
    let old = who_leads_sealed::<Id>(GROUP, hosts[0].local_addr(), &ring(&[1]), Duration::from_millis(50));
    assert!(matches!(old, Err(QueryError::TimedOut { .. })));
    let new = who_leads_sealed::<Id>(GROUP, hosts[0].local_addr(), &ring(&[2]), PATIENCE).unwrap();
    assert_eq!(new.map(|leader| leader.id), Some(place as Id + 1));
    wait("the old key to be refused", || (hosts[0].counters().refused.unknown_key > 0).then_some(()));
}

#[test]
fn a_host_that_says_what_it_is_configured_with_does_not_say_the_key() {
    let host = host(config(7), first(1, &[7]));
    let config = config(7);
    for shown in [format!("{config:?}"), format!("{host:?}"), format!("{:?}", host.counters())] {
        assert!(!shown.contains("01010101") && !shown.contains("1, 1, 1"), "{shown}");
    }
    assert!(matches!(Seal::new(1_u16, GROUP, ring(&[1]), rng()).unwrap().open(&mut []), Opened::Refused(_)));
}
