//! The successor: a follower that its leader named, and that asks the voters whether it could win before the
//! leader gives leadership up.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::message::{Answer, Claim, Header, Order, Phase, VoteReply};
use crate::role::{Following, Role, TransferPreVote};
use crate::tally::{Outcome, VoteState};
use crate::types::{MemberIndex, NEVER, Nanos, NodeId, Round, Term, Timestamp};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 6.2: an accepted heartbeat that names this node starts its pre-vote round or lets the round go
    /// on; a heartbeat that does not ends it.
    pub(super) fn update_transfer_pre_vote(
        &mut self,
        leader: I,
        header: &Header,
        order: Order,
        granted: Nanos,
        out: &mut Vec<Output<I>>,
    ) {
        let may_start = self.is_electable() && self.promise.quarantine_until() <= self.now;
        let Role::Follower(following) = &mut self.role else { return };
        let named = if let Order::Prepare { attempt } = order { Some(attempt) } else { None };
        // Rule 2.8: what was found out in an earlier attempt does not count in this one.
        let is_of_attempt = |transfer: &TransferPreVote<I>| {
            (transfer.leader, transfer.term, Some(transfer.attempt)) == (leader, header.term, named)
        };
        match (&mut following.transfer_pre_vote, named) {
            (Some(transfer), _) if is_of_attempt(transfer) => {
                (transfer.heartbeat, transfer.granted_promise) = (*header, granted);
            }
            (transfer, Some(attempt)) if may_start => {
                *transfer = None;
                self.start_transfer_pre_vote(leader, attempt, header, granted, out);
            }
            (transfer, _) => *transfer = None,
        }
    }

    /// Rule 6.2: the node stays a follower, with its promise, leader and election deadline untouched.
    fn start_transfer_pre_vote(
        &mut self,
        leader: I,
        attempt: Round,
        header: &Header,
        granted_promise: Nanos,
        out: &mut Vec<Output<I>>,
    ) {
        let (term, heartbeat, ready) = (header.term, *header, false);
        let round = self.next_round();
        let pre_vote_round = self.new_pre_vote_round(round);
        if let Role::Follower(following) = &mut self.role {
            following.transfer_pre_vote = Some(Box::new(TransferPreVote {
                leader,
                term,
                attempt,
                pre_vote_round,
                ready,
                heartbeat,
                granted_promise,
            }));
        }
        self.request_transfer_pre_votes(out);
    }

    /// Asks every voter that has not granted, the leader too, in the leader's name.
    fn request_transfer_pre_votes(&mut self, out: &mut Vec<Output<I>>) {
        let next_retry = self.now.after(self.timing.retry_interval());
        let Role::Follower(following) = &mut self.role else { return };
        let Some(transfer) = &mut following.transfer_pre_vote else { return };
        transfer.pre_vote_round.timer.schedule_repeat(next_retry);
        let claim = Claim::Handover { leader: transfer.leader, term: transfer.term };
        let round = transfer.pre_vote_round.round;
        let request = self.vote_request(Phase::Pre, claim, round);
        if let Role::Follower(following) = &self.role
            && let Some(transfer) = &following.transfer_pre_vote
        {
            self.send_requests(&transfer.pre_vote_round.tally, Some(Timestamp::ORIGIN), &request, out);
        }
    }

    pub(super) fn tick_transfer_pre_vote(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Follower(following) = &mut self.role else { return };
        let Some(transfer) = &following.transfer_pre_vote else { return };
        if self.now >= transfer.pre_vote_round.until {
            following.transfer_pre_vote = None;
        } else if self.now >= transfer.due() {
            self.request_transfer_pre_votes(out);
        }
    }

    /// Rule 6.2: a quorum that grants makes this node ready, and its leader is told at once. A denial says
    /// nothing about the leader's term, so neither its term nor its membership is used.
    pub(super) fn on_transfer_pre_vote_reply(
        &mut self,
        index: MemberIndex,
        header: &Header,
        reply: &VoteReply<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let is_reserved = header.term > self.hard.term;
        let Role::Follower(following) = &mut self.role else { return };
        let Some(transfer) = following.transfer_pre_vote.as_mut() else { return };
        let is_grant = matches!(reply.answer, Answer::Granted(_));
        let has_asked = transfer.pre_vote_round.has_asked(header, reply.request_term, self.hard.term);
        if transfer.ready || !has_asked || !is_grant {
            return;
        }
        let round = &mut transfer.pre_vote_round;
        round.put(index, VoteState::Granted(NEVER), is_reserved);
        if round.tally.outcome(&self.hard.membership, self.now, |_| false) != Outcome::Won {
            return;
        }
        transfer.ready = true;
        let skips_term = transfer.pre_vote_round.skips_term;
        let (leader, heartbeat) = (transfer.leader, transfer.heartbeat);
        let answer = Answer::Granted(transfer.granted_promise);
        if !skips_term {
            self.reserve_vote(out);
        }
        self.answer_heartbeat(leader, &heartbeat, answer, out);
    }

    /// Rule 6.3: the leader has given up leadership in favour of this node, which campaigns at once; its vote
    /// requests release the other voters. The quarantine of a restart stands (rule 2.3).
    pub(super) fn on_campaign_order(
        &mut self,
        leader: I,
        term: Term,
        order: Order,
        skips_term: bool,
        out: &mut Vec<Output<I>>,
    ) {
        if order == Order::Campaign && self.is_electable() && self.promise.end() <= self.now {
            self.start_vote(Claim::Handover { leader, term }, skips_term, out);
        }
    }

    /// Whether the successor that this node is found that a voter has reserved its vote of the next term.
    pub(super) fn transfer_skips_term(&self) -> bool {
        match &self.role {
            Role::Follower(Following { transfer_pre_vote: Some(transfer), .. }) => {
                transfer.pre_vote_round.skips_term
            }
            Role::Follower(_)
            | Role::PreCandidate(_)
            | Role::Candidate(_)
            | Role::Leader(_)
            | Role::Recovering(_) => false,
        }
    }
}
