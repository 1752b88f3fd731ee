//! The commands: the table of faults, one run of it again, the tables of costs and of failover times, and
//! drawings of them.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;

mod papers;
mod plot;
mod race;
mod report;
mod table;
mod targets;

/// quorate beside other elections: under the same faults, by what they cost, and by how long a group
/// is without a leader.
#[derive(Parser)]
#[command(name = "quorate-versus", version)]
enum Command {
    /// How many runs are affected. Fails if one of quorate is.
    Chaos(table::Chaos),
    /// One run again, and what was found in it first. Fails if anything was.
    Replay(table::Replay),
    /// What each costs on the same work.
    Cost(report::Cost),
    Failover(race::Failover),
    Papers(papers::Papers),
    Plot(plot::Plot),
}

fn main() -> ExitCode {
    let well = match Command::parse() {
        Command::Chaos(chaos) => chaos.run(),
        Command::Cost(cost) => cost.run(),
        Command::Replay(replay) => replay.run(),
        Command::Failover(failover) => failover.run(),
        Command::Papers(papers) => papers.run(),
        Command::Plot(plot) => plot.run(),
    };
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
