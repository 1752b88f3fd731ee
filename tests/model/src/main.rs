//! The model checker's command.

use std::process::ExitCode;
use std::thread::available_parallelism;

use clap::Parser;
use quorate_model::{Search, check, large, small};

/// Every reachable state of small groups, within bounds: no property may be violated.
#[derive(Parser)]
#[command(name = "quorate-model", version)]
struct Model {
    /// Search the large instances, which take a while, instead of the ones that `cargo test` searches.
    #[arg(long)]
    large: bool,
    /// Search only instances whose name contains this text.
    #[arg(long, default_value = "")]
    only: String,
    /// Find the shortest way to a violation, which takes more memory.
    #[arg(long)]
    shortest: bool,
    /// Number of threads; as many as there are cores unless told otherwise.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    if Model::parse().run() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Model {
    fn run(&self) -> bool {
        let instances = if self.large { large() } else { small() };
        let search = if self.shortest { Search::BreadthFirst } else { Search::DepthFirst };
        let cores = || available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = self.threads.unwrap_or_else(cores);
        let (mut states, mut well) = (0, true);
        for instance in instances.into_iter().filter(|instance| instance.name.contains(&self.only)) {
            let found = check(instance, search, threads);
            print!("{found}");
            states += found.states;
            well &= found.passed();
        }
        println!("unique states in all: {states}");
        well
    }
}
