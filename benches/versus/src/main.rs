//! The commands of the comparison.
//!
//! # The order of the files
//!
//! A file imports only files above it, and the library of this crate; `tests/imports.rs` checks that.
//!
//! - `chaos_table`: the commands `chaos` and `replay`.
//! - `failover_results`: the results of each library in each case.
//! - `failover_targets`: ratios of the results, and whether targets are met.
//! - `failover_table`: the command `failover`.
//! - `raft_experiments`: the command `raft-experiments`.
//! - `cost_report::machine`: the machine on which the costs are measured.
//! - `cost_report::library`: the libraries and subjects of the tables.
//! - `cost_report::figure`: what was measured, and the files that keep it.
//! - `cost_report::verdict`: the targets, and whether they are met.
//! - `cost_report::table`: the tables.
//! - `cost_report::measure`: measures the libraries in turns.
//! - `cost_report::instructions`, `cost_report::build`: counts instructions; builds programs.
//! - `cost_report`: the command `cost`.
//! - `growth`: measures what the drawings show.
//! - `plot`: the command `plot`.
//! - `readme`: the command `readme`.
//! - `main`: the commands.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;

mod chaos_table;
mod cost_report;
mod failover_results;
mod failover_table;
mod failover_targets;
mod growth;
mod plot;
mod raft_experiments;
mod readme;

/// quorate beside other elections: under the same faults, by what they cost, and by how long a group
/// is without a leader.
#[derive(Parser)]
#[command(name = "quorate-versus", version)]
enum Command {
    /// How many runs are affected by which fault. Fails if a run of quorate is.
    Chaos(chaos_table::Chaos),
    /// Runs one seed again, and prints what was found. Fails if anything was.
    Replay(chaos_table::Replay),
    Cost(cost_report::Cost),
    Failover(failover_table::Failover),
    RaftExperiments(raft_experiments::RaftExperiments),
    Plot(plot::Plot),
    Readme(readme::Readme),
}

fn main() -> ExitCode {
    let is_well = match Command::parse() {
        Command::Chaos(chaos) => chaos.run(),
        // Both run, whatever the targets say.
        Command::Cost(cost) => cost.run() & (!cost.record || readme::rewrite()),
        Command::Replay(replay) => replay.run(),
        Command::Failover(failover) => failover.run(),
        Command::RaftExperiments(experiments) => experiments.run(),
        Command::Plot(plot) => plot.run() && readme::rewrite(),
        Command::Readme(readme) => readme.run(),
    };
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
