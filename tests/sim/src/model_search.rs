//! The command that runs the model checker.

use std::thread::available_parallelism;

use clap::Args;
use quorate_sim::model::{Search, check, large, small};

/// Searches the instances of the model.
#[derive(Args)]
pub(crate) struct Model {
    /// Search the large instances, which take minutes, instead of those that `cargo test` searches.
    #[arg(long)]
    large: bool,
    /// Only instances whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Find the shortest path to a violation, which takes more memory.
    #[arg(long)]
    shortest: bool,
    /// How many threads search; the default is one for each core.
    #[arg(long)]
    threads: Option<usize>,
}

impl Model {
    pub(crate) fn run(&self) -> bool {
        let instances = if self.large { large() } else { small() };
        let search = if self.shortest { Search::BreadthFirst } else { Search::DepthFirst };
        let cores = || available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = self.threads.unwrap_or_else(cores);
        let (mut states, mut passed) = (0, true);
        for instance in instances.into_iter().filter(|instance| instance.name.contains(&self.only)) {
            let found = check(instance, search, threads);
            print!("{found}");
            states += found.states;
            passed &= found.passed();
        }
        println!("unique states in all: {states}");
        passed
    }
}
