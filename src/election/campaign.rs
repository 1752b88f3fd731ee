//! The candidate: from the deadline through the pre-vote and the vote to leadership.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::message::{Body, Claim, Message, Phase, VoteRequest};
use crate::rejection::Rejection;
use crate::role::{Candidacy, PreVoteRound, Renewal, Role};
use crate::tally::{Outcome, Tally, VoteState};
use crate::types::{NEVER, Nanos, NodeId, Round};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// The host wants this node to stand.
    pub(super) fn campaign(&mut self, out: &mut Vec<Output<I>>) -> Result<(), Rejection<I>> {
        if let Some(reason) = self.ineligibility() {
            return Err(Rejection::CannotLead(reason));
        }
        match &self.role {
            Role::Follower(_) => {}
            Role::PreCandidate(_) | Role::Candidate(_) => return Err(Rejection::AlreadyCampaigning),
            Role::Leader(leading) => return Err(Rejection::AlreadyLeads { term: leading.term }),
        }
        let remaining = self.promise.end().saturating_sub(self.now);
        if remaining > 0 {
            let (holder, remaining) = (self.promise.holder(self.now), Duration::from_nanos(remaining));
            return Err(Rejection::Bound { holder, remaining });
        }
        self.start_pre_vote(out);
        Ok(())
    }

    /// The deadline of a follower, and what else it has to do in time.
    pub(super) fn tick_follower(&mut self, out: &mut Vec<Output<I>>) {
        self.tick_transfer_pre_vote(out);
        self.tick_timeout_now_retry(out);
        self.tick_early_pre_vote(out);
        let Role::Follower(following) = &mut self.role else { return };
        if self.now < following.deadline {
            return;
        }
        let late = self.now.saturating_sub(following.deadline);
        if late > self.timing.shortest_promise() && !self.deferred_after_clock_jump {
            // Rule 4.1: the clock leapt. What the leader sent meanwhile may be waiting to be read.
            following.deadline = self.now.saturating_add(self.timing.heartbeat_interval());
            following.early_pre_vote = None;
            self.deferred_after_clock_jump = true;
        } else {
            self.start_pre_vote(out);
        }
    }

    /// Rule 4.2 (thesis §9.6): asks whether this node could win. A new round, unless this node has
    /// begun to ask ahead of its turn; the grants of the one before no longer count.
    pub(super) fn start_pre_vote(&mut self, out: &mut Vec<Output<I>>) {
        let pre_vote_round = match self.take_early_pre_vote() {
            Some(early_pre_vote) => early_pre_vote,
            None => {
                let round = self.next_round();
                self.new_pre_vote_round(round)
            }
        };
        self.role = Role::PreCandidate(pre_vote_round);
        self.count_pre_votes(out);
        self.request_pre_votes(out);
    }

    pub(super) fn new_pre_vote_round(&self, round: Round) -> PreVoteRound {
        let length = if self.is_electable() { self.timing.promise() } else { self.timing.promise_limit() };
        PreVoteRound {
            round,
            early_by: 0,
            since: self.now,
            tally: Tally::new(&self.hard.membership, self.id, NEVER),
            next_retry: self.now,
            until: self.now.saturating_add(length),
        }
    }

    pub(super) fn tick_pre_vote(&mut self, out: &mut Vec<Output<I>>) {
        let Role::PreCandidate(pre_vote_round) = &self.role else { return };
        if self.now >= pre_vote_round.until {
            self.start_pre_vote(out);
        } else {
            self.count_pre_votes(out);
            self.request_pre_votes(out);
        }
    }

    fn request_pre_votes(&mut self, out: &mut Vec<Output<I>>) {
        let (retry, is_electable) =
            (self.now.saturating_add(self.timing.retry_interval()), self.is_electable());
        let Role::PreCandidate(pre_vote_round) = &mut self.role else { return };
        // Who may not stand is in no hurry.
        pre_vote_round.next_retry = if is_electable {
            retry.min(pre_vote_round.tally.next_free(self.now))
        } else {
            pre_vote_round.until
        };
        let round = pre_vote_round.round;
        let votes = self.hard.membership.is_voter(self.id);
        let claim = if votes { Claim::Own } else { Claim::Inquiry };
        let request = self.vote_request(Phase::Pre, claim, round);
        if let Role::PreCandidate(pre_vote_round) = &self.role {
            self.send_requests(&pre_vote_round.tally, 0, &request, out);
        }
    }

    pub(super) fn count_pre_votes(&mut self, out: &mut Vec<Output<I>>) {
        let Role::PreCandidate(pre_vote_round) = &self.role else { return };
        let won = pre_vote_round.tally.outcome(&self.hard.membership, self.now, |_| false) == Outcome::Won;
        if won && self.is_electable() {
            self.start_vote(Claim::Own, out);
        }
    }

    /// Rule 4.3: stands in the next term, with its own vote. Raft §5.2.
    pub(super) fn start_vote(&mut self, claim: Claim<I>, out: &mut Vec<Output<I>>) {
        let Some(term) = self.hard.term.next() else { return self.abandon_candidacy() };
        let durable = self.has_reserved_vote();
        self.raise_term(term);
        self.hard.voted_for = Some(self.id);
        if !durable {
            self.persist(out);
        }
        let until = self.now.saturating_add(self.timing.promise_limit());
        // Without a pre-vote before it, nobody counts as absent.
        let (mut tally, pre_vote_since) = match &mut self.role {
            Role::PreCandidate(pre_vote_round) => {
                (core::mem::take(&mut pre_vote_round.tally), Some(pre_vote_round.since))
            }
            Role::Follower(_) | Role::Candidate(_) | Role::Leader(_) => (Tally::default(), None),
        };
        tally.begin(&self.hard.membership, self.id, until);
        let next_retry = self.now;
        self.role = Role::Candidate(Box::new(Candidacy {
            claim,
            tally,
            next_retry,
            pre_vote_since,
            extension_until: None,
            until,
        }));
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

    /// Asks, within the same term, all whose vote is still wanted: with a new round and a new `at`.
    /// A term is not burnt for a lost packet.
    pub(super) fn request_votes(&mut self, out: &mut Vec<Output<I>>) {
        let round = self.next_round();
        let own = self.now.saturating_add(self.timing.promise_limit());
        // Who wins has to write: with promises that last. Rule 3.5.
        let soon = self.now.saturating_add(self.sufficient_lease());
        let retry = self.now.saturating_add(self.timing.retry_interval());
        let (now, place) = (self.now, self.hard.membership.index_of(self.id));
        let Some((claim, tally, next_retry)) = self.running_candidacy() else { return };
        // Rule 3.2: its own entry is the latest end that any of its rounds asked for.
        if let Some(place) = place {
            tally.put(place, VoteState::Granted(own));
        }
        *next_retry = retry.min(tally.next_free(now));
        let request = self.vote_request(Phase::Real, claim, round);
        if let Some(tally) = self.votes() {
            self.send_requests(tally, soon, &request, out);
        }
    }

    /// The votes of a candidate or of a renewing leader. Rules 3.4, 4.3, 5.1.
    pub(super) fn count_votes(&mut self, out: &mut Vec<Output<I>>) {
        let Some(tally) = self.votes() else { return };
        match tally.outcome(&self.hard.membership, self.now, |place| self.is_absent(place)) {
            Outcome::Pending => {}
            Outcome::Won if self.extend_short_lease(out) => {}
            Outcome::Won => {
                let Some((_, tally, _)) = self.running_candidacy() else { return };
                let tally = core::mem::take(tally);
                self.become_leader(&tally, out);
            }
            Outcome::Lost if matches!(self.role, Role::Leader(_)) => {
                self.request_renewal_votes(self.hard.term, out)
            }
            Outcome::Lost => self.abandon_candidacy(),
        }
    }

    /// Rule 3.5: the winner writes, and its followers do. If the promises of its quorum are nearly
    /// over, it asks for them again first, which costs no write, and waits for the answers; but not
    /// for long, and once only.
    fn extend_short_lease(&mut self, out: &mut Vec<Output<I>>) -> bool {
        let lasting = self.now.saturating_add(self.long_promise_bound().saturating_mul(2) / 3);
        let wait = self.timing.retry_interval().saturating_mul(2);
        let Role::Candidate(candidacy) = &mut self.role else { return false };
        let lease = self.hard.membership.quorum_value(0, |place| candidacy.tally.granted_until(place));
        if lease >= lasting {
            return false;
        }
        match candidacy.extension_until {
            Some(until) => self.now < until,
            None => {
                candidacy.extension_until = Some(self.now.saturating_add(wait));
                self.request_votes(out);
                true
            }
        }
    }

    /// Rule 4.4: whether a candidate should no longer expect an answer: the voter did not answer the
    /// pre-vote either, and a retry interval has passed since that. One that did may be writing its vote.
    fn is_absent(&self, place: usize) -> bool {
        let Role::Candidate(candidacy) = &self.role else { return false };
        let Some(since) = candidacy.pre_vote_since else { return false };
        let late = self.now >= since.saturating_add(self.timing.retry_interval());
        late && self.peer_log.last_heard(place).is_none_or(|heard| heard < since)
    }

    /// Whoever stands for election, with its claim.
    pub(super) fn running_candidacy(&mut self) -> Option<(Claim<I>, &mut Tally, &mut Nanos)> {
        match &mut self.role {
            Role::Candidate(candidacy) => {
                Some((candidacy.claim, &mut candidacy.tally, &mut candidacy.next_retry))
            }
            Role::Leader(leading) => match leading.renewal.as_deref_mut() {
                Some(Renewal::Asking { tally, next_retry }) => Some((Claim::Renewal, tally, next_retry)),
                Some(Renewal::Preparing { .. }) | None => None,
            },
            Role::Follower(_) | Role::PreCandidate(_) => None,
        }
    }

    fn votes(&self) -> Option<&Tally> {
        match &self.role {
            Role::Candidate(candidacy) => Some(&candidacy.tally),
            Role::Leader(leading) => match leading.renewal.as_deref() {
                Some(Renewal::Asking { tally, .. }) => Some(tally),
                Some(Renewal::Preparing { .. }) | None => None,
            },
            Role::Follower(_) | Role::PreCandidate(_) => None,
        }
    }

    /// A candidacy is over without a winner: another after this node's turn. Rule 4.4. Those whose
    /// turns coincide are told apart by chance.
    pub(super) fn abandon_candidacy(&mut self) {
        let jitter = self.draw_jitter();
        let deadline = self.draw_election_deadline().saturating_add(jitter);
        self.become_follower(deadline);
    }

    pub(super) fn vote_request(&self, phase: Phase, claim: Claim<I>, round: Round) -> Message<I> {
        let members = &self.hard.membership;
        let bootstrapped = members.version().term.0 == 0;
        let body = Body::VoteRequest(VoteRequest {
            phase,
            claim,
            promise: match phase {
                Phase::Pre => 0,
                Phase::Real => self.timing.promise_limit(),
            },
            position: self.position,
            membership: bootstrapped.then(|| Box::new(members.clone())),
        });
        Message { header: self.header(self.hard.term, round), body }
    }

    /// Sends `request` to all voters whose answer is wanted.
    pub(super) fn send_requests(
        &self,
        tally: &Tally,
        soon: Nanos,
        request: &Message<I>,
        out: &mut Vec<Output<I>>,
    ) {
        for (place, &to) in self.hard.membership.voters().iter().enumerate() {
            if to != self.id && tally.should_ask(place, self.now, soon) {
                out.push(Output::Send { to, message: request.clone() });
            }
        }
    }
}
