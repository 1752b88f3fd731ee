//! The commands of a program to its node.

use std::future::Future;
use std::prelude::rust_2024::*;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::leadership_watch::{Leadership, LeadershipWatch};
use super::{CommandError, ElectionCounters, Stopped};
#[cfg(feature = "register")]
use crate::adapters::register::{RegisterEvent, RegisterStatus};
use crate::event::Event;
use crate::io::{Force, Input, Lease, Urgency};
use crate::reconfig::Target;
use crate::rejection::Rejection;
use crate::status::Status;
use crate::types::{Leader, NodeId, Position, Priority};

/// What the task is asked to do.
#[derive(Debug)]
pub(super) enum Command<I> {
    Step {
        input: Input<I>,
        reply: oneshot::Sender<Result<(), Rejection<I>>>,
    },
    Status {
        reply: oneshot::Sender<Status<I>>,
    },
    Counters {
        reply: oneshot::Sender<ElectionCounters>,
    },
    #[cfg(feature = "metrics")]
    Metrics(super::metrics::MetricsReply<I>),
    Shutdown {
        patience: Duration,
    },
    Abort,
    SetHealthy(bool),
    #[cfg(feature = "register")]
    RegisterStatus {
        reply: oneshot::Sender<Option<RegisterStatus<I>>>,
    },
    /// Have the register hold how far the data of the node reach.
    #[cfg(feature = "register")]
    RecordPosition {
        position: Position,
        /// Whether there is a register.
        reply: oneshot::Sender<bool>,
    },
}

/// A running node. When the last clone is dropped, the node stops as by [`abort`](Handle::abort).
///
/// No command waits for a disk: while a state is written, a command is stepped, and what follows from it is sent
/// afterwards.
#[derive(Clone, Debug)]
pub struct Handle<I> {
    pub(super) watch: Arc<LeadershipWatch<I>>,
    pub(super) commands: mpsc::Sender<Command<I>>,
    pub(super) events: broadcast::Sender<Event<I>>,
    #[cfg(feature = "register")]
    pub(super) register_events: broadcast::Sender<RegisterEvent<I>>,
    /// For how long a shutdown waits until another node leads.
    pub(super) patience: Duration,
}

impl<I: NodeId + Send + Sync> Handle<I> {
    /// The leadership: always the present state, and a task that awaits a change of it is woken, however late
    /// it comes. The first change is the present state. The node's task keeps it, so it stands still while that
    /// task is held up; [`lease`](Self::lease) asks the clock.
    #[must_use]
    pub fn leadership(&self) -> watch::Receiver<Leadership<I>> {
        self.watch.subscribe()
    }

    /// The permission to act as leader, if there is one at this moment. Ask for it afresh before each piece of
    /// work.
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        self.watch.lease()
    }

    /// The leader and its term, as soon as there is one.
    ///
    /// # Errors
    /// [`Stopped`] when the node has.
    pub async fn wait_for_leader(&self) -> Result<Leader<I>, Stopped> {
        let mut leadership = self.leadership();
        loop {
            let seen = leadership.borrow_and_update().clone();
            match (seen.stopped, seen.leader) {
                (Some(reason), _) => return Err(reason),
                (None, Some(leader)) => return Ok(leader),
                (None, None) => {
                    let _never_closed = leadership.changed().await;
                }
            }
        }
    }

    /// The news of the election from now on. A slow reader is told how many it has missed. The news do
    /// not end with the node: listen to [`closed`](Self::closed) as well.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event<I>> {
        self.events.subscribe()
    }

    /// A snapshot of the node, as of the last thing it did. While a state is written, term, vote and members are those that
    /// are durable.
    ///
    /// # Errors
    /// [`Stopped`] when the node has.
    pub async fn status(&self) -> Result<Status<I>, Stopped> {
        self.ask(|reply| Command::Status { reply }).await
    }

    /// What became of the node so far. What became of datagrams, `Peers::counters` shows.
    ///
    /// # Errors
    /// [`Stopped`] when the node has.
    pub async fn election_counters(&self) -> Result<ElectionCounters, Stopped> {
        self.ask(|reply| Command::Counters { reply }).await
    }

    /// How long ago the node's task took a turn. It takes several a second, also while a state is written. After more than
    /// a second its runtime is blocked; or the node has ended.
    #[must_use]
    pub fn idle_for(&self) -> Duration {
        self.watch.pulse.age(self.watch.now())
    }

    /// Gives up leadership, to `successor` or to the node that the leader finds best. Returns when the
    /// attempt has begun; [`leadership`](Self::leadership) and [`events`](Self::events) tell how it
    /// ends.
    ///
    /// # Errors
    /// [`CommandError`] if it does not lead, or no node can take over.
    pub async fn resign(&self, successor: Option<I>, urgency: Urgency) -> Result<(), CommandError<I>> {
        self.step(Input::Resign { successor, urgency }).await
    }

    /// Campaigns now.
    ///
    /// # Errors
    /// [`CommandError`] if it leads already, cannot lead, or is bound by a promise.
    pub async fn campaign(&self) -> Result<(), CommandError<I>> {
        self.step(Input::Campaign).await
    }

    /// The program's data reach so far now.
    ///
    /// # Errors
    /// [`CommandError::Stopped`].
    pub async fn set_position(&self, position: Position) -> Result<(), CommandError<I>> {
        self.step(Input::SetPosition(position)).await
    }

    /// How much the node wants to lead from now on.
    ///
    /// # Errors
    /// [`CommandError::Stopped`].
    pub async fn set_priority(&self, priority: Priority) -> Result<(), CommandError<I>> {
        self.step(Input::SetPriority(priority)).await
    }

    /// Changes the members, on the leader, to `target` by safe steps. Returns when that has
    /// begun; [`TargetReached`](Event::TargetReached) tells when it is done, and
    /// [`TargetAbandoned`](Event::TargetAbandoned) that the next leader must be asked. Let the
    /// transport know the addresses of newcomers first.
    ///
    /// `force` says whether the change may cost the leader its lease.
    ///
    /// # Errors
    /// [`CommandError`] if it does not lead, or the target cannot be reached.
    pub async fn reconfigure(&self, target: Target<I>, force: Force) -> Result<(), CommandError<I>> {
        self.step(Input::Reconfigure { target, force }).await
    }

    /// There is a node `id`, and the transport knows its address. A group that forms itself is formed with it;
    /// later, on the leader, the node is admitted.
    ///
    /// # Errors
    /// [`CommandError`] if the group is full or has not formed itself, or another node leads it.
    pub async fn discovered(&self, id: I) -> Result<(), CommandError<I>> {
        self.step(Input::Discovered(id)).await
    }

    /// A node is gone for good: the reverse of [`discovered`](Self::discovered).
    ///
    /// # Errors
    /// [`CommandError`] if it is no member, or the last that can be spared, or another node leads.
    pub async fn lost(&self, id: I) -> Result<(), CommandError<I>> {
        self.step(Input::Lost(id)).await
    }

    /// This node wants to be removed. Let it run until [`Removed`](Event::Removed).
    ///
    /// # Errors
    /// [`CommandError`] if it is no member, or the only voter.
    pub async fn leave(&self) -> Result<(), CommandError<I>> {
        self.step(Input::Leave).await
    }

    /// Says whether this node is in a state to lead. While it is not, it has the priority 0, and a leader hands over.
    /// For a program that cannot say it by itself when its work hangs there is [`HealthConfig::check`].
    ///
    /// # Errors
    /// [`Stopped`] when the node has.
    ///
    /// [`HealthConfig::check`]: super::HealthConfig::check
    pub async fn set_healthy(&self, is_healthy: bool) -> Result<(), Stopped> {
        match self.commands.send(Command::SetHealthy(is_healthy)).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.closed().await),
        }
    }

    /// Hands over, if it leads and another voter can lead, waits until another node does, and stops: as
    /// [`shutdown_within`](Self::shutdown_within) two of the longest promises.
    ///
    /// # Errors
    /// [`Stopped`] if it had failed before.
    pub async fn shutdown(&self) -> Result<(), Stopped> {
        self.shutdown_within(self.patience).await
    }

    /// Hands over, if it leads and another voter can lead, waits until another node does, and stops. A
    /// handover that fails is attempted again. A voter without a leader waits too, as the next leader may need its
    /// vote. After `patience` the node resigns and stops in any case. Returns
    /// when the lease is withdrawn, and storage and transport are dropped.
    ///
    /// # Errors
    /// [`Stopped`] if it had failed before.
    pub async fn shutdown_within(&self, patience: Duration) -> Result<(), Stopped> {
        self.end(Command::Shutdown { patience }).await
    }

    /// Resigns at once, if it leads, and stops. The others elect the next leader, which may take as long as an
    /// election. Returns when the lease is withdrawn, and storage and transport are dropped.
    ///
    /// # Errors
    /// [`Stopped`] if it had failed before.
    pub async fn abort(&self) -> Result<(), Stopped> {
        self.end(Command::Abort).await
    }

    async fn end(&self, command: Command<I>) -> Result<(), Stopped> {
        let closed = self.closed();
        let _already_stopped = self.commands.send(command).await;
        match closed.await {
            Stopped::Shutdown | Stopped::Dropped => Ok(()),
            failure => Err(failure),
        }
    }

    /// The end of the node, and why. Waiting for it does not keep the node running.
    pub fn closed(&self) -> impl Future<Output = Stopped> + Send + use<I> {
        self.watch.closed()
    }

    async fn step(&self, input: Input<I>) -> Result<(), CommandError<I>> {
        self.ask(|reply| Command::Step { input, reply }).await?.map_err(CommandError::Rejected)
    }

    pub(super) async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command<I>,
    ) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        if self.commands.send(command(reply)).await.is_ok()
            && let Ok(answer) = answer.await
        {
            return Ok(answer);
        }
        let mut leadership = self.watch.subscribe();
        let ended = leadership.wait_for(|leadership| leadership.stopped.is_some()).await;
        Err(ended.ok().and_then(|leadership| leadership.stopped.clone()).unwrap_or(Stopped::Aborted))
    }
}
