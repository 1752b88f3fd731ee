//! Both hosts make the same of the same datagrams.

use std::convert::Infallible;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use quorate::adapters::counters::ElectionCounters;
use quorate::adapters::endpoint::{DatagramCounters, Endpoint, NodeView, Question, Transmit};
use quorate::adapters::seal::{Key, Keyring};
use quorate::adapters::tokio::{Handle, MemoryStorage, Udp};
use quorate::adapters::udp::{Host, HostConfig};
use quorate::{ClusterId, Config, Election, HardState, Input, Output, Priority, Timestamp};
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::{ChaCha8Rng, ChaCha20Rng};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::support::{Id, millis, soon};

const GROUP: ClusterId = ClusterId(1);

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn keys() -> Keyring {
    Keyring::new([Key::new(&[7; 32])]).unwrap()
}

/// The node under test is number 1 and never campaigns, so that it only ever answers.
fn config() -> Config<Id> {
    Config { priority: Priority::NEVER_LEADS, ..Config::new(1) }
}

fn saved(cluster: ClusterId, members: &[Id]) -> HardState<Id> {
    match members {
        [] => HardState::joining(cluster),
        members => HardState::bootstrap(cluster, members.iter().copied()).unwrap(),
    }
}

/// A program that asks the node under test who leads: what was sent before has been dealt with when it is
/// answered.
struct Asker {
    socket: UdpSocket,
    question: Question,
    target: SocketAddr,
}

impl Asker {
    fn new(target: SocketAddr, keys: Option<&Keyring>) -> Self {
        let socket = UdpSocket::bind(any_port()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let question = Question::new(GROUP, target, keys, &mut ChaCha20Rng::seed_from_u64(99)).unwrap();
        Asker { socket, question, target }
    }

    fn ask(&self) {
        let mut buffer = [0; 2_000];
        self.socket.send_to(self.question.bytes(), self.target).unwrap();
        let (length, _) = self.socket.recv_from(&mut buffer).unwrap();
        let answer = self.question.read_answer::<Id>(&mut buffer[..length]);
        assert!(answer.is_some(), "what is answered is this question");
    }
}

/// Another node, in a time of its own.
struct Peer {
    election: Election<Id, ChaCha8Rng>,
    endpoint: Endpoint<Id, ChaCha20Rng>,
    socket: UdpSocket,
    now: Timestamp,
}

impl Peer {
    /// Node `id`, which takes the node under test for node `other`.
    fn new(
        id: Id,
        other: Id,
        cluster: ClusterId,
        members: &[Id],
        asker: &Asker,
        keys: Option<Keyring>,
    ) -> Self {
        let (now, seed) = (Timestamp::default(), id + 10 * other);
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let election = Election::new(Config::new(id), saved(cluster, members), now, rng).unwrap();
        let Ok(mut endpoint) = Endpoint::new(id, cluster, keys, ChaCha20Rng::seed_from_u64(seed));
        endpoint.configure(other, asker.target).unwrap();
        endpoint.observe(&NodeView::of(&election));
        let socket = UdpSocket::bind(any_port()).unwrap();
        socket.set_nonblocking(true).unwrap();
        Peer { election, endpoint, socket, now }
    }

    fn step(&mut self, input: Option<Input<Id>>, transmits: &mut Vec<Transmit>) {
        let mut outputs = self.election.tick(self.now);
        outputs.extend(input.into_iter().flat_map(|input| self.election.step(input)));
        self.endpoint.observe(&NodeView::of(&self.election));
        for output in outputs {
            if let Output::Send { to, message } = output {
                self.endpoint.send(to, &message, self.now, transmits);
            }
        }
        self.endpoint.handle_timeout(self.now, transmits);
    }

    /// Does what is due so many times, and replies to what comes back. Each datagram is sent twice, so that there
    /// are replays.
    fn live(&mut self, times: usize, asker: &Asker) {
        let (mut buffer, mut transmits) = ([0; 2_000], Vec::new());
        for _ in 0..times {
            let due = [self.election.deadline(), self.endpoint.deadline()].into_iter().flatten().min();
            self.now = due.unwrap().max(self.now);
            self.step(None, &mut transmits);
            while !transmits.is_empty() {
                for Transmit { to, bytes } in transmits.drain(..) {
                    self.socket.send_to(&bytes, to).unwrap();
                    self.socket.send_to(&bytes, to).unwrap();
                    asker.ask();
                }
                while let Ok((length, source)) = self.socket.recv_from(&mut buffer) {
                    let bytes = &mut buffer[..length];
                    let received = self.endpoint.handle_datagram(bytes, source, self.now, &mut transmits);
                    if let Some((from, message)) = received {
                        self.step(Some(Input::Receive { from, message }), &mut transmits);
                    }
                }
            }
        }
    }
}

/// All kinds of datagrams, to the node at `target`.
fn traffic(target: SocketAddr, keys: Option<&Keyring>) {
    let asker = Asker::new(target, keys);
    let garbage = UdpSocket::bind(any_port()).unwrap();
    for bytes in [
        &b""[..],
        b"x",
        b"qr\x07\x01",
        b"qr\x05\x01\x01\x00",
        b"qr\x07\x63",
        b"qs\x02",
        b"GET / HTTP/1.1\r\n\r\n",
        &[b'q'; 40_000],
    ] {
        garbage.send_to(bytes, target).unwrap();
    }
    let other_key = Keyring::new([Key::new(&[8; 32])]).unwrap();
    let unknown = Question::new(GROUP, target, Some(&other_key), &mut ChaCha20Rng::seed_from_u64(5)).unwrap();
    garbage.send_to(unknown.bytes(), target).unwrap();
    let short = match keys {
        Some(keys) => {
            keys.seal_broadcast(GROUP, b"\x08\x0212345678", &mut ChaCha20Rng::seed_from_u64(6)).unwrap()
        }
        None => b"qr\x08\x02\0\0\0\0\0\0\0\x0112345678".to_vec(),
    };
    garbage.send_to(&short, target).unwrap();
    asker.ask();

    // An unknown node announces itself; another one, of an older group with the same name, asks for votes.
    Peer::new(9, 1, GROUP, &[], &asker, keys.cloned()).live(8, &asker);
    Peer::new(8, 1, GROUP, &[1, 8], &asker, keys.cloned()).live(8, &asker);
    // A node of another group, a node that takes this one for another, and one in the name of this one.
    Peer::new(7, 1, ClusterId(2), &[1, 7], &asker, keys.cloned()).live(8, &asker);
    Peer::new(6, 3, GROUP, &[3, 6], &asker, keys.cloned()).live(8, &asker);
    Peer::new(1, 2, GROUP, &[1, 2], &asker, keys.cloned()).live(8, &asker);
    // The other member.
    Peer::new(2, 1, GROUP, &[1, 2], &asker, keys.cloned()).live(12, &asker);
}

async fn of_the_thread_host(keys: Option<Keyring>) -> (DatagramCounters, ElectionCounters) {
    let mut config = HostConfig::new(config(), any_port());
    if let Some(keys) = keys.clone() {
        config = config.sealed(keys);
    }
    let host = Host::start(config, saved(GROUP, &[1, 2]), |_| Ok::<_, Infallible>(())).unwrap();
    let target = host.local_addr();
    spawn_blocking(move || traffic(target, keys.as_ref())).await.unwrap();
    (settled(|| host.counters()).await, host.election_counters())
}

async fn of_the_task(keys: Option<Keyring>) -> (DatagramCounters, ElectionCounters) {
    let transport = match keys.clone() {
        Some(keys) => Udp::bind_sealed(any_port(), keys),
        None => Udp::bind(any_port()),
    };
    let transport = transport.unwrap();
    let (target, peers) = (transport.local_addr(), transport.peers());
    let node = Handle::start(config(), saved(GROUP, &[1, 2]), MemoryStorage::new(), transport).unwrap();
    spawn_blocking(move || traffic(target, keys.as_ref())).await.unwrap();
    (settled(|| peers.counters()).await, node.election_counters().await.unwrap())
}

/// All that does not depend on when a datagram came.
#[track_caller]
fn assert_same_elections(one: &ElectionCounters, other: &ElectionCounters) {
    println!("{one:?}");
    let of = |it: &ElectionCounters| {
        let changes = (it.term, it.elections, it.renewals, it.ends, it.leaders, it.memberships);
        let refusals = (it.denials, it.rejections, it.failed_handovers, it.alarms, it.refused_writes);
        (changes, refusals, it.received, it.writes, it.round_trips.count)
    };
    assert_eq!(of(one), of(other));
    assert!(one.received > 0 && one.writes > 0 && one.alarms > 0);
}

/// The counters, once they have not changed for a while.
async fn settled(counters: impl Fn() -> DatagramCounters) -> DatagramCounters {
    soon("counters that stand still", async {
        let (mut last, mut since) = (counters(), Instant::now());
        while since.elapsed() < millis(200) {
            sleep(millis(10)).await;
            let now = counters();
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
        last
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_hosts_count_the_same_of_the_same_datagrams() {
    let (counters, elections) = of_the_thread_host(None).await;
    println!("{counters:?}");
    let of_the_task = of_the_task(None).await;
    assert_eq!(of_the_task.0, counters);
    assert_same_elections(&elections, &of_the_task.1);
    let DatagramCounters { received, strangers, foreign, from_own_id, misdirected, .. } = counters;
    assert!(received > strangers && strangers > 0 && foreign > 0 && from_own_id > 0 && misdirected > 0);
    assert_eq!((counters.oversized, counters.short_questions, counters.unroutable), (1, 1, 0));
    assert!(counters.sent > counters.answered, "messages are answered too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_hosts_count_the_same_of_the_same_sealed_datagrams() {
    let (counters, elections) = of_the_thread_host(Some(keys())).await;
    println!("{counters:?}");
    let of_the_task = of_the_task(Some(keys())).await;
    assert_eq!(of_the_task.0, counters);
    assert_same_elections(&elections, &of_the_task.1);
    let DatagramCounters { received, strangers, foreign, refused, .. } = counters;
    assert!(received > strangers && strangers > 0 && foreign > 0 && counters.short_questions == 1);
    assert!(refused.own_id > 0 && refused.misdirected > 0 && refused.replayed > 0 && refused.unsealed > 0);
    assert_eq!((refused.unknown_key, refused.too_long), (1, 1));
}
