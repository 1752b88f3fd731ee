//! The command that runs whole endpoints.

use std::sync::Mutex;
use std::time::Instant;

use clap::Args;
use quorate_sim::{AddressCounts, EndpointScenario};

use crate::fault_runs::on_all_cores;

/// Many runs, or one with its trace.
#[derive(Args)]
pub(crate) struct EndpointRuns {
    /// How many runs, each with a seed of its own.
    #[arg(long, default_value_t = 500)]
    runs: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Virtual seconds of each run.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Prints the trace of each run.
    #[arg(long)]
    trace: bool,
    /// Goes on after a violation.
    #[arg(long)]
    keep_going: bool,
}

#[derive(Default)]
struct Totals {
    runs: u64,
    events: u64,
    elections: u64,
    commits: u64,
    addresses: AddressCounts,
    violations: Vec<(EndpointScenario, String)>,
}

impl EndpointRuns {
    pub(crate) fn run(&self) -> bool {
        if !self.trace {
            std::panic::set_hook(Box::new(|_| {}));
        }
        let (totals, started) = (Mutex::new(Totals::default()), Instant::now());
        on_all_cores(self.runs, |run| {
            let scenario = EndpointScenario { seed: self.seed + run, seconds: self.seconds };
            let outcome = scenario.watch(self.trace);
            outcome.lines.iter().for_each(|line| println!("{line}"));
            let mut totals = totals.lock().expect("no thread panics here");
            totals.runs += 1;
            totals.events += outcome.counts.events;
            totals.elections += outcome.counts.elections;
            totals.commits += outcome.counts.commits;
            totals.addresses += outcome.addresses;
            totals.violations.extend(outcome.violation.map(|violation| (scenario, violation.to_string())));
            self.keep_going || totals.violations.is_empty()
        });
        totals.into_inner().expect("no thread panics here").report(self, started)
    }
}

impl Totals {
    fn report(&self, runs: &EndpointRuns, started: Instant) -> bool {
        let AddressCounts { datagrams, astray, moves, takeovers, helped } = self.addresses;
        println!(
            "{} runs of {} virtual seconds, from seed {}: {} events, {datagrams} datagrams, {astray} of them to \
             an address that was wrong, {moves} moves, {takeovers} of them to the address of another node, \
             {helped} nodes helped by an operator, {} elections, {} memberships committed, {} violations ({:.0?})",
            self.runs,
            runs.seconds,
            runs.seed,
            self.events,
            self.elections,
            self.commits,
            self.violations.len(),
            started.elapsed(),
        );
        for (scenario, text) in &self.violations {
            println!("seed {}: {text}\n  {}", scenario.seed, scenario.replay());
        }
        self.violations.is_empty()
    }
}
