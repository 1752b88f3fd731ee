//! A host of many groups at rest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::group::{Group, MeasuredNode};
use super::quorate::Quorate;
use crate::node_set::NodeIndex;

/// How often the host reads its clock.
pub const TICK: Duration = Duration::from_millis(10);
/// From one heartbeat to the next.
pub const HEARTBEAT_TICKS: usize = 5;
/// In a second.
pub const TICKS_PER_SECOND: usize = 100;

/// A host that has just seen a heartbeat of each of its groups.
pub trait IdleHost {
    /// Serves all groups until the next tick is one of heartbeats: `HEARTBEAT_TICKS - 1` ticks.
    fn tick_between_heartbeats(&mut self);
    /// Serves all groups for the tick of their heartbeats.
    fn tick_heartbeats(&mut self);
    /// Messages of each group so far.
    fn messages(&self) -> usize;
}

/// A host that ticks all nodes each time.
pub struct TickingAll<N: MeasuredNode>(Vec<Group<N>>);

impl<N: MeasuredNode> TickingAll<N> {
    #[must_use]
    pub fn new(groups: usize) -> Self {
        TickingAll((0..groups).map(|_| Group::settled(3)).collect())
    }

    fn tick(&mut self) {
        for group in &mut self.0 {
            group.now += TICK;
            group.tick_all();
        }
    }
}

impl<N: MeasuredNode> IdleHost for TickingAll<N> {
    fn tick_between_heartbeats(&mut self) {
        (1..HEARTBEAT_TICKS).for_each(|_| self.tick());
        debug_assert!(self.0.iter().all(|group| group.in_flight.is_empty()), "{} sent something", N::NAME);
    }

    fn tick_heartbeats(&mut self) {
        for group in &mut self.0 {
            group.now += TICK;
            group.tick_all();
            debug_assert!(!group.in_flight.is_empty(), "{} sent nothing", N::NAME);
            group.deliver_all();
        }
    }

    fn messages(&self) -> usize {
        self.0[0].delivered
    }
}

/// A host that keeps a heap of deadlines, and ticks the nodes that are due. It notices a deadline that was
/// put off meanwhile when the old one comes up.
pub struct TickingDue {
    groups: Vec<Group<Quorate>>,
    deadlines: BinaryHeap<Reverse<(Duration, usize, NodeIndex)>>,
    now: Duration,
}

impl TickingDue {
    #[must_use]
    pub fn new(groups: usize) -> Self {
        let groups: Vec<Group<Quorate>> = (0..groups).map(|_| Group::settled(3)).collect();
        let deadline = |(at, node)| Reverse((deadline(&groups[at], node), at, node));
        let all = (0..groups.len()).flat_map(|at| (0..3).map(move |node| (at, node)));
        TickingDue { deadlines: all.map(deadline).collect(), now: groups[0].now, groups }
    }

    fn tick(&mut self) {
        self.now += TICK;
        while let Some(mut next) = self.deadlines.peek_mut() {
            let Reverse((due, at, node)) = *next;
            if due > self.now {
                return;
            }
            let group = &mut self.groups[at];
            if deadline(group, node) <= self.now {
                group.now = self.now;
                group.tick(node);
                group.deliver_all();
            }
            // The heap moves the changed entry to its place when `next` is dropped.
            *next = Reverse((deadline(group, node), at, node));
        }
    }
}

impl IdleHost for TickingDue {
    fn tick_between_heartbeats(&mut self) {
        (1..HEARTBEAT_TICKS).for_each(|_| self.tick());
    }

    fn tick_heartbeats(&mut self) {
        self.tick();
    }

    fn messages(&self) -> usize {
        self.groups[0].delivered
    }
}

fn deadline(group: &Group<Quorate>, node: NodeIndex) -> Duration {
    group.nodes[node].deadline().unwrap_or(Duration::MAX)
}
