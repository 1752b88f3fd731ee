//! The command that runs groups with lengths of any kind.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use clap::Args;
use quorate_sim::{Counts, Faults, Scenario, ViolationKind};

use crate::fault_runs::on_all_cores;

/// How many nodes the largest group has at first.
const MOST_NODES: u64 = 9;

/// Groups of one to nine nodes, each node with lengths of its own. A wish is met or refused in bounded time.
#[derive(Args)]
pub(crate) struct LengthRuns {
    /// How many runs, each with a seed of its own.
    #[arg(long, default_value_t = 2_000)]
    runs: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Stop at the first violation.
    #[arg(long)]
    stop: bool,
}

#[derive(Default)]
struct Totals {
    counts: Counts,
    violations: Vec<(Scenario, ViolationKind, String)>,
}

impl LengthRuns {
    pub(crate) fn run(&self) -> bool {
        std::panic::set_hook(Box::new(|_| {}));
        let (totals, started) = (Mutex::new(Totals::default()), Instant::now());
        on_all_cores(self.runs, |run| {
            let seed = self.seed + run;
            let nodes = 1 + (seed % MOST_NODES) as usize;
            let scenario = Scenario { seed, nodes, faults: Faults::Lengths, seconds: 0 };
            let outcome = scenario.outcome(false);
            let mut totals = totals.lock().expect("no thread panics here");
            totals.counts += outcome.counts;
            let violation = outcome.violation;
            totals.violations.extend(violation.map(|found| (scenario, found.kind, found.to_string())));
            !self.stop || totals.violations.is_empty()
        });
        let Totals { counts, mut violations } = totals.into_inner().expect("no thread panics here");
        println!("{} runs: {counts:?} ({:.0?})", self.runs, started.elapsed());
        let mut kinds = BTreeMap::<ViolationKind, u64>::new();
        violations.iter().for_each(|(_, kind, _)| *kinds.entry(*kind).or_default() += 1);
        println!("{} violations {kinds:?}", violations.len());
        violations.sort_by_key(|(scenario, ..)| scenario.seed);
        for (scenario, _, text) in violations.iter().take(20) {
            println!("{text}\n  {}", scenario.replay());
        }
        violations.is_empty()
    }
}
