//! The voter: whom it grants its vote, and what it says when it does not.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::membership::is_newer_config;
use crate::message::{Answer, Body, Claim, Denial, Header, Message, Phase, VoteReply, VoteRequest};
use crate::role::Role;
use crate::types::{Nanos, NodeId, PromiseHolder, Term};

impl<I: NodeId, R: Rng> Election<I, R> {
    pub(super) fn on_vote_request(
        &mut self,
        from: I,
        place: Option<usize>,
        header: Header,
        request: VoteRequest<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let newer = is_newer_config(header.version, self.hard.membership.version());
        let kind = (request.phase, request.claim);
        // Rule 7.4: nodes bootstrapped with different lists refuse each other.
        if self.conflicts(from, request.membership.as_deref(), out) {
            return self.answer_vote(from, &header, kind, Answer::Denied(Denial::MembershipConflict), out);
        }
        // Rule 1.3: of a stranger nothing is used; nor does a node vote that has lost its state.
        if self.state_lost || (place.is_none() && !newer && !self.is_founder(from, &request, out)) {
            return self.answer_vote(from, &header, kind, Answer::Denied(Denial::NotAMember), out);
        }
        let answer = match request.phase {
            Phase::Pre => self.handle_pre_vote(from, &header, &request),
            Phase::Real => {
                // Rule 2.7. Nobody campaigns for term 0.
                if header.term == Term(0) || !self.peer_log.is_news(place, from, header.term, header.round) {
                    return;
                }
                self.handle_vote(from, &header, &request, out)
            }
        };
        self.answer_vote(from, &header, kind, answer, out);
        // Rule 4.7: a member that wants to know whether there is a leader is shown one.
        if let (Phase::Pre, Answer::Denied(_), Some(place)) = (request.phase, answer, place) {
            self.send_heartbeat(place, out);
        }
    }

    /// A pre-vote changes no state. Rule 4.2.
    fn handle_pre_vote(&self, from: I, header: &Header, request: &VoteRequest<I>) -> Answer<I> {
        let proposed = header.term.next();
        // The promise comes last: who is told of nothing else could have the vote when it ends. Rule 4.9.
        let tests = stale_unless(proposed.is_some_and(|term| term > self.hard.term))
            .and_then(|()| self.can_vote_for_config(header))
            .and_then(|()| self.position_test(request))
            .and_then(|()| self.promise_test(from, request));
        match tests {
            Ok(()) => Answer::Granted(0),
            Err(denial) => Answer::Denied(denial),
        }
    }

    /// A vote. Rule 4.3.
    fn handle_vote(
        &mut self,
        from: I,
        header: &Header,
        request: &VoteRequest<I>,
        out: &mut Vec<Output<I>>,
    ) -> Answer<I> {
        // Rule 6.3: the leader gave its successor back what was promised to it.
        if let Claim::Handover { leader, term } = request.claim {
            self.promise.release(leader, term, self.now);
        }
        // Rule 2.5: this test comes first. A bound voter does not even adopt the term.
        if let Err(denial) = self.promise_test(from, request) {
            return Answer::Denied(denial);
        }
        let (term, voted_for) = (self.hard.term, self.hard.voted_for);
        if header.term > term {
            self.adopt_candidate_term(header.term);
        }
        let tests = stale_unless(header.term == self.hard.term)
            .and_then(|()| self.can_vote_for_config(header))
            .and_then(|()| self.position_test(request))
            .and_then(|()| self.vote_test(from, header.term));
        let mut founder_added = false;
        if tests.is_ok() {
            self.hard.voted_for = Some(from);
            founder_added = self.add_founder(from, request);
        }
        if founder_added || (term, voted_for) != (self.hard.term, self.hard.voted_for) {
            self.persist(out);
        }
        match tests {
            Ok(()) => Answer::Granted(self.grant(from, header.term, request)),
            Err(denial) => {
                self.restart_pre_vote(term, out);
                Answer::Denied(denial)
            }
        }
    }

    /// Rule 2.1: what stands against this asker. Rule 6.2: a successor that a leader has named is
    /// tested as if those bound to just that leader, and the leader itself, were free.
    fn promise_test(&self, from: I, request: &VoteRequest<I>) -> Result<(), Denial<I>> {
        let tried = match (request.phase, request.claim) {
            (Phase::Pre, Claim::Handover { leader, term }) => Some((leader, term)),
            (Phase::Pre, Claim::Own | Claim::Renewal | Claim::Inquiry) | (Phase::Real, _) => None,
        };
        if let Role::Leader(leading) = &self.role {
            return if tried == Some((self.id, leading.term)) && leading.names(from) {
                Ok(())
            } else {
                let remaining = leading.lease.saturating_sub(self.now);
                let to = Some(PromiseHolder { id: self.id, term: leading.term });
                Err(Denial::Bound { to, remaining })
            };
        }
        let sanctioned =
            tried.is_some_and(|(leader, term)| self.promise.is_to_leader(leader, term, self.now));
        match self.promise.conflict_with(from, self.now) {
            Some(_) if sanctioned && self.promise.quarantine_until() <= self.now => Ok(()),
            Some(conflict) => {
                Err(Denial::Bound { to: conflict.to, remaining: conflict.until.saturating_sub(self.now) })
            }
            None => Ok(()),
        }
    }

    /// Spec: `CanVoteForConfig`, the part about versions: a candidate's membership must be at least
    /// as new as the voter's.
    fn can_vote_for_config(&self, header: &Header) -> Result<(), Denial<I>> {
        let older = is_newer_config(self.hard.membership.version(), header.version);
        if older { Err(Denial::StaleMembership) } else { Ok(()) }
    }

    /// Raft §5.4.1. A renewing leader is past this test: it leads whatever its position. Rule 5.1.
    fn position_test(&self, request: &VoteRequest<I>) -> Result<(), Denial<I>> {
        let behind = request.position < self.position && request.claim != Claim::Renewal;
        if behind { Err(Denial::PositionBehind(self.position)) } else { Ok(()) }
    }

    /// Rule 1.1: one vote in a term. Rule 1.5: an accepted leader has used it up.
    fn vote_test(&self, from: I, term: Term) -> Result<(), Denial<I>> {
        let voted_for_other = self.hard.voted_for.is_some_and(|other| other != from);
        let led_by_other = self.promise.leader_of(term).is_some_and(|other| other != from);
        if voted_for_other || led_by_other { Err(Denial::AlreadyVoted) } else { Ok(()) }
    }

    /// A vote is granted, and with it a promise: how long a one. Rules 2.1 and 2.4.
    fn grant(&mut self, candidate: I, term: Term, request: &VoteRequest<I>) -> Nanos {
        let granted = self.grantable_length(request.promise);
        let (until, renews) = (self.now.saturating_add(granted), request.claim == Claim::Renewal);
        self.promise.bind_for_vote(candidate, term, until, self.now, renews);
        let deadline = self.draw_election_deadline();
        self.become_follower(deadline);
        granted
    }

    /// How much of what is asked this voter may promise. Rule 2.4.
    pub(super) fn grantable_length(&self, requested: Nanos) -> Nanos {
        requested.min(self.timing.promise_limit()).min(self.hard.promised_nanos())
    }

    /// A vote request of a higher term ends a candidacy, which is in no lower term any more, and what was
    /// asked ahead of one.
    fn adopt_candidate_term(&mut self, term: Term) {
        self.raise_term(term);
        match &mut self.role {
            Role::Candidate(_) => self.abandon_candidacy(),
            Role::Follower(following) => following.early_pre_vote = None,
            Role::PreCandidate(_) | Role::Leader(_) => {}
        }
    }

    /// A pre-vote that was asked for in a term now over starts anew; no deadline moves.
    fn restart_pre_vote(&mut self, term_before: Term, out: &mut Vec<Output<I>>) {
        if term_before != self.hard.term && matches!(self.role, Role::PreCandidate(_)) {
            self.start_pre_vote(out);
        }
    }

    fn answer_vote(
        &mut self,
        to: I,
        request: &Header,
        kind: (Phase, Claim<I>),
        answer: Answer<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let (phase, votes) = (kind.0, kind.1 != Claim::Inquiry);
        let membership = match answer {
            Answer::Granted(_) => None,
            Answer::Denied(_) => self.membership_for(to, votes, request.version),
        };
        let body = Body::VoteReply(VoteReply { phase, request_term: request.term, answer, membership });
        out.push(Output::Send { to, message: Message { header: self.reply_header(request), body } });
    }
}

fn stale_unless<I>(current: bool) -> Result<(), Denial<I>> {
    if current { Ok(()) } else { Err(Denial::StaleTerm) }
}
