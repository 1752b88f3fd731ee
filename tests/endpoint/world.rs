//! Nodes that are an election and an endpoint each, and a network that delivers at once.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use quorate::adapters::endpoint::{Endpoint, NodeView, Transmit};
use quorate::adapters::seal::{Key, Keyring};
use quorate::{
    ClusterId, Config, Election, Event, HardState, Input, Life, Message, Output, Priority, Timestamp,
};
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::{ChaCha8Rng, ChaCha20Rng};

pub(crate) type Id = u16;

pub(crate) const GROUP: ClusterId = ClusterId(1);

pub(crate) fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

pub(crate) fn keys() -> Keyring {
    Keyring::new([Key::new(&[7; 32])]).unwrap()
}

/// An endpoint without keys, of a node of any group.
pub(crate) fn endpoint_of(cluster: ClusterId, id: Id) -> Endpoint<Id, ChaCha20Rng> {
    let Ok(endpoint) = Endpoint::new(id, cluster, None, ChaCha20Rng::seed_from_u64(id.into()));
    endpoint
}

pub(crate) fn endpoint(id: Id, keys: Option<Keyring>) -> Endpoint<Id, ChaCha20Rng> {
    let Ok(endpoint) = Endpoint::new(id, GROUP, keys, ChaCha20Rng::seed_from_u64(id.into()));
    endpoint
}

/// What a release writes and reads, by generations of its formats: 0 is that of this one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Release {
    pub(crate) writes: u8,
    pub(crate) reads: &'static [u8],
}

impl Release {
    pub(crate) const TODAY: Release = Release { writes: 0, reads: &[0] };

    /// The version of a datagram is its third byte, sealed or not.
    fn write(self, bytes: &mut [u8]) {
        if let Some(version) = bytes.get_mut(2) {
            *version |= self.writes << 4;
        }
    }

    fn read(self, bytes: &mut [u8]) {
        if let Some(version) = bytes.get_mut(2) {
            let is_read = self.reads.contains(&(*version >> 4));
            *version = if is_read { *version & 0x0f } else { *version | 0x80 };
        }
    }
}

pub(crate) struct Node {
    pub(crate) release: Release,
    pub(crate) election: Election<Id, ChaCha8Rng>,
    pub(crate) endpoint: Endpoint<Id, ChaCha20Rng>,
    pub(crate) address: SocketAddr,
    /// Whether the system takes the datagrams of this node.
    pub(crate) can_send: bool,
    /// The length of the longest datagram that the system takes.
    pub(crate) longest: usize,
    /// What its election reported, and nobody has read.
    pub(crate) events: Vec<Event<Id>>,
    config: Config<Id>,
    saved: HardState<Id>,
    keys: Option<Keyring>,
    peers: Vec<(Id, SocketAddr)>,
}

impl Node {
    /// A node of these `members`, which never campaigns unless it is the first of them.
    pub(crate) fn new(id: Id, members: &[Id], keys: Option<Keyring>) -> Self {
        let saved = match members {
            [] => HardState::joining(GROUP),
            members => HardState::bootstrap(GROUP, members.iter().copied()).unwrap(),
        };
        let priority = if members.first() == Some(&id) { Priority::default() } else { Priority::NEVER_LEADS };
        Node::with(Config { priority, ..Config::new(id) }, saved, keys)
    }

    /// A node that starts from `saved`.
    pub(crate) fn with(config: Config<Id>, saved: HardState<Id>, keys: Option<Keyring>) -> Self {
        let now = Timestamp::default();
        let (election, endpoint) = start(config, &saved, keys.as_ref(), at(config.id), &[], now);
        Node {
            release: Release::TODAY,
            election,
            endpoint,
            address: at(config.id),
            can_send: true,
            longest: usize::MAX,
            events: Vec::new(),
            config,
            saved,
            keys,
            peers: Vec::new(),
        }
    }

    pub(crate) fn knowing(self, id: Id) -> Self {
        self.knowing_at(id, at(id))
    }

    pub(crate) fn knowing_at(mut self, id: Id, address: SocketAddr) -> Self {
        self.endpoint.configure(id, address).unwrap();
        self.peers.push((id, address));
        self
    }

    /// The same node on another machine.
    pub(crate) fn at(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self.endpoint.bind(address);
        self
    }

    /// Another process of this node, which starts from what was made durable.
    pub(crate) fn restart(&mut self, now: Timestamp) {
        let (config, keys) = (self.config, self.keys.as_ref());
        (self.election, self.endpoint) = start(config, &self.saved, keys, self.address, &self.peers, now);
    }

    /// The same from another state.
    pub(crate) fn restart_from(&mut self, saved: HardState<Id>, now: Timestamp) {
        self.saved = saved;
        self.restart(now);
    }

    /// Ticks and steps; returns what is to be sent.
    pub(crate) fn step(&mut self, input: Option<Input<Id>>, now: Timestamp) -> Vec<Transmit> {
        let (mut outputs, mut transmits) = (self.election.tick(now), Vec::new());
        outputs.extend(input.into_iter().flat_map(|input| self.election.step(input)));
        self.endpoint.observe(&NodeView::of(&self.election));
        for output in outputs {
            match output {
                Output::Send { to, message } => self.endpoint.send(to, &message, now, &mut transmits),
                Output::Persist(state) => self.saved = state,
                Output::Event(event) => self.events.push(event),
                Output::Rejected(_) => {}
            }
        }
        self.endpoint.handle_timeout(now, &mut transmits);
        let (taken, refused): (Vec<_>, Vec<_>) =
            transmits.into_iter().partition(|transmit| self.can_send && transmit.bytes.len() <= self.longest);
        taken.iter().for_each(|_| self.endpoint.count_transmit(&Ok::<_, ()>(())));
        for transmit in refused {
            self.endpoint.count_transmit(&Err::<(), _>(()));
            if transmit.bytes.len() > self.longest {
                self.endpoint.report_too_long(transmit.to);
            }
        }
        taken
    }

    pub(crate) fn receive(
        &mut self,
        transmit: &Transmit,
        source: SocketAddr,
        now: Timestamp,
    ) -> Vec<Transmit> {
        let mut transmits = Vec::new();
        let mut bytes = transmit.bytes.clone();
        self.release.read(&mut bytes);
        let message = self.endpoint.handle_datagram(&mut bytes, source, now, &mut transmits);
        if let Some((from, message)) = message {
            transmits.extend(self.step(Some(Input::Receive { from, message }), now));
        }
        transmits
    }
}

fn start(
    config: Config<Id>,
    saved: &HardState<Id>,
    keys: Option<&Keyring>,
    address: SocketAddr,
    peers: &[(Id, SocketAddr)],
    now: Timestamp,
) -> (Election<Id, ChaCha8Rng>, Endpoint<Id, ChaCha20Rng>) {
    // Another process draws other numbers.
    let seed = u64::from(config.id) + now.since_origin().as_secs();
    let rng = ChaCha8Rng::seed_from_u64(seed);
    let election = Election::new(config, saved.clone(), now, rng).unwrap();
    let rng = ChaCha20Rng::seed_from_u64(seed);
    let Ok(mut endpoint) = Endpoint::new(config.id, saved.cluster, keys.cloned(), rng);
    if address != at(config.id) {
        endpoint.bind(address);
    }
    peers.iter().for_each(|&(id, address)| endpoint.configure(id, address).unwrap());
    endpoint.observe(&NodeView::of(&election));
    (election, endpoint)
}

/// A datagram on its way.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct UnderWay {
    pub(crate) at: Timestamp,
    pub(crate) source: SocketAddr,
    pub(crate) transmit: Transmit,
}

#[derive(Default)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) nodes: Vec<Node>,
    /// Every datagram that was ever sent.
    pub(crate) sent: Vec<UnderWay>,
    /// The node behind a translator that shows each destination another source, and lets in answers from there alone.
    pub(crate) translated: Option<Id>,
    /// The addresses that nothing arrives at or comes from.
    pub(crate) cut_off: Vec<SocketAddr>,
    /// The length of the longest datagram that arrives, if there is a limit.
    pub(crate) longest: Option<usize>,
    /// Whether every datagram arrives twice.
    pub(crate) doubles: bool,
}

/// The source that the translator shows to `destination`, and where it lets in what comes from there.
pub(crate) fn translation(destination: SocketAddr) -> SocketAddr {
    at(10_000 + destination.port())
}

impl World {
    pub(crate) fn of(nodes: impl IntoIterator<Item = Node>) -> Self {
        World { nodes: nodes.into_iter().collect(), ..World::default() }
    }

    pub(crate) fn node(&mut self, id: Id) -> &mut Node {
        self.nodes.iter_mut().find(|node| node.election.id() == id).unwrap()
    }

    /// What node `id` has reported since this was asked last.
    pub(crate) fn news(&mut self, id: Id) -> Vec<Event<Id>> {
        let node = self.node(id);
        let mut news = std::mem::take(&mut node.events);
        news.extend(std::iter::from_fn(|| node.endpoint.poll_event()));
        news
    }

    /// Steps `input` on node `id`, then delivers until all is quiet.
    pub(crate) fn step(&mut self, id: Id, input: Input<Id>) {
        let now = self.now;
        let node = self.node(id);
        let (source, transmits) = (node.address, node.step(Some(input), now));
        self.deliver(source, transmits);
    }

    pub(crate) fn deliver(&mut self, source: SocketAddr, transmits: Vec<Transmit>) {
        let at = self.now;
        let translated = self.translated.map(|id| self.node(id).address);
        let pack = |from| {
            move |transmit: Transmit| {
                let source = if translated == Some(from) { translation(transmit.to) } else { from };
                UnderWay { at, source, transmit }
            }
        };
        let arrives = |node: &Node, sent: &UnderWay| match translated {
            Some(hidden) if hidden == node.address => sent.transmit.to == translation(sent.source),
            _ => node.address == sent.transmit.to,
        };
        let sender = self.nodes.iter().find(|node| node.address == source);
        let release = sender.map_or(Release::TODAY, |node| node.release);
        let mut queue: VecDeque<UnderWay> =
            transmits.into_iter().map(|transmit| pack(source)(written(release, transmit))).collect();
        while let Some(next) = queue.pop_front() {
            for node in &mut self.nodes {
                let is_cut_off = [next.source, next.transmit.to].iter().any(|end| self.cut_off.contains(end));
                let is_lost =
                    is_cut_off || self.longest.is_some_and(|longest| next.transmit.bytes.len() > longest);
                let arrivals = if self.doubles { 2 } else { 1 };
                for _ in 0..arrivals {
                    if arrives(node, &next) && !is_lost {
                        let transmits = node.receive(&next.transmit, next.source, at);
                        let transmits = transmits.into_iter().map(|transmit| written(node.release, transmit));
                        queue.extend(transmits.map(pack(node.address)));
                    }
                }
            }
            self.sent.push(next);
        }
    }

    pub(crate) fn run_for(&mut self, length: Duration) {
        let end = self.now.saturating_add(length);
        loop {
            let due = |node: &Node| {
                [node.election.deadline(), node.endpoint.deadline()].into_iter().flatten().min()
            };
            let Some(due) = self.nodes.iter().filter_map(due).min() else { break };
            if due > end {
                break;
            }
            self.now = self.now.max(due);
            for index in 0..self.nodes.len() {
                let transmits = self.nodes[index].step(None, self.now);
                let source = self.nodes[index].address;
                self.deliver(source, transmits);
            }
        }
        self.now = end;
    }

    /// The datagrams that were sent to `port`.
    pub(crate) fn sent_to(&self, port: u16) -> Vec<UnderWay> {
        self.sent.iter().filter(|sent| sent.transmit.to == at(port)).cloned().collect()
    }
}

fn written(release: Release, mut transmit: Transmit) -> Transmit {
    release.write(&mut transmit.bytes);
    transmit
}

/// A message of `from` to `to`, as it is sent without a seal.
pub(crate) fn plain_message(from: Id, to: Id) -> Transmit {
    // A message of no life is heard in every group.
    let saved = HardState { life: Life::NONE, ..HardState::bootstrap(GROUP, [from, to]).unwrap() };
    let mut world = World::of([Node::with(Config::new(from), saved, None).knowing(to)]);
    world.run_for(Duration::from_secs(5));
    let is_message = |sent: &UnderWay| sent.transmit.bytes[3] == 1;
    world.sent_to(to).into_iter().find(is_message).unwrap().transmit
}

/// Hands a datagram to an endpoint whose election is not looked at.
pub(crate) fn handle(
    endpoint: &mut Endpoint<Id, ChaCha20Rng>,
    bytes: &[u8],
    source: SocketAddr,
) -> (Option<(Id, Message<Id>)>, Vec<Transmit>) {
    let mut transmits = Vec::new();
    let message = endpoint.handle_datagram(&mut bytes.to_vec(), source, Timestamp::default(), &mut transmits);
    (message, transmits)
}
