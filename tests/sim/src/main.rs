//! The simulator's commands: tables, soak, replay.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bytes;
mod sabotage;
mod tables;
mod times;
mod tuned;

/// The deterministic cluster that quorate is tested on.
#[derive(Parser)]
#[command(name = "quorate-sim", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs five-node clusters under mixed faults on all cores; fails at the first violation.
    Soak(tables::Soak),
    /// How long a group is without a leader after a crash, at a cold start, at a handover.
    Failover(times::FailoverTable),
    /// How long a group is without a leader when that gives up on purpose.
    Handover(times::HandoverTable),
    /// What goes wrong under which faults: all columns must be zero.
    Chaos(tables::Chaos),
    /// Shows one run again, line by line.
    Replay(tables::Replay),
    Schedule(tables::Bytes),
    /// What promises tuned to the network are worth, and whether they cost leadership.
    Tuned(tuned::Tuned),
    /// Breaks one rule after another in a copy of the sources, and shows which tests notice.
    Sabotage(sabotage::Sabotage),
    /// How much memory an instance takes.
    Bytes,
}

fn main() -> ExitCode {
    let well = match Arguments::parse().command {
        Command::Soak(soak) => soak.run(),
        Command::Failover(table) => table.run(),
        Command::Handover(table) => table.run(),
        Command::Chaos(chaos) => chaos.run(),
        Command::Replay(replay) => replay.run(),
        Command::Schedule(bytes) => bytes.run(),
        Command::Tuned(tuned) => tuned.run(),
        Command::Sabotage(sabotage) => sabotage.run(),
        Command::Bytes => bytes::run(),
    };
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
