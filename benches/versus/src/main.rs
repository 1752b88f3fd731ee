//! The commands: the table, and one run of it again.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;

mod table;

/// quorate beside other elections, under the same faults.
#[derive(Parser)]
#[command(name = "quorate-versus", version)]
enum Command {
    /// How many runs are affected. Fails if one of quorate is.
    Chaos(table::Chaos),
    /// One run again, and what was found in it first. Fails if anything was.
    Replay(table::Replay),
}

fn main() -> ExitCode {
    let well = match Command::parse() {
        Command::Chaos(chaos) => chaos.run(),
        Command::Replay(replay) => replay.run(),
    };
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
