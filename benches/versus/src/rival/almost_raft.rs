//! almost-raft: a task on a runtime of tokio, here one for each node, whose clock stands still but
//! when the simulator moves it.
//!
//! It keeps nothing across a crash and has no way to be given anything: a node that restarts is a new
//! one of the same name. Its election timeout is drawn by a generator of the thread, once in its life;
//! a state is made again and again until it is what the dice chose.

use std::cell::Cell;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use almost_raft::election::{RaftElectionState, raft_election};
use almost_raft::{ClusterNode, Message};
use async_trait::async_trait;
use log::{LevelFilter, Log, Metadata, Record};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{JoinHandle, yield_now};

use super::{Claim, Effect, Effects, Mask, Place, Rival, Setup, is_majority};
use crate::rng::Dice;

/// How long it waits for its own channels, in milliseconds.
const MESSAGE_TIMEOUT: u64 = 20;

type State = RaftElectionState<Peer>;

/// A node of almost-raft.
pub struct AlmostRaft {
    runtime: Runtime,
    task: JoinHandle<()>,
    input: Sender<Message<Peer>>,
    news: Receiver<Message<Peer>>,
    outbox: Outbox,
    place: Place,
    nodes: usize,
    reading: Duration,
    due: Duration,
    leader: Option<Place>,
    /// Of the last heartbeat that it sent.
    term: u64,
    /// Of the last heartbeat that it got.
    heard: u64,
}

/// What it says to others. Its own type cannot be copied.
#[derive(Clone, Debug)]
pub enum Said {
    RequestVote { from: String, term: usize },
    Vote { term: usize, vote: bool },
    HeartBeat { from: String, term: usize },
}

type Outbox = Arc<Mutex<Vec<(Place, Said)>>>;

/// Another node, as a node sees it.
#[derive(Clone, Debug)]
pub struct Peer {
    place: Place,
    name: String,
    outbox: Outbox,
}

#[async_trait]
impl ClusterNode for Peer {
    type NodeType = Peer;
    type NodeIdType = String;

    async fn send_message(&self, message: Message<Peer>) {
        let said = match message {
            Message::RequestVote { requester_node_id: from, term } => Said::RequestVote { from, term },
            Message::RequestVoteResponse { term, vote } => Said::Vote { term, vote },
            Message::HeartBeat { leader_node_id: from, term } => Said::HeartBeat { from, term },
            Message::ControlAddNode(_) | Message::ControlRemoveNode(_) | Message::ControlLeaderChanged(_) => {
                return;
            }
        };
        self.outbox.lock().expect("no other thread").push((self.place, said));
    }

    fn node_id(&self) -> &String {
        &self.name
    }
}

impl Rival for AlmostRaft {
    type Message = Said;
    type Durable = ();

    const NAME: &'static str = "almost-raft";

    fn first(_: Setup) -> Self::Durable {}

    fn start(setup: Setup, (): &Self::Durable, reading: Duration, dice: &mut Dice) -> Self {
        let shortest = millis(setup.pace.timeout);
        let timeout = dice.between((shortest, 2 * shortest - 1));
        let outbox = Outbox::default();
        let (to_host, news) = channel(64);
        let (state, input) = loop {
            let (state, input) = init(setup, &outbox, &to_host);
            if election_timeout(&state) == timeout {
                break (state, input);
            }
        };
        listen();
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without IO");
        let task = runtime.spawn(raft_election(state));
        let mut rival = AlmostRaft {
            runtime,
            task,
            input,
            news,
            outbox,
            place: setup.place,
            nodes: setup.nodes,
            reading,
            due: reading,
            leader: None,
            term: 0,
            heard: 0,
        };
        rival.advance(reading, None);
        rival
    }

    fn run(
        &mut self,
        reading: Duration,
        received: Option<(Place, Self::Message)>,
        effects: &mut Effects<Self>,
    ) {
        if let Some((_, Said::HeartBeat { term, .. })) = &received {
            self.heard = *term as u64;
        }
        self.advance(reading, received.map(|(_, said)| said.into()));
        assert!(!self.task.is_finished(), "the task of {} has died", self.place);
        while let Ok(news) = self.news.try_recv() {
            if let Message::ControlLeaderChanged(leader) = news {
                self.leader = leader.parse().ok();
            }
        }
        for (to, said) in self.outbox.lock().expect("no other thread").drain(..) {
            if let Said::HeartBeat { term, .. } = said {
                self.term = term as u64;
            }
            effects.push(Effect::Send(to, said));
        }
    }

    fn due(&self) -> Option<Duration> {
        Some(self.due)
    }

    fn claim(&self) -> Option<Claim> {
        (self.leader == Some(self.place)).then_some(Claim { term: self.term, until: None })
    }

    fn leader(&self) -> Option<(Place, u64)> {
        let leader = self.leader?;
        Some((leader, if leader == self.place { self.term } else { self.heard }))
    }

    fn is_quorum(&self, nodes: Mask) -> bool {
        is_majority(nodes, self.nodes)
    }
}

impl AlmostRaft {
    /// Moves its clock, hands it the message, and lets it work until it waits again.
    fn advance(&mut self, reading: Duration, message: Option<Message<Peer>>) {
        let passed = reading.saturating_sub(self.reading);
        self.reading = reading;
        WAIT.set(None);
        self.runtime.block_on(async {
            tokio::time::advance(passed).await;
            yield_now().await;
            if let Some(message) = message {
                self.input.try_send(message).expect("it has taken all before");
            }
            // As long as this is never idle, the clock does not leap on its own.
            for _ in 0..4 {
                yield_now().await;
            }
        });
        // Tokio's timers are good to the millisecond, and never early.
        if let Some(wait) = WAIT.get() {
            self.due = reading + Duration::from_millis(wait + 1);
        }
    }
}

fn init(setup: Setup, outbox: &Outbox, to_host: &Sender<Message<Peer>>) -> (State, Sender<Message<Peer>>) {
    let peers = (0..setup.nodes).filter(|&other| other != setup.place);
    let peers: Vec<Peer> =
        peers.map(|place| Peer { place, name: name(place), outbox: outbox.clone() }).collect();
    let others = peers.len();
    let own = name(setup.place);
    RaftElectionState::init(
        own,
        millis(setup.pace.timeout),
        millis(setup.pace.heartbeat),
        MESSAGE_TIMEOUT,
        peers,
        to_host.clone(),
        setup.nodes,
        others,
    )
}

/// What it has drawn. It shows that only to who debugs.
fn election_timeout(state: &State) -> u64 {
    let text = Beginning::of(format_args!("{state:?}"));
    let (_, rest) = text.split_once("election_timeout: ").expect("a field");
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).expect("a number")
}

/// A text of which only the beginning matters; the rest is not even made.
struct Beginning(String);

impl Beginning {
    fn of(text: fmt::Arguments<'_>) -> String {
        let mut beginning = Beginning(String::new());
        // An error: that was enough.
        let _ = beginning.write_fmt(text);
        beginning.0
    }
}

impl fmt::Write for Beginning {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.0.push_str(part);
        if self.0.len() < 80 { Ok(()) } else { Err(fmt::Error) }
    }
}

fn millis(length: Duration) -> u64 {
    length.as_millis() as u64
}

fn name(place: Place) -> String {
    place.to_string()
}

impl From<Said> for Message<Peer> {
    fn from(said: Said) -> Self {
        match said {
            Said::RequestVote { from, term } => Message::RequestVote { requester_node_id: from, term },
            Said::Vote { term, vote } => Message::RequestVoteResponse { term, vote },
            Said::HeartBeat { from, term } => Message::HeartBeat { leader_node_id: from, term },
        }
    }
}

thread_local! {
    /// For how long the node that ran last waits, in milliseconds.
    static WAIT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Reads from its log how long it will wait: nothing else tells, and to wake it up every millisecond
/// would take a hundred times as long.
struct Listener;

impl Log for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("almost_raft")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = Beginning::of(*record.args());
            if let Some((_, wait)) = line.split_once("setting new timeout to ") {
                WAIT.set(wait.parse().ok());
            }
        }
    }

    fn flush(&self) {}
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Listener).expect("no other logger");
        log::set_max_level(LevelFilter::Trace);
    });
}
