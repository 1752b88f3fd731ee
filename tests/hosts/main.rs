//! Hosts under real faults: five processes, each in its own network namespace with its own disk. The
//! faults are drawn from a seed:
//!
//! - partitions, one-way cuts and lossy links (nftables), delays, reordering and duplicates (a proxy);
//! - SIGKILL, and SIGSTOP for longer than a lease;
//! - a full disk and a read-only folder: the node has to store its state once that is mended, and nothing else
//!   before; should a write fail half way, it has to stop, and say why;
//! - a damaged or lost state file: the node has to refuse to start, and say why. The node comes back with nothing, under
//!   its old id, or with a copy of its file that was taken after it died; or a node with a new id takes its place.
//!
//! Faults overlap. After every ten of them everything is mended. Each node writes a journal, a file that
//! only grows; `journal_audit.rs` checks all journals together:
//!
//! - no term has two leaders, no term falls and no vote changes, across restarts too;
//! - no two nodes hold a lease at the same time of the boot clock, which all namespaces share;
//! - whenever everything is mended, all nodes follow one leader and the intended members are committed;
//! - no process ends for another reason than a fault that affected it.
//!
//! The same faults befall a group of five without storage: each that is killed has forgotten all, and now and then all
//! are killed at once. Of a node's own terms and votes nothing is demanded there across its starts.
//!
//! Beside them, groups whose other members are on machines that are gone from the subnet keep their leader
//! (`gone_machines.rs`).
//!
//! The test needs Linux, root, and the programs `unshare`, `mount`, `ip` and `nft`. Elsewhere it prints
//! that it was skipped, and passes. Everything it makes is inside its own namespaces, so the system
//! removes it however the test ends.
//!
//! ```text
//! QUORATE_HOSTS_FAULTS=300 cargo test --test hosts   # the default is 40
//! QUORATE_HOSTS_SEED=17 cargo test --test hosts     # repeats the faults of that seed
//! QUORATE_HOSTS_GONE_SECONDS=60 cargo test --test hosts gone   # the default is 4
//! ```
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports, unused_mut))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod journal_audit;
mod journal_audit_tests;

#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod driver;
#[cfg(target_os = "linux")]
mod fault_schedule;
#[cfg(target_os = "linux")]
mod gone_machines;
#[cfg(target_os = "linux")]
mod launcher;
#[cfg(target_os = "linux")]
mod netns;
#[cfg(target_os = "linux")]
mod node;
#[cfg(target_os = "linux")]
mod own_loop;
#[cfg(target_os = "linux")]
mod processes;
#[cfg(target_os = "linux")]
mod proxy;

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
        Some("driver") => return launcher::run_driver(fault_schedule::Storage::Files),
        Some("driver-without-storage") => return launcher::run_driver(fault_schedule::Storage::None),
        Some("gone") => return launcher::run_gone_machines(),
        _ => {}
    }
    let mut trials = journal_audit_tests::trials();
    #[cfg(target_os = "linux")]
    trials.extend(launcher::trials());
    #[cfg(not(target_os = "linux"))]
    println!("skipped: hosts in network namespaces: this is not Linux");
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
