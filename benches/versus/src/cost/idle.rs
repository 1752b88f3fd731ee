//! A host of many groups that nothing happens to.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::group::Group;
use super::quorate::Quorate;
use super::{Contender, Place};

/// How often the host looks at its clock.
pub const TICK: Duration = Duration::from_millis(10);
/// From one heartbeat to the next.
pub const BEAT_TICKS: usize = 5;
/// In a second.
pub const TICKS: usize = 100;

/// A host that has just seen a heartbeat of each of its groups.
pub trait Idle {
    /// Looks after all until the next tick is one of heartbeats: `BEAT_TICKS - 1` ticks.
    fn quiet(&mut self);
    /// The tick of heartbeats.
    fn beat(&mut self);
    /// Messages of each group so far.
    fn messages(&self) -> usize;
}

/// Ticks all nodes each time.
pub struct Ticked<C: Contender>(Vec<Group<C>>);

impl<C: Contender> Ticked<C> {
    #[must_use]
    pub fn new(groups: usize) -> Self {
        Ticked((0..groups).map(|_| Group::settled(3)).collect())
    }

    fn tick(&mut self) {
        for group in &mut self.0 {
            group.now += TICK;
            group.tick_all();
        }
    }
}

impl<C: Contender> Idle for Ticked<C> {
    fn quiet(&mut self) {
        (1..BEAT_TICKS).for_each(|_| self.tick());
        debug_assert!(self.0.iter().all(|group| group.letters.is_empty()), "{} spoke", C::NAME);
    }

    fn beat(&mut self) {
        for group in &mut self.0 {
            group.now += TICK;
            group.tick_all();
            debug_assert!(!group.letters.is_empty(), "{} said nothing", C::NAME);
            group.drain();
        }
    }

    fn messages(&self) -> usize {
        self.0[0].carried
    }
}

/// Keeps a heap of deadlines, and ticks who is due. A deadline that was put off meanwhile is noticed when
/// it comes up.
pub struct Due {
    groups: Vec<Group<Quorate>>,
    deadlines: BinaryHeap<Reverse<(Duration, usize, Place)>>,
    now: Duration,
}

impl Due {
    #[must_use]
    pub fn new(groups: usize) -> Self {
        let groups: Vec<Group<Quorate>> = (0..groups).map(|_| Group::settled(3)).collect();
        let deadline = |(at, place)| Reverse((deadline(&groups[at], place), at, place));
        let all = (0..groups.len()).flat_map(|at| (0..3).map(move |place| (at, place)));
        Due { deadlines: all.map(deadline).collect(), now: groups[0].now, groups }
    }

    fn tick(&mut self) {
        self.now += TICK;
        while let Some(mut next) = self.deadlines.peek_mut() {
            let Reverse((due, at, place)) = *next;
            if due > self.now {
                return;
            }
            let group = &mut self.groups[at];
            if deadline(group, place) <= self.now {
                group.now = self.now;
                group.tick(place);
                group.drain();
            }
            // The heap sorts itself when this is let go.
            *next = Reverse((deadline(group, place), at, place));
        }
    }
}

impl Idle for Due {
    fn quiet(&mut self) {
        (1..BEAT_TICKS).for_each(|_| self.tick());
    }

    fn beat(&mut self) {
        self.tick();
    }

    fn messages(&self) -> usize {
        self.groups[0].carried
    }
}

fn deadline(group: &Group<Quorate>, place: Place) -> Duration {
    group.nodes[place].due().unwrap_or(Duration::MAX)
}
