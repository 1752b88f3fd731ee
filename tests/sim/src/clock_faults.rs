//! Faults of clocks: within what the timing declares they must harm nobody, and beyond it the times at which two
//! leases hold at once are measured.

use std::time::Duration;

use quorate::Timing;

use crate::clock::{Clock, Drift, Instant, MS, SECOND};
use crate::cluster::{Cluster, index_of};
use crate::net::NetOptions;
use crate::options::Options;
use crate::rng::Dice;

/// The times at which two leases held at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overlaps {
    /// How many there were.
    pub count: u64,
    /// The longest, in nanoseconds.
    pub longest: u64,
    /// All together, in nanoseconds.
    pub total: u64,
    /// When the present one began, and when it ends unless a lease is withdrawn or grows.
    present: Option<(Instant, Instant)>,
}

impl Overlaps {
    /// `ends` is the time at which the first of two leases ends that hold at `now`; `None` if there is only one.
    fn observe(&mut self, now: Instant, ends: Option<Instant>) {
        let began = match self.present {
            Some((began, end)) if end > now && ends.is_some() => began,
            Some((began, end)) => {
                let length = end.min(now) - began;
                self.count += 1;
                self.longest = self.longest.max(length);
                self.total += length;
                now
            }
            None => now,
        };
        self.present = ends.map(|end| (began, end));
    }
}

impl Cluster {
    /// The times at which two leases held at once, if [`Options::measures_overlaps`].
    #[must_use]
    pub fn overlaps(&self) -> Overlaps {
        self.overlaps
    }

    /// Looks for two leases that hold at once.
    pub(crate) fn measure_overlap(&mut self) {
        let now = self.now;
        let end = |host: &crate::process::Host| {
            let lease = host.acts_under(now)?;
            Some(host.process.as_ref()?.clock.when(lease.until, now))
        };
        let mut ends: Vec<Instant> = self.hosts.iter().filter_map(end).collect();
        ends.sort_unstable();
        let first = ends.first().copied().filter(|_| ends.len() > 1);
        self.overlaps.observe(now, first);
    }

    /// Changes the clock of the process of `node`, if there is one.
    pub fn change_clock(&mut self, node: u64, change: impl FnOnce(&mut Clock, Instant)) {
        let (at, now) = (index_of(node), self.now);
        let Some(process) = &mut self.hosts[at].process else { return };
        change(&mut process.clock, now);
        process.wake = None;
        self.log(node, || "CLOCK changed".into());
        self.tell_clock(at);
        self.serve(at);
        self.check();
    }

    /// Has the clock of `node` run at another rate from now on, within the bound.
    pub(crate) fn slew_within_the_bound(&mut self, node: u64) {
        let bound = self.options.least_drift_ppm();
        let drift = self.dice.pick(&[Drift::Within, Drift::AtTheBound]);
        let rate = drift.draw_rate(bound, &mut self.dice);
        self.change_clock(node, |clock, now| clock.slew(now, rate));
    }
}

/// What is wrong with the clocks of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClockFault {
    /// The leader's clock is slewed to be slower by so many parts in a million.
    SlowLeader(u32),
    /// The same, and the clocks of all others are slewed to be as much faster.
    SlowLeaderFastVoters(u32),
    /// All clocks show whole ticks.
    Ticks(Duration),
    /// The machine of the leader is paused for so long, and its clock with it.
    PausedLeader(Duration),
    /// The clock of each voter but the leader is stepped ahead.
    VotersAhead(Duration),
}

impl ClockFault {
    /// Cuts a leader off, under this fault, again and again for `rounds` elections in a group of three, and measures
    /// when two leases hold at once. `timing` says what is declared.
    ///
    /// # Panics
    /// If the timing is invalid.
    #[must_use]
    pub fn measure(self, timing: Timing, seed: u64, rounds: u32) -> Overlaps {
        let tick = if let ClockFault::Ticks(tick) = self { nanos(tick) } else { 1 };
        let options = Options {
            timing,
            // The faster the links, the less they hide.
            net: NetOptions { delay: (MS / 50, MS / 10), ..NetOptions::default() },
            drift: Drift::None,
            tick,
            measures_overlaps: true,
            lost_attempts: None,
            ..Options::default()
        };
        let mut cluster = Cluster::new(seed, 3, options);
        let mut dice = Dice::new(!seed);
        for _ in 0..rounds {
            cluster
                .run_for(2 * timing.promise_limit + Duration::from_nanos(dice.below(nanos(timing.promise))));
            let Some((leader, _)) = cluster.leader() else { continue };
            self.strike(&mut cluster, leader, &mut dice);
            for node in cluster.nodes() {
                cluster.change_clock(node, |clock, now| clock.slew(now, SECOND));
            }
            cluster.heal();
        }
        cluster.run_for(2 * timing.promise_limit);
        cluster.measure_overlap();
        cluster.overlaps
    }

    /// Lets the fault strike a leader that no longer hears the others, or is paused, and waits until another leads.
    fn strike(self, cluster: &mut Cluster, leader: u64, dice: &mut Dice) {
        let timing = cluster.options.timing;
        let voters: Vec<u64> = cluster.nodes().filter(|&node| node != leader).collect();
        let (slower, faster) = match self {
            ClockFault::SlowLeader(ppm) => (ppm, 0),
            ClockFault::SlowLeaderFastVoters(ppm) => (ppm, ppm),
            _ => (0, 0),
        };
        let rate = |change: i64| (SECOND as i64 + change * 1_000) as u64;
        cluster.change_clock(leader, |clock, now| clock.slew(now, rate(-i64::from(slower))));
        for &voter in &voters {
            cluster.change_clock(voter, |clock, now| clock.slew(now, rate(faster.into())));
        }
        cluster.run_for(timing.promise + Duration::from_nanos(dice.below(nanos(timing.promise))));
        if let ClockFault::PausedLeader(length) = self {
            // What is sent to a machine that is paused is lost.
            cluster.freeze(leader);
            voters.iter().for_each(|&voter| cluster.cut(leader, voter));
            cluster.run_for(length);
            cluster.heal();
            cluster.change_clock(leader, |clock, now| clock.lose(now, nanos(length)));
            cluster.thaw(leader);
        } else {
            voters.iter().for_each(|&voter| cluster.cut(leader, voter));
        }
        if let ClockFault::VotersAhead(length) = self {
            cluster.run_for(Duration::from_nanos(dice.below(nanos(timing.promise / 2))));
            for &voter in &voters {
                cluster.change_clock(voter, |clock, _| clock.step_ahead(nanos(length)));
            }
        }
        cluster.run_for(2 * timing.promise_limit);
    }
}

fn nanos(length: Duration) -> u64 {
    length.as_nanos() as u64
}
