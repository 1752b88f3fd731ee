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
use crate::notice::tell;
use crate::progress::Progress;
use crate::rejection::{Rejection, Unfit};
use crate::role::{Attempt, Handover, HandoverCause, Leaving, Role};
use crate::succession::fitness;
use crate::types::{NodeId, Round};

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
                leading.tasks.begin_handover(Handover::new(HandoverCause::Operator(named)));
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

    pub(super) fn fitness(&self, successor: I) -> Result<(), Unfit> {
        match &self.role {
            Role::Leader(leading) => {
                fitness(&leading.progress, &self.hard.membership, self.id, successor, self.now)
            }
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) | Role::Recovering(_) => {
                Err(Unfit::NotAVoter)
            }
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
        let tried = |id| self.trouble.takeover()?.attempt_order(id, self.now, unit);
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
        let is_renewing = leading.tasks.renewal().is_some();
        let Some(handover) = leading.tasks.handover_mut() else { return };
        if !self.hard.committed || is_renewing || handover.attempt.is_some() {
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
        if let Some(handover) = leading.tasks.handover_mut() {
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
        let Some(attempt) = leading.tasks.handover_mut().and_then(|handover| handover.attempt.as_mut())
        else {
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
        let Some(handover) = leading.tasks.end_handover() else { return };
        let reason = successor.and_then(|successor| self.fitness(successor).err());
        let mut is_news = true;
        if handover.is_own_initiative() {
            self.delay_takeover(successor);
            let (now, pause) = (self.now, self.shortest_news_pause());
            is_news = tell(&mut self.takeover_mut().failure, (successor, reason), now, pause);
        } else if handover.attempt.is_some() {
            self.record_failed_attempt(successor);
        }
        if is_news {
            out.push(Output::Event(Event::HandoverFailed { successor, reason }));
        }
    }

    /// Rule 6.1: a handover that is not wanted any more ends, and what its successor says counts no longer.
    pub(super) fn withdraw_handover(&mut self, is_unwanted: impl Fn(&Handover<I>) -> bool) {
        let Role::Leader(leading) = &mut self.role else { return };
        if leading.tasks.handover().is_some_and(is_unwanted) {
            leading.tasks.end_handover();
            leading.unranked = true;
        }
    }

    /// Rule 6.4: an attempt that the host asked for failed. Another member is tried first next time.
    fn record_failed_attempt(&mut self, failed: Option<I>) {
        let (now, unit) = (self.now, self.takeover_backoff_unit());
        self.takeover_mut().record_attempt(failed, now, unit);
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
        let own_initiative = leading.tasks.handover().is_some_and(|handover| handover.is_own_initiative());
        if let Some(successor) = successor {
            // The other followers are ranked after the successor.
            let (since, now) = (self.round, self.now);
            let attempt = Some(Attempt { successor, since, next_retry: now, until: now });
            let cause = HandoverCause::Operator(Some(successor));
            leading.tasks.begin_handover(Box::new(Handover { attempt, ..*Handover::new(cause) }));
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
}
