//! The work that is measured: many groups of one library do the same, one after the other.

use std::time::Instant;

use super::allocator::{Counted, counted};
use super::group::{Group, MeasuredNode};
use super::idle::{HEARTBEAT_TICKS, IdleHost, TICKS_PER_SECOND};
use crate::node_set::NodeIndex;

/// One kind of work, which is done again and again.
pub trait Work {
    /// Prepares the work. Not measured.
    fn prepare(&mut self);
    /// Does the work. Measured.
    fn work(&mut self);
    /// Clears up after the work. Not measured.
    fn clear(&mut self);
    /// How often the work repeats what is measured.
    fn repetitions(&self) -> usize;
    /// Messages of one repetition, after the work.
    fn messages(&self) -> usize;
}

/// Does the work once. Returns the nanoseconds of one repetition.
pub fn timed(work: &mut dyn Work) -> f64 {
    work.prepare();
    let start = Instant::now();
    measured(work);
    let length = start.elapsed();
    work.clear();
    length.as_nanos() as f64 / work.repetitions() as f64
}

/// Does the work `rounds` times. Returns how many repetitions that makes.
pub fn repeated(work: &mut dyn Work, rounds: usize) -> usize {
    for _ in 0..rounds {
        timed(work);
    }
    rounds * work.repetitions()
}

/// The function in which a profiler finds everything that is measured, and nothing else.
#[inline(never)]
fn measured(work: &mut dyn Work) {
    work.work();
}

/// Does the work once. Returns the messages and the allocations of one repetition.
pub fn tallied(work: &mut dyn Work) -> (usize, f64) {
    work.prepare();
    let Counted { allocations, .. } = counted(|| measured(work));
    let messages = work.messages();
    work.clear();
    (messages, allocations as f64 / work.repetitions() as f64)
}

/// The parts of a round of heartbeats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The leader sends a heartbeat to every other node.
    Broadcast,
    /// A follower receives a heartbeat and replies.
    Follower,
    /// The leader receives all the replies.
    Answers,
}

/// How many groups share a reading of the clock: many, but not many more than a cache holds.
pub(crate) fn groups(members: usize) -> usize {
    (160 / members).clamp(4, 32)
}

/// One part of the rounds of groups with a leader.
pub struct Heartbeats<N: MeasuredNode> {
    groups: Vec<Group<N>>,
    part: Part,
}

impl<N: MeasuredNode> Heartbeats<N> {
    #[must_use]
    pub fn new(members: usize, part: Part) -> Self {
        Heartbeats { groups: (0..groups(members)).map(|_| Group::settled(members)).collect(), part }
    }

    fn broadcast(&mut self) {
        for group in &mut self.groups {
            group.nodes[group.leader].tick(group.now, &mut group.outputs);
        }
    }

    /// One follower of each group takes its heartbeat.
    fn follow(&mut self) {
        for group in &mut self.groups {
            group.receive_next();
        }
    }

    fn read_answers(&mut self) {
        for group in &mut self.groups {
            while group.receive_next().is_some() {}
        }
    }
}

impl<N: MeasuredNode> Work for Heartbeats<N> {
    fn prepare(&mut self) {
        for group in &mut self.groups {
            N::advance_to_heartbeat(group);
            if self.part != Part::Broadcast {
                group.tick(group.leader);
            }
            if self.part == Part::Answers {
                (1..group.nodes.len()).for_each(|_| _ = group.deliver_next());
            }
        }
    }

    fn work(&mut self) {
        match self.part {
            Part::Broadcast => self.broadcast(),
            Part::Follower => self.follow(),
            Part::Answers => self.read_answers(),
        }
    }

    fn clear(&mut self) {
        for group in &mut self.groups {
            let sender = match self.part {
                Part::Broadcast | Part::Answers => group.leader,
                Part::Follower => usize::from(group.leader == 0),
            };
            group.act(sender);
            group.deliver_all();
        }
    }

    fn repetitions(&self) -> usize {
        self.groups.len()
    }

    fn messages(&self) -> usize {
        self.groups[0].outputs.len()
    }
}

/// Whole seconds of many groups at rest.
pub struct Seconds {
    host: Box<dyn IdleHost>,
    groups: usize,
}

impl Seconds {
    #[must_use]
    pub fn new(host: Box<dyn IdleHost>, groups: usize) -> Self {
        Seconds { host, groups }
    }
}

impl Work for Seconds {
    fn prepare(&mut self) {}

    fn work(&mut self) {
        for _ in 0..TICKS_PER_SECOND / HEARTBEAT_TICKS {
            self.host.tick_between_heartbeats();
            self.host.tick_heartbeats();
        }
    }

    fn clear(&mut self) {}

    fn repetitions(&self) -> usize {
        self.groups
    }

    fn messages(&self) -> usize {
        self.host.messages()
    }
}

/// Failovers, from the first election timeout until all survivors know the new leader.
pub struct Failovers<N: MeasuredNode> {
    groups: Vec<(Group<N>, Vec<NodeIndex>)>,
    members: usize,
}

impl<N: MeasuredNode> Failovers<N> {
    #[must_use]
    pub fn new(members: usize) -> Self {
        Failovers { groups: Vec::new(), members }
    }
}

impl<N: MeasuredNode> Work for Failovers<N> {
    fn prepare(&mut self) {
        self.groups.extend((0..groups(self.members)).map(|_| Group::leaderless(self.members)));
    }

    fn work(&mut self) {
        for (group, campaigners) in &mut self.groups {
            group.fail_over(campaigners);
        }
    }

    fn clear(&mut self) {
        self.groups.clear();
    }

    fn repetitions(&self) -> usize {
        groups(self.members)
    }

    fn messages(&self) -> usize {
        self.groups[0].0.messages()
    }
}
