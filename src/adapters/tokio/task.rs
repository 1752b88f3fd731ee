//! The node's task: the host's contract, as code.

use std::sync::Arc;
use std::thread;

use rand_chacha::ChaCha8Rng;
use tokio::select;
use tokio::sync::{broadcast, mpsc};
use tokio::task::{JoinError, spawn_blocking};

use super::handle::Command;
use super::leadership_watch::LeadershipWatch;
use super::{NodeView, Stopped, Storage, Transport};
use crate::adapters::actions::{Action, Actions};
use crate::adapters::departure::{Departure, Farewell};
use crate::config::Timing;
use crate::election::Election;
use crate::event::Event;
use crate::hard_state::HardState;
use crate::io::{Input, Output, Urgency};
use crate::rejection::Rejection;
use crate::types::{NodeId, Timestamp};

pub(super) struct Task<I, S, T> {
    pub(super) election: Election<I, ChaCha8Rng>,
    /// Elsewhere while it writes.
    pub(super) storage: Option<S>,
    pub(super) transport: T,
    pub(super) commands: mpsc::Receiver<Command<I>>,
    pub(super) events: broadcast::Sender<Event<I>>,
    pub(super) watch: Arc<LeadershipWatch<I>>,
    pub(super) actions: Actions<I>,
    pub(super) timing: Timing,
    /// There is one from the command to shut down on.
    pub(super) departure: Option<Departure>,
}

/// What ended a wait.
enum Next<I, R> {
    Command(Option<Command<I>>),
    Received(R),
    Due,
}

/// Runs until it is told to stop or cannot go on, and says so. Storage and transport are dropped before the
/// end becomes known.
pub(super) async fn run<I, S, T>(mut last_words: LastWords<I>, mut task: Task<I, S, T>)
where
    I: NodeId + Send + Sync + 'static,
    S: Storage<I>,
    T: Transport<I>,
{
    let reason = task.serve().await;
    drop(task);
    last_words.reason = Some(reason);
}

impl<I, S, T> Task<I, S, T>
where
    I: NodeId + Send + Sync + 'static,
    S: Storage<I>,
    T: Transport<I>,
{
    async fn serve(&mut self) -> Stopped {
        loop {
            match self.run_once().await {
                Ok(()) => {}
                Err(reason @ (Stopped::Shutdown | Stopped::Dropped)) => {
                    let resign = Input::Resign { successor: None, urgency: Urgency::Now };
                    return self.step(resign).await.err().unwrap_or(reason);
                }
                Err(failure) => return failure,
            }
        }
    }

    /// Waits for one thing to happen, and does what it requires.
    async fn run_once(&mut self) -> Result<(), Stopped> {
        self.tick()?;
        self.act().await?;
        let farewell = self.depart().await?;
        let due = [self.election.deadline(), self.watch.end(), farewell].into_iter().flatten().min();
        let next = select! {
            biased;
            command = self.commands.recv() => Next::Command(command),
            // Before the transport: a flood of messages must not keep the election from its timer.
            () = self.watch.clock.nap(due.unwrap_or_default()), if due.is_some() => Next::Due,
            received = self.transport.recv() => Next::Received(received),
        };
        match next {
            Next::Command(command) => self.obey(command).await,
            Next::Received(Ok((from, message))) => {
                self.step(Input::Receive { from, message }).await.map(drop)
            }
            Next::Received(Err(error)) => Err(Stopped::Transport(Arc::new(error))),
            Next::Due => Ok(()),
        }
    }

    async fn obey(&mut self, command: Option<Command<I>>) -> Result<(), Stopped> {
        match command {
            Some(Command::Step { input, reply }) => {
                let rejection = self.step(input).await?;
                let _gone = reply.send(rejection.map_or(Ok(()), Err));
                Ok(())
            }
            Some(Command::Status { reply }) => {
                let _gone = reply.send(self.election.status());
                Ok(())
            }
            Some(Command::Shutdown { patience }) => {
                let now = self.watch.now();
                self.departure.get_or_insert_with(|| Departure::new(&self.timing, patience, now));
                Ok(())
            }
            Some(Command::Abort) => Err(Stopped::Shutdown),
            None => Err(Stopped::Dropped),
        }
    }

    /// Takes the next steps of a node that is shut down. Returns when the following one is due.
    async fn depart(&mut self) -> Result<Option<Timestamp>, Stopped> {
        loop {
            let Some(departure) = &mut self.departure else { return Ok(None) };
            match departure.next(&self.election, self.watch.now()) {
                Farewell::HandOver => {
                    let resign = Input::Resign { successor: None, urgency: Urgency::WhenReady };
                    let rejection = self.step(resign).await?;
                    if let (Some(departure), Some(reason)) = (&mut self.departure, rejection) {
                        departure.reject(&reason, self.watch.now());
                    }
                }
                Farewell::Stay(due) => return Ok(Some(due)),
                Farewell::Leave => return Err(Stopped::Shutdown),
            }
        }
    }

    /// Steps what was received or ordered, at a reading of the clock taken since. Returns the rejection, if there
    /// is one.
    async fn step(&mut self, input: Input<I>) -> Result<Option<Rejection<I>>, Stopped> {
        self.tick()?;
        self.election.step_into(input, &mut self.actions.outputs);
        self.act().await
    }

    fn tick(&mut self) -> Result<(), Stopped> {
        self.election.tick_into(self.watch.now(), &mut self.actions.outputs);
        let refused = self.actions.outputs.iter().any(|output| matches!(output, Output::Rejected(_)));
        if refused { Err(Stopped::Clock) } else { Ok(()) }
    }

    /// Acts on the outputs, in order. Returns the rejection among them.
    async fn act(&mut self) -> Result<Option<Rejection<I>>, Stopped> {
        self.transport.observe(&NodeView::of(&self.election));
        while let Some(action) = self.actions.next() {
            match action {
                Action::Persist(state) => self.persist(state).await?,
                Action::Send { to, message } => self.transport.send(to, &message),
                Action::Withdraw => {
                    self.watch.withdraw().await;
                    self.report_news();
                }
            }
        }
        self.watch.publish(self.election.leader(), self.election.lease());
        self.report_news();
        Ok(self.actions.take_rejection())
    }

    /// What follows waits until `state` is durable; if it never is, nothing follows. A lease that
    /// ends meanwhile is taken away in time.
    async fn persist(&mut self, state: HardState<I>) -> Result<(), Stopped> {
        let Some(mut storage) = self.storage.take() else { return Err(Stopped::Panicked) };
        let mut write = spawn_blocking(move || {
            let saved = storage.save(&state);
            (storage, saved)
        });
        let (storage, saved) = loop {
            let end = self.watch.end();
            select! {
                biased;
                written = &mut write => break written.map_err(|error| lost(&error))?,
                () = self.watch.clock.nap(end.unwrap_or_default()), if end.is_some() => self.watch.expire(),
            }
        };
        self.storage = Some(storage);
        saved.map_err(|error| Stopped::Storage(Arc::new(error)))
    }

    fn report_news(&mut self) {
        while let Some(event) = self.transport.poll_event() {
            let _no_subscriber = self.events.send(event);
        }
        for event in self.actions.take_news() {
            if let Some(departure) = &mut self.departure {
                departure.observe(&event, self.watch.now());
            }
            let _no_subscriber = self.events.send(event);
        }
    }
}

fn lost(error: &JoinError) -> Stopped {
    if error.is_panic() { Stopped::Panicked } else { Stopped::Aborted }
}

/// However the task ends: no lease, and the reason known.
pub(super) struct LastWords<I: NodeId> {
    watch: Arc<LeadershipWatch<I>>,
    reason: Option<Stopped>,
}

impl<I: NodeId> LastWords<I> {
    pub(super) fn new(watch: Arc<LeadershipWatch<I>>) -> Self {
        LastWords { watch, reason: None }
    }
}

impl<I: NodeId> Drop for LastWords<I> {
    fn drop(&mut self) {
        let unsaid = if thread::panicking() { Stopped::Panicked } else { Stopped::Aborted };
        self.watch.stop(self.reason.take().unwrap_or(unsaid));
    }
}
