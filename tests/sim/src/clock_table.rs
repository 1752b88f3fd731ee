//! The command that measures what faulty clocks do.

use std::time::Duration;

use clap::Args;
use quorate::Timing;
use quorate_sim::ClockFault;

/// Measures for how long two leases hold at once when clocks are worse than declared; within what is declared they
/// never may.
#[derive(Args)]
pub(crate) struct ClockTable {
    /// Elections for each line.
    #[arg(long, default_value_t = 1_000)]
    elections: u32,
}

/// Elections in one run.
const ROUNDS: u32 = 20;

impl ClockTable {
    pub(crate) fn run(&self) -> bool {
        let ms = Duration::from_millis;
        let lan = Timing::lan();
        let drift = |clock_drift_ppm| Timing { clock_drift_ppm, ..lan };
        let resolution = |clock_resolution| Timing { clock_resolution, ..lan };
        // Neither divides a promise: a promise of whole ticks ends a tick late by itself.
        let (fine, coarse) = (ms(4), Duration::from_micros(7_812));
        let slow = ClockFault::SlowLeader;
        let both = ClockFault::SlowLeaderFastVoters;
        println!("{} elections each, promises of 150 ms, one-way delays of 0.02 to 0.1 ms", self.elections);
        println!("{:>66} | overlaps | mean ms | longest ms", "");
        let within = [
            ("slewed by 83,333 ppm, the leader alone; 91,000 declared", slow(83_333), drift(91_000)),
            ("slewed by 83,333 ppm, both sides; 182,000 declared", both(83_333), drift(182_000)),
            ("ticks of 4 ms, declared", ClockFault::Ticks(fine), resolution(fine)),
            ("ticks of 1/128 s, declared", ClockFault::Ticks(coarse), resolution(coarse)),
        ];
        let beyond = [
            ("slewed by 5,000 ppm, both sides; 500 declared", both(5_000), lan),
            ("slewed by 83,333 ppm, the leader alone; 500 declared", slow(83_333), lan),
            ("slewed by 83,333 ppm, both sides; 500 declared", both(83_333), lan),
            ("the same with wan(), promises of 1,200 ms", both(83_333), Timing::wan()),
            ("ticks of 4 ms; 0.001 ms declared", ClockFault::Ticks(fine), lan),
            ("ticks of 1/128 s; 0.001 ms declared", ClockFault::Ticks(coarse), lan),
            ("leader paused for 0.2 s, and its clock", ClockFault::PausedLeader(ms(200)), lan),
            ("leader paused for 10 s, and its clock", ClockFault::PausedLeader(ms(10_000)), lan),
            ("voters' clocks stepped ahead by 10 ms", ClockFault::VotersAhead(ms(10)), lan),
            ("voters' clocks stepped ahead by 100 ms", ClockFault::VotersAhead(ms(100)), lan),
            ("voters' clocks stepped ahead by an hour", ClockFault::VotersAhead(ms(3_600_000)), lan),
        ];
        let kept = within.into_iter().filter(|&line| self.measure(line) == 0).count();
        for line in beyond {
            self.measure(line);
        }
        kept == within.len()
    }

    /// Prints a line, and returns how often two leases held at once.
    fn measure(&self, (name, fault, timing): (&str, ClockFault, Timing)) -> u64 {
        let (mut count, mut total, mut longest) = (0, 0, 0);
        for seed in 0..u64::from(self.elections.div_ceil(ROUNDS)) {
            let overlaps = fault.measure(timing, seed, ROUNDS);
            count += overlaps.count;
            total += overlaps.total;
            longest = longest.max(overlaps.longest);
        }
        let millis = |nanos: u64| nanos as f64 / 1e6;
        let mean = millis(total) / count.max(1) as f64;
        println!("{name:>66} | {count:>8} | {mean:>7.2} | {:>10.2}", millis(longest));
        count
    }
}
