//! What is measured: many groups of one library do the same, one after the other.

use std::time::Instant;

use super::allocator::{Counted, counted};
use super::group::Group;
use super::idle::{BEAT_TICKS, Idle, TICKS};
use super::{Contender, Place};

/// One kind of work, done again and again.
pub trait Work {
    /// Not measured.
    fn prepare(&mut self);
    /// Measured.
    fn work(&mut self);
    /// Not measured.
    fn clear(&mut self);
    /// How often `work` does what it is about.
    fn times(&self) -> usize;
    /// Messages that the work just done took, each time.
    fn messages(&self) -> usize;
}

/// Nanoseconds each time.
pub fn timed(work: &mut dyn Work) -> f64 {
    work.prepare();
    let start = Instant::now();
    measured(work);
    let length = start.elapsed();
    work.clear();
    length.as_nanos() as f64 / work.times() as f64
}

/// So often in all, if `work` is done `rounds` times.
pub fn repeated(work: &mut dyn Work, rounds: usize) -> usize {
    for _ in 0..rounds {
        timed(work);
    }
    rounds * work.times()
}

/// A profiler finds all that is measured by this name, and nothing else.
#[inline(never)]
fn measured(work: &mut dyn Work) {
    work.work();
}

/// Messages and allocations each time.
pub fn tallied(work: &mut dyn Work) -> (usize, f64) {
    work.prepare();
    let Counted { allocations, .. } = counted(|| measured(work));
    let messages = work.messages();
    work.clear();
    (messages, allocations as f64 / work.times() as f64)
}

/// The parts of a round of heartbeats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The leader says what is due to all others.
    Broadcast,
    /// A follower takes a heartbeat and answers it.
    Follower,
    /// The leader takes all the answers.
    Answers,
}

/// So many that one reading of the clock is shared by many, but not much more than a cache holds.
pub(crate) fn groups(members: usize) -> usize {
    (160 / members).clamp(4, 32)
}

/// Groups with a leader, and one part of their rounds.
pub struct Beats<C: Contender> {
    groups: Vec<Group<C>>,
    part: Part,
}

impl<C: Contender> Beats<C> {
    #[must_use]
    pub fn new(members: usize, part: Part) -> Self {
        Beats { groups: (0..groups(members)).map(|_| Group::settled(members)).collect(), part }
    }

    fn broadcast(&mut self) {
        for group in &mut self.groups {
            group.nodes[group.leader].tick(group.now, &mut group.said);
        }
    }

    /// One follower of each group.
    fn follow(&mut self) {
        for group in &mut self.groups {
            group.hand_over();
        }
    }

    fn read(&mut self) {
        for group in &mut self.groups {
            while group.hand_over().is_some() {}
        }
    }
}

impl<C: Contender> Work for Beats<C> {
    fn prepare(&mut self) {
        for group in &mut self.groups {
            C::rest(group);
            if self.part != Part::Broadcast {
                group.tick(group.leader);
            }
            if self.part == Part::Answers {
                (1..group.nodes.len()).for_each(|_| _ = group.deliver());
            }
        }
    }

    fn work(&mut self) {
        match self.part {
            Part::Broadcast => self.broadcast(),
            Part::Follower => self.follow(),
            Part::Answers => self.read(),
        }
    }

    fn clear(&mut self) {
        for group in &mut self.groups {
            let speaker = match self.part {
                Part::Broadcast | Part::Answers => group.leader,
                Part::Follower => usize::from(group.leader == 0),
            };
            group.act(speaker);
            group.drain();
        }
    }

    fn times(&self) -> usize {
        self.groups.len()
    }

    fn messages(&self) -> usize {
        self.groups[0].said.len()
    }
}

/// Whole seconds at rest, of many groups.
pub struct Seconds {
    host: Box<dyn Idle>,
    groups: usize,
}

impl Seconds {
    #[must_use]
    pub fn new(host: Box<dyn Idle>, groups: usize) -> Self {
        Seconds { host, groups }
    }
}

impl Work for Seconds {
    fn prepare(&mut self) {}

    fn work(&mut self) {
        for _ in 0..TICKS / BEAT_TICKS {
            self.host.quiet();
            self.host.beat();
        }
    }

    fn clear(&mut self) {}

    fn times(&self) -> usize {
        self.groups
    }

    fn messages(&self) -> usize {
        self.host.messages()
    }
}

/// Groups without their leader, from the first's end of patience until all know another.
pub struct Failovers<C: Contender> {
    groups: Vec<(Group<C>, Vec<Place>)>,
    members: usize,
}

impl<C: Contender> Failovers<C> {
    #[must_use]
    pub fn new(members: usize) -> Self {
        Failovers { groups: Vec::new(), members }
    }
}

impl<C: Contender> Work for Failovers<C> {
    fn prepare(&mut self) {
        self.groups.extend((0..groups(self.members)).map(|_| Group::bereaved(self.members)));
    }

    fn work(&mut self) {
        for (group, awake) in &mut self.groups {
            group.fail_over(awake);
        }
    }

    fn clear(&mut self) {
        self.groups.clear();
    }

    fn times(&self) -> usize {
        groups(self.members)
    }

    fn messages(&self) -> usize {
        self.groups[0].0.messages()
    }
}
