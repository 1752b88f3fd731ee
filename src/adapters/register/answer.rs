//! What the voter of a register answers: the rules that bind every voter decide, on what the register holds.

use alloc::vec::Vec;
use core::convert::Infallible;

use rand_core::TryRng;

use super::content::{Content, Promise};
use super::sight::Sight;
use crate::config::{Config, ConfigError, Timing};
use crate::election::Election;
use crate::event::Event;
use crate::hard_state::HardState;
use crate::io::{Input, Output};
use crate::message::{Answer, Body, HeartbeatReply, Message, Phase, VoteReply};
use crate::promise::HeldPromise;
use crate::types::{Nanos, NodeId, Position, Priority, Timestamp};

/// What the voter says, and what is to be written before it may. Rule 10.2.
#[derive(Debug)]
pub(super) struct Reply<I> {
    pub(super) messages: Vec<Message<I>>,
    pub(super) write: Option<Content<I>>,
}

impl<I> Reply<I> {
    /// A write that nothing is said after.
    pub(super) fn of_write(content: Content<I>) -> Self {
        Reply { messages: Vec::new(), write: Some(content) }
    }
}

/// The voter in a state that the register holds, with the promise that binds it.
fn resume<I: NodeId>(
    voter: I,
    timing: Timing,
    state: HardState<I>,
    promise: Option<HeldPromise<I>>,
    now: Timestamp,
) -> Result<Election<I, NoChance>, ConfigError> {
    let config = Config { timing, priority: Priority::NEVER_LEADS, ..Config::new(voter) };
    Election::resume(config, state, promise, now, NoChance)
}

/// Whether the voter can be resumed from `content`.
pub(super) fn is_sound<I: NodeId>(content: &Content<I>, timing: Timing, now: Timestamp) -> bool {
    resume(content.voter, timing, content.state.clone(), None, now).is_ok()
}

/// The answer to a message of `node`, to no other node than which an agent speaks. Rule 10.1: what is written
/// follows from what the agent has seen, and replaces nothing else.
pub(super) fn answer<I: NodeId>(
    sight: &Sight<I>,
    timing: Timing,
    node: I,
    message: Message<I>,
    now: Timestamp,
) -> Option<Reply<I>> {
    let before = &sight.content;
    let resolution = timing.clock_resolution.into();
    let promise = sight.promise(resolution);
    let mut voter = resume(before.voter, timing, before.state.clone(), promise, now).ok()?;
    let mut next = before.clone();
    let (mut messages, mut binds, mut grants) = (Vec::new(), false, false);
    for output in voter.step(Input::Receive { from: node, message }) {
        match output {
            Output::Persist(state) => next.state = state,
            Output::Send { to, message } if to == node && is_reply(&message.body()) => {
                binds |= is_binding(&message.body());
                grants |= is_promise(&message.body());
                messages.push(message);
            }
            Output::Event(Event::StateLost) => next.is_lost = true,
            // The voter campaigns for nothing and asks nothing: what it would ask, its node asks anyway.
            Output::Send { .. } | Output::Event(_) | Output::Rejected(_) => {}
        }
    }
    if next.is_lost {
        // Rule 10.11: it does not recover by itself.
        next.state = before.state.clone();
        messages.clear();
    }
    let needs_write = binds || next.is_lost || next.state != before.state;
    // Rule 10.6: only what is granted begins all watches anew; rule 10.3: also if this agent's own watch lasts longer.
    let after = voter.held_promise();
    if grants || after != promise {
        let number = before.sequence.saturating_add(1);
        next.promise = after.map(|promise| remaining(promise, number, now));
    }
    Some(Reply { messages, write: needs_write.then_some(next) })
}

/// The same content, but for the position that the voter asks of candidates. Rule 10.15: only the leader that it follows
/// can raise that, and only where the voter votes.
pub(super) fn record<I: NodeId>(content: &Content<I>, node: I, position: Position) -> Option<Content<I>> {
    let state = &content.state;
    let is_voter = state.membership.is_voter(content.voter);
    let last = content.promise.filter(|last| last.to == node && last.leads_term == state.term)?;
    let position_floor = position.max(state.position_floor);
    let next = HardState { position_floor, ..state.clone() };
    (is_voter && last.leads_term.0 > 0).then(|| Content { state: next, ..content.clone() })
}

/// What is left of a promise, as the register holds it.
fn remaining<I>(promise: HeldPromise<I>, number: u64, now: Timestamp) -> Promise<I> {
    let HeldPromise { to, term, leads_term, until } = promise;
    Promise { to, term, leads_term, length: until.since(now), number }
}

fn is_reply<I>(body: &Body<I>) -> bool {
    match body {
        Body::VoteReply(_) | Body::HeartbeatReply(_) | Body::RecoveryReply(_) => true,
        Body::VoteRequest(_) | Body::Heartbeat(_) | Body::RecoveryRequest | Body::BlankReply(_) => false,
    }
}

/// Whether a reply says something that has to be true when it is delivered, and not only when the register was last
/// seen: a vote, a promise, an acknowledgement, or what a node that has forgotten is told. Rules 10.2 and 10.3.
fn is_binding<I>(body: &Body<I>) -> bool {
    match body {
        Body::VoteReply(VoteReply { phase, answer, .. }) => {
            *phase == Phase::Real && matches!(answer, Answer::Granted(_))
        }
        Body::HeartbeatReply(HeartbeatReply { answer, .. }) => matches!(answer, Answer::Granted(_)),
        Body::RecoveryReply(_) => true,
        Body::VoteRequest(_) | Body::Heartbeat(_) | Body::RecoveryRequest | Body::BlankReply(_) => false,
    }
}

/// Whether a reply grants something that lasts.
fn is_promise<I>(body: &Body<I>) -> bool {
    let (Body::VoteReply(VoteReply { answer, .. }) | Body::HeartbeatReply(HeartbeatReply { answer, .. })) =
        body
    else {
        return false;
    };
    matches!(answer, Answer::Granted(length) if *length > Nanos::ZERO)
}

/// The generator of a voter that draws nothing: it never campaigns.
#[derive(Clone, Copy, Debug)]
struct NoChance;

impl TryRng for NoChance {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(0);
        Ok(())
    }
}
