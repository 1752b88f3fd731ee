//! Real hosts, measured: five processes on loopback whose leader is killed again and again, and groups at rest. The
//! README says how to run it, and what came out.
#![allow(clippy::arithmetic_side_effects, reason = "a measurement that overflows is wrong")]

mod group;
mod kills;
mod node;
mod rest;
mod simulated;

use std::error::Error;
use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use quorate::Timing;

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Parser)]
#[command(about = "Measures quorate's hosts on real sockets")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Kills the leader of five nodes again and again.
    Kills {
        #[command(flatten)]
        group: GroupArgs,
        /// How often.
        #[arg(long, default_value_t = 100)]
        kills: usize,
        /// The seed of the moments.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Looks at a group at rest.
    Rest {
        #[command(flatten)]
        group: GroupArgs,
        /// For how many seconds, and as long again under `strace`, if there is one.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Of how many nodes.
        #[arg(long, default_value_t = 3)]
        nodes: usize,
    },
    /// Is a node: the other commands start it.
    #[command(hide = true)]
    Node(node::NodeArgs),
}

/// What the nodes of a group have in common.
#[derive(Args, Clone)]
struct GroupArgs {
    /// The hosts to measure.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["thread", "tokio"])]
    host: Vec<Kind>,
    /// The promises to measure, in milliseconds.
    #[arg(long, value_delimiter = ',', default_values_t = [150, 50, 30])]
    promise: Vec<u64>,
    /// Seals the datagrams.
    #[arg(long)]
    sealed: bool,
    /// Lets a watcher hear of each growth of the lease.
    #[arg(long)]
    watch_growth: bool,
    /// Runs the nodes at a real-time priority (`chrt -f 50`), ahead of whatever else the machine does.
    #[arg(long)]
    fifo: bool,
}

/// A host.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Thread,
    Tokio,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Thread => "thread",
            Kind::Tokio => "tokio",
        })
    }
}

/// The lengths of `Timing::lan`, in proportion to the promise.
fn timing(promise: Duration) -> Timing {
    Timing {
        promise,
        promise_limit: promise * 3,
        heartbeat_interval: promise / 3,
        retry_interval: promise * 2 / 15,
        stagger: promise * 2 / 15,
        ..Timing::lan()
    }
}

/// Runs `measure` for each host and promise.
fn for_each(
    group: &GroupArgs,
    mut measure: impl FnMut(Kind, Duration) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for &promise in &group.promise {
        for &kind in &group.host {
            measure(kind, Duration::from_millis(promise))?;
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Kills { group, kills, seed } => kills::main(&group, kills, seed),
        Command::Rest { group, seconds, nodes } => rest::main(&group, Duration::from_secs(seconds), nodes),
        Command::Node(args) => node::main(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
