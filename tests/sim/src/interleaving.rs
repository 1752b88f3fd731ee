//! Runs of a few nodes in which bytes decide what happens next: which messages arrive, which are lost and which come
//! again, when time passes, and which node forgets. Everything that the fuzzer and the properties know of the order of
//! events is in these bytes, and each of them counts.

use std::collections::VecDeque;
use std::time::Duration;

use quorate::adapters::record::{MessageNumber, Timeline};
use quorate::{Force, Input, Memory, Message, Target, Urgency};

use crate::clock::{Drift, MS};
use crate::cluster::{Cluster, Outgoing, index_of};
use crate::disk::DiskOptions;
use crate::options::{Options, Start};
use crate::records::Counts;
use crate::scenario::{Outcome, page_command};
use crate::schedule::digits_of;
use crate::timeline::of_a_run;

/// A run that bytes decide: two for the group, and one for each action after that. Any bytes are a run.
#[derive(Clone, Copy, Debug)]
pub struct Interleaving<'a> {
    bytes: &'a [u8],
}

/// The bytes that decide the group.
const SETUP: usize = 2;
/// More actions than this find nothing that fewer do not.
const MAX_ACTIONS: usize = 256;
/// How long a message takes that arrives.
const HOP: u64 = MS;
/// How many messages wait for their delivery at most. The oldest ones are kept as old ones then.
const WAITING: usize = 64;
/// How many old messages are kept, any of which may arrive again.
const OLD: usize = 64;
/// How many messages each of some nodes that talk to each other receives at once, at most.
const EXCHANGED: usize = 12;
/// How long time passes: about an interval between heartbeats, a promise, the longest promise, and longer.
const LENGTHS: [u64; 16] = [1, 2, 5, 10, 15, 20, 30, 40, 50, 60, 80, 100, 150, 300, 451, 1_000];

impl<'a> Interleaving<'a> {
    /// The run that `bytes` decide.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Interleaving { bytes }
    }

    /// Runs it.
    ///
    /// # Panics
    /// At a violation, with the end of the trace and the bytes that decide the run.
    pub fn run(&self) -> Counts {
        let outcome = self.outcome(false);
        let Some(violation) = outcome.violation else { return outcome.counts };
        let lines = self.outcome(true).lines;
        let tail = lines[lines.len().saturating_sub(80)..].join("\n");
        let replay = self.replay();
        panic!("{tail}\n{violation}\nreplay: {replay}\npage: {}\n", page_command(&replay));
    }

    /// Runs it and returns the outcome. A panic of the code counts as a violation.
    #[must_use]
    pub fn outcome(&self, traced: bool) -> Outcome {
        self.outcome_keeping(traced, None)
    }

    /// Runs it and returns the outcome with a timeline that is to be drawn, and with a trace.
    #[must_use]
    pub fn outcome_with_timeline(&self) -> Outcome {
        let outcome = self.outcome_keeping(true, Some(of_a_run("A run of the fuzz target cluster")));
        outcome.with_command(&page_command(&self.replay()))
    }

    /// The command that replays this run.
    #[must_use]
    pub fn replay(&self) -> String {
        format!("cargo run -p quorate-sim --release -- interleaving --bytes {}", digits_of(self.bytes))
    }

    fn outcome_keeping(&self, traced: bool, timeline: Option<Timeline<u64>>) -> Outcome {
        let (setup, actions) = self.bytes.split_at(SETUP.min(self.bytes.len()));
        let setup = [setup.first(), setup.get(1)].map(|byte| byte.copied().unwrap_or(0));
        let mut cluster = cluster(setup, traced, timeline);
        Outcome::of(&mut cluster, |cluster| {
            let mut group = Group::start(cluster);
            for &action in actions.iter().take(MAX_ACTIONS) {
                if group.cluster.violation.is_some() {
                    break;
                }
                group.perform(action);
            }
        })
    }
}

/// The nodes and how they start are in the first byte, which of them have no storage in the second.
fn cluster([first, second]: [u8; 2], traced: bool, timeline: Option<Timeline<u64>>) -> Cluster {
    let nodes = [3, 3, 3, 3, 4, 5, 5, 2][usize::from(first % 8)];
    let kind = first / 8 % 4;
    let start = if kind < 2 { Start::Bootstrapped } else { Start::Blank };
    let mut starts = vec![start; nodes];
    // Another node waits to be added.
    starts.extend((kind % 2 == 1).then_some(Start::Joining));
    let lacks_storage = |node: usize| second >> (node % 8) & 1 == 1;
    let memory = |node| if lacks_storage(node) { Memory::Volatile } else { Memory::Durable };
    let drifts = first & 0x40 != 0;
    let mut options = Options {
        drift: if drifts { Drift::AtTheBound } else { Drift::None },
        disk: DiskOptions { write: (0, 0), stalls: 0, ..DiskOptions::default() },
        lost_attempts: None,
        memories: (0..starts.len()).map(memory).collect(),
        starts,
        may_end: first & 0x80 != 0,
        traced,
        timeline,
        panics: false,
        ..Options::default()
    };
    if drifts {
        options.timing.clock_drift_ppm = 200_000;
    }
    let seed = u64::from(first) << 8 | u64::from(second);
    let mut cluster = Cluster::stopped(seed, options.starts.len(), options);
    cluster.outbox = Some(Vec::new());
    cluster
}

/// A message that was sent.
#[derive(Clone, Debug)]
struct Mail {
    from: u64,
    to: u64,
    message: Message<u64>,
    number: MessageNumber,
}

/// The nodes, and the messages between them.
struct Group<'c> {
    cluster: &'c mut Cluster,
    /// The messages that have not arrived, the oldest first.
    waiting: VecDeque<Mail>,
    /// Messages that have arrived or were lost, and may arrive again.
    old: VecDeque<Mail>,
}

impl<'c> Group<'c> {
    /// All nodes start, but those that wait to be added.
    fn start(cluster: &'c mut Cluster) -> Self {
        for node in cluster.nodes() {
            if cluster.options.start(node) != Start::Joining {
                cluster.restart(node);
            }
        }
        Group { cluster, waiting: VecDeque::new(), old: VecDeque::new() }
    }

    /// One action: the upper half of the byte says what happens, the lower half to which node or for how long.
    fn perform(&mut self, action: u8) {
        let (kind, operand) = (action >> 4, usize::from(action & 15));
        let nodes = self.cluster.hosts.len();
        let node = 1 + (operand % nodes) as u64;
        match kind {
            0..=2 => self.exchange_among(2, operand),
            3 => self.exchange_among(nodes / 2 + 1, operand),
            4 => self.exchange_among(nodes - 1, operand),
            5 => self.deliver_at(operand),
            6 => self.deliver_old(operand),
            7 => self.lose(node, operand < 8),
            8 | 9 => self.wait_for(node),
            10 => self.pass(LENGTHS[operand] * MS),
            11 => self.calm(LENGTHS[operand] * MS),
            12 => self.cluster.step(node, Input::Campaign),
            13 if operand < 10 => self.forget(node),
            13 => self.cluster.set_trap(node, true),
            14 if operand < 5 => self.restart(node),
            14 => self.fail_soon(node, operand as u32),
            _ => self.request(operand),
        }
        self.collect();
    }

    /// Takes the messages that were sent.
    fn collect(&mut self) {
        let sent = self.cluster.outbox.replace(Vec::new()).unwrap_or_default();
        let mail =
            |Outgoing { node, to, message, number }| Mail { from: node as u64 + 1, to, message, number };
        self.waiting.extend(sent.into_iter().map(mail));
        while self.waiting.len() > WAITING {
            let oldest = self.waiting.pop_front();
            oldest.into_iter().for_each(|mail| self.keep(mail));
        }
    }

    fn keep(&mut self, mail: Mail) {
        self.old.push_back(mail);
        if self.old.len() > OLD {
            self.old.pop_front();
        }
    }

    /// Lets time pass, while no message arrives.
    fn pass(&mut self, nanoseconds: u64) {
        self.cluster.run_for(Duration::from_nanos(nanoseconds));
        self.collect();
    }

    fn deliver(&mut self, Mail { from, to, message, number }: Mail) {
        let is_up = self.cluster.is_up(to);
        self.cluster.tell(|timeline, now| match is_up {
            true => timeline.receive(now, number),
            false => timeline.lose(now, number),
        });
        self.cluster.step(to, Input::Receive { from, message });
        self.collect();
    }

    /// So many nodes exchange all that they have to say to each other, and no other message arrives meanwhile.
    fn exchange_among(&mut self, count: usize, operand: usize) {
        let chosen = subset(self.cluster.hosts.len(), count, operand);
        let between = |mail: &Mail| chosen >> mail.from & chosen >> mail.to & 1 == 1;
        for _ in 0..EXCHANGED * count {
            let Some(at) = self.waiting.iter().position(between) else { return };
            self.deliver_at(at);
        }
    }

    /// Delivers the message at this place among those that wait.
    fn deliver_at(&mut self, at: usize) {
        if let Some(mail) = self.waiting.remove(at) {
            self.keep(mail.clone());
            self.pass(HOP);
            self.deliver(mail);
        }
    }

    /// Delivers an old message again.
    fn deliver_old(&mut self, operand: usize) {
        let at = operand * self.old.len() / 16;
        if let Some(mail) = self.old.get(at).cloned() {
            self.pass(HOP);
            self.deliver(mail);
        }
    }

    /// Loses the messages that `node` has sent, or that are on the way to it.
    fn lose(&mut self, node: u64, sent: bool) {
        let is_lost = |mail: &Mail| node == if sent { mail.from } else { mail.to };
        let (lost, left): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(is_lost);
        self.waiting.extend(left);
        for mail in lost {
            self.cluster.tell(|timeline, now| timeline.lose(now, mail.number));
            self.keep(mail);
        }
    }

    /// Lets time pass until `node` has something to do by itself, while no message arrives.
    fn wait_for(&mut self, node: u64) {
        let process = self.cluster.hosts[index_of(node)].process.as_ref();
        let wake = process.and_then(|process| process.wake);
        self.pass(wake.map_or(0, |wake| wake.saturating_sub(self.cluster.now)));
    }

    /// Lets time pass, while all messages arrive.
    fn calm(&mut self, nanoseconds: u64) {
        let end = self.cluster.now + nanoseconds;
        while self.cluster.now < end && self.cluster.violation.is_none() {
            for mail in std::mem::take(&mut self.waiting) {
                self.keep(mail.clone());
                self.deliver(mail);
            }
            let next = self.cluster.next_event().map_or(end, |next| next.min(end));
            let arrival = if self.waiting.is_empty() { next } else { self.cluster.now + HOP };
            self.pass(arrival.max(self.cluster.now + 1) - self.cluster.now);
        }
    }

    /// `node` forgets all, and starts again.
    fn forget(&mut self, node: u64) {
        if self.cluster.has_run(node) && self.cluster.may_forget(node) {
            self.cluster.lose_disk(node, true);
        }
        self.cluster.restart(node);
    }

    /// `node` forgets, or crashes, between two of its next outputs.
    fn fail_soon(&mut self, node: u64, operand: u32) {
        if operand & 8 == 0 {
            self.cluster.forget_after_outputs(node, operand, true);
        } else {
            self.cluster.fail_after_outputs(node, operand & 7, None);
        }
    }

    /// `node` starts again with what it has stored, which is nothing if it has no storage.
    fn restart(&mut self, node: u64) {
        self.cluster.crash(node);
        self.cluster.restart(node);
    }

    /// The leader is asked to hand over, or for other members.
    fn request(&mut self, operand: usize) {
        let Some((leader, _)) = self.cluster.leader() else { return };
        let Ok(target) = Target::new(self.cluster.nodes().filter(|id| operand >> (id - 1) & 1 == 1), [])
        else {
            let request = Input::Resign { successor: None, urgency: Urgency::WhenReady };
            return self.cluster.step(leader, request);
        };
        target.voters().iter().for_each(|&id| self.cluster.restart(id));
        self.cluster.step(leader, Input::Reconfigure { target, force: Force::Never });
    }
}

/// One of the sets of `count` of the nodes from 1 on, with a bit for each node.
fn subset(nodes: usize, count: usize, which: usize) -> u32 {
    let sets: Vec<u32> = (1..1 << nodes).filter(|set: &u32| set.count_ones() as usize == count).collect();
    sets.get(which % sets.len().max(1)).map_or(0, |set| set << 1)
}
