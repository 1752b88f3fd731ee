//! Looks for what must not happen, after every event.

use std::collections::HashMap;

use quorate_sim::harness::{Disturbances, Links};
use quorate_sim::{Instant, MS, SECOND};

use crate::library::{Claim, SimulatedNode};
use crate::node_set::{NodeIndex, NodeSet, component, neighbours};
use crate::process::{Host, Process, running};

/// A node of a library without leases may take itself for the leader beside another for that long: twice
/// the longest election timeout.
pub const OVERLAP: u64 = 600 * MS;
/// A majority that nothing disturbs may be without a leader for that long.
pub const LEADERLESS: u64 = 3 * SECOND;
/// A disturbance that ended longer ago than that, three times the longest election timeout, is no excuse
/// for losing leadership; and a leader of less than that may lose it.
pub const SETTLED: u64 = 900 * MS;

/// The kinds of finding: the columns of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FindingKind {
    /// Two nodes led in one term.
    OneTerm,
    /// Two nodes that could talk to each other led at once.
    Connected,
    /// Two nodes that could not talk to each other led at once.
    Partitioned,
    /// A majority was connected and had no leader.
    Leaderless,
    /// A leader that reached a quorum all the time lost leadership.
    NeedlessChange,
    /// The library panicked.
    Panic,
}

impl FindingKind {
    /// In the order of the table.
    pub const ALL: [FindingKind; 6] = [
        FindingKind::OneTerm,
        FindingKind::Connected,
        FindingKind::Partitioned,
        FindingKind::Leaderless,
        FindingKind::NeedlessChange,
        FindingKind::Panic,
    ];
}

/// Something that must not happen, and did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    pub kind: FindingKind,
    /// True time.
    pub at: Instant,
    pub text: String,
}

/// The first finding of each kind in a run, and the history that they are found by.
#[derive(Clone, Debug)]
pub struct Checker {
    pub findings: Vec<Finding>,
    /// How often a node became leader.
    pub elections: u64,
    /// How often the voters were to change.
    pub reconfigurations: u64,
    /// By term.
    leaders: HashMap<u64, NodeIndex>,
    /// By node: since when it claims to lead.
    claims_since: Vec<Option<Instant>>,
    /// By two nodes: since when both act as leader, and whether they can talk.
    concurrent: Vec<Option<(Instant, bool)>>,
    disturbances: Disturbances,
    /// When the voters last changed.
    reconfigured_at: Option<Instant>,
    /// Since when a majority has had no leader although nothing was disturbed.
    leaderless_since: Instant,
}

/// A group as it is after an event.
pub(crate) struct Snapshot<'a, N: SimulatedNode> {
    pub(crate) now: Instant,
    pub(crate) hosts: &'a [Host<N>],
    pub(crate) links: &'a Links,
}

impl<N: SimulatedNode> Snapshot<'_, N> {
    fn nodes(&self) -> std::ops::Range<NodeIndex> {
        0..self.hosts.len()
    }

    fn process(&self, node: NodeIndex) -> Option<&Process<N>> {
        self.hosts[node].process.as_ref()
    }

    /// The term in which `node` claims to lead.
    fn claimed_term(&self, node: NodeIndex) -> Option<u64> {
        Some(self.process(node)?.claim?.term)
    }

    /// The nodes that act as leader, and under which claims.
    fn acting(&self) -> Vec<(NodeIndex, Claim)> {
        let acting = |node| Some((node, self.process(node)?.acting_claim(self.now)?));
        self.nodes().filter_map(acting).collect()
    }

    /// Whether every process takes `nodes` for a quorum: their memberships may differ.
    fn is_quorum_of_all(&self, nodes: NodeSet) -> bool {
        self.nodes().filter_map(|node| self.process(node)).all(|process| process.node.is_quorum(nodes))
    }

    /// Whether some running node that can be elected reaches, both ways, a quorum with logs that go no
    /// further than its own.
    fn can_have_a_leader(&self, running: NodeSet) -> bool {
        let position = |node| self.process(node).map(|process| process.node.log_position());
        let could_win = |hub: NodeIndex| {
            let reached = neighbours(self.links, hub, running).iter();
            let voters = reached.filter(|&node| position(node) <= position(hub)).collect();
            let is_electable = self.process(hub).is_some_and(|process| process.node.is_electable());
            is_electable && running.contains(hub) && self.is_quorum_of_all(voters)
        };
        self.nodes().any(could_win)
    }
}

impl Checker {
    pub(crate) fn new(nodes: usize) -> Self {
        Checker {
            findings: Vec::new(),
            elections: 0,
            reconfigurations: 0,
            leaders: HashMap::new(),
            claims_since: vec![None; nodes],
            concurrent: vec![None; nodes * nodes],
            disturbances: Disturbances::new(nodes, SETTLED),
            reconfigured_at: None,
            leaderless_since: 0,
        }
    }

    /// Keeps the first finding of each kind.
    pub(crate) fn report(&mut self, kind: FindingKind, at: Instant, text: impl FnOnce() -> String) {
        if !self.findings.iter().any(|known| known.kind == kind) {
            self.findings.push(Finding { kind, at, text: text() });
        }
    }

    /// A message from `from` to `to` was lost.
    pub(crate) fn lose_message(&mut self, from: NodeIndex, to: NodeIndex, now: Instant) {
        self.disturbances.disturb_link(from, to, now);
    }

    /// The link from `from` to `to` was cut or mended.
    pub(crate) fn change_link(&mut self, from: NodeIndex, to: NodeIndex, now: Instant) {
        self.disturbances.disturb_link(from, to, now);
        self.leaderless_since = now;
    }

    /// `node` is down, frozen or stalled from now on.
    pub(crate) fn stop_node(&mut self, node: NodeIndex, now: Instant) {
        self.disturbances.stop_node(node);
        self.leaderless_since = now;
    }

    /// `node` runs again.
    pub(crate) fn start_node(&mut self, node: NodeIndex, now: Instant) {
        self.disturbances.start_node(node, now);
        self.leaderless_since = now;
    }

    /// A leader sets out to change the voters.
    pub(crate) fn start_reconfiguration(&mut self, now: Instant) {
        self.reconfigured_at = Some(now);
        self.reconfigurations += 1;
        self.leaderless_since = now;
    }

    /// Looks at everything, as it is now.
    pub(crate) fn check<N: SimulatedNode>(&mut self, group: &Snapshot<'_, N>) {
        let running = running(group.hosts);
        let acting = group.acting();
        for &(node, claim) in &acting {
            let first = *self.leaders.entry(claim.term).or_insert(node);
            if first != node {
                let text = || format!("{first} and {node} in term {}", claim.term);
                self.report(FindingKind::OneTerm, group.now, text);
            }
        }
        let leaders: NodeSet = acting.iter().map(|&(node, _)| node).collect();
        self.check_pairs(group, leaders, running);
        self.check_majority(group, leaders, running);
        self.check_changes(group);
    }

    fn check_pairs<N: SimulatedNode>(&mut self, group: &Snapshot<'_, N>, leaders: NodeSet, running: NodeSet) {
        let (now, nodes) = (group.now, group.hosts.len());
        if leaders.len() < 2 {
            return self.concurrent.fill(None);
        }
        for (a, b) in (0..nodes).flat_map(|a| (0..a).map(move |b| (a, b))) {
            let pair = a * nodes + b;
            if !(leaders.contains(a) && leaders.contains(b)) {
                self.concurrent[pair] = None;
                continue;
            }
            let connected = component(group.links, a, running).contains(b);
            let since = match self.concurrent[pair] {
                Some((since, before)) if before == connected => since,
                _ => now,
            };
            self.concurrent[pair] = Some((since, connected));
            if N::HAS_LEASES || now - since > OVERLAP {
                let kind = if connected { FindingKind::Connected } else { FindingKind::Partitioned };
                self.report(kind, now, || format!("{b} and {a}, since {} ms", since / MS));
            }
        }
    }

    fn check_majority<N: SimulatedNode>(
        &mut self,
        group: &Snapshot<'_, N>,
        leaders: NodeSet,
        running: NodeSet,
    ) {
        let leads = |node: NodeIndex| {
            running.contains(node) && group.is_quorum_of_all(neighbours(group.links, node, running))
        };
        if leaders.iter().any(leads) || !group.can_have_a_leader(running) {
            self.leaderless_since = group.now;
        } else if group.now - self.leaderless_since > LEADERLESS {
            let since = self.leaderless_since / MS;
            self.report(FindingKind::Leaderless, group.now, || format!("no leader since {since} ms"));
        }
    }

    /// Looks for leaders that lost leadership, and for leaders beside which another one rose.
    fn check_changes<N: SimulatedNode>(&mut self, group: &Snapshot<'_, N>) {
        for node in group.nodes() {
            match (self.claims_since[node], group.claimed_term(node)) {
                (None, Some(term)) => self.check_rise(group, node, term),
                (Some(_), None) => self.check_fall(group, node),
                (None, None) | (Some(_), Some(_)) => {}
            }
        }
    }

    /// `node` has come to lead in `term`.
    fn check_rise<N: SimulatedNode>(&mut self, group: &Snapshot<'_, N>, node: NodeIndex, term: u64) {
        let is_older = |other: NodeIndex| group.claimed_term(other).is_some_and(|claimed| claimed < term);
        let deposed = group.nodes().find(|&other| is_older(other) && self.is_settled(group, other));
        self.claims_since[node] = Some(group.now);
        self.elections += 1;
        if let Some(other) = deposed {
            let text = || format!("{node} leads although {other} did");
            self.report(FindingKind::NeedlessChange, group.now, text);
        }
    }

    /// `node` leads no more.
    fn check_fall<N: SimulatedNode>(&mut self, group: &Snapshot<'_, N>, node: NodeIndex) {
        let runs = group.process(node).is_some_and(Process::is_running);
        let is_needless = runs && self.is_settled(group, node);
        self.claims_since[node] = None;
        if is_needless {
            self.report(FindingKind::NeedlessChange, group.now, || format!("{node} fell"));
        }
    }

    /// Whether `node` has led for a while, and has reached a quorum all the while.
    fn is_settled<N: SimulatedNode>(&self, group: &Snapshot<'_, N>, node: NodeIndex) -> bool {
        let undisturbed = || self.undisturbed_with(node, group.now, group.hosts.len());
        self.claims_since[node].is_some_and(|since| group.now - since > SETTLED)
            && group.process(node).is_some_and(|process| process.node.is_quorum(undisturbed()))
    }

    /// The nodes that were undisturbed, together with their links to `leader`, for a while. While the
    /// voters change, leadership may depend on any node: then all of them must be.
    fn undisturbed_with(&self, leader: NodeIndex, now: Instant, nodes: usize) -> NodeSet {
        let is_undisturbed = |&node: &NodeIndex| {
            self.disturbances.is_node_undisturbed(node, now)
                && self.disturbances.is_pair_undisturbed(leader, node, now)
        };
        let undisturbed: NodeSet = (0..nodes).filter(is_undisturbed).collect();
        let reconfigures = self.reconfigured_at.is_some_and(|at| !self.disturbances.is_past(at, now));
        let is_excused = reconfigures && undisturbed != NodeSet::all(nodes);
        if is_excused || !undisturbed.contains(leader) { NodeSet::EMPTY } else { undisturbed }
    }
}
