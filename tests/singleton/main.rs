//! `quorate run` under real faults: three supervisors on loopback, their guards, and a command
//! that appends stamps to a file they share as fast as it can. A stamp is the boot clock's time, the
//! term, the node and the process. Faults are drawn from a seed, several at a time:
//!
//! - SIGKILL and SIGSTOP, for shorter and for longer than a lease, of supervisors, guards and commands,
//!   mostly on the node where the command runs; supervisor and guard are also frozen together;
//! - SIGTERM of a supervisor, which has to stop the command and to exit with 0.
//!
//! `seats.rs` has supervisors that share nothing but a register, which this program serves to them (`register_double.rs`).
//!
//! `operations.rs` does what an operator does: it restarts supervisors, rotates their keys, and lets go of their log.
//!
//! Every second copy of the command ignores SIGTERM. `stamp_audit.rs` checks the file alone: no two copies
//! run at a time, terms never fall, and each term has one node. After each round everything is mended, and
//! the command has to run again.
//!
//! The test needs Linux, and no privileges. Elsewhere it prints that it was skipped, and passes.
//!
//! ```text
//! QUORATE_SINGLETON_FAULTS=200 cargo test --test singleton   # the default is 40
//! QUORATE_SINGLETON_SEED=17 cargo test --test singleton     # repeats the faults of that seed
//! QUORATE_SINGLETON_HANDOVERS=20 cargo test --test singleton -- restarted --nocapture   # the default is 5
//! ```
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

#[cfg(target_os = "linux")]
mod driver;
#[cfg(target_os = "linux")]
mod fault_schedule;
#[cfg(target_os = "linux")]
mod operations;
#[cfg(target_os = "linux")]
mod process_groups;
#[cfg(target_os = "linux")]
mod process_tree;
#[cfg(target_os = "linux")]
mod register_double;
#[cfg(target_os = "linux")]
mod seats;
mod stamp_audit;
#[cfg(target_os = "linux")]
mod supervisors;
#[cfg(target_os = "linux")]
mod worker;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use libtest_mimic::Arguments;

type Failure = Box<dyn Error + Send + Sync>;

/// The program.
const QUORATE: &str = env!("CARGO_BIN_EXE_quorate");

/// The number that the environment sets.
fn setting(name: &str) -> Result<Option<u64>, Failure> {
    match env::var(name) {
        Ok(value) => Ok(Some(value.parse().map_err(|error| format!("{name}={value}: {error}"))?)),
        Err(_) => Ok(None),
    }
}

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    if env::args().nth(1).as_deref() == Some("worker") {
        worker::main(env::args().skip(2));
    }
    #[cfg(target_os = "linux")]
    if let Some(folder) = env::args().nth(1).and_then(|url| url.strip_prefix("double:").map(str::to_owned)) {
        register_double::main(folder.as_ref());
    }
    let mut trials = stamp_audit::trials();
    #[cfg(target_os = "linux")]
    trials.extend(
        [process_groups::trials(), operations::trials(), seats::trials(), driver::trials()]
            .into_iter()
            .flatten(),
    );
    #[cfg(not(target_os = "linux"))]
    println!("skipped: one command on one machine: this is not Linux");
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
