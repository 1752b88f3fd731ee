//! The early pre-vote: the follower of rank 0 asks before its election deadline whether it could win, while it
//! still follows.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::message::{Answer, Claim, Denial, Header, Phase, VoteReply};
use crate::role::{PreVoteRound, Role};
use crate::tally::{Outcome, VoteState};
use crate::types::{MemberIndex, NEVER, Nanos, NodeId, PromiseHolder, Timestamp};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 4.9: when to start an early pre-vote, after a promise of `granted`: a retry interval, about one
    /// round trip, before the election deadline, but not before heartbeats are overdue. Only the follower of
    /// rank 0 starts one, since the others are seldom needed.
    pub(super) fn early_pre_vote_time(&self, election_deadline: Timestamp, granted: Nanos) -> Timestamp {
        let (retry_interval, quarter) = (self.timing.retry_interval(), granted.part(4));
        let early_by = if retry_interval <= quarter {
            retry_interval
        } else {
            retry_interval.min(self.left_when_overdue(granted).max(quarter))
        };
        if self.rank == Some(0) { election_deadline.before(early_by) } else { NEVER }
    }

    /// Rule 4.9: what is left of a promise of `granted` once two heartbeats are overdue, if the leader sends them as
    /// often as this node would.
    fn left_when_overdue(&self, granted: Nanos) -> Nanos {
        granted.saturating_sub(self.timing.heartbeat_interval().saturating_mul(5).part(2))
    }

    /// Rule 4.9: starts the early pre-vote when it is due. A leader that is alive answers with a heartbeat.
    pub(super) fn tick_early_pre_vote(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Follower(following) = &mut self.role else { return };
        if self.now < following.early_pre_vote_at {
            return;
        }
        following.early_pre_vote_at = NEVER;
        let early_by = following.election_deadline.since(self.now);
        if early_by == Nanos::ZERO {
            return;
        }
        let round = self.next_round();
        let pre_vote_round = PreVoteRound { early_by, ..self.new_pre_vote_round(round) };
        let request = self.vote_request(Phase::Pre, Claim::Own, round);
        self.send_requests(&pre_vote_round.tally, Some(Timestamp::ORIGIN), &request, out);
        if let Role::Follower(following) = &mut self.role {
            following.early_pre_vote = Some(Box::new(pre_vote_round));
        }
    }

    /// Rule 4.9: keeps a grant, and a denial that ends by the election deadline; a voter that gave another
    /// answer is asked again at the deadline. Rule 4.10: with a quorum of grants the vote is reserved, unless
    /// this node will skip the term.
    pub(super) fn on_early_pre_vote_reply(
        &mut self,
        voter: I,
        index: MemberIndex,
        header: &Header,
        reply: &VoteReply<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let (now, sent_at, is_reserved) = (self.now, header.sent_at, header.term > self.hard.term);
        let has_asked = |round: &PreVoteRound| round.has_asked(header, reply.request_term, self.hard.term);
        let Role::Follower(following) = &mut self.role else { return };
        let Some(round) = following.early_pre_vote.as_deref_mut().filter(|round| has_asked(round)) else {
            return;
        };
        let vote = match reply.answer {
            Answer::Granted(_) => VoteState::Granted(NEVER),
            Answer::Denied(Denial::Bound { to, remaining }) => {
                BoundReply { voter, holder: to, remaining, sent_at }.vote(round.early_by, now)
            }
            Answer::Denied(_) => return,
        };
        if matches!(vote, VoteState::Bound(_)) {
            return;
        }
        let soon = following.election_deadline.after(self.timing.retry_interval());
        let will_win = |round: &PreVoteRound| {
            round.tally.outcome(&self.hard.membership, soon, |_| false) == Outcome::Won
        };
        // A quorum of voters whose votes of the next term are free needs no other voter.
        if is_reserved && will_win(round) {
            return;
        }
        round.put(index, vote, is_reserved);
        if will_win(round) && !round.skips_term {
            self.reserve_vote(out);
        }
    }

    /// The early pre-vote round, which goes on as the round that starts at the election deadline. A round that
    /// is old goes on only if it has a quorum and the vote is reserved: the host was writing that vote meanwhile.
    pub(super) fn take_early_pre_vote(&mut self) -> Option<Box<PreVoteRound>> {
        let (until, is_reserved) = (self.now.after(self.timing.promise()), self.has_reserved_vote());
        let timer = self.new_request_timer();
        let Role::Follower(following) = &mut self.role else { return None };
        let mut round = following.early_pre_vote.take()?;
        let is_fresh = self.now.since(round.since) <= self.timing.retry_interval().saturating_mul(2);
        let is_won = round.tally.outcome(&self.hard.membership, self.now, |_| false) == Outcome::Won;
        (round.until, round.timer) = (until, timer);
        (is_fresh || (is_won && is_reserved)).then_some(round)
    }
}

/// A pre-vote denied by a voter whose only objection is its own promise.
pub(super) struct BoundReply<I> {
    pub(super) voter: I,
    /// Which node holds the promise, and in which term.
    pub(super) holder: Option<PromiseHolder<I>>,
    /// How long the promise still lasted when the voter answered.
    pub(super) remaining: Nanos,
    /// When the request was sent.
    pub(super) sent_at: Timestamp,
}

impl<I: NodeId> BoundReply<I> {
    /// How the voter counts for a candidate whose round began `early_by` before its election deadline. If its
    /// promise does not last longer than the candidate's own did, the voter has not heard a leader for long
    /// either, and counts as a grant from the end of its promise on. Rule 4.9.
    ///
    /// A is dead. The deadline of B is 150, and B asks at 130: `early_by` is 20. C replies `Bound {
    /// remaining: 15 }`, which arrives at 140: C replied at about 135, so it counts as a grant from 150 on.
    /// With 100 remaining C has heard A later than B has: A may be alive, and C is asked again. If A itself
    /// replies, it is alive, and the write of a reservation would only delay the reply that A needs from B.
    pub(super) fn vote(&self, early_by: Nanos, now: Timestamp) -> VoteState {
        let is_leader = self.holder.is_some_and(|holder| holder.id == self.voter);
        if self.remaining > early_by || is_leader {
            return VoteState::Bound(now.after(self.remaining));
        }
        let one_way = now.since(self.sent_at).part(2);
        VoteState::FreeAt(self.sent_at.after(one_way).after(self.remaining))
    }
}
