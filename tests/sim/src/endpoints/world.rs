//! A cluster whose messages travel as datagrams between endpoints, in virtual time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::net::SocketAddr;

use quorate::adapters::endpoint::{Endpoint, NodeView, Transmit};
use quorate::adapters::seal::{Key, Keyring};
use quorate::{ClusterId, Input, Message, Timestamp};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::addresses::Addresses;
use super::counts::AddressCounts;
use super::sockets::{Arrival, Socket, Upcoming};
use crate::clock::{Instant, MS};
use crate::cluster::Cluster;
use crate::process::INBOX;
use crate::safety::ViolationKind;

/// The group of [`Options::first`](crate::Options).
const GROUP: ClusterId = ClusterId(7);

pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) addresses: Addresses,
    pub(crate) counts: AddressCounts,
    sealed: bool,
    sockets: Vec<Option<Socket>>,
    queue: BinaryHeap<Reverse<(Instant, u64)>>,
    upcoming: BTreeMap<u64, Upcoming>,
    sequence: u64,
    /// What each node saved of the others' addresses.
    saved: Vec<Vec<(u64, SocketAddr)>>,
    /// The addresses of the founders before any of them moved. Where they are configured, each process is told them
    /// at its start.
    first: Vec<(u64, SocketAddr)>,
    /// Newcomers of which the program of a node, by place, has not told its endpoint yet.
    introductions: Vec<(usize, u64, SocketAddr)>,
}

impl World {
    pub(crate) fn new(
        mut cluster: Cluster,
        addresses: Addresses,
        sealed: bool,
        first: Vec<(u64, SocketAddr)>,
    ) -> Self {
        let nodes = cluster.hosts.len();
        cluster.outbox = Some(Vec::new());
        World {
            cluster,
            addresses,
            counts: AddressCounts::default(),
            sealed,
            sockets: (0..nodes).map(|_| None).collect(),
            queue: BinaryHeap::new(),
            upcoming: BTreeMap::new(),
            sequence: 0,
            saved: vec![Vec::new(); nodes],
            first,
            introductions: Vec::new(),
        }
    }

    pub(crate) fn nodes(&self) -> usize {
        self.sockets.len()
    }

    /// Lets time pass. Stops early at a violation.
    pub(crate) fn run_for(&mut self, length: u64) {
        let end = self.cluster.now + length;
        loop {
            self.settle();
            if self.cluster.violation.is_some() {
                return;
            }
            let own = self.queue.peek().map(|Reverse((at, _))| *at);
            let next = [own, self.cluster.next_event()].into_iter().flatten().min();
            let Some(next) = next.filter(|&next| next <= end) else { break };
            if own == Some(next) {
                self.cluster.now = next;
                self.happen_next();
                self.cluster.check();
            } else {
                self.cluster.run_next();
            }
        }
        self.cluster.now = self.cluster.now.max(end);
        self.cluster.check();
    }

    /// The program of `node`, a place, orders `input`, and knows where those are that it names.
    pub(crate) fn order(&mut self, node: usize, input: Input<u64>, newcomers: &[u64]) {
        self.settle();
        let locate = |&id: &u64| (node, id, self.addresses.of(id as usize - 1).public);
        self.introductions = newcomers.iter().map(locate).collect();
        self.cluster.step(node as u64 + 1, input);
        self.settle();
    }

    /// The addresses of the others are never told to a process that starts now. It is told those of its file of
    /// configuration, however old, those that it saved, and the address of one other node if `guide` names it.
    pub(crate) fn start(&mut self, node: usize, remembers: bool, guide: Option<usize>) {
        let told = if remembers { self.saved[node].clone() } else { Vec::new() };
        let guide = guide.map(|guide| (guide as u64 + 1, self.address_for(node, guide)));
        self.cluster.restart(node as u64 + 1);
        let Some(process_number) = self.running_process(node) else { return };
        if self.sockets[node].as_ref().is_none_or(|socket| socket.process_number != process_number) {
            self.open(node, process_number, told.into_iter().chain(guide).collect());
        }
        self.settle();
    }

    /// The address of `guide` that an operator gives to `node`.
    fn address_for(&mut self, node: usize, guide: usize) -> SocketAddr {
        if self.addresses.narrow && self.cluster.dice.chance(500_000) {
            self.addresses.narrowest(node, guide)
        } else {
            self.addresses.of(guide).public
        }
    }

    /// An operator tells the process of `node` the address of `guide`.
    pub(crate) fn help(&mut self, node: usize, guide: usize) {
        let address = self.addresses.of(guide).public;
        self.cluster.log(node as u64 + 1, || format!("HELP: {} is at {address}", guide + 1));
        if let Some(socket) = &mut self.sockets[node] {
            socket.endpoint.configure(guide as u64 + 1, address).expect("an address of a node");
            socket.told.push((guide as u64 + 1, address));
        }
        self.settle();
    }

    /// Whether `node` knows an address at which it reaches `other`.
    pub(crate) fn knows(&self, node: usize, other: usize) -> bool {
        let Some(socket) = &self.sockets[node] else { return false };
        let leads_there =
            |address| self.addresses.resolve(node, address).is_some_and(|(there, _)| there == other);
        socket.endpoint.address(other as u64 + 1).is_some_and(leads_there)
    }

    /// Whether `node` knows, was told at its start, or has heard `other` at an address at which it reaches `other`.
    pub(crate) fn could_find(&self, node: usize, other: usize) -> bool {
        self.could_send_another(node, other, node)
    }

    /// Whether `node` knows, was told at its start, or has heard `other` at an address at which `sender` reaches `other`.
    pub(crate) fn could_send_another(&self, node: usize, other: usize, sender: usize) -> bool {
        let id = other as u64 + 1;
        let Some(socket) = &self.sockets[node] else { return false };
        let told = socket.told.iter().chain(&socket.heard).filter(|told| told.0 == id).map(|told| told.1);
        let leads_there =
            |address| self.addresses.resolve(sender, address).is_some_and(|(there, _)| there == other);
        socket.endpoint.address(id).into_iter().chain(told).any(leads_there)
    }

    /// The address that `node` has of `other`, for a message.
    pub(crate) fn address_known(&self, node: usize, other: usize) -> Option<SocketAddr> {
        self.sockets[node].as_ref()?.endpoint.address(other as u64 + 1)
    }

    /// The endpoint of `node`, for a message.
    pub(crate) fn show(&self, node: usize) -> String {
        let socket = self.sockets[node].as_ref();
        socket.map(|it| format!("{:?}, wakes {:?}", it.endpoint, it.wake)).unwrap_or_default()
    }

    fn running_process(&self, node: usize) -> Option<u32> {
        let host = &self.cluster.hosts[node];
        host.process.as_ref().map(|_| host.process_number)
    }

    fn reading(&self, node: usize) -> Option<Timestamp> {
        Some(self.cluster.hosts[node].process.as_ref()?.clock.read(self.cluster.now))
    }

    /// Brings all endpoints up to date with what the cluster did.
    pub(crate) fn settle(&mut self) {
        loop {
            let sent = self.cluster.outbox.replace(Vec::new()).unwrap_or_default();
            for node in 0..self.nodes() {
                self.refresh(node);
            }
            if sent.is_empty() && !self.read_all() {
                break;
            }
            for outgoing in sent {
                self.send(outgoing.node, outgoing.to, &outgoing.message);
            }
        }
    }

    /// Opens or closes the endpoint of `node` with its process, and shows it what the last steps have changed.
    fn refresh(&mut self, node: usize) {
        let process_number = self.running_process(node);
        let known = self.sockets[node].as_ref().map(|socket| socket.process_number);
        if let (Some(process_number), true) = (process_number, process_number != known) {
            // A process that was started behind the back of this: it has what it saved.
            let told = self.saved[node].clone();
            self.open(node, process_number, told);
        }
        if process_number.is_none() {
            self.close(node);
        }
        let (Some(socket), Some(process)) = (&mut self.sockets[node], &self.cluster.hosts[node].process)
        else {
            return;
        };
        socket.endpoint.observe(&NodeView::of(&process.election));
        let known = socket.endpoint.known_addresses();
        socket.heard.retain(|&(from, _)| known.iter().any(|&(id, _)| id == from));
        let now = process.clock.read(self.cluster.now);
        self.introductions.retain(|&(whose, id, address)| {
            if whose == node {
                socket.endpoint.introduce(id, address, now).expect("an address of a node");
            }
            whose != node
        });
        if let Some(addresses) = socket.endpoint.poll_addresses() {
            self.saved[node] = addresses;
        }
        self.set_alarm(node);
    }

    /// What the process had not read is lost with it.
    fn close(&mut self, node: usize) {
        let Some(socket) = self.sockets[node].take() else { return };
        socket.waiting.into_iter().for_each(|arrival| self.lose(arrival.carries));
    }

    fn open(&mut self, node: usize, process_number: u32, told: Vec<(u64, SocketAddr)>) {
        let seed = self.cluster.dice.below(u64::MAX);
        let keys = self.sealed.then(|| Keyring::new([Key::new(&[7; 32])]).expect("one key"));
        let rng = ChaCha20Rng::seed_from_u64(seed);
        let Ok(mut endpoint) = Endpoint::new(node as u64 + 1, GROUP, keys, rng);
        let told: Vec<_> = self.first.iter().copied().chain(told).collect();
        for &(id, address) in &told {
            endpoint.configure(id, address).expect("an address of a node");
        }
        endpoint.bind(self.addresses.bound(node));
        let address = self.addresses.of(node).public;
        self.cluster.log(node as u64 + 1, || format!("OPEN at {address}, told {told:?}"));
        self.sockets[node] = Some(Socket {
            process_number,
            endpoint,
            waiting: VecDeque::new(),
            wake: None,
            told,
            heard: BTreeSet::new(),
        });
    }

    fn schedule(&mut self, at: Instant, what: Upcoming) {
        self.sequence += 1;
        self.queue.push(Reverse((at, self.sequence)));
        self.upcoming.insert(self.sequence, what);
    }

    fn set_alarm(&mut self, node: usize) {
        let now = self.cluster.now;
        let (Some(socket), Some(process)) = (&mut self.sockets[node], &self.cluster.hosts[node].process)
        else {
            return;
        };
        if !process.is_idle() && socket.wake.is_some() {
            return;
        }
        let Some(deadline) = socket.endpoint.deadline() else { return };
        let at = process.clock.when(deadline, now);
        if socket.wake.is_none_or(|wake| at < wake) && at < Instant::MAX / 4 {
            socket.wake = Some(at);
            let process_number = socket.process_number;
            self.schedule(at, Upcoming::Wake { node, process_number });
        }
    }

    fn happen_next(&mut self) {
        let Some(Reverse((_, number))) = self.queue.pop() else { return };
        match self.upcoming.remove(&number) {
            Some(Upcoming::Wake { node, process_number }) => self.wake(node, process_number),
            Some(Upcoming::Arrive { at, arrival }) => self.arrive(at, arrival),
            None => {}
        }
    }

    fn wake(&mut self, node: usize, process_number: u32) {
        let now = self.cluster.now;
        let Some(reading) = self.reading(node) else { return };
        let is_idle = self.cluster.hosts[node].process.as_ref().is_some_and(|process| process.is_idle());
        let Some(socket) =
            self.sockets[node].as_mut().filter(|socket| socket.process_number == process_number)
        else {
            return;
        };
        socket.wake = socket.wake.filter(|&wake| wake > now);
        if !is_idle {
            // It is frozen or writes: looked after again a little later.
            socket.wake = Some(now + 10 * MS);
            return self.schedule(now + 10 * MS, Upcoming::Wake { node, process_number });
        }
        let mut transmits = Vec::new();
        socket.endpoint.handle_timeout(reading, &mut transmits);
        self.transmit(node, transmits, None);
        self.set_alarm(node);
    }

    fn send(&mut self, node: usize, to: u64, message: &Message<u64>) {
        let (receiver, mut transmits) = (to as usize - 1, Vec::new());
        let reading = self.reading(node);
        if let (Some(socket), Some(reading)) = (&mut self.sockets[node], reading) {
            socket.endpoint.send(to, message, reading, &mut transmits);
        }
        let prompt = self.transmit(node, transmits, Some(receiver));
        if !prompt {
            self.cluster.liveness.mark_lost(node, receiver, self.cluster.now);
        }
    }

    /// Whether one of them is on its way to `receiver`, and arrives in good time.
    fn transmit(&mut self, from: usize, transmits: Vec<Transmit>, receiver: Option<usize>) -> bool {
        let mut prompt = false;
        for Transmit { to, bytes } in transmits {
            self.counts.datagrams += 1;
            if !self.addresses.takes(from, to) {
                let text = format!("the socket of {} does not take {to}", from + 1);
                self.cluster.fail(ViolationKind::Panic, text);
            }
            let Some((there, source)) = self.addresses.resolve(from, to) else {
                self.counts.astray += 1;
                continue;
            };
            self.counts.astray += u64::from(receiver.is_some_and(|receiver| receiver != there));
            let fate = self.cluster.net.fate(from, there, &mut self.cluster.dice);
            prompt |= Some(there) == receiver && fate.is_prompt(&self.cluster.net.options);
            let carries = receiver.map(|receiver| (from, receiver));
            for delay in fate.arrivals.into_iter().flatten() {
                let arrival = Arrival { from, source, bytes: bytes.clone(), carries };
                self.schedule(self.cluster.now + delay, Upcoming::Arrive { at: to, arrival });
            }
        }
        prompt
    }

    /// The node that has the address now receives the datagram.
    fn arrive(&mut self, at: SocketAddr, arrival: Arrival) {
        let there = self.addresses.resolve(arrival.from, at).map(|(there, _)| there);
        let socket = there.and_then(|there| self.sockets[there].as_mut());
        match socket.filter(|socket| socket.waiting.len() < INBOX) {
            Some(socket) => socket.waiting.push_back(arrival),
            None => self.lose(arrival.carries),
        }
    }

    fn lose(&mut self, carries: Option<(usize, usize)>) {
        if let Some((from, to)) = carries {
            self.cluster.liveness.mark_lost(from, to, self.cluster.now);
        }
    }

    /// Lets every process read that can. Returns whether any has.
    fn read_all(&mut self) -> bool {
        let mut read = false;
        for node in 0..self.nodes() {
            let is_idle = self.cluster.hosts[node].process.as_ref().is_some_and(|process| process.is_idle());
            if is_idle && self.cluster.violation.is_none() {
                read |= self.read_next(node);
            }
        }
        read
    }

    fn read_next(&mut self, node: usize) -> bool {
        let (Some(reading), Some(socket)) = (self.reading(node), &mut self.sockets[node]) else {
            return false;
        };
        let Some(Arrival { from, source, mut bytes, carries }) = socket.waiting.pop_front() else {
            return false;
        };
        let mut transmits = Vec::new();
        let received = socket.endpoint.handle_datagram(&mut bytes, source, reading, &mut transmits);
        if self.sealed && received.as_ref().is_some_and(|&(sender, _)| sender == from as u64 + 1) {
            socket.heard.insert((from as u64 + 1, source));
        }
        self.transmit(node, transmits, None);
        match received {
            Some((from, message)) => {
                if let Some(process) = &mut self.cluster.hosts[node].process {
                    process.inbox.push_back(Input::Receive { from, message });
                }
                self.cluster.serve(node);
            }
            None => self.lose(carries),
        }
        self.set_alarm(node);
        true
    }
}
