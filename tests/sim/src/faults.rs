//! What can go wrong in a scenario.

use std::fmt;
use std::str::FromStr;

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Faults {
    /// Nothing.
    Clean,
    /// A message in five is lost.
    Loss,
    /// A message in five comes twice.
    Duplicates,
    /// Links are cut, one way or both, and mended.
    Partitions,
    /// Processes die, also between two outputs and during a write, and start again.
    Crashes,
    /// Every clock is as fast or as slow as the bound allows, and leaders are cut off.
    Drift,
    /// Writes take up to 100 ms, and some stall for seconds.
    SlowDisks,
    /// Processes freeze, and go on as if nothing had been.
    Frozen,
    /// The hosts resign, campaign, and change position and priority.
    Wishes,
    /// Members come and go all the time, some die in the middle; every third group forms itself.
    Churn,
    /// Any of it: each seed draws which, and every fourth has it all.
    All,
}

impl Faults {
    /// In the order of the table.
    pub const ALL: [Faults; 11] = [
        Faults::Clean,
        Faults::Loss,
        Faults::Duplicates,
        Faults::Partitions,
        Faults::Crashes,
        Faults::Drift,
        Faults::SlowDisks,
        Faults::Frozen,
        Faults::Wishes,
        Faults::Churn,
        Faults::All,
    ];

    /// Whether `fault` goes wrong where these faults do. Drift alone harms no group, so it comes with
    /// partitions.
    #[must_use]
    pub fn has(self, fault: Faults) -> bool {
        match self {
            Faults::Drift => matches!(fault, Faults::Drift | Faults::Partitions),
            Faults::All => true,
            only => only == fault,
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Faults::Clean => "clean",
            Faults::Loss => "loss",
            Faults::Duplicates => "duplicates",
            Faults::Partitions => "partitions",
            Faults::Crashes => "crashes",
            Faults::Drift => "drift",
            Faults::SlowDisks => "slow-disks",
            Faults::Frozen => "frozen",
            Faults::Wishes => "wishes",
            Faults::Churn => "churn",
            Faults::All => "all",
        })
    }
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Faults::ALL.into_iter().find(|faults| faults.to_string() == name);
        found.ok_or_else(|| format!("one of {}", Faults::ALL.map(|faults| faults.to_string()).join(", ")))
    }
}
