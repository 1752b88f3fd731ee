//! Handing over: leadership is not given up before it is known to be wanted (thesis §3.10, and a
//! trial before it).

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::event::{Event, StepDown};
use crate::io::{Output, Urgency};
use crate::message::{Answer, Claim, Header, Order, Phase, VoteReply};
use crate::rejection::{Rejection, Unfit};
use crate::role::{Attempt, Handover, Leaving, Role, TimeoutNowRetry, TransferPreVote};
use crate::succession::{Progress, Takeover, fitness};
use crate::tally::{Outcome, VoteState};
use crate::types::{NEVER, Nanos, NodeId, Priority, Term};

/// How often the order to campaign is repeated.
const TIMEOUT_NOW_ATTEMPTS: u8 = 5;

impl<I: NodeId, R: Rng> Election<I, R> {
    /// The operator wants another leader. Rule 6.1.
    pub(super) fn resign(
        &mut self,
        named: Option<I>,
        urgency: Urgency,
        out: &mut Vec<Output<I>>,
    ) -> Result<(), Rejection<I>> {
        if !matches!(self.role, Role::Leader(_)) {
            return Err(Rejection::NotLeader { leader: self.leader() });
        }
        match (named, urgency) {
            (Some(successor), _) => {
                self.check_named_successor(successor, urgency)
                    .map_err(|reason| Rejection::UnfitSuccessor { successor, reason })?;
            }
            // Before the commit it is too early to tell.
            (None, Urgency::WhenReady) if self.hard.committed && self.best_successor(|_| true).is_none() => {
                return Err(Rejection::NoSuccessor { unfit: self.unfit_voters() });
            }
            (None, Urgency::WhenReady | Urgency::Now) => {}
        }
        match urgency {
            Urgency::Now => {
                let successor = named.or_else(|| self.best_successor(|_| true));
                self.relinquish(successor, out);
            }
            Urgency::WhenReady => {
                let Role::Leader(leading) = &mut self.role else { return Ok(()) };
                leading.handover =
                    Some(Box::new(Handover { named, own_wish: false, attempt: None, until: NEVER }));
                self.advance_handover(out);
            }
        }
        Ok(())
    }

    /// A leader elected a moment ago has heard too little to judge any but the plainest faults.
    fn check_named_successor(&self, successor: I, urgency: Urgency) -> Result<(), Unfit> {
        match self.fitness(successor) {
            Err(Unfit::Silent | Unfit::Behind) if !self.hard.committed || urgency == Urgency::Now => Ok(()),
            fitness => fitness,
        }
    }

    fn fitness(&self, successor: I) -> Result<(), Unfit> {
        match &self.role {
            Role::Leader(leading) => {
                fitness(&leading.progress, &self.hard.membership, self.id, successor, self.now)
            }
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => Err(Unfit::NotAVoter),
        }
    }

    /// All other voters that are not fit to take over, and what each lacks.
    fn unfit_voters(&self) -> Vec<(I, Unfit)> {
        let others = self.hard.membership.voters().iter().copied().filter(|&id| id != self.id);
        others.filter_map(|id| Some((id, self.fitness(id).err()?))).collect()
    }

    /// The next in the succession that is fit and `wanted`; who failed last comes after all others.
    pub(super) fn best_successor(&self, wanted: impl Fn(&Progress) -> bool) -> Option<I> {
        let Role::Leader(leading) = &self.role else { return None };
        let failed = self.takeover.as_ref().and_then(|takeover| takeover.failed);
        let fit = self
            .hard
            .membership
            .voters()
            .iter()
            .zip(&leading.progress)
            .filter(|(id, follower)| wanted(follower) && self.fitness(**id).is_ok());
        let order = |(id, follower): &(&I, &Progress)| {
            (Some(**id) == failed, core::cmp::Reverse(follower.priority), follower.rank)
        };
        fit.min_by_key(order).map(|(id, _)| *id)
    }

    /// Rule 6.1: begins the attempt that is wanted, once the membership is committed and no renewal
    /// runs.
    pub(super) fn advance_handover(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(handover) = leading.handover.as_deref_mut() else { return };
        if !self.hard.committed || leading.renewal.is_some() || handover.attempt.is_some() {
            return;
        }
        handover.until = handover.until.min(self.now.saturating_add(self.timing.promise()));
        let until = handover.until;
        let (named, own_wish) = (handover.named, handover.own_wish);
        // Who leaves hands over to anybody. Rule 8.3.
        let mine =
            if own_wish && self.leaving == Leaving::No { self.priority } else { Priority::NEVER_LEADS };
        let successor = match named {
            Some(named) => Some(named).filter(|&named| self.fitness(named).is_ok()),
            None => self.best_successor(|follower| follower.priority > mine),
        };
        let Some(successor) = successor else {
            // It may not have had the time to answer.
            if self.now >= until {
                self.abandon_handover(named, out);
            }
            return;
        };
        let until = self.now.saturating_add(self.timing.promise());
        if let Role::Leader(leading) = &mut self.role {
            leading.unranked = true;
            if let Some(handover) = &mut leading.handover {
                handover.attempt = Some(Attempt { successor, next_retry: self.now, until });
            }
        }
        self.rank_followers();
        self.send_prepare_order(out);
    }

    /// A heartbeat to the successor that names it.
    fn send_prepare_order(&mut self, out: &mut Vec<Output<I>>) {
        let retry = self.now.saturating_add(self.timing.retry_interval());
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(attempt) = leading.handover.as_mut().and_then(|handover| handover.attempt.as_mut()) else {
            return;
        };
        attempt.next_retry = retry;
        let successor = attempt.successor;
        if let Some(place) = self.hard.membership.index_of(successor) {
            self.send_heartbeat(place, out);
        }
    }

    pub(super) fn tick_handover(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &self.role else { return };
        let Some(attempt) = leading.attempt() else { return self.advance_handover(out) };
        if self.now >= attempt.until {
            let successor = attempt.successor;
            self.abandon_handover(Some(successor), out);
        } else if self.now >= attempt.next_retry {
            self.send_prepare_order(out);
        }
    }

    /// Rule 6.4: the leader leads on.
    fn abandon_handover(&mut self, successor: Option<I>, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &mut self.role else { return };
        leading.unranked = true;
        if leading.handover.take().is_some_and(|handover| handover.own_wish) {
            self.delay_takeover(successor);
        }
        out.push(Output::Event(Event::HandoverFailed { successor }));
    }

    /// Good standing is counted anew in each leadership.
    pub(super) fn forget_takeover(&mut self) {
        if let Some(takeover) = &mut self.takeover {
            takeover.wanted_since = None;
        }
    }

    fn delay_takeover(&mut self, failed: Option<I>) {
        let (now, unit) = (self.now, self.timing.promise().saturating_mul(2));
        let takeover = self.takeover.get_or_insert_with(Takeover::new);
        takeover.backoff.double(now, unit);
        takeover.not_before = now.saturating_add(takeover.backoff.delay(now, unit));
        takeover.failed = failed;
    }

    /// Rule 6.3: the successor can win. It counts only from the one named now; a leader that renews
    /// names nobody.
    pub(super) fn on_ready(&mut self, from: I, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &self.role else { return };
        if leading.names(from) {
            self.relinquish(Some(from), out);
        }
    }

    /// Rule 6.3: says that leadership is over, then gives the followers their promises back and
    /// orders the successor to campaign.
    fn relinquish(&mut self, successor: Option<I>, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &mut self.role else { return };
        let term = leading.term;
        let renews = leading.is_requesting_votes();
        let own_wish = leading.handover.as_ref().is_some_and(|handover| handover.own_wish);
        if let Some(successor) = successor {
            // The others follow by rank, after the successor.
            let attempt = Some(Attempt { successor, next_retry: self.now, until: self.now });
            leading.handover =
                Some(Box::new(Handover { named: Some(successor), own_wish: false, attempt, until: NEVER }));
            leading.unranked = true;
        }
        self.rank_followers();
        if own_wish {
            self.delay_takeover(successor);
        }
        self.step_down(StepDown::Resigned { successor }, successor, out);
        let next_retry = self.now.saturating_add(self.timing.retry_interval());
        if let (Role::Follower(following), Some(successor), false) = (&mut self.role, successor, renews) {
            let attempts_left = TIMEOUT_NOW_ATTEMPTS.saturating_sub(1);
            following.timeout_now_retry =
                Some(Box::new(TimeoutNowRetry { successor, term, attempts_left, next_retry }));
        }
    }

    /// Repeats the order to campaign.
    pub(super) fn tick_timeout_now_retry(&mut self, out: &mut Vec<Output<I>>) {
        let retry = self.now.saturating_add(self.timing.retry_interval());
        let Role::Follower(following) = &mut self.role else { return };
        let Some(timeout_now_retry) = following
            .timeout_now_retry
            .as_mut()
            .filter(|timeout_now_retry| self.now >= timeout_now_retry.next_retry)
        else {
            return;
        };
        let (to, term) = (timeout_now_retry.successor, timeout_now_retry.term);
        timeout_now_retry.next_retry = retry;
        timeout_now_retry.attempts_left = timeout_now_retry.attempts_left.saturating_sub(1);
        if timeout_now_retry.attempts_left == 0 {
            following.timeout_now_retry = None;
        }
        if self.hard.term == term {
            let round = self.next_round();
            let message = self.last_heartbeat(term, round, Some(0), Order::Campaign);
            out.push(Output::Send { to, message });
        }
    }

    /// A higher term is seen: the order has been followed.
    pub(super) fn end_timeout_now_retry(&mut self, seen: Term) {
        if let Role::Follower(following) = &mut self.role
            && following
                .timeout_now_retry
                .as_ref()
                .is_some_and(|timeout_now_retry| seen > timeout_now_retry.term)
        {
            following.timeout_now_retry = None;
        }
    }

    /// Rule 6.5: hands over to a member of higher priority that has been in good standing for long
    /// enough; at once if this node is not to lead at all.
    pub(super) fn consider_takeover(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &self.role else { return };
        if leading.handover.is_some() || leading.renewal.is_some() || !self.hard.committed {
            return;
        }
        let mine = self.priority;
        // A leader that is on its way to other members goes on while it makes headway. Rule 6.5.
        let steps = leading
            .reconfiguration
            .as_ref()
            .is_some_and(|reconfiguration| reconfiguration.preparing.is_some());
        let better = |follower: &Progress| follower.priority > mine;
        let wanted = !steps && leading.progress.iter().any(better) && self.best_successor(better).is_some();
        if !wanted {
            return self.forget_takeover();
        }
        let delay = if mine == Priority::NEVER_LEADS { 0 } else { self.timing.takeover_delay() };
        let takeover = self.takeover.get_or_insert_with(Takeover::new);
        let since = *takeover.wanted_since.get_or_insert(self.now);
        if self.now < takeover.not_before || self.now < since.saturating_add(delay) {
            return;
        }
        if let Role::Leader(leading) = &mut self.role {
            leading.handover =
                Some(Box::new(Handover { named: None, own_wish: true, attempt: None, until: NEVER }));
        }
        self.advance_handover(out);
    }

    /// What an accepted heartbeat means for a trial. Rule 6.2: one that still names this node goes
    /// on, any other ends.
    pub(super) fn update_transfer_pre_vote(
        &mut self,
        leader: I,
        header: &Header,
        order: Order,
        granted: Nanos,
        out: &mut Vec<Output<I>>,
    ) {
        let may_try = self.is_electable() && self.promise.quarantine_until() <= self.now;
        let Role::Follower(following) = &mut self.role else { return };
        let runs = |transfer_pre_vote: &TransferPreVote<I>| {
            (transfer_pre_vote.leader, transfer_pre_vote.term) == (leader, header.term)
        };
        match &mut following.transfer_pre_vote {
            Some(transfer_pre_vote) if order == Order::Prepare && runs(transfer_pre_vote) => {
                (transfer_pre_vote.heartbeat, transfer_pre_vote.granted_promise) = (*header, granted);
            }
            transfer_pre_vote if order == Order::Prepare && may_try => {
                *transfer_pre_vote = None;
                self.start_transfer_pre_vote(leader, header, granted, out);
            }
            transfer_pre_vote => *transfer_pre_vote = None,
        }
    }

    /// Rule 6.2: stays a follower, and asks whether it could win.
    fn start_transfer_pre_vote(
        &mut self,
        leader: I,
        header: &Header,
        granted: Nanos,
        out: &mut Vec<Output<I>>,
    ) {
        let round = self.next_round();
        let pre_vote_round = self.new_pre_vote_round(round);
        if let Role::Follower(following) = &mut self.role {
            following.transfer_pre_vote = Some(Box::new(TransferPreVote {
                leader,
                term: header.term,
                pre_vote_round,
                ready: false,
                heartbeat: *header,
                granted_promise: granted,
            }));
        }
        self.request_transfer_pre_votes(out);
    }

    fn request_transfer_pre_votes(&mut self, out: &mut Vec<Output<I>>) {
        let retry = self.now.saturating_add(self.timing.retry_interval());
        let Role::Follower(following) = &mut self.role else { return };
        let Some(transfer_pre_vote) = &mut following.transfer_pre_vote else { return };
        transfer_pre_vote.pre_vote_round.next_retry = retry;
        let claim = Claim::Handover { leader: transfer_pre_vote.leader, term: transfer_pre_vote.term };
        let round = transfer_pre_vote.pre_vote_round.round;
        let request = self.vote_request(Phase::Pre, claim, round);
        if let Role::Follower(following) = &self.role
            && let Some(transfer_pre_vote) = &following.transfer_pre_vote
        {
            self.send_requests(&transfer_pre_vote.pre_vote_round.tally, 0, &request, out);
        }
    }

    pub(super) fn tick_transfer_pre_vote(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Follower(following) = &mut self.role else { return };
        let Some(transfer_pre_vote) = &following.transfer_pre_vote else { return };
        if self.now >= transfer_pre_vote.pre_vote_round.until {
            following.transfer_pre_vote = None;
        } else if self.now >= transfer_pre_vote.due() {
            self.request_transfer_pre_votes(out);
        }
    }

    /// Of a denial nothing is used. Once a quorum has granted, the leader is told at once.
    pub(super) fn on_transfer_pre_vote_reply(
        &mut self,
        place: usize,
        header: &Header,
        reply: &VoteReply<I>,
        out: &mut Vec<Output<I>>,
    ) {
        let Role::Follower(following) = &mut self.role else { return };
        let Some(transfer_pre_vote) = following.transfer_pre_vote.as_mut() else { return };
        let granted = matches!(reply.answer, Answer::Granted(_));
        if transfer_pre_vote.ready || transfer_pre_vote.pre_vote_round.round != header.round || !granted {
            return;
        }
        transfer_pre_vote.pre_vote_round.tally.put(place, VoteState::Granted(Nanos::MAX));
        if transfer_pre_vote.pre_vote_round.tally.outcome(&self.hard.membership, self.now, |_| false)
            != Outcome::Won
        {
            return;
        }
        transfer_pre_vote.ready = true;
        let (leader, heartbeat, granted) =
            (transfer_pre_vote.leader, transfer_pre_vote.heartbeat, transfer_pre_vote.granted_promise);
        self.reserve_vote(out);
        self.answer_heartbeat(leader, &heartbeat, Answer::Granted(granted), out);
    }

    /// Rule 6.3: the leader has given up and wants this node to lead: at once, by a vote whose
    /// requests release the others. Rule 2.3 stands.
    pub(super) fn on_campaign_order(
        &mut self,
        leader: I,
        term: Term,
        order: Order,
        out: &mut Vec<Output<I>>,
    ) {
        if order == Order::Campaign && self.is_electable() && self.promise.end() <= self.now {
            self.start_vote(Claim::Handover { leader, term }, out);
        }
    }
}
