//! What nearly every message is: the next heartbeat of a leader that is followed, with no news but the
//! time. It is recognised by comparison, and takes a shortcut to what all the rules come to.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::message::{Answer, Body, Header, Heartbeat, Message, Order};
use crate::role::Role;
use crate::types::{MemberIndex, Nanos, NodeId};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Accepts and answers such a heartbeat. Says whether it was one; if not, nothing has happened.
    pub(super) fn try_fast_path(&mut self, from: I, message: &Message<I>, out: &mut Vec<Output<I>>) -> bool {
        let Message { header, body: Body::Heartbeat(heartbeat) } = message else { return false };
        let Some((index, rank)) = self.matches_steady_state(from, header, heartbeat) else { return false };
        // Rule 2.7.
        if !self.peer_log.is_next(index, header.term, header.round, self.now) {
            return false;
        }
        self.deferred_after_clock_jump = false;
        // Rules 2.1 and 4.1.
        let granted = self.grantable_length(heartbeat.promise);
        self.promise.extend(self.now.after(granted));
        let delay = self.timing.stagger().saturating_mul(rank.into());
        let deadline = self.promise.end().after(delay);
        let early_pre_vote_at = self.early_pre_vote_time(deadline, granted);
        if let Role::Follower(following) = &mut self.role {
            (following.deadline, following.early_pre_vote_at) = (deadline, early_pre_vote_at);
        }
        self.answer_heartbeat(from, header, Answer::Granted(granted), out);
        true
    }

    /// The leader's index and this node's rank, if the heartbeat is from the leader that this node is bound
    /// to, in the same term, about the same members and for the same rank, and neither has anything else in
    /// mind.
    fn matches_steady_state(
        &self,
        from: I,
        header: &Header,
        heartbeat: &Heartbeat<I>,
    ) -> Option<(MemberIndex, u8)> {
        let Role::Follower(following) = &self.role else { return None };
        let same = header.term == self.hard.term
            && header.cluster == self.hard.cluster
            && header.version == self.hard.membership.version()
            && header.committed == self.hard.committed
            && heartbeat.rank == self.rank
            && self.promise.is_to_leader(from, header.term, self.now);
        let plain = heartbeat.order == Order::Follow
            && heartbeat.promise > Nanos::ZERO
            && heartbeat.membership.is_none();
        let calm = following.is_idle() && !self.state_lost && !self.lapse_backoff.is_active();
        if same && plain && calm { following.leader_index.zip(heartbeat.rank) } else { None }
    }
}

#[cfg(test)]
mod tests;
