//! The node's task: the host's contract, as code.

use std::string::{String, ToString};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::select;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Instant, sleep};

use super::handle::Command;
use super::leadership_watch::{LeadershipWatch, SHORTEST_NAP};
use super::{Stopped, Transport};
use crate::adapters::actions::{Action, Actions, Wait};
use crate::adapters::attendant::{Attendant, Called};
use crate::adapters::departure::{Departure, Farewell};
use crate::adapters::diagnostics::Diagnostics;
use crate::adapters::disk::Written;
use crate::adapters::random::JitterRng;
use crate::adapters::timer::{Legs, longest_leg};
#[cfg(feature = "tracing")]
use crate::adapters::trace::Spans;
use crate::adapters::upkeep::Upkeep;
use crate::config::Timing;
use crate::election::Election;
use crate::event::Event;
use crate::io::{Input, Urgency};
use crate::rejection::Rejection;
use crate::types::{NodeId, Timestamp};

pub(super) struct Task<I, T> {
    pub(super) election: Election<I, JitterRng>,
    pub(super) upkeep: Upkeep<I>,
    /// What is wrong with the node, if the transport does not find that out.
    pub(super) diagnostics: Option<Diagnostics<I>>,
    pub(super) transport: T,
    pub(super) commands: mpsc::Receiver<Command<I>>,
    /// What became of each write.
    pub(super) written: mpsc::Receiver<Written>,
    /// The agent of the voter in a register, if there is one, and the ends of its calls.
    pub(super) register: Option<Attendant<I>>,
    pub(super) called: mpsc::Receiver<Called>,
    #[cfg(feature = "register")]
    pub(super) register_events: broadcast::Sender<crate::adapters::register::RegisterEvent<I>>,
    pub(super) events: broadcast::Sender<Event<I>>,
    pub(super) watch: Arc<LeadershipWatch<I>>,
    pub(super) actions: Actions<I>,
    pub(super) timing: Timing,
    /// There is one from the command to shut down on.
    pub(super) departure: Option<Departure>,
    /// Until when the node waits for a disk, once it stops.
    pub(super) ending: Option<Timestamp>,
    /// The answer to the command whose outputs are acted on.
    pub(super) reply: Option<Reply<I>>,
    #[cfg(feature = "tracing")]
    pub(super) spans: Spans,
    pub(super) legs: Legs,
    /// When the clock that tokio's timers run by read zero.
    pub(super) started: Instant,
}

/// The answer to a command that was not given yet.
pub(super) type Reply<I> = (oneshot::Sender<Result<(), Rejection<I>>>, Option<Rejection<I>>);

/// How long a node that stops waits for a disk.
const LAST_WRITE: Duration = Duration::from_millis(200);

/// What ended a wait.
enum Next<I, R> {
    Command(Option<Command<I>>),
    Written(Option<Written>),
    Called(Called),
    Received(R),
    Due,
}

/// Runs until it is told to stop or cannot go on, and says so. Storage and transport are dropped before the
/// end becomes known.
pub(super) async fn run<I, T>(mut last_words: LastWords<I>, mut task: Task<I, T>)
where
    I: NodeId + Send + Sync + 'static,
    T: Transport<I>,
{
    let reason = task.serve().await;
    task.record_end(&reason);
    drop(task);
    last_words.reason = Some(reason);
}

impl<I, T> Task<I, T>
where
    I: NodeId + Send + Sync + 'static,
    T: Transport<I>,
{
    fn record_end(&mut self, reason: &Stopped) {
        let why = match reason {
            Stopped::Shutdown | Stopped::Dropped => String::from("told"),
            failure => failure.to_string(),
        };
        self.actions.record_end(&why, self.watch.now());
    }

    async fn serve(&mut self) -> Stopped {
        loop {
            match self.run_once().await {
                Ok(()) => {}
                Err(reason @ (Stopped::Shutdown | Stopped::Dropped)) => return self.stop(reason).await,
                Err(failure) => return failure,
            }
        }
    }

    /// Resigns, if nothing is in the way, and ends all guarded work.
    async fn stop(&mut self, reason: Stopped) -> Stopped {
        let last = self.watch.now().saturating_add(LAST_WRITE);
        self.ending = Some(last);
        // While the election waits for a write, nothing may be sent.
        let resigned = if self.upkeep.is_writing() { Ok(None) } else { self.resign(Urgency::Now).await };
        self.watch.withdraw().await;
        // What gives a promise back was asked for just now.
        self.wait_for_register(self.watch.now().saturating_add(LAST_WRITE)).await;
        self.wait_for_idle_disk(last).await;
        resigned.err().unwrap_or(reason)
    }

    async fn resign(&mut self, urgency: Urgency) -> Result<Option<Rejection<I>>, Stopped> {
        let rejection = self.advance_by_command(Input::Resign { successor: None, urgency })?;
        self.act().await?;
        Ok(rejection)
    }

    /// Waits for one thing to happen, and does what it requires.
    async fn run_once(&mut self) -> Result<(), Stopped> {
        self.watch.pulse.beat(self.watch.now());
        self.tick()?;
        self.act().await?;
        self.attend_register().await?;
        let farewell = self.depart().await?;
        if self.advance_health()? {
            self.act().await?;
        }
        let upkeep = self.upkeep.deadline(self.leads());
        let review = self.diagnostics.as_ref().and_then(Diagnostics::deadline);
        let register = self.register.as_ref().map(Attendant::deadline);
        let due = [self.election.deadline(), self.watch.end(), farewell, upkeep, review, register];
        let due = self.leg_to(due.into_iter().flatten().min());
        let next = select! {
            biased;
            written = self.written.recv(), if self.upkeep.is_disk_busy() => Next::Written(written),
            // A client that has panicked calls no more: then there is none to wait for.
            Some(called) = self.called.recv(), if self.register.is_some() => Next::Called(called),
            command = self.commands.recv() => Next::Command(command),
            // Before the transport: a flood of messages must not keep the election from its timer.
            () = sleep(due) => Next::Due,
            received = self.transport.recv() => Next::Received(received),
        };
        match next {
            Next::Command(command) => self.obey(command).await,
            Next::Written(written) => self.finish_write(written),
            Next::Called(called) => {
                self.complete_call(called);
                Ok(())
            }
            // No machine is that voter, whoever says so.
            Next::Received(Ok(Some((from, _)))) if Some(from) == self.register_voter() => Ok(()),
            Next::Received(Ok(Some((from, message)))) => {
                self.tick()?;
                self.actions.step(&mut self.election, Input::Receive { from, message });
                self.record_contact();
                self.act().await
            }
            #[cfg(feature = "endpoint")]
            Next::Received(Ok(None)) => self.answer_operator().await,
            #[cfg(not(feature = "endpoint"))]
            Next::Received(Ok(None)) => Ok(()),
            Next::Received(Err(error)) => Err(Stopped::Transport(Arc::new(error))),
            Next::Due => Ok(()),
        }
    }

    async fn obey(&mut self, command: Option<Command<I>>) -> Result<(), Stopped> {
        match command {
            Some(Command::Step { input, reply }) => {
                let rejection = self.advance_by_command(input)?;
                self.reply = Some((reply, rejection));
                self.act().await?;
                self.answer();
                Ok(())
            }
            other => self.obey_at_once(other),
        }
    }

    /// For how long to sleep if something is `due` then. A task takes a turn now and then in any case.
    pub(super) fn leg_to(&mut self, due: Option<Timestamp>) -> Duration {
        let now = self.watch.now();
        let longest = longest_leg(self.leads());
        let left = due.map_or(longest, |due| due.saturating_duration_since(now));
        self.legs.leg(left, longest, now, self.started.elapsed()).max(SHORTEST_NAP)
    }

    pub(super) fn leads(&self) -> bool {
        self.election.leader().is_some_and(|leader| leader.id == self.election.id())
    }

    /// Does what the program wants, as far as nothing has to be sent or stored for it.
    pub(super) fn obey_at_once(&mut self, command: Option<Command<I>>) -> Result<(), Stopped> {
        match command {
            Some(Command::Step { input, reply }) => {
                let rejection = self.advance_by_command(input)?;
                let _gone = reply.send(rejection.map_or(Ok(()), Err));
            }
            Some(Command::Status { reply }) => {
                let _gone = reply.send(self.status());
            }
            Some(Command::Counters { reply }) => {
                let _gone = reply.send(self.count_elections());
            }
            #[cfg(feature = "metrics")]
            Some(Command::Metrics(answer)) => answer.give(self.metrics()),
            Some(Command::SetHealthy(is_healthy)) => self.upkeep.declare_health(is_healthy),
            #[cfg(feature = "register")]
            Some(Command::RegisterStatus { reply }) => {
                let _gone = reply.send(self.register.as_ref().map(Attendant::status));
            }
            #[cfg(feature = "register")]
            Some(Command::RecordPosition { position, reply }) => {
                let _gone = reply.send(self.record_position(position)?);
            }
            Some(Command::Shutdown { patience }) => {
                let now = self.watch.now();
                self.departure.get_or_insert_with(|| Departure::new(&self.timing, patience, now));
            }
            Some(Command::Abort) => return Err(Stopped::Shutdown),
            None => return Err(Stopped::Dropped),
        }
        Ok(())
    }

    /// Answers the command whose outputs are acted on, unless that was done before.
    pub(super) fn answer(&mut self) {
        if let Some((reply, rejection)) = self.reply.take() {
            let _gone = reply.send(rejection.map_or(Ok(()), Err));
        }
    }

    /// Takes the next steps of a node that is shut down. Returns when the following one is due.
    async fn depart(&mut self) -> Result<Option<Timestamp>, Stopped> {
        loop {
            let Some(departure) = &mut self.departure else { return Ok(None) };
            match departure.next(&self.election, self.watch.now()) {
                Farewell::HandOver => {
                    let rejection = self.resign(Urgency::WhenReady).await?;
                    if let (Some(departure), Some(reason)) = (&mut self.departure, rejection) {
                        departure.reject(&reason, self.watch.now());
                    }
                }
                Farewell::Stay(due) => return Ok(Some(due)),
                Farewell::Leave => return Err(Stopped::Shutdown),
            }
        }
    }

    /// Steps a command, at a reading of the clock taken since. Returns why it cannot be carried out, if it cannot.
    pub(super) fn advance_by_command(&mut self, input: Input<I>) -> Result<Option<Rejection<I>>, Stopped> {
        let input = self.upkeep.translate(input);
        self.tick()?;
        self.actions.step(&mut self.election, input);
        Ok(self.actions.take_rejection())
    }

    pub(super) fn tick(&mut self) -> Result<(), Stopped> {
        let is_ticked = self.actions.tick(&mut self.election, self.watch.now());
        self.trace();
        if is_ticked { Ok(()) } else { Err(Stopped::Clock) }
    }

    #[cfg(feature = "tracing")]
    fn trace(&mut self) {
        self.actions.take_sights().iter().for_each(|sight| self.spans.follow(sight));
    }

    #[cfg(not(feature = "tracing"))]
    fn trace(&mut self) {}

    /// Acts on the outputs, in order.
    pub(super) async fn act(&mut self) -> Result<(), Stopped> {
        self.trace();
        self.show_node();
        while let Some(action) = self.actions.next() {
            match action {
                Action::Persist(state) => {
                    self.transport.flush();
                    self.persist(state).await?;
                    // Commands may have been stepped meanwhile.
                    self.show_node();
                }
                Action::Send { to, message } => self.send(to, message),
                Action::Withdraw => {
                    self.transport.flush();
                    self.watch.withdraw().await;
                    self.record(Wait::Withdrawn);
                    self.report_news();
                }
            }
        }
        self.transport.flush();
        let leader = self.election.leader();
        let advertised = leader.and_then(|leader| self.transport.advertised(leader.id));
        self.watch.publish((leader, advertised), self.election.lease());
        self.review();
        self.report_news();
        Ok(())
    }

    /// Records that the node waits before it acts on what follows, or no longer.
    pub(super) fn record(&mut self, wait: Wait) {
        self.actions.record_wait(wait, self.watch.now());
    }

    fn report_news(&mut self) {
        while let Some(event) = self.poll_event() {
            self.actions.count_event(&event);
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

/// However the task ends: no lease, and the reason known.
pub(super) struct LastWords<I: NodeId> {
    watch: Arc<LeadershipWatch<I>>,
    pub(super) reason: Option<Stopped>,
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
