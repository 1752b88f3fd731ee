//! How messages get from node to node.

use std::future::Future;
#[cfg(feature = "endpoint")]
use std::future::pending;
use std::io;
use std::net::SocketAddr;
#[cfg(feature = "endpoint")]
use std::prelude::rust_2024::*;
#[cfg(feature = "endpoint")]
use std::time::Duration;

use super::{Clock, NodeView};
use crate::adapters::Advertised;
#[cfg(feature = "endpoint")]
use crate::adapters::endpoint::{DatagramCounters, operator::Request};
use crate::diagnosis::Diagnosis;
use crate::event::Event;
use crate::message::Message;
#[cfg(feature = "endpoint")]
use crate::status::Status;

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

    /// Takes `message` on its way to `to`. It must not wait: what cannot go out now is dropped. It may keep the message
    /// until the next [`flush`](Self::flush).
    fn send(&mut self, to: I, message: &Message<I>);

    /// Called after the last of several messages in a row: what [`send`](Self::send) has kept goes out now, together.
    fn flush(&mut self) {}

    /// The next message, and the node that sent it; or nothing, if the transport has something else to be asked for.
    /// Its future is often dropped before it is ready, and must not lose a message by that.
    ///
    /// # Errors
    /// If nothing will ever arrive again; the node stops then.
    fn recv(&mut self) -> impl Future<Output = io::Result<Option<(I, Message<I>)>>> + Send;

    /// Takes the next event that the transport has seen and the election has not: of a node of another group, or two
    /// processes of one node. The host reports it as news of its own. Asked after each step and tick.
    fn poll_event(&mut self) -> Option<Event<I>> {
        None
    }

    /// What node `id` advertises, if the transport spreads such texts.
    fn advertised(&self, id: I) -> Option<Advertised> {
        let _ = id;
        None
    }

    /// The request of an operator that came in last. It is asked for when [`recv`](Self::recv) gives nothing, and
    /// answered by [`answer_status`](Self::answer_status) or [`answer_command`](Self::answer_command) before the next
    /// `recv`.
    #[cfg(feature = "endpoint")]
    fn poll_request(&mut self) -> Option<Request<I>> {
        None
    }

    /// Returns when an operator asks for the status. It is awaited while the node writes its state and takes no message, so
    /// that an operator hears that the node waits for its disk, and is answered by
    /// [`answer_status`](Self::answer_status). All that comes besides is kept for [`recv`](Self::recv), in order, as far as
    /// there is room. Its future is dropped when the state is durable. A transport that knows no operators keeps everything
    /// where it is, and never returns.
    ///
    /// # Errors
    /// If nothing will ever arrive again; the node stops then.
    #[cfg(feature = "endpoint")]
    fn recv_status_request(&mut self) -> impl Future<Output = io::Result<()>> + Send {
        pending()
    }

    /// Takes the answer to the request for the status; `wall_clock` is the time since 1970.
    #[cfg(feature = "endpoint")]
    fn answer_status(&mut self, status: Status<I>, wall_clock: Duration) {
        let _ = (status, wall_clock);
    }

    /// Takes the answer to the command of an operator: that it is being carried out, or why not.
    #[cfg(feature = "endpoint")]
    fn answer_command(&mut self, outcome: Result<(), String>) {
        let _ = outcome;
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

    /// The address of node `id`, this one included, if the transport has such a thing and knows it: for an operator.
    fn address(&self, id: I) -> Option<SocketAddr> {
        let _ = id;
        None
    }

    /// What became of datagrams, if the transport sends any: for an operator.
    #[cfg(feature = "endpoint")]
    fn datagrams(&self) -> Option<DatagramCounters> {
        None
    }

    /// Shows the node after each step and tick, and before what follows is sent. For a transport that keeps
    /// the addresses of the nodes that its node sends to, and no others.
    fn observe(&mut self, node: &NodeView<'_, I>) {
        let _ = node;
    }
}
