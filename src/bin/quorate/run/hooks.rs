//! The commands that others are told by of the beginning and the end of a leadership.
//!
//! Hooks run one after another, in the order of what they tell, on a thread of their own. Neither the election nor the
//! command waits for them, so a hook tells, and does not decide: what only the leader may do belongs in the command.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use quorate::adapters::clock::BootClock;
use quorate::{Term, Timestamp};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, kill_process_group, pidfd_open, waitpgid,
};

use super::guard::{EXEC, SELF};
use super::log::Log;
use super::service::environment;
use crate::Id;
use crate::failure::{Failure, causes};

/// How many changes wait to be told. If there are more, the oldest one is left out.
const KEPT: usize = 16;

/// What to run when, and for how long at most.
pub(crate) struct HookSettings {
    pub(crate) on_elected: Option<String>,
    pub(crate) on_stepped_down: Option<String>,
    pub(crate) most: Duration,
    pub(crate) group: String,
    pub(crate) id: Id,
}

/// What a hook tells.
#[derive(Clone, Copy)]
pub(crate) enum Change {
    Elected(Term),
    SteppedDown(Term),
}

#[derive(Clone)]
pub(crate) struct Hooks(Arc<Shared>);

struct Shared {
    settings: HookSettings,
    log: Log,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    changes: VecDeque<Change>,
    running: bool,
    /// When the last hook has to have ended, once this process stops.
    ends_at: Option<Timestamp>,
}

impl Hooks {
    /// Starts the thread that runs the hooks.
    pub(crate) fn start(settings: HookSettings, log: Log) -> io::Result<Hooks> {
        let hooks =
            Hooks(Arc::new(Shared { settings, log, state: Mutex::default(), changed: Condvar::new() }));
        let runner = hooks.clone();
        thread::Builder::new().name("hooks".into()).spawn(move || runner.run_all())?;
        Ok(hooks)
    }

    /// Has this change told, and waits for nothing.
    pub(crate) fn tell(&self, change: Change) {
        if self.command(change).is_none() {
            return;
        }
        let mut state = self.lock();
        if state.changes.len() >= KEPT {
            state.changes.pop_front();
            self.0.log.say("a hook was left out, as the hooks before it take too long");
        }
        state.changes.push_back(change);
        self.0.changed.notify_all();
    }

    /// Returns when every change has been told, or when as much time is over as one hook may take: all that are still to
    /// run share it.
    pub(crate) fn finish(&self) {
        let mut state = self.lock();
        state.ends_at = Some(BootClock::new().now().saturating_add(self.0.settings.most));
        while state.running || !state.changes.is_empty() {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn command(&self, change: Change) -> Option<&str> {
        match change {
            Change::Elected(_) => self.0.settings.on_elected.as_deref(),
            Change::SteppedDown(_) => self.0.settings.on_stepped_down.as_deref(),
        }
    }

    fn run_all(&self) {
        let mut state = self.lock();
        loop {
            let next = state.changes.pop_front();
            state.running = next.is_some();
            self.0.changed.notify_all();
            let Some(change) = next else {
                state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let most = self.time_left(&state);
            drop(state);
            self.run(change, most);
            state = self.lock();
        }
    }

    /// For how long the next hook may run.
    fn time_left(&self, state: &State) -> Duration {
        let most = self.0.settings.most;
        let left = state.ends_at.map(|end| end.saturating_duration_since(BootClock::new().now()));
        left.map_or(most, |left| left.min(most))
    }

    fn run(&self, change: Change, most: Duration) {
        let Some(command) = self.command(change) else { return };
        let (option, term) = match change {
            Change::Elected(term) => ("--on-elected", term),
            Change::SteppedDown(term) => ("--on-stepped-down", term),
        };
        let log = &self.0.log;
        if most.is_zero() {
            log.say(format_args!(
                "{option} of term {term} was left out: when this process stops, all hooks have {:?} together",
                self.0.settings.most
            ));
            return;
        }
        let outcome = self.run_command(command, term, most);
        match outcome {
            Ok(Outcome::Exited(0)) => {}
            Ok(Outcome::Exited(code)) => {
                log.say(format_args!("{option} of term {term} has exited with {code}"))
            }
            Ok(Outcome::Killed) => {
                log.say(format_args!(
                    "{option} of term {term} was killed: it must not take longer than {most:?}"
                ));
            }
            Err(error) => {
                log.say(format_args!("{option} of term {term} has failed: {}", causes(error.as_ref())))
            }
        }
    }

    /// Runs a hook, for as long as it may take, in a process group of its own. Nothing of the group outlives the hook.
    fn run_command(&self, command: &str, term: Term, most: Duration) -> Result<Outcome, Failure> {
        let HookSettings { group, id, .. } = &self.0.settings;
        // The stage before the shell has it die with this process.
        let mut hook = Command::new(SELF);
        hook.arg(EXEC).arg(getpid().to_string()).arg("sh").arg("-c").arg(OsStr::new(command));
        hook.envs(environment(group, *id, term)).stdin(Stdio::piped()).process_group(0);
        let mut child = hook.spawn()?;
        let process_group = Pid::from_child(&child);
        let ended = pidfd_open(process_group, PidfdFlags::empty())?;
        child.stdin.take().ok_or("no pipe")?.write_all(b"\n")?;
        let has_ended = wait(&PollFd::new(&ended, PollFlags::IN), most)?;
        let _all_have_ended = kill_process_group(process_group, Signal::KILL);
        let status = child.wait()?;
        // This process is a subreaper, so what the shell leaves behind becomes its children.
        while let Ok(Some(_)) | Err(Errno::INTR) = waitpgid(process_group, WaitOptions::empty()) {}
        Ok(if has_ended { Outcome::Exited(status.code().unwrap_or(1)) } else { Outcome::Killed })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Outcome {
    Exited(i32),
    Killed,
}

/// Whether the process ends within this time.
fn wait(ended: &PollFd<'_>, most: Duration) -> Result<bool, Failure> {
    let clock = BootClock::new();
    let end = clock.now().saturating_add(most);
    loop {
        let timeout = Timespec::try_from(end.saturating_duration_since(clock.now()))?;
        match poll(&mut [ended.clone()], Some(&timeout)) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
