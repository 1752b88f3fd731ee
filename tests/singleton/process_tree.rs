//! Processes, found as the children of other processes.

use std::fs;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::Failure;

/// A handle of a process, which never means another process that gets the same number later.
pub(crate) struct Process(OwnedFd);

impl Process {
    pub(crate) fn open(pid: u32) -> Option<Process> {
        let pid = Pid::from_raw(pid.try_into().ok()?)?;
        pidfd_open(pid, PidfdFlags::empty()).ok().map(Process)
    }

    /// Sends a signal. The process may be dead already.
    pub(crate) fn signal(&self, signal: Signal) {
        let _dead = pidfd_send_signal(&self.0, signal);
    }

    pub(crate) fn dies_within(&self, patience: Duration) -> Result<bool, Failure> {
        let timeout = Timespec::try_from(patience)?;
        Ok(poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&timeout))? > 0)
    }
}

/// The children of all threads of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let of = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("children")).unwrap_or_default();
    let all: String = threads.flatten().map(of).collect();
    all.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// The guard of this supervisor.
pub(crate) fn guard(supervisor: u32) -> Option<u32> {
    let is_guard = |&pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|&byte| byte == 0).nth(1) == Some(b"run:guard")
    };
    children(supervisor).into_iter().find(is_guard)
}

pub(crate) fn command(supervisor: u32) -> Option<u32> {
    children(guard(supervisor)?).first().copied()
}

/// Whether a process blocks SIGTERM, to leave it to a thread that waits for it.
pub(crate) fn blocks_term(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t"));
    let blocked = blocked.and_then(|bits| u64::from_str_radix(bits, 16).ok()).unwrap_or(0);
    blocked & 1 << (Signal::TERM.as_raw() - 1) != 0
}
