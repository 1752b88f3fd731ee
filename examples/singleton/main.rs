//! Runs a command on exactly one machine of a group: the one that leads. It is started again
//! elsewhere when that machine dies, hangs, or is cut off, and never before it has stopped there.
//!
//! ```text
//! cargo run --example singleton -- --id 1 --listen 127.0.0.1:7001 --peer 2=127.0.0.1:7002 --peer 3=127.0.0.1:7003 --data /tmp/single-1 --new -- ping localhost
//! cargo run --example singleton -- --id 2 --listen 127.0.0.1:7002 --peer 1=127.0.0.1:7001 --peer 3=127.0.0.1:7003 --data /tmp/single-2 --new -- ping localhost
//! ```
//!
//! The command finds its node in `QUORATE_ID` and, in `QUORATE_TERM`, the term it was started in: a
//! later copy's is never smaller, and on another machine greater. It reads nothing, writes where
//! this process does, and runs in a process group of its own.
//!
//! - The lease runs out: SIGTERM a third of `--promise-ms` before its end, SIGKILL a sixth before it.
//! - SIGTERM or SIGINT to this process: SIGTERM, SIGKILL after `--grace-ms`; then another node is
//!   let in, and this process ends.
//! - The command ends by itself: it is started again after `--pause-ms`. With `--once`, if it exited
//!   rather than was killed, another node is let in, and this process ends with its code. That node
//!   runs its own copy.
//!
//! # What stops the command, whatever becomes of this process
//!
//! The processes are *supervisor* → *guard* → *command*; the guard is this program too. Each deadline
//! is a time of the boot clock, before the end of the lease:
//!
//! | befallen | what stops the command |
//! |---|---|
//! | the supervisor is frozen | the guard, at the deadline, for no later one comes |
//! | the supervisor is killed | the guard, at once, for its line to the supervisor has ended |
//! | the guard is killed | the system, for the command's parent is dead; its group, the supervisor |
//! | the guard is frozen | a timer that kills the guard, which no later deadline resets; then as above |
//! | both, at once or in turn | the same timer, or the death of the guard |
//!
//! The timer fires half a margin after the deadline. Whenever the lease ends, the supervisor kills guard
//! and group too, if it runs; and it starts no command before its last one, with the whole group, is
//! dead and waited for. One that was restarted leads no sooner than its last lease has ended.
//!
//! What is left:
//!
//! - If supervisor and guard are both frozen or killed within one lease, the command dies in time,
//!   but not what it has started: its children live on until the supervisor is thawed, or for good.
//! - A process that leaves the group (`setsid`, a daemon) is not stopped at all. Nor is the command
//!   sure to die with the guard if it is set-user-id or has file capabilities: the system forgets the
//!   wish. Let a service manager, a control group or a PID namespace hold such commands.
//! - A system call under way ends before the process does, and one that cannot be interrupted may
//!   end after another copy has begun. What the command writes to should refuse a lower term than it
//!   has seen: see the page `guide::fencing` of the crate documentation.
//! - The supervisor inherits what the command's children leave behind, and waits for it when the command
//!   has ended: a command that runs for long and forks much should wait for its own.
//! - The margin, a sixth of a promise, has to cover how late the system lets a killer run. A machine,
//!   or all of a container, that slept through the end of the lease wakes with the command in it, for
//!   the moment that it takes to kill it.
#![allow(clippy::arithmetic_side_effects)]

#[cfg(target_os = "linux")]
mod fuse;
#[cfg(target_os = "linux")]
mod guard;
#[cfg(target_os = "linux")]
mod orders;
#[cfg(target_os = "linux")]
mod service;
#[cfg(target_os = "linux")]
mod supervisor;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
pub(crate) fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let done = match args.next().as_ref().and_then(|stage| stage.to_str()) {
        Some("guard") => guard::guard(args),
        Some("exec") => guard::exec(args),
        _ => supervisor::main(),
    };
    done.unwrap_or_else(|error| {
        let causes = std::iter::successors(Some(error.as_ref() as &dyn std::error::Error), |&e| e.source());
        eprintln!("error: {}", causes.map(ToString::to_string).collect::<Vec<_>>().join(": "));
        ExitCode::FAILURE
    })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn main() -> ExitCode {
    eprintln!("this example needs Linux: it relies on what only its system does when a process dies");
    ExitCode::FAILURE
}
