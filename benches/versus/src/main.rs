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
//! - `cost_report::measure`: measures the libraries in turns.
//! - `cost_report::table`: prints rows, columns and targets.
//! - `cost_report::rows`, `cost_report::build`, `cost_report::instructions`: the rows of the three tables.
//! - `cost_report`: the command `cost`.
//! - `plot`: the command `plot`.
//! - `main`: the commands.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;

mod chaos_table;
mod cost_report;
mod failover_results;
mod failover_table;
mod failover_targets;
mod plot;
mod raft_experiments;

/// quorate beside other elections: under the same faults, by what they cost, and by how long a group
/// is without a leader.
#[derive(Parser)]
#[command(name = "quorate-versus", version)]
enum Command {
    /// How many runs are affected by which fault. Fails if a run of quorate is.
    Chaos(chaos_table::Chaos),
    /// Runs one seed again, and prints what was found. Fails if anything was.
    Replay(chaos_table::Replay),
    /// What each library costs on the same work. Fails if quorate misses a target.
    Cost(cost_report::Cost),
    Failover(failover_table::Failover),
    RaftExperiments(raft_experiments::RaftExperiments),
    Plot(plot::Plot),
}

fn main() -> ExitCode {
    let is_well = match Command::parse() {
        Command::Chaos(chaos) => chaos.run(),
        Command::Cost(cost) => cost.run(),
        Command::Replay(replay) => replay.run(),
        Command::Failover(failover) => failover.run(),
        Command::RaftExperiments(experiments) => experiments.run(),
        Command::Plot(plot) => plot.run(),
    };
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
