//! A network whose messages the test delivers by hand, and its nodes, with one clock and disks that take no
//! time.

use std::collections::BTreeMap;
use std::time::Duration;

use quorate::{
    ClusterId, Config, Election, Event, HardState, Input, Memory, Message, Output, RoleKind, Timing,
};
use rand_chacha::ChaCha8Rng;

use crate::amnesia::RUN_BEGINS;
use crate::rng::Dice;

/// A message that was sent and not delivered yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mail {
    /// The sender.
    pub from: u64,
    /// The receiver.
    pub to: u64,
    /// The message.
    pub message: Message<u64>,
}

/// The nodes, the undelivered messages, and the events so far.
#[derive(Clone, Debug)]
pub struct ManualNetwork {
    /// The time on every clock.
    pub now: Duration,
    /// The nodes.
    pub nodes: BTreeMap<u64, Election<u64, ChaCha8Rng>>,
    /// The durable state of each node.
    pub durable: BTreeMap<u64, HardState<u64>>,
    /// The undelivered messages, in the order of sending.
    pub mail: Vec<Mail>,
    /// Every event, in order.
    pub events: Vec<(u64, Event<u64>)>,
    /// Whether the nodes have storage.
    memory: Memory,
    timing: Timing,
    dice: Dice,
}

impl ManualNetwork {
    /// `n` nodes with the ids from 1 on, bootstrapped as one group at time zero.
    ///
    /// # Panics
    /// If a group cannot have `n` nodes or the timing is invalid.
    #[must_use]
    pub fn new(n: u64, timing: Timing) -> Self {
        let state = HardState::bootstrap(ClusterId(7), 1..=n).expect("a valid number of nodes");
        let mut network = Self::without_nodes(n, timing, Memory::Durable);
        for node in 1..=n {
            network.durable.insert(node, state.clone());
            network.restart(node);
        }
        network
    }

    /// `n` nodes with the ids from 1 on and without storage, which found a group.
    ///
    /// # Panics
    /// If a group cannot have `n` nodes or the timing is invalid.
    #[must_use]
    pub fn without_storage(n: u64, timing: Timing) -> Self {
        let list: Vec<u64> = (1..=n).collect();
        let mut network = Self::without_nodes(n, timing, Memory::Volatile);
        list.iter().for_each(|&node| network.forget(node, &list));
        network
    }

    fn without_nodes(seed: u64, timing: Timing, memory: Memory) -> Self {
        ManualNetwork {
            now: Duration::ZERO,
            nodes: BTreeMap::new(),
            durable: BTreeMap::new(),
            mail: Vec::new(),
            events: Vec::new(),
            memory,
            timing,
            dice: Dice::new(seed),
        }
    }

    /// Starts `node` from its durable state, in place of the process that ran before.
    ///
    /// # Panics
    /// If the timing is invalid.
    pub fn restart(&mut self, node: u64) {
        let config = Config { timing: self.timing, memory: self.memory, ..Config::new(node) };
        let state = self.durable[&node].clone();
        let election =
            Election::new(config, state, self.now.into(), self.dice.generator()).expect("a valid state");
        self.nodes.insert(node, election);
    }

    /// Loses the disk of `node`, and starts it blank, with this list of nodes to ask.
    ///
    /// # Panics
    /// If the list is no membership.
    pub fn forget(&mut self, node: u64, list: &[u64]) {
        let since_1970 = RUN_BEGINS + self.now;
        let blank = HardState::blank(ClusterId(7), list.iter().copied(), since_1970).expect("a valid list");
        self.durable.insert(node, blank);
        self.restart(node);
    }

    /// The node. Panics if there is none.
    #[must_use]
    pub fn node(&self, node: u64) -> &Election<u64, ChaCha8Rng> {
        &self.nodes[&node]
    }

    /// Ticks `node` and steps `input`; a leader that is due to tick again at once does so. Acts on all outputs
    /// and returns them.
    pub fn step(&mut self, node: u64, input: Input<u64>) -> Vec<Output<u64>> {
        let mut outputs = Vec::new();
        let election = self.nodes.get_mut(&node).expect("a node");
        election.tick_into(self.now.into(), &mut outputs);
        election.step_into(input, &mut outputs);
        let is_due = election.deadline().is_some_and(|due| due <= self.now.into());
        if is_due && election.role() == RoleKind::Leader {
            election.tick_into(self.now.into(), &mut outputs);
        }
        self.perform(node, &outputs);
        outputs
    }

    /// Ticks `node`. Acts on all outputs and returns them.
    pub fn tick(&mut self, node: u64) -> Vec<Output<u64>> {
        let mut outputs = Vec::new();
        self.nodes.get_mut(&node).expect("a node").tick_into(self.now.into(), &mut outputs);
        self.perform(node, &outputs);
        outputs
    }

    fn perform(&mut self, node: u64, outputs: &[Output<u64>]) {
        for output in outputs {
            match output.clone() {
                Output::Persist(state) => drop(self.durable.insert(node, state)),
                Output::Send { to, message } => self.mail.push(Mail { from: node, to, message }),
                Output::Event(event) => self.events.push((node, event)),
                Output::Rejected(_) => {}
            }
        }
    }

    /// Lets time pass: ticks each node at its deadline, and delivers nothing.
    pub fn pass(&mut self, length: Duration) {
        let end = self.now + length;
        while let Some((at, node)) = self.next_deadline().filter(|&(at, _)| at <= end) {
            self.now = self.now.max(at);
            let _ = self.tick(node);
        }
        self.now = end;
    }

    fn next_deadline(&self) -> Option<(Duration, u64)> {
        let due =
            |(&node, election): (&u64, &Election<_, _>)| Some((election.deadline()?.since_origin(), node));
        self.nodes.iter().filter_map(due).min()
    }

    /// Delivers the messages that `chosen` selects, in order, and no message that they cause. Returns the
    /// number of delivered messages.
    pub fn deliver(&mut self, chosen: impl Fn(&Mail) -> bool) -> usize {
        let (now, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.mail).into_iter().partition(|mail| chosen(mail));
        self.mail = later;
        for Mail { from, to, message } in now.iter().cloned() {
            if self.nodes.contains_key(&to) {
                let _ = self.step(to, Input::Receive { from, message });
            }
        }
        now.len()
    }

    /// Loses the messages that `chosen` selects.
    pub fn lose(&mut self, chosen: impl Fn(&Mail) -> bool) {
        self.mail.retain(|mail| !chosen(mail));
    }

    /// Delivers all messages, and the messages that they cause, until there are no more.
    ///
    /// # Panics
    /// If the messages do not end.
    pub fn settle(&mut self) {
        for _ in 0..1_000 {
            if self.deliver(|_| true) == 0 {
                return;
            }
        }
        panic!("the messages do not end: {:?}", self.mail);
    }

    /// Lets time pass on a network that delivers every message at once.
    pub fn run(&mut self, length: Duration) {
        let end = self.now + length;
        self.settle();
        while let Some((at, node)) = self.next_deadline().filter(|&(at, _)| at <= end) {
            self.now = self.now.max(at);
            let _ = self.tick(node);
            self.settle();
        }
        self.now = end;
    }

    /// The leader; the one of the highest term if several nodes believe that they lead.
    #[must_use]
    pub fn leader(&self) -> Option<u64> {
        let leads = |election: &&Election<u64, ChaCha8Rng>| election.role() == RoleKind::Leader;
        let leader = self.nodes.values().filter(leads).max_by_key(|election| election.term())?;
        Some(leader.id())
    }

    /// Makes `node` the leader: it campaigns once it is not bound, or the leader hands over to it.
    ///
    /// # Panics
    /// If that does not succeed within ten seconds.
    pub fn elect(&mut self, node: u64) {
        for _ in 0..10_000 {
            if self.leader() == Some(node) {
                return;
            }
            let (asked, input) = match self.leader() {
                Some(leader) => {
                    (leader, Input::Resign { successor: Some(node), urgency: quorate::Urgency::WhenReady })
                }
                None => (node, Input::Campaign),
            };
            let _ = self.step(asked, input);
            self.settle();
            self.run(Duration::from_millis(1));
        }
        panic!("{node} was not elected: {:?}", self.events);
    }
}
