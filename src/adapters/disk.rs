//! The thread that stores a node's states, and what is known of the write that it has under way.
//!
//! A write may take as long as the disk likes; the host goes on meanwhile, as far as the order of the outputs
//! permits.

use core::time::Duration;
#[cfg(feature = "tokio")]
use std::boxed::Box;
use std::io;
use std::prelude::rust_2024::*;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::SaveError;
use crate::diagnosis::{Diagnosis, Problem};
use crate::hard_state::HardState;
use crate::types::Timestamp;

/// What became of a write.
#[derive(Debug)]
pub(super) enum Written {
    Durable,
    Failed(SaveError),
    Panicked,
}

/// The writer of a node's states. One state is written at a time: the next write begins when the result of the one before
/// was reported, so the result that is reported next is always that of the write that was begun last.
pub(super) struct Disk<I> {
    writer: Writer<I>,
    busy: bool,
}

enum Writer<I> {
    Thread {
        states: Option<SyncSender<HardState<I>>>,
        thread: Option<JoinHandle<()>>,
    },
    #[cfg(feature = "tokio")]
    Elsewhere(Box<dyn FnMut(HardState<I>) + Send>),
}

impl<I: Send + 'static> Disk<I> {
    /// A disk with a thread of its own. What becomes of each write is passed to `report` there.
    pub(super) fn on_thread<S>(save: S, report: impl FnMut(Written) + Send + 'static) -> io::Result<Self>
    where
        S: FnMut(&HardState<I>) -> Result<(), SaveError> + Send + 'static,
    {
        let (states, writes) = sync_channel(1);
        let thread = thread::Builder::new().name("quorate-disk".into());
        let thread = thread.spawn(move || write_all(writes, save, report))?;
        Ok(Disk { writer: Writer::Thread { states: Some(states), thread: Some(thread) }, busy: false })
    }

    /// A disk whose writes are begun by `begin`, which must not wait.
    #[cfg(feature = "tokio")]
    pub(super) fn elsewhere(begin: impl FnMut(HardState<I>) + Send + 'static) -> Self {
        Disk { writer: Writer::Elsewhere(Box::new(begin)), busy: false }
    }
}

impl<I> Disk<I> {
    /// Begins to write `state`. The write before must have [ended](Self::end).
    pub(super) fn begin(&mut self, state: HardState<I>) {
        debug_assert!(!self.busy, "one write at a time");
        self.busy = true;
        match &mut self.writer {
            Writer::Thread { states: Some(states), .. } => {
                let _reported_as_panicked = states.try_send(state);
            }
            Writer::Thread { states: None, .. } => {}
            #[cfg(feature = "tokio")]
            Writer::Elsewhere(begin) => begin(state),
        }
    }

    /// Takes note that the result of the write was reported.
    pub(super) fn end(&mut self) {
        self.busy = false;
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy
    }
}

impl<I> Drop for Disk<I> {
    /// Drops what writes, unless a write is under way: nobody waits for a disk that hangs. What writes is then
    /// dropped when the disk answers.
    fn drop(&mut self) {
        if let (false, Writer::Thread { states, thread }) = (self.busy, &mut self.writer) {
            drop(states.take());
            let _panic_was_reported = thread.take().map(JoinHandle::join);
        }
    }
}

fn write_all<I>(
    states: Receiver<HardState<I>>,
    save: impl FnMut(&HardState<I>) -> Result<(), SaveError>,
    report: impl FnMut(Written),
) {
    let mut report = Report { report, reported: true };
    // Dropped before a panic is reported, and the lock of a store with it.
    let mut save = save;
    for state in states {
        report.reported = false;
        let saved = save(&state);
        report.pass_on(saved.map_or_else(Written::Failed, |()| Written::Durable));
    }
}

/// Reports every write, also one that panics.
struct Report<F: FnMut(Written)> {
    report: F,
    reported: bool,
}

impl<F: FnMut(Written)> Report<F> {
    fn pass_on(&mut self, written: Written) {
        self.reported = true;
        (self.report)(written);
    }
}

impl<F: FnMut(Written)> Drop for Report<F> {
    fn drop(&mut self) {
        if !self.reported {
            self.pass_on(Written::Panicked);
        }
    }
}

/// The first and the longest pause before a state is saved again whose save failed before its first byte.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long a write may take until the operator is told. A program that wants to know earlier asks for the status.
const WRITE_GRACE: Duration = Duration::from_secs(3);

/// A write that an election waits for: from the first attempt to the one that succeeds.
///
/// There is no last attempt. A state that is late costs what a slow disk costs, and no promise: what follows from it
/// has not been sent. A node that gave up would be lost for good, together with all others of the group that have
/// run out of descriptors or of space in the same moment.
#[derive(Clone, Debug)]
pub(super) struct PendingWrite {
    since: Timestamp,
    pause: Duration,
    /// Why the last attempt was refused.
    refusal: Option<String>,
}

impl PendingWrite {
    /// A write whose first attempt begins at `now`.
    pub(super) fn new(now: Timestamp) -> Self {
        PendingWrite { since: now, pause: FIRST_PAUSE, refusal: None }
    }

    /// For how long the state has been waiting to be durable.
    pub(super) fn age(&self, now: Timestamp) -> Duration {
        now.saturating_duration_since(self.since)
    }

    /// What to tell the operator of a write that takes so long.
    pub(super) fn diagnosis<I>(&self, now: Timestamp) -> Option<Diagnosis<I>> {
        let lasted = self.age(now);
        let diagnosis =
            Diagnosis { cause: self.refusal.clone(), ..Diagnosis::new(Problem::StatePending, lasted) };
        (lasted >= WRITE_GRACE).then_some(diagnosis)
    }

    /// Takes note that an attempt failed at `now` before its first byte. Returns when the next one is due: pauses
    /// double, up to a second.
    pub(super) fn refuse(&mut self, error: &SaveError, now: Timestamp) -> Timestamp {
        self.refusal = Some(error.with_causes());
        let due = now.saturating_add(self.pause);
        self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
        due
    }
}
