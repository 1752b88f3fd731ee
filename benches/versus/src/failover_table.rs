//! The command `failover`: the table of failover times.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use quorate_sim::{MS, SECOND};
use quorate_versus::conditions::WriteTimes;
use quorate_versus::failover::{Outcome, Setting, millis};
use quorate_versus::library::Timings;
use quorate_versus::setups::{self, LibrarySetup};
use quorate_versus::summary::{PeaceSummary, Summary};

use crate::failover_results::{Case, Results, Row};
use crate::failover_targets;

/// How long it usually takes until a state has reached a disk.
pub(crate) const USUAL_WRITE_MS: u64 = 10;
/// The same of a slow disk.
const SLOW_WRITE_MS: u64 = 40;
/// For how long groups are looked at while nothing crashes, and the share of the seeds that are run.
const PEACE: u64 = 60 * SECOND;
const ONE_SEED_IN_PEACE: u64 = 20;

/// How long a group is without a leader when its leader crashes. Fails if quorate misses a target.
#[derive(Args)]
pub(crate) struct Failover {
    /// Runs of each library in each case; a tenth of them of almost-raft, which takes long.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// All cases: 3, 5 and 7 nodes; 0.25, 5 and 35 ms one way; no loss, 5 % and 20 %.
    #[arg(long)]
    all: bool,
    /// How long each write takes, in milliseconds. A process does nothing else meanwhile. By default 10, and without
    /// `--all` also 40, as of a slow disk.
    #[arg(long)]
    write_ms: Option<u64>,
    /// Only libraries whose names contain one of these texts.
    #[arg(long)]
    library: Vec<String>,
    /// Writes the length of each run to this file.
    #[arg(long)]
    csv: Option<PathBuf>,
}

/// Timings for 35 ms one way, which a promise of 150 ms would not outlast.
pub(crate) const WIDE: Timings = Timings {
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

const PEACE_NOTES: &str = "\
A minute in which nothing crashes: changes of the leader / ms without a leader. In each case a twentieth of the
runs, of a minute each.";

impl Failover {
    pub(crate) fn run(&self) -> bool {
        let mut csv = Csv::create(self.csv.as_ref());
        let mut all = Vec::new();
        for (case, write_ms) in self.cases() {
            let mut results = Results { case, write_ms, rows: Vec::new() };
            println!("{}\n\n{HEAD}", results.name());
            for setup in setups::ALL.into_iter().filter(|setup| self.is_wanted(setup.name)) {
                let setting = setting(case, write_ms);
                let outcomes = setup.outcomes(&setting, self.seeds);
                csv.write(setup.name, case, &outcomes);
                let row =
                    Row { setup, failovers: Summary::new(&outcomes), peace: self.peace(setup, &setting) };
                println!("{}", line(&row));
                results.rows.push(row);
            }
            println!();
            all.push(results);
        }
        drop(csv);
        println!("{NOTES}\n");
        print_peace(&all);
        failover_targets::print_ratios(&all);
        failover_targets::check(&all, self.seeds)
    }

    fn is_wanted(&self, name: &str) -> bool {
        self.library.is_empty() || self.library.iter().any(|text| name.contains(text))
    }

    /// How groups do in which nothing crashes, of the libraries that are compared in that.
    fn peace(&self, setup: LibrarySetup, setting: &Setting) -> Option<PeaceSummary> {
        let is_compared = setups::IN_PEACE.iter().any(|compared| compared.name == setup.name);
        let seeds = self.seeds.div_ceil(ONE_SEED_IN_PEACE);
        is_compared.then(|| PeaceSummary::new(&setup.in_peace(setting, PEACE, seeds)))
    }

    /// The cases, each with the length of its writes.
    fn cases(&self) -> Vec<(Case, u64)> {
        let (sizes, delays): (&[usize], &[u64]) =
            if self.all { (&[3, 5, 7], &[250, 5_000, 35_000]) } else { (&[3, 5], &[5_000, 35_000]) };
        let writes = match self.write_ms {
            Some(write_ms) => vec![write_ms],
            None if self.all => vec![USUAL_WRITE_MS],
            None => vec![USUAL_WRITE_MS, SLOW_WRITE_MS],
        };
        let mut cases = Vec::new();
        for &write_ms in &writes {
            for &nodes in sizes {
                for &delay_us in delays {
                    let case = |loss_percent| (Case { nodes, delay_us, loss_percent }, write_ms);
                    cases.extend([0, 5, 20].map(case));
                }
            }
        }
        cases
    }
}

pub(crate) fn setting(case: Case, write_ms: u64) -> Setting {
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

fn line(row: &Row) -> String {
    let Row { setup, failovers: of, .. } = row;
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
        "| {} | {} | {:.1} % | {} | {} | {:.0} | {:.0} |",
        setup.name,
        lengths.join(" | "),
        of.split,
        share(of.never, of.runs),
        share(of.unsteady, of.runs),
        of.at_rest,
        of.sent
    )
}

/// A line for each case.
fn print_peace(all: &[Results]) {
    let names = setups::IN_PEACE.map(|setup| setup.name);
    println!("{PEACE_NOTES}\n\n| | {} |\n|---|---|---|---|---|", names.join(" | "));
    for results in all {
        let cell = |name: &str| match results.row(name).and_then(|row| row.peace) {
            Some(PeaceSummary { changes, leaderless }) => format!("{changes:.1} / {leaderless:.0}"),
            None => "—".to_owned(),
        };
        println!("| {} | {} |", results.name(), names.map(cell).join(" | "));
    }
    println!();
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
