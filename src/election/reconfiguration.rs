//! Reconfiguration: the leader changes the members one safe step at a time until they are those of the target.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::event::Event;
use crate::io::{Force, Output};
use crate::lease::Preparation;
use crate::membership::{MAX_MEMBERS, Membership, majority};
use crate::progress::Progress;
use crate::reconfig::{CAN_RECONFIGURE, MemberHealth, Target, has_same_quorums, next_step, quorums_overlap};
use crate::rejection::Rejection;
use crate::role::{HandoverCause, Leaving, ReconfigurationPhase, Role};
use crate::types::{MemberIndex, Nanos, NodeId, Priority, Timestamp};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 8.2: the host wants other members.
    pub(super) fn reconfigure(
        &mut self,
        target: Target<I>,
        force: Force,
        out: &mut Vec<Output<I>>,
    ) -> Result<(), Rejection<I>> {
        self.check_reconfiguration(&target, force)?;
        self.start_reconfiguration(target, force, out);
        Ok(())
    }

    fn check_reconfiguration(&self, target: &Target<I>, force: Force) -> Result<(), Rejection<I>> {
        let Role::Leader(leading) = &self.role else {
            return Err(Rejection::NotLeader { leader: self.leader() });
        };
        if leading.tasks.renewal().is_some() {
            return Err(Rejection::Renewing);
        }
        if target.learners().contains(&self.id) {
            return Err(Rejection::LeaderAsLearner);
        }
        if target.voters().iter().all(|&id| self.is_leaving(id)) {
            return Err(Rejection::NoVoterLeft);
        }
        self.check_founders(target.voters())?;
        // The leader stays a voter until it is the only one that is left to remove.
        let others = target.voters().iter().copied().filter(|&id| id != self.id);
        self.check_founders(&others.chain([self.id]).collect::<Vec<I>>())?;
        if target.voters().iter().all(|&id| self.is_known_never_to_lead(id)) {
            return Err(Rejection::NobodyCouldLead);
        }
        if !target.contains(self.id) && target.size() >= MAX_MEMBERS {
            return Err(Rejection::TooManyMembers);
        }
        let silent: Vec<I> = target.voters().iter().copied().filter(|&id| self.is_known_silent(id)).collect();
        let reachable = target.voters().len().saturating_sub(silent.len());
        let quorum = majority(target.voters().len());
        if force == Force::Never && reachable < quorum {
            return Err(Rejection::QuorumUnreachable { silent, quorum });
        }
        if self.hard.membership.version().number == u64::MAX {
            return Err(Rejection::VersionsExhausted);
        }
        Ok(())
    }

    /// Rule 9.9: whether each majority of these voters would have one of the founders.
    pub(super) fn check_founders(&self, voters: &[I]) -> Result<(), Rejection<I>> {
        let members = &self.hard.membership;
        match members.next_membership(voters.to_vec(), Vec::new()) {
            Some(next) if !next.is_anchored() => {
                Err(Rejection::TooFewFounders { founders: members.founders().to_vec() })
            }
            _ => Ok(()),
        }
    }

    fn is_known_never_to_lead(&self, id: I) -> bool {
        if id == self.id {
            return self.priority == Priority::NEVER_LEADS;
        }
        self.progress_of(id).is_some_and(|progress| progress.answered && !progress.may_lead())
    }

    /// Whether a member has had the time to answer and does not. Before the commit, in the first
    /// promise of a leadership, and as a newcomer, it has not had the time.
    fn is_known_silent(&self, id: I) -> bool {
        let Some(progress) = self.progress_of(id).filter(|_| self.hard.committed) else { return false };
        let is_newcomer = !self.hard.membership.is_voter(id) && !progress.answered;
        let is_spare = self.may_be_in_register(progress) && progress.answered;
        progress.bound_until <= self.now && !is_newcomer && !is_spare && !self.is_awaited(id)
    }

    /// Whether a voter may be in a register, and bound only while it is needed. It never leads. Rule 10.13.
    fn may_be_in_register(&self, progress: &Progress) -> bool {
        #[cfg(feature = "register")]
        return self.has_register_voter && !progress.may_lead();
        #[cfg(not(feature = "register"))]
        {
            let _ = progress;
            false
        }
    }

    fn start_reconfiguration(&mut self, target: Target<I>, force: Force, out: &mut Vec<Output<I>>) {
        if self.leaving == Leaving::ByTarget && target.contains(self.id) {
            self.leaving = Leaving::No;
            self.withdraw_handover(|handover| handover.cause == HandoverCause::Leaving);
        }
        if let Role::Leader(leading) = &mut self.role {
            let change = leading.tasks.begin_reconfiguration();
            change.target = Some(target);
            change.force = force == Force::IfNeeded;
            change.is_reduced = false;
            change.ignores_positions = change.force;
            change.record_headway();
        }
        self.advance_reconfiguration(out);
    }

    pub(super) fn progress_of(&self, id: I) -> Option<&Progress> {
        let Role::Leader(leading) = &self.role else { return None };
        self.hard.membership.index_of(id).and_then(|index| leading.progress.get(index.as_usize()))
    }

    /// The members that the steps lead to: the target without the members that want to leave, but with the
    /// leader for as long as it leads. Rule 8.3.
    pub(super) fn effective_target(&self) -> Option<Target<I>> {
        let Role::Leader(leading) = &self.role else { return None };
        let members = &self.hard.membership;
        let (voters, learners) = match leading.tasks.reconfiguration()?.target.as_ref() {
            Some(target) => (target.voters(), target.learners()),
            None => (members.voters(), members.learners()),
        };
        let wished = self.with_leader(voters, learners, |id| !self.is_leaving(id));
        // Rule 9.9: wishes that would leave too few founders together are not met.
        let wished = wished.filter(|target| self.check_founders(target.voters()).is_ok());
        wished.or_else(|| self.with_leader(voters, learners, |_| true))
    }

    /// The voters and learners that stay, and the leader as a voter.
    fn with_leader(&self, voters: &[I], learners: &[I], stays: impl Fn(I) -> bool) -> Option<Target<I>> {
        let is_kept = |&id: &I| id != self.id && stays(id);
        let voters = voters.iter().copied().filter(is_kept).chain([self.id]);
        Target::new(voters, learners.iter().copied().filter(is_kept)).ok()
    }

    /// Whether all steps but the removal of the leader itself are taken and committed.
    pub(super) fn is_target_reached(&self) -> bool {
        let is_reached = |target: Target<I>| target.is_reached(&self.hard.membership);
        self.hard.committed && self.effective_target().is_some_and(is_reached)
    }

    /// Rule 8.2: takes the next step as soon as that is safe, or finishes when none is left.
    pub(super) fn advance_reconfiguration(&mut self, out: &mut Vec<Output<I>>) {
        if !CAN_RECONFIGURE || !self.may_take_step() {
            return;
        }
        match self.next_membership_step() {
            Some((next, forced)) => self.prepare(&next, forced, out),
            None if self.is_target_reached() => self.finish_reconfiguration(out),
            None if self.may_yet_be_prepared() => {}
            None => self.on_blocked(out),
        }
    }

    /// Whether a step that is being prepared only waits for the next replies. Between two of them the lease may be
    /// too short for the step (8.1 (d)), however often it is long enough when they come.
    fn may_yet_be_prepared(&self) -> bool {
        let Some(change) = self.role.reconfiguration() else { return false };
        let ReconfigurationPhase::Preparing(preparation) = change.phase else { return false };
        preparation.goes_on(self.now) && self.next_step_keeping(self.now.after(Nanos(1))).is_some()
    }

    /// Whether the next reply may be the one that a step waits for, so that each has to be looked at. A leader that
    /// looked at its lease with its heartbeats alone would wait for ever if these come so seldom that the lease is
    /// always too short just then.
    pub(super) fn awaits_step(&self) -> bool {
        let Some(change) = self.role.reconfiguration() else { return false };
        match change.phase {
            ReconfigurationPhase::Preparing(_) | ReconfigurationPhase::Blocked { .. } => true,
            ReconfigurationPhase::Idle => false,
        }
    }

    /// Rule 8.1 (a), and 6.1: no step is taken during a renewal or a handover. Nor is one taken while a lease of
    /// an earlier membership, which a worker may still act on, outlasts the present one (8.1 (e)).
    fn may_take_step(&self) -> bool {
        let Role::Leader(leading) = &self.role else { return false };
        let Some(change) = leading.tasks.reconfiguration() else { return false };
        // Rule 8.1 (g).
        let has_lease = self.now < leading.lease;
        let is_free = leading.tasks.renewal().is_none() && leading.tasks.handover().is_none();
        let older_lease_is_over =
            leading.lease >= change.older_lease_until || self.now >= change.older_lease_until;
        has_lease && is_free && older_lease_is_over && self.config_and_term_quorum_check()
    }

    /// Spec: `ConfigQuorumCheck`, "∃ Q ∈ Quorums(config[i]) : ∀ t ∈ Q : CV(t) = CV(i)", and
    /// `TermQuorumCheck`, "∃ Q ∈ Quorums(config[i]) : ∀ t ∈ Q : currentTerm[t] = currentTerm[i]".
    /// A member that has acknowledged the membership has shown both in one reply. Rule 9.5: it counts while it is
    /// bound, since it cannot have forgotten then; and what was committed once stays so.
    pub(super) fn config_and_term_quorum_check(&self) -> bool {
        let Role::Leader(leading) = &self.role else { return false };
        let holds = |index: MemberIndex| {
            let member = leading.progress.get(index.as_usize());
            member.is_some_and(|member| member.acknowledged && self.now < member.bound_until)
        };
        self.hard.committed || self.hard.membership.is_quorum(holds)
    }

    /// The next step, and whether it is forced. Rule 8.1 (d): under it the lease holds for a heartbeat interval
    /// more. Only if there is no such step does force allow one without that; but not for the sake of a member
    /// that wants to leave.
    fn next_membership_step(&self) -> Option<(Membership<I>, bool)> {
        let Role::Leader(leading) = &self.role else { return None };
        let (members, change) = (&self.hard.membership, leading.tasks.reconfiguration()?);
        let next = self.next_step_keeping(self.now.after(self.heartbeat_interval()));
        if next.is_some() || !change.force {
            return next.map(|next| (next, false));
        }
        let target = change.target.as_ref()?;
        let target = self.with_leader(target.voters(), target.learners(), |_| true)?;
        next_step(members, &target, |id| self.health_of(id, true), |_| true).map(|next| (next, true))
    }

    /// The next step that leaves a lease until `enough` at least.
    fn next_step_keeping(&self, enough: Timestamp) -> Option<Membership<I>> {
        let members = &self.hard.membership;
        let is_sound = |next: &Membership<I>| {
            let is_carried = || self.is_carried_over() && self.is_carried_into(next);
            self.lease_under(next) >= enough && (has_same_quorums(members, next) || is_carried())
        };
        next_step(members, &self.effective_target()?, |id| self.health_of(id, false), is_sound)
    }

    /// Rule 8.1 (d) and (h): a learner is ready to vote if it has acknowledged the membership in force, is bound
    /// now, and has the data of a quorum; force does without the last two.
    fn health_of(&self, id: I, force: bool) -> MemberHealth {
        let Some(progress) = self.progress_of(id) else { return MemberHealth::Silent };
        let is_learner = !self.hard.membership.is_voter(id);
        match (progress.bound_until > self.now, progress.acknowledged) {
            (true, _) if self.is_leaving(id) => MemberHealth::Leaving,
            (true, true) if is_learner && self.is_behind(progress) => MemberHealth::Answering,
            (true, true) => MemberHealth::Ready,
            (true, false) => MemberHealth::Answering,
            (false, true) if force && is_learner => MemberHealth::Ready,
            (false, _) => MemberHealth::Silent,
        }
    }

    /// The lease that the promises of its voters would give under `members`. Rule 3.2.
    fn lease_under(&self, members: &Membership<I>) -> Timestamp {
        let progress = |index| members.member(index).and_then(|id| self.progress_of(id));
        let until = |index| progress(index).map_or(Timestamp::ORIGIN, |progress| progress.bound_until);
        members.quorum_value(Timestamp::ORIGIN, until)
    }

    /// Rule 3.5: a step writes and makes others write, so the leader first asks for the long promise, also of
    /// the voters that its lease will depend on afterwards.
    fn prepare(&mut self, next: &Membership<I>, forced: bool, out: &mut Vec<Output<I>>) {
        let (now, lease) = (self.now, self.lease_through(next, forced));
        if let Some(preparation) = self.step_preparation_mut() {
            preparation.observe(now, lease);
        }
        if self.is_prepared_for(next, forced) {
            return self.write_at_next_tick();
        }
        let preparation = self.new_preparation(lease);
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(change) = leading.tasks.reconfiguration_mut() else { return };
        match change.phase {
            ReconfigurationPhase::Preparing(_) => {}
            ReconfigurationPhase::Idle | ReconfigurationPhase::Blocked { .. } => {
                change.phase = ReconfigurationPhase::Preparing(preparation);
                self.broadcast(out);
            }
        }
    }

    fn step_preparation_mut(&mut self) -> Option<&mut Preparation> {
        let Role::Leader(leading) = &mut self.role else { return None };
        match &mut leading.tasks.reconfiguration_mut()?.phase {
            ReconfigurationPhase::Preparing(preparation) => Some(preparation),
            ReconfigurationPhase::Idle | ReconfigurationPhase::Blocked { .. } => None,
        }
    }

    /// Whether the lease is long enough for the step to `next`, or has been waited for long enough.
    fn is_prepared_for(&self, next: &Membership<I>, forced: bool) -> bool {
        let Role::Leader(leading) = &self.role else { return false };
        let lease = self.lease_through(next, forced);
        let phase = leading.tasks.reconfiguration().map(|change| change.phase);
        let has_waited = matches!(
            phase,
            Some(ReconfigurationPhase::Preparing(preparation)) if preparation.is_over(self.now, lease)
        );
        let is_long = lease >= self.now.after(self.sufficient_lease());
        is_long || has_waited
    }

    /// The end of the lease that the leader has both before the step to `next` and after it. A forced step may cost
    /// the lease, so that only the one before counts.
    fn lease_through(&self, next: &Membership<I>, forced: bool) -> Timestamp {
        let Role::Leader(leading) = &self.role else { return Timestamp::ORIGIN };
        let after = if forced { leading.lease } else { self.lease_under(next) };
        leading.lease.min(after)
    }

    /// Takes the step that was prepared before this tick, if it is still safe.
    pub(super) fn take_step_if_prepared(&mut self, out: &mut Vec<Output<I>>) {
        if CAN_RECONFIGURE
            && self.may_take_step()
            && let Some((next, forced)) = self.next_membership_step()
            && self.is_prepared_for(&next, forced)
        {
            self.reconfig(next, forced, out);
        }
    }

    /// Steps are left, but none is possible, because a member does not answer. A leader that leaves by its own
    /// wish waits for two promises at most. Rule 8.3 (b).
    fn on_blocked(&mut self, out: &mut Vec<Output<I>>) {
        let (now, patience) = (self.now, self.timing.promise().saturating_mul(2));
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(change) = leading.tasks.reconfiguration_mut() else { return };
        let since = match change.phase {
            ReconfigurationPhase::Blocked { since } => since,
            ReconfigurationPhase::Idle | ReconfigurationPhase::Preparing(_) => now,
        };
        change.phase = ReconfigurationPhase::Blocked { since };
        self.report_learners_behind(out);
        self.report_voters_behind(out);
        if self.leaving == Leaving::ByWish && now >= since.after(patience) {
            self.hand_over_before_leaving(out);
        }
    }

    /// Takes one step. Spec: `Reconfig`, "state[i] = Primary ∧ ConfigQuorumCheck(i) ∧
    /// TermQuorumCheck(i) ∧ QuorumsOverlap(config[i], newConfig) ∧ i ∈ newConfig", then
    /// "configVersion' = configVersion[i] + 1 ∧ configTerm' = currentTerm[i]". Rule 8.1.
    fn reconfig(&mut self, next: Membership<I>, forced: bool, out: &mut Vec<Output<I>>) {
        let is_safe = self.config_and_term_quorum_check() && quorums_overlap(&self.hard.membership, &next);
        if !is_safe || !next.is_voter(self.id) {
            debug_assert!(false, "an unsafe step was proposed (rule 8.1)");
            return;
        }
        let progress = self.progress_under(&next);
        self.record_removed(&next);
        let loses_target = self.update_plan_for(&next, forced);
        if let Role::Leader(leading) = &mut self.role {
            leading.progress = progress;
            leading.tasks.end_tuning();
            leading.unranked = true;
        }
        self.replace_membership(next);
        self.persist(out);
        out.push(self.membership_event());
        if loses_target {
            out.push(Output::Event(Event::TargetAbandoned));
        }
        let lease = self.lease_under(&self.hard.membership);
        if let Role::Leader(leading) = &mut self.role {
            leading.set_lease(lease, &self.hard.membership);
        }
        self.broadcast(out);
        self.commit(out);
        self.lapse_if_ended(out);
    }

    /// What remains of the plan once `next` is in force. Returns whether no voter of the target is left.
    fn update_plan_for(&mut self, next: &Membership<I>, forced: bool) -> bool {
        let old = self.hard.membership.members();
        let gone: Vec<I> = old.iter().copied().filter(|&id| !next.contains(id)).collect();
        let Role::Leader(leading) = &self.role else { return false };
        let to_carry_over = self.position_to_carry_over(leading, next);
        let Role::Leader(leading) = &mut self.role else { return false };
        leading.to_carry_over = to_carry_over;
        let Some(change) = leading.tasks.reconfiguration_mut() else { return false };
        change.record_headway();
        change.older_lease_until = change.older_lease_until.max(leading.lease);
        change.phase = ReconfigurationPhase::Idle;
        // A forced step costs the lease, and one such step is enough.
        change.force &= !forced;
        // A member that wanted to leave is not taken back for the target's sake.
        let Some(target) = change.target.take() else { return false };
        change.is_reduced |= gone.iter().any(|&id| target.contains(id));
        change.target = target.without(&gone);
        change.target.is_none()
    }

    /// The progress of the members of `next`. A member that stays keeps it, but for the acknowledgement; one that is
    /// new, or was removed before, has a new record (2.8).
    fn progress_under(&self, next: &Membership<I>) -> Box<[Progress]> {
        let progress = |&id: &I| {
            let known = self.progress_of(id).cloned();
            let known = known.unwrap_or_else(|| Progress::of_newcomer(self.round));
            Progress { acknowledged: id == self.id, ..known }
        };
        next.members().iter().map(progress).collect()
    }

    /// All steps are taken and committed. A leader that the target lacks, or that wants to leave, hands over;
    /// its flag makes the next leader remove it.
    fn finish_reconfiguration(&mut self, out: &mut Vec<Output<I>>) {
        let version = self.hard.membership.version();
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(change) = leading.tasks.reconfiguration_mut() else { return };
        change.phase = ReconfigurationPhase::Idle;
        (change.force, change.ignores_positions) = (false, false);
        change.record_headway();
        let lacks_leader = change.target.as_ref().is_some_and(|target| !target.contains(self.id));
        if lacks_leader && self.leaving == Leaving::No {
            self.leaving = Leaving::ByTarget;
        }
        if !lacks_leader && change.target.take().is_some() {
            let is_met = !change.is_reduced;
            let event = if is_met { Event::TargetReached { version } } else { Event::TargetAbandoned };
            out.push(Output::Event(event));
        }
        if self.leaving != Leaving::No {
            return self.hand_over_before_leaving(out);
        }
        if change.removed.is_empty() {
            leading.tasks.end_reconfiguration();
        }
    }
}

#[cfg(test)]
mod tests;
