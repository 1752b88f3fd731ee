//! An election in a loop of your own: three nodes, each a thread, with channels for a network. They elect
//! a leader, the leader is asked to resign, another node takes over, and the example ends.
//!
//! ```text
//! cargo run --example event_loop
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use quorate::adapters::clock::BootClock;
use quorate::{
    ClusterId, Config, ConfigError, Election, Event, HardState, Input, Output, Timestamp, Urgency,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

type Id = u32;

fn run(
    mut election: Election<Id, ChaCha8Rng>,
    clock: BootClock,
    inbox: &Receiver<Input<Id>>,
    peers: &BTreeMap<Id, Sender<Input<Id>>>,
    news: &Sender<(Id, Event<Id>)>,
) {
    let id = election.id();
    let mut outputs = Vec::new();
    loop {
        // Wait for a message until the election's deadline. Receive first, then read the clock.
        let until = |due: Timestamp| due.saturating_duration_since(clock.now());
        let received = inbox.recv_timeout(election.deadline().map_or(Duration::MAX, until));
        election.tick_into(clock.now(), &mut outputs);
        match received {
            Ok(input) => election.step_into(input, &mut outputs),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        // Act on the outputs in order.
        for output in outputs.drain(..) {
            match output {
                Output::Persist(state) => save(id, &state), // returns when it is durable
                Output::Send { to, message } => send(peers, to, Input::Receive { from: id, message }),
                Output::Event(event) => tell(news, id, event), // at SteppedDown, stop all work first
                // What is said must not end a node: the reader may be gone.
                Output::Rejected(reason) => drop(writeln!(io::stderr(), "node {id}: {reason}")),
            }
        }
        // A leader works under its lease, and under its lease only.
        if let Some(lease) = election.lease().filter(|lease| lease.holds_at(clock.now())) {
            work(id, lease.term.0);
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let clock = BootClock::new();
    let (news, headlines) = channel();
    let (senders, inboxes): (BTreeMap<_, _>, Vec<_>) = (1..=3)
        .map(|id: Id| {
            let (sender, inbox) = channel();
            ((id, sender), (id, inbox))
        })
        .unzip();
    for (id, inbox) in inboxes {
        let (peers, news) = (senders.clone(), news.clone());
        let election = node(id, clock)?;
        thread::spawn(move || run(election, clock, &inbox, &peers, &news));
    }

    let mut asked = false;
    loop {
        let (id, event) = headlines.recv_timeout(Duration::from_secs(10))?;
        writeln!(io::stdout(), "{:>12?}  node {id}: {event}", clock.now())?;
        match event {
            Event::Elected { .. } if asked => return Ok(()),
            // The leader's first membership is committed, so a handover can succeed.
            Event::MembershipChanged { committed: true, .. } if !asked => {
                asked = true;
                send(&senders, id, Input::Resign { successor: None, urgency: Urgency::WhenReady });
            }
            _ => {}
        }
    }
}

/// A node of a new group. A node that starts again passes the state that it saved last.
fn node(id: Id, clock: BootClock) -> Result<Election<Id, ChaCha8Rng>, ConfigError> {
    let saved = HardState::bootstrap(ClusterId(42), [1, 2, 3])?;
    Election::new(Config::new(id), saved, clock.now(), ChaCha8Rng::seed_from_u64(id.into()))
}

/// These nodes never start again. Yours may: see `adapters::store`.
fn save(_id: Id, _state: &HardState<Id>) {}

/// Sends to a peer. A message may get lost, as it does here if the peer is gone.
fn send(peers: &BTreeMap<Id, Sender<Input<Id>>>, to: Id, input: Input<Id>) {
    if let Some(peer) = peers.get(&to) {
        let _lost = peer.send(input);
    }
}

fn tell(news: &Sender<(Id, Event<Id>)>, id: Id, event: Event<Id>) {
    let _no_receiver = news.send((id, event));
}

/// The work of a leader. Its receiver refuses a term lower than one it has seen.
fn work(_id: Id, _term: u64) {}
