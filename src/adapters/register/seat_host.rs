//! A whole host of a seat, on threads.

use std::fmt;
use std::prelude::rust_2024::*;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cell::Cell;
use super::seat_options::{SeatFailure, SeatHostConfig, SeatNotice, SeatStartError};
use super::seat_run::SeatRun;
use super::seat_status::SeatStatus;
use super::seat_thread::{Order, SeatThread, start_client};
use crate::adapters::clock::BootClock;
use crate::adapters::host_end::HostEnd;
use crate::adapters::lease_watch::{LeaseWatch, Watcher};
use crate::adapters::notices::{Notices, TellsOfMissed};
use crate::adapters::pulse::Pulse;
use crate::io::Lease;
use crate::types::{Leader, NodeId, Term};

/// A contender for a [seat](super::Seat), on threads: one of any number of processes that share nothing but a register.
///
/// A thread keeps the time, another one calls the register, and a third one tells [watchers](Self::watch) of the lease. So
/// a call that hangs delays neither the end of the lease nor the stopping of work.
///
/// ```no_run
/// use quorate::ClusterId;
/// use quorate::adapters::register::{SeatConfig, SeatHost};
/// # use quorate::adapters::register::{Cell, CellError, Tag};
/// # struct Row;
/// # impl Row { fn connect(_url: &str) -> Row { Row } }
/// # impl Cell for Row {
/// #     fn read(&mut self) -> Result<Option<(Tag, Vec<u8>)>, CellError> { Ok(None) }
/// #     fn swap(&mut self, _: &Tag, _: &[u8]) -> Result<Option<Tag>, CellError> { Ok(None) }
/// #     fn create(&mut self, _: &[u8]) -> Result<Option<Tag>, CellError> { Ok(None) }
/// # }
/// # fn send_reminders(_term: quorate::Term) {}
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // `Row` is a client of yours: it implements `Cell`. The operator has written `create_seat(group)` once.
/// let group = ClusterId::from_name("reminders");
/// let seat = SeatHost::start(SeatConfig::new(std::process::id(), group), Row::connect("postgres://db/seats"))?;
/// // On one machine at a time. The work asks before each piece whether it may go on.
/// let result = seat.run_while_leader(|term, may_go_on| {
///     while may_go_on() {
///         send_reminders(term);
///     }
///     None::<()>
/// });
/// # let _ = result;
/// seat.shutdown()?; // another process takes the seat at once
/// # Ok(())
/// # }
/// ```
///
/// A host that is dropped gives the seat up as [`shutdown`](Self::shutdown) does. A process that is killed does not: then
/// the seat is free once its length has passed since the others last saw a renewal.
#[derive(Debug)]
pub struct SeatHost<N: NodeId> {
    shared: Arc<Shared<N>>,
    orders: Sender<Order>,
    thread: Option<JoinHandle<()>>,
    patience: Duration,
}

/// Runs work under the lease of a host's seat, without keeping the host.
#[derive(Clone, Debug)]
pub struct SeatWorker<N: NodeId>(Arc<Shared<N>>);

/// The notices of a host of a seat. Clones share them: each notice goes to one reader.
#[derive(Debug)]
pub struct SeatEvents<N>(Notices<SeatNotice<N>>);

/// The host of a seat has stopped: see [`SeatHost::failure`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[error("the host of the seat has stopped")]
pub struct SeatStopped;

/// What a host's threads show to those of its program.
pub(super) struct Shared<N> {
    pub(super) clock: BootClock,
    pub(super) leases: LeaseWatch,
    pub(super) pulse: Pulse,
    pub(super) notices: Notices<SeatNotice<N>>,
    /// Locked for no longer than a step takes.
    pub(super) run: Mutex<SeatRun<N>>,
    pub(super) failure: Mutex<Option<SeatFailure>>,
    pub(super) end: HostEnd,
}

impl<N: NodeId + Serialize + DeserializeOwned + Send + 'static> SeatHost<N> {
    /// Starts to contend for a seat, by means of the client of its register. A [`SeatConfig`](super::SeatConfig) alone will
    /// do.
    ///
    /// # Errors
    /// [`SeatStartError`] if it is configured wrongly, or the system has no thread or no randomness to give.
    pub fn start(config: impl Into<SeatHostConfig<N>>, cell: impl Cell) -> Result<Self, SeatStartError> {
        let config = config.into();
        let (patience, margin, clock) = (config.patience(), config.margin, BootClock::new());
        let shared = Arc::new(Shared {
            clock,
            leases: LeaseWatch::new(clock, margin),
            pulse: Pulse::new(clock.now()),
            notices: Notices::new(),
            run: Mutex::new(SeatRun::new(config)?),
            failure: Mutex::new(None),
            end: HostEnd::default(),
        });
        let (orders, obeyed) = channel();
        let client = start_client(cell, orders.clone()).map_err(SeatStartError::Thread)?;
        let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name(name.into()).spawn(body).map_err(SeatStartError::Thread)
        };
        let watched = Arc::clone(&shared);
        let watchers = spawn("quorate-lease", Box::new(move || watched.leases.watch()))?;
        let host = SeatThread::new(Arc::clone(&shared), client, obeyed);
        let thread = spawn("quorate-seat", Box::new(move || host.run(watchers)));
        if thread.is_err() {
            shared.leases.close();
        }
        Ok(SeatHost { shared, orders, thread: Some(thread?), patience })
    }
}

impl<N: NodeId + Serialize + DeserializeOwned> SeatHost<N> {
    /// The contender, as of its last step.
    #[must_use]
    pub fn status(&self) -> SeatStatus<N> {
        self.shared.status()
    }

    /// The process that holds the seat, as far as this one knows, and the term.
    #[must_use]
    pub fn leader(&self) -> Option<Leader<N>> {
        self.shared.status().leader
    }
}

impl<N: NodeId> SeatHost<N> {
    /// The permission to act as the holder of the seat, if there is one at this moment. Ask for it afresh before each piece of
    /// work; the answer waits for nothing.
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        self.shared.leases.get()
    }

    /// Has `watcher` called with each lease as it begins or grows, and with `None` as it ends
    /// ([`SeatHostConfig::margin`] before that instant, if it ends by itself). A watcher that is told `None` has stopped
    /// acting by the lease when it returns: the seat is not given up before.
    ///
    /// Watchers run one after another on a thread of their own. They must be quick, and must not stop or drop the host.
    pub fn watch(&self, watcher: impl FnMut(Option<Lease>) + Send + 'static) {
        self.shared.leases.add(Watcher::of_growth(watcher));
    }

    /// Has `watcher` called with the term of each lease as it begins, and with `None` as it ends: as [`watch`](Self::watch),
    /// but not as the lease grows.
    pub fn watch_term(&self, mut watcher: impl FnMut(Option<Term>) + Send + 'static) {
        self.shared.leases.add(Watcher::of_terms(move |lease| watcher(lease.map(|lease| lease.term))));
    }

    /// The news. At most 1,024 unread notices are kept.
    #[must_use]
    pub fn events(&self) -> SeatEvents<N> {
        SeatEvents(self.shared.notices.clone())
    }

    /// How long ago the thread that keeps the time took a turn. It takes several a second, also while a call hangs. After more
    /// than a second it is stuck, in a [watcher](Self::watch) perhaps, or has no processor; or the host has ended.
    #[must_use]
    pub fn idle_for(&self) -> Duration {
        self.shared.pulse.age(self.shared.clock.now())
    }

    /// Why the host has stopped, if it has by itself. It is also the last of its [`events`](Self::events).
    #[must_use]
    pub fn failure(&self) -> Option<SeatFailure> {
        self.shared.failure()
    }

    /// What a thread needs to [`run_while_leader`](SeatWorker::run_while_leader), and leave the host to its owner.
    #[must_use]
    pub fn worker(&self) -> SeatWorker<N> {
        SeatWorker(Arc::clone(&self.shared))
    }

    /// As [`SeatWorker::run_while_leader`].
    ///
    /// # Errors
    /// [`SeatStopped`] when the host has.
    pub fn run_while_leader<T>(
        &self,
        work: impl FnMut(Term, &dyn Fn() -> bool) -> Option<T>,
    ) -> Result<T, SeatStopped> {
        self.worker().run_while_leader(work)
    }

    /// As [`SeatWorker::run_while_leader_gracefully`].
    ///
    /// # Errors
    /// [`SeatStopped`] when the host has.
    pub fn run_while_leader_gracefully<T>(
        &self,
        notice: Duration,
        work: impl FnMut(Term, &dyn Fn() -> bool) -> Option<T>,
    ) -> Result<T, SeatStopped> {
        self.worker().run_while_leader_gracefully(notice, work)
    }

    /// Gives the seat up, if this process holds it, and leaves it to others for two lengths. Work by the lease is stopped
    /// first. Returns when that is under way; [`events`](Self::events) tell of it.
    ///
    /// # Errors
    /// [`SeatStopped`] when the host has.
    pub fn resign(&self) -> Result<(), SeatStopped> {
        self.orders.send(Order::Resign).map_err(|_| SeatStopped)
    }

    /// Gives the seat up, if this process holds it, so that another one takes it at its next look, and stops: as
    /// [`shutdown_within`](Self::shutdown_within) three time-outs of a call.
    ///
    /// # Errors
    /// [`SeatFailure`] if it had failed before.
    pub fn shutdown(self) -> Result<(), SeatFailure> {
        let patience = self.patience;
        self.shutdown_within(patience)
    }

    /// Stops work by the lease, gives the seat up, if this process holds it, and stops. Should the register not be reached
    /// within `patience`, the seat is free once its length has passed. Returns when the lease is withdrawn, and the register
    /// is called no more unless a call hangs.
    ///
    /// # Errors
    /// [`SeatFailure`] if it had failed before.
    pub fn shutdown_within(mut self, patience: Duration) -> Result<(), SeatFailure> {
        self.stop(patience);
        self.failure().map_or(Ok(()), Err)
    }

    fn stop(&mut self, patience: Duration) {
        if let Some(thread) = self.thread.take() {
            let _already_stopped = self.orders.send(Order::Shutdown { patience });
            let _reported_as_failure = thread.join();
        }
    }
}

impl<N: NodeId> Drop for SeatHost<N> {
    fn drop(&mut self) {
        self.stop(self.patience);
    }
}

impl<N: NodeId> SeatWorker<N> {
    /// Runs `work` on this thread whenever this process holds the seat, until it returns something.
    ///
    /// A thread cannot be stopped from outside. `work` is given its term, and a question to ask **before each piece of the
    /// work**: whether it may go on. The answer reads a fresh clock, waits for no call, and is `false` from
    /// [`SeatHostConfig::margin`] before the end of the lease, or from the moment that the seat is given up; a piece must be
    /// shorter than that margin. Work that is told `false` returns `None`, and is called again when the process holds the seat
    /// again, or when its lease is renewed after all, then in the same term.
    ///
    /// Until the work has returned, the seat is not given up, but not beyond the end of the lease: work that does not ask, or
    /// a piece that takes too long, goes on beside that of the next holder. Let whatever it writes to refuse its term then:
    /// [`guide::fencing`](crate::guide::fencing).
    ///
    /// # Errors
    /// [`SeatStopped`] when the host has.
    pub fn run_while_leader<T>(
        &self,
        work: impl FnMut(Term, &dyn Fn() -> bool) -> Option<T>,
    ) -> Result<T, SeatStopped> {
        self.run_while_leader_gracefully(Duration::ZERO, work)
    }

    /// As [`run_while_leader`](Self::run_while_leader), for pieces of work that take up to `notice`, which may be longer than
    /// the margin: the answer is `false` that long before the margin begins. `notice` has to be well below half of
    /// [`SeatConfig::length`](super::SeatConfig::length): work begins only while more than that is left.
    ///
    /// # Errors
    /// [`SeatStopped`] when the host has.
    pub fn run_while_leader_gracefully<T>(
        &self,
        notice: Duration,
        work: impl FnMut(Term, &dyn Fn() -> bool) -> Option<T>,
    ) -> Result<T, SeatStopped> {
        self.0.leases.run_while_leader(notice, work).ok_or(SeatStopped)
    }

    /// Returns when the host has ended, by itself or as it was told to.
    ///
    /// # Errors
    /// [`SeatFailure`] if it ended by itself.
    pub fn wait_for_end(&self) -> Result<(), SeatFailure> {
        while !self.0.end.wait(Duration::MAX) {}
        self.0.failure().map_or(Ok(()), Err)
    }
}

impl<N> Clone for SeatEvents<N> {
    fn clone(&self) -> Self {
        SeatEvents(self.0.clone())
    }
}

impl<N> SeatEvents<N> {
    /// The next notice, as soon as there is one; `None` when the host has stopped.
    #[must_use]
    pub fn recv(&self) -> Option<SeatNotice<N>> {
        self.0.recv()
    }

    /// The next notice, if there is one within `timeout`.
    ///
    /// # Errors
    /// As the receiver of a channel: timed out, or disconnected when the host has stopped.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<SeatNotice<N>, RecvTimeoutError> {
        self.0.recv_timeout(timeout)
    }

    /// The next notice, if there is one.
    #[must_use]
    pub fn try_recv(&self) -> Option<SeatNotice<N>> {
        self.0.try_recv()
    }
}

impl<N> TellsOfMissed for SeatNotice<N> {
    fn missed(count: u64) -> Self {
        SeatNotice::Missed(count)
    }
}

impl<N> Shared<N> {
    /// No code of the program runs under this lock, and every change under it is whole.
    pub(super) fn run(&self) -> MutexGuard<'_, SeatRun<N>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn failure(&self) -> Option<SeatFailure> {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<N: NodeId + Serialize + DeserializeOwned> Shared<N> {
    /// A lease that is not shown yet, or was withdrawn, is none, and a seat without one is held by no process that is known.
    fn status(&self) -> SeatStatus<N> {
        let mut status = self.run().status();
        let lease = self.leases.published();
        if status.lease.is_some() && lease.is_none() {
            status.leader = None;
        }
        status.lease = lease;
        status
    }
}

impl<N> fmt::Debug for Shared<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("failure", &self.failure).finish_non_exhaustive()
    }
}
