//! Rollouts of the manifests in `examples`, without a cluster: what a StatefulSet does to its pods is done to processes
//! that run the command lines of the manifests, each in network and process namespaces of its own, as an
//! unprivileged user, with a Secret as Kubernetes mounts it. A pod that is made anew has another address, and a small
//! DNS server knows it a moment later.
//!
//! The command of the pods writes a journal of the times at which it runs. `journal_audit.rs` of the hosts' tests checks
//! all of them together: no two nodes work at one time, and terms strictly grow. How long anything takes is printed, and not
//! asserted, but for this: no pod is ready before it has waited out what it may have promised.
//!
//! What the manifests say is checked without any of that, by the program's own parser and by that of systemd.
//!
//! The rollouts need Linux, root, and the programs `unshare`, `nsenter`, `setpriv`, `mount` and `ip`. Elsewhere they print
//! that they were skipped, and pass. All that they make is inside their own namespaces, so the system removes it.
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

#[cfg(target_os = "linux")]
mod dns;
#[cfg(target_os = "linux")]
mod group;
#[cfg(target_os = "linux")]
#[path = "../hosts/journal_audit.rs"]
mod journal_audit;
mod launcher;
mod manifest;
mod manifest_tests;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod pod;
#[cfg(target_os = "linux")]
mod rollouts;
#[cfg(target_os = "linux")]
mod worker;
#[cfg(target_os = "linux")]
mod works;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use libtest_mimic::Arguments;

/// The number at the end of the name of a node.
type Id = u32;
type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    match env::args().nth(1).as_deref() {
        Some(launcher::DRIVER) => return launcher::run_driver(),
        Some(worker::WORK) => return worker::main(),
        _ => {}
    }
    let mut trials = manifest_tests::trials();
    trials.extend(launcher::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
