//! The node's task: the host's contract, as code.

use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use std::vec::Vec;

use rand_chacha::ChaCha8Rng;
use tokio::select;
use tokio::sync::{broadcast, mpsc};
use tokio::task::{JoinError, spawn_blocking};

use super::board::Board;
use super::handle::Command;
use super::{NodeView, Stopped, Storage, Transport};
use crate::election::Election;
use crate::event::Event;
use crate::hard_state::HardState;
use crate::io::{Input, Output, Urgency};
use crate::rejection::Rejection;
use crate::types::NodeId;

pub(super) struct Task<I, S, T> {
    pub(super) election: Election<I, ChaCha8Rng>,
    /// Elsewhere while it writes.
    pub(super) storage: Option<S>,
    pub(super) transport: T,
    pub(super) commands: mpsc::Receiver<Command<I>>,
    pub(super) events: broadcast::Sender<Event<I>>,
    pub(super) board: Arc<Board<I>>,
    pub(super) outputs: Vec<Output<I>>,
    pub(super) news: Vec<Event<I>>,
    /// For how long a shutdown waits for a handover.
    pub(super) patience: Duration,
    /// Whether the last handover is known to have failed.
    pub(super) handover_failed: bool,
}

/// What a turn was waiting for.
enum Next<I, R> {
    Command(Option<Command<I>>),
    Received(R),
    Due,
}

/// Runs until it is told to stop or cannot go on, and says so. Storage and transport are gone before
/// anybody hears of its end.
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
            match self.turn(true).await {
                Ok(()) => {}
                Err(reason @ (Stopped::Shutdown | Stopped::Dropped)) => {
                    return self.hand_over().await.err().unwrap_or(reason);
                }
                Err(failure) => return failure,
            }
        }
    }

    /// Waits for one thing to happen, and does what it takes. `open` to commands, or not any more.
    async fn turn(&mut self, open: bool) -> Result<(), Stopped> {
        self.tick()?;
        self.act().await?;
        let due = [self.election.deadline(), self.board.end()].into_iter().flatten().min();
        let next = select! {
            biased;
            command = self.commands.recv(), if open => Next::Command(command),
            // Before the transport: whoever floods it must not keep the election from its timer.
            () = self.board.nap(due.unwrap_or_default()), if due.is_some() => Next::Due,
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
                let met = self.step(input).await?;
                let _gone = reply.send(met.map_or(Ok(()), Err));
                Ok(())
            }
            Some(Command::Status { reply }) => {
                let _gone = reply.send(self.election.status());
                Ok(())
            }
            Some(Command::Shutdown) => Err(Stopped::Shutdown),
            None => Err(Stopped::Dropped),
        }
    }

    /// Leads on until another is seen to lead, if there is one that can; then resigns at any rate.
    async fn hand_over(&mut self) -> Result<(), Stopped> {
        self.handover_failed = false;
        let end = self.board.now().saturating_add(self.patience);
        let wish = Input::Resign { successor: None, urgency: Urgency::WhenReady };
        if self.step(wish).await?.is_none() {
            while !self.handover_failed && !self.follows() && self.board.now() < end {
                self.turn(false).await?;
            }
        }
        self.step(Input::Resign { successor: None, urgency: Urgency::Now }).await.map(drop)
    }

    fn follows(&self) -> bool {
        self.election.leader().is_some_and(|leader| leader.id != self.election.id())
    }

    /// What was received or is wanted, stepped at a reading taken since. Gives back why it cannot be.
    async fn step(&mut self, input: Input<I>) -> Result<Option<Rejection<I>>, Stopped> {
        self.tick()?;
        self.election.step_into(input, &mut self.outputs);
        self.act().await
    }

    fn tick(&mut self) -> Result<(), Stopped> {
        self.election.tick_into(self.board.now(), &mut self.outputs);
        let refused = self.outputs.iter().any(|output| matches!(output, Output::Rejected(_)));
        if refused { Err(Stopped::Clock) } else { Ok(()) }
    }

    /// Acts on the outputs, in order. Gives back the rejection among them.
    async fn act(&mut self) -> Result<Option<Rejection<I>>, Stopped> {
        self.show_transport();
        let mut rejection = None;
        let mut outputs = mem::take(&mut self.outputs);
        for output in outputs.drain(..) {
            match output {
                Output::Persist(state) => self.persist(state).await?,
                Output::Send { to, message } => self.transport.send(to, &message),
                Output::Event(event) => self.announce(event).await,
                Output::Rejected(reason) => rejection = Some(reason),
            }
        }
        self.outputs = outputs;
        self.board.publish(self.election.leader(), self.election.lease());
        self.tell();
        Ok(rejection)
    }

    fn show_transport(&mut self) {
        let election = &self.election;
        self.transport.observe(&NodeView {
            id: election.id(),
            cluster: election.cluster(),
            leader: election.leader(),
            concern: &|id| election.is_concerned_with(id),
        });
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
            let end = self.board.end();
            select! {
                biased;
                written = &mut write => break written.map_err(|error| lost(&error))?,
                () = self.board.nap(end.unwrap_or_default()), if end.is_some() => self.board.expire(),
            }
        };
        self.storage = Some(storage);
        saved.map_err(|error| Stopped::Storage(Arc::new(error)))
    }

    /// What follows a step-down waits until nobody acts as leader any more, and everybody is told.
    async fn announce(&mut self, event: Event<I>) {
        let stepped_down = matches!(event, Event::SteppedDown { .. });
        self.handover_failed |= matches!(event, Event::HandoverFailed { .. });
        self.news.push(event);
        if stepped_down {
            self.board.withdraw().await;
            self.tell();
        }
    }

    fn tell(&mut self) {
        for event in self.news.drain(..) {
            let _nobody_listens = self.events.send(event);
        }
    }
}

fn lost(error: &JoinError) -> Stopped {
    if error.is_panic() { Stopped::Panicked } else { Stopped::Aborted }
}

/// However the task ends: no lease, and the reason known.
pub(super) struct LastWords<I: NodeId> {
    board: Arc<Board<I>>,
    reason: Option<Stopped>,
}

impl<I: NodeId> LastWords<I> {
    pub(super) fn new(board: Arc<Board<I>>) -> Self {
        LastWords { board, reason: None }
    }
}

impl<I: NodeId> Drop for LastWords<I> {
    fn drop(&mut self) {
        let unsaid = if thread::panicking() { Stopped::Panicked } else { Stopped::Aborted };
        self.board.stop(self.reason.take().unwrap_or(unsaid));
    }
}
