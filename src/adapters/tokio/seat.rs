//! A host of a seat as a task: one of any number of processes that share nothing but a register.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime;
use tokio::select;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{sleep, timeout};

use super::leadership_watch::{Clock, Leadership, LeadershipWatch, SHORTEST_NAP};
use super::stop_token::StopToken;
use super::task::LastWords;
use super::{COMMANDS, NEWS, Stopped};
use crate::adapters::clock::BootClock;
use crate::adapters::register::calls::{Call, Request};
use crate::adapters::register::{
    AsyncCell, Outcome, SeatAction, SeatHostConfig, SeatNotice, SeatRun, SeatStartError, SeatStatus,
};
use crate::adapters::timer::Precision;
use crate::io::Lease;
use crate::types::{Leader, NodeId, Term, Timestamp};

/// A contender for a [seat](crate::adapters::register::Seat), as a task: one of any number of processes that share nothing
/// but a register.
///
/// Another task calls the register, so a call that hangs delays neither the end of the lease nor the stopping of work.
///
/// ```no_run
/// use quorate::ClusterId;
/// use quorate::adapters::register::SeatConfig;
/// use quorate::adapters::tokio::SeatHandle;
/// # use quorate::adapters::register::{AsyncCell, CellError, Tag};
/// # struct Object;
/// # impl Object { fn connect(_url: &str) -> Object { Object } }
/// # impl AsyncCell for Object {
/// #     async fn read(&mut self) -> Result<Option<(Tag, Vec<u8>)>, CellError> { Ok(None) }
/// #     async fn swap(&mut self, _: &Tag, _: &[u8]) -> Result<Option<Tag>, CellError> { Ok(None) }
/// #     async fn create(&mut self, _: &[u8]) -> Result<Option<Tag>, CellError> { Ok(None) }
/// # }
/// # async fn send_reminders(_term: quorate::Term) {}
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // `Object` is a client of yours: it implements `AsyncCell`. The operator has written `create_seat(group)` once.
/// let group = ClusterId::from_name("reminders");
/// let seat = SeatHandle::start(SeatConfig::new(std::process::id(), group), Object::connect("s3://bucket/reminders"))?;
/// // On one machine at a time, stopped where it awaits when that machine holds the seat no more.
/// seat.run_while_leader(|term| async move { send_reminders(term).await }).await?;
/// seat.shutdown().await?; // another process takes the seat at once
/// # Ok(())
/// # }
/// ```
///
/// When the last clone is dropped, the seat is given up as by [`shutdown`](Self::shutdown). The runtime needs its timers
/// enabled. A handler that blocks it for as long as the seat is held costs the holder its lease.
#[derive(Clone, Debug)]
pub struct SeatHandle<N: NodeId> {
    watch: Arc<LeadershipWatch<N>>,
    run: Arc<Run<N>>,
    orders: mpsc::Sender<Order>,
    notices: broadcast::Sender<SeatNotice<N>>,
    patience: Duration,
}

/// The seat, which is locked for no longer than a step takes.
struct Run<N>(Mutex<SeatRun<N>>);

/// What the task is asked to do.
#[derive(Debug)]
enum Order {
    Resign,
    Shutdown { patience: Duration },
}

impl<N: NodeId + Serialize + DeserializeOwned + Send + Sync + 'static> SeatHandle<N> {
    /// Starts to contend for a seat on the runtime that this is called in, by means of the client of its register. A
    /// [`SeatConfig`](crate::adapters::register::SeatConfig) alone will do.
    ///
    /// # Errors
    /// [`SeatStartError`] if it is configured wrongly, the system has no randomness to give, or there is no runtime.
    pub fn start(config: impl Into<SeatHostConfig<N>>, cell: impl AsyncCell) -> Result<Self, SeatStartError> {
        let clock = BootClock::new();
        Self::start_with_clock(config, cell, move || clock.now())
    }

    /// The same with another clock than [`BootClock`]: monotonic, and counting suspend. For tests in tokio's paused time,
    /// the [`Timestamp`] of `start.elapsed()`, where `start` is an `Instant` of tokio's.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with_clock(
        config: impl Into<SeatHostConfig<N>>,
        cell: impl AsyncCell,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Result<Self, SeatStartError> {
        let config = config.into();
        let runtime = runtime::Handle::try_current().map_err(|_| SeatStartError::NoRuntime)?;
        let (name, margin, patience, call_timeout) =
            (config.seat.name, config.margin, config.patience(), config.call_timeout);
        let run = Arc::new(Run(Mutex::new(SeatRun::new(config)?)));
        let watch = Arc::new(LeadershipWatch::new(name, Clock::new(clock), margin));
        let notices = broadcast::Sender::new(NEWS);
        let (orders, obeyed) = mpsc::channel(COMMANDS);
        let (calls, passed_on) = mpsc::channel(1);
        let (report, completed) = mpsc::channel(1);
        runtime.spawn(call_register(cell, call_timeout, passed_on, report));
        let task = SeatTask {
            run: Arc::clone(&run),
            watch: Arc::clone(&watch),
            notices: notices.clone(),
            calls,
            completed,
            orders: obeyed,
            patience,
            ends_at: None,
            reason: Stopped::Shutdown,
        };
        runtime.spawn(task.serve_to_the_end(LastWords::new(Arc::clone(&watch))));
        Ok(SeatHandle { watch, run, orders, notices, patience })
    }

    /// The contender, as of its last step.
    #[must_use]
    pub fn status(&self) -> SeatStatus<N> {
        let mut status = self.run.lock().status();
        let shown = self.watch.subscribe();
        let shown = shown.borrow();
        (status.leader, status.lease) = (shown.leader, self.watch.lease());
        status
    }
}

impl<N: NodeId + Send + Sync> SeatHandle<N> {
    /// Which process holds the seat: always the present state, and a task that awaits a change of it is woken, however late it
    /// comes. Another holder with the name of this one is not told from none.
    #[must_use]
    pub fn leadership(&self) -> watch::Receiver<Leadership<N>> {
        self.watch.subscribe()
    }

    /// The permission to act as the holder of the seat, if there is one at this moment. Ask for it afresh before each piece of
    /// work.
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        self.watch.lease()
    }

    /// The process that holds the seat, as far as this one knows, and the term.
    #[must_use]
    pub fn leader(&self) -> Option<Leader<N>> {
        self.watch.subscribe().borrow().leader
    }

    /// The news from now on. A slow reader is told how many it has missed. The news do not end with the task: listen to
    /// [`closed`](Self::closed) as well.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<SeatNotice<N>> {
        self.notices.subscribe()
    }

    /// How long ago the task took a turn. It takes several a second, also while a call hangs. After more than a second its
    /// runtime is blocked; or the task has ended.
    #[must_use]
    pub fn idle_for(&self) -> Duration {
        self.watch.pulse.age(self.watch.now())
    }

    /// Runs `work` while this process holds the seat, and returns its output: as
    /// [`Handle::run_while_leader`](super::Handle::run_while_leader), under the lease of the seat.
    ///
    /// # Errors
    /// [`Stopped`] when the task has.
    pub async fn run_while_leader<W, F>(&self, work: W) -> Result<F::Output, Stopped>
    where
        W: FnMut(Term) -> F,
        F: Future,
    {
        self.watch.run_while_leader(work).await
    }

    /// As [`run_while_leader`](Self::run_while_leader), for work that is done item by item: as
    /// [`Handle::run_while_leader_gracefully`](super::Handle::run_while_leader_gracefully). `notice` has to be well below half
    /// of the length for which the seat is held.
    ///
    /// # Errors
    /// [`Stopped`] when the task has.
    pub async fn run_while_leader_gracefully<W, F, T>(&self, notice: Duration, work: W) -> Result<T, Stopped>
    where
        W: FnMut(Term, StopToken<N>) -> F,
        F: Future<Output = Option<T>>,
    {
        LeadershipWatch::run_while_leader_gracefully(&self.watch, notice, work).await
    }

    /// Gives the seat up, if this process holds it, and leaves it to others for two lengths. Work by the lease is stopped
    /// first. Returns when that is under way.
    ///
    /// # Errors
    /// [`Stopped`] when the task has.
    pub async fn resign(&self) -> Result<(), Stopped> {
        match self.orders.send(Order::Resign).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.closed().await),
        }
    }

    /// Gives the seat up, if this process holds it, so that another one takes it at its next look, and stops: as
    /// [`shutdown_within`](Self::shutdown_within) three time-outs of a call.
    ///
    /// # Errors
    /// [`Stopped`] if it had failed before.
    pub async fn shutdown(&self) -> Result<(), Stopped> {
        self.shutdown_within(self.patience).await
    }

    /// Stops work by the lease, gives the seat up, if this process holds it, and stops. Should the register not be reached
    /// within `patience`, the seat is free once its length has passed. Returns when the lease is withdrawn, and the register
    /// is called no more.
    ///
    /// # Errors
    /// [`Stopped`] if it had failed before.
    pub async fn shutdown_within(&self, patience: Duration) -> Result<(), Stopped> {
        let closed = self.closed();
        let _already_stopped = self.orders.send(Order::Shutdown { patience }).await;
        match closed.await {
            Stopped::Shutdown | Stopped::Dropped => Ok(()),
            failure => Err(failure),
        }
    }

    /// The end of the task, and why. Waiting for it does not keep the task running.
    pub fn closed(&self) -> impl Future<Output = Stopped> + Send + use<N> {
        self.watch.closed()
    }
}

impl<N> Run<N> {
    fn lock(&self) -> MutexGuard<'_, SeatRun<N>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<N> fmt::Debug for Run<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}

/// Calls the register, until there is nobody to call it for. A call that takes too long is dropped.
async fn call_register(
    mut cell: impl AsyncCell,
    call_timeout: Duration,
    mut calls: mpsc::Receiver<Call>,
    report: mpsc::Sender<(u64, Outcome)>,
) {
    while let Some(Call { number, request }) = calls.recv().await {
        let outcome = match request {
            Request::Read => match timeout(call_timeout, cell.read()).await {
                Ok(read) => Outcome::of_read(read),
                Err(_elapsed) => Outcome::Failed,
            },
            Request::Swap { tag, bytes } => match timeout(call_timeout, cell.swap(&tag, &bytes)).await {
                Ok(swapped) => Outcome::of_swap(swapped),
                Err(_elapsed) => Outcome::Unknown,
            },
        };
        if report.send((number, outcome)).await.is_err() {
            return;
        }
    }
}

/// The task that keeps the time.
struct SeatTask<N> {
    run: Arc<Run<N>>,
    watch: Arc<LeadershipWatch<N>>,
    notices: broadcast::Sender<SeatNotice<N>>,
    calls: mpsc::Sender<Call>,
    completed: mpsc::Receiver<(u64, Outcome)>,
    orders: mpsc::Receiver<Order>,
    patience: Duration,
    /// When a shutdown ends in any case.
    ends_at: Option<Timestamp>,
    /// Why the task is being shut down.
    reason: Stopped,
}

/// What ended a wait.
enum Next {
    Completed(Option<(u64, Outcome)>),
    Order(Option<Order>),
    Due,
}

impl<N: NodeId + Serialize + DeserializeOwned + Send + Sync + 'static> SeatTask<N> {
    async fn serve_to_the_end(mut self, mut last_words: LastWords<N>) {
        let reason = self.serve().await;
        self.watch.withdraw().await;
        // The register is called no more before the end becomes known.
        drop(self);
        last_words.reason = Some(reason);
    }

    async fn serve(&mut self) -> Stopped {
        loop {
            let now = self.watch.now();
            self.watch.pulse.beat(now);
            self.run.lock().tick(now);
            self.act().await;
            if self.is_over() {
                return self.reason.clone();
            }
            let leg = self.leg();
            let next = select! {
                biased;
                completed = self.completed.recv() => Next::Completed(completed),
                order = self.orders.recv(), if self.ends_at.is_none() => Next::Order(order),
                () = sleep(leg) => Next::Due,
            };
            let now = self.watch.now();
            match next {
                Next::Completed(Some((number, outcome))) => self.run.lock().complete(number, outcome, now),
                // The client has panicked: nobody would answer its calls any more.
                Next::Completed(None) => return Stopped::Panicked,
                Next::Order(Some(Order::Resign)) => self.run.lock().resign(now),
                Next::Order(Some(Order::Shutdown { patience })) => self.depart(patience, now),
                Next::Order(None) => {
                    self.reason = Stopped::Dropped;
                    self.depart(self.patience, now);
                }
                Next::Due => {}
            }
        }
    }

    fn depart(&mut self, patience: Duration, now: Timestamp) {
        self.run.lock().depart(now);
        self.ends_at = Some(now.saturating_add(patience));
    }

    /// Does what there is to do, in order, shows the lease, and then tells the news.
    async fn act(&mut self) {
        while let Some(action) = self.next_action() {
            match action {
                // There is room, as the client is free; one that has panicked is noticed.
                SeatAction::Call(call) => drop(self.calls.try_send(call)),
                SeatAction::Withdraw => self.watch.withdraw().await,
            }
        }
        let (leader, lease) = {
            let run = self.run.lock();
            (run.leader(), run.lease())
        };
        self.watch.publish((leader, None), lease);
        while let Some(notice) = self.next_notice() {
            self.tell(notice);
        }
    }

    fn next_action(&self) -> Option<SeatAction> {
        self.run.lock().next(self.watch.now())
    }

    fn next_notice(&self) -> Option<SeatNotice<N>> {
        self.run.lock().next_notice()
    }

    fn tell(&self, notice: SeatNotice<N>) {
        #[cfg(feature = "tracing")]
        {
            // A subscriber is code of the program, so nothing is locked when it is told.
            let name = self.run.lock().name();
            notice.trace(name);
        }
        let _nobody_listens = self.notices.send(notice);
    }

    /// Whether a shutdown is over: the register says that the seat was given up, or it takes too long.
    fn is_over(&self) -> bool {
        let has_departed = self.run.lock().has_departed();
        self.ends_at.is_some_and(|end| has_departed || self.watch.now() >= end)
    }

    fn leg(&self) -> Duration {
        let due = [self.ends_at, self.watch.end()];
        let due = due.into_iter().flatten().fold(self.run.lock().deadline(), Timestamp::min);
        Precision::TOKIO.leg(due.saturating_duration_since(self.watch.now())).max(SHORTEST_NAP)
    }
}
