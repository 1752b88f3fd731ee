//! The fast path: nearly every message is the next heartbeat of the leader that this node follows, or the reply to the
//! last heartbeat of this node, and changes nothing but the time. Such a message is recognised by comparison, and has
//! the effect that all the rules together would have.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::message::{Answer, Header, Message, PlainHeartbeat, PlainReply};
use crate::progress::Progress;
use crate::role::{Leading, Role};
use crate::types::{MemberIndex, Nanos, NodeId, Round};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Takes in a message that changes nothing but the time, and returns whether `message` was one. Any other message is
    /// left alone.
    pub(super) fn try_fast_path(&mut self, from: I, message: &Message<I>, out: &mut Vec<Output<I>>) -> bool {
        if let Some(heartbeat) = message.plain_heartbeat() {
            self.try_steady_heartbeat(from, &message.header(), heartbeat, out)
        } else if let Some(reply) = message.plain_reply() {
            self.try_steady_reply(from, &message.header(), reply)
        } else {
            false
        }
    }

    /// Accepts and answers a heartbeat that changes nothing but the time.
    fn try_steady_heartbeat(
        &mut self,
        from: I,
        header: &Header,
        heartbeat: PlainHeartbeat,
        out: &mut Vec<Output<I>>,
    ) -> bool {
        let Some((index, rank)) = self.steady_state_of(from, header, heartbeat) else { return false };
        // Rule 2.7.
        let Some(peer) = self.peer_at(index) else { return false };
        if !self.peer_log.is_next_round(peer, header.term, header.round, self.now) {
            return false;
        }
        self.peer_log.record_heartbeat(peer, header.term, header.round, self.now);
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

    /// Counts the promise that comes with a reply that brings nothing else.
    fn try_steady_reply(&mut self, from: I, header: &Header, reply: PlainReply) -> bool {
        let Some(index) = self.steady_follower(from, header, reply) else { return false };
        self.deferred_after_clock_jump = false;
        self.record_heard(index);
        let lengthens_lease = self.record_promise(index, header.sent_at, reply.granted);
        if let Role::Leader(leading) = &mut self.role
            && let Some(follower) = leading.progress.get_mut(index.as_usize())
        {
            follower.newest = header.round;
        }
        if lengthens_lease {
            self.refresh_lease();
        }
        self.observe_reply(index, header.sent_at, false);
        true
    }

    /// The index of the member that replies, if its reply answers a heartbeat of this leadership and says nothing about the
    /// member that is new, and if the leader waits for nothing: a member that is ready to take over is of no interest then.
    fn steady_follower(&self, from: I, header: &Header, reply: PlainReply) -> Option<MemberIndex> {
        let Role::Leader(leading) = &self.role else { return None };
        let is_unchanged = self.is_of_this_term(header)
            && leading.term == self.hard.term
            && reply.request_term == leading.term
            && self.hard.committed;
        let is_usual =
            self.timing.shortest_promise() <= reply.granted && reply.granted <= self.timing.promise_limit();
        // Rules 2.8 and 3.1.
        let is_possible = header.sent_at <= self.now && header.round <= self.round;
        if !(is_unchanged && is_usual && is_possible && leading.is_idle()) {
            return None;
        }
        let index = self.hard.membership.index_of(from).filter(|_| from != self.id)?;
        let follower = leading.progress.get(index.as_usize())?;
        follower.is_confirmed_by(header.round, reply).then_some(index)
    }

    /// Whether the sender belongs to the same group, and holds the same term and the same membership.
    fn is_of_this_term(&self, header: &Header) -> bool {
        header.term == self.hard.term
            && (header.cluster, header.life) == (self.hard.cluster, self.hard.life)
            && header.version == self.hard.membership.version()
    }

    /// The leader's index and this node's rank, if the heartbeat comes from the leader that this node is bound
    /// to, in the same term, with the same membership and the same rank, and neither side has any pending
    /// action.
    fn steady_state_of(
        &self,
        from: I,
        header: &Header,
        heartbeat: PlainHeartbeat,
    ) -> Option<(MemberIndex, u8)> {
        let Role::Follower(following) = &self.role else { return None };
        let is_unchanged = self.is_of_this_term(header)
            && header.committed == self.hard.committed
            && heartbeat.rank == self.rank
            && self.promise.is_to_leader(from, header.term, self.now);
        let asks = heartbeat.promise > Nanos::ZERO;
        let is_idle = following.is_idle() && !self.trouble.delays_candidacies();
        if is_unchanged && asks && is_idle { following.leader_index.zip(heartbeat.rank) } else { None }
    }
}

impl<I: NodeId> Leading<I> {
    /// Whether nothing is under way for which a reply could matter, but for the lease.
    fn is_idle(&self) -> bool {
        self.tasks.are_done()
    }
}

impl Progress {
    /// Whether a reply to that round is the newest one of a member that has acknowledged the membership in force (9.5),
    /// and says of the member what is known.
    fn is_confirmed_by(&self, round: Round, reply: PlainReply) -> bool {
        let is_newest = round > self.newest;
        let is_same =
            (self.leaving, self.position, self.priority) == (reply.leaving, reply.position, reply.priority);
        is_newest && is_same && self.acknowledged
    }
}

#[cfg(test)]
mod tests;
