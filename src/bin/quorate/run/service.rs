//! The service: whether the command may run, and the processes that run.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use quorate::adapters::clock::BootClock;
use quorate::adapters::seal::Keyring;
use quorate::{Lease, Term, Timestamp};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, waitpgid};

use super::deadlines::Deadlines;
use super::guard;
use super::hooks::{Change, Hooks};
use super::log::Log;
use crate::Id;
use crate::lengths::part;

/// What to run, and how to stop it.
pub(crate) struct CommandSettings {
    pub(crate) id: Id,
    pub(crate) group: String,
    pub(crate) command: Vec<OsString>,
    /// How long before the end of the lease the command's group is killed.
    pub(crate) margin: Duration,
    /// How long before that the command is asked to stop.
    pub(crate) notice: Duration,
    /// How long the command may take to stop while the lease lasts.
    pub(crate) grace: Duration,
    /// How long to wait before the command is started again.
    pub(crate) pause: Duration,
}

pub(crate) struct Service {
    log: Log,
    hooks: Hooks,
    clock: BootClock,
    settings: CommandSettings,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lease: Option<Lease>,
    running: Option<Running>,
    /// Whether this process was told to stop. The command runs on until [`Service::stop`].
    is_told_to_stop: bool,
    /// Whether the command is to stop, and none is to start any more.
    stopping: bool,
    /// Whether the host has ended.
    host_ended: bool,
    /// Keys that the host is to use from now on.
    keys: Option<Keyring>,
    not_before: Timestamp,
    /// The exit code of the last command, if it ended by itself.
    code: Option<i32>,
}

struct Running {
    guard: Child,
    line: UnixStream,
    group: Option<Pid>,
}

/// What the supervisor has to do next.
pub(crate) enum Next {
    Start,
    Stop,
    /// The command has ended with this code.
    Ended(i32),
    /// The host has ended by itself.
    HostEnded,
    /// The file of keys holds these now.
    NewKeys(Keyring),
    /// Nothing, for so long that the node can be looked at.
    Look,
}

impl Service {
    pub(crate) fn new(settings: CommandSettings, hooks: Hooks, log: Log) -> Arc<Service> {
        let state = Mutex::default();
        Arc::new(Service { log, hooks, clock: BootClock::new(), settings, state, changed: Condvar::new() })
    }

    /// Waits until there is something to do, for `interval` at most.
    pub(crate) fn next(&self, interval: Duration) -> Next {
        let look_at = self.clock.now().saturating_add(interval);
        let mut state = self.lock();
        loop {
            if state.host_ended {
                return Next::HostEnded;
            }
            if state.is_told_to_stop {
                return Next::Stop;
            }
            if let Some(keys) = state.keys.take() {
                return Next::NewKeys(keys);
            }
            if let Some(code) = state.code.take() {
                return Next::Ended(code);
            }
            let look = look_at.saturating_duration_since(self.clock.now());
            if look.is_zero() {
                return Next::Look;
            }
            let pause = state.not_before.saturating_duration_since(self.clock.now());
            let may_start = state.lease.is_some() && state.running.is_none();
            if may_start && pause.is_zero() {
                return Next::Start;
            }
            let wait = if may_start { pause.min(look) } else { look };
            state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Starts the command, if it may run and does not run yet.
    pub(crate) fn start(self: &Arc<Self>) -> io::Result<()> {
        let mut state = self.lock();
        let (Some(lease), None, false) = (state.lease, &state.running, state.stopping) else {
            return Ok(());
        };
        let (mut line, theirs) = UnixStream::pair()?;
        line.write_all(&self.deadlines(lease, false).bytes())?;
        let reader = line.try_clone()?;
        let mut guard = guard::command(&self.settings.command, theirs);
        guard.envs(environment(&self.settings.group, self.settings.id, lease.term));
        // There is a thread that clears up before there is anything to clear up.
        let this = Arc::clone(self);
        thread::Builder::new().name("guard".into()).spawn(move || this.follow(reader))?;
        state.running = Some(Running { guard: guard.spawn()?, line, group: None });
        // The guard holds the only other end of the line now, so the line ends with the guard.
        drop(guard);
        self.log.say(format_args!("this node runs the command, in term {}", lease.term));
        Ok(())
    }

    /// The watcher of the lease. When it returns from the news that there is no lease, nothing runs.
    pub(crate) fn watch(&self, lease: Option<Lease>) {
        let mut state = self.lock();
        let before = std::mem::replace(&mut state.lease, lease);
        self.changed.notify_all();
        let term = lease.map(|lease| lease.term);
        // A leader may be elected again, in a later term: the command has to know its fencing token.
        let ended = before.filter(|before| Some(before.term) != term);
        if ended.is_some() || lease.is_none() {
            if let Some(running) = &mut state.running {
                self.log.say("the lease has ended, so the command is killed");
                running.kill();
            }
            while state.running.is_some() {
                state = self.wait(state);
            }
        }
        ended.into_iter().for_each(|lease| self.hooks.tell(Change::SteppedDown(lease.term)));
        let Some(lease) = lease else { return };
        if before.is_none() || ended.is_some() {
            self.hooks.tell(Change::Elected(lease.term));
        }
        let deadlines = self.deadlines(lease, state.stopping);
        if let Some(running) = &mut state.running {
            running.send(deadlines);
        }
    }

    /// Asks the command to stop, and waits until it has.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.stopping = true;
        if let Some(lease) = state.lease {
            let deadlines = self.deadlines(lease, true);
            state.running.iter_mut().for_each(|running| running.send(deadlines));
        }
        while state.running.is_some() {
            state = self.wait(state);
        }
    }

    /// Makes [`next`](Self::next) return [`Next::Stop`].
    pub(crate) fn ask_to_stop(&self) {
        self.lock().is_told_to_stop = true;
        self.changed.notify_all();
    }

    /// Makes [`next`](Self::next) return [`Next::HostEnded`].
    pub(crate) fn host_has_ended(&self) {
        self.lock().host_ended = true;
        self.changed.notify_all();
    }

    /// Makes [`next`](Self::next) return [`Next::NewKeys`].
    pub(crate) fn use_keys(&self, keys: Keyring) {
        self.lock().keys = Some(keys);
        self.changed.notify_all();
    }

    fn deadlines(&self, lease: Lease, stopping: bool) -> Deadlines {
        let CommandSettings { margin, notice, grace, .. } = self.settings;
        let kill_at = lease.until.saturating_sub(margin);
        let stop_at = if stopping { Timestamp::ORIGIN } else { kill_at.saturating_sub(notice) };
        Deadlines { stop_at, kill_at, timer_at: lease.until.saturating_sub(part(margin, 2)), grace }
    }

    /// Reads the messages of the guard, on a thread of its own, and clears up when the guard is gone.
    fn follow(&self, mut line: UnixStream) {
        let mut group = [0; size_of::<u32>()];
        if line.read_exact(&mut group).is_ok() {
            let group = i32::try_from(u32::from_ne_bytes(group)).ok().and_then(Pid::from_raw);
            if let Some(running) = &mut self.lock().running {
                running.group = group;
            }
            let _ends_with_the_guard = line.read(&mut [0]);
        }
        let mut state = self.lock();
        if let Some(running) = state.running.as_mut() {
            state.code = running.clear_up();
            match state.code {
                Some(code) => self.log.say(format_args!("the command has exited with {code}")),
                None => self.log.say("the command has stopped"),
            }
        }
        state.running = None;
        state.not_before = self.clock.now().saturating_add(self.settings.pause);
        self.changed.notify_all();
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a process that this one starts is told of the leadership. The term is told under two names, as those who write to
/// a storage system look for a fencing token, and need not know what a term is.
pub(crate) fn environment(group: &str, id: Id, term: Term) -> [(&'static str, String); 4] {
    [
        ("QUORATE_GROUP", group.to_owned()),
        ("QUORATE_ID", id.to_string()),
        ("QUORATE_TERM", term.to_string()),
        ("QUORATE_FENCING_TOKEN", term.to_string()),
    ]
}

impl Running {
    /// Sends deadlines to the guard. A frozen guard does not read, but the kill timer ends it long before
    /// the line is full.
    fn send(&mut self, deadlines: Deadlines) {
        let _gone = self.line.write_all(&deadlines.bytes());
    }

    fn kill(&mut self) {
        let _gone = self.guard.kill();
        self.kill_group();
    }

    fn kill_group(&self) {
        let _gone = self.group.map(|group| kill_process_group(group, Signal::KILL));
    }

    /// Returns when the guard and the whole group are dead. This process is their subreaper, so the
    /// processes they leave behind become its children. Returns the command's code if it ended by itself.
    fn clear_up(&mut self) -> Option<i32> {
        self.kill_group();
        let ended_by_itself = self.guard.wait().is_ok_and(|status| status.success());
        let mut command = None::<WaitStatus>;
        while let Some(group) = self.group {
            match waitpgid(group, WaitOptions::empty()) {
                Ok(Some((pid, status))) if pid == group => command = Some(status),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_no_process_is_left) => break,
            }
        }
        command.filter(|_| ended_by_itself).and_then(WaitStatus::exit_status)
    }
}
