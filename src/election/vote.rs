//! The voter: which candidate gets its vote, and what the others are told.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::membership::is_newer_config;
use crate::message::{Answer, Body, Claim, Denial, Header, Message, Phase, VoteReply, VoteRequest};
use crate::role::{Leading, Role};
use crate::types::{MemberIndex, Nanos, NodeId, PromiseHolder, Term, Timestamp};

impl<I: NodeId, R: Rng> Election<I, R> {
    pub(super) fn on_vote_request(
        &mut self,
        from: I,
        index: Option<MemberIndex>,
        header: &Header,
        request: &VoteRequest<I>,
        out: &mut Vec<Output<I>>,
    ) {
        if let Err(denial) = self.check_candidate(from, index, header, request) {
            self.report_foreign_candidate(from, denial, request, out);
            return self.answer_vote(from, header, request, Answer::Denied(denial), out);
        }
        let answer = match request.phase {
            Phase::Pre => self.pre_vote_answer(from, header, request),
            Phase::Real if self.is_old_vote_request(from, index, header) => return,
            Phase::Real => {
                self.record_round(index, from, header.term, header.round);
                self.handle_vote(from, header, request, out)
            }
        };
        self.answer_vote(from, header, request, answer, out);
        if let (Claim::Own, Answer::Denied(Denial::Bound { remaining, .. })) = (request.claim, answer) {
            self.yield_to_successor(request.phase, remaining);
        }
        // Rule 4.7: a member that asks whether it could win is shown that there is a leader.
        if let (Phase::Pre, Answer::Denied(_), Some(index)) = (request.phase, answer, index) {
            self.send_heartbeat(index, out);
        }
    }

    /// Whether the candidate belongs to this node's group, and this node may vote at all.
    fn check_candidate(
        &self,
        from: I,
        index: Option<MemberIndex>,
        header: &Header,
        request: &VoteRequest<I>,
    ) -> Result<(), Denial<I>> {
        // Rule 7.4: nodes bootstrapped with different lists refuse each other.
        if self.conflicts_with(request.membership.as_deref()) {
            return Err(Denial::MembershipConflict);
        }
        // Rule 1.3, and 8.4 for a group that forms.
        let is_newer = is_newer_config(header.version, self.hard.membership.version());
        let is_founder = self.is_forming_with(request) && self.has_room_for_founder(from);
        if index.is_some() || is_newer || is_founder { Ok(()) } else { Err(Denial::NotAMember) }
    }

    fn report_foreign_candidate(
        &mut self,
        from: I,
        denial: Denial<I>,
        request: &VoteRequest<I>,
        out: &mut Vec<Output<I>>,
    ) {
        if denial == Denial::MembershipConflict {
            self.report_conflict(from, out);
        } else if self.is_forming_with(request) {
            self.report_too_many_forming(from, out);
        }
    }

    /// Rule 2.7; and no node campaigns for term 0.
    fn is_old_vote_request(&self, from: I, index: Option<MemberIndex>, header: &Header) -> bool {
        header.term == Term(0) || !self.is_newer(index, from, header.term, header.round)
    }

    /// Rule 4.2: a pre-vote changes no state, so it binds no voter and is always answered (rule 2.6). The
    /// promise is tested last (rule 2.5), so that a `Bound` denial tells the candidate that nothing else stands
    /// in its way.
    fn pre_vote_answer(&self, from: I, header: &Header, request: &VoteRequest<I>) -> Answer<I> {
        let proposed = header.term.next();
        let verdict = stale_unless(proposed.is_some_and(|term| term > self.hard.term))
            .and_then(|()| self.can_vote_for_config(header))
            .and_then(|()| self.position_test(request))
            .and_then(|()| self.promise_test(from, request));
        match verdict {
            Ok(()) => Answer::Granted(Nanos::ZERO),
            Err(denial) => Answer::Denied(denial),
        }
    }

    /// Rule 4.3: a vote request, which may change the term, use up the vote and bind this voter.
    fn handle_vote(
        &mut self,
        from: I,
        header: &Header,
        request: &VoteRequest<I>,
        out: &mut Vec<Output<I>>,
    ) -> Answer<I> {
        // Rule 6.3: the successor bears the leader's release of this voter's promise.
        if let Claim::Handover { leader, term } = request.claim {
            self.promise.release(leader, term, self.now);
        }
        // Rule 2.5: this test comes first. A bound voter does not even adopt the term.
        if let Err(denial) = self.promise_test(from, request) {
            return Answer::Denied(denial);
        }
        let before = self.durable_vote();
        let term = self.hard.term;
        if header.term > term {
            self.adopt_candidate_term(header.term);
        }
        let verdict = stale_unless(header.term == self.hard.term)
            .and_then(|()| self.can_vote_for_config(header))
            .and_then(|()| self.position_test(request))
            .and_then(|()| self.vote_test(from, header.term));
        let mut founder_added = false;
        if verdict.is_ok() {
            self.hard.vote_for(from);
            if let Claim::Handover { .. } = request.claim {
                self.begin_trial(from);
            }
            founder_added = self.add_founder(from, request);
        }
        if founder_added || before != self.durable_vote() {
            self.persist(out);
        }
        match verdict {
            Ok(()) => Answer::Granted(self.grant(from, header.term, request)),
            Err(denial) => {
                self.restart_pre_vote(term, out);
                Answer::Denied(denial)
            }
        }
    }

    /// Rule 2.1: whether a promise forbids to vote for this candidate. Rule 6.2: a successor that its leader
    /// has named is tested as if the voters bound to just that leader, and the leader itself, were free.
    ///
    /// A leads term 4 and names B. The pre-vote of B claims a handover by A in term 4: C, bound to A in term 4,
    /// grants it, and so does A while it names B. If C is bound to A in term 3, or in the quarantine of a
    /// restart, it denies. Every other request of B is denied by A while it leads, and by C while it is bound
    /// to A.
    fn promise_test(&self, from: I, request: &VoteRequest<I>) -> Result<(), Denial<I>> {
        let transfer = match (request.phase, request.claim) {
            (Phase::Pre, Claim::Handover { leader, term }) => Some((leader, term)),
            (Phase::Pre, Claim::Own | Claim::Renewal | Claim::Inquiry) | (Phase::Real, _) => None,
        };
        if let Role::Leader(leading) = &self.role {
            return self.leader_promise_test(leading, from, transfer);
        }
        let is_sanctioned =
            transfer.is_some_and(|(leader, term)| self.promise.is_to_leader(leader, term, self.now));
        match self.promise.conflict_with(from, self.now) {
            Some(_) if is_sanctioned && self.promise.quarantine_until() <= self.now => Ok(()),
            Some(conflict) => {
                Err(Denial::Bound { to: conflict.to, remaining: conflict.until.since(self.now) })
            }
            None => Ok(()),
        }
    }

    /// A leader is bound to itself, but for the pre-vote of the successor that it names.
    fn leader_promise_test(
        &self,
        leading: &Leading<I>,
        from: I,
        transfer: Option<(I, Term)>,
    ) -> Result<(), Denial<I>> {
        if transfer == Some((self.id, leading.term)) && leading.names(from) {
            return Ok(());
        }
        let to = Some(PromiseHolder { id: self.id, term: leading.term });
        Err(Denial::Bound { to, remaining: leading.lease.since(self.now) })
    }

    /// Spec: `CanVoteForConfig`, the part about versions: a candidate's membership must be at least as new as
    /// the voter's.
    fn can_vote_for_config(&self, header: &Header) -> Result<(), Denial<I>> {
        let is_older = is_newer_config(self.hard.membership.version(), header.version);
        if is_older { Err(Denial::StaleMembership) } else { Ok(()) }
    }

    /// Raft §5.4.1, and rule 9.4. A renewing leader is past this test, since it leads whatever its position. Rule 5.1.
    fn position_test(&self, request: &VoteRequest<I>) -> Result<(), Denial<I>> {
        let required = self.required_of_candidates();
        let is_behind = request.position < required && request.claim != Claim::Renewal;
        if is_behind { Err(Denial::PositionBehind(required)) } else { Ok(()) }
    }

    /// Rule 1.1: one vote in a term. Rule 1.5: an accepted leader has used it up.
    fn vote_test(&self, from: I, term: Term) -> Result<(), Denial<I>> {
        let voted_for_other = self.hard.voted_for().is_some_and(|other| other != from);
        let led_by_other = self.promise.leader_of(term).is_some_and(|other| other != from);
        if voted_for_other || led_by_other { Err(Denial::AlreadyVoted) } else { Ok(()) }
    }

    /// Gives the promise that goes with a vote, and returns its length. Rules 2.1 and 2.4.
    fn grant(&mut self, candidate: I, term: Term, request: &VoteRequest<I>) -> Nanos {
        let granted = self.grantable_length(request.promise);
        let (until, renews) = (self.promise_end(granted), request.claim == Claim::Renewal);
        self.promise.bind_for_vote(candidate, term, until, self.now, renews);
        let deadline = self.draw_election_deadline();
        self.become_follower(deadline);
        granted
    }

    /// When a promise that is given now ends. Rule 2.1: the reading of the clock may be behind the time by one
    /// resolution, and the voter is bound for `granted` in truth.
    #[inline]
    pub(super) fn promise_end(&self, granted: Nanos) -> Timestamp {
        self.now.after(granted).after(self.timing.clock.resolution())
    }

    /// How much of the requested length this voter may promise. Rule 2.4.
    pub(super) fn grantable_length(&self, requested: Nanos) -> Nanos {
        requested.min(self.timing.promise_limit()).min(self.hard.promised)
    }

    /// A vote request of a higher term ends this node's candidacy, which is for a lower one, and its early
    /// pre-vote.
    fn adopt_candidate_term(&mut self, term: Term) {
        self.raise_term(term);
        match &mut self.role {
            Role::Candidate(_) => self.abandon_candidacy(),
            Role::Follower(following) => following.early_pre_vote = None,
            Role::PreCandidate(_) | Role::Leader(_) | Role::Recovering(_) => {}
        }
    }

    /// A pre-vote round of a term that is over starts again in the new term; no deadline moves.
    fn restart_pre_vote(&mut self, term_before: Term, out: &mut Vec<Output<I>>) {
        if term_before != self.hard.term && matches!(self.role, Role::PreCandidate(_)) {
            self.start_pre_vote(out);
        }
    }

    fn answer_vote(
        &mut self,
        to: I,
        header: &Header,
        request: &VoteRequest<I>,
        answer: Answer<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let is_voter = request.claim != Claim::Inquiry;
        let membership = match answer {
            Answer::Granted(_) => None,
            Answer::Denied(_) => self.membership_for(to, is_voter, header.version),
        };
        let (phase, request_term) = (request.phase, header.term);
        let term = self.vote_reply_term(phase, request_term, answer);
        let body = Body::VoteReply(VoteReply { phase, request_term, answer, membership });
        let header = Header { term, ..self.reply_header(header) };
        out.push(Output::Send { to, message: Message::new(header, body) });
    }

    /// The term that the reply to a vote request bears: this node's own; or, rule 4.10, the next one if this node
    /// would grant but for its vote of the next term, which it has reserved.
    ///
    /// A led term 4 and is dead. B was to take over once and has reserved its vote of term 5. The data of C reach
    /// further, so C asks B in term 4 for a pre-vote. B grants it, in the name of term 5, and C campaigns in term
    /// 6. In term 5 C would not get the vote of B.
    fn vote_reply_term(&self, phase: Phase, request_term: Term, answer: Answer<I>) -> Term {
        let may_grant = matches!(answer, Answer::Granted(_) | Answer::Denied(Denial::Bound { .. }));
        let is_reserved = self.has_reserved_vote() && request_term == self.hard.term;
        match self.hard.term.next() {
            Some(next) if phase == Phase::Pre && may_grant && is_reserved => next,
            _ => self.hard.term,
        }
    }
}

fn stale_unless<I>(is_current: bool) -> Result<(), Denial<I>> {
    if is_current { Ok(()) } else { Err(Denial::StaleTerm) }
}
