//! The example `singleton` as it runs for real: three supervisors on loopback, their guards, and a
//! command that stamps a file they share, each line with the boot clock, its term and who it is, as
//! fast as it can. Faults come at random from a seed, several at a time:
//!
//! - SIGKILL and SIGSTOP, for shorter and for longer than a lease, of supervisors, guards and
//!   commands, mostly of those that are at work; supervisor and guard frozen together too;
//! - SIGTERM of a supervisor: it has to stop the command, and to exit with 0.
//!
//! Every second copy of the command does not listen to SIGTERM. Checked, from the file alone
//! (`audit.rs`): no two copies at one time, terms that never fall, and one node for each term. After
//! each round all is mended, and the command has to run again.
//!
//! It needs Linux, and no privileges; elsewhere it says that it was skipped, and passes.
//!
//! ```text
//! QUORATE_SINGLETON_FAULTS=200 cargo test --test singleton   # 40, unless told otherwise
//! QUORATE_SINGLETON_SEED=17 cargo test --test singleton      # the faults of that seed once more
//! ```
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

#[cfg(target_os = "linux")]
mod driver;
#[cfg(target_os = "linux")]
mod supervisors;
// The example itself: what is tested is never older than its source.
mod audit;
#[path = "../../examples/singleton/main.rs"]
mod example;
#[cfg(target_os = "linux")]
mod fault_schedule;
#[cfg(target_os = "linux")]
mod groups;
#[cfg(target_os = "linux")]
mod processes;
#[cfg(target_os = "linux")]
mod worker;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use libtest_mimic::Arguments;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    match env::args().nth(1).as_deref() {
        Some("guard" | "exec" | "--id") => return example::main(),
        Some("worker") => worker::main(env::args().skip(2)),
        _ => {}
    }
    let mut trials = audit::trials();
    #[cfg(target_os = "linux")]
    trials.extend(groups::trials().into_iter().chain(driver::trials()));
    #[cfg(not(target_os = "linux"))]
    println!("skipped: one command on one machine: this is not Linux");
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
