//! The leader hands over: it does not give leadership up before a successor has shown that it can win (thesis
//! §3.10, with a pre-vote before it). The successor's side is in transfer_pre_vote.rs, the former leader's in
//! timeout_now.rs.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Reverse;

use rand_core::Rng;

use super::Election;
use crate::event::{Event, StepDown};
use crate::io::{Output, Urgency};
use crate::progress::Progress;
use crate::rejection::{Rejection, Unfit};
use crate::role::{Attempt, Handover, HandoverCause, Leaving, Role};
use crate::succession::{Takeover, fitness};
use crate::types::{Nanos, NodeId, Priority, Round};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 6.1: the host wants another leader.
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
            // A member that may not have had the time to answer is waited for, so the attempt will tell.
            (None, Urgency::WhenReady) if !self.may_have_successor() => {
                return Err(Rejection::NoSuccessor { unfit: self.unfit_voters() });
            }
            (None, Urgency::WhenReady | Urgency::Now) => {}
        }
        match urgency {
            Urgency::Now => {
                let successor = named.or_else(|| self.best_successor(|_, _| true));
                self.relinquish(successor, out);
            }
            Urgency::WhenReady => {
                let Role::Leader(leading) = &mut self.role else { return Ok(()) };
                leading.handover = Some(Handover::new(HandoverCause::Operator(named)));
                self.advance_handover(out);
            }
        }
        Ok(())
    }

    /// A leader elected a moment ago has heard too little to call a member silent or behind.
    fn check_named_successor(&self, successor: I, urgency: Urgency) -> Result<(), Unfit> {
        let is_too_early = !self.hard.committed || self.is_awaited(successor);
        match self.fitness(successor) {
            Err(Unfit::Silent | Unfit::Behind) if is_too_early || urgency == Urgency::Now => Ok(()),
            fitness => fitness,
        }
    }

    /// Whether some other voter is fit to take over, or may turn out to be when it answers.
    fn may_have_successor(&self) -> bool {
        let mut others = self.hard.membership.voters().iter().filter(|&&id| id != self.id);
        !self.hard.committed
            || self.best_successor(|_, _| true).is_some()
            || others.any(|&id| self.is_awaited(id))
    }

    /// Whether a member has not answered this leader yet, which was elected less than one promise ago.
    pub(super) fn is_awaited(&self, id: I) -> bool {
        let Role::Leader(leading) = &self.role else { return false };
        let is_early = self.now < leading.since.after(self.timing.promise());
        is_early && self.progress_of(id).is_some_and(|progress| !progress.answered)
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

    /// The first in the succession that is fit and `wanted`. Unsteady members come after the others, and those whose
    /// attempts failed come after all, the latest last. Rules 6.4 and 6.6.
    pub(super) fn best_successor(&self, wanted: impl Fn(I, &Progress) -> bool) -> Option<I> {
        let Role::Leader(leading) = &self.role else { return None };
        let unit = self.takeover_backoff_unit();
        let tried = |id| self.takeover.as_ref()?.attempt_order(id, self.now, unit);
        let fit = self
            .hard
            .membership
            .voters()
            .iter()
            .zip(&leading.progress)
            .filter(|&(&id, follower)| wanted(id, follower) && self.fitness(id).is_ok());
        let order = |&(&id, follower): &(&I, &Progress)| {
            (tried(id), self.is_unsteady(id), Reverse(follower.priority), follower.rank)
        };
        fit.min_by_key(order).map(|(id, _)| *id)
    }

    /// Rule 6.1: begins the attempt, once the membership is committed and no renewal runs.
    ///
    /// A was elected a moment ago and is told to resign in favour of B, which has not answered yet: A looks
    /// again at each reply, for one promise from the commit on, before the handover fails. Without a name A
    /// takes the best fit member; in a takeover (6.5) only one of higher priority than its own, unless A is to
    /// leave (8.3).
    pub(super) fn advance_handover(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(handover) = leading.handover.as_deref_mut() else { return };
        if !self.hard.committed || leading.renewal.is_some() || handover.attempt.is_some() {
            return;
        }
        handover.until = handover.until.min(self.now.after(self.timing.promise()));
        let (cause, until) = (handover.cause, handover.until);
        let named = if let HandoverCause::Operator(named) = cause { named } else { None };
        match self.successor_for(cause) {
            Some(successor) => self.start_handover_attempt(successor, out),
            None if self.now >= until => self.abandon_handover(named, out),
            // A member that is not fit yet may not have had the time to answer.
            None => {}
        }
    }

    /// The member that a handover for this cause is attempted with. A leader that is to leave hands over to any
    /// member, also in a takeover; a leader that was called back, only to one of higher priority.
    fn successor_for(&self, cause: HandoverCause<I>) -> Option<I> {
        match cause {
            HandoverCause::Operator(Some(named)) => Some(named).filter(|&named| self.fitness(named).is_ok()),
            HandoverCause::HigherPriority | HandoverCause::Leaving if self.leaving == Leaving::No => {
                self.best_successor(|id, follower| self.is_takeover_wanted(id, follower))
            }
            HandoverCause::Operator(None) | HandoverCause::HigherPriority | HandoverCause::Leaving => {
                self.best_successor(|_, follower| follower.may_lead())
            }
        }
    }

    /// Rule 6.1: the attempt lasts for the long promise that the successor is asked for, since a successor whose disk
    /// takes 200 ms for its vote is ready no sooner. The leader leads on meanwhile.
    fn start_handover_attempt(&mut self, successor: I, out: &mut Vec<Output<I>>) {
        let (since, until) = (self.round.next(), self.now.after(self.timing.promise_limit()));
        let Role::Leader(leading) = &mut self.role else { return };
        leading.unranked = true;
        if let Some(handover) = &mut leading.handover {
            handover.attempt = Some(Attempt { successor, since, next_retry: self.now, until });
        }
        self.rank_followers();
        self.send_prepare_order(out);
    }

    /// Sends the successor a heartbeat that names it. After one promise length without `ready` the successor is most
    /// likely writing, and the rounds of heartbeats repeat the order often enough.
    fn send_prepare_order(&mut self, out: &mut Vec<Output<I>>) {
        let next_retry = self.now.after(self.timing.retry_interval());
        let patience = self.timing.promise_limit().saturating_sub(self.timing.promise());
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(attempt) = leading.handover.as_mut().and_then(|handover| handover.attempt.as_mut()) else {
            return;
        };
        let is_urgent = next_retry < attempt.until.before(patience);
        attempt.next_retry = if is_urgent { next_retry } else { attempt.until };
        let successor = attempt.successor;
        if let Some(index) = self.hard.membership.index_of(successor) {
            self.send_heartbeat(index, out);
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

    /// Rule 6.4: no successor was ready in time, so the leader goes on leading.
    fn abandon_handover(&mut self, successor: Option<I>, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &mut self.role else { return };
        leading.unranked = true;
        match leading.handover.take() {
            Some(handover) if handover.is_own_initiative() => self.delay_takeover(successor),
            Some(handover) if handover.attempt.is_some() => self.record_failed_attempt(successor),
            Some(_) | None => {}
        }
        let reason = successor.and_then(|successor| self.fitness(successor).err());
        out.push(Output::Event(Event::HandoverFailed { successor, reason }));
    }

    /// Rule 6.1: a handover that is not wanted any more ends, and what its successor says counts no longer.
    pub(super) fn withdraw_handover(&mut self, is_unwanted: impl Fn(&Handover<I>) -> bool) {
        let Role::Leader(leading) = &mut self.role else { return };
        if leading.handover.as_deref().is_some_and(is_unwanted) {
            leading.handover = None;
            leading.unranked = true;
        }
    }

    /// Rule 6.5: the priority of this leader has risen, or has ceased to be 0, so a takeover that is under way may be
    /// without a reason.
    pub(super) fn withdraw_needless_takeover(&mut self) {
        let priority_of = |id| self.progress_of(id).map(|follower| follower.priority);
        let Role::Leader(leading) = &self.role else { return };
        let Some(attempt) = leading.attempt() else { return };
        if priority_of(attempt.successor) <= Some(self.priority) {
            self.withdraw_handover(|handover| handover.cause == HandoverCause::HigherPriority);
        }
    }

    /// The good standing of a member of higher priority is measured anew in each leadership.
    pub(super) fn forget_takeover(&mut self) {
        let (now, unit) = (self.now, self.takeover_backoff_unit());
        let Some(takeover) = &mut self.takeover else { return };
        takeover.wanted_since = None;
        takeover.damping.forget_observations();
        if takeover.is_over(now, unit) {
            self.takeover = None;
        }
    }

    /// The shortest delay of the leader's own next attempt. Rule 6.4.
    fn takeover_backoff_unit(&self) -> Nanos {
        self.timing.promise().saturating_mul(2)
    }

    /// Rule 6.4: the leader's own next attempt waits, twice as long each time.
    fn delay_takeover(&mut self, failed: Option<I>) {
        let (now, unit) = (self.now, self.takeover_backoff_unit());
        self.takeover.get_or_insert_with(Takeover::new).delay(failed, now, unit);
    }

    /// Rule 6.4: an attempt that the host asked for failed. Another member is tried first next time.
    fn record_failed_attempt(&mut self, failed: Option<I>) {
        let (now, unit) = (self.now, self.takeover_backoff_unit());
        self.takeover.get_or_insert_with(Takeover::new).record_attempt(failed, now, unit);
    }

    /// Rule 6.6: leadership is handed over to `successor`, which may lose it soon.
    pub(super) fn begin_trial(&mut self, successor: I) {
        let now = self.now;
        self.takeover.get_or_insert_with(Takeover::new).damping.begin_trial(successor, now);
    }

    /// Rule 6.6: `leader` leads, so the node that took over before has lost leadership, if that is another.
    pub(super) fn end_trial(&mut self, leader: I) {
        let (now, delay) = (self.now, self.timing.takeover_delay());
        if let Some(takeover) = &mut self.takeover {
            takeover.damping.end_trial(leader, now, delay, |id| self.hard.membership.contains(id));
        }
    }

    fn is_unsteady(&self, id: I) -> bool {
        let delay = self.timing.takeover_delay();
        self.takeover.as_ref().is_some_and(|takeover| takeover.damping.is_unsteady(id, self.now, delay))
    }

    /// Rules 6.5 and 6.6: whether a member is to lead rather than this node. One of priority 0 waits for no
    /// steadiness.
    fn is_takeover_wanted(&self, id: I, follower: &Progress) -> bool {
        let is_patient = self.priority > Priority::NEVER_LEADS;
        follower.priority > self.priority && !(is_patient && self.is_unsteady(id))
    }

    /// Rule 6.6: sees which of the unsteady members are fit now.
    fn observe_unsteady_members(&mut self) {
        let Some(mut takeover) = self.takeover.take() else { return };
        let is_fit = |id| self.fitness(id).is_ok();
        takeover.damping.observe(self.now, self.timing.takeover_delay(), is_fit);
        self.takeover = Some(takeover);
    }

    /// Rule 6.3: a member reports, in reply to that round, that it can win. The report counts only from the
    /// successor that is named now, in this attempt (2.8); a leader that renews names none.
    ///
    /// A names B. The reply in which B says `ready` is late, and A leads on. Later A names B again, which by now
    /// reaches A alone. If the late reply counted, A would give up leadership for a node that cannot win.
    pub(super) fn on_ready(&mut self, from: I, round: Round, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &self.role else { return };
        let is_of_attempt = leading.attempt().is_some_and(|attempt| round >= attempt.since);
        if is_of_attempt && leading.names(from) {
            self.relinquish(Some(from), out);
        }
    }

    /// Rule 6.3: reports the end of leadership to the host, then gives the followers their promises back and
    /// orders the successor to campaign. A leader that requests votes orders nothing: its voters are bound to
    /// it in the new term.
    fn relinquish(&mut self, successor: Option<I>, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &mut self.role else { return };
        let (term, is_renewing) = (leading.term, leading.is_requesting_votes());
        let own_initiative = leading.handover.as_ref().is_some_and(|handover| handover.is_own_initiative());
        if let Some(successor) = successor {
            // The other followers are ranked after the successor.
            let (since, now) = (self.round, self.now);
            let attempt = Some(Attempt { successor, since, next_retry: now, until: now });
            let cause = HandoverCause::Operator(Some(successor));
            leading.handover = Some(Box::new(Handover { attempt, ..*Handover::new(cause) }));
            leading.unranked = true;
        }
        self.rank_followers();
        if own_initiative {
            self.delay_takeover(successor);
        }
        if let Some(successor) = successor {
            self.begin_trial(successor);
        }
        self.step_down(StepDown::Resigned { successor }, successor, out);
        if let (Some(successor), false) = (successor, is_renewing) {
            self.start_timeout_now_retry(successor, term);
        }
    }

    /// Rule 6.5: hands over to a member of higher priority that has been fit for long enough; at once if this node
    /// is not to lead at all. While a reconfiguration prepares a step it goes on first.
    pub(super) fn consider_takeover(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &self.role else { return };
        if leading.handover.is_some() || leading.renewal.is_some() || !self.hard.committed {
            return;
        }
        let own = self.priority;
        let prepares_step = leading.reconfiguration.as_ref().is_some_and(|change| change.is_preparing());
        let is_better = |follower: &Progress| follower.priority > own;
        if prepares_step || !leading.progress.iter().any(is_better) {
            return self.forget_takeover();
        }
        self.observe_unsteady_members();
        let Some(best) = self.best_successor(|id, follower| self.is_takeover_wanted(id, follower)) else {
            if let Some(takeover) = &mut self.takeover {
                takeover.wanted_since = None;
            }
            return;
        };
        let delay = if own == Priority::NEVER_LEADS { Nanos::ZERO } else { self.timing.takeover_delay() };
        let takeover = self.takeover.get_or_insert_with(Takeover::new);
        // A member that had to be fit for longer does not wait for the takeover delay too.
        let has_waited = takeover.damping.has_been_fit_for_long(best, self.now, delay) == Some(true);
        let since = if has_waited { self.now.before(delay) } else { self.now };
        let since = *takeover.wanted_since.get_or_insert(since);
        if self.now < takeover.not_before || self.now < since.after(delay) {
            return;
        }
        if let Role::Leader(leading) = &mut self.role {
            leading.handover = Some(Handover::new(HandoverCause::HigherPriority));
        }
        self.advance_handover(out);
    }
}
