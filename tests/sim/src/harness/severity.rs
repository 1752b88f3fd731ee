//! How bad the faults of a run are.

use quorate::Timing;

use crate::clock::{Drift, MS};
use crate::disk::DiskOptions;
use crate::faults::Faults;
use crate::rng::Ppm;

/// How bad the faults of a run are, where they are a matter of degree.
#[derive(Clone, Copy, Debug)]
pub struct Severity {
    /// How many messages are lost.
    pub loss: Ppm,
    /// How many messages are delivered twice.
    pub duplicates: Ppm,
    /// How slow the disks are.
    pub disk: DiskOptions,
    /// How wrong the clocks are.
    pub drift: Drift,
    /// The bound of the drift.
    pub drift_ppm: u32,
}

impl Severity {
    /// The severity of a run with this seed and the faults that it `has`.
    #[must_use]
    pub fn new(seed: u64, has: impl Fn(Faults) -> bool) -> Self {
        let one_in_five = |fault| if has(fault) { 200_000 } else { 0 };
        let slow = has(Faults::SlowDisks);
        let (drifts, slews) = (has(Faults::Drift), has(Faults::Clocks));
        let is_wide = (drifts && seed.is_multiple_of(2)) || (slews && seed.is_multiple_of(3));
        Severity {
            loss: one_in_five(Faults::Loss),
            duplicates: one_in_five(Faults::Duplicates),
            disk: DiskOptions {
                write: if slow { (0, 100 * MS) } else { (0, 2 * MS) },
                stalls: if slow { 20_000 } else { 0 },
                ..DiskOptions::default()
            },
            drift: if drifts { Drift::AtTheBound } else { Drift::Within },
            // A wide bound shows what a narrow one hides behind the delays.
            drift_ppm: if is_wide { 200_000 } else { Timing::lan().clock_drift_ppm },
        }
    }
}
