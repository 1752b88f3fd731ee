//! The table: how many runs are affected, by library and by what goes wrong.

use std::num::NonZero;
use std::panic;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use clap::{Args, ValueEnum};

use quorate_versus::check::{Column, Watch};
use quorate_versus::clock::MS;
use quorate_versus::faults::{self, Fault, Mix};
use quorate_versus::rival::Rival;
use quorate_versus::rival::almost_raft::AlmostRaft;
use quorate_versus::rival::quorate::Quorate;
use quorate_versus::rival::raft_rs::RaftRs;

/// The libraries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Library {
    Quorate,
    RaftRs,
    AlmostRaft,
}

impl Library {
    fn name(self) -> &'static str {
        match self {
            Library::Quorate => Quorate::NAME,
            Library::RaftRs => <RaftRs>::NAME,
            Library::AlmostRaft => AlmostRaft::NAME,
        }
    }

    fn applies(self, mix: Mix) -> bool {
        let churns = match self {
            Library::Quorate => Quorate::CHURNS,
            Library::RaftRs => <RaftRs>::CHURNS,
            Library::AlmostRaft => AlmostRaft::CHURNS,
        };
        churns || mix != Mix::Only(Fault::Churn)
    }

    fn run(self, seed: u64, nodes: usize, mix: Mix, seconds: u64) -> Watch {
        match self {
            Library::Quorate => faults::run::<Quorate>(seed, nodes, mix, seconds),
            Library::RaftRs => faults::run::<RaftRs>(seed, nodes, mix, seconds),
            Library::AlmostRaft => faults::run::<AlmostRaft>(seed, nodes, mix, seconds),
        }
    }
}

/// Runs that went wrong, by fault and library.
#[derive(Args)]
pub(crate) struct Chaos {
    /// Runs for each cell.
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Nodes in each group.
    #[arg(long, default_value_t = 5)]
    nodes: usize,
    /// Virtual seconds of each run.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Only this row.
    #[arg(long)]
    faults: Option<Mix>,
    /// Only this library.
    #[arg(long, value_enum)]
    library: Option<Library>,
    /// Runs at once; all cores if not given.
    #[arg(long)]
    threads: Option<NonZero<usize>>,
}

const HEADS: [&str; 6] = [
    "two leaders in one term",
    "two leaders at once, together",
    "two at once, across a cut",
    "majority leaderless",
    "needless change",
    "panic",
];

const NOTES: &str = "\
two leaders at once: of quorate two leases at one instant; of the others, which know no lease, two
  running nodes that take themselves for the leader for more than 600 ms on end; either two that can
  talk both ways, be it through others, or two that cannot
majority leaderless: for more than 3 s, with nothing changed meanwhile, no leader reached a quorum both
  ways though some running node did
needless change: a leader of more than 900 ms fell or another rose beside it, though for 900 ms it and a
  quorum were up, and no message between them was lost
slow-disks: almost-raft writes nothing; after a crash it starts as a new node of the same name
drift: with partitions; 500 ppm at odd seeds, 200,000 at even ones
churn: voters become followers and voters again, of quorate only, also in the last row";

type Found = Vec<Column>;

impl Chaos {
    pub(crate) fn run(&self) -> bool {
        panic::set_hook(Box::new(|_| {}));
        let Chaos { seeds, nodes, seconds, .. } = *self;
        let libraries: Vec<Library> = Library::value_variants()
            .iter()
            .copied()
            .filter(|&library| self.library.is_none_or(|only| only == library))
            .collect();
        let names: Vec<&str> = libraries.iter().map(|library| library.name()).collect();
        println!("{seeds} runs of {nodes} nodes, {seconds} virtual seconds each; runs affected");
        println!("each cell: {}\n", names.join(" / "));
        println!("| {:<10} {}|", "", HEADS.map(|head| format!("| {head} ")).concat());
        println!(
            "|{}{}|",
            "-".repeat(12),
            HEADS.map(|head| format!("|{}", "-".repeat(head.len() + 2))).concat()
        );
        let mut well = true;
        for mix in Mix::ALL.into_iter().filter(|&mix| self.faults.is_none_or(|only| only == mix)) {
            let found: Vec<Option<Vec<Found>>> = libraries
                .iter()
                .map(|&library| library.applies(mix).then(|| self.all_seeds(library, mix)))
                .collect();
            println!("| {mix:<10} {}|", row(&found).concat());
            let ours = libraries.iter().zip(&found).filter(|(library, _)| **library == Library::Quorate);
            well &= ours.flat_map(|(_, found)| found).flatten().all(Vec::is_empty);
        }
        println!("\n{NOTES}");
        well
    }

    /// What was found in each run.
    fn all_seeds(&self, library: Library, mix: Mix) -> Vec<Found> {
        let next = AtomicU64::new(0);
        let found = Mutex::new(Vec::new());
        let work = || {
            while let Some(run) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&run| run < self.seeds) {
                let seed = self.seed + run;
                let watch = library.run(seed, self.nodes, mix, self.seconds);
                if library == Library::Quorate && !watch.found.is_empty() {
                    eprintln!("quorate, --faults {mix} --seed {seed}: {:?}", watch.found);
                }
                let columns = watch.found.into_iter().map(|(column, ..)| column).collect();
                found.lock().expect("no thread panics here").push(columns);
            }
        };
        let threads = self.threads.or(thread::available_parallelism().ok()).map_or(1, NonZero::get);
        thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
        found.into_inner().expect("no thread panics here")
    }
}

fn row(found: &[Option<Vec<Found>>]) -> Vec<String> {
    let count = |runs: &Option<Vec<Found>>, column: Column| match runs {
        Some(runs) => runs.iter().filter(|columns| columns.contains(&column)).count().to_string(),
        None => "n/a".to_owned(),
    };
    let cell = |(column, head): (Column, &str)| {
        let counts: Vec<String> = found.iter().map(|runs| count(runs, column)).collect();
        format!("| {:<width$} ", counts.join(" / "), width = head.len())
    };
    Column::ALL.into_iter().zip(HEADS).map(cell).collect()
}

/// One run again, and what was found in it first.
#[derive(Args)]
pub(crate) struct Replay {
    /// The library.
    #[arg(long, value_enum)]
    library: Library,
    /// What goes wrong.
    #[arg(long)]
    faults: Mix,
    /// Decides all.
    #[arg(long)]
    seed: u64,
    /// Nodes in the group.
    #[arg(long, default_value_t = 5)]
    nodes: usize,
    /// Virtual seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

impl Replay {
    pub(crate) fn run(&self) -> bool {
        let watch = self.library.run(self.seed, self.nodes, self.faults, self.seconds);
        for (column, at, text) in &watch.found {
            println!("{:>6} ms  {column:?}: {text}", at / MS);
        }
        watch.found.is_empty()
    }
}
