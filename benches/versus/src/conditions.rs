//! What a run is like: its network, disks, clocks and timings.

use quorate_sim::harness::Severity;
use quorate_sim::{DiskOptions, Drift, Faults, MS, Ppm};

use crate::library::{Timings, WritePurpose};

/// The shortest and the longest of some lengths of time, in nanoseconds.
pub type LengthRange = (u64, u64);

/// What all nodes and links of a run have in common.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// One way.
    pub delay: LengthRange,
    pub loss: Ppm,
    pub duplicates: Ppm,
    pub writes: WriteTimes,
    pub drift: Drift,
    /// The bound of the drift.
    pub drift_ppm: u32,
    pub timings: Timings,
    /// Whether the log of each node is longer than that of the next, and stays so.
    pub unequal_logs: bool,
}

/// How long a write takes, by what it is for.
#[derive(Clone, Copy, Debug)]
pub struct WriteTimes {
    pub vote: LengthRange,
    pub candidacy: LengthRange,
    pub log: LengthRange,
    /// How many writes stall.
    pub stalls: Ppm,
}

impl WriteTimes {
    /// Writes that take equally long, whatever they are for, and never stall.
    #[must_use]
    pub const fn equal(length: LengthRange) -> Self {
        WriteTimes { vote: length, candidacy: length, log: length, stalls: 0 }
    }

    /// The disk as a write for `purpose` finds it.
    pub(crate) fn disk(&self, purpose: WritePurpose) -> DiskOptions {
        let write = match purpose {
            WritePurpose::Vote => self.vote,
            WritePurpose::Candidacy => self.candidacy,
            WritePurpose::Log => self.log,
        };
        DiskOptions { write, stalls: self.stalls, ..DiskOptions::default() }
    }
}

impl Conditions {
    /// The conditions of a run with this seed and these faults.
    #[must_use]
    pub fn new(faults: Faults, seed: u64) -> Self {
        let severity = Severity::new(seed, |fault| faults.has(fault));
        let DiskOptions { write, stalls, .. } = severity.disk;
        Conditions {
            delay: (2 * MS, 8 * MS),
            loss: severity.loss,
            duplicates: severity.duplicates,
            writes: WriteTimes { stalls, ..WriteTimes::equal(write) },
            drift: severity.drift,
            drift_ppm: severity.drift_ppm,
            timings: Timings::LAN,
            unequal_logs: false,
        }
    }
}
