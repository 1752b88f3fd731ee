//! The log. A line is handed over and never waited for: what becomes of the log decides nothing about the command.
//! If the reader of the log is gone, lines are lost; if it does not read, the oldest lines are.

use std::collections::VecDeque;
use std::fmt::Display;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use humantime::format_rfc3339_millis;

/// How many lines wait to be written.
const KEPT: usize = 256;

#[derive(Clone)]
pub(crate) struct Log(Arc<Shared>);

struct Shared {
    /// What each line begins with, after the time.
    name: String,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<String>,
    lost: u64,
    writing: bool,
}

impl Log {
    /// Starts the thread that writes to the standard error.
    pub(crate) fn start(name: String) -> io::Result<Log> {
        let log = Log(Arc::new(Shared { name, state: Mutex::default(), changed: Condvar::new() }));
        let writer = log.clone();
        thread::Builder::new().name("log".into()).spawn(move || writer.write())?;
        Ok(log)
    }

    pub(crate) fn say(&self, what: impl Display) {
        let line = self.line(&what);
        let mut state = self.lock();
        if state.lines.len() >= KEPT {
            state.lines.pop_front();
            state.lost = state.lost.saturating_add(1);
        }
        state.lines.push_back(line);
        self.0.changed.notify_all();
    }

    /// Returns when everything is written, after `most` in any case.
    pub(crate) fn flush(&self, most: Duration) {
        let unwritten = |state: &mut State| state.writing || !state.lines.is_empty();
        drop(self.0.changed.wait_timeout_while(self.lock(), most, unwritten));
    }

    fn line(&self, what: &dyn Display) -> String {
        format!("{} {}: {what}\n", format_rfc3339_millis(SystemTime::now()), self.0.name)
    }

    fn write(&self) {
        let mut state = self.lock();
        loop {
            let lost = std::mem::take(&mut state.lost);
            let line = match lost {
                0 => state.lines.pop_front(),
                lost => {
                    Some(self.line(&format_args!("{lost} lines of this log were not read, and are lost")))
                }
            };
            state.writing = line.is_some();
            self.0.changed.notify_all();
            let Some(line) = line else {
                state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(state);
            // An error means that the reader of the log is gone, and there is nothing else to report it to.
            let _ = io::stderr().write_all(line.as_bytes());
            state = self.lock();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
