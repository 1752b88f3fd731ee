//! The kinds of faults in a scenario.

use std::fmt;
use std::str::FromStr;

/// The faults of a scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Faults {
    /// No faults.
    Clean,
    /// A message in five is lost.
    Loss,
    /// A message in five is delivered twice.
    Duplicates,
    /// Links are cut, one way or both, and mended.
    Partitions,
    /// Processes die, also between two outputs and during a write, and start again.
    Crashes,
    /// Every clock is as fast or as slow as the bound allows, and links are cut.
    Drift,
    /// Clocks show ticks of up to 10 ms, and their rates change all the time, within the bound, while links are cut.
    Clocks,
    /// Writes take up to 100 ms, and some stall for seconds.
    SlowDisks,
    /// Processes freeze, and go on later.
    Frozen,
    /// The hosts request to resign and to campaign, and change positions and priorities.
    Requests,
    /// Members are added and removed all the time, and some crash meanwhile. Every third group forms
    /// itself, every second has writes of up to 100 ms, and the hosts of every second replicate data.
    Churn,
    /// Messages of any age arrive again, also in bursts after an election, a restart, an addition or a new attempt to
    /// hand over, while all of these happen often.
    OldMessages,
    /// Disks are lost in crashes, at any instant, and above all just after a promise, whose asker cannot reach the node
    /// any more. The nodes start again under their old ids, while the others crash and are cut off, and messages of
    /// any age arrive again. In some groups no node has storage, in others some have; some change their members all
    /// the time, have clocks at the bound, or slow disks. Of some that were bootstrapped so many forget that the group is
    /// over, until lost disks are mounted again.
    Amnesia,
    /// Each node has lengths of its own, anywhere in what its configuration accepts, and the hosts wish for other
    /// members and other leaders, after crashes and cut links.
    Lengths,
    /// A mix: each seed draws some kinds of faults, and every fourth seed has them all.
    All,
}

impl Faults {
    /// All faults, in the order of the table.
    pub const ALL: [Faults; 15] = [
        Faults::Clean,
        Faults::Loss,
        Faults::Duplicates,
        Faults::Partitions,
        Faults::Crashes,
        Faults::Drift,
        Faults::Clocks,
        Faults::SlowDisks,
        Faults::Frozen,
        Faults::Requests,
        Faults::Churn,
        Faults::OldMessages,
        Faults::Amnesia,
        Faults::Lengths,
        Faults::All,
    ];

    /// Whether `fault` goes wrong where these faults do. Clocks alone harm no group, so they come with
    /// partitions; old messages come with what makes them old.
    #[must_use]
    pub fn has(self, fault: Faults) -> bool {
        match self {
            Faults::Drift => matches!(fault, Faults::Drift | Faults::Partitions),
            Faults::Clocks => matches!(fault, Faults::Clocks | Faults::Partitions),
            Faults::OldMessages => {
                matches!(fault, Faults::OldMessages | Faults::Crashes | Faults::Requests | Faults::Churn)
            }
            Faults::Amnesia => {
                let others = [Faults::Crashes, Faults::Partitions, Faults::OldMessages];
                fault == Faults::Amnesia || others.contains(&fault)
            }
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
            Faults::Clocks => "clocks",
            Faults::SlowDisks => "slow-disks",
            Faults::Frozen => "frozen",
            Faults::Requests => "requests",
            Faults::Churn => "churn",
            Faults::OldMessages => "old-messages",
            Faults::Amnesia => "amnesia",
            Faults::Lengths => "lengths",
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
