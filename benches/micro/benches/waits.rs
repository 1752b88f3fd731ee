//! How late the hosts wake up: the time between the heartbeats of a leader, and how late the watcher of a lease is
//! told that the lease ends. A witness, run by the benchmark itself, receives the heartbeats and answers them.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]

use std::convert::Infallible;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use quorate::adapters::clock::BootClock;
use quorate::adapters::endpoint::{Endpoint, NodeView, Transmit};
use quorate::adapters::tokio::{Handle, MemoryStorage, Udp};
use quorate::adapters::udp::{Host, HostConfig};
use quorate::message::Body;
use quorate::{ClusterId, Config, Election, HardState, Input, Lease, Output, Priority, Timestamp, Timing};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// A lease as it begins or grows, and none as it ends; and when that was told.
type Told = (Timestamp, Option<Lease>);

/// The member that keeps the host in office, and never leads.
struct Witness {
    election: Election<u64, ChaCha8Rng>,
    endpoint: Endpoint<u64, ChaCha8Rng>,
    socket: UdpSocket,
    clock: BootClock,
}

impl Witness {
    fn new(leader: SocketAddr) -> Self {
        let clock = BootClock::new();
        let config = Config { priority: Priority::NEVER_LEADS, ..Config::new(2) };
        let rng = || ChaCha8Rng::seed_from_u64(2);
        let election = Election::new(config, first(), clock.now(), rng()).expect("a valid start");
        let mut endpoint = Endpoint::new(2, ClusterId(1), None, rng()).expect("a node");
        endpoint.configure(1, leader).expect("an address of a node");
        let socket = UdpSocket::bind(any_port()).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(5))).expect("a timeout");
        Witness { election, endpoint, socket, clock }
    }

    /// Runs for `length`, and returns when the heartbeats came.
    fn run(&mut self, length: Duration) -> Vec<Timestamp> {
        let (mut heartbeats, mut transmits, mut buffer) = (Vec::new(), Vec::new(), [0; 2_048]);
        let end = self.clock.now().saturating_add(length);
        while self.clock.now() < end {
            let received = self.socket.recv_from(&mut buffer);
            let now = self.clock.now();
            let mut outputs = self.election.tick(now);
            if let Ok((length, source)) = received {
                let message =
                    self.endpoint.handle_datagram(&mut buffer[..length], source, now, &mut transmits);
                if let Some((from, message)) = message {
                    if matches!(message.body(), Body::Heartbeat(_)) {
                        heartbeats.push(now);
                    }
                    outputs.extend(self.election.step(Input::Receive { from, message }));
                }
            }
            self.endpoint.observe(&NodeView::of(&self.election));
            for output in outputs {
                if let Output::Send { to, message } = output {
                    self.endpoint.send(to, &message, now, &mut transmits);
                }
            }
            self.endpoint.handle_timeout(now, &mut transmits);
            for Transmit { to, bytes } in transmits.drain(..) {
                self.endpoint.count_transmit(&self.socket.send_to(&bytes, to));
            }
        }
        heartbeats
    }
}

fn first() -> HardState<u64> {
    HardState::bootstrap(ClusterId(1), [1, 2]).expect("a small group")
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Prints the median, the 99th percentile and the longest.
fn print(host: &str, what: &str, mut lengths: Vec<Duration>) {
    lengths.sort();
    let at = |percent: usize| {
        let index = (lengths.len() * percent / 100).min(lengths.len().saturating_sub(1));
        lengths.get(index).map_or(f64::NAN, |length| length.as_secs_f64() * 1e3)
    };
    println!("{host:>8} {what:<44} p50 {:8.3}  p99 {:8.3}  max {:8.3} ms", at(50), at(99), at(100));
}

fn measure(host: &str, leader: SocketAddr, margin: Duration, told: &Receiver<Told>, rounds: u32) {
    let mut witness = Witness::new(leader);
    let (mut intervals, mut late) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        // An election, and the commit of its membership.
        let began = Instant::now();
        while witness.election.leader().is_none() && began.elapsed() < Duration::from_secs(20) {
            witness.run(Duration::from_millis(50));
        }
        witness.run(Duration::from_millis(300));
        let heartbeats = witness.run(Duration::from_secs(2));
        intervals.extend(heartbeats.windows(2).map(|pair| pair[1].saturating_duration_since(pair[0])));
        // Silence: the lease ends.
        std::thread::sleep(Duration::from_millis(700));
        let mut until = None;
        for (at, lease) in told.try_iter() {
            match (lease, until) {
                (Some(lease), _) => until = Some(lease.until),
                (None, Some(until)) => {
                    late.push(at.saturating_duration_since(until.saturating_sub(margin)));
                }
                (None, None) => {}
            }
        }
    }
    print(host, "between heartbeats, 50 ms as configured", intervals);
    print(host, "after the end of a lease, until it is told", late);
}

fn thread_host(rounds: u32) {
    let config = HostConfig::new(Config::new(1), any_port());
    let margin = config.margin;
    let host = Host::start(config, first(), |_| Ok::<_, Infallible>(())).expect("a host");
    let (tell, told) = channel();
    let clock = BootClock::new();
    host.watch(move |lease| {
        let _ended = tell.send((clock.now(), lease));
    });
    measure("thread", host.local_addr(), margin, &told, rounds);
}

/// Work that reports its lease, and when it is dropped.
struct TellAtDrop(Sender<Told>);

impl TellAtDrop {
    fn tell(&self, lease: Option<Lease>) {
        let _ended = self.0.send((BootClock::new().now(), lease));
    }
}

impl Drop for TellAtDrop {
    fn drop(&mut self) {
        self.tell(None);
    }
}

fn tokio_host(rounds: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let _guard = runtime.enter();
    let transport = Udp::bind(any_port()).expect("a socket");
    let address = transport.local_addr();
    let node = Handle::start(Config::new(1), first(), MemoryStorage::new(), transport).expect("a node");
    let (tell, told) = channel();
    let guarded = node.clone();
    runtime.spawn(async move {
        let work = |_| {
            let (node, told_at_drop) = (guarded.clone(), TellAtDrop(tell.clone()));
            async move {
                loop {
                    told_at_drop.tell(node.lease());
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        };
        let _stopped: Result<(), _> = guarded.run_while_leader(work).await;
    });
    let margin = Timing::lan().promise / 10;
    measure("tokio", address, margin, &told, rounds);
    drop(node);
}

fn main() {
    let rounds = if std::env::args().any(|argument| argument == "--bench") { 10 } else { 1 };
    thread_host(rounds);
    tokio_host(rounds);
}
