//! What the first in the succession does ahead of its turn, while it still follows.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::{Durability, Election};
use crate::io::Output;
use crate::message::{Answer, Claim, Denial, Header, Phase, VoteReply};
use crate::role::{PreVoteRound, Role};
use crate::tally::{Outcome, VoteState};
use crate::types::{NEVER, Nanos, NodeId, PromiseHolder};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 4.9: when to ask ahead of a turn that follows a promise of `granted`: about a round
    /// trip before, which is the retry interval, and not before heartbeats are overdue. Only the first does; of the others
    /// few will be needed.
    pub(super) fn early_pre_vote_time(&self, election_deadline: Nanos, granted: Nanos) -> Nanos {
        let early_by = self.timing.retry_interval().min(granted / 4);
        if self.rank == Some(0) { election_deadline.saturating_sub(early_by) } else { NEVER }
    }

    /// Rule 4.9: asks for pre-votes, and stays a follower. A leader that is there after all answers with
    /// a heartbeat.
    pub(super) fn tick_early_pre_vote(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Follower(following) = &mut self.role else { return };
        if self.now < following.early_pre_vote_at {
            return;
        }
        following.early_pre_vote_at = NEVER;
        let early_by = following.deadline.saturating_sub(self.now);
        if early_by == 0 {
            return;
        }
        let round = self.next_round();
        let pre_vote_round = PreVoteRound { early_by, ..self.new_pre_vote_round(round) };
        let request = self.vote_request(Phase::Pre, Claim::Own, round);
        self.send_requests(&pre_vote_round.tally, 0, &request, out);
        if let Role::Follower(following) = &mut self.role {
            following.early_pre_vote = Some(Box::new(pre_vote_round));
        }
    }

    /// Of the answers that come ahead of the turn only good ones are kept; whoever gave another is asked
    /// again when the turn has come. With a quorum of them this node will stand.
    pub(super) fn on_early_pre_vote_reply(
        &mut self,
        (from, place): (I, usize),
        header: &Header,
        reply: &VoteReply<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let (now, reserved) = (self.now, self.has_reserved_vote());
        let Role::Follower(following) = &mut self.role else { return };
        let Some(early_pre_vote) =
            following.early_pre_vote.as_mut().filter(|early_pre_vote| early_pre_vote.round == header.round)
        else {
            return;
        };
        let vote = match reply.answer {
            Answer::Granted(_) => VoteState::Granted(NEVER),
            Answer::Denied(Denial::Bound { to, remaining }) => {
                count_bound_voter((from, to), remaining, early_pre_vote.early_by, (header.sent_at, now))
            }
            Answer::Denied(_) => return,
        };
        if matches!(vote, VoteState::Bound(_)) {
            return;
        }
        early_pre_vote.tally.put(place, vote);
        let will_be_free = following.deadline.saturating_add(self.timing.retry_interval());
        if !reserved
            && early_pre_vote.tally.outcome(&self.hard.membership, will_be_free, |_| false) == Outcome::Won
        {
            self.reserve_vote(out);
        }
    }

    /// Rule 4.10: makes the vote for itself in the next term durable before it stands in that, so that the
    /// write is not waited for then. Until then it goes on in the present term; after a restart it is in
    /// the next one, and that vote is given. The vote of the present term must have been used: no write
    /// could tell of it any more.
    pub(super) fn reserve_vote(&mut self, out: &mut Vec<Output<I>>) {
        let used = self.hard.voted_for.is_some();
        if used && !self.has_reserved_vote() && self.hard.term.next().is_some() {
            self.durability = Durability::VoteReserved;
            self.persist(out);
        }
    }

    /// The turn has come: what was asked ahead of it, unless that is long ago.
    pub(super) fn take_early_pre_vote(&mut self) -> Option<PreVoteRound> {
        let until = self.now.saturating_add(self.timing.promise());
        let Role::Follower(following) = &mut self.role else { return None };
        let early_pre_vote = *following.early_pre_vote.take()?;
        let fresh =
            self.now.saturating_sub(early_pre_vote.since) <= self.timing.retry_interval().saturating_mul(2);
        fresh.then_some(PreVoteRound { until, next_retry: self.now, ..early_pre_vote })
    }
}

/// What it is worth that a voter would grant its pre-vote but is bound for `remaining`, if it was asked at
/// `at` and answers now, to one that began to ask `early_by` ahead of its turn. If that is not longer than the
/// asker itself was bound then, it has not heard a leader for long either: it is free by then, counted from
/// about when it answered, and a request takes time to arrive. Not so a leader, which is there after all: a
/// write of the asker's might cost it the promise that it is about to get.
pub(super) fn count_bound_voter<I: NodeId>(
    (voter, to): (I, Option<PromiseHolder<I>>),
    remaining: Nanos,
    early_by: Nanos,
    (at, now): (Nanos, Nanos),
) -> VoteState {
    let leads = to.is_some_and(|holder| holder.id == voter);
    if remaining > early_by || leads {
        return VoteState::Bound(now.saturating_add(remaining));
    }
    let half = now.saturating_sub(at) / 2;
    VoteState::FreeAt(at.saturating_add(half).saturating_add(remaining))
}
