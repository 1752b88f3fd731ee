//! The election in a readiness loop: three nodes, each a thread with a poll of `mio`, a UDP socket and
//! a durable file. They elect a leader, the leader is stopped without a farewell, another is elected,
//! and that is all.
//!
//! ```text
//! cargo run --example mio_loop
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token, Waker};
use quorate::adapters::clock::BootClock;
use quorate::adapters::store::Store;
use quorate::adapters::wire::{self, MAX_DATAGRAM};
use quorate::{ClusterId, Config, Election, Event, HardState, Input, Message, Output};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

type Id = u32;
type Failure = Box<dyn Error + Send + Sync>;
type Running = JoinHandle<Result<(), Failure>>;

const SOCKET: Token = Token(0);
const STOP: Token = Token(1);

struct Node {
    election: Election<Id, ChaCha8Rng>,
    clock: BootClock,
    store: Store<Id>,
    poll: Poll,
    socket: UdpSocket,
    peers: BTreeMap<Id, SocketAddr>,
    /// One byte more than the longest datagram, to tell a longer one.
    buffer: Vec<u8>,
    outputs: Vec<Output<Id>>,
    news: Sender<(Id, Event<Id>)>,
}

impl Node {
    fn run(mut self) -> Result<(), Failure> {
        let mut events = Events::with_capacity(8);
        loop {
            self.turn(None)?;
            // The poll's timeout is the only timer that an election needs.
            let due = self.election.deadline().map(|due| due.saturating_duration_since(self.clock.now()));
            match self.poll.poll(&mut events, due) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
                Ok(()) | Err(_) => {}
            }
            if events.iter().any(|event| event.token() == STOP) {
                return Ok(());
            }
            // That the socket is readable is told once: read until nothing is left.
            while let Some(input) = self.receive()? {
                self.turn(Some(input))?;
            }
        }
    }

    /// The next message of a peer, if one is there.
    fn receive(&mut self) -> io::Result<Option<Input<Id>>> {
        loop {
            match self.socket.recv_from(&mut self.buffer) {
                Ok((length, source)) => {
                    let datagram = self.buffer.get(..length).unwrap_or_default();
                    let sender = self.peers.iter().find(|&(_, &address)| address == source);
                    // A datagram comes from anybody, and may be anything.
                    if let (Some((&from, _)), Ok(message)) = (sender, wire::decode(datagram)) {
                        return Ok(Some(Input::Receive { from, message }));
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(None),
                    // On some systems, news of a datagram sent earlier to where nobody listens.
                    ErrorKind::Interrupted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => {}
                    _ => return Err(error),
                },
            }
        }
    }

    /// What was received is there already: now read the clock, tick, step, and act on what comes out,
    /// in order.
    fn turn(&mut self, input: Option<Input<Id>>) -> Result<(), Failure> {
        self.election.tick_into(self.clock.now(), &mut self.outputs);
        if let Some(input) = input {
            self.election.step_into(input, &mut self.outputs);
        }
        let id = self.election.id();
        for output in self.outputs.drain(..) {
            match output {
                // Durable when this returns. If it fails, this node is done: nothing that follows leaves it.
                Output::Persist(state) => self.store.save(&state)?,
                Output::Send { to, message } => send(&self.socket, self.peers.get(&to), &message),
                Output::Event(event) => drop(self.news.send((id, event))), // at SteppedDown, stop all work first
                Output::Rejected(reason) => eprintln!("node {id}: {reason}"),
            }
        }
        // A leader works under its lease, and under its lease only.
        if let Some(lease) = self.election.lease().filter(|lease| lease.holds_at(self.clock.now())) {
            work(lease.term.0);
        }
        Ok(())
    }
}

/// A message may get lost: where the socket is full, so is this one. Nobody waits for it to be writable.
fn send(socket: &UdpSocket, to: Option<&SocketAddr>, message: &Message<Id>) {
    if let Some(&address) = to {
        let _lost = socket.send_to(&wire::encode(message), address);
    }
}

/// What a leader is for. Whoever receives the work refuses a term lower than one it has seen.
fn work(_term: u64) {}

fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let clock = BootClock::new();
    let (news, headlines) = channel();
    let mut sockets = BTreeMap::new();
    for id in 1..=3 {
        sockets.insert(id, UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?);
    }
    let mut peers = BTreeMap::new();
    for (&id, socket) in &sockets {
        peers.insert(id, socket.local_addr()?);
    }
    let mut nodes = BTreeMap::new();
    for (id, socket) in sockets {
        nodes.insert(id, start(id, clock, socket, &peers, folder.path(), news.clone())?);
    }
    drop(news);

    let first = elected(&headlines, clock, None)?;
    println!("{:>12?}  node {first} is stopped", clock.now());
    if let Some((stop, thread)) = nodes.remove(&first) {
        stop.wake()?;
        thread.join().map_err(|_| "a node panicked")??;
    }
    elected(&headlines, clock, Some(first))?;
    for (stop, thread) in nodes.into_values() {
        stop.wake()?;
        thread.join().map_err(|_| "a node panicked")??;
    }
    Ok(())
}

/// Starts a node of a new group for the first time. Ever after it is `Store::open`, never `create`.
fn start(
    id: Id,
    clock: BootClock,
    mut socket: UdpSocket,
    peers: &BTreeMap<Id, SocketAddr>,
    folder: &Path,
    news: Sender<(Id, Event<Id>)>,
) -> Result<(Waker, Running), Failure> {
    let saved = HardState::bootstrap(ClusterId(42), peers.keys().copied())?;
    let store = Store::create(folder.join(format!("node-{id}")), &saved)?;
    let rng = ChaCha8Rng::seed_from_u64(id.into());
    let election = Election::new(Config::new(id), saved, clock.now(), rng)?;
    let poll = Poll::new()?;
    poll.registry().register(&mut socket, SOCKET, Interest::READABLE)?;
    let stop = Waker::new(poll.registry(), STOP)?;
    let (peers, buffer, outputs) = (peers.clone(), vec![0; MAX_DATAGRAM + 1], Vec::new());
    let node = Node { election, clock, store, poll, socket, peers, buffer, outputs, news };
    Ok((stop, thread::spawn(move || node.run())))
}

/// Prints the news until a node follows a leader other than `former`.
fn elected(
    headlines: &Receiver<(Id, Event<Id>)>,
    clock: BootClock,
    former: Option<Id>,
) -> Result<Id, Failure> {
    loop {
        let (id, event) = headlines.recv_timeout(Duration::from_secs(30))?;
        println!("{:>12?}  node {id}: {event:?}", clock.now());
        match event {
            Event::LeaderChanged { leader: Some((leader, _)) } if leader != id && Some(leader) != former => {
                return Ok(leader);
            }
            _ => {}
        }
    }
}
