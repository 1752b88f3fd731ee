//! An election and an endpoint in a readiness loop: three nodes, each a thread with a poll of `mio`, a UDP
//! socket and a durable file. Each node is told the address of one other, and learns the third. They elect a
//! leader, the leader is stopped without handing over, another is elected, and that is all.
//!
//! ```text
//! cargo run --example mio_loop
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token, Waker};
use quorate::adapters::clock::BootClock;
use quorate::adapters::endpoint::{Endpoint, NodeView, Transmit};
use quorate::adapters::store::Store;
use quorate::{ClusterId, Config, Election, Event, HardState, Input, Output};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

type Id = u32;
type Failure = Box<dyn Error + Send + Sync>;
type Running = JoinHandle<Result<(), Failure>>;

const GROUP: ClusterId = ClusterId(42);
const SOCKET: Token = Token(0);
const STOP: Token = Token(1);

struct Node {
    election: Election<Id, ChaCha8Rng>,
    /// Without keys, for these nodes are on one machine; the generator is not used then.
    endpoint: Endpoint<Id, ChaCha8Rng>,
    clock: BootClock,
    store: Store<Id>,
    poll: Poll,
    socket: UdpSocket,
    buffer: Vec<u8>,
    outputs: Vec<Output<Id>>,
    transmits: Vec<Transmit>,
    news: Sender<(Id, Event<Id>)>,
}

impl Node {
    fn run(mut self) -> Result<(), Failure> {
        let mut events = Events::with_capacity(8);
        loop {
            self.advance(None)?;
            // The poll's timeout is the only timer that a node needs.
            let due = [self.election.deadline(), self.endpoint.deadline()].into_iter().flatten().min();
            let wait = due.map(|due| due.saturating_duration_since(self.clock.now()));
            match self.poll.poll(&mut events, wait) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
                Ok(()) | Err(_) => {}
            }
            if events.iter().any(|event| event.token() == STOP) {
                return Ok(());
            }
            // That the socket is readable is told once: read until nothing is left.
            while let Some(input) = self.receive()? {
                self.advance(Some(input))?;
            }
        }
    }

    /// The next message of another node, if one is there.
    fn receive(&mut self) -> io::Result<Option<Input<Id>>> {
        loop {
            match self.socket.recv_from(&mut self.buffer) {
                Ok((length, source)) => {
                    // A datagram comes from anywhere, and may be anything.
                    let bytes = self.buffer.get_mut(..length).unwrap_or_default();
                    let now = self.clock.now();
                    let message = self.endpoint.handle_datagram(bytes, source, now, &mut self.transmits);
                    self.flush();
                    if let Some((from, message)) = message {
                        return Ok(Some(Input::Receive { from, message }));
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(None),
                    // On some systems, news of a datagram that was sent earlier to where no socket listens.
                    ErrorKind::Interrupted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => {
                        self.endpoint.count_receive_error();
                    }
                    _ => return Err(error),
                },
            }
        }
    }

    /// What was received is there already: now read the clock, tick, step, and act on what comes out,
    /// in order.
    fn advance(&mut self, input: Option<Input<Id>>) -> Result<(), Failure> {
        let now = self.clock.now();
        self.election.tick_into(now, &mut self.outputs);
        if let Some(input) = input {
            self.election.step_into(input, &mut self.outputs);
        }
        self.endpoint.observe(&NodeView::of(&self.election));
        let id = self.election.id();
        let mut outputs = std::mem::take(&mut self.outputs);
        for output in outputs.drain(..) {
            match output {
                // Durable when this returns. If it fails, this node is done: nothing that follows leaves it.
                Output::Persist(state) => self.store.save(&state)?,
                Output::Send { to, message } => {
                    self.endpoint.send(to, &message, now, &mut self.transmits);
                    self.flush();
                }
                Output::Event(event) => drop(self.news.send((id, event))), // at SteppedDown, stop all work first
                // What is said must not end a node: the reader may be gone.
                Output::Rejected(reason) => drop(writeln!(io::stderr(), "node {id}: {reason}")),
            }
        }
        self.outputs = outputs;
        self.endpoint.handle_timeout(now, &mut self.transmits);
        self.flush();
        // What datagrams show, and what keeps this node from its work.
        while let Some(event) = self.endpoint.poll_event() {
            drop(self.news.send((id, event)));
        }
        // A leader works under its lease, and under its lease only.
        if let Some(lease) = self.election.lease().filter(|lease| lease.holds_at(self.clock.now())) {
            work(lease.term.0);
        }
        Ok(())
    }

    /// A datagram may get lost: where the socket is full, so is this one. Nothing waits for it to be writable.
    fn flush(&mut self) {
        for Transmit { to, bytes } in self.transmits.drain(..) {
            self.endpoint.count_transmit(&self.socket.send_to(&bytes, to));
        }
    }
}

/// What a leader is for. The receiver of the work refuses a term lower than one it has seen.
fn work(_term: u64) {}

fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let clock = BootClock::new();
    let (news, headlines) = channel();
    let mut sockets = BTreeMap::new();
    for id in 1..=3 {
        sockets.insert(id, UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?);
    }
    let mut addresses = BTreeMap::new();
    for (&id, socket) in &sockets {
        addresses.insert(id, socket.local_addr()?);
    }
    let mut nodes = BTreeMap::new();
    for (id, socket) in sockets {
        nodes.insert(id, start(id, clock, socket, &addresses, folder.path(), news.clone())?);
    }
    drop(news);

    let first = elected(&headlines, clock, None)?;
    writeln!(io::stdout(), "{:>12?}  node {first} is stopped", clock.now().since_origin())?;
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
    addresses: &BTreeMap<Id, SocketAddr>,
    folder: &Path,
    news: Sender<(Id, Event<Id>)>,
) -> Result<(Waker, Running), Failure> {
    let saved = HardState::bootstrap(GROUP, addresses.keys().copied())?;
    let store = Store::create(folder.join(format!("node-{id}")), &saved)?;
    let election = Election::new(Config::new(id), saved, clock.now(), ChaCha8Rng::seed_from_u64(id.into()))?;
    let mut endpoint = Endpoint::new(id, GROUP, None, ChaCha8Rng::seed_from_u64(0))?;
    // One known address is enough.
    if let Some((&known, &address)) = addresses.iter().find(|&(&other, _)| other != id) {
        endpoint.configure(known, address)?;
    }
    let poll = Poll::new()?;
    poll.registry().register(&mut socket, SOCKET, Interest::READABLE)?;
    let stop = Waker::new(poll.registry(), STOP)?;
    let buffer = vec![0; Endpoint::<Id, ChaCha8Rng>::BUFFER];
    let (outputs, transmits) = (Vec::new(), Vec::new());
    let node = Node { election, endpoint, clock, store, poll, socket, buffer, outputs, transmits, news };
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
        writeln!(io::stdout(), "{:>12}  node {id}: {event}", clock.now())?;
        match event {
            Event::LeaderChanged { leader: Some(leader) } if leader.id != id && Some(leader.id) != former => {
                return Ok(leader.id);
            }
            _ => {}
        }
    }
}
