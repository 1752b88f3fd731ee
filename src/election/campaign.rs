//! The candidate: from the election deadline through the pre-vote and the vote to leadership.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::message::{Body, Claim, Header, Message, Phase, VoteRequest};
use crate::rejection::Rejection;
use crate::request_timer::RequestTimer;
use crate::role::{Candidacy, PreVoteRound, Renewal, Role};
use crate::tally::{Ballot, Outcome, Tally, VoteState};
use crate::types::{MemberIndex, NEVER, Nanos, NodeId, Round, Term, Timestamp};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// The host wants this node to campaign now. A promise forbids it until that ends.
    pub(super) fn campaign(&mut self, out: &mut Vec<Output<I>>) -> Result<(), Rejection<I>> {
        if let Some(reason) = self.ineligibility() {
            return Err(Rejection::CannotLead(reason));
        }
        match &self.role {
            Role::Follower(_) => {}
            Role::PreCandidate(_) | Role::Candidate(_) => return Err(Rejection::AlreadyCampaigning),
            Role::Leader(leading) => return Err(Rejection::AlreadyLeads { term: leading.term }),
            Role::Recovering(_) => return Err(Rejection::Recovering),
        }
        let remaining = self.promise.end().since(self.now);
        if remaining > Nanos::ZERO {
            let (holder, remaining) = (self.promise.holder(self.now), remaining.as_duration());
            return Err(Rejection::Bound { holder, remaining });
        }
        self.start_pre_vote(out);
        Ok(())
    }

    /// What is due on a follower: retries, the early pre-vote, and at the election deadline a pre-vote round.
    pub(super) fn tick_follower(&mut self, out: &mut Vec<Output<I>>) {
        self.tick_transfer_pre_vote(out);
        self.tick_timeout_now_retry(out);
        self.tick_early_pre_vote(out);
        let Role::Follower(following) = &mut self.role else { return };
        if self.now < following.election_deadline {
            return;
        }
        let late = self.now.since(following.election_deadline);
        if late > self.timing.shortest_promise() && !self.deferred_after_clock_jump {
            // Rule 4.1: the clock leapt, and heartbeats that arrived meanwhile may be waiting to be read.
            following.election_deadline = self.now.after(self.timing.heartbeat_interval());
            following.early_pre_vote = None;
            self.deferred_after_clock_jump = true;
        } else {
            self.start_pre_vote(out);
        }
    }

    /// Rule 4.2 (thesis §9.6): asks whether this node could win. The early pre-vote round goes on if there is
    /// one; otherwise a new round begins, in which grants of the last one no longer count.
    pub(super) fn start_pre_vote(&mut self, out: &mut Vec<Output<I>>) {
        self.forget_what_is_over();
        let round = match self.take_early_pre_vote() {
            Some(early) => early,
            None => Box::new(self.next_pre_vote_round()),
        };
        self.role = Role::PreCandidate(round);
        self.count_pre_votes(out);
        self.request_pre_votes(out);
    }

    /// Rule 4.11: the round that follows a round without a quorum is less urgent. Its length is shortened by
    /// jitter: B, of rank 1, and C, of rank 16, would otherwise always ask at the same moment, since 15 staggers
    /// make two promises, and split the votes when the quorum is back.
    fn next_pre_vote_round(&mut self) -> PreVoteRound {
        let number = self.next_round();
        let round = self.new_pre_vote_round(number);
        let jitter = self.draw_jitter().min(self.timing.promise().part(8));
        match &self.role {
            Role::PreCandidate(last) => PreVoteRound {
                timer: last.timer.next_round(self.now),
                until: round.until.before(jitter),
                ..round
            },
            Role::Follower(_) | Role::Candidate(_) | Role::Leader(_) | Role::Recovering(_) => round,
        }
    }

    pub(super) fn new_pre_vote_round(&self, round: Round) -> PreVoteRound {
        let length = if self.is_electable() { self.timing.promise() } else { self.timing.promise_limit() };
        PreVoteRound {
            round,
            early_by: Nanos::ZERO,
            since: self.now,
            tally: Tally::new(&self.hard.membership, self.id, NEVER),
            skips_term: false,
            timer: self.new_request_timer(),
            until: self.now.after(length),
        }
    }

    /// Rule 4.11: requests are urgent for one promise.
    pub(super) fn new_request_timer(&self) -> RequestTimer {
        RequestTimer::new(self.now, self.timing.promise())
    }

    pub(super) fn tick_pre_vote(&mut self, out: &mut Vec<Output<I>>) {
        let Role::PreCandidate(round) = &self.role else { return };
        if self.now >= round.until {
            self.check_quorum(out);
            self.start_pre_vote(out);
        } else {
            self.count_pre_votes(out);
            self.request_pre_votes(out);
        }
    }

    fn request_pre_votes(&mut self, out: &mut Vec<Output<I>>) {
        let (now, is_electable) = (self.now, self.is_electable());
        let (retry, promise) = (self.timing.retry_interval(), self.timing.promise());
        let Role::PreCandidate(round) = &mut self.role else { return };
        let next = now.after(round.timer.pause(now, retry, promise));
        let repeat_before = round.timer.repeats_now(now).then_some(Timestamp::ORIGIN);
        if repeat_before.is_some() {
            // A node that only asks whether it was removed is in no hurry.
            round.timer.schedule_repeat(if is_electable { next } else { round.until });
        }
        let number = round.round;
        let claim = if self.is_voter() { Claim::Own } else { Claim::Inquiry };
        let request = self.vote_request(Phase::Pre, claim, number);
        if let Role::PreCandidate(round) = &self.role {
            self.send_requests(&round.tally, repeat_before, &request, out);
        }
        if let Role::PreCandidate(round) = &mut self.role {
            round.tally.defer_freed(now, next);
            round.timer.watch_bound(round.tally.next_free(now));
        }
    }

    /// Rule 4.2: a quorum of grants starts the vote.
    pub(super) fn count_pre_votes(&mut self, out: &mut Vec<Output<I>>) {
        let Role::PreCandidate(round) = &self.role else { return };
        let is_won = round.tally.outcome(&self.hard.membership, self.now, |_| false) == Outcome::Won;
        let skips_term = round.skips_term;
        if is_won && self.is_electable() {
            self.start_vote(Claim::Own, skips_term, out);
        }
    }

    /// Rule 4.3: campaigns in the next term, or in the one after it, with its own vote. Raft §5.2.
    pub(super) fn start_vote(&mut self, claim: Claim<I>, skips_term: bool, out: &mut Vec<Output<I>>) {
        let next = self.hard.term.next();
        let term = if skips_term { next.and_then(Term::next) } else { next };
        let Some(term) = term else { return self.abandon_candidacy() };
        let is_durable = self.has_reserved_vote() && !skips_term;
        self.raise_term(term);
        self.hard.vote_for(self.id);
        if !is_durable {
            self.persist(out);
        }
        let until = self.now.after(self.timing.promise_limit());
        // Without a pre-vote before the vote no voter counts as absent.
        let (mut tally, pre_vote_since) = match &mut self.role {
            Role::PreCandidate(round) => (core::mem::take(&mut round.tally), Some(round.since)),
            Role::Follower(_) | Role::Candidate(_) | Role::Leader(_) | Role::Recovering(_) => {
                (Tally::default(), None)
            }
        };
        tally.begin(&self.hard.membership, self.id, until);
        let ballot = Ballot::new(tally, self.new_request_timer(), self.timing.promise_limit());
        self.role = Role::Candidate(Box::new(Candidacy { claim, ballot, pre_vote_since, until }));
        self.request_votes(out);
        self.count_votes(out);
    }

    pub(super) fn tick_candidate(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Candidate(candidacy) = &self.role else { return };
        if self.now >= candidacy.until {
            self.abandon_candidacy();
        } else {
            self.request_votes(out);
            self.count_votes(out);
        }
    }

    /// Rule 4.3: asks every voter whose vote is still wanted, within the same term, with a new round and time. A
    /// lost packet costs no term.
    pub(super) fn request_votes(&mut self, out: &mut Vec<Output<I>>) {
        let round = self.next_round();
        let own = self.now.after(self.timing.promise_limit());
        // Rule 3.5: the winner has to write, so a vote that is nearly over is asked for again.
        let soon = self.now.after(self.sufficient_lease());
        let (retry, promise) = (self.timing.retry_interval(), self.timing.promise());
        let (now, index) = (self.now, self.own_index);
        let Some((claim, Ballot { tally, timer, .. })) = self.campaign_mut() else { return };
        // Rule 3.2: the candidate's own entry is the latest end that any of its rounds asked for.
        if let Some(index) = index {
            tally.put(index, VoteState::Granted(own));
        }
        let next = now.after(timer.pause(now, retry, promise));
        let repeat_before = timer.repeats_now(now).then_some(soon);
        if repeat_before.is_some() {
            timer.schedule_repeat(next);
        }
        let request = self.vote_request(Phase::Real, claim, round);
        if let Some(ballot) = self.ballot() {
            self.send_requests(&ballot.tally, repeat_before, &request, out);
        }
        if let Some((_, Ballot { tally, timer, .. })) = self.campaign_mut() {
            tally.defer_freed(now, next);
            timer.watch_bound(tally.next_free(now));
        }
    }

    /// Counts the votes of a candidate, or of a leader that renews. Rules 3.4, 4.3 and 5.1.
    pub(super) fn count_votes(&mut self, out: &mut Vec<Output<I>>) {
        let Some(ballot) = self.ballot() else { return };
        match ballot.tally.outcome(&self.hard.membership, self.now, |index| self.is_absent(index)) {
            Outcome::Pending => {}
            Outcome::Won if self.should_extend_lease() => self.extend_short_lease(out),
            Outcome::Won => {
                let Some((_, ballot)) = self.campaign_mut() else { return };
                let tally = core::mem::take(&mut ballot.tally);
                self.become_leader(&tally, out);
            }
            Outcome::Lost if matches!(self.role, Role::Leader(_)) => {
                self.request_renewal_votes(self.hard.term, out)
            }
            Outcome::Lost => self.abandon_candidacy(),
        }
    }

    /// Rule 3.5: whether a node that has a quorum waits for longer promises first, since both it and its followers
    /// write. It asks its quorum again, which costs no write; but it waits only once.
    ///
    /// A asks at 0, and B takes 320 ms to write its vote. The vote binds B until 450, so A would win with a
    /// lease of 130 ms, and lose it while A and B write the version of the new term. Asked again, B has nothing
    /// to write: it answers after one round trip, and binds itself for 450 ms once more.
    fn should_extend_lease(&self) -> bool {
        let Some(ballot) = self.ballot() else { return false };
        let until = |index| ballot.tally.granted_until(index);
        let lease = self.hard.membership.quorum_value(Timestamp::ORIGIN, until);
        let is_short = lease < self.now.after(self.sufficient_first_lease(ballot.shortest_grant));
        is_short && ballot.extension_until.is_none_or(|until| self.now < until)
    }

    /// Rule 3.5: asks the voters again when the wait begins. The wait is over long before the candidacy (4.3), and
    /// before the lease that a renewal has left.
    ///
    /// With a `promise_limit` of 150 and round trips of 60 A has a quorum at 60, and a lease until 150. Each further
    /// reply makes it as short again. A candidacy that waited for two retry intervals of 60 would end before them.
    fn extend_short_lease(&mut self, out: &mut Vec<Output<I>>) {
        let Some(Ballot { shortest_grant, extension_until: None, .. }) = self.ballot() else { return };
        let longest = self.binding_length(*shortest_grant).part(4);
        let wait = self.timing.retry_interval().saturating_mul(2).min(longest);
        let wait = match &self.role {
            Role::Leader(leading) => wait.min(leading.lease.since(self.now).part(2)),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) | Role::Recovering(_) => wait,
        };
        let until = self.now.after(wait);
        let timer = RequestTimer::new(self.now, wait);
        let Some((_, ballot)) = self.campaign_mut() else { return };
        (ballot.extension_until, ballot.timer) = (Some(until), timer);
        self.request_votes(out);
        if let Some((_, ballot)) = self.campaign_mut() {
            ballot.timer.repeat_by(until);
        }
    }

    /// Rule 4.4: whether a candidate no longer expects an answer of a voter, because it did not answer the
    /// pre-vote either, and a retry interval has passed since then.
    ///
    /// A began its pre-vote at 0 and has been denied in favour of a rival at 25. D answered the pre-vote at 5: it
    /// may be writing its vote, and is waited for. E was last heard before 0, and a retry interval has passed:
    /// it is absent. Without a pre-vote (`Order::Campaign`) A cannot tell the two apart, and waits for both.
    fn is_absent(&self, index: MemberIndex) -> bool {
        let Role::Candidate(candidacy) = &self.role else { return false };
        let Some(since) = candidacy.pre_vote_since else { return false };
        let is_late = self.now >= since.after(self.timing.retry_interval());
        is_late && self.last_heard(index).is_none_or(|heard| heard < since)
    }

    /// Claim and ballot of the vote that this node asks for, as a candidate or as a leader that renews.
    pub(super) fn campaign_mut(&mut self) -> Option<(Claim<I>, &mut Ballot)> {
        match &mut self.role {
            Role::Candidate(candidacy) => Some((candidacy.claim, &mut candidacy.ballot)),
            Role::Leader(leading) => match leading.tasks.renewal_mut() {
                Some(Renewal::Asking(ballot)) => Some((Claim::Renewal, ballot)),
                Some(Renewal::Preparing { .. }) | None => None,
            },
            Role::Follower(_) | Role::PreCandidate(_) | Role::Recovering(_) => None,
        }
    }

    /// The ballot of the vote that this node asks for.
    fn ballot(&self) -> Option<&Ballot> {
        match &self.role {
            Role::Candidate(candidacy) => Some(&candidacy.ballot),
            Role::Leader(leading) => match leading.tasks.renewal() {
                Some(Renewal::Asking(ballot)) => Some(ballot),
                Some(Renewal::Preparing { .. }) | None => None,
            },
            Role::Follower(_) | Role::PreCandidate(_) | Role::Recovering(_) => None,
        }
    }

    /// Rule 4.4: a candidacy has ended without a winner, and the node follows until its next election deadline.
    /// Jitter separates candidates whose deadlines coincide, and is longer with each candidacy that is lost.
    pub(super) fn abandon_candidacy(&mut self) {
        if matches!(self.role, Role::Candidate(_)) {
            self.count_lost_candidacy();
        }
        let jitter = self.draw_jitter();
        let deadline = self.draw_election_deadline().after(jitter);
        self.become_follower(deadline);
    }

    /// A request for a vote or pre-vote in the present term.
    pub(super) fn vote_request(&self, phase: Phase, claim: Claim<I>, round: Round) -> RequestTemplate<I> {
        let promise = match phase {
            Phase::Pre => Nanos::ZERO,
            Phase::Real => self.timing.promise_limit(),
        };
        RequestTemplate { header: self.header(self.hard.term, round), phase, claim, promise }
    }

    /// Sends `request` to every voter that was bound and is free by now; and, when requests are repeated, to those
    /// that have not answered or whose promise ends before `repeat_before`.
    pub(super) fn send_requests(
        &self,
        tally: &Tally,
        repeat_before: Option<Timestamp>,
        request: &RequestTemplate<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let RequestTemplate { header, phase, claim, promise } = *request;
        let (position, members) = (self.position, &self.hard.membership);
        let is_starting_point = members.version().term.0 == 0;
        // Starting points are enclosed (rule 7.4).
        let enclosed = || is_starting_point.then(|| Box::new(members.clone()));
        for (index, to) in members.indexed_voters() {
            if Some(index) != self.own_index && tally.should_ask(index, self.now, repeat_before) {
                // `extend` constructs the message in the buffer, where a push would copy it.
                out.extend(core::iter::once_with(|| {
                    let membership = enclosed();
                    let body = Body::VoteRequest(VoteRequest { phase, claim, promise, position, membership });
                    Output::Send { to, message: Message::new(header, body) }
                }));
            }
        }
    }
}

/// What the requests of one round to all voters have in common.
pub(super) struct RequestTemplate<I> {
    header: Header,
    phase: Phase,
    claim: Claim<I>,
    promise: Nanos,
}
