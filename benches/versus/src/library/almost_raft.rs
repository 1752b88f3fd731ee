//! almost-raft: one tokio runtime for each node, whose clock moves only when the simulator moves it.
//!
//! almost-raft keeps nothing across a crash, and cannot be given any state: a node that restarts is a new
//! node with the same id. A node draws its election timeout from a generator of the thread, once in its
//! life. A node is created again and again until its timeout is the one that the dice chose.

use std::cell::Cell;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use almost_raft::election::{RaftElectionState, raft_election};
use almost_raft::{ClusterNode, Message};
use async_trait::async_trait;
use log::{LevelFilter, Log, Metadata, Record};
use quorate_sim::Dice;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{JoinHandle, yield_now};

use super::{Claim, Effect, Effects, NodeSetup, SimulatedNode};
use crate::node_set::{NodeIndex, NodeSet};

/// How long almost-raft waits for its own channels, in milliseconds.
const MESSAGE_TIMEOUT: u64 = 20;

type State = RaftElectionState<Peer>;

/// A node of almost-raft.
pub struct AlmostRaft {
    runtime: Runtime,
    task: JoinHandle<()>,
    input: Sender<Message<Peer>>,
    news: Receiver<Message<Peer>>,
    outbox: Outbox,
    node: NodeIndex,
    nodes: usize,
    reading: Duration,
    due: Duration,
    leader: Option<NodeIndex>,
    /// The term of the last heartbeat that the node sent.
    term: u64,
    /// The term of the last heartbeat that the node received.
    heard: u64,
}

/// What a node sends to another one. The message type of almost-raft cannot be copied.
#[derive(Clone, Debug)]
pub enum Payload {
    RequestVote { from: String, term: usize },
    Vote { term: usize, vote: bool },
    HeartBeat { from: String, term: usize },
}

type Outbox = Arc<Mutex<Vec<(NodeIndex, Payload)>>>;

/// Another node, as almost-raft sees it.
#[derive(Clone, Debug)]
pub struct Peer {
    node: NodeIndex,
    name: String,
    outbox: Outbox,
}

#[async_trait]
impl ClusterNode for Peer {
    type NodeType = Peer;
    type NodeIdType = String;

    async fn send_message(&self, message: Message<Peer>) {
        let payload = match message {
            Message::RequestVote { requester_node_id: from, term } => Payload::RequestVote { from, term },
            Message::RequestVoteResponse { term, vote } => Payload::Vote { term, vote },
            Message::HeartBeat { leader_node_id: from, term } => Payload::HeartBeat { from, term },
            Message::ControlAddNode(_) | Message::ControlRemoveNode(_) | Message::ControlLeaderChanged(_) => {
                return;
            }
        };
        self.outbox.lock().expect("no other thread").push((self.node, payload));
    }

    fn node_id(&self) -> &String {
        &self.name
    }
}

impl SimulatedNode for AlmostRaft {
    type Message = Payload;
    type Durable = ();

    const NAME: &'static str = "almost-raft";

    fn initial_state(_: NodeSetup) -> Self::Durable {}

    fn start(setup: NodeSetup, (): &Self::Durable, reading: Duration, dice: &mut Dice) -> Self {
        let shortest = millis(setup.timings.election_timeout);
        let timeout = dice.between((shortest, 2 * shortest - 1));
        let outbox = Outbox::default();
        let (to_host, news) = channel(64);
        let (state, input) = loop {
            let (state, input) = init(setup, &outbox, &to_host);
            if election_timeout(&state) == timeout {
                break (state, input);
            }
        };
        listen_for_waits();
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without IO");
        let task = runtime.spawn(raft_election(state));
        let mut started = AlmostRaft {
            runtime,
            task,
            input,
            news,
            outbox,
            node: setup.node,
            nodes: setup.nodes,
            reading,
            due: reading,
            leader: None,
            term: 0,
            heard: 0,
        };
        started.advance(reading, None);
        started
    }

    fn run(
        &mut self,
        reading: Duration,
        received: Option<(NodeIndex, Self::Message)>,
        effects: &mut Effects<Self>,
    ) {
        if let Some((_, Payload::HeartBeat { term, .. })) = &received {
            self.heard = *term as u64;
        }
        self.advance(reading, received.map(|(_, payload)| payload.into()));
        assert!(!self.task.is_finished(), "the task of {} has died", self.node);
        while let Ok(news) = self.news.try_recv() {
            if let Message::ControlLeaderChanged(leader) = news {
                self.leader = leader.parse().ok();
            }
        }
        for (to, payload) in self.outbox.lock().expect("no other thread").drain(..) {
            if let Payload::HeartBeat { term, .. } = payload {
                self.term = term as u64;
            }
            effects.push(Effect::Send(to, payload));
        }
    }

    fn deadline(&self) -> Option<Duration> {
        Some(self.due)
    }

    fn claim(&self) -> Option<Claim> {
        (self.leader == Some(self.node)).then_some(Claim { term: self.term, until: None })
    }

    fn known_leader(&self) -> Option<(NodeIndex, u64)> {
        let leader = self.leader?;
        Some((leader, if leader == self.node { self.term } else { self.heard }))
    }

    fn is_quorum(&self, nodes: NodeSet) -> bool {
        nodes.is_majority(self.nodes)
    }
}

impl AlmostRaft {
    /// Moves the clock of the runtime, hands over the message, and lets the task work until it waits again.
    fn advance(&mut self, reading: Duration, message: Option<Message<Peer>>) {
        let passed = reading.saturating_sub(self.reading);
        self.reading = reading;
        WAIT.set(None);
        self.runtime.block_on(async {
            tokio::time::advance(passed).await;
            yield_now().await;
            if let Some(message) = message {
                self.input.try_send(message).expect("the task has taken all messages before");
            }
            // As long as the runtime is never idle, its clock does not advance on its own.
            for _ in 0..4 {
                yield_now().await;
            }
        });
        // Timers of tokio have a resolution of a millisecond, and are never early.
        if let Some(wait) = WAIT.get() {
            self.due = reading + Duration::from_millis(wait + 1);
        }
    }
}

fn init(
    setup: NodeSetup,
    outbox: &Outbox,
    to_host: &Sender<Message<Peer>>,
) -> (State, Sender<Message<Peer>>) {
    let peers = (0..setup.nodes).filter(|&other| other != setup.node);
    let peers: Vec<Peer> =
        peers.map(|node| Peer { node, name: name(node), outbox: outbox.clone() }).collect();
    let others = peers.len();
    let own = name(setup.node);
    RaftElectionState::init(
        own,
        millis(setup.timings.election_timeout),
        millis(setup.timings.heartbeat),
        MESSAGE_TIMEOUT,
        peers,
        to_host.clone(),
        setup.nodes,
        others,
    )
}

/// The election timeout that almost-raft has drawn, in milliseconds. It appears only in the `Debug` text.
pub(crate) fn election_timeout(state: &impl fmt::Debug) -> u64 {
    let text = Beginning::of(format_args!("{state:?}"));
    let (_, rest) = text.split_once("election_timeout: ").expect("a field");
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).expect("a number")
}

/// A text of which only the beginning matters. The rest is not even formatted.
struct Beginning(String);

impl Beginning {
    fn of(text: fmt::Arguments<'_>) -> String {
        let mut beginning = Beginning(String::new());
        // An error means that the text is long enough.
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

fn name(node: NodeIndex) -> String {
    node.to_string()
}

impl From<Payload> for Message<Peer> {
    fn from(payload: Payload) -> Self {
        match payload {
            Payload::RequestVote { from, term } => Message::RequestVote { requester_node_id: from, term },
            Payload::Vote { term, vote } => Message::RequestVoteResponse { term, vote },
            Payload::HeartBeat { from, term } => Message::HeartBeat { leader_node_id: from, term },
        }
    }
}

thread_local! {
    /// How long the node that ran last waits, in milliseconds.
    static WAIT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Reads from the log of almost-raft how long a task will wait. Nothing else tells, and waking the task up
/// every millisecond would take a hundred times as long.
struct WaitListener;

impl Log for WaitListener {
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

fn listen_for_waits() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&WaitListener).expect("no other logger");
        log::set_max_level(LevelFilter::Trace);
    });
}
