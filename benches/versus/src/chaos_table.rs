//! The commands `chaos` and `replay`: how many runs are affected, by library and by fault, and one run again.

use std::num::NonZero;
use std::panic;

use clap::{Args, ValueEnum};
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

use quorate_sim::{Faults, MS};
use quorate_versus::chaos;
use quorate_versus::check::{Checker, Finding, FindingKind};
use quorate_versus::library::SimulatedNode;
use quorate_versus::library::almost_raft::AlmostRaft;
use quorate_versus::library::quorate::Quorate;
use quorate_versus::library::raft_rs::RaftRs;

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

    /// Whether the library can do what the fault is about.
    fn supports(self, faults: Faults) -> bool {
        let can_reconfigure = match self {
            Library::Quorate => Quorate::CAN_RECONFIGURE,
            Library::RaftRs => <RaftRs>::CAN_RECONFIGURE,
            Library::AlmostRaft => AlmostRaft::CAN_RECONFIGURE,
        };
        can_reconfigure || faults != Faults::Churn
    }

    fn run(self, seed: u64, nodes: usize, faults: Faults, seconds: u64) -> Checker {
        match self {
            Library::Quorate => chaos::run::<Quorate>(seed, nodes, faults, seconds),
            Library::RaftRs => chaos::run::<RaftRs>(seed, nodes, faults, seconds),
            Library::AlmostRaft => chaos::run::<AlmostRaft>(seed, nodes, faults, seconds),
        }
    }
}

/// The rows of the table. Only the hosts of the simulator of quorate have wishes, and clocks that are coarse, and no
/// other library brings a node back that has forgotten.
fn rows() -> impl Iterator<Item = Faults> {
    let own = [Faults::Requests, Faults::Clocks, Faults::OldMessages, Faults::Amnesia, Faults::Lengths];
    Faults::ALL.into_iter().filter(move |faults| !own.contains(faults))
}

fn parse_faults(name: &str) -> Result<Faults, String> {
    let names = || rows().map(|faults| faults.to_string());
    let known = rows().find(|faults| faults.to_string() == name);
    known.ok_or_else(|| format!("one of {}", names().collect::<Vec<_>>().join(", ")))
}

/// The table of runs in which something was found, by fault and library.
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
    #[arg(long, value_parser = parse_faults)]
    faults: Option<Faults>,
    /// Only this library.
    #[arg(long, value_enum)]
    library: Option<Library>,
    /// Runs at once. By default as many as there are cores.
    #[arg(long)]
    threads: Option<NonZero<usize>>,
}

const HEADS: [&str; 6] = [
    "two leaders in one term",
    "two leaders, connected",
    "two leaders, partitioned",
    "majority leaderless",
    "needless change",
    "panic",
];

const NOTES: &str = "\
two leaders: of quorate, two leases at one instant; of the others, which know no lease, two running nodes
  that take themselves for the leader for more than 600 ms on end. They are connected if they can talk both
  ways, directly or through others, and partitioned if not
majority leaderless: for more than 3 s, with nothing changed meanwhile, no leader reached a quorum both ways
  although some running node did
needless change: a leader of more than 900 ms lost leadership, or another one rose beside it, although for
  900 ms it and a quorum were up and no message between them was lost
slow-disks: almost-raft writes nothing; after a crash it starts as a new node with the same id
drift: with partitions; 500 ppm at odd seeds, 200,000 at even ones
churn: voters become followers and voters again; of quorate only, also in the last row";

/// The findings of each run in a cell of the table.
type Cell = Vec<Vec<Finding>>;

impl Chaos {
    pub(crate) fn run(&self) -> bool {
        panic::set_hook(Box::new(|_| {}));
        let pool = ThreadPoolBuilder::new().num_threads(self.threads.map_or(0, NonZero::get)).build();
        pool.expect("threads can be started").install(|| self.print_table())
    }

    fn print_table(&self) -> bool {
        let Chaos { seeds, nodes, seconds, .. } = *self;
        let wanted = |library: &&Library| self.library.is_none_or(|only| only == **library);
        let libraries: Vec<Library> = Library::value_variants().iter().filter(wanted).copied().collect();
        let names: Vec<&str> = libraries.iter().map(|library| library.name()).collect();
        println!("{seeds} runs of {nodes} nodes, {seconds} virtual seconds each; runs affected");
        println!("each cell: {}\n", names.join(" / "));
        println!("| {:<10} {}|", "", HEADS.map(|head| format!("| {head} ")).concat());
        let lines = HEADS.map(|head| format!("|{}", "-".repeat(head.len() + 2)));
        println!("|{}{}|", "-".repeat(12), lines.concat());
        let mut all_well = true;
        for faults in rows().filter(|&faults| self.faults.is_none_or(|only| only == faults)) {
            let cell = |&library: &Library| library.supports(faults).then(|| self.cell(library, faults));
            let cells: Vec<Option<Cell>> = libraries.iter().map(cell).collect();
            println!("| {faults:<10} {}|", row(&cells).concat());
            let ours = libraries.iter().zip(&cells).filter(|(library, _)| **library == Library::Quorate);
            all_well &= ours.flat_map(|(_, cell)| cell).flatten().all(Vec::is_empty);
        }
        println!("\n{NOTES}");
        all_well
    }

    /// Runs all seeds of one library under these faults.
    fn cell(&self, library: Library, faults: Faults) -> Cell {
        let seeds = self.seed..self.seed + self.seeds;
        let run = |seed| {
            let findings = library.run(seed, self.nodes, faults, self.seconds).findings;
            if library == Library::Quorate && !findings.is_empty() {
                eprintln!("quorate, --faults {faults} --seed {seed}: {findings:?}");
            }
            findings
        };
        seeds.into_par_iter().map(run).collect()
    }
}

/// Counts the affected runs, by kind of finding and then by library.
fn row(cells: &[Option<Cell>]) -> Vec<String> {
    let is_affected = |run: &&Vec<Finding>, kind| run.iter().any(|finding| finding.kind == kind);
    let count = |cell: &Option<Cell>, kind: FindingKind| match cell {
        Some(runs) => runs.iter().filter(|run| is_affected(run, kind)).count().to_string(),
        None => "n/a".to_owned(),
    };
    let column = |(kind, head): (FindingKind, &str)| {
        let counts: Vec<String> = cells.iter().map(|cell| count(cell, kind)).collect();
        format!("| {:<width$} ", counts.join(" / "), width = head.len())
    };
    FindingKind::ALL.into_iter().zip(HEADS).map(column).collect()
}

/// Runs one seed again, and prints the first finding of each kind.
#[derive(Args)]
pub(crate) struct Replay {
    /// The library.
    #[arg(long, value_enum)]
    library: Library,
    /// What goes wrong.
    #[arg(long, value_parser = parse_faults)]
    faults: Faults,
    /// The seed of the run.
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
        let findings = self.library.run(self.seed, self.nodes, self.faults, self.seconds).findings;
        for Finding { kind, at, text } in &findings {
            println!("{:>6} ms  {kind:?}: {text}", at / MS);
        }
        findings.is_empty()
    }
}
