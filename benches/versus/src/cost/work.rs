//! The work that is measured: many groups of one library do the same, one after the other.

use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

use super::allocator::{Counted, counted};
use super::fleet::{HOSTS, Rest};
use super::group::{Group, MeasuredNode};
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
    /// Writes of durable states so far, of all repetitions.
    fn writes(&self) -> Option<usize> {
        None
    }
}

/// Work that takes longer than this is measured by the CPU time of its thread, in which no other process runs.
/// Reading that time takes too long for shorter work.
const LONG: Duration = Duration::from_micros(100);

/// Does the work once. Returns the nanoseconds of one repetition.
pub fn timed(work: &mut dyn Work) -> f64 {
    work.prepare();
    let (start_of_cpu, start) = (ThreadTime::now(), Instant::now());
    measured(work);
    let (length, cpu) = (start.elapsed(), start_of_cpu.elapsed());
    work.clear();
    let length = if length > LONG { cpu } else { length };
    length.as_nanos() as f64 / work.repetitions() as f64
}

/// Does the work once outside of [`measured`], so that lists grow to their final size, and then `rounds`
/// times. Returns how many repetitions are measured.
pub fn repeated(work: &mut dyn Work, rounds: usize) -> usize {
    warm_up(work);
    for _ in 0..rounds {
        timed(work);
    }
    rounds * work.repetitions()
}

/// Does the work once, unmeasured.
pub fn warm_up(work: &mut dyn Work) {
    work.prepare();
    work.work();
    work.clear();
}

/// The function in which a profiler finds everything that is measured, and nothing else.
#[inline(never)]
fn measured(work: &mut dyn Work) {
    work.work();
}

/// What one repetition of some work makes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tally {
    pub messages: usize,
    pub allocations: f64,
    /// Writes of durable states; `None` where they are not counted.
    pub writes: Option<f64>,
}

/// Does the work once, and counts.
pub fn tallied(work: &mut dyn Work) -> Tally {
    work.prepare();
    let before = work.writes();
    let Counted { allocations, .. } = counted(|| measured(work));
    let each = |count: usize| count as f64 / work.repetitions() as f64;
    let writes = work.writes().zip(before).map(|(after, before)| each(after - before));
    let tally = Tally { messages: work.messages(), allocations: each(allocations as usize), writes };
    work.clear();
    tally
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

/// How many groups of this size share a reading of the clock: many, but not many more than a cache holds.
#[must_use]
pub fn timed_together(members: usize) -> usize {
    (410 / members).clamp(1, 32)
}

/// One part of the rounds of groups with a leader.
pub struct Heartbeats<N: MeasuredNode> {
    groups: Vec<Group<N>>,
    part: Part,
}

impl<N: MeasuredNode> Heartbeats<N> {
    #[must_use]
    pub fn new(members: usize, groups: usize, part: Part) -> Self {
        Heartbeats { groups: (0..groups).map(|_| Group::settled(members)).collect(), part }
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

/// Seconds of many groups at rest.
pub struct Seconds {
    fleet: Box<dyn Rest>,
    groups: usize,
    seconds: usize,
}

impl Seconds {
    /// Of few groups, many seconds share a reading of the clock.
    #[must_use]
    pub fn new(fleet: Box<dyn Rest>, groups: usize) -> Self {
        Seconds { fleet, groups, seconds: (100 / groups).clamp(1, 10) }
    }
}

impl Work for Seconds {
    fn prepare(&mut self) {}

    fn work(&mut self) {
        self.fleet.pass(Duration::from_secs(self.seconds as u64));
    }

    fn clear(&mut self) {}

    /// Seconds of one group on one host.
    fn repetitions(&self) -> usize {
        self.groups * self.seconds * HOSTS
    }

    /// Messages so far, of one group.
    fn messages(&self) -> usize {
        self.fleet.messages() / self.groups
    }
}

/// Failovers, from the first election timeout until all survivors know the new leader.
pub struct Failovers<N: MeasuredNode> {
    groups: Vec<(Group<N>, Vec<NodeIndex>)>,
    members: usize,
    count: usize,
}

impl<N: MeasuredNode> Failovers<N> {
    #[must_use]
    pub fn new(members: usize, count: usize) -> Self {
        Failovers { groups: Vec::new(), members, count }
    }
}

impl<N: MeasuredNode> Work for Failovers<N> {
    fn prepare(&mut self) {
        self.groups.extend((0..self.count).map(|_| Group::leaderless(self.members)));
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
        self.count
    }

    fn messages(&self) -> usize {
        self.groups[0].0.messages()
    }

    fn writes(&self) -> Option<usize> {
        self.groups.iter().map(|(group, _)| group.writes()).sum()
    }
}
