//! The commands of the simulator.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod clock_table;
#[cfg(feature = "endpoints")]
mod endpoint_runs;
mod fault_runs;
mod forgetting_table;
mod instance_memory;
mod length_runs;
#[cfg(feature = "register")]
mod register_runs;
#[cfg(feature = "register")]
mod register_tables;
mod sabotage;
mod time_tables;
mod tuning_table;

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
    Soak(fault_runs::Soak),
    /// Measures how long a group has no leader after a crash, at a cold start and in a handover.
    Failover(time_tables::FailoverTable),
    /// Measures what it takes that nodes may forget, beside groups whose nodes have storage.
    Forgetting(forgetting_table::ForgettingTable),
    /// Measures how long a group has no leader in a handover.
    Handover(time_tables::HandoverTable),
    /// Counts the violations under each kind of fault: all columns must be zero.
    Chaos(fault_runs::Chaos),
    /// Runs groups whose nodes have lengths of their own, and checks that each wish is met or refused in time.
    Lengths(length_runs::LengthRuns),
    /// Measures for how long two leases hold at once when clocks are worse than declared.
    Clocks(clock_table::ClockTable),
    /// Shows one run again, line by line.
    Replay(fault_runs::Replay),
    /// Shows the run that a file of the fuzz target `faults` decides, line by line.
    Schedule(fault_runs::Bytes),
    /// Shows the run that a file of the fuzz target `cluster` decides, line by line.
    Interleaving(fault_runs::Bytes),
    /// Compares promises tuned to the network with fixed ones.
    Tuned(tuning_table::Tuned),
    /// Breaks one rule after another in a copy of the sources, and shows which tests notice.
    Sabotage(sabotage::Sabotage),
    /// Prints how much memory an instance takes.
    Bytes,
    /// Runs machines that share a voter in a register; fails at a violation.
    #[cfg(feature = "register")]
    Register(register_runs::RegisterRuns),
    /// Measures how long two machines with a register have no leader after a fault, and how often they call the register.
    #[cfg(feature = "register")]
    RegisterTables(register_tables::RegisterTables),
    /// Runs whole endpoints, sealed and not, while nodes move, vanish and come back; fails at a violation.
    #[cfg(feature = "endpoints")]
    Endpoints(endpoint_runs::EndpointRuns),
}

fn main() -> ExitCode {
    let passed = match Arguments::parse().command {
        Command::Soak(soak) => soak.run(),
        Command::Failover(table) => table.run(),
        Command::Forgetting(table) => table.run(),
        Command::Handover(table) => table.run(),
        Command::Chaos(chaos) => chaos.run(),
        Command::Lengths(runs) => runs.run(),
        Command::Clocks(table) => table.run(),
        Command::Replay(replay) => replay.run(),
        Command::Schedule(bytes) => bytes.run_schedule(),
        Command::Interleaving(bytes) => bytes.run_interleaving(),
        Command::Tuned(tuned) => tuned.run(),
        Command::Sabotage(sabotage) => sabotage.run(),
        Command::Bytes => instance_memory::run(),
        #[cfg(feature = "register")]
        Command::Register(runs) => runs.run(),
        #[cfg(feature = "register")]
        Command::RegisterTables(tables) => tables.run(),
        #[cfg(feature = "endpoints")]
        Command::Endpoints(runs) => runs.run(),
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
