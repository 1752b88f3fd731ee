//! The candidate: from the deadline through the pre-vote and the vote to leadership.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use rand_core::Rng;

use super::Election;
use crate::io::{Output, Rejection};
use crate::message::{Body, Claim, Message, Phase, VoteRequest};
use crate::role::{Candidacy, Canvass, Renewal, Role};
use crate::tally::{Ballot, Outcome, Tally};
use crate::types::{NEVER, Nanos, NodeId, Round};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// The host wants this node to stand.
    pub(super) fn campaign(&mut self, out: &mut Vec<Output<I>>) -> Result<(), Rejection<I>> {
        if !self.electable() {
            return Err(Rejection::CannotLead);
        }
        if !matches!(self.role, Role::Follower(_)) {
            return Err(Rejection::AlreadyCampaigning);
        }
        let remaining = self.promise.end().saturating_sub(self.now);
        if remaining > 0 {
            return Err(Rejection::Bound { remaining: Duration::from_nanos(remaining) });
        }
        self.start_pre_vote(out);
        Ok(())
    }

    /// The deadline of a follower, and what else it has to do in time.
    pub(super) fn tick_follower(&mut self, out: &mut Vec<Output<I>>) {
        self.tick_trial(out);
        self.tick_farewell(out);
        self.tick_ahead(out);
        let Role::Follower(following) = &mut self.role else { return };
        if self.now < following.deadline {
            return;
        }
        let late = self.now.saturating_sub(following.deadline);
        if late > self.lengths.shortest_promise() && !self.rearmed {
            // Rule 4.1: the clock leapt. What the leader sent meanwhile may be waiting to be read.
            following.deadline = self.now.saturating_add(self.lengths.heartbeat_interval());
            following.ahead = None;
            self.rearmed = true;
        } else {
            self.start_pre_vote(out);
        }
    }

    /// Rule 4.2 (thesis §9.6): asks whether this node could win. A new round, unless this node has
    /// begun to ask ahead of its turn; the grants of the one before no longer count.
    pub(super) fn start_pre_vote(&mut self, out: &mut Vec<Output<I>>) {
        let canvass = match self.take_ahead() {
            Some(ahead) => ahead,
            None => {
                let round = self.next_round();
                self.canvass(round)
            }
        };
        self.role = Role::PreCandidate(canvass);
        self.count_pre_votes(out);
        self.ask_pre_votes(out);
    }

    pub(super) fn canvass(&self, round: Round) -> Canvass {
        let length = if self.electable() { self.lengths.promise() } else { self.lengths.promise_limit() };
        Canvass {
            round,
            lead: 0,
            since: self.now,
            tally: Tally::new(&self.hard.membership, self.id, NEVER),
            next_retry: self.now,
            until: self.now.saturating_add(length),
        }
    }

    pub(super) fn tick_canvass(&mut self, out: &mut Vec<Output<I>>) {
        let Role::PreCandidate(canvass) = &self.role else { return };
        if self.now >= canvass.until {
            self.start_pre_vote(out);
        } else {
            self.count_pre_votes(out);
            self.ask_pre_votes(out);
        }
    }

    fn ask_pre_votes(&mut self, out: &mut Vec<Output<I>>) {
        let (retry, electable) = (self.now.saturating_add(self.lengths.retry_interval()), self.electable());
        let Role::PreCandidate(canvass) = &mut self.role else { return };
        // Who may not stand is in no hurry.
        canvass.next_retry =
            if electable { retry.min(canvass.tally.next_free(self.now)) } else { canvass.until };
        let round = canvass.round;
        let votes = self.hard.membership.is_voter(self.id);
        let claim = if votes { Claim::Own } else { Claim::Inquiry };
        let request = self.vote_request(Phase::Pre, claim, round);
        if let Role::PreCandidate(canvass) = &self.role {
            self.ask(&canvass.tally, 0, &request, out);
        }
    }

    pub(super) fn count_pre_votes(&mut self, out: &mut Vec<Output<I>>) {
        let Role::PreCandidate(canvass) = &self.role else { return };
        let won = canvass.tally.outcome(&self.hard.membership, self.now, |_| false) == Outcome::Won;
        if won && self.electable() {
            self.start_vote(Claim::Own, out);
        }
    }

    /// Rule 4.3: stands in the next term, with its own vote. Raft §5.2.
    pub(super) fn start_vote(&mut self, claim: Claim<I>, out: &mut Vec<Output<I>>) {
        let Some(term) = self.hard.term.next() else { return self.fall_back() };
        let durable = self.has_reserved();
        self.raise_term(term);
        self.hard.voted_for = Some(self.id);
        if !durable {
            self.record(out);
        }
        let until = self.now.saturating_add(self.lengths.promise_limit());
        // Without a pre-vote before it, nobody counts as absent.
        let (mut tally, canvassed_since) = match &mut self.role {
            Role::PreCandidate(canvass) => (core::mem::take(&mut canvass.tally), Some(canvass.since)),
            Role::Follower(_) | Role::Candidate(_) | Role::Leader(_) => (Tally::default(), None),
        };
        tally.begin(&self.hard.membership, self.id, until);
        let next_retry = self.now;
        self.role = Role::Candidate(Box::new(Candidacy {
            claim,
            tally,
            next_retry,
            canvassed_since,
            settle_until: None,
            until,
        }));
        self.ask_votes(out);
        self.count_votes(out);
    }

    pub(super) fn tick_candidate(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Candidate(candidacy) = &self.role else { return };
        if self.now >= candidacy.until {
            self.fall_back();
        } else {
            self.ask_votes(out);
            self.count_votes(out);
        }
    }

    /// Asks, within the same term, all whose vote is still wanted: with a new round and a new `at`.
    /// A term is not burnt for a lost packet.
    pub(super) fn ask_votes(&mut self, out: &mut Vec<Output<I>>) {
        let round = self.next_round();
        let own = self.now.saturating_add(self.lengths.promise_limit());
        // Who wins has to write: with promises that last. Rule 3.5.
        let soon = self.now.saturating_add(self.three_quarters());
        let retry = self.now.saturating_add(self.lengths.retry_interval());
        let (now, place) = (self.now, self.hard.membership.index_of(self.id));
        let Some((claim, tally, next_retry)) = self.standing() else { return };
        // Rule 3.2: its own entry is the latest end that any of its rounds asked for.
        if let Some(place) = place {
            tally.put(place, Ballot::Granted(own));
        }
        *next_retry = retry.min(tally.next_free(now));
        let request = self.vote_request(Phase::Real, claim, round);
        if let Some(tally) = self.votes() {
            self.ask(tally, soon, &request, out);
        }
    }

    /// The votes of a candidate or of a renewing leader. Rules 3.4, 4.3, 5.1.
    pub(super) fn count_votes(&mut self, out: &mut Vec<Output<I>>) {
        let Some(tally) = self.votes() else { return };
        match tally.outcome(&self.hard.membership, self.now, |place| self.is_absent(place)) {
            Outcome::Pending => {}
            Outcome::Won if self.settles(out) => {}
            Outcome::Won => {
                let Some((_, tally, _)) = self.standing() else { return };
                let tally = core::mem::take(tally);
                self.become_leader(&tally, out);
            }
            Outcome::Lost if matches!(self.role, Role::Leader(_)) => self.ask_renewal(self.hard.term, out),
            Outcome::Lost => self.fall_back(),
        }
    }

    /// Rule 3.5: the winner writes, and its followers do. If the promises of its quorum are nearly
    /// over, it asks for them again first, which costs no write, and waits for the answers; but not
    /// for long, and once only.
    fn settles(&mut self, out: &mut Vec<Output<I>>) -> bool {
        let lasting = self.now.saturating_add(self.long_bond().saturating_mul(2) / 3);
        let wait = self.lengths.retry_interval().saturating_mul(2);
        let Role::Candidate(candidacy) = &mut self.role else { return false };
        let lease = self.hard.membership.quorum_value(0, |place| candidacy.tally.granted_until(place));
        if lease >= lasting {
            return false;
        }
        match candidacy.settle_until {
            Some(until) => self.now < until,
            None => {
                candidacy.settle_until = Some(self.now.saturating_add(wait));
                self.ask_votes(out);
                true
            }
        }
    }

    /// Rule 4.4: whether a candidate should no longer expect an answer: the voter did not answer the
    /// pre-vote either, and a retry interval has passed since that. One that did may be writing its vote.
    fn is_absent(&self, place: usize) -> bool {
        let Role::Candidate(candidacy) = &self.role else { return false };
        let Some(since) = candidacy.canvassed_since else { return false };
        let late = self.now >= since.saturating_add(self.lengths.retry_interval());
        late && self.contacts.last_heard(place).is_none_or(|heard| heard < since)
    }

    /// Whoever stands for election, with its claim.
    pub(super) fn standing(&mut self) -> Option<(Claim<I>, &mut Tally, &mut Nanos)> {
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
    pub(super) fn fall_back(&mut self) {
        let spread = self.spread();
        let deadline = self.turn().saturating_add(spread);
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
                Phase::Real => self.lengths.promise_limit(),
            },
            position: self.position,
            membership: bootstrapped.then(|| Box::new(members.clone())),
        });
        Message { header: self.header(self.hard.term, round), body }
    }

    /// Sends `request` to all voters whose answer is wanted.
    pub(super) fn ask(&self, tally: &Tally, soon: Nanos, request: &Message<I>, out: &mut Vec<Output<I>>) {
        for (place, &to) in self.hard.membership.voters().iter().enumerate() {
            if to != self.id && tally.wants_asking(place, self.now, soon) {
                out.push(Output::Send { to, message: request.clone() });
            }
        }
    }
}
