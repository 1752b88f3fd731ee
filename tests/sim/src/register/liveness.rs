//! How long two machines with a register have no leader after a fault, and how often they call the register.

use std::fmt;
use std::time::Duration;

use quorate::{Input, Timing, Urgency};

use super::profile::{BASE, Profile, QUICK};
use super::world::World;
use crate::clock::{MS, SECOND};

/// When a group is at rest.
const AT_REST: u64 = 30 * SECOND;
/// For how long a group is observed after a fault.
const OBSERVED: u64 = 30 * SECOND;
/// A group that is without a leader in the last part of that time will not get one.
const LAST: u64 = 5 * SECOND;

/// What happens to two machines with a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RegisterFault {
    /// The leader crashes, and does not come back.
    LeaderCrashes,
    /// The machine that does not lead crashes, and does not come back.
    FollowerCrashes,
    /// Both crash, and are started again at once.
    BothRestart,
    /// The leader hands over.
    Handover,
    /// The machines no longer reach each other.
    Partition,
    /// The leader reaches neither the other machine nor the register.
    LeaderCutOff,
    /// No machine reaches the register.
    RegisterDown,
}

impl RegisterFault {
    /// All of them.
    pub const ALL: [RegisterFault; 7] = [
        RegisterFault::LeaderCrashes,
        RegisterFault::LeaderCutOff,
        RegisterFault::BothRestart,
        RegisterFault::Handover,
        RegisterFault::FollowerCrashes,
        RegisterFault::Partition,
        RegisterFault::RegisterDown,
    ];
}

impl fmt::Display for RegisterFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            RegisterFault::LeaderCrashes => "the leader crashes",
            RegisterFault::FollowerCrashes => "the other machine crashes",
            RegisterFault::BothRestart => "both restart",
            RegisterFault::Handover => "the leader hands over",
            RegisterFault::Partition => "the machines do not reach each other",
            RegisterFault::LeaderCutOff => "the leader reaches neither the other machine nor the register",
            RegisterFault::RegisterDown => "the register is down",
        })
    }
}

const fn measured(name: &'static str, is_spare: bool, look: Duration) -> Profile {
    Profile {
        name,
        is_spare,
        look,
        timing: Timing::wan(),
        delay: (MS, 9 * MS),
        lost: 0,
        timeout: Timing::wan().promise_limit.as_nanos() as u64 / 3,
        failed: 5_000,
        unknown: 5_000,
        ..BASE
    }
}

impl Profile {
    /// The register is always asked, at calls of 20 to 120 ms.
    pub const ALWAYS: Profile = measured("always", false, Duration::from_secs(1));
    /// The register is a spare vote.
    pub const SPARE: Profile = measured("spare", true, Duration::from_secs(10));
    /// A spare vote, at calls of 200 to 400 ms.
    pub const SPARE_SLOW: Profile =
        Profile { name: "spare, slow calls", way: (100 * MS, 200 * MS), ..Profile::SPARE };
    /// A spare vote, at calls of 20 to 80 ms and promises of half a second.
    pub const SPARE_QUICK: Profile = Profile {
        name: "spare, short promises",
        timing: Timing { clock_drift_ppm: Timing::wan().clock_drift_ppm, ..QUICK },
        timeout: QUICK.promise_limit.as_nanos() as u64 / 3,
        way: (10 * MS, 40 * MS),
        ..Profile::SPARE
    };

    /// The same with another interval between two looks.
    #[must_use]
    pub fn looking(self, look: Duration) -> Self {
        Profile { look, ..self }
    }
}

/// Two machines with a register, whose run a seed determines.
#[derive(Clone, Copy, Debug)]
pub struct RegisterTrial {
    /// The seed.
    pub seed: u64,
    /// The lengths of time, and what fails at random.
    pub profile: Profile,
}

impl RegisterTrial {
    /// For how long there is no leader after a fault, all in all.
    ///
    /// # Panics
    /// If the group has no leader before the fault or in the end, and at a violation.
    #[must_use]
    pub fn leaderless(&self, fault: RegisterFault) -> Duration {
        let mut world = self.at_rest();
        world.strike(fault);
        let led = world.led_for(OBSERVED - LAST);
        let led_last = world.led_for(LAST);
        assert!(led_last > 0, "{self:?}: no leader in the end, though {fault}");
        Duration::from_nanos(OBSERVED - led - led_last)
    }

    /// The reads and the swaps of an hour in which nothing happens.
    ///
    /// # Panics
    /// If the group has no leader, and at a violation.
    #[must_use]
    pub fn calls_at_rest(&self) -> (u64, u64) {
        self.at_rest().calls_in_an_hour()
    }

    /// The reads and the swaps of an hour in which one machine is down.
    ///
    /// # Panics
    /// If the group has no leader, and at a violation.
    #[must_use]
    pub fn calls_while_one_is_down(&self) -> (u64, u64) {
        let mut world = self.at_rest();
        world.strike(RegisterFault::LeaderCrashes);
        let led = world.led_for(OBSERVED);
        assert!(led > 0, "{self:?}: no leader");
        world.calls_in_an_hour()
    }

    /// A group that is led, at a random time between two looks.
    fn at_rest(&self) -> World {
        let mut world = World::new(self.seed, self.profile, false);
        let until = AT_REST + world.dice.below(10 * SECOND);
        world.run_until(until);
        world
    }
}

impl World {
    fn strike(&mut self, fault: RegisterFault) {
        let leader = self.leader().expect("a group at rest has a leader");
        let other = 1 - leader;
        match fault {
            RegisterFault::LeaderCrashes => self.machines[leader].process = None,
            RegisterFault::FollowerCrashes => self.machines[other].process = None,
            RegisterFault::BothRestart => {
                self.machines.iter_mut().for_each(|machine| machine.process = None);
                (0..2).for_each(|machine| self.start(machine));
            }
            RegisterFault::Handover => {
                self.command(leader, Input::Resign { successor: None, urgency: Urgency::WhenReady });
            }
            RegisterFault::Partition => self.part(),
            RegisterFault::LeaderCutOff => {
                self.part();
                self.cut_from_register(leader);
            }
            RegisterFault::RegisterDown => self.is_register_down = true,
        }
        self.check();
    }

    fn part(&mut self) {
        self.set_link(0, 1, false);
        self.set_link(1, 0, false);
    }

    /// Lets time pass, and returns for how long of it there was a leader.
    fn led_for(&mut self, length: u64) -> u64 {
        let before = self.outcome.led;
        self.run_until(self.now + length);
        assert!(self.violation.is_none(), "{:?}", self.violation);
        self.outcome.led - before
    }

    fn calls_in_an_hour(&mut self) -> (u64, u64) {
        let (reads, swaps) = self.outcome.calls;
        let led = self.led_for(3_600 * SECOND);
        assert!(led > 0, "no leader for an hour");
        (self.outcome.calls.0 - reads, self.outcome.calls.1 - swaps)
    }
}
