//! The process between supervisor and command, and what the command is before it is itself.

use std::env::ArgsOs;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::iter::Skip;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use quorate::Timestamp;
use quorate::adapters::clock::BootClock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, getpid, getppid, kill_process_group, pidfd_open, set_parent_process_death_signal,
};

use super::fuse::Fuse;
use super::orders::Orders;
use super::supervisor::{Failure, stop_signals};

/// This program, also if its file was replaced meanwhile.
const SELF: &str = "/proc/self/exe";

/// `guard COMMAND ARGS…`. Its standard input is the line to the supervisor, both ways. Succeeds if
/// the command ended by itself. It is not waited for: until the supervisor does that, no other
/// process gets its number, and the supervisor can kill its group without looking.
pub(crate) fn guard(command: Skip<ArgsOs>) -> Result<ExitCode, Failure> {
    stop_signals().thread_unblock()?;
    let line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let Ok(orders) = Orders::read(&line) else { return Ok(ExitCode::FAILURE) };
    // Before there is anything to guard, and until it is killed.
    let mut fuse = Fuse::new()?;
    fuse.set(orders.fuse_at)?;
    let child = spawn_exec(command)?;
    let group = Pid::from_child(&child);
    let unasked = release(child, &line).and_then(|ended| {
        Watch { clock: BootClock::new(), line: &line, ended, group, orders, fuse: &mut fuse, last: None }
            .run()
    });
    kill_process_group(group, Signal::KILL)?;
    Ok(if unasked? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Starts what will be the command, once it is let go.
fn spawn_exec(command: Skip<ArgsOs>) -> io::Result<Child> {
    let mut exec = Command::new(SELF);
    exec.arg("exec").arg(getpid().to_string()).args(command);
    exec.stdin(Stdio::piped()).process_group(0).spawn()
}

/// Tells the supervisor which group it is, and only then lets it go: whoever is left can kill it.
fn release(mut child: Child, mut line: &UnixStream) -> Result<OwnedFd, Failure> {
    let ended = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
    line.write_all(&child.id().to_ne_bytes())?;
    child.stdin.take().ok_or("no pipe")?.write_all(b"\n")?;
    Ok(ended)
}

/// What there is to act on.
enum News {
    Ended,
    Line,
    Time,
}

struct Watch<'a> {
    clock: BootClock,
    line: &'a UnixStream,
    ended: OwnedFd,
    group: Pid,
    orders: Orders,
    fuse: &'a mut Fuse,
    /// Once the command was asked to stop, it has until then, also if the lease is renewed.
    last: Option<Timestamp>,
}

impl Watch<'_> {
    /// Returns when the group is to be killed, and whether the command ended unasked.
    fn run(&mut self) -> Result<bool, Failure> {
        loop {
            match self.news()? {
                News::Ended => return Ok(self.last.is_none()),
                News::Line => match Orders::read(self.line) {
                    Ok(newer) => self.obey(newer)?,
                    Err(_the_supervisor_is_gone) => return Ok(false),
                },
                News::Time if self.clock.now() >= self.kill_at() => return Ok(false),
                News::Time => self.ask_to_stop()?,
            }
        }
    }

    fn obey(&mut self, newer: Orders) -> nix::Result<()> {
        self.orders = newer;
        self.fuse.set(newer.fuse_at)
    }

    fn kill_at(&self) -> Timestamp {
        self.last.map_or(self.orders.kill_at, |last| last.min(self.orders.kill_at))
    }

    /// If it is time to.
    fn ask_to_stop(&mut self) -> rustix::io::Result<()> {
        let now = self.clock.now();
        if self.last.is_none() && now >= self.orders.stop_at {
            kill_process_group(self.group, Signal::TERM)?;
            self.last = Some(now.saturating_add(self.orders.grace));
        }
        Ok(())
    }

    /// Waits for the next thing to do. Time comes last: this process may be late, and a later deadline
    /// be there.
    fn news(&self) -> Result<News, Failure> {
        let stop_at = self.last.map_or(self.orders.stop_at, |_| Duration::MAX.into());
        let next = self.kill_at().min(stop_at);
        let mut fds = [PollFd::new(&self.ended, PollFlags::IN), PollFd::new(self.line, PollFlags::IN)];
        let timeout = Timespec::try_from(next.saturating_duration_since(self.clock.now()))?;
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [ended, line] = fds.map(|fd| !fd.revents().is_empty());
        Ok(if ended {
            News::Ended
        } else if line {
            News::Line
        } else {
            News::Time
        })
    }
}

/// `exec GUARD COMMAND ARGS…`: becomes the command, which dies with the process GUARD, its parent.
pub(crate) fn exec(mut args: Skip<ArgsOs>) -> Result<ExitCode, Failure> {
    stop_signals().thread_unblock()?;
    let guard = args.next().and_then(|guard| guard.to_str()?.parse().ok()).and_then(Pid::from_raw);
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have died before.
    if guard.is_none() || getppid() != guard {
        return Err("not started by a guard".into());
    }
    io::stdin().read_exact(&mut [0])?;
    let command = args.next().unwrap_or_default();
    let error = Command::new(&command).args(args).stdin(Stdio::null()).exec();
    eprintln!("error: {}: {error}", command.display());
    Ok(ExitCode::from(NOT_FOUND))
}

/// As shells have it.
const NOT_FOUND: u8 = 127;

/// The guard of `command`, to be started.
pub(crate) fn command(command: &[OsString], line: UnixStream) -> Command {
    let mut guard = Command::new(SELF);
    // Of a group of its own, so that a terminal's interrupt reaches the supervisor alone.
    guard.arg("guard").args(command).stdin(OwnedFd::from(line)).process_group(0);
    guard
}
