//! Whole hosts as they run for real: five processes, each in a network namespace of its own, with a
//! disk of its own, while everything around them fails. Faults come at random from a seed:
//!
//! - partitions, one-way cuts and lossy links (nftables), delays, disorder and doubles (a relay);
//! - SIGKILL, and SIGSTOP for longer than a lease;
//! - a full disk, a read-only folder: the node has to stop, and say why;
//! - a damaged or lost state file: it has to refuse to start, and say why. It comes back with a copy
//!   of its file that was taken after it died, or a new id takes its place.
//!
//! They overlap, and after every ten all is mended. Checked, from what each node writes down in a
//! file that only grows (`audit.rs`):
//!
//! - no two leaders in a term, no term that falls, no vote that changes, across restarts;
//! - no two leases at one moment of the boot clock, which all namespaces share;
//! - each time when all is mended, a leader that all name, and the members that there ought to be;
//! - no process ends but for the reason that it was given.
//!
//! It needs Linux, root, and the programs `unshare`, `mount`, `ip` and `nft`; elsewhere it says that
//! it was skipped, and passes. All it makes is inside namespaces of its own, so that the system
//! removes it, however the test ends.
//!
//! ```text
//! QUORATE_HOSTS_FAULTS=300 cargo test --test hosts   # 40, unless told otherwise
//! QUORATE_HOSTS_SEED=17 cargo test --test hosts      # the faults of that seed once more
//! ```
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports, unused_mut))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod audit;
mod audit_tests;

#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod driver;
#[cfg(target_os = "linux")]
mod fault_schedule;
#[cfg(target_os = "linux")]
mod netns;
#[cfg(target_os = "linux")]
mod node;
#[cfg(target_os = "linux")]
mod processes;
#[cfg(target_os = "linux")]
mod proxy;
#[cfg(target_os = "linux")]
mod supervisor;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use libtest_mimic::Arguments;

type Id = u32;
type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    match env::args().nth(1).as_deref() {
        Some("node") => return node::main(env::args().skip(1)),
        Some("drill") => return supervisor::driver(),
        _ => {}
    }
    let mut trials = audit_tests::trials();
    #[cfg(target_os = "linux")]
    trials.extend(supervisor::trials());
    #[cfg(not(target_os = "linux"))]
    println!("skipped: hosts in network namespaces: this is not Linux");
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
