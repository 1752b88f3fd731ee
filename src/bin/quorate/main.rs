//! The program `quorate`: runs a command on exactly one machine of a group, and shows, asks and changes groups.
//!
//! `quorate --help` lists what it does. Bad input ends it with one line on the standard error and exit code 2,
//! any other failure with one line and exit code 1; each command documents further codes of its own.
#![forbid(unsafe_code)]

mod command_line;
#[cfg(unix)]
mod demo;
#[cfg(not(unix))]
#[path = "demo/elsewhere.rs"]
mod demo;
mod failure;
mod hosts;
mod key_files;
mod lengths;
#[cfg(target_os = "linux")]
mod local_socket;
#[cfg(not(target_os = "linux"))]
#[path = "local_socket/elsewhere.rs"]
mod local_socket;
mod manual;
mod members;
mod node;
mod node_options;
mod operating;
mod output;
mod paint;
mod recover;
mod register;
mod register_program;
mod replay;
mod resign;
mod run;
mod screen;
mod status;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::failure::Failure;

/// The name of a node: that of its pod or host, or a number.
type Id = quorate::Name<63>;

/// One leader among a group of machines: runs a command where it is, and shows, asks and changes the group
#[derive(Parser)]
#[command(name = "quorate", version, arg_required_else_help = false)]
struct CommandLine {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Demo(demo::Args),
    Run(run::Args),
    Node(Box<node::Args>),
    Status(status::Args),
    Watch(watch::Args),
    Replay(replay::Args),
    #[command(subcommand, arg_required_else_help = false)]
    Members(members::Task),
    Resign(resign::Args),
    #[command(subcommand, arg_required_else_help = false)]
    Recover(recover::Task),
    #[command(subcommand, arg_required_else_help = false)]
    Register(register::Task),
    Keygen(key_files::KeygenArgs),
    Keys(key_files::KeysArgs),
    Completions(manual::CompletionsArgs),
    Man(manual::ManArgs),
}

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    // Processes that this program starts of itself. No operator starts them, so no help names them.
    let done = match args.next().as_ref().and_then(|stage| stage.to_str()) {
        #[cfg(unix)]
        Some(demo::NODE) => demo::node(args),
        #[cfg(target_os = "linux")]
        Some(run::GUARD) => run::guard(args),
        #[cfg(target_os = "linux")]
        Some(run::EXEC) => run::exec(args),
        #[cfg(target_os = "linux")]
        Some(register_program::STAGE) => register_program::become_program(args),
        _ => match command_line::parse() {
            Ok(CommandLine { task }) => perform(task),
            Err(code) => return code,
        },
    };
    done.unwrap_or_else(|error| failure::report(error.as_ref()))
}

fn perform(task: Task) -> Result<ExitCode, Failure> {
    let done = match task {
        Task::Run(args) => return run::run(args),
        Task::Demo(args) => demo::run(&args),
        Task::Node(args) => node::run(*args),
        Task::Status(args) => status::run(&args),
        Task::Watch(args) => watch::run(&args),
        Task::Replay(args) => replay::run(&args),
        Task::Members(task) => members::run(task),
        Task::Resign(args) => resign::run(&args),
        Task::Recover(task) => recover::run(task),
        Task::Register(task) => register::run(task),
        Task::Keygen(args) => key_files::keygen(&args),
        Task::Keys(args) => key_files::keys(&args),
        Task::Completions(args) => manual::completions(&args),
        Task::Man(args) => manual::man(&args),
    };
    done.map(|()| ExitCode::SUCCESS)
}
