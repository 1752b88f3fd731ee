//! The guard, which is the process between supervisor and command, and the stage before the command's
//! `exec`.

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

use super::deadlines::Deadlines;
use super::kill_timer::KillTimer;
use super::supervisor::handled_signals;
use crate::failure::Failure;
use crate::output::complain;

/// The first argument of a process that is to be a guard, or to become the command.
pub(crate) const GUARD: &str = "run:guard";
pub(crate) const EXEC: &str = "run:exec";

/// This program, even if its file was replaced meanwhile.
pub(crate) const SELF: &str = "/proc/self/exe";

/// `run:guard COMMAND ARGS…`. The standard input is the connection to the supervisor, in both directions.
/// Succeeds if the command ended by itself. The guard does not wait for the command: until the supervisor
/// does, no other process gets its number, and the supervisor can safely kill its group.
pub(crate) fn guard(command: Skip<ArgsOs>) -> Result<ExitCode, Failure> {
    handled_signals().thread_unblock()?;
    let line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let Ok(deadlines) = Deadlines::read(&line) else { return Ok(ExitCode::FAILURE) };
    // The timer runs before there is anything to guard, and until the group is killed.
    let mut timer = KillTimer::new()?;
    let clock = BootClock::new();
    timer.set(deadlines.timer_at, clock)?;
    let child = spawn_exec(command)?;
    let group = Pid::from_child(&child);
    let ended_by_itself = start_command(child, &line).and_then(|ended| {
        Watch { clock, line: &line, ended, group, deadlines, timer: &mut timer, grace_end: None }.run()
    });
    kill_process_group(group, Signal::KILL)?;
    Ok(if ended_by_itself? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Starts the process that will become the command once it is told to.
fn spawn_exec(command: Skip<ArgsOs>) -> io::Result<Child> {
    let mut exec = Command::new(SELF);
    exec.arg(EXEC).arg(getpid().to_string()).args(command);
    exec.stdin(Stdio::piped()).process_group(0).spawn()
}

/// Tells the supervisor the process group, and only then lets the process become the command, so that
/// the supervisor can always kill it.
fn start_command(mut child: Child, mut line: &UnixStream) -> Result<OwnedFd, Failure> {
    let ended = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
    line.write_all(&child.id().to_ne_bytes())?;
    child.stdin.take().ok_or("no pipe")?.write_all(b"\n")?;
    Ok(ended)
}

/// What the guard has to react to.
enum Wakeup {
    CommandEnded,
    Line,
    Time,
}

struct Watch<'a> {
    clock: BootClock,
    line: &'a UnixStream,
    ended: OwnedFd,
    group: Pid,
    deadlines: Deadlines,
    timer: &'a mut KillTimer,
    /// The time until which the command may run after it was asked to stop, even if the lease is renewed.
    grace_end: Option<Timestamp>,
}

impl Watch<'_> {
    /// Returns when the group is to be killed, and says whether the command ended by itself.
    fn run(&mut self) -> Result<bool, Failure> {
        loop {
            match self.wait()? {
                Wakeup::CommandEnded => return Ok(self.grace_end.is_none()),
                Wakeup::Line => match Deadlines::read(self.line) {
                    Ok(newer) => self.update(newer)?,
                    Err(_the_supervisor_is_gone) => return Ok(false),
                },
                Wakeup::Time if self.clock.now() >= self.kill_at() => return Ok(false),
                Wakeup::Time => self.ask_to_stop()?,
            }
        }
    }

    fn update(&mut self, newer: Deadlines) -> nix::Result<()> {
        self.deadlines = newer;
        self.timer.set(newer.timer_at, self.clock)
    }

    fn kill_at(&self) -> Timestamp {
        self.grace_end.map_or(self.deadlines.kill_at, |end| end.min(self.deadlines.kill_at))
    }

    /// Asks the command to stop, if it is time to.
    fn ask_to_stop(&mut self) -> rustix::io::Result<()> {
        let now = self.clock.now();
        if self.grace_end.is_none() && now >= self.deadlines.stop_at {
            kill_process_group(self.group, Signal::TERM)?;
            self.grace_end = Some(now.saturating_add(self.deadlines.grace));
        }
        Ok(())
    }

    /// Waits for the next thing to do. The time is looked at last: if this process is late, newer deadlines
    /// may have arrived.
    fn wait(&self) -> Result<Wakeup, Failure> {
        let stop_at = self.grace_end.map_or(self.deadlines.stop_at, |_| Duration::MAX.into());
        let next = self.kill_at().min(stop_at);
        let mut fds = [PollFd::new(&self.ended, PollFlags::IN), PollFd::new(self.line, PollFlags::IN)];
        let timeout = Timespec::try_from(next.saturating_duration_since(self.clock.now()))?;
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [ended, line] = fds.map(|fd| !fd.revents().is_empty());
        Ok(if ended {
            Wakeup::CommandEnded
        } else if line {
            Wakeup::Line
        } else {
            Wakeup::Time
        })
    }
}

/// `run:exec PARENT COMMAND ARGS…`: becomes the command, or a hook, which dies with the process PARENT.
pub(crate) fn exec(mut args: Skip<ArgsOs>) -> Result<ExitCode, Failure> {
    die_with(args.next())?;
    io::stdin().read_exact(&mut [0])?;
    let command = args.next().unwrap_or_default();
    let error = Command::new(&command).args(args).stdin(Stdio::null()).exec();
    complain(format_args!("error: {}: {error}", command.display()));
    Ok(ExitCode::from(NOT_FOUND))
}

/// Has this process die with the process of that number, which has started it, and receive signals.
pub(crate) fn die_with(parent: Option<OsString>) -> Result<(), Failure> {
    handled_signals().thread_unblock()?;
    let parent = parent.and_then(|parent| parent.to_str()?.parse().ok()).and_then(Pid::from_raw);
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have died before that.
    if parent.is_none() || getppid() != parent {
        return Err("this stage must be started by the process that it is to die with".into());
    }
    Ok(())
}

/// The exit code of shells for a command that cannot be run.
const NOT_FOUND: u8 = 127;

/// The guard of `command`, ready to be started.
pub(crate) fn command(command: &[OsString], line: UnixStream) -> Command {
    let mut guard = Command::new(SELF);
    // The guard has a process group of its own, so that a terminal's interrupt reaches the supervisor
    // alone.
    guard.arg(GUARD).args(command).stdin(OwnedFd::from(line)).process_group(0);
    guard
}
