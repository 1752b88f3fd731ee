//! What both hosts do for an agent: its calls, one at a time, each with a time-out, and what comes of them.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::agent::Agent;
use super::calls::{Call, Calls, Request};
use super::known_sequence::KnownSequence;
use super::status::{Outcome, RegisterEvent, RegisterStatus, Step};
use crate::adapters::random::JitterRng;
use crate::diagnosis::Problem;
use crate::election::Election;
use crate::message::Message;
use crate::status::{MemberStatus, Status};
use crate::types::{NodeId, Position, Timestamp};

/// A call that has ended: its number, and what came of it unless it was cancelled.
#[derive(Debug)]
pub(in crate::adapters) struct Called {
    pub(in crate::adapters) number: u64,
    pub(in crate::adapters) outcome: Option<Outcome>,
}

/// Makes calls, one at a time, and tells the host of each when it has ended.
pub(in crate::adapters) trait Caller: Send {
    /// Begins a call. The one before has ended.
    fn begin(&mut self, call: Call);

    /// Nobody waits any more for the call that is under way. It may be broken off, and ends in any case as others do.
    fn cancel(&mut self);
}

/// An agent, whatever its ids need to be written.
pub(in crate::adapters) trait Spokesman<I>: Send {
    fn ask(
        &mut self,
        election: &Election<I, JitterRng>,
        message: Message<I>,
        now: Timestamp,
        out: &mut Vec<Step<I>>,
    );
    fn complete(&mut self, outcome: Outcome, now: Timestamp, out: &mut Vec<Step<I>>);
    fn tick(&mut self, election: &Election<I, JitterRng>, now: Timestamp, out: &mut Vec<Step<I>>);
    fn deadline(&self) -> Timestamp;
    fn record_position(
        &mut self,
        election: &Election<I, JitterRng>,
        position: Position,
        now: Timestamp,
        out: &mut Vec<Step<I>>,
    );
    fn status(&self) -> RegisterStatus<I>;
}

impl<I: NodeId + Serialize + DeserializeOwned + Send> Spokesman<I> for Agent<I> {
    fn ask(
        &mut self,
        election: &Election<I, JitterRng>,
        message: Message<I>,
        now: Timestamp,
        out: &mut Vec<Step<I>>,
    ) {
        Agent::ask(self, election, message, now, out);
    }

    fn complete(&mut self, outcome: Outcome, now: Timestamp, out: &mut Vec<Step<I>>) {
        Agent::complete(self, outcome, now, out);
    }

    fn tick(&mut self, election: &Election<I, JitterRng>, now: Timestamp, out: &mut Vec<Step<I>>) {
        Agent::tick(self, election, now, out);
    }

    fn deadline(&self) -> Timestamp {
        Agent::deadline(self)
    }

    fn record_position(
        &mut self,
        election: &Election<I, JitterRng>,
        position: Position,
        now: Timestamp,
        out: &mut Vec<Step<I>>,
    ) {
        Agent::record_position(self, election, position, now, out);
    }

    fn status(&self) -> RegisterStatus<I> {
        Agent::status(self)
    }
}

/// An agent, its calls, and what it has for the host.
pub(in crate::adapters) struct Attendant<I> {
    voter: I,
    agent: Box<dyn Spokesman<I>>,
    caller: Box<dyn Caller>,
    /// The longest promise of the node.
    promise_limit: Duration,
    calls: Calls,
    /// What the agent has asked for and is not sorted yet.
    steps: Vec<Step<I>>,
    /// What the voter has said and the node has not heard.
    messages: VecDeque<Message<I>>,
    events: Vec<RegisterEvent<I>>,
    /// What keeps the number of the last content beyond a restart, if there is a place for it. The agent itself keeps it
    /// for as long as the host runs.
    known: Option<KnownSequence>,
}

impl<I: NodeId> Attendant<I> {
    pub(super) fn new(
        voter: I,
        agent: Box<dyn Spokesman<I>>,
        caller: Box<dyn Caller>,
        (promise_limit, call_timeout): (Duration, Duration),
        known: Option<KnownSequence>,
    ) -> Self {
        Attendant {
            voter,
            agent,
            caller,
            promise_limit,
            calls: Calls::new(call_timeout),
            steps: Vec::new(),
            messages: VecDeque::new(),
            events: Vec::new(),
            known,
        }
    }

    /// The voter whose state is in the register.
    pub(in crate::adapters) fn voter(&self) -> I {
        self.voter
    }

    /// Takes a message of the node to the voter.
    pub(in crate::adapters) fn ask(
        &mut self,
        election: &Election<I, JitterRng>,
        message: Message<I>,
        now: Timestamp,
    ) {
        self.agent.ask(election, message, now, &mut self.steps);
        self.sort_steps(now);
    }

    /// Does what is due: gives up a call that has taken too long, and looks at the register.
    pub(in crate::adapters) fn tick(&mut self, election: &Election<I, JitterRng>, now: Timestamp) {
        if let Some(outcome) = self.calls.expire(now) {
            self.caller.cancel();
            self.agent.complete(outcome, now, &mut self.steps);
            self.sort_steps(now);
        }
        self.agent.tick(election, now, &mut self.steps);
        self.sort_steps(now);
    }

    /// When [`tick`](Self::tick) is due.
    pub(in crate::adapters) fn deadline(&self) -> Timestamp {
        self.agent.deadline().min(self.calls.deadline())
    }

    /// A call has ended. What came of one that was given up is not passed on. `now` is read afterwards.
    pub(in crate::adapters) fn complete(&mut self, called: Called, now: Timestamp) {
        let Called { number, outcome } = called;
        if self.calls.end(number)
            && let Some(outcome) = outcome
        {
            self.agent.complete(outcome, now, &mut self.steps);
        }
        self.sort_steps(now);
    }

    /// Has the register hold that the data of the node reach so far.
    pub(in crate::adapters) fn record_position(
        &mut self,
        election: &Election<I, JitterRng>,
        position: Position,
        now: Timestamp,
    ) {
        self.agent.record_position(election, position, now, &mut self.steps);
        self.sort_steps(now);
    }

    /// Whether a call is under way, or about to begin, that the agent waits for.
    pub(in crate::adapters) fn is_calling(&self) -> bool {
        !self.calls.is_idle()
    }

    /// Takes what the voter says next. The node is stepped with it as with a message that was received.
    pub(in crate::adapters) fn take_message(&mut self) -> Option<Message<I>> {
        self.messages.pop_front()
    }

    pub(in crate::adapters) fn take_events(&mut self) -> Vec<RegisterEvent<I>> {
        mem::take(&mut self.events)
    }

    pub(in crate::adapters) fn status(&self) -> RegisterStatus<I> {
        self.agent.status()
    }

    /// Counts the voter as present unless it is silent, since a leader does not hear it while it needs no promise of it; and
    /// says why it is silent where a quorum is missing.
    pub(in crate::adapters) fn show(&self, status: &mut Status<I>) {
        let RegisterStatus { silence, last_seen, .. } = self.agent.status();
        let is_unheard = |member: &MemberStatus<I>| {
            let is_recent = member.heard_ago.is_some_and(|ago| ago <= self.promise_limit);
            member.id == self.voter && member.voter && !is_recent
        };
        if silence.is_none() && last_seen.is_some() && status.members.iter().any(is_unheard) {
            status.present_voters = status.present_voters.saturating_add(1);
        }
        if let (Some(silence), Some(diagnosis)) = (silence, &mut status.diagnosis)
            && diagnosis.problem == Problem::NoQuorum
        {
            diagnosis.cause.get_or_insert_with(|| silence.to_string());
        }
    }

    fn sort_steps(&mut self, now: Timestamp) {
        for step in self.steps.drain(..) {
            match step {
                Step::Read => self.calls.begin(Request::Read, now),
                Step::Swap { tag, bytes } => self.calls.begin(Request::Swap { tag, bytes }, now),
                Step::Deliver(message) => self.messages.push_back(message),
                Step::Event(event) => self.events.push(event),
                Step::Remember(sequence) => self.known.iter_mut().for_each(|known| known.remember(sequence)),
            }
        }
        self.known.iter_mut().for_each(KnownSequence::go_on);
        if let Some(call) = self.calls.pass_on(now) {
            self.caller.begin(call);
        }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::unwrap_used)]
mod tests;
