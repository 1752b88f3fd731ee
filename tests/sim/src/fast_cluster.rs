//! A group in virtual time without checks and faults, to simulate hours of traffic quickly.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use quorate::message::{Body, Phase};
use quorate::{
    ClusterId, Config, Election, Event, HardState, HeartbeatTiming, Input, Message, Output, RoleKind,
    Timestamp, Timing,
};
use rand_chacha::ChaCha8Rng;

use crate::clock::Instant;
use crate::rng::{Dice, Ppm};

/// The properties of the network and of the hosts.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// The shortest and the longest one-way delay, in nanoseconds.
    pub delay: (u64, u64),
    /// How many of a million messages are lost.
    pub loss: Ppm,
    /// How late a node wakes up at most, in nanoseconds.
    pub oversleep: u64,
    /// How long a write takes, in nanoseconds. A host does nothing else meanwhile.
    pub write: u64,
}

/// What happened, counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Messages delivered and timers that fired.
    pub events: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Times a node became leader.
    pub elections: u64,
    /// Times a leader stepped down.
    pub step_downs: u64,
    /// Pre-votes sent.
    pub pre_votes: u64,
    /// When a node last lost its leader.
    pub leader_lost_at: Instant,
}

type Node = Election<u64, ChaCha8Rng>;

/// The group. Its nodes have the ids from 1 on, and one clock.
pub struct FastCluster {
    now: Instant,
    /// The network, which may be changed at any time.
    pub traffic: Traffic,
    /// The counts so far.
    pub tally: Tally,
    nodes: Vec<Option<Node>>,
    /// When each node is to be woken.
    alarms: Vec<Instant>,
    /// Until when each node writes.
    busy_until: Vec<Instant>,
    queue: BinaryHeap<Reverse<(Instant, usize)>>,
    /// The messages under way, by the slot that the queue names.
    messages: Vec<Option<(usize, u64, Message<u64>)>>,
    free: Vec<usize>,
    outputs: Vec<Output<u64>>,
    dice: Dice,
}

impl FastCluster {
    /// `n` nodes that start now.
    ///
    /// # Panics
    /// If a group cannot have `n` nodes or the timing is invalid.
    #[must_use]
    pub fn new(seed: u64, n: u64, timing: Timing, traffic: Traffic) -> Self {
        let mut dice = Dice::new(seed);
        let saved = HardState::bootstrap(ClusterId(7), 1..=n).expect("a valid number of nodes");
        let mut node = |id| {
            let config = Config { timing, ..Config::new(id) };
            Election::new(config, saved.clone(), Timestamp::ORIGIN, dice.generator()).expect("a valid start")
        };
        let nodes: Vec<_> = (1..=n).map(|id| Some(node(id))).collect();
        let mut cluster = FastCluster {
            now: 0,
            traffic,
            tally: Tally::default(),
            alarms: vec![0; nodes.len()],
            busy_until: vec![0; nodes.len()],
            nodes,
            queue: BinaryHeap::new(),
            messages: Vec::new(),
            free: Vec::new(),
            outputs: Vec::new(),
            dice,
        };
        (0..cluster.nodes.len()).for_each(|index| cluster.set_alarm(index));
        cluster
    }

    /// True time since the start.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Lets time pass.
    pub fn run_for(&mut self, length: u64) {
        self.run_till(length, |_| false);
    }

    /// Lets time pass until `done`, which is asked after every event, or until `limit` has passed. Returns
    /// whether `done` returned true.
    pub fn run_till(&mut self, limit: u64, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + limit;
        while !done(self) {
            let (alarm, index) = self.alarms.iter().copied().zip(0..).min().unwrap_or((Instant::MAX, 0));
            let arrival = self.queue.peek().map_or(Instant::MAX, |Reverse((at, _))| *at);
            if alarm.min(arrival) > end {
                self.now = end;
                return false;
            }
            self.tally.events += 1;
            self.now = alarm.min(arrival);
            if arrival <= alarm {
                self.deliver();
            } else {
                self.serve(index, None);
            }
        }
        true
    }

    fn deliver(&mut self) {
        let Some(Reverse((_, slot))) = self.queue.pop() else { return };
        let free_at = self.messages[slot].as_ref().map_or(0, |&(to, _, _)| self.busy_until[to]);
        if free_at > self.now {
            return self.queue.push(Reverse((free_at, slot)));
        }
        self.free.push(slot);
        if let Some((to, from, message)) = self.messages[slot].take() {
            self.serve(to, Some(Input::Receive { from, message }));
        }
    }

    fn serve(&mut self, index: usize, input: Option<Input<u64>>) {
        let Some(node) = &mut self.nodes[index] else { return };
        let mut outputs = std::mem::take(&mut self.outputs);
        node.tick_into(Duration::from_nanos(self.now).into(), &mut outputs);
        if let Some(input) = input {
            node.step_into(input, &mut outputs);
        }
        for output in outputs.drain(..) {
            match output {
                Output::Send { to, message } => self.send(index, to, message),
                Output::Persist(_) => {
                    self.busy_until[index] = self.busy_until[index].max(self.now) + self.traffic.write
                }
                Output::Event(Event::Elected { .. }) => self.tally.elections += 1,
                Output::Event(Event::SteppedDown { .. }) => self.tally.step_downs += 1,
                Output::Event(Event::LeaderChanged { leader: None }) => self.tally.leader_lost_at = self.now,
                Output::Event(_) | Output::Rejected(_) => {}
            }
        }
        self.outputs = outputs;
        self.set_alarm(index);
    }

    fn send(&mut self, from: usize, to: u64, message: Message<u64>) {
        self.tally.sent += 1;
        if matches!(&message.body(), Body::VoteRequest(request) if request.phase == Phase::Pre) {
            self.tally.pre_votes += 1;
        }
        if self.dice.chance(self.traffic.loss) {
            return;
        }
        // What follows a write is sent when the write is done.
        let at = self.busy_until[from].max(self.now) + self.dice.between(self.traffic.delay);
        let under_way = Some((to as usize - 1, from as u64 + 1, message));
        let slot = self.free.pop().unwrap_or_else(|| {
            self.messages.push(None);
            self.messages.len() - 1
        });
        self.messages[slot] = under_way;
        self.queue.push(Reverse((at, slot)));
    }

    fn set_alarm(&mut self, index: usize) {
        if self.busy_until[index] > self.now {
            self.alarms[index] = self.busy_until[index];
            return;
        }
        let due = self.nodes[index].as_ref().and_then(Election::deadline);
        self.alarms[index] = due.map_or(Instant::MAX, |due| {
            let late = self.dice.below(self.traffic.oversleep + 1);
            (due.since_origin().as_nanos() as u64).max(self.now) + late
        });
    }

    /// The leader, and the promise and the interval that it has chosen. A host that writes does not know yet that it
    /// leads.
    #[must_use]
    pub fn leader(&self) -> Option<(u64, HeartbeatTiming)> {
        let hosts =
            self.nodes.iter().zip(&self.busy_until).filter(|&(_, &busy_until)| busy_until <= self.now);
        let leads = |node: &&Node| node.role() == RoleKind::Leader;
        let leader =
            hosts.filter_map(|(node, _)| node.as_ref()).filter(leads).max_by_key(|node| node.term())?;
        Some((leader.id(), leader.status().heartbeat_timing?))
    }

    /// Crashes `node` for good.
    pub fn crash(&mut self, node: u64) {
        let index = node as usize - 1;
        self.nodes[index] = None;
        self.alarms[index] = Instant::MAX;
    }
}
