//! What an agent works on, and what waits for that.

use alloc::vec::Vec;

use super::content::Content;
use crate::message::Message;
use crate::types::Position;

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
