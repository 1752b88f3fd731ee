//! The program of almost-raft's README, on quorate: nodes connected by mpsc channels, a group that elects
//! once enough nodes know each other, nodes that are added and removed, and events about the leader. The
//! page `guide::migrating` of the crate documentation compares the calls one by one.
//!
//! Three nodes form a group and elect a leader; two more join; the leader crashes, another one is elected
//! and removes the lost node; then that leader is removed, and hands over first.
//!
//! ```text
//! cargo run --example almost_raft
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::mem;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use quorate::adapters::clock::BootClock;
use quorate::adapters::store::Store;
use quorate::{
    ClusterId, Config, Election, Event, HardState, Input, Limits, Membership, Message, Output, Timestamp,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;

/// An id must be the same after a restart: a new id at each start would be a new node each time.
type Id = u32;
type Failure = Box<dyn Error + Send + Sync>;
type Running = JoinHandle<Result<(), Failure>>;

/// What a node receives: messages of other nodes, and requests of the program.
enum Mail {
    From(Id, Message<Id>),
    AddNode(NodeMpsc),
    RemoveNode(Id),
    Stop,
}

/// How to reach a node.
#[derive(Clone)]
struct NodeMpsc {
    id: Id,
    sender: Sender<Mail>,
}

struct News {
    id: Id,
    event: Event<Id>,
    membership: Membership<Id>,
}

struct Node {
    election: Election<Id, ChaCha8Rng>,
    clock: BootClock,
    store: Store<Id>,
    inbox: Receiver<Mail>,
    peers: BTreeMap<Id, Sender<Mail>>,
    /// The last news of each other node: that it was discovered, or that it is lost.
    discovery: BTreeMap<Id, Input<Id>>,
    outputs: Vec<Output<Id>>,
    news: Sender<News>,
}

impl Node {
    /// This replaces the task `raft_election(state)`.
    fn run(mut self) -> Result<(), Failure> {
        loop {
            let until = |due: Timestamp| due.saturating_duration_since(self.clock.now());
            let wait = self.election.deadline().map_or(Duration::MAX, until);
            let received = self.inbox.recv_timeout(wait);
            self.election.tick_into(self.clock.now(), &mut self.outputs);
            match received {
                Ok(Mail::From(from, message)) => self.step(Input::Receive { from, message }),
                Ok(Mail::AddNode(node)) => {
                    self.peers.insert(node.id, node.sender);
                    self.discover(node.id, Input::Discovered(node.id));
                }
                Ok(Mail::RemoveNode(id)) if id == self.election.id() => self.step(Input::Leave),
                Ok(Mail::RemoveNode(id)) => self.discover(id, Input::Lost(id)),
                Ok(Mail::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.act_on_outputs()? {
                return Ok(());
            }
        }
    }

    fn step(&mut self, input: Input<Id>) {
        self.election.step_into(input, &mut self.outputs);
    }

    fn discover(&mut self, id: Id, input: Input<Id>) {
        self.discovery.insert(id, input.clone());
        self.step(input);
    }

    /// Acts on the outputs in order. Returns whether this node has been removed.
    fn act_on_outputs(&mut self) -> Result<bool, Failure> {
        let mut removed = false;
        while !self.outputs.is_empty() {
            for output in mem::take(&mut self.outputs) {
                match output {
                    Output::Persist(state) => self.store.save(&state)?, // returns when it is durable
                    Output::Send { to, message } => self.send(to, message),
                    Output::Event(event) => {
                        removed |= event == Event::Removed;
                        self.on_event(event);
                    }
                    // Only a leader accepts news of other nodes. A new leader steps the latest news again.
                    Output::Rejected(_) => {}
                }
            }
        }
        // A leader works under its lease, and under its lease only.
        if let Some(lease) = self.election.lease().filter(|lease| lease.holds_at(self.clock.now())) {
            work(lease.term.0);
        }
        Ok(removed)
    }

    /// This replaces `send_message`. A message may get lost, and sending one never blocks.
    fn send(&self, to: Id, message: Message<Id>) {
        if let Some(peer) = self.peers.get(&to) {
            let _lost = peer.send(Mail::From(self.election.id(), message));
        }
    }

    /// At `SteppedDown`, stop all work first.
    fn on_event(&mut self, event: Event<Id>) {
        if let Event::Elected { .. } = event {
            let heard: Vec<_> = self.discovery.values().cloned().collect();
            heard.into_iter().for_each(|input| self.step(input));
        }
        let (id, membership) = (self.election.id(), self.election.membership().clone());
        let _no_receiver = self.news.send(News { id, event, membership });
    }
}

/// The work of a leader. Its receiver refuses a term lower than one it has seen.
fn work(_term: u64) {}

/// The program around the nodes: it starts them, discovers them, and receives their events.
struct Program {
    clock: BootClock,
    folder: TempDir,
    nodes: BTreeMap<Id, (Sender<Mail>, Running)>,
    news: (Sender<News>, Receiver<News>),
    leader: Option<Id>,
    /// The last membership that was committed.
    members: Vec<Id>,
}

fn main() -> Result<(), Failure> {
    let (clock, folder) = (BootClock::new(), tempfile::tempdir()?);
    let nodes = BTreeMap::new();
    let mut program = Program { clock, folder, nodes, news: channel(), leader: None, members: Vec::new() };
    let cluster = ClusterId(42);

    program.say("three nodes, each of which knows only itself")?;
    let limits = Limits { min_members: 3, max_members: 5 };
    for id in 1..=3 {
        program.start(id, HardState::forming(cluster, limits)?)?;
    }
    program.say("they are told of each other")?;
    (1..=3).for_each(|id| program.add(id));
    program.wait(|program| program.members == [1, 2, 3])?;

    program.say("two more nodes join")?;
    for id in 4..=5 {
        program.start(id, HardState::joining(cluster))?;
        program.add(id);
    }
    program.wait(|program| program.members == [1, 2, 3, 4, 5])?;

    let first = program.leader.ok_or("there is no leader")?;
    program.say(&format!("the leader, node {first}, crashes"))?;
    program.stop(first)?;
    program.wait(|program| program.leader != Some(first))?;
    program.say(&format!("node {first} is gone for good, and is removed"))?;
    program.remove(first);
    program.wait(|program| program.members.len() == 4)?;

    let second = program.leader.ok_or("there is no leader")?;
    program.say(&format!("the leader, node {second}, is removed"))?;
    program.remove(second);
    let removed = |program: &Program| !program.nodes.contains_key(&second);
    program.wait(|program| removed(program) && program.members.len() == 3)?;

    let left: Vec<Id> = program.nodes.keys().copied().collect();
    left.into_iter().try_for_each(|id| program.stop(id))
}

impl Program {
    /// Starts a node for the first time. Every later start uses `Store::open`, never `create`.
    fn start(&mut self, id: Id, first: HardState<Id>) -> Result<(), Failure> {
        let store = Store::create(self.folder.path().join(format!("node-{id}")), &first)?;
        let rng = ChaCha8Rng::seed_from_u64(id.into());
        let election = Election::new(Config::new(id), first, self.clock.now(), rng)?;
        let (sender, inbox) = channel();
        let (peers, discovery) = (BTreeMap::new(), BTreeMap::new());
        let (clock, outputs, news) = (self.clock, Vec::new(), self.news.0.clone());
        let node = Node { election, clock, store, inbox, peers, discovery, outputs, news };
        self.nodes.insert(id, (sender, thread::spawn(move || node.run())));
        Ok(())
    }

    /// Tells every other node of this one, and this one of every other.
    fn add(&self, id: Id) {
        let Some((newcomer, _)) = self.nodes.get(&id) else { return };
        for (&other, (sender, _)) in self.nodes.iter().filter(|&(&other, _)| other != id) {
            tell(sender, Mail::AddNode(NodeMpsc { id, sender: newcomer.clone() }));
            tell(newcomer, Mail::AddNode(NodeMpsc { id: other, sender: sender.clone() }));
        }
    }

    /// Tells every node, this one included, that this node is to be removed.
    fn remove(&self, id: Id) {
        self.nodes.values().for_each(|(sender, _)| tell(sender, Mail::RemoveNode(id)));
    }

    /// Stops a node as a crash would: without a message to any other.
    fn stop(&mut self, id: Id) -> Result<(), Failure> {
        let Some((sender, thread)) = self.nodes.remove(&id) else { return Ok(()) };
        tell(&sender, Mail::Stop);
        thread.join().map_err(|_| "a node panicked")?
    }

    /// This replaces `from_raft.recv()`.
    fn wait(&mut self, until: impl Fn(&Program) -> bool) -> Result<(), Failure> {
        while !until(self) {
            let News { id, event, membership } = self.news.1.recv_timeout(Duration::from_secs(30))?;
            match event {
                Event::Elected { .. } => self.leader = Some(id),
                Event::LeaderChanged { .. } | Event::SteppedDown { .. } => {}
                Event::MembershipChanged { version, committed: true }
                    if version == membership.version() && self.leader == Some(id) =>
                {
                    self.members = membership.voters().to_vec();
                    self.say(&format!("    node {id}: the voters are {:?}", self.members))?;
                    continue;
                }
                Event::Removed => self.stop(id)?,
                _ => continue,
            }
            self.say(&format!("    node {id}: {event}"))?;
        }
        Ok(())
    }

    fn say(&self, what: &str) -> io::Result<()> {
        writeln!(io::stdout(), "{:>12?}  {what}", self.clock.now())
    }
}

/// Sends to a node. If the node is gone, nothing happens.
fn tell(node: &Sender<Mail>, mail: Mail) {
    let _gone = node.send(mail);
}
