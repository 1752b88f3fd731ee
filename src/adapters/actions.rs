//! The order in which a host acts on the outputs of an election.

use std::collections::VecDeque;
use std::mem;
use std::prelude::rust_2024::*;

use rand_core::Rng;

use super::counters::ElectionCounters;
#[cfg(feature = "record")]
use super::record::Tap;
#[cfg(feature = "tracing")]
use super::trace::{Sight, Sights};
use crate::election::Election;
use crate::event::Event;
use crate::hard_state::HardState;
use crate::io::{Input, Output};
use crate::message::Message;
use crate::rejection::Rejection;
use crate::types::{NodeId, Timestamp};

/// What a host has to do next, before it asks again.
#[derive(Debug)]
pub(super) enum Action<I> {
    /// Make this durable. If that fails, the host ends: nothing that follows may be acted on.
    Persist(HardState<I>),
    /// Send this.
    Send { to: I, message: Message<I> },
    /// End the lease, and wait until no part of the program acts by it any more.
    Withdraw,
}

/// What a host waits for before it acts on what follows, as a record of the node has it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wait {
    /// A state is being made durable.
    Writing,
    /// It is.
    Durable,
    /// All that acted by a lease has stopped.
    Withdrawn,
}

/// Outputs that are not acted on yet, and what became known by those that are.
#[derive(Debug)]
pub(super) struct Actions<I> {
    /// What the election put out last.
    outputs: Vec<Output<I>>,
    queue: VecDeque<Output<I>>,
    news: Vec<Event<I>>,
    counters: ElectionCounters,
    #[cfg(feature = "tracing")]
    sights: Sights<I>,
    /// Where all of this is recorded, if it is.
    #[cfg(feature = "record")]
    tap: Option<Tap<I>>,
    /// The time of the last tick.
    now: Timestamp,
}

impl<I: NodeId> Actions<I> {
    /// Ticks at `now`. Returns whether the clock gave a reading that the election can use. If not, that is no answer to
    /// the command that is stepped next.
    pub(super) fn tick<R: Rng>(&mut self, election: &mut Election<I, R>, now: Timestamp) -> bool {
        let before = self.outputs.len();
        let is_due = self.is_recorded() && election.deadline().is_some_and(|due| due <= now);
        election.tick_into(now, &mut self.outputs);
        self.now = now;
        let is_rejected = matches!(self.outputs.last(), Some(Output::Rejected(_)));
        if is_rejected {
            self.outputs.pop();
        } else {
            self.record_tick(now, is_due, before);
        }
        self.count(before);
        self.trace(election);
        !is_rejected
    }

    /// Steps `input`, after a [`tick`](Self::tick).
    pub(super) fn step<R: Rng>(&mut self, election: &mut Election<I, R>, input: Input<I>) {
        self.counters.input(self.now, &input);
        let before = self.outputs.len();
        self.record_input(&input);
        election.step_into(input, &mut self.outputs);
        self.count(before);
        self.record_step(before);
        self.trace(election);
    }

    #[cfg(feature = "tracing")]
    fn trace<R: Rng>(&mut self, election: &Election<I, R>) {
        self.sights.look(election);
    }

    /// Takes what spans are to show. A subscriber is code of the program, so nothing may be locked when it is told.
    #[cfg(feature = "tracing")]
    pub(super) fn take_sights(&mut self) -> Vec<Sight<I>> {
        self.sights.take()
    }

    #[cfg(not(feature = "tracing"))]
    fn trace<R: Rng>(&mut self, _: &Election<I, R>) {}
}

impl<I> Actions<I> {
    /// No outputs yet, of a node that starts at `now`.
    pub(super) fn new(now: Timestamp) -> Self {
        let counters = ElectionCounters::new(now);
        Actions {
            outputs: Vec::new(),
            queue: VecDeque::new(),
            news: Vec::new(),
            counters,
            #[cfg(feature = "tracing")]
            sights: Sights::new(),
            #[cfg(feature = "record")]
            tap: None,
            now,
        }
    }

    /// What was counted of all that was stepped, whether it has been acted on or waits for a write: the status of the
    /// election says the same.
    pub(super) fn counters(&self) -> &ElectionCounters {
        &self.counters
    }

    /// Counts the outputs but for those that came `before`.
    fn count(&mut self, before: usize) {
        for output in self.outputs.iter().skip(before) {
            self.counters.output(self.now, output);
        }
    }

    /// Counts an event that the election does not know of.
    pub(super) fn count_event(&mut self, event: &Event<I>) {
        self.counters.event(self.now, event);
    }

    /// Takes the next action. Events become [news](Self::take_news) when their turn comes, and a step-down
    /// requires a withdrawal before anything that follows. When there is none left, publish what is true now,
    /// then report the news: the program finds the news in what was published.
    pub(super) fn next(&mut self) -> Option<Action<I>> {
        self.queue.extend(self.outputs.drain(..));
        while let Some(output) = self.queue.pop_front() {
            match output {
                Output::Persist(state) => return Some(Action::Persist(state)),
                Output::Send { to, message } => return Some(Action::Send { to, message }),
                Output::Event(event) => {
                    let stepped_down = matches!(event, Event::SteppedDown { .. });
                    self.news.push(event);
                    if stepped_down {
                        return Some(Action::Withdraw);
                    }
                }
                // The rejection of a command was taken when the command was stepped.
                Output::Rejected(_) => {}
            }
        }
        None
    }

    /// Has all of this recorded, if there is a tap.
    #[cfg(feature = "record")]
    pub(super) fn recorded_by(self, tap: Option<Tap<I>>) -> Self {
        Actions { tap, ..self }
    }

    #[cfg(feature = "record")]
    fn is_recorded(&self) -> bool {
        self.tap.is_some()
    }

    #[cfg(not(feature = "record"))]
    fn is_recorded(&self) -> bool {
        false
    }

    /// The election was ticked at `now`, when something was due or not. A tick that was early changes no more than the
    /// reading.
    #[cfg(feature = "record")]
    fn record_tick(&mut self, now: Timestamp, is_due: bool, before: usize) {
        if let Some(tap) = &mut self.tap {
            tap.set_now(now);
            if is_due {
                tap.tick(self.outputs.get(before..).unwrap_or_default());
            }
        }
    }

    #[cfg(not(feature = "record"))]
    fn record_tick(&mut self, _: Timestamp, _: bool, _: usize) {}

    /// An input is about to be stepped. It is recorded whatever becomes of that.
    #[cfg(feature = "record")]
    fn record_input(&mut self, input: &Input<I>) {
        if let Some(tap) = &mut self.tap {
            tap.input(input);
        }
    }

    #[cfg(not(feature = "record"))]
    fn record_input(&mut self, _: &Input<I>) {}

    #[cfg(feature = "record")]
    fn record_step(&mut self, before: usize) {
        if let Some(tap) = &mut self.tap {
            tap.step(self.outputs.get(before..).unwrap_or_default());
        }
    }

    #[cfg(not(feature = "record"))]
    fn record_step(&mut self, _: usize) {}

    /// The host waits for something before it acts on what follows, or no longer.
    #[cfg(feature = "record")]
    pub(super) fn record_wait(&mut self, wait: Wait, now: Timestamp) {
        if let Some(tap) = &mut self.tap {
            match wait {
                Wait::Writing => tap.writing(now),
                Wait::Durable => tap.durable(now),
                Wait::Withdrawn => tap.withdrawn(now),
            }
        }
    }

    #[cfg(not(feature = "record"))]
    pub(super) fn record_wait(&mut self, _: Wait, _: Timestamp) {}

    /// The host ends at `now`, for this reason.
    #[cfg(feature = "record")]
    pub(super) fn record_end(&mut self, why: &str, now: Timestamp) {
        let left = self.outputs.len().saturating_add(self.queue.len());
        if let Some(mut tap) = self.tap.take() {
            tap.end(now, why, left);
        }
    }

    #[cfg(not(feature = "record"))]
    pub(super) fn record_end(&mut self, _: &str, _: Timestamp) {}

    /// Takes the events that were reached.
    pub(super) fn take_news(&mut self) -> Vec<Event<I>> {
        mem::take(&mut self.news)
    }

    /// Takes the rejection of the command that was stepped last, if it was rejected: nothing else came out of its
    /// step, and a rejection does not have to wait until earlier outputs are acted on.
    pub(super) fn take_rejection(&mut self) -> Option<Rejection<I>> {
        match self.outputs.pop() {
            Some(Output::Rejected(reason)) => Some(reason),
            other => {
                self.outputs.extend(other);
                None
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use core::time::Duration;

    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::config::Config;
    use crate::event::StepDown;
    use crate::types::{ClusterId, Position, Term};

    #[test]
    fn a_clock_that_runs_backwards_is_no_answer_to_the_next_command() {
        let at = |second| Timestamp::from(Duration::from_secs(second));
        let saved = HardState::bootstrap(ClusterId(1), [1_u8, 2]).unwrap();
        let rng = ChaCha8Rng::seed_from_u64(1);
        let mut election = Election::new(Config::new(1), saved, at(10), rng).unwrap();
        let mut actions = Actions::new(at(10));
        assert!(actions.tick(&mut election, at(10)));
        assert!(!actions.tick(&mut election, at(9)));
        actions.step(&mut election, Input::SetPosition(Position { term: 1, index: 1 }));
        assert_eq!(actions.take_rejection(), None);
        actions.step(&mut election, Input::Lost(1));
        assert!(actions.take_rejection().is_some(), "its own");
        assert!(actions.tick(&mut election, at(10)), "the clock is right again");
    }

    #[test]
    fn a_leader_that_the_election_knows_is_counted_before_the_disk_has_answered() {
        let saved = HardState::bootstrap(ClusterId(1), [1_u8, 2]).unwrap();
        let at = |millis| Timestamp::from(Duration::from_millis(millis));
        let mut nodes = [1_u8, 2].map(|id| {
            let rng = ChaCha8Rng::seed_from_u64(id.into());
            let election = Election::new(Config::new(id), saved.clone(), at(0), rng).unwrap();
            (election, Actions::new(at(0)))
        });
        let is_counted = |election: &Election<u8, _>, actions: &Actions<u8>| {
            assert_eq!(election.leader().is_some(), actions.counters().leaders > 0);
        };
        let mut sent: Vec<(u8, u8, Message<u8>)> = Vec::new();
        let mut now = 0;
        while nodes.iter().any(|(election, _)| election.leader().is_none()) {
            now += 10;
            assert!(now < 10_000, "nobody leads");
            for (election, actions) in &mut nodes {
                actions.tick(election, at(now));
                is_counted(election, actions);
                let own = election.id();
                for (from, _, message) in sent.extract_if(.., |(_, to, _)| *to == own) {
                    actions.step(election, Input::Receive { from, message });
                    is_counted(election, actions);
                }
                while let Some(action) = actions.next() {
                    if let Action::Send { to, message } = action {
                        sent.push((own, to, message));
                    }
                }
            }
        }
    }

    #[test]
    fn actions_come_in_the_order_of_the_outputs_and_news_when_their_turn_has_come() {
        let mut actions = Actions::<u8>::new(Timestamp::ORIGIN);
        let elected = Event::Elected { term: Term(1) };
        let stepped_down = Event::SteppedDown { term: Term(1), reason: StepDown::LeaseLapsed };
        let unknown = Event::LeaderChanged { leader: None };
        let state = HardState::bootstrap(ClusterId(1), [1]).unwrap();
        actions.outputs.extend([
            Output::Event(elected.clone()),
            Output::Persist(state),
            Output::Event(stepped_down.clone()),
            Output::Event(unknown.clone()),
        ]);
        assert_eq!(actions.take_rejection(), None);
        actions.outputs.push(Output::Rejected(Rejection::Renewing));
        assert_eq!(actions.take_rejection(), Some(Rejection::Renewing), "it waits for no disk");
        assert!(matches!(actions.next(), Some(Action::Persist(_))));
        assert_eq!(actions.take_news(), [elected]);
        assert!(matches!(actions.next(), Some(Action::Withdraw)), "before anything that follows");
        assert_eq!(actions.take_news(), [stepped_down]);
        assert!(actions.next().is_none());
        assert_eq!(actions.take_news(), [unknown]);
    }
}
