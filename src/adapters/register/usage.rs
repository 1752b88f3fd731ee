//! When a heartbeat is passed to the voter of a register. Rule 10.13.

use rand_core::Rng;

use super::agent::Agent;
use super::status::{Silence, Use};
use crate::election::Election;
use crate::message::{Body, Message};
use crate::types::{Nanos, NodeId};

impl<I: NodeId> Agent<I> {
    pub(super) fn resolution(&self) -> Nanos {
        self.config.timing.clock_resolution.into()
    }

    /// Rule 10.13: whether a leader needs the promise of the voter, or the voter has something to learn.
    pub(super) fn needs_voter<R: Rng>(&self, election: &Election<I, R>, message: &Message<I>) -> bool {
        let is_spare = matches!(self.config.usage, Use::Spare { .. });
        self.has_news(message) || !is_spare || !election.can_lead_without(self.config.voter)
    }

    /// Whether the voter does not know the term or the membership of a message.
    fn has_news(&self, message: &Message<I>) -> bool {
        let state = self.sight.as_ref().map(|sight| &sight.content.state);
        let known = state.map(|state| (state.term, state.membership.version()));
        known != Some((message.header().term, message.header().version))
    }

    /// Rule 10.13: whether a heartbeat brings no news, and less than two fifths of the promise to its sender are over. They
    /// are counted as the leader counts them, from when it asked.
    pub(super) fn is_early(&self, message: &Message<I>) -> bool {
        let is_heartbeat =
            matches!(&message.body(), Body::Heartbeat(heartbeat) if heartbeat.promise > Nanos::ZERO);
        let limit = Nanos::from(self.config.timing.promise_limit);
        let promise = self.sight.as_ref().and_then(|sight| sight.promise(self.resolution()));
        let is_to_node =
            promise.is_some_and(|promise| promise.to == self.config.node && self.now < promise.until);
        let left = self.asked_at.after(limit).since(self.now);
        is_heartbeat && is_to_node && !self.has_news(message) && left > limit.saturating_mul(3).part(5)
    }

    /// Rule 10.10: a heartbeat is no reason to read a register that was found to be of no use: the next look is.
    pub(super) fn is_out_of_use(&self) -> bool {
        match &self.silence {
            None | Some(Silence::Unreachable | Silence::Unsigned(_)) => false,
            Some(Silence::Missing | Silence::Unreadable(_) | Silence::Older { .. } | Silence::Lost) => true,
        }
    }

    /// Rule 10.13: whatever a heartbeat asks for, the voter is asked for a long promise, so that it is written rarely.
    pub(super) fn lengthened(&self, message: Message<I>) -> Message<I> {
        let (header, mut body) = message.into_parts();
        if let Body::Heartbeat(heartbeat) = &mut body {
            heartbeat.promise = heartbeat.promise.max(self.config.timing.promise_limit.into());
        }
        Message::new(header, body)
    }
}
