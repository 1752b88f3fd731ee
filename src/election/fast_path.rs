//! The fast path: nearly every message is the next heartbeat of the leader that this node follows, and changes
//! nothing but the time. Such a heartbeat is recognised by comparison, and has the effect that all the rules
//! together would have.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::message::{Answer, Body, Header, Heartbeat, Message, Order};
use crate::role::Role;
use crate::types::{MemberIndex, Nanos, NodeId};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Accepts and answers a heartbeat that changes nothing but the time, and returns whether `message` was one.
    /// Any other message is left alone.
    pub(super) fn try_fast_path(&mut self, from: I, message: &Message<I>, out: &mut Vec<Output<I>>) -> bool {
        let Message { header, body: Body::Heartbeat(heartbeat) } = message else { return false };
        let Some((index, rank)) = self.steady_state_of(from, header, heartbeat) else { return false };
        // Rule 2.7.
        if !self.peer_log.is_next_round(index, header.term, header.round, self.now) {
            return false;
        }
        self.peer_log.record_heartbeat(index, header.term, header.round, self.now);
        self.deferred_after_clock_jump = false;
        // Rules 2.1 and 4.1.
        let granted = self.grantable_length(heartbeat.promise);
        self.promise.extend(self.promise_end(granted));
        let delay = self.timing.stagger().saturating_mul(rank.into());
        let election_deadline = self.promise.end().after(delay);
        let early_pre_vote_at = self.early_pre_vote_time(election_deadline, granted);
        if let Role::Follower(following) = &mut self.role {
            (following.election_deadline, following.early_pre_vote_at) =
                (election_deadline, early_pre_vote_at);
        }
        self.answer_heartbeat(from, header, Answer::Granted(granted), out);
        true
    }

    /// The leader's index and this node's rank, if the heartbeat comes from the leader that this node is bound
    /// to, in the same term, with the same membership and the same rank, and neither side has any pending
    /// action.
    fn steady_state_of(
        &self,
        from: I,
        header: &Header,
        heartbeat: &Heartbeat<I>,
    ) -> Option<(MemberIndex, u8)> {
        let Role::Follower(following) = &self.role else { return None };
        let is_unchanged = header.term == self.hard.term
            && (header.cluster, header.life) == (self.hard.cluster, self.hard.life)
            && header.version == self.hard.membership.version()
            && header.committed == self.hard.committed
            && heartbeat.rank == self.rank
            && self.promise.is_to_leader(from, header.term, self.now);
        let is_plain = heartbeat.order == Order::Follow
            && heartbeat.promise > Nanos::ZERO
            && heartbeat.membership.is_none();
        let is_idle = following.is_idle() && !self.lapse_backoff.is_active();
        if is_unchanged && is_plain && is_idle { following.leader_index.zip(heartbeat.rank) } else { None }
    }
}

#[cfg(test)]
mod tests;
