//! The command `register`: machines that share a voter in a register, under faults.

use std::sync::Mutex;

use clap::Args;
use quorate_sim::{RegisterOutcome, RegisterProfile, RegisterScenario, SeatScenario};

use crate::fault_runs::on_all_cores;

/// Runs machines that share a voter in a register, under faults; fails at a violation.
#[derive(Args)]
pub(crate) struct RegisterRuns {
    /// Runs under each profile.
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Virtual seconds of each run.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Only this profile.
    #[arg(long)]
    only: Option<String>,
    /// Processes that contend for a seat, instead of machines with a voter in the register.
    #[arg(long)]
    contenders: Option<usize>,
    /// Show the runs line by line.
    #[arg(long)]
    trace: bool,
}

impl RegisterRuns {
    pub(crate) fn run(&self) -> bool {
        println!("{:>16} | violations | elections | targets | led | reads | swaps | events", "");
        let mut passed = true;
        for profile in RegisterProfile::ALL.into_iter().chain(RegisterProfile::OTHERS) {
            let is_wanted = self.only.as_ref().map_or(profile.is_safe(), |only| only == profile.name);
            passed &= !is_wanted || self.run_profile(profile);
        }
        passed
    }

    /// One run: what came of it, and the command that shows it again.
    fn outcome(&self, profile: RegisterProfile, seed: u64) -> (RegisterOutcome, String) {
        let seconds = self.seconds;
        match self.contenders {
            Some(contenders) => {
                let scenario = SeatScenario { seed, profile, contenders, seconds };
                (scenario.outcome(self.trace), scenario.replay())
            }
            None => {
                let scenario = RegisterScenario { seed, profile, seconds };
                (scenario.outcome(self.trace), scenario.replay())
            }
        }
    }

    fn run_profile(&self, profile: RegisterProfile) -> bool {
        let (total, found) = (Mutex::new(RegisterOutcome::default()), Mutex::new(Vec::new()));
        on_all_cores(self.seeds, |run| {
            let (outcome, replay) = self.outcome(profile, self.seed + run);
            outcome.lines.iter().for_each(|line| println!("{line}"));
            let mut total = total.lock().expect("no thread panics here");
            total.events += outcome.events;
            total.elections += outcome.elections;
            total.targets += outcome.targets;
            total.led += outcome.led;
            total.calls = (total.calls.0 + outcome.calls.0, total.calls.1 + outcome.calls.1);
            let mut found = found.lock().expect("no thread panics here");
            found.extend(outcome.violation.map(|violation| (violation, replay)));
            true
        });
        let total = total.into_inner().expect("no thread panics here");
        let found = found.into_inner().expect("no thread panics here");
        println!(
            "{profile:>16} | {:>10} | {:>9} | {:>7} | {:>2}% | {:>5} | {:>5} | {}",
            found.len(),
            total.elections,
            total.targets,
            total.led / (self.seeds * self.seconds * 10_000_000),
            total.calls.0,
            total.calls.1,
            total.events,
        );
        for (violation, replay) in found.iter().take(3) {
            println!("{violation}\n  {replay}");
        }
        found.is_empty()
    }
}
