//! What must not happen, looked for after every event.

use std::collections::HashMap;

use crate::clock::{Instant, MS, SECOND};
use crate::group::Group;
use crate::links;
use crate::process::Process;
use crate::rival::{Mask, Place, Rival};

/// Who knows no lease may take itself for the leader beside another for that long: twice the longest
/// election timeout.
pub const OVERLAP: u64 = 600 * MS;
/// A majority that nothing disturbs may be without a leader for that long.
pub const LEADERLESS: u64 = 3 * SECOND;
/// What happened longer ago than that, three times the longest election timeout, is no excuse for
/// losing leadership; and who leads for less may lose it.
pub const SETTLED: u64 = 900 * MS;

/// The columns of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Column {
    /// Two nodes led in one term.
    OneTerm,
    /// Two led at once, who could talk to each other.
    OneComponent,
    /// Two led at once, who could not.
    AcrossPartition,
    /// A majority was connected and had no leader.
    Leaderless,
    /// A leader that reached a quorum all the time was not left alone.
    Needless,
    /// The library panicked.
    Panic,
}

impl Column {
    /// In the order of the table.
    pub const ALL: [Column; 6] = [
        Column::OneTerm,
        Column::OneComponent,
        Column::AcrossPartition,
        Column::Leaderless,
        Column::Needless,
        Column::Panic,
    ];
}

/// The first finding of each kind, and what must be remembered to find them.
#[derive(Clone, Debug)]
pub struct Watch {
    pub found: Vec<(Column, Instant, String)>,
    /// How often anybody became the leader.
    pub rises: u64,
    /// How often the members were to change.
    pub realignments: u64,
    nodes: usize,
    leaders: HashMap<u64, Place>,
    /// By node: since when it takes itself for the leader.
    claims: Vec<Option<Instant>>,
    /// By two nodes: since when both act as leader, and whether they can talk.
    both: Vec<Option<(Instant, bool)>>,
    /// By sender and receiver: when a message was last lost, or the way changed.
    lost: Vec<Instant>,
    /// By node: when it was last down, frozen or stalled; `Instant::MAX` while it is.
    unwell: Vec<Instant>,
    /// When members last changed.
    realigned: Option<Instant>,
    /// Since when a majority has had no leader although nothing was disturbed.
    leaderless: Instant,
}

impl Watch {
    pub(crate) fn new(nodes: usize) -> Self {
        Watch {
            found: Vec::new(),
            rises: 0,
            realignments: 0,
            nodes,
            leaders: HashMap::new(),
            claims: vec![None; nodes],
            both: vec![None; nodes * nodes],
            lost: vec![0; nodes * nodes],
            unwell: vec![Instant::MAX; nodes],
            realigned: None,
            leaderless: 0,
        }
    }

    pub(crate) fn find(&mut self, column: Column, now: Instant, text: impl FnOnce() -> String) {
        if !self.found.iter().any(|(known, ..)| *known == column) {
            self.found.push((column, now, text()));
        }
    }

    pub(crate) fn lost(&mut self, from: Place, to: Place, now: Instant) {
        self.lost[from * self.nodes + to] = now;
    }

    pub(crate) fn unwell(&mut self, node: Place, now: Instant) {
        self.unwell[node] = Instant::MAX;
        self.disturbed(now);
    }

    pub(crate) fn recovered(&mut self, node: Place, now: Instant) {
        self.unwell[node] = now;
        self.disturbed(now);
    }

    pub(crate) fn realigned(&mut self, now: Instant) {
        self.realigned = Some(now);
        self.realignments += 1;
        self.disturbed(now);
    }

    pub(crate) fn disturbed(&mut self, now: Instant) {
        self.leaderless = now;
    }

    /// Those with whom `leader` has had nothing to complain of for a while; all of them must be, if
    /// the members have changed meanwhile.
    fn undisturbed(&self, leader: Place, now: Instant) -> Mask {
        let old = |at: Instant| now.saturating_sub(at) > SETTLED;
        let way = |a: Place, b: Place| old(self.lost[a * self.nodes + b]);
        let well = |node: Place| old(self.unwell[node]);
        let with = |&node: &Place| well(node) && (node == leader || way(leader, node) && way(node, leader));
        let good = (0..self.nodes).filter(with).fold(0, |mask, node| mask | 1 << node);
        let excused = !well(leader) || !self.realigned.is_none_or(old) && good != links::all(self.nodes);
        if excused { 0 } else { good }
    }
}

impl<R: Rival> Group<R> {
    /// Looks at everything, as it is now.
    pub(crate) fn look(&mut self) {
        let acting: Vec<(Place, u64)> =
            self.nodes().filter_map(|node| Some((node, self.process(node)?.acts(self.now)?.term))).collect();
        for &(node, term) in &acting {
            let first = *self.watch.leaders.entry(term).or_insert(node);
            if first != node {
                let text = || format!("{first} and {node} in term {term}");
                self.watch.find(Column::OneTerm, self.now, text);
            }
        }
        self.look_at_pairs(&acting);
        self.look_at_majority(&acting);
        self.look_at_changes();
    }

    fn look_at_pairs(&mut self, acting: &[(Place, u64)]) {
        let (now, n) = (self.now, self.hosts.len());
        if acting.len() < 2 {
            return self.watch.both.fill(None);
        }
        let running = self.running();
        let acts = |node: Place| acting.iter().any(|&(leader, _)| leader == node);
        for (a, b) in (0..n).flat_map(|a| (0..a).map(move |b| (a, b))) {
            let at = a * n + b;
            if !(acts(a) && acts(b)) {
                self.watch.both[at] = None;
                continue;
            }
            let together = self.links.component(a, running) >> b & 1 == 1;
            let since = match self.watch.both[at] {
                Some((since, before)) if before == together => since,
                _ => now,
            };
            self.watch.both[at] = Some((since, together));
            if R::LEASES || now - since > OVERLAP {
                let column = if together { Column::OneComponent } else { Column::AcrossPartition };
                self.watch.find(column, now, || format!("{b} and {a}, since {} ms", since / MS));
            }
        }
    }

    fn look_at_majority(&mut self, acting: &[(Place, u64)]) {
        let running = self.running();
        let position = |node: Place| self.process(node).map(|process| process.rival.position());
        let is_quorum = |nodes: Mask| {
            self.nodes().filter_map(|node| self.process(node)).all(|process| process.rival.is_quorum(nodes))
        };
        let leads = |&(node, _): &(Place, u64)| {
            running >> node & 1 == 1 && is_quorum(self.links.both_ways(node, running))
        };
        let could = |hub: Place| {
            let behind = self.nodes().filter(|&node| position(node) <= position(hub));
            let voters = behind.fold(0, |mask, node| mask | 1 << node) & self.links.both_ways(hub, running);
            let may = self.process(hub).is_some_and(|process| process.rival.may_lead());
            may && running >> hub & 1 == 1 && is_quorum(voters)
        };
        let (leads, could) = (acting.iter().any(leads), self.nodes().any(could));
        if leads || !could {
            self.watch.leaderless = self.now;
        } else if self.now - self.watch.leaderless > LEADERLESS {
            let since = self.watch.leaderless / MS;
            self.watch.find(Column::Leaderless, self.now, || format!("nobody has led since {since} ms"));
        }
    }

    /// Leaders that fell, and leaders beside whom another rose.
    fn look_at_changes(&mut self) {
        for node in self.nodes() {
            match (self.watch.claims[node], self.claimed(node)) {
                (None, Some(term)) => {
                    let older = |other: Place| self.claimed(other).is_some_and(|claimed| claimed < term);
                    let deposed = self.nodes().find(|&other| older(other) && self.is_settled(other));
                    self.watch.claims[node] = Some(self.now);
                    self.watch.rises += 1;
                    if let Some(other) = deposed {
                        let text = || format!("{node} leads although {other} did");
                        self.watch.find(Column::Needless, self.now, text);
                    }
                }
                (Some(_), None) => {
                    let runs = self.process(node).is_some_and(Process::is_running);
                    let needless = runs && self.is_settled(node);
                    self.watch.claims[node] = None;
                    if needless {
                        self.watch.find(Column::Needless, self.now, || format!("{node} fell"));
                    }
                }
                (None, None) | (Some(_), Some(_)) => {}
            }
        }
    }

    /// The term in which `node` takes itself for the leader.
    fn claimed(&self, node: Place) -> Option<u64> {
        Some(self.process(node)?.claim?.term)
    }

    /// Whether `node` has led for a while, and has reached a quorum all the while.
    fn is_settled(&self, node: Place) -> bool {
        let long = self.watch.claims[node].is_some_and(|since| self.now - since > SETTLED);
        let quorum = |process: &Process<R>| process.rival.is_quorum(self.watch.undisturbed(node, self.now));
        long && self.process(node).is_some_and(quorum)
    }
}
