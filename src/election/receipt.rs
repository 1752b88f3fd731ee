//! The receipt of a message: what every message must fulfil, and which rule takes it.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::event::Event;
use crate::io::Output;
use crate::message::{Body, Message};
use crate::peer_log::Anomaly;
use crate::types::{Life, NodeId, Term, Timestamp};

/// How far the term of a message may be ahead of this node's. Rule 1.4.
const MAX_TERM_JUMP: u64 = 1 << 32;
/// How high the first term may be that a node of no life hears of. Rule 1.4.
pub(super) const MAX_FIRST_TERM: u64 = 1 << 63;

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Takes in a message that has arrived, at `now`, a reading of the clock **after** its receipt: the same as
    /// [`tick_into`](Self::tick_into), and then [`step_into`](Self::step_into) with
    /// [`Input::Receive`](crate::Input::Receive). That is what the host has to do with each message, in one call, and
    /// the message is not moved.
    ///
    /// Several messages that were received before one reading may be taken in with that reading. As after a tick, a
    /// reading of a clock that ran backwards is [`Rejected`](Output::Rejected), and the message counts as of the last
    /// tick.
    ///
    /// ```
    /// use quorate::message::{Body, Heartbeat, Order};
    /// use quorate::{ClusterId, Config, Election, HardState, Message, Output, Timestamp};
    /// use rand_chacha::ChaCha8Rng;
    /// use rand_chacha::rand_core::SeedableRng;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let saved = HardState::bootstrap(ClusterId(7), [1, 2])?;
    /// let start = |id: u64| {
    ///     let rng = ChaCha8Rng::seed_from_u64(id);
    ///     Election::new(Config::new(id), saved.clone(), Timestamp::ORIGIN, rng)
    /// };
    /// let (mut one, mut two) = (start(1)?, start(2)?);
    ///
    /// // Node 1 campaigns, and its messages reach node 2 at once, as do the replies of that node.
    /// let now = one.deadline().unwrap_or_default();
    /// let (mut outputs, mut replies) = (one.tick(now), Vec::new());
    /// while !outputs.is_empty() {
    ///     for output in outputs.drain(..) {
    ///         if let Output::Send { message, .. } = output {
    ///             two.receive_into(now, 1, &message, &mut replies);
    ///         }
    ///     }
    ///     for output in replies.drain(..) {
    ///         if let Output::Send { message, .. } = output {
    ///             one.receive_into(now, 2, &message, &mut outputs);
    ///         }
    ///     }
    /// }
    /// assert_eq!(two.leader().map(|leader| leader.id), Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn receive_into(&mut self, now: Timestamp, from: I, message: &Message<I>, out: &mut Vec<Output<I>>) {
        self.tick_into(now, out);
        self.receive(from, message, out);
    }

    /// Takes in a message as of the last tick.
    #[inline]
    pub(super) fn receive(&mut self, from: I, message: &Message<I>, out: &mut Vec<Output<I>>) {
        let is_handled = self.try_fast_path(from, message, out);
        if is_handled {
            self.check_invariants();
        } else {
            self.receive_in_full(from, message, out);
        }
    }

    /// Takes in a message by the rules, without the fast path. The call keeps them out of the code of the fast path.
    #[inline(never)]
    pub(super) fn receive_in_full(&mut self, from: I, message: &Message<I>, out: &mut Vec<Output<I>>) {
        let before = self.leader();
        self.dispatch(from, message, out);
        self.report_leader_change(before, out);
    }

    /// Checks what every message must fulfil, and hands the message to its rule.
    fn dispatch(&mut self, from: I, message: &Message<I>, out: &mut Vec<Output<I>>) {
        if from == self.id {
            return;
        }
        // Section 9: until it is back, a node that has forgotten hears nothing else.
        if self.is_recovering() {
            return self.receive_while_recovering(from, message, out);
        }
        let (header, body) = (&message.header(), &message.body());
        let index = self.hard.membership.index_of(from);
        if header.cluster != self.hard.cluster {
            let event = Event::ForeignCluster { peer: from, cluster: header.cluster };
            return self.report_anomaly(from, Anomaly::ForeignCluster, event, out);
        }
        if self.is_of_another_life(header) {
            return self.on_message_of_another_life(from, header, body, out);
        }
        if self.is_too_far_ahead(header.term) {
            let event = Event::TermTooFarAhead { peer: from, term: header.term };
            return self.report_anomaly(from, Anomaly::TermTooFarAhead, event, out);
        }
        self.deferred_after_clock_jump = false;
        if let Some(index) = index {
            self.record_heard(index);
        }
        match body {
            Body::VoteRequest(request) => self.on_vote_request(from, index, header, request, out),
            Body::VoteReply(reply) => self.on_vote_reply(from, index, header, reply, out),
            // A heartbeat of a higher term comes from a new leader, and is no reason to renew. Rule 5.3.
            Body::Heartbeat(heartbeat) => return self.on_heartbeat(from, index, header, heartbeat, out),
            Body::HeartbeatReply(reply) => self.on_heartbeat_reply(from, index, header, reply, out),
            Body::RecoveryRequest => return self.on_recovery_request(from, header, out),
            Body::BlankReply(_) => return self.count_blank(from, header, out),
            Body::RecoveryReply(_) => return,
        }
        if index.is_some() && header.term > self.hard.term {
            self.start_renewal(header.term, out);
        }
    }

    /// Rule 1.4. A node of no life knows no term to compare with.
    fn is_too_far_ahead(&self, term: Term) -> bool {
        let limit = match self.hard.life {
            Life::NONE => MAX_FIRST_TERM,
            Life(_) => self.hard.term.0.saturating_add(MAX_TERM_JUMP),
        };
        term.0 > limit
    }
}
