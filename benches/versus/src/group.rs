//! A group in virtual time: its events, and how a host serves its node.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use quorate_sim::harness::{EventQueue, FaultyGroup, Links};
use quorate_sim::{Clock, Dice, Instant};

use crate::check::{Checker, FindingKind, Snapshot};
use crate::conditions::Conditions;
use crate::library::{Effect, Effects, NodeSetup, SimulatedNode, WritePurpose};
use crate::node_set::NodeIndex;
use crate::process::{Host, Process};

/// A group of nodes of one library in virtual time. The same seed and the same calls give the same run.
pub struct Group<N: SimulatedNode> {
    pub(crate) now: Instant,
    pub(crate) checker: Checker,
    /// Messages sent so far, lost ones among them.
    pub(crate) sent: u64,
    hosts: Vec<Host<N>>,
    links: Links,
    dice: Dice,
    conditions: Conditions,
    queue: EventQueue<Event<N::Message>>,
}

/// `incarnation` names the process that an event is meant for.
enum Event<M> {
    Deliver { node: NodeIndex, from: NodeIndex, message: M },
    Wake { node: NodeIndex, incarnation: u32 },
    Written { node: NodeIndex, incarnation: u32 },
    Thaw { node: NodeIndex, incarnation: u32 },
}

impl<N: SimulatedNode> Group<N> {
    /// A group of `nodes` that all start now.
    #[must_use]
    pub fn new(seed: u64, nodes: usize, conditions: Conditions) -> Self {
        let host = |node| Host {
            durable: N::initial_state(setup(node, nodes, &conditions)),
            process: None,
            incarnation: 0,
        };
        let mut group = Group {
            now: 0,
            checker: Checker::new(nodes),
            sent: 0,
            hosts: (0..nodes).map(host).collect(),
            links: Links::new(nodes),
            dice: Dice::new(seed),
            conditions,
            queue: EventQueue::new(),
        };
        group.restart_all();
        group
    }

    /// Lets time pass.
    pub fn run_for(&mut self, length: u64) {
        self.run_until(self.now + length, |_| false);
    }

    /// Lets time pass until `done` holds, or until `end`. Returns whether `done` holds.
    pub fn run_until(&mut self, end: Instant, done: impl Fn(&Self) -> bool) -> bool {
        while let Some((at, event)) = self.queue.pop_until(end) {
            self.now = at;
            self.happen(event);
            self.check();
            if done(self) {
                return true;
            }
        }
        self.now = self.now.max(end);
        self.check();
        done(self)
    }

    /// All nodes.
    pub fn nodes(&self) -> std::ops::Range<NodeIndex> {
        0..self.hosts.len()
    }

    pub(crate) fn process(&self, node: NodeIndex) -> Option<&Process<N>> {
        self.hosts[node].process.as_ref()
    }

    fn check(&mut self) {
        let Group { now, hosts, links, checker, .. } = self;
        checker.check(&Snapshot { now: *now, hosts, links });
    }

    fn happen(&mut self, event: Event<N::Message>) {
        let (node, incarnation) = match event {
            Event::Deliver { node, .. } => (node, self.hosts[node].incarnation),
            Event::Wake { node, incarnation }
            | Event::Written { node, incarnation }
            | Event::Thaw { node, incarnation } => (node, incarnation),
        };
        let host = &mut self.hosts[node];
        let Some(process) = host.process.as_mut().filter(|_| host.incarnation == incarnation) else { return };
        match event {
            Event::Deliver { from, message, .. } => process.inbox.push_back((from, message)),
            Event::Wake { .. } => process.wake = process.wake.filter(|&wake| wake > self.now),
            Event::Written { .. } => self.finish_write(node),
            Event::Thaw { .. } => return self.thaw(node),
        }
        self.serve(node);
    }

    /// Acts on effects, then lets the node run on what was received, until there is nothing to do or
    /// the process is held up.
    fn serve(&mut self, node: NodeIndex) {
        while let Some(process) = self.hosts[node].process.as_mut().filter(|process| process.is_idle()) {
            if let Some(effect) = process.effects.pop_front() {
                self.act(node, effect);
                continue;
            }
            process.claim = process.node.claim();
            let reading = process.clock.read(self.now).since_origin();
            let received = process.inbox.pop_front();
            let is_due = process.node.deadline().is_some_and(|deadline| deadline <= reading);
            if received.is_none() && !is_due {
                return self.set_alarm(node);
            }
            self.call(node, |node, effects| node.run(reading, received, effects));
        }
    }

    /// Calls the library. If it panics, the process is gone.
    fn call(&mut self, node: NodeIndex, run: impl FnOnce(&mut N, &mut Effects<N>)) {
        let Some(process) = &mut self.hosts[node].process else { return };
        let mut effects = Vec::new();
        let called = catch_unwind(AssertUnwindSafe(|| run(&mut process.node, &mut effects)));
        process.effects.extend(effects);
        if called.is_err() {
            self.checker.report(FindingKind::Panic, self.now, || format!("node {node}"));
            self.crash(node);
        }
    }

    fn act(&mut self, node: NodeIndex, effect: Effect<N::Durable, N::Message>) {
        match effect {
            Effect::Persist(state) => self.write(node, state),
            Effect::Send(to, message) => self.send(node, to, message),
            Effect::StepDown => {
                if let Some(process) = &mut self.hosts[node].process {
                    process.claim = None;
                }
            }
        }
    }

    fn write(&mut self, node: NodeIndex, state: N::Durable) {
        let purpose = self.process(node).map_or(WritePurpose::Vote, |process| process.node.write_purpose());
        let (length, stalls) = self.conditions.writes.disk(purpose).draw(&mut self.dice);
        let incarnation = self.hosts[node].incarnation;
        if let Some(process) = &mut self.hosts[node].process {
            process.writing = Some(state);
            process.stalled = stalls;
        }
        if stalls {
            self.checker.stop_node(node, self.now);
        }
        self.queue.schedule(self.now + length, Event::Written { node, incarnation });
    }

    fn finish_write(&mut self, node: NodeIndex) {
        let host = &mut self.hosts[node];
        let Some(process) = &mut host.process else { return };
        if let Some(state) = process.writing.take() {
            host.durable = state;
        }
        if std::mem::take(&mut process.stalled) && !process.frozen {
            self.checker.start_node(node, self.now);
        }
    }

    fn send(&mut self, from: NodeIndex, to: NodeIndex, message: N::Message) {
        self.sent += 1;
        if !self.links.is_up(from, to) || self.dice.chance(self.conditions.loss) {
            return self.checker.lose_message(from, to, self.now);
        }
        if self.dice.chance(self.conditions.duplicates) {
            self.deliver(from, to, message.clone());
        }
        self.deliver(from, to, message);
    }

    fn deliver(&mut self, from: NodeIndex, to: NodeIndex, message: N::Message) {
        let at = self.now + self.dice.between(self.conditions.delay);
        self.queue.schedule(at, Event::Deliver { node: to, from, message });
    }

    fn set_alarm(&mut self, node: NodeIndex) {
        let (now, incarnation) = (self.now, self.hosts[node].incarnation);
        let Some(process) = &mut self.hosts[node].process else { return };
        let Some(deadline) = process.node.deadline() else { return };
        let at = process.clock.when(deadline.into(), now);
        if process.wake.is_none_or(|wake| at < wake) && at < Instant::MAX / 4 {
            process.wake = Some(at);
            self.queue.schedule(at, Event::Wake { node, incarnation });
        }
    }

    /// Ends the process of `node`. The state that it was writing becomes durable, or does not.
    pub fn crash(&mut self, node: NodeIndex) {
        let survives = self.dice.chance(500_000);
        let host = &mut self.hosts[node];
        let Some(process) = host.process.take() else { return };
        if let Some(state) = process.writing.filter(|_| survives) {
            host.durable = state;
        }
        self.checker.stop_node(node, self.now);
        self.check();
    }

    /// Starts a process of `node` from what is durable, unless one runs.
    pub fn restart(&mut self, node: NodeIndex) {
        if self.hosts[node].process.is_some() {
            return;
        }
        let Conditions { drift, drift_ppm, .. } = self.conditions;
        let clock = Clock::start(self.now, drift, drift_ppm, &mut self.dice);
        let setup = setup(node, self.hosts.len(), &self.conditions);
        let started =
            N::start(setup, &self.hosts[node].durable, clock.read(self.now).since_origin(), &mut self.dice);
        self.hosts[node].incarnation += 1;
        self.hosts[node].process = Some(Process {
            node: started,
            clock,
            effects: Default::default(),
            inbox: Default::default(),
            writing: None,
            stalled: false,
            frozen: false,
            claim: None,
            wake: None,
        });
        self.checker.start_node(node, self.now);
        self.serve(node);
        self.check();
    }

    /// Starts every node that is down.
    pub fn restart_all(&mut self) {
        self.nodes().for_each(|node| self.restart(node));
    }

    /// Freezes the process of `node` for `length`, or until it is thawed. The process does not notice.
    pub fn freeze(&mut self, node: NodeIndex, length: Option<u64>) {
        let Some(process) = self.hosts[node].process.as_mut() else { return };
        process.frozen = true;
        self.checker.stop_node(node, self.now);
        if let Some(length) = length {
            let incarnation = self.hosts[node].incarnation;
            self.queue.schedule(self.now + length, Event::Thaw { node, incarnation });
        }
        self.check();
    }

    /// Lets the process of `node` go on where it was.
    pub fn thaw(&mut self, node: NodeIndex) {
        let Some(process) = self.hosts[node].process.as_mut().filter(|process| process.frozen) else {
            return;
        };
        process.frozen = false;
        if !process.stalled {
            self.checker.start_node(node, self.now);
        }
        self.serve(node);
    }

    /// Asks the leader to make `voters` vote, and all others follow, unless it is held up.
    pub fn reconfigure(&mut self, leader: NodeIndex, voters: &[NodeIndex]) {
        if !self.process(leader).is_some_and(Process::is_idle) {
            return;
        }
        let mut started = false;
        self.call(leader, |node, effects| started = node.reconfigure(voters, effects));
        if started {
            self.checker.start_reconfiguration(self.now);
        }
        self.serve(leader);
        self.check();
    }
}

impl<N: SimulatedNode> FaultyGroup for Group<N> {
    fn size(&self) -> usize {
        self.hosts.len()
    }

    fn true_time(&self) -> Instant {
        self.now
    }

    fn acting_leader(&self) -> Option<NodeIndex> {
        self.nodes().find(|&node| self.process(node).is_some_and(|process| process.claim.is_some()))
    }

    fn pass(&mut self, length: u64) {
        self.run_for(length);
    }

    fn set_link(&mut self, from: NodeIndex, to: NodeIndex, up: bool) {
        if from != to && self.links.is_up(from, to) != up {
            self.links.set(from, to, up);
            self.checker.change_link(from, to, self.now);
        }
    }
}

fn setup(node: NodeIndex, nodes: usize, conditions: &Conditions) -> NodeSetup {
    let Conditions { drift_ppm, timings, unequal_logs, writes, delay, .. } = *conditions;
    let last_index = if unequal_logs { (nodes - node) as u64 } else { 0 };
    let longest_write = Duration::from_nanos(writes.vote.1.max(writes.candidacy.1));
    let longest_delay = Duration::from_nanos(delay.1);
    NodeSetup { drift_ppm, timings, last_index, longest_write, longest_delay, ..NodeSetup::new(node, nodes) }
}
