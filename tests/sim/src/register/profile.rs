//! The profiles: what is slow, what fails, and how the machines use the register.

use std::fmt;
use std::time::Duration;

use quorate::Timing;
use quorate::adapters::register::{Reads, Use};

use super::world::World;
use crate::clock::{Drift, Instant, MS, SECOND};
use crate::rng::Ppm;
use crate::safety::Violation;

/// A profile of faults.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// How many machines there are, beside the register.
    pub machines: u64,
    /// Whether the register is a spare vote, or is always asked.
    pub is_spare: bool,
    /// The lengths of time.
    pub(super) timing: Timing,
    /// How often a machine looks.
    pub(super) look: Duration,
    /// The shortest and the longest delay of a message between two machines, in nanoseconds.
    pub(super) delay: (u64, u64),
    /// How many of a million messages are lost.
    pub(super) lost: Ppm,
    /// When a host gives up waiting for a call, in nanoseconds.
    pub(super) timeout: u64,
    /// The shortest and the longest way of a call, there or back, in nanoseconds.
    pub(super) way: (u64, u64),
    /// How many of ten ways are slow, and how long those take.
    pub(super) slow: (u64, (u64, u64)),
    /// How many of a million calls are not done.
    pub(super) failed: Ppm,
    /// How many of a million swaps have an outcome that nobody knows.
    pub(super) unknown: Ppm,
    /// How old what a read shows may be, in nanoseconds.
    pub(super) staleness: u64,
    /// How often the store takes a write, in nanoseconds; more often it refuses.
    pub(super) throttle: u64,
    /// Whether members are added and removed, the voter of the register among them.
    pub(super) reconfigures: bool,
    /// Whether the machines are apart, their clocks at the bound, and each new leader is cut from the register.
    pub(super) hunts: bool,
    /// Whether a machine loses its disk in some of its crashes, if no other one has forgotten.
    pub(super) forgets: bool,
    /// Whether an earlier copy of the register is put back now and then. Then violations are expected.
    pub(super) rolls_back: bool,
    /// Whether each machine has a register of its own under one id, by mistake.
    pub(super) has_two_registers: bool,
    pub(super) drift: Drift,
}

pub(super) const BASE: Profile = Profile {
    name: "base",
    machines: 2,
    is_spare: false,
    timing: Timing { clock_drift_ppm: 50_000, ..Timing::wan() },
    look: Duration::from_secs(1),
    delay: (MS, 20 * MS),
    lost: 20_000,
    timeout: 2 * SECOND,
    way: (10 * MS, 60 * MS),
    slow: (0, (0, 0)),
    failed: 20_000,
    unknown: 40_000,
    staleness: 0,
    throttle: 0,
    reconfigures: false,
    hunts: false,
    forgets: false,
    rolls_back: false,
    has_two_registers: false,
    drift: Drift::Within,
};

const fn spare(name: &'static str, base: Profile) -> Profile {
    Profile { name, is_spare: true, look: Duration::from_secs(3), ..base }
}

const THREE: Profile = Profile { name: "three", machines: 3, ..BASE };
const SLOW: Profile = Profile { name: "slow", way: (100 * MS, 200 * MS), ..BASE };
const STALE: Profile = Profile { name: "stale", staleness: 3 * SECOND, ..BASE };
const UNKNOWN: Profile = Profile { name: "unknown", unknown: 333_000, ..BASE };
const RECONFIGURING: Profile = Profile { name: "reconfig", machines: 3, reconfigures: true, ..BASE };
const FORGETFUL: Profile = Profile { name: "forgetful", forgets: true, ..BASE };
const ERRATIC: Profile = Profile { name: "erratic", way: (MS, 900 * MS), ..BASE };
const HUNT: Profile =
    Profile { name: "hunt", hunts: true, slow: (3, (60 * MS, 900 * MS)), drift: Drift::AtTheBound, ..BASE };
pub(super) const QUICK: Timing = Timing {
    promise: Duration::from_millis(500),
    promise_limit: Duration::from_millis(3_000),
    heartbeat_interval: Duration::from_millis(125),
    retry_interval: Duration::from_millis(100),
    stagger: Duration::from_millis(110),
    clock_drift_ppm: 50_000,
    ..Timing::wan()
};

impl Profile {
    /// The profiles in which nothing may go wrong.
    pub const ALL: [Profile; 19] = [
        BASE,
        spare("base, spare", BASE),
        THREE,
        spare("three, spare", THREE),
        SLOW,
        spare("slow, spare", SLOW),
        STALE,
        spare("stale, spare", STALE),
        Profile { name: "throttled", throttle: SECOND, ..BASE },
        UNKNOWN,
        RECONFIGURING,
        spare("reconfig, spare", RECONFIGURING),
        Profile { timing: QUICK, ..spare("quick, spare", BASE) },
        FORGETFUL,
        spare("forgetful, spare", FORGETFUL),
        Profile { name: "three, forgetful", machines: 3, ..FORGETFUL },
        ERRATIC,
        HUNT,
        spare("hunt, spare", HUNT),
    ];

    /// What the rules do not protect from, and what two registers under one id do.
    pub const OTHERS: [Profile; 2] = [
        Profile { name: "rolled back", rolls_back: true, ..BASE },
        Profile { name: "two registers", has_two_registers: true, ..BASE },
    ];

    /// Whether the rules protect from what goes wrong in it.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        !self.rolls_back
    }

    pub(super) fn usage(&self) -> Use {
        let look = self.look;
        if self.is_spare { Use::Spare { look } } else { Use::Always { look } }
    }

    pub(super) fn reads(&self) -> Reads {
        if self.staleness > 0 { Reads::MayBeStale } else { Reads::Fresh }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

/// A run under a profile, which a seed determines.
#[derive(Clone, Copy, Debug)]
pub struct RegisterScenario {
    /// The seed.
    pub seed: u64,
    /// The profile.
    pub profile: Profile,
    /// Virtual seconds.
    pub seconds: u64,
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct RegisterOutcome {
    /// The first violation, if there was one.
    pub violation: Option<Violation>,
    /// How many events there were.
    pub events: u64,
    /// How often a machine was elected.
    pub elections: u64,
    /// How many targets of reconfigurations were reached.
    pub targets: u64,
    /// For how long one machine could act as leader, in nanoseconds.
    pub led: Instant,
    /// Reads and swaps of the register.
    pub calls: (u64, u64),
    /// What happened, line by line, if it was to be kept.
    pub lines: Vec<String>,
}

impl RegisterScenario {
    /// Runs it.
    #[must_use]
    pub fn outcome(self, traced: bool) -> RegisterOutcome {
        let mut world = World::new(self.seed, self.profile, traced);
        world.run_with_faults(self.seconds * SECOND);
        world.into_outcome()
    }

    /// The command that shows this run again.
    #[must_use]
    pub fn replay(&self) -> String {
        let RegisterScenario { seed, profile, seconds } = self;
        format!(
            "cargo run -p quorate-sim --release -- register --only \"{profile}\" --seed {seed} --seeds 1 --seconds {seconds} --trace"
        )
    }
}
