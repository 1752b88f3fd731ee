//! A group in virtual time without checks, faults or writes that take time: for hours of quiet traffic.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use quorate::{
    Body, ClusterId, Config, Election, Event, HardState, HeartbeatTiming, Input, Message, Output, Phase,
    RoleKind, Timestamp, Timing,
};
use rand_chacha::ChaCha8Rng;

use crate::clock::Instant;
use crate::rng::{Dice, Ppm};

/// What traffic is like.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// The shortest and the longest one-way delay, in nanoseconds.
    pub delay: (u64, u64),
    /// How many of a million messages are lost.
    pub loss: Ppm,
    /// How late a node wakes up at the most, in nanoseconds.
    pub oversleep: u64,
}

/// What happened.
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
    pub forsaken: Instant,
}

type Node = Election<u64, ChaCha8Rng>;

/// The group. Nodes are named from 1 on, one clock serves them all.
pub struct FastCluster {
    now: Instant,
    /// What the network is like; may be changed at any time.
    pub traffic: Traffic,
    /// What happened so far.
    pub tally: Tally,
    nodes: Vec<Option<Node>>,
    /// When each is to be woken.
    alarms: Vec<Instant>,
    queue: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Under way, by the slot that the queue names.
    letters: Vec<Option<(usize, u64, Message<u64>)>>,
    free: Vec<usize>,
    outputs: Vec<Output<u64>>,
    dice: Dice,
}

impl FastCluster {
    /// `n` nodes that start now.
    ///
    /// # Panics
    /// If `n` is no number of nodes or the timing is invalid.
    #[must_use]
    pub fn new(seed: u64, n: u64, timing: Timing, traffic: Traffic) -> Self {
        let mut dice = Dice::new(seed);
        let saved = HardState::bootstrap(ClusterId(7), 1..=n).expect("a lawful number of nodes");
        let mut node = |id| {
            let config = Config { timing, ..Config::new(id) };
            Election::new(config, saved.clone(), Timestamp::ORIGIN, dice.generator()).expect("a lawful start")
        };
        let nodes: Vec<_> = (1..=n).map(|id| Some(node(id))).collect();
        let mut fast_cluster = FastCluster {
            now: 0,
            traffic,
            tally: Tally::default(),
            alarms: vec![0; nodes.len()],
            nodes,
            queue: BinaryHeap::new(),
            letters: Vec::new(),
            free: Vec::new(),
            outputs: Vec::new(),
            dice,
        };
        (0..fast_cluster.nodes.len()).for_each(|place| fast_cluster.set_alarm(place));
        fast_cluster
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

    /// Lets time pass until `done`, which is asked after every event, or until `limit` has passed. Says
    /// whether it came about.
    pub fn run_till(&mut self, limit: u64, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + limit;
        while !done(self) {
            let (alarm, place) = self.alarms.iter().copied().zip(0..).min().unwrap_or((Instant::MAX, 0));
            let letter = self.queue.peek().map_or(Instant::MAX, |Reverse((at, _))| *at);
            if alarm.min(letter) > end {
                self.now = end;
                return false;
            }
            self.tally.events += 1;
            self.now = alarm.min(letter);
            if letter <= alarm {
                self.deliver();
            } else {
                self.serve(place, None);
            }
        }
        true
    }

    fn deliver(&mut self) {
        let Some(Reverse((_, slot))) = self.queue.pop() else { return };
        self.free.push(slot);
        if let Some((to, from, message)) = self.letters[slot].take() {
            self.serve(to, Some(Input::Receive { from, message }));
        }
    }

    fn serve(&mut self, place: usize, input: Option<Input<u64>>) {
        let Some(node) = &mut self.nodes[place] else { return };
        let mut outputs = std::mem::take(&mut self.outputs);
        node.tick_into(Duration::from_nanos(self.now).into(), &mut outputs);
        if let Some(input) = input {
            node.step_into(input, &mut outputs);
        }
        for output in outputs.drain(..) {
            match output {
                Output::Send { to, message } => self.send(place, to, message),
                Output::Event(Event::Elected { .. }) => self.tally.elections += 1,
                Output::Event(Event::SteppedDown { .. }) => self.tally.step_downs += 1,
                Output::Event(Event::LeaderChanged { leader: None }) => self.tally.forsaken = self.now,
                Output::Event(_) | Output::Persist(_) | Output::Rejected(_) => {}
            }
        }
        self.outputs = outputs;
        self.set_alarm(place);
    }

    fn send(&mut self, from: usize, to: u64, message: Message<u64>) {
        self.tally.sent += 1;
        if matches!(&message.body, Body::VoteRequest(request) if request.phase == Phase::Pre) {
            self.tally.pre_votes += 1;
        }
        if self.dice.chance(self.traffic.loss) {
            return;
        }
        let at = self.now + self.dice.between(self.traffic.delay);
        let letter = Some((to as usize - 1, from as u64 + 1, message));
        let slot = self.free.pop().unwrap_or_else(|| {
            self.letters.push(None);
            self.letters.len() - 1
        });
        self.letters[slot] = letter;
        self.queue.push(Reverse((at, slot)));
    }

    fn set_alarm(&mut self, place: usize) {
        let due = self.nodes[place].as_ref().and_then(Election::deadline);
        self.alarms[place] = due.map_or(Instant::MAX, |due| {
            let late = self.dice.below(self.traffic.oversleep + 1);
            (due.since_origin().as_nanos() as u64).max(self.now) + late
        });
    }

    /// Who leads, and the promise and interval it has chosen.
    #[must_use]
    pub fn leader(&self) -> Option<(u64, HeartbeatTiming)> {
        let leads = |node: &&Node| node.role() == RoleKind::Leader;
        let leader = self.nodes.iter().flatten().filter(leads).max_by_key(|node| node.term())?;
        Some((leader.id(), leader.status().heartbeat_timing?))
    }

    /// `node` is gone for good.
    pub fn crash(&mut self, node: u64) {
        let place = node as usize - 1;
        self.nodes[place] = None;
        self.alarms[place] = Instant::MAX;
    }
}
