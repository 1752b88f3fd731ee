//! The command that measures two machines with a register: for how long they have no leader, and how often they call it.

use std::time::Duration;

use clap::Args;
use quorate_sim::{RegisterFault, RegisterProfile, RegisterTrial};

use crate::time_tables::trials;

/// The hours of a month.
const MONTH: f64 = 730.0;
/// US dollars for a call.
const READ_PRICE: f64 = 0.000_000_4;
const WRITE_PRICE: f64 = 0.000_005;

/// Measures two machines with a register, as the page `guide::register` shows it.
#[derive(Args)]
pub(crate) struct RegisterTables {
    /// Trials for each time without a leader.
    #[arg(long, default_value_t = 500)]
    trials: u64,
    /// Hours for each count of calls.
    #[arg(long, default_value_t = 20)]
    hours: u64,
}

impl RegisterTables {
    pub(crate) fn run(&self) -> bool {
        self.measure_times();
        self.count_calls();
        true
    }

    /// Prints the median, the 99th percentile and the maximum; where there is a leader all the time in most trials, in
    /// how many.
    fn measure_times(&self) {
        const PROFILES: [RegisterProfile; 4] = [
            RegisterProfile::ALWAYS,
            RegisterProfile::SPARE,
            RegisterProfile::SPARE_SLOW,
            RegisterProfile::SPARE_QUICK,
        ];
        println!("Milliseconds without a leader, {} trials each\n", self.trials);
        println!("| | {} |\n|---|---|---|---|---|", PROFILES.map(|profile| profile.name).join(" | "));
        for fault in RegisterFault::ALL {
            let cells = PROFILES.map(|profile| {
                let trial = |seed| RegisterTrial { seed, profile }.leaderless(fault);
                show_times(trials(self.trials, trial))
            });
            println!("| {fault} | {} |", cells.join(" | "));
        }
    }

    fn count_calls(&self) {
        println!("\nCalls, mean of {} hours\n", self.hours);
        println!(
            "| | writes an hour | reads an hour | USD a month for writes | for reads |\n|---|---|---|---|---|"
        );
        let seconds = Duration::from_secs;
        let at_rest: fn(&RegisterTrial) -> (u64, u64) = RegisterTrial::calls_at_rest;
        for (profile, look, count, when) in [
            (RegisterProfile::SPARE, 10, at_rest, ""),
            (RegisterProfile::SPARE, 60, at_rest, ""),
            (RegisterProfile::SPARE, 10, RegisterTrial::calls_while_one_is_down, ", one machine is down"),
            (RegisterProfile::ALWAYS, 1, at_rest, ""),
            (RegisterProfile::ALWAYS, 1, RegisterTrial::calls_while_one_is_down, ", one machine is down"),
        ] {
            let trial = |seed| count(&RegisterTrial { seed, profile: profile.looking(seconds(look)) });
            let counts = trials(self.hours, trial);
            let mean = |of: fn(&(u64, u64)) -> u64| {
                counts.iter().map(of).sum::<u64>() as f64 / counts.len().max(1) as f64
            };
            let (reads, writes) = (mean(|calls| calls.0), mean(|calls| calls.1));
            let (for_writes, for_reads) = (writes * MONTH * WRITE_PRICE, reads * MONTH * READ_PRICE);
            println!(
                "| {profile}, a look each {look} s{when} | {writes:.1} | {reads:.1} | {for_writes:.2} | {for_reads:.2} |"
            );
        }
    }
}

fn show_times(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let kept = times.iter().filter(|time| time.is_zero()).count();
    let at =
        |share: usize| times.get((times.len() - 1) * share / 100).copied().unwrap_or_default().as_millis();
    if 2 * kept > times.len() {
        format!("none in {kept} of {}, {} at most", times.len(), at(100))
    } else {
        format!("{} / {} / {}", at(50), at(99), at(100))
    }
}
