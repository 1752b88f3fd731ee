//! A group in virtual time: its events, and how a host serves its node.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::check::{Column, Watch};
use crate::clock::{Clock, Instant};
use crate::conditions::Conditions;
use crate::rng::Dice;
use crate::faults::Mix;
use crate::links::Links;
use crate::process::{Host, Process};
use crate::rival::{Duty, Effect, Effects, Mask, Place, Rival, Setup};

/// A group of one library in virtual time. The same seed and the same calls give the same run.
pub struct Group<R: Rival> {
    pub(crate) now: Instant,
    pub(crate) hosts: Vec<Host<R>>,
    pub(crate) links: Links,
    pub(crate) watch: Watch,
    pub(crate) dice: Dice,
    /// Messages sent so far, lost ones among them.
    pub(crate) sent: u64,
    conditions: Conditions,
    queue: BinaryHeap<Reverse<Scheduled<R::Message>>>,
    sequence: u64,
}

struct Scheduled<M> {
    at: Instant,
    sequence: u64,
    what: What<M>,
}

/// `life` names the process it is meant for.
enum What<M> {
    Deliver { node: Place, from: Place, message: M },
    Wake { node: Place, life: u32 },
    Written { node: Place, life: u32 },
    Thaw { node: Place, life: u32 },
}

impl<M> Ord for Scheduled<M> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl<M> PartialOrd for Scheduled<M> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<M> PartialEq for Scheduled<M> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<M> Eq for Scheduled<M> {}

impl<R: Rival> Group<R> {
    /// `nodes` that all start now, with these faults.
    #[must_use]
    pub fn new(seed: u64, nodes: usize, mix: Mix) -> Self {
        Group::under(seed, nodes, Conditions::of(mix, seed))
    }

    /// `nodes` that all start now.
    #[must_use]
    pub fn under(seed: u64, nodes: usize, conditions: Conditions) -> Self {
        let durable = |place| R::first(setup(place, nodes, &conditions));
        let host = |place| Host { durable: durable(place), process: None, life: 0 };
        let mut group = Group {
            now: 0,
            hosts: (0..nodes).map(host).collect(),
            links: Links::new(nodes),
            watch: Watch::new(nodes),
            dice: Dice::new(seed),
            sent: 0,
            conditions,
            queue: BinaryHeap::new(),
            sequence: 0,
        };
        group.restart_all();
        group
    }

    /// Lets time pass.
    pub fn run_for(&mut self, length: u64) {
        self.run_until(self.now + length, |_| false);
    }

    /// Lets time pass until `done` holds, or until `end`. Whether it does.
    pub fn run_until(&mut self, end: Instant, done: impl Fn(&Self) -> bool) -> bool {
        while let Some(Reverse(next)) = self.queue.pop() {
            if next.at > end {
                self.queue.push(Reverse(next));
                break;
            }
            self.now = next.at;
            self.happen(next.what);
            self.look();
            if done(self) {
                return true;
            }
        }
        self.now = self.now.max(end);
        self.look();
        done(self)
    }

    /// The names of all nodes.
    pub fn nodes(&self) -> std::ops::Range<Place> {
        0..self.hosts.len()
    }

    /// Those that run.
    pub(crate) fn running(&self) -> Mask {
        let runs = |&node: &Place| self.process(node).is_some_and(Process::is_running);
        self.nodes().filter(runs).fold(0, |mask, node| mask | 1 << node)
    }

    pub(crate) fn process(&self, node: Place) -> Option<&Process<R>> {
        self.hosts[node].process.as_ref()
    }

    fn schedule(&mut self, at: Instant, what: What<R::Message>) {
        self.sequence += 1;
        self.queue.push(Reverse(Scheduled { at, sequence: self.sequence, what }));
    }

    fn happen(&mut self, what: What<R::Message>) {
        let (node, life) = match what {
            What::Deliver { node, .. } => (node, self.hosts[node].life),
            What::Wake { node, life } | What::Written { node, life } | What::Thaw { node, life } => {
                (node, life)
            }
        };
        let host = &mut self.hosts[node];
        let Some(process) = host.process.as_mut().filter(|_| host.life == life) else { return };
        match what {
            What::Deliver { from, message, .. } => process.inbox.push_back((from, message)),
            What::Wake { .. } => process.wake = process.wake.filter(|&wake| wake > self.now),
            What::Written { .. } => self.written(node),
            What::Thaw { .. } => return self.thaw(node),
        }
        self.serve(node);
    }

    /// Acts on effects, then lets the node run on what was received, until there is nothing to do or
    /// the process is held up.
    fn serve(&mut self, node: Place) {
        while let Some(process) = self.hosts[node].process.as_mut().filter(|process| process.is_idle()) {
            if let Some(effect) = process.effects.pop_front() {
                self.act(node, effect);
                continue;
            }
            process.claim = process.rival.claim();
            let reading = process.clock.read(self.now).since_origin();
            let received = process.inbox.pop_front();
            let due = process.rival.due().is_some_and(|due| due <= reading);
            if received.is_none() && !due {
                return self.set_alarm(node);
            }
            self.call(node, |rival, effects| rival.run(reading, received, effects));
        }
    }

    /// Calls the library, which may panic: then the process is gone.
    fn call(&mut self, node: Place, run: impl FnOnce(&mut R, &mut Effects<R>)) {
        let Some(process) = &mut self.hosts[node].process else { return };
        let mut effects = Vec::new();
        let called = catch_unwind(AssertUnwindSafe(|| run(&mut process.rival, &mut effects)));
        process.effects.extend(effects);
        if called.is_err() {
            self.watch.find(Column::Panic, self.now, || format!("node {node}"));
            self.crash(node);
        }
    }

    fn act(&mut self, node: Place, effect: Effect<R::Durable, R::Message>) {
        match effect {
            Effect::Write(state) => self.write(node, state),
            Effect::Send(to, message) => self.send(node, to, message),
            Effect::StepDown => {
                if let Some(process) = &mut self.hosts[node].process {
                    process.claim = None;
                }
            }
        }
    }

    fn write(&mut self, node: Place, state: R::Durable) {
        let writes = self.conditions.writes;
        let stalls = self.dice.chance(writes.stalls);
        let duty = self.process(node).map_or(Duty::Vote, |process| process.rival.duty());
        let length = self.dice.between(if stalls { writes.stall } else { writes.range(duty) });
        let life = self.hosts[node].life;
        if let Some(process) = &mut self.hosts[node].process {
            process.writing = Some(state);
            process.stalled = stalls;
        }
        if stalls {
            self.watch.unwell(node, self.now);
        }
        self.schedule(self.now + length, What::Written { node, life });
    }

    fn written(&mut self, node: Place) {
        let host = &mut self.hosts[node];
        let Some(process) = &mut host.process else { return };
        if let Some(state) = process.writing.take() {
            host.durable = state;
        }
        if std::mem::take(&mut process.stalled) && !process.frozen {
            self.watch.recovered(node, self.now);
        }
    }

    fn send(&mut self, from: Place, to: Place, message: R::Message) {
        self.sent += 1;
        if !self.links.is_up(from, to) || self.dice.chance(self.conditions.loss) {
            return self.watch.lost(from, to, self.now);
        }
        if self.dice.chance(self.conditions.duplicates) {
            self.deliver(from, to, message.clone());
        }
        self.deliver(from, to, message);
    }

    fn deliver(&mut self, from: Place, to: Place, message: R::Message) {
        let at = self.now + self.dice.between(self.conditions.delay);
        self.schedule(at, What::Deliver { node: to, from, message });
    }

    fn set_alarm(&mut self, node: Place) {
        let (now, life) = (self.now, self.hosts[node].life);
        let Some(process) = &mut self.hosts[node].process else { return };
        let Some(due) = process.rival.due() else { return };
        let at = process.clock.when(due.into(), now);
        if process.wake.is_none_or(|wake| at < wake) && at < Instant::MAX / 4 {
            process.wake = Some(at);
            self.schedule(at, What::Wake { node, life });
        }
    }

    /// The process of `node` dies. What it was writing is lost, or is not.
    pub fn crash(&mut self, node: Place) {
        let survives = self.dice.chance(500_000);
        let host = &mut self.hosts[node];
        let Some(process) = host.process.take() else { return };
        if let Some(state) = process.writing.filter(|_| survives) {
            host.durable = state;
        }
        self.watch.unwell(node, self.now);
        self.look();
    }

    /// A new process of `node` starts from what is durable, unless one runs.
    pub fn restart(&mut self, node: Place) {
        if self.hosts[node].process.is_some() {
            return;
        }
        let Conditions { drift, drift_ppm, .. } = self.conditions;
        let clock = Clock::start(self.now, drift, drift_ppm, &mut self.dice);
        let setup = setup(node, self.hosts.len(), &self.conditions);
        let rival =
            R::start(setup, &self.hosts[node].durable, clock.read(self.now).since_origin(), &mut self.dice);
        self.hosts[node].life += 1;
        self.hosts[node].process = Some(Process {
            rival,
            clock,
            effects: Default::default(),
            inbox: Default::default(),
            writing: None,
            stalled: false,
            frozen: false,
            claim: None,
            wake: None,
        });
        self.watch.recovered(node, self.now);
        self.serve(node);
        self.look();
    }

    /// Every node that is down starts.
    pub fn restart_all(&mut self) {
        self.nodes().for_each(|node| self.restart(node));
    }

    /// The process of `node` does nothing until it is thawed, and does not notice.
    pub fn freeze(&mut self, node: Place, length: Option<u64>) {
        let Some(process) = self.hosts[node].process.as_mut() else { return };
        process.frozen = true;
        self.watch.unwell(node, self.now);
        if let Some(length) = length {
            let life = self.hosts[node].life;
            self.schedule(self.now + length, What::Thaw { node, life });
        }
        self.look();
    }

    /// The process of `node` goes on where it was.
    pub fn thaw(&mut self, node: Place) {
        let Some(process) = self.hosts[node].process.as_mut().filter(|process| process.frozen) else {
            return;
        };
        process.frozen = false;
        if !process.stalled {
            self.watch.recovered(node, self.now);
        }
        self.serve(node);
    }

    /// Opens or cuts the way from `from` to `to`.
    pub fn link(&mut self, from: Place, to: Place, up: bool) {
        if from != to && self.links.is_up(from, to) != up {
            self.links.set(from, to, up);
            self.watch.lost(from, to, self.now);
            self.watch.disturbed(self.now);
        }
    }

    /// The leader is told to make `voters` vote, and all others follow, unless it is held up.
    pub fn reconfigure(&mut self, leader: Place, voters: &[Place]) {
        if !self.process(leader).is_some_and(Process::is_idle) {
            return;
        }
        let mut taken_up = false;
        self.call(leader, |rival, effects| taken_up = rival.reconfigure(voters, effects));
        if taken_up {
            self.watch.realigned(self.now);
        }
        self.serve(leader);
        self.look();
    }
}

fn setup(place: Place, nodes: usize, conditions: &Conditions) -> Setup {
    let Conditions { drift_ppm, pace, ranked, .. } = *conditions;
    let reach = if ranked { (nodes - place) as u64 } else { 0 };
    Setup { drift_ppm, pace, reach, ..Setup::new(place, nodes) }
}
