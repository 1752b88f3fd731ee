//! What a leader hands over for of its own accord: a higher priority, or its own departure; which members it tries, and
//! what it says while none can take over.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use super::trouble::Trouble;
use crate::event::Event;
use crate::io::Output;
use crate::notice::tell;
use crate::progress::Progress;
use crate::rejection::Unfit;
use crate::role::{Handover, HandoverCause, Role};
use crate::types::{Nanos, NodeId, Priority};

impl<I: NodeId, R: Rng> Election<I, R> {
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
        let Some(takeover) = self.trouble.takeover_mut() else { return };
        takeover.wanted_since = None;
        takeover.unmet_since = None;
        takeover.damping.forget_observations();
        if takeover.is_over(now, unit) {
            self.trouble.end_takeover();
        }
    }

    /// The shortest delay of the leader's own next attempt. Rule 6.4.
    pub(super) fn takeover_backoff_unit(&self) -> Nanos {
        self.timing.promise().saturating_mul(2)
    }

    /// Rule 6.4: the leader's own next attempt waits, twice as long each time.
    pub(super) fn delay_takeover(&mut self, failed: Option<I>) {
        let (now, unit) = (self.now, self.takeover_backoff_unit());
        self.takeover_mut().delay(failed, now, unit);
    }

    /// Rule 6.6: leadership is handed over to `successor`, which may lose it soon.
    pub(super) fn begin_trial(&mut self, successor: I) {
        let now = self.now;
        self.takeover_mut().damping.begin_trial(successor, now);
    }

    /// Rule 6.6: `leader` leads, so the node that took over before has lost leadership, if that is another.
    pub(super) fn end_trial(&mut self, leader: I) {
        let (now, delay) = (self.now, self.timing.takeover_delay());
        if let Some(takeover) = self.trouble.takeover_mut() {
            takeover.damping.end_trial(leader, now, delay, |id| self.hard.membership.contains(id));
        }
    }

    pub(super) fn is_unsteady(&self, id: I) -> bool {
        let delay = self.timing.takeover_delay();
        self.trouble.takeover().is_some_and(|takeover| takeover.damping.is_unsteady(id, self.now, delay))
    }

    /// Rules 6.5 and 6.6: whether a member is to lead rather than this node. One of priority 0 waits for no
    /// steadiness.
    pub(super) fn is_takeover_wanted(&self, id: I, follower: &Progress) -> bool {
        let is_patient = self.priority > Priority::NEVER_LEADS;
        follower.priority > self.priority && !(is_patient && self.is_unsteady(id))
    }

    /// Rule 6.4: this leader is to go, but no other voter can take over; or those of a higher priority cannot, as the
    /// `concerned` are. The host is told what each lacks, at growing intervals. A leader elected a moment ago has heard
    /// too little to say.
    pub(super) fn report_no_successor(
        &mut self,
        concerned: impl Fn(&Self, I) -> bool,
        out: &mut Vec<Output<I>>,
    ) {
        let (now, pause) = (self.now, self.shortest_news_pause());
        let known = self.trouble.takeover_mut().and_then(|takeover| takeover.no_successor.as_mut());
        let is_fresh = known.is_some_and(|notice| notice.see(now, pause));
        let members = &self.hard.membership;
        if is_fresh || !self.hard.committed || members.voters().iter().any(|&id| self.is_awaited(id)) {
            return;
        }
        let others = members.voters().iter().copied().filter(|&id| id != self.id && concerned(self, id));
        let unfit: Vec<_> = others.filter_map(|id| Some((id, self.obstacle(id)?))).collect();
        let is_news = tell(&mut self.takeover_mut().no_successor, unfit.clone(), now, pause);
        if is_news {
            out.push(Output::Event(Event::NoSuccessor { unfit }));
        }
    }

    /// What keeps a voter from taking over, as a leader that hands over of its own accord sees it.
    fn obstacle(&self, id: I) -> Option<Unfit> {
        self.fitness(id).err().or_else(|| self.is_unsteady(id).then_some(Unfit::Unsteady))
    }

    /// Rule 6.5: no member can take over that is to lead rather than this node. Of members of a higher priority the
    /// host is told when they had the time in which a takeover would have begun.
    fn on_unmet_takeover(&mut self, out: &mut Vec<Output<I>>) {
        let (now, own) = (self.now, self.priority);
        let takeover = self.takeover_mut();
        takeover.wanted_since = None;
        let since = *takeover.unmet_since.get_or_insert(now);
        if own == Priority::NEVER_LEADS {
            self.report_no_successor(|_, _| true, out);
        } else if now >= since.after(self.timing.takeover_delay()) {
            let is_better =
                |leader: &Self, id| leader.progress_of(id).is_some_and(|follower| follower.priority > own);
            self.report_no_successor(is_better, out);
        }
    }

    /// Rule 6.6: sees which of the unsteady members are fit now.
    fn observe_unsteady_members(&mut self) {
        let mut trouble = core::mem::replace(&mut self.trouble, Trouble::none());
        if let Some(takeover) = trouble.takeover_mut() {
            let is_fit = |id| self.fitness(id).is_ok();
            takeover.damping.observe(self.now, self.timing.takeover_delay(), is_fit);
        }
        self.trouble = trouble;
    }

    /// Rule 6.5: hands over to a member of higher priority that has been fit for long enough; at once if this node
    /// is not to lead at all. While a reconfiguration prepares a step it goes on first.
    pub(super) fn consider_takeover(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &self.role else { return };
        if leading.tasks.handover().is_some() || leading.tasks.renewal().is_some() || !self.hard.committed {
            return;
        }
        let own = self.priority;
        let prepares_step = leading.tasks.reconfiguration().is_some_and(|change| change.is_preparing());
        let mut voters = self.hard.membership.voters().iter().zip(&leading.progress);
        let has_better = voters.any(|(&id, follower)| id != self.id && follower.priority > own);
        let is_to_go = own == Priority::NEVER_LEADS;
        if prepares_step || !is_to_go && !has_better {
            return self.forget_takeover();
        }
        self.observe_unsteady_members();
        let Some(best) = self.best_successor(|id, follower| self.is_takeover_wanted(id, follower)) else {
            return self.on_unmet_takeover(out);
        };
        let delay = if own == Priority::NEVER_LEADS { Nanos::ZERO } else { self.timing.takeover_delay() };
        let now = self.now;
        let takeover = self.takeover_mut();
        // A member that had to be fit for longer does not wait for the takeover delay too.
        takeover.unmet_since = None;
        let has_waited = takeover.damping.has_been_fit_for_long(best, now, delay) == Some(true);
        let since = if has_waited { now.before(delay) } else { now };
        let since = *takeover.wanted_since.get_or_insert(since);
        if now < takeover.not_before || now < since.after(delay) {
            return;
        }
        if let Role::Leader(leading) = &mut self.role {
            leading.tasks.begin_handover(Handover::new(HandoverCause::HigherPriority));
        }
        self.advance_handover(out);
    }
}
