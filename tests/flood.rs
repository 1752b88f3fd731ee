//! A group of hosts under a flood of datagrams from a sender without the key. The test is a program of its
//! own, since it measures the memory of the process.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a test that overflows or panics has found something"
)]
#![cfg(target_os = "linux")]

#[path = "udp/support.rs"]
mod support;

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use quorate::adapters::seal::{Keyring, Seal};
use quorate::adapters::udp::{Host, HostConfig, Notice};
use quorate::{Config, Event, Timing};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use support::{GROUP, Id, any_port, ring, trio_of, wait};

/// Datagrams per second from all sockets together, if the machine can send that many.
const RATE: u64 = 100_000;
const SOCKETS: u64 = 4;
const LENGTH: Duration = Duration::from_secs(5);

/// One datagram in this many looks sealed with the right key until it is authenticated.
const ONE_IN: u64 = 16;

/// Followers give up a leader that they have not heard for two seconds, so that the result does not depend
/// on other work of the machine.
fn config(id: Id) -> HostConfig<Id> {
    let timing = Timing {
        promise: Duration::from_secs(2),
        promise_limit: Duration::from_secs(2),
        heartbeat_interval: Duration::from_millis(50),
        ..Timing::lan()
    };
    HostConfig::new(Config { timing, ..Config::new(id) }, any_port()).sealed(keys())
}

fn keys() -> Keyring {
    ring(&[7])
}

/// The resident memory of this process, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1_024
}

/// Datagrams that no host has sealed: random bytes of random length, some of them with a valid header.
fn garbage() -> Vec<Vec<u8>> {
    let seen = Seal::new(9_u16, GROUP, keys(), ChaCha20Rng::seed_from_u64(9)).unwrap().handshake(1).unwrap();
    let mut seed = 1_u64;
    let mut any = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    };
    let mut datagram = |number: u64| {
        let length = if number % 64 == 1 { 1_400 } else { 8 + usize::from(any()) };
        let mut bytes: Vec<u8> = (0..length).map(|_| any()).collect();
        if number.is_multiple_of(ONE_IN) {
            bytes.resize(seen.len(), 0);
            bytes[..23].copy_from_slice(&seen[..23]);
        }
        bytes
    };
    (0..256).map(&mut datagram).collect()
}

fn flood(targets: &[SocketAddr], over: &AtomicBool, sent: &AtomicU64) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let garbage = garbage();
    let (began, mut mine) = (Instant::now(), 0_u64);
    while !over.load(Ordering::Relaxed) {
        let due = began.elapsed().as_micros() as u64 * (RATE / SOCKETS) / 1_000_000;
        // Datagrams that were not sent in time are not sent later.
        let burst = (due - mine.min(due)).min(200);
        for number in mine..mine + burst {
            let target = targets[number as usize % targets.len()];
            let _full_socket = socket.send_to(&garbage[number as usize % garbage.len()], target);
        }
        sent.fetch_add(burst, Ordering::Relaxed);
        mine = due;
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_flood_of_garbage_neither_deposes_the_leader_nor_takes_memory() {
    let hosts = trio_of(config);
    let led = wait("all to follow one leader", || {
        let led = hosts[0].leader()?;
        hosts.iter().all(|host| host.leader().is_some_and(|it| it.term == led.term)).then_some(led)
    });
    wait("settled members", || hosts.iter().all(|host| host.status().committed).then_some(()));
    let events: Vec<_> = hosts.iter().map(Host::events).collect();
    events.iter().for_each(|events| while events.try_recv().is_some() {});
    let heard = |host: &Host<Id>| host.counters().received;
    let (before, resident_before): (Vec<u64>, u64) = (hosts.iter().map(heard).collect(), resident());

    let targets: Vec<SocketAddr> = hosts.iter().map(Host::local_addr).collect();
    let (over, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let sources: Vec<_> = (0..SOCKETS)
        .map(|_| {
            let (targets, over, sent) = (targets.clone(), Arc::clone(&over), Arc::clone(&sent));
            thread::spawn(move || flood(&targets, &over, &sent))
        })
        .collect();
    thread::sleep(LENGTH);
    over.store(true, Ordering::Relaxed);
    sources.into_iter().for_each(|source| source.join().unwrap());

    let grown = resident().saturating_sub(resident_before);
    let during: Vec<u64> = hosts.iter().zip(&before).map(|(host, before)| heard(host) - before).collect();
    let refused: u64 = hosts
        .iter()
        .map(|host| host.counters().refused)
        .map(|refused| refused.unsealed + refused.forged + refused.truncated)
        .sum();
    println!(
        "{} datagrams in {LENGTH:?}, {refused} of them refused and the others dropped by the system; \
         messages received meanwhile: {during:?}; memory: {grown} bytes more",
        sent.load(Ordering::Relaxed)
    );
    for (host, events) in hosts.iter().zip(&events) {
        let news = std::iter::from_fn(|| events.try_recv());
        let deposed: Vec<_> = news
            .filter(|notice| {
                matches!(notice, Notice::Event(Event::LeaderChanged { .. } | Event::SteppedDown { .. }))
            })
            .collect();
        assert!(deposed.is_empty(), "{deposed:?}");
        assert_eq!(host.leader().map(|it| (it.id, it.term)), Some((led.id, led.term)));
    }
    assert!(refused > 1_000, "only {refused} datagrams were refused");
    assert!(grown < 16 << 20, "{grown} bytes more");
}
