//! What a run is like: its network, disks, clocks and timings.

use crate::clock::{Drift, MS, SECOND};
use crate::rng::Ppm;
use crate::faults::{Fault, Mix};
use crate::rival::{Duty, Pace};

/// Lengths of time, the shortest and the longest, in nanoseconds.
pub type Range = (u64, u64);

const QUICK_WRITE: Range = (0, 2 * MS);
const SLOW_WRITE: Range = (0, 100 * MS);

/// What all nodes and ways of a run have in common.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// One way.
    pub delay: Range,
    pub loss: Ppm,
    pub duplicates: Ppm,
    pub writes: Writes,
    pub drift: Drift,
    /// The bound of the drift.
    pub drift_ppm: u32,
    pub pace: Pace,
    /// Whether the data of each node reach further than those of the next, and stay so.
    pub ranked: bool,
}

/// How long a write takes.
#[derive(Clone, Copy, Debug)]
pub struct Writes {
    pub vote: Range,
    pub candidacy: Range,
    pub log: Range,
    /// How many stall.
    pub stalls: Ppm,
    pub stall: Range,
}

impl Writes {
    /// All as long, whatever they are for.
    #[must_use]
    pub const fn of(length: Range) -> Self {
        Writes { vote: length, candidacy: length, log: length, stalls: 0, stall: (300 * MS, 2 * SECOND) }
    }

    pub(crate) fn range(&self, duty: Duty) -> Range {
        match duty {
            Duty::Vote => self.vote,
            Duty::Candidacy => self.candidacy,
            Duty::Log => self.log,
        }
    }
}

impl Conditions {
    /// With these faults.
    #[must_use]
    pub fn of(mix: Mix, seed: u64) -> Self {
        let drifts = mix.has(Fault::Drift);
        let slow = mix.has(Fault::SlowDisks);
        let writes = Writes::of(if slow { SLOW_WRITE } else { QUICK_WRITE });
        Conditions {
            delay: (2 * MS, 8 * MS),
            loss: if mix.has(Fault::Loss) { 200_000 } else { 0 },
            duplicates: if mix.has(Fault::Duplicates) { 200_000 } else { 0 },
            writes: Writes { stalls: if slow { 20_000 } else { 0 }, ..writes },
            drift: if drifts { Drift::AtTheBound } else { Drift::Within },
            // A wide bound shows what a narrow one hides behind the delays.
            drift_ppm: if drifts && seed.is_multiple_of(2) { 200_000 } else { 500 },
            pace: Pace::LAN,
            ranked: false,
        }
    }
}
