//! The table of failover times.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use quorate_versus::clock::MS;
use quorate_versus::competitor::{self, Competitor};
use quorate_versus::conditions::Writes;
use quorate_versus::failover::{Outcome, Setting, millis};
use quorate_versus::rival::Pace;
use quorate_versus::summary::Summary;

use crate::targets;

/// How long a group is without a leader when its leader crashes. Fails if quorate misses a target.
#[derive(Args)]
pub(crate) struct Failover {
    /// Runs of each competitor in each setting; of almost-raft, which takes long, a tenth.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// All settings: 3, 5, 7 nodes; 0.25, 5, 35 ms one way; no loss, 5 %, 20 %.
    #[arg(long)]
    all: bool,
    /// How long each write takes, in milliseconds.
    #[arg(long, default_value_t = 0)]
    write_ms: u64,
    /// Writes the length of each run here.
    #[arg(long)]
    csv: Option<PathBuf>,
}

impl Failover {
    /// The settings that matter most, into a file.
    pub(crate) fn into_file(path: PathBuf) -> Self {
        Failover { seeds: 1_000, all: false, write_ms: 0, csv: Some(path) }
    }
}

/// A setting, and by what it is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) nodes: usize,
    /// One way, in microseconds.
    pub(crate) delay: u64,
    /// Messages lost, in parts of a hundred.
    pub(crate) loss: u32,
}

/// What was measured in a setting, by competitor.
pub(crate) struct Results {
    pub(crate) place: Place,
    pub(crate) rows: Vec<(Competitor, Summary)>,
}

impl Results {
    pub(crate) fn of(&self, name: &str) -> Option<&Summary> {
        self.rows.iter().find(|(competitor, _)| competitor.name == name).map(|(_, summary)| summary)
    }
}

/// For ways of 35 ms, which a promise of 150 ms would not outlast.
const WIDE: Pace = Pace {
    timeout: Duration::from_millis(300),
    longest: Duration::from_millis(600),
    heartbeat: Duration::from_millis(100),
    retry: Duration::from_millis(80),
    stagger: Duration::from_millis(100),
};

const NOTES: &str = "\
Times from the crash to the new leader (of quorate: to its lease), in ms. One way takes 60 to 140 % of what
is given. Promise, or shortest timeout, 150 ms (Raft's longest 300), heartbeats every 50 ms, quorate's
stagger and retry 20 ms; where one way takes 35 ms, 300 (600), 100, 100 and 80 ms. omnipaxos has a round
for each heartbeat and resends as soon as quorate; its leader is one that could accept entries. all know:
until all nodes that run take the new leader for it. terms: runs that took more than one. never: nobody
within 30 s. unsteady: none led for 2 s within 120 s, so none crashed. at rest: messages of all nodes in a
second. failover: messages from the crash until all know. almost-raft takes long to simulate: a tenth of
the runs.";

impl Failover {
    pub(crate) fn run(&self) -> bool {
        let mut csv = Csv::create(self.csv.as_ref());
        let mut all = Vec::new();
        for place in self.places() {
            println!("{}\n\n{HEAD}", place.name());
            let mut rows = Vec::new();
            for competitor in competitor::ALL {
                let outcomes = competitor.outcomes(&self.setting(place), self.seeds);
                csv.write(competitor.name, place, &outcomes);
                let summary = Summary::of(&outcomes);
                println!("{}", row(competitor.name, &summary));
                rows.push((competitor, summary));
            }
            println!();
            all.push(Results { place, rows });
        }
        drop(csv);
        println!("{NOTES}\n");
        targets::print_ratios(&all);
        targets::check(&all, self.seeds)
    }

    fn places(&self) -> Vec<Place> {
        let at = |delay, loss, nodes| Place { nodes, delay, loss };
        if !self.all {
            return [3, 5].into_iter().flat_map(|nodes| [0, 5].map(|loss| at(5_000, loss, nodes))).collect();
        }
        let mut places = Vec::new();
        for nodes in [3, 5, 7] {
            for delay in [250, 5_000, 35_000] {
                places.extend([0, 5, 20].map(|loss| at(delay, loss, nodes)));
            }
        }
        places
    }

    fn setting(&self, place: Place) -> Setting {
        let write = self.write_ms * MS;
        // A leader leads while its log is written.
        let writes = Writes { log: (0, 0), ..Writes::of((write, write)) };
        let pace = if place.delay > 10_000 { WIDE } else { Pace::LAN };
        Setting { writes, pace, ..Setting::new(place.nodes, place.delay * MS / 1_000, place.loss * 10_000) }
    }
}

impl Place {
    pub(crate) fn name(self) -> String {
        let loss = if self.loss == 0 { "no loss".to_owned() } else { format!("{} % loss", self.loss) };
        format!("{} nodes, {} ms one way, {loss}", self.nodes, self.delay as f64 / 1e3)
    }
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

/// A file with a line for each run, if one is wanted.
struct Csv(Option<csv::Writer<File>>);

impl Csv {
    fn create(path: Option<&PathBuf>) -> Self {
        let mut csv = Csv(path.map(|path| csv::Writer::from_path(path).expect("the file can be written")));
        csv.put(["library", "nodes", "delay_ms", "loss_percent", "ms"].map(str::to_owned));
        csv
    }

    fn write(&mut self, name: &str, place: Place, outcomes: &[Outcome]) {
        let Place { nodes, delay, loss } = place;
        let length = |outcome: &Outcome| match outcome {
            Outcome::Replaced(trial) => Some(format!("{:.3}", millis(trial.elected))),
            Outcome::Never => Some("inf".to_owned()),
            Outcome::Unsteady => None,
        };
        for length in outcomes.iter().filter_map(length) {
            let delay = (delay as f64 / 1e3).to_string();
            self.put([name.to_owned(), nodes.to_string(), delay, loss.to_string(), length]);
        }
    }

    fn put(&mut self, record: [String; 5]) {
        if let Some(file) = &mut self.0 {
            file.write_record(record).expect("the file can be written");
        }
    }
}
