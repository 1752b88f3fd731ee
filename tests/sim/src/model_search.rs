//! The model checker's command.

use std::thread::available_parallelism;

use clap::Args;
use quorate_sim::model::{Search, check, large, small};

/// Searches the model's instances.
#[derive(Args)]
pub(crate) struct Model {
    /// The large ones, which take a while, instead of those that `cargo test` searches.
    #[arg(long)]
    large: bool,
    /// Only those whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Find the shortest way to a violation. Takes more memory.
    #[arg(long)]
    shortest: bool,
    /// How many threads search; as many as there are cores unless told otherwise.
    #[arg(long)]
    threads: Option<usize>,
}

impl Model {
    pub(crate) fn run(&self) -> bool {
        let instances = if self.large { large() } else { small() };
        let search = if self.shortest { Search::BreadthFirst } else { Search::DepthFirst };
        let cores = || available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = self.threads.unwrap_or_else(cores);
        let (mut states, mut well) = (0, true);
        for instance in instances.into_iter().filter(|instance| instance.name.contains(&self.only)) {
            let found = check(instance, search, threads);
            print!("{found}");
            states += found.states;
            well &= found.is_well();
        }
        println!("unique states in all: {states}");
        well
    }
}
