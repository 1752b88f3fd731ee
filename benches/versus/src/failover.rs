//! How long a group is without a leader when its leader crashes.

use quorate_sim::harness::FaultyGroup;
use quorate_sim::{Dice, Drift, MS, Ppm, SECOND};

use crate::conditions::{Conditions, LengthRange, WriteTimes};
use crate::group::Group;
use crate::library::{SimulatedNode, Timings};
use crate::node_set::NodeIndex;

/// A run ends when no leader has been elected for that long.
pub const PATIENCE: u64 = 30 * SECOND;
/// The leader that crashes has led for at least that long, without its messages being counted.
const STEADY: u64 = SECOND;
/// For that long the messages of a group at rest are counted.
const REST: u64 = SECOND;

/// The group and the network in which failovers are measured.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub nodes: usize,
    /// One way.
    pub delay: LengthRange,
    pub loss: Ppm,
    pub writes: WriteTimes,
    pub timings: Timings,
    /// Whether the log of each node is longer than that of the next. The first node leads then.
    pub unequal_logs: bool,
    /// How many followers are down before the leader crashes.
    pub down: usize,
}

/// One crash of a leader, and the election after it. Lengths are nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failover {
    /// From the crash until another node takes itself for the leader.
    pub elected: u64,
    /// That node.
    pub successor: NodeIndex,
    /// From the crash until all running nodes take one node for the leader that does so itself.
    pub known: u64,
    /// Terms, or ballots, from the old leader's to the new one's. More than one means split votes.
    pub terms: u64,
    /// Messages sent from the crash until all nodes know the leader.
    pub sent: u64,
    /// Messages sent in a second at rest, before the crash.
    pub at_rest: u64,
}

/// The outcome of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Replaced(Failover),
    /// No node was elected within [`PATIENCE`], or not all nodes learned of it.
    Never,
    /// No leader ever led for long enough to be crashed.
    Unsteady,
}

/// How a group does while nothing crashes. Lengths are nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Peace {
    /// How long it was looked at.
    pub lasted: u64,
    /// How often another node, or the same one in another term, took itself for the leader.
    pub changes: u64,
    /// For how long no node took itself for the leader.
    pub leaderless: u64,
}

impl Setting {
    /// A group of `nodes` in a data centre, where one way takes 60 to 140 % of `delay` and writes take no
    /// time.
    #[must_use]
    pub fn new(nodes: usize, delay: u64, loss: Ppm) -> Self {
        Setting {
            nodes,
            delay: (delay * 6 / 10, delay * 14 / 10),
            loss,
            writes: WriteTimes::equal((0, 0)),
            timings: Timings::LAN,
            unequal_logs: false,
            down: 0,
        }
    }

    fn conditions(&self) -> Conditions {
        Conditions {
            delay: self.delay,
            loss: self.loss,
            duplicates: 0,
            writes: self.writes,
            drift: Drift::Within,
            drift_ppm: 500,
            timings: self.timings,
            unequal_logs: self.unequal_logs,
        }
    }
}

/// Lets a leader lead for a while and crash, at any moment between two of its heartbeats.
#[must_use]
pub fn crash_a_leader<N: SimulatedNode>(setting: &Setting, seed: u64) -> Outcome {
    let mut group = Group::<N>::new(seed, setting.nodes, setting.conditions());
    let mut dice = Dice::new(!seed);
    if setting.unequal_logs {
        let_the_first_lead(&mut group);
    }
    for _ in 0..setting.down {
        crash_a_follower(&mut group);
    }
    let phase = dice.below(4 * setting.timings.heartbeat.as_nanos() as u64);
    let Some((leader, at_rest)) = wait_for_a_steady_leader(&mut group, phase) else {
        return Outcome::Unsteady;
    };
    replace(&mut group, leader, at_rest)
}

/// Lets a group with a leader alone for so long. Whatever changes then is needless.
#[must_use]
pub fn leave_in_peace<N: SimulatedNode>(setting: &Setting, seed: u64, length: u64) -> Peace {
    let mut group = Group::<N>::new(seed, setting.nodes, setting.conditions());
    let mut peace = Peace::default();
    if !group.run_until(4 * PATIENCE, |group| known_leader(group).is_some()) {
        return peace;
    }
    let (began, end) = (group.now, group.now + length);
    let mut leadership = group.leadership();
    while group.now < end {
        let before = group.now;
        group.run_until(end, |group| group.leadership() != leadership);
        if leadership.is_none() {
            peace.leaderless += group.now - before;
        }
        let next = group.leadership();
        peace.changes += u64::from(next.is_some() && next != leadership && group.now < end);
        leadership = next;
    }
    Peace { lasted: group.now - began, ..peace }
}

/// Cuts the links between all nodes but the first, whose log is the longest, until it leads.
fn let_the_first_lead<N: SimulatedNode>(group: &mut Group<N>) {
    let link_others = |group: &mut Group<N>, up| {
        let pairs = group.nodes().flat_map(|a| (0..a).map(move |b| (a, b))).filter(|&(_, b)| b > 0);
        for (a, b) in pairs {
            group.set_link(a, b, up);
            group.set_link(b, a, up);
        }
    };
    link_others(group, false);
    group.run_until(group.now + PATIENCE, |group| known_leader(group).is_some());
    link_others(group, true);
}

fn crash_a_follower<N: SimulatedNode>(group: &mut Group<N>) {
    group.run_until(group.now + PATIENCE, |group| known_leader(group).is_some());
    let leader = known_leader(group).unwrap_or_default();
    let follower = group.nodes().find(|&node| node != leader && group.process(node).is_some());
    follower.into_iter().for_each(|follower| group.crash(follower));
}

/// Waits for a leader that all nodes have followed for a while. Returns it with the messages of the last
/// second of that while.
fn wait_for_a_steady_leader<N: SimulatedNode>(group: &mut Group<N>, phase: u64) -> Option<(NodeIndex, u64)> {
    let end = group.now + 4 * PATIENCE;
    while group.run_until(end, |group| known_leader(group).is_some()) {
        let leader = known_leader(group)?;
        let fell = |group: &Group<N>| group.acting_term(leader).is_none();
        if group.run_until(group.now + STEADY, fell) {
            continue;
        }
        let before = group.sent;
        if group.run_until(group.now + REST, fell) {
            continue;
        }
        let at_rest = group.sent - before;
        if !group.run_until(group.now + phase, fell) && group.acting_leaders().eq([leader]) {
            return Some((leader, at_rest));
        }
    }
    None
}

/// Crashes `leader`, and waits for its successor.
fn replace<N: SimulatedNode>(group: &mut Group<N>, leader: NodeIndex, at_rest: u64) -> Outcome {
    let term = group.acting_term(leader).unwrap_or_default();
    let (crashed_at, before) = (group.now, group.sent);
    group.crash(leader);
    if !group.run_until(crashed_at + PATIENCE, |group| group.acting_leaders().next().is_some()) {
        return Outcome::Never;
    }
    let elected = group.now - crashed_at;
    let successor = group.acting_leaders().next().unwrap_or_default();
    let new_term = group.acting_leaders().filter_map(|leader| group.acting_term(leader)).max();
    let terms = new_term.unwrap_or_default().saturating_sub(term);
    if !group.run_until(crashed_at + PATIENCE, |group| known_leader(group).is_some()) {
        return Outcome::Never;
    }
    Outcome::Replaced(Failover {
        elected,
        successor,
        known: group.now - crashed_at,
        terms,
        sent: group.sent - before,
        at_rest,
    })
}

/// The node that all running nodes take for the leader, if it does so itself.
fn known_leader<N: SimulatedNode>(group: &Group<N>) -> Option<NodeIndex> {
    let processes = group.nodes().filter_map(|node| group.process(node));
    let mut views = processes.map(|process| process.node.known_leader());
    let (leader, _) = views.next()??;
    let all_agree = views.all(|view| view.is_some_and(|(other, _)| other == leader));
    (all_agree && group.acting_term(leader).is_some()).then_some(leader)
}

impl<N: SimulatedNode> Group<N> {
    /// The term in which `node` acts as leader.
    fn acting_term(&self, node: NodeIndex) -> Option<u64> {
        Some(self.process(node)?.acting_claim(self.now)?.term)
    }

    /// The highest term in which a node acts as leader, and that node.
    fn leadership(&self) -> Option<(u64, NodeIndex)> {
        self.nodes().filter_map(|node| Some((self.acting_term(node)?, node))).max()
    }

    /// The nodes that act as leader.
    fn acting_leaders(&self) -> impl Iterator<Item = NodeIndex> {
        self.nodes().filter(|&node| self.acting_term(node).is_some())
    }
}

/// A length in milliseconds, with fractions.
#[must_use]
pub fn millis(length: u64) -> f64 {
    length as f64 / MS as f64
}
