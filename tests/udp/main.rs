//! Hosts on real loopback sockets. Bounds are generous; nothing sleeps that can be waited for.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod members;
mod names;
mod operators;
mod recovery;
mod sealed;
mod support;
mod waiting;
mod without_storage;
mod work;

use std::convert::Infallible;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use std::{io, iter};

use quorate::adapters::clock::BootClock;
use quorate::adapters::store::Store;
use quorate::adapters::udp::{
    BindError, Host, HostCommandError, HostConfig, HostFailure, HostStartError, LeaderAddress, Notice,
    Protection, QueryError, SaveError, UnusableAddress, who_leads, who_leads_sealed,
};
use quorate::{
    ClusterId, Config, Event, HardState, Lease, Priority, Rejection, Term, Timestamp, Timing, Urgency,
};

use support::{GROUP, Id, PATIENCE, any_port, first, host, ring, trio_of, wait};

/// Sealed, as hosts are if nothing speaks against it.
fn config(id: Id) -> HostConfig<Id> {
    unsealed(id).sealed(ring(&[1]))
}

fn unsealed(id: Id) -> HostConfig<Id> {
    HostConfig::new(Config::new(id), any_port())
}

/// Hosts 1, 2, 3, each told only of those started before it: the others it has to learn of.
fn trio() -> Vec<Host<Id>> {
    trio_of(config)
}

/// The place of the one that holds a lease, and its lease.
#[track_caller]
fn leader(hosts: &[Host<Id>]) -> (usize, Lease) {
    wait("a leader", || hosts.iter().enumerate().find_map(|(place, host)| Some((place, host.lease()?))))
}

#[test]
fn three_hosts_elect_a_leader_that_all_know_and_can_reach() {
    let url = |id: Id| format!("http://{id}.example/").parse().unwrap();
    let hosts = trio_of(|id| config(id).advertising(url(id)));
    let (place, lease) = leader(&hosts);
    let address = hosts[place].local_addr();
    for host in &hosts {
        let known = wait("everybody to follow", || host.leader().filter(|known| known.term >= lease.term));
        assert_eq!(known.address.map(|known| known == address), Some(known.id == place as Id + 1));
        assert_eq!(known.cluster, ClusterId(1));
        let advertised = |known: &LeaderAddress<Id>| known.advertised == Some(url(known.id));
        wait("what the leader advertises", || host.leader().filter(advertised));
    }
}

#[test]
fn a_host_takes_no_address_that_no_node_can_have() {
    let one = host(config(1), first(1, &[1]));
    for address in ["0.0.0.0:7", "[::]:7", "224.0.0.1:7", "[::ffff:224.0.0.1]:7", "127.0.0.1:0"] {
        let address: SocketAddr = address.parse().unwrap();
        let started =
            Host::start(config(2).peer(1, address.into()), first(2, &[1, 2]), |_| Ok::<_, Infallible>(()));
        assert!(matches!(started, Err(HostStartError::Peer(UnusableAddress(at))) if at == address));
        for refused in [one.introduce(2, address.into()), one.discovered(2, address)] {
            assert!(matches!(refused, Err(HostCommandError::Address(UnusableAddress(at))) if at == address));
        }
    }
    one.introduce(2, one.local_addr().into()).unwrap();
}

#[test]
fn a_node_is_reached_that_nobody_told_its_peers_of() {
    // 2 and 3 know only 1, which knows nobody: they learn of each other through it.
    let one = host(config(1), first(1, &[1, 2, 3]));
    let two = host(config(2).peer(1, one.local_addr().into()), first(1, &[1, 2, 3]));
    let three = host(config(3).peer(1, one.local_addr().into()), first(1, &[1, 2, 3]));
    let rest = [two, three];
    wait("some heartbeats", || rest.iter().all(|host| host.counters().received > 30).then_some(()));
    one.shutdown().unwrap();
    // Neither could win alone, nor be followed by whom it cannot reach.
    wait("one of the rest to lead and the other to know where it is", || {
        let place = rest.iter().position(|host| host.lease().is_some())?;
        let known = rest[1 - place].leader()?;
        (known.id == place as Id + 2 && known.address == Some(rest[place].local_addr())).then_some(())
    });
}

#[test]
fn garbage_is_refused_and_counted_and_harms_nobody() {
    let hosts = trio_of(unsealed);
    let (place, _) = leader(&hosts);
    let target = &hosts[place];
    let stranger = UdpSocket::bind(any_port()).unwrap();
    let send = |bytes: &[u8]| assert_eq!(stranger.send_to(bytes, target.local_addr()).unwrap(), bytes.len());
    let before = target.counters();
    let refused = || target.counters().undecodable + target.counters().other_version;
    let refused_before = refused();
    send(b"");
    send(b"x");
    send(b"GET / HTTP/1.1\r\n\r\n");
    send(b"qr\x04\x01");
    send(b"qr\x04\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    send(b"qr\x03\x01\x01\x00");
    send(b"qr\x04\x63");
    send(&[0xff; 1_400]);
    wait("eight refusals", || (refused() >= refused_before + 8).then_some(()));
    send(&[b'q'; 40_000]);
    wait("an oversized datagram", || (target.counters().oversized > before.oversized).then_some(()));
    send(b"qr\x08\x02\0\0\0\0\0\0\0\x0112345678");
    wait("a short question", || (target.counters().short_questions > before.short_questions).then_some(()));
    assert!(target.failure().is_none());
    leader(&hosts);
}

#[test]
fn a_node_of_another_group_is_heard_of_and_not_heard() {
    let ours = host(config(1), first(1, &[1, 2]));
    let theirs = host(config(2).peer(1, ours.local_addr().into()), first(2, &[1, 2]));
    let events = ours.events();
    wait("news of the other group", || match events.try_recv()? {
        Notice::Event(Event::ForeignCluster { peer: 2, cluster: ClusterId(2) }) => Some(()),
        _ => None,
    });
    wait("a count", || (ours.counters().foreign > 0).then_some(()));
    assert!(ours.lease().is_none() && theirs.lease().is_none());
    assert_eq!(ours.counters().received, 0);
}

/// A leader 1 with a follower 3, and what makes the leader write: a member 2 of a much later term,
/// which the leader renews to overtake.
fn leader_with_store<E>(
    save: impl FnMut(&HardState<Id>) -> Result<(), E> + Send + 'static,
) -> (Host<Id>, Host<Id>, impl FnOnce() -> Host<Id>)
where
    E: Into<SaveError>,
{
    let one = Host::start(config(1), first(1, &[1, 2, 3]), save).unwrap();
    let address = one.local_addr();
    let mut follower = config(3).peer(1, address.into());
    follower.config.priority = Priority::NEVER_LEADS;
    let follower = host(follower, first(1, &[1, 2, 3]));
    wait("the follower's settled leader", || {
        let status = one.status();
        (one.lease().is_some() && status.committed).then_some(())
    });
    let late = move || {
        let saved = HardState { term: Term(50), ..first(1, &[1, 2, 3]) };
        host(config(2).peer(1, address.into()), saved)
    };
    (one, follower, late)
}

#[test]
fn a_state_that_cannot_be_stored_stops_the_host_and_is_reported() {
    let broken = Arc::new(AtomicBool::new(false));
    let disk = Arc::clone(&broken);
    let (host, _follower, late) = leader_with_store(move |_| {
        if disk.load(Ordering::SeqCst) { Err(io::Error::other("the disk is full")) } else { Ok(()) }
    });
    let (told, hears) = channel();
    host.watch(move |lease| told.send(lease).unwrap());
    assert!(hears.recv_timeout(PATIENCE).unwrap().is_some());

    broken.store(true, Ordering::SeqCst);
    let _late = late();
    let failure = wait("the failure", || host.failure());
    assert!(matches!(&failure, HostFailure::Persist(error) if error.to_string() == "the disk is full"));
    assert!(host.lease().is_none() && host.leader().is_none());
    assert_eq!(hears.try_iter().last(), Some(None), "the watcher knows that the lease is gone");
    assert!(matches!(host.campaign(), Err(HostCommandError::Stopped)));
    let events = host.events();
    let last = iter::from_fn(|| events.recv()).last();
    assert!(matches!(last, Some(Notice::Failed(HostFailure::Persist(_)))));
    assert!(matches!(host.closed().wait(), Err(HostFailure::Persist(_))));
    assert!(matches!(host.shutdown(), Err(HostFailure::Persist(_))));
}

#[test]
fn while_a_write_hangs_the_lease_ends_in_time_and_its_watchers_know() {
    let disk = Arc::new(Mutex::new(()));
    let (stuck, writing) = (Arc::clone(&disk), Arc::new(AtomicBool::new(false)));
    let write = Arc::clone(&writing);
    let (host, _follower, late) = leader_with_store(move |_| {
        write.store(true, Ordering::SeqCst);
        drop(stuck.lock());
        write.store(false, Ordering::SeqCst);
        Ok::<_, Infallible>(())
    });
    let clock = BootClock::new();
    let (told, hears) = channel();
    host.watch(move |lease| told.send((clock.now().since_origin(), lease)).unwrap());

    let hang = disk.lock().unwrap();
    let _late = late();
    wait("a write that hangs", || writing.load(Ordering::SeqCst).then_some(()));
    let mut last = None;
    let (ended, until) = loop {
        match hears.recv_timeout(PATIENCE).unwrap() {
            (_, Some(lease)) => last = Some(lease.until.since_origin()),
            (ended, None) => break (ended, last.unwrap()),
        }
    };
    assert!(writing.load(Ordering::SeqCst), "the write still hangs");
    assert!(ended + Duration::from_millis(15) >= until, "not before the margin, a tenth of a promise");
    assert!(ended < until + Duration::from_millis(500), "{ended:?} is long after {until:?}");
    wait("no lease", || host.lease().is_none().then_some(()));
    assert!(host.status().term < Term(50), "what is not durable is not shown");
    drop(hang);
    assert!(host.failure().is_none());
}

/// The disk hangs for as long as the test holds the lock: whatever returns has not waited for it.
#[test]
fn while_a_write_hangs_no_command_waits_and_its_age_is_shown_and_the_host_can_be_stopped() {
    for stop in [Host::abort as fn(Host<Id>) -> _, Host::shutdown, |host| {
        drop(host);
        Ok(())
    }] {
        let (disk, writing) = (Arc::new(Mutex::new(())), Arc::new(AtomicBool::new(false)));
        let (stuck, write) = (Arc::clone(&disk), Arc::clone(&writing));
        let (host, _follower, late) = leader_with_store(move |_| {
            write.store(true, Ordering::SeqCst);
            drop(stuck.lock());
            write.store(false, Ordering::SeqCst);
            Ok::<_, Infallible>(())
        });
        let hang = disk.lock().unwrap();
        let late = late();
        wait("a pending write", || host.status().pending_write);
        assert!(host.status().to_string().contains("\nwrite        pending for "));
        host.set_priority(Priority(3)).unwrap();
        host.set_position(quorate::Position::default()).unwrap();
        let refused = host.lost(9).unwrap_err();
        assert!(matches!(refused, HostCommandError::Rejected(_)), "{refused:?}");
        host.set_keys(ring(&[1, 2])).unwrap();
        let (younger, older) = (host.status().pending_write, host.status().pending_write);
        assert!(older > younger, "it grows");
        let closed = host.closed();
        stop(host).unwrap();
        assert!(closed.wait_timeout(Duration::ZERO).is_some());
        assert!(writing.load(Ordering::SeqCst), "the write still hangs");
        drop((hang, late));
    }
}

/// A leader at rest writes nothing for the election's sake.
#[test]
fn a_leader_whose_disk_hangs_hands_over_though_it_had_nothing_to_write() {
    let disks: Vec<_> = (0..3).map(|_| Arc::new(Mutex::new(()))).collect();
    let mut hosts: Vec<Host<Id>> = Vec::new();
    for (id, disk) in (1..).zip(&disks) {
        let (mut config, disk) = (config(id), Arc::clone(disk));
        config.peers = (1..).zip(hosts.iter().map(|host| host.local_addr().into())).collect();
        config.health.write_bound = Duration::from_millis(200);
        config.health.probe_interval = Some(Duration::from_millis(100));
        let save = move |_: &HardState<Id>| {
            drop(disk.lock());
            Ok::<_, Infallible>(())
        };
        hosts.push(Host::start(config, first(1, &[1, 2, 3]), save).unwrap());
    }
    let (place, lease) = wait("a settled leader", || {
        let place = hosts.iter().position(|host| host.lease().is_some() && host.status().committed)?;
        Some((place, hosts[place].lease()?))
    });
    let _hang = disks[place].lock().unwrap();
    let next = wait("another leader", || {
        let others = hosts.iter().enumerate().filter(|&(other, _)| other != place);
        others.filter_map(|(_, host)| host.lease()).find(|next| next.term > lease.term)
    });
    assert!(next.term > lease.term);
    let told = std::iter::from_fn(|| hosts[place].events().try_recv());
    assert!(
        told.into_iter().any(|notice| matches!(
            notice,
            Notice::Event(Event::SteppedDown {
                reason: quorate::StepDown::Resigned { successor: Some(_) },
                ..
            })
        )),
        "it has handed over"
    );
}

#[test]
fn anybody_may_ask_who_leads_who_has_the_key_where_there_is_one() {
    for keys in [None, Some(ring(&[1]))] {
        let config = |id| if keys.is_some() { config(id) } else { unsealed(id) };
        let ask = |address, timeout| match &keys {
            Some(keys) => who_leads_sealed::<Id>(GROUP, address, keys, timeout),
            None => who_leads::<Id>(GROUP, address, timeout),
        };
        let hosts = trio_of(config);
        let (place, lease) = leader(&hosts);
        for host in &hosts {
            let answer = wait("an answer", || ask(host.local_addr(), PATIENCE).unwrap());
            assert!(answer.term >= lease.term);
            if answer.term == lease.term {
                assert_eq!((answer.id, answer.address), (place as Id + 1, Some(hosts[place].local_addr())));
            }
        }
        let lonely = host(config(1), first(1, &[1, 2]));
        assert_eq!(ask(lonely.local_addr(), PATIENCE).unwrap(), None);
        let deaf = UdpSocket::bind(any_port()).unwrap();
        let nobody = ask(deaf.local_addr().unwrap(), Duration::from_millis(20));
        assert!(matches!(nobody, Err(QueryError::TimedOut { .. })));
    }
}

/// Somebody without the key receives the question at the address that was asked, and leads it to the leader.
#[test]
fn a_question_that_is_led_astray_is_answered_with_the_address_that_the_leader_has() {
    let lone = host(config(1), first(1, &[1]));
    wait("a lease", || lone.lease());
    let (asked, other) = (UdpSocket::bind(any_port()).unwrap(), UdpSocket::bind(any_port()).unwrap());
    let (address, leader) = (asked.local_addr().unwrap(), lone.local_addr());
    other.set_read_timeout(Some(PATIENCE)).unwrap();
    let between = thread::spawn(move || {
        let mut buffer = [0; 2_000];
        let (length, asker) = asked.recv_from(&mut buffer).unwrap();
        other.send_to(&buffer[..length], leader).unwrap();
        let length = other.recv(&mut buffer).unwrap();
        other.send_to(&buffer[..length], asker).unwrap();
    });
    let answer = who_leads_sealed::<Id>(GROUP, address, &ring(&[1]), PATIENCE).unwrap().unwrap();
    between.join().unwrap();
    assert_eq!((answer.id, answer.address), (1, Some(leader)));
}

#[test]
fn a_leader_that_resigns_has_stopped_before_another_leads() {
    let (hosts, clock) = (trio(), BootClock::new());
    let (told, hears) = channel();
    for (id, host) in (1..).zip(&hosts) {
        let told = told.clone();
        host.watch(move |lease: Option<Lease>| {
            let _test_is_over = told.send((id, clock.now(), lease));
        });
    }
    let term = leader(&hosts).1.term;
    let follower = wait("a follower", || hosts.iter().find(|host| host.lease().is_none()));
    assert!(matches!(
        follower.resign(None, Urgency::Now),
        Err(HostCommandError::Rejected(Rejection::NotLeader { .. }))
    ));
    wait("a resignation", || hosts.iter().find_map(|host| host.resign(None, Urgency::WhenReady).ok()));
    wait("a later term", || hosts.iter().find_map(|host| host.lease().filter(|it| it.term > term)));

    let mut told: Vec<(Id, Timestamp, Option<Lease>)> = hears.try_iter().collect();
    told.sort_by_key(|&(_, at, _)| at);
    let mut holder: Option<(Id, Lease)> = None;
    for (id, at, lease) in told {
        match (holder, lease) {
            (Some((holder, held)), Some(_)) if holder != id => {
                assert!(!held.holds_at(at), "node {id} leads while node {holder} still may")
            }
            (Some((holder, _)), None) if holder != id => continue,
            _ => {}
        }
        holder = lease.map(|lease| (id, lease));
    }
}

#[test]
fn a_leader_that_is_shut_down_stops_when_another_leads_and_one_that_aborts_waits_for_nobody() {
    let mut hosts = trio();
    let (place, lease) = leader(&hosts);
    let former = hosts.remove(place);
    let closed = former.closed();
    assert!(closed.wait_timeout(Duration::ZERO).is_none(), "it runs");
    let waits = thread::spawn(move || closed.wait());
    former.shutdown_within(PATIENCE).unwrap();
    let (_, next) = (1..).zip(&hosts).find_map(|(id, host): (Id, _)| Some((id, host.lease()?))).unwrap();
    assert!(next.term > lease.term, "another led when the shutdown returned");
    waits.join().unwrap().unwrap();

    let (place, _) = leader(&hosts);
    let (last, closed) = (hosts.remove(1 - place), hosts[0].closed());
    last.abort().unwrap();
    hosts.remove(0).abort().unwrap();
    assert!(matches!(closed.wait_timeout(Duration::ZERO), Some(Ok(()))));
}

/// None of the others goes on under a lease whose end it would not hear of.
#[test]
fn a_watcher_that_panics_ends_the_lease_of_all_and_the_host() {
    let host = host(config(1), first(1, &[1]));
    let events = host.events();
    let (told, hears) = channel();
    host.watch(|lease| assert_eq!(lease, None, "a watcher that cannot stand a lease"));
    host.watch(move |lease| told.send(lease).unwrap_or(()));
    let last = iter::from_fn(|| events.recv()).last();
    assert!(matches!(last, Some(Notice::Failed(HostFailure::Watcher))), "{last:?}");
    assert_eq!(hears.try_iter().last(), Some(None));
    assert_eq!(host.lease(), None);
}

#[test]
fn a_stopped_host_leaves_its_file_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let begin = first(1, &[1]);
    let mut store = Store::create(&path, &begin).unwrap();
    let host = Host::start(config(1), begin, move |state| store.save(state)).unwrap();
    let lease = wait("a lease", || host.lease());
    host.shutdown().unwrap();

    let (mut store, saved) = Store::open(&path).unwrap();
    assert!(saved.term >= lease.term);
    let again = Host::start(config(1), saved, move |state| store.save(state)).unwrap();
    assert!(wait("a later lease", || again.lease()).term > lease.term);
}

#[test]
fn an_address_in_use_and_a_wrong_config_are_refused_at_the_start() {
    let one = host(config(1), first(1, &[1, 2]));
    let mut taken = config(2);
    taken.listen = one.local_addr();
    let never = |_: &HardState<Id>| Ok::<_, Infallible>(());
    assert!(matches!(
        Host::start(taken, first(1, &[1, 2]), never),
        Err(HostStartError::Bind(BindError::Listen { .. }))
    ));
    let mut wrong = config(2);
    wrong.config.timing = Timing { promise: Duration::from_secs(7_200), ..Timing::lan() };
    assert!(matches!(Host::start(wrong, first(1, &[1, 2]), never), Err(HostStartError::Config(_))));
}

#[test]
fn a_stagger_that_the_timer_of_the_thread_cannot_keep_is_refused() {
    let timing = Timing { stagger: Duration::from_micros(100), ..Timing::lan() };
    let config = HostConfig::new(Config { timing, ..Config::new(1) }, any_port());
    let refused = Host::start(config, first(1, &[1]), |_| Ok::<_, Infallible>(()));
    let Err(HostStartError::Stagger(refused)) = refused else { panic!("{refused:?}") };
    assert_eq!(refused.stagger, timing.stagger);
    assert!(refused.least > timing.stagger);
}

#[test]
fn the_margin_of_a_host_is_a_tenth_of_the_shortest_promise() {
    let margin = |timing| HostConfig::new(Config { timing, ..Config::new(1_u16) }, any_port()).margin;
    assert_eq!(margin(Timing::lan()), Duration::from_millis(15));
    let tuned = Timing::tuned(Duration::from_millis(25), Duration::from_millis(150));
    assert_eq!(margin(tuned), Duration::from_micros(2_500));
}
