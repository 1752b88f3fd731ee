//! What happened in a run: counted, and event by event.

use std::ops::AddAssign;

use quorate::{Event, StepDown};

use crate::clock::Instant;

/// What happened in a run, counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Messages delivered, wake-ups, writes and faults.
    pub events: u64,
    /// Messages sent.
    pub messages: u64,
    /// Times a node became leader, renewals not counted.
    pub elections: u64,
    /// Times a leader took a higher term without stepping down.
    pub renewals: u64,
    /// Times a leader stepped down.
    pub step_downs: u64,
    /// Terms in which any node asked for votes.
    pub candidacies: u64,
    /// Memberships that were committed.
    pub commits: u64,
    /// Targets that were reached.
    pub targets: u64,
    /// Nodes that learned that they are removed.
    pub removals: u64,
    /// Requests that were rejected.
    pub refusals: u64,
    /// Disks that were lost.
    pub forgotten: u64,
    /// Nodes that came back after they had forgotten.
    pub recovered: u64,
    /// Nodes that have founded a group, having forgotten or never taken part.
    pub founded: u64,
    /// Times a node reported that so many have forgotten that no leader can be elected.
    pub quorums_lost: u64,
    /// Handovers that failed.
    pub failed_handovers: u64,
    /// Wishes that were met.
    pub wishes_met: u64,
    /// Wishes that were refused, or given up with a reason.
    pub wishes_refused: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.messages += other.messages;
        self.elections += other.elections;
        self.renewals += other.renewals;
        self.step_downs += other.step_downs;
        self.candidacies += other.candidacies;
        self.commits += other.commits;
        self.targets += other.targets;
        self.removals += other.removals;
        self.refusals += other.refusals;
        self.forgotten += other.forgotten;
        self.recovered += other.recovered;
        self.founded += other.founded;
        self.quorums_lost += other.quorums_lost;
        self.failed_handovers += other.failed_handovers;
        self.wishes_met += other.wishes_met;
        self.wishes_refused += other.wishes_refused;
    }
}

/// A change of leadership, as a host saw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeadershipChange {
    /// True time.
    pub at: Instant,
    /// The node.
    pub node: u64,
    /// The term.
    pub term: quorate::Term,
    /// Whether the node was elected, or stepped down.
    pub elected: bool,
    /// Why the node stepped down.
    pub reason: Option<StepDown<u64>>,
}

/// An event about the members, as a host saw it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MembershipEvent {
    /// True time.
    pub at: Instant,
    /// The node.
    pub node: u64,
    /// One of `MembershipChanged`, `TargetReached`, `TargetAbandoned`, `Removed`, `LeaveForgotten`.
    pub event: Event<u64>,
}

impl MembershipEvent {
    /// Whether `leader` has reached or abandoned its target.
    pub(crate) fn ends_reconfiguration_of(&self, leader: u64) -> bool {
        self.node == leader && matches!(self.event, Event::TargetReached { .. } | Event::TargetAbandoned)
    }
}
