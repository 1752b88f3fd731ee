//! Which rules acted in a step, derived from what went in, what came out, and how the state has changed.

mod commands;
mod news;
mod replies;
mod requests;
mod transitions;

use alloc::vec::Vec;

use rand_core::Rng;

use super::acts::Act;
use super::view::View;
use crate::election::Election;
use crate::io::{Input, Output};
use crate::message::{Body, Message};
use crate::types::NodeId;

/// A step or a tick of one node.
pub(super) struct Step<'a, I> {
    pub(super) id: I,
    pub(super) before: &'a View<I>,
    /// What was stepped; nothing in a tick.
    pub(super) input: Option<&'a Input<I>>,
    pub(super) outputs: &'a [Output<I>],
    pub(super) after: &'a View<I>,
}

impl<I: NodeId> Step<'_, I> {
    /// What the node did. `named` is the successor that it has named last.
    pub(super) fn acts(&self, named: &mut Option<I>) -> Vec<Act> {
        let mut acts = Vec::new();
        match self.input {
            Some(Input::Receive { from, message }) => acts.extend(self.on_message(*from, message)),
            Some(command) => acts.extend(self.on_command(command)),
            None => {}
        }
        acts.extend(self.on_transition());
        acts.extend(self.on_own_requests(named));
        acts.extend(self.outputs.iter().filter_map(|output| self.on_news(output)));
        acts
    }

    fn on_message(&self, from: I, message: &Message<I>) -> Option<Act> {
        match message.body() {
            Body::VoteRequest(request) => Some(self.on_vote_request(from, message, &request)),
            Body::Heartbeat(heartbeat) => Some(self.on_heartbeat(from, message, &heartbeat)),
            Body::RecoveryRequest => Some(self.on_recovery_request(from)),
            Body::VoteReply(reply) => Some(self.on_vote_reply(from, message, &reply)),
            Body::HeartbeatReply(reply) => Some(self.on_heartbeat_reply(from, message, &reply)),
            Body::RecoveryReply(_) | Body::BlankReply(_) => Some(self.on_recovery_reply(from, message)),
        }
    }

    /// The messages that the node sends.
    fn sent(&self) -> impl Iterator<Item = (I, &Message<I>)> {
        self.outputs.iter().filter_map(|output| match output {
            Output::Send { to, message } => Some((*to, message)),
            Output::Persist(_) | Output::Event(_) | Output::Rejected(_) => None,
        })
    }

    /// The first message that the node sends to `to` for which `pick` returns something.
    fn sent_to<T>(&self, to: I, mut pick: impl FnMut(Body<I>) -> Option<T>) -> Option<T> {
        self.sent().filter(|&(receiver, _)| receiver == to).find_map(|(_, message)| pick(message.body()))
    }

    /// Whether the node has taken over a higher term.
    fn has_raised_term(&self) -> bool {
        self.after.term > self.before.term
    }

    /// Whether the node has taken over another membership, or the same in another version.
    fn has_other_membership(&self) -> bool {
        self.after.membership.version() != self.before.membership.version()
    }
}

/// What a node does by being started.
pub(super) fn of_a_start<I: NodeId, R: Rng>(election: &Election<I, R>) -> Vec<Act> {
    let status = election.status();
    let mut acts = Vec::new();
    if !status.quarantine_left.is_zero() {
        acts.push(Act::new(
            alloc::format!(
                "honours for {:?} the promises that it may have given before",
                status.quarantine_left
            ),
            &["2.3", "1.6"],
        ));
    }
    if let Some(recovery) = status.recovery {
        acts.push(Act::new(
            alloc::format!(
                "has nothing stored, and waits for {:?} before it asks the others",
                recovery.wait_left
            ),
            &["9.1", "9.2"],
        ));
    }
    acts
}
