//! How messages get from node to node.

use std::fmt;
use std::future::Future;
use std::io;

use crate::message::Message;
use crate::types::{ClusterId, Leader};

/// Carries messages. They may be lost, late, doubled, and overtake each other; that costs time and
/// nothing else. But whoever a message is said to be from must have sent it, and sent it to this node:
/// where a node is that once was another's place, what was sent to that one is not for it.
pub trait Transport<I>: Send + 'static {
    /// Takes `message` on its way to `to`. It must not wait: what cannot go out now is dropped.
    fn send(&mut self, to: I, message: &Message<I>);

    /// The next message, and who sent it. Its future is often dropped before it is ready, and must
    /// not lose a message by that.
    ///
    /// # Errors
    /// If nothing will ever arrive again; the node stops then.
    fn recv(&mut self) -> impl Future<Output = io::Result<(I, Message<I>)>> + Send;

    /// Told of the node after all that it hears and does, and before what follows is sent. For a
    /// transport that keeps an address of each member, and of nobody else.
    fn observe(&mut self, node: &NodeView<'_, I>) {
        let _ = node;
    }
}

/// What a [`Transport`] may know of its node.
///
/// Non-exhaustive: a later version may show more. Only nodes make one.
#[non_exhaustive]
pub struct NodeView<'a, I> {
    /// The node.
    pub id: I,
    /// Its group.
    pub cluster: ClusterId,
    /// The leader that the node knows of.
    pub leader: Option<Leader<I>>,
    pub(super) concern: &'a dyn Fn(I) -> bool,
}

impl<I> NodeView<'_, I> {
    /// Whether the node writes to `id` of its own accord: a member, one that is to be, or one that
    /// is yet to be told that it is none any more.
    #[must_use]
    pub fn is_concerned_with(&self, id: I) -> bool {
        (self.concern)(id)
    }
}

impl<I: fmt::Debug> fmt::Debug for NodeView<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeView").field("id", &self.id).finish_non_exhaustive()
    }
}
