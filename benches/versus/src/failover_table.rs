//! The command `failover`: the table of failover times.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use quorate_sim::MS;
use quorate_versus::conditions::WriteTimes;
use quorate_versus::failover::{Outcome, Setting, millis};
use quorate_versus::library::Timings;
use quorate_versus::setups;
use quorate_versus::summary::Summary;

use crate::failover_results::{Case, Results};
use crate::failover_targets;

/// How long it usually takes until a state has reached a disk.
const USUAL_WRITE_MS: u64 = 10;

/// How long a group is without a leader when its leader crashes. Fails if quorate misses a target.
#[derive(Args)]
pub(crate) struct Failover {
    /// Runs of each library in each case; a tenth of them of almost-raft, which takes long.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// All cases: 3, 5 and 7 nodes; 0.25, 5 and 35 ms one way; no loss, 5 % and 20 %.
    #[arg(long)]
    all: bool,
    /// How long each write takes, in milliseconds. A process does nothing else meanwhile.
    #[arg(long, default_value_t = USUAL_WRITE_MS)]
    write_ms: u64,
    /// Writes the length of each run to this file.
    #[arg(long)]
    csv: Option<PathBuf>,
}

impl Failover {
    /// The command that measures the default cases and writes the lengths to a file.
    pub(crate) fn into_file(path: PathBuf) -> Self {
        Failover { seeds: 1_000, all: false, write_ms: USUAL_WRITE_MS, csv: Some(path) }
    }
}

/// Timings for 35 ms one way, which a promise of 150 ms would not outlast.
const WIDE: Timings = Timings {
    election_timeout: Duration::from_millis(300),
    longest_timeout: Duration::from_millis(600),
    heartbeat: Duration::from_millis(100),
    retry: Duration::from_millis(80),
    stagger: Duration::from_millis(100),
};

const NOTES: &str = "\
All times are in ms, from the crash of the leader until another node leads (quorate: holds a lease).
all know: until all running nodes take the new leader for it. terms: runs that took more than one term.
never: runs in which no node was elected within 30 s. unsteady: runs in which no node led for 2 s within
120 s, so that none could be crashed. at rest: messages of all nodes in a second. failover: messages from the
crash until all nodes know. almost-raft takes long to simulate: a tenth of the runs.";

impl Failover {
    pub(crate) fn run(&self) -> bool {
        println!("Each write takes {} ms, and a process does nothing else meanwhile.\n", self.write_ms);
        let mut csv = Csv::create(self.csv.as_ref());
        let mut all = Vec::new();
        for case in self.cases() {
            println!("{}\n\n{HEAD}", case.name());
            let mut rows = Vec::new();
            for setup in setups::ALL {
                let outcomes = setup.outcomes(&setting(case, self.write_ms), self.seeds);
                csv.write(setup.name, case, &outcomes);
                let summary = Summary::new(&outcomes);
                println!("{}", row(setup.name, &summary));
                rows.push((setup, summary));
            }
            println!();
            all.push(Results { case, rows });
        }
        drop(csv);
        println!("{NOTES}\n");
        failover_targets::print_ratios(&all);
        failover_targets::check(&all, self.seeds, self.write_ms)
    }

    fn cases(&self) -> Vec<Case> {
        let case = |delay_us, loss_percent, nodes| Case { nodes, delay_us, loss_percent };
        if !self.all {
            return [3, 5]
                .into_iter()
                .flat_map(|nodes| [0, 5].map(|loss| case(5_000, loss, nodes)))
                .collect();
        }
        let mut cases = Vec::new();
        for nodes in [3, 5, 7] {
            for delay in [250, 5_000, 35_000] {
                cases.extend([0, 5, 20].map(|loss| case(delay, loss, nodes)));
            }
        }
        cases
    }
}

fn setting(case: Case, write_ms: u64) -> Setting {
    let write = write_ms * MS;
    // A leader leads while its log is written.
    let writes = WriteTimes { log: (0, 0), ..WriteTimes::equal((write, write)) };
    let timings = if case.delay_us > 10_000 { WIDE } else { Timings::LAN };
    let (delay, loss) = (case.delay_us * MS / 1_000, case.loss_percent * 10_000);
    Setting { writes, timings, ..Setting::new(case.nodes, delay, loss) }
}

const HEAD: &str = "\
| | mean | median | p95 | p99 | max | all know: mean | p99 | terms | never | unsteady | at rest | failover |
|---|---|---|---|---|---|---|---|---|---|---|---|---|";

fn row(name: &str, of: &Summary) -> String {
    let (elected, known) = (&of.elected, &of.known);
    let lengths = [
        elected.mean(),
        elected.quantile(0.5),
        elected.quantile(0.95),
        elected.quantile(0.99),
        elected.max(),
        known.mean(),
        known.quantile(0.99),
    ];
    let lengths: Vec<String> = lengths.iter().map(|length| format!("{length:.0}")).collect();
    format!(
        "| {name} | {} | {:.1} % | {} | {} | {:.0} | {:.0} |",
        lengths.join(" | "),
        of.split,
        share(of.never, of.runs),
        share(of.unsteady, of.runs),
        of.at_rest,
        of.sent
    )
}

fn share(count: usize, of: usize) -> String {
    if count == 0 { "0".to_owned() } else { format!("{count} of {of}") }
}

/// A file with a line for each run, if one was asked for.
struct Csv(Option<csv::Writer<File>>);

impl Csv {
    fn create(path: Option<&PathBuf>) -> Self {
        let mut csv = Csv(path.map(|path| csv::Writer::from_path(path).expect("the file can be written")));
        csv.put(["library", "nodes", "delay_ms", "loss_percent", "ms"].map(str::to_owned));
        csv
    }

    fn write(&mut self, name: &str, case: Case, outcomes: &[Outcome]) {
        let Case { nodes, delay_us, loss_percent } = case;
        let length = |outcome: &Outcome| match outcome {
            Outcome::Replaced(failover) => Some(format!("{:.3}", millis(failover.elected))),
            Outcome::Never => Some("inf".to_owned()),
            Outcome::Unsteady => None,
        };
        for length in outcomes.iter().filter_map(length) {
            let delay = (delay_us as f64 / 1e3).to_string();
            self.put([name.to_owned(), nodes.to_string(), delay, loss_percent.to_string(), length]);
        }
    }

    fn put(&mut self, record: [String; 5]) {
        if let Some(file) = &mut self.0 {
            file.write_record(record).expect("the file can be written");
        }
    }
}
