//! The schedule of faults. The seed alone decides it, before anything runs.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

pub(crate) const NODES: usize = 3;

/// Some faults. A while after them everything is mended, and the command has to run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Round {
    /// Each fault, and the time until the next one.
    pub(crate) faults: Vec<(Fault, Duration)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    /// The node that the fault affects, or `None` for the node on which the command runs.
    pub(crate) node: Option<usize>,
    pub(crate) part: Part,
    pub(crate) kind: FaultKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Supervisor,
    Guard,
    Command,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum FaultKind {
    Kill,
    Freeze,
    /// SIGTERM. Only supervisors get it.
    Terminate,
}

/// The schedule of this seed, with this many faults.
pub(crate) fn fault_schedule(seed: u64, faults: usize) -> Vec<Round> {
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(seed));
    let (mut rounds, mut left) = (Vec::new(), faults);
    while left > 0 {
        let faults = (0..left.min(1 + dice.below(3))).map(|_| (dice.fault(), dice.millis(0, 40)));
        let mut faults: Vec<_> = faults.collect();
        left -= faults.len();
        // The time is chosen so that a lease may or may not end before everything is mended.
        faults.last_mut().unwrap().1 = dice.millis(20, 600);
        rounds.push(Round { faults });
    }
    rounds
}

struct Dice(ChaCha8Rng);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end as u64) as usize
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.0.next_u64() % (to - from))
    }

    fn fault(&mut self) -> Fault {
        let node = (self.below(100) < 15).then(|| self.below(NODES));
        let (part, kind) = match self.below(100) {
            0..14 => (Part::Supervisor, FaultKind::Kill),
            14..40 => (Part::Supervisor, FaultKind::Freeze),
            40..46 => (Part::Supervisor, FaultKind::Terminate),
            46..60 => (Part::Guard, FaultKind::Kill),
            60..84 => (Part::Guard, FaultKind::Freeze),
            84..92 => (Part::Command, FaultKind::Kill),
            _ => (Part::Command, FaultKind::Freeze),
        };
        Fault { node, part, kind }
    }
}
