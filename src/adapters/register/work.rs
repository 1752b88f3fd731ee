//! What an agent works on, and what waits for that.

use alloc::vec::Vec;

use super::content::Content;
use crate::message::{Body, Message, Phase};
use crate::types::{NodeId, Position};

/// What waits for the call that is under way. There is one of each at most: a later one takes the place of an earlier one.
#[derive(Clone, Debug)]
pub(super) struct Waiting<I> {
    /// A heartbeat that gives promises back.
    pub(super) release: Option<Message<I>>,
    pub(super) request: Option<Message<I>>,
    pub(super) position: Option<Position>,
    pub(super) sign: bool,
    pub(super) look: bool,
}

/// What the register is called for.
#[derive(Clone, Debug)]
pub(super) enum Task<I> {
    Look,
    Answer(Message<I>),
    Record(Position),
    Sign,
}

impl<I: NodeId> Task<I> {
    /// Whether the task is to answer a candidate that asks for the same by `request`. A vote that is granted in an earlier
    /// round of a term counts, a pre-vote does not.
    pub(super) fn is_repeated_by(&self, request: &Message<I>) -> bool {
        let Task::Answer(first) = self else { return false };
        let phase = |message: &Message<I>| match message.body() {
            Body::VoteRequest(vote_request) => Some(vote_request.phase),
            _ => None,
        };
        let (asked, again) = (first.header(), request.header());
        match (phase(first), phase(request)) {
            (Some(Phase::Pre), Some(Phase::Pre)) => asked.round == again.round,
            (Some(Phase::Real), Some(Phase::Real)) => asked.term == again.term,
            _ => false,
        }
    }
}

/// A task that is under way.
#[derive(Clone, Debug)]
pub(super) struct Job<I> {
    pub(super) task: Task<I>,
    pub(super) attempts: u8,
    /// Whether the register was read since the task was set.
    pub(super) has_looked: bool,
}

/// A write, and what follows from it. Rule 10.2: nothing does before it is known to have succeeded.
#[derive(Clone, Debug)]
pub(super) struct Write<I> {
    pub(super) content: Content<I>,
    pub(super) messages: Vec<Message<I>>,
    pub(super) job: Job<I>,
}

#[derive(Clone, Debug)]
pub(super) enum Call<I> {
    /// A read, and the task that waits for it.
    Read(Job<I>),
    Swap(Write<I>),
    /// A read that is to show what became of a swap. Rule 10.8.
    Check(Write<I>),
}
