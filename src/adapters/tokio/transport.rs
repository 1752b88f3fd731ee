//! How messages get from node to node.

use std::future::Future;
use std::io;

use super::{Clock, NodeView};
use crate::diagnosis::Diagnosis;
use crate::event::Event;
use crate::message::Message;

/// Carries messages. They may be lost, late, duplicated, and overtake each other; that costs time and nothing
/// else. But the node that a message is said to be from must have sent it, and sent it to this node: a
/// message to another node, which once had this node's address, is not for this node.
pub trait Transport<I>: Send + 'static {
    /// Called once, before anything else, with the node and its clock.
    ///
    /// # Errors
    /// If the transport cannot be used; the node does not start then.
    fn start(&mut self, node: &NodeView<'_, I>, clock: &Clock) -> io::Result<()> {
        let _ = (node, clock);
        Ok(())
    }

    /// Takes `message` on its way to `to`. It must not wait: what cannot go out now is dropped.
    fn send(&mut self, to: I, message: &Message<I>);

    /// The next message, and the node that sent it. Its future is often dropped before it is ready, and must
    /// not lose a message by that.
    ///
    /// # Errors
    /// If nothing will ever arrive again; the node stops then.
    fn recv(&mut self) -> impl Future<Output = io::Result<(I, Message<I>)>> + Send;

    /// Takes the next event that the transport has seen and the election has not: of a node of another group, or two
    /// processes of one node. The host reports it as news of its own. Asked after each step and tick.
    fn poll_event(&mut self) -> Option<Event<I>> {
        None
    }

    /// Whether the transport finds out itself what keeps its node from its work, from what it is
    /// [shown](Self::observe) and what it knows besides, and reports it by [`poll_event`](Self::poll_event). Otherwise
    /// the node finds out what its election shows.
    fn finds_problems(&self) -> bool {
        false
    }

    /// What keeps the node from its work, if the transport finds that out.
    fn diagnosis(&self) -> Option<Diagnosis<I>> {
        None
    }

    /// Shows the node after each step and tick, and before what follows is sent. For a transport that keeps
    /// the addresses of the nodes that its node sends to, and no others.
    fn observe(&mut self, node: &NodeView<'_, I>) {
        let _ = node;
    }
}
