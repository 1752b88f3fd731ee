//! The leader changes the members, one safe step at a time, on its way to a target.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::event::Event;
use crate::io::{Force, Output};
use crate::membership::{MAX_MEMBERS, Membership, majority};
use crate::message::{Body, Header, Heartbeat, Message, Order};
use crate::reconfig::{MemberHealth, Target, next_step, quorums_overlap};
use crate::rejection::Rejection;
use crate::role::{Handover, Leading, Leaving, Reconfiguration, RemovedMember, Role};
use crate::succession::Progress;
use crate::types::{MembershipVersion, NEVER, NodeId, Priority};

/// How many heartbeats tell a removed node that it is out, if it does not answer.
const MAX_REMOVAL_NOTICES: u8 = 20;

impl<I: NodeId, R: Rng> Election<I, R> {
    /// The operator wants other members. Rule 8.2.
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
        if leading.renewal.is_some() {
            return Err(Rejection::Renewing);
        }
        if target.learners().contains(&self.id) {
            return Err(Rejection::LeaderAsLearner);
        }
        if target.voters().iter().all(|&id| self.is_leaving(id)) {
            return Err(Rejection::NoVoterLeft);
        }
        let never_leads = |&id: &I| match id == self.id {
            true => self.priority == Priority::NEVER_LEADS,
            false => self.progress_of(id).is_some_and(|progress| progress.answered && !progress.may_lead()),
        };
        if target.voters().iter().all(never_leads) {
            return Err(Rejection::NobodyCouldLead);
        }
        if !target.contains(self.id) && target.size() >= MAX_MEMBERS {
            return Err(Rejection::TooManyMembers);
        }
        // Who is new has not had a chance to answer yet.
        let new = |id: I, of: &Progress| !self.hard.membership.is_voter(id) && !of.answered;
        let gone = |id: I, of: &Progress| of.bound_until <= self.now && !new(id, of);
        let silent = |&id: &I| self.hard.committed && self.progress_of(id).is_some_and(|of| gone(id, of));
        let silent: Vec<I> = target.voters().iter().copied().filter(silent).collect();
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

    pub(super) fn start_reconfiguration(
        &mut self,
        target: Target<I>,
        force: Force,
        out: &mut Vec<Output<I>>,
    ) {
        if self.leaving == Leaving::ByTarget && target.contains(self.id) {
            self.leaving = Leaving::No;
        }
        if let Role::Leader(leading) = &mut self.role {
            let reconfiguration = leading.reconfiguration.get_or_insert_with(Reconfiguration::new);
            reconfiguration.target = Some(target);
            reconfiguration.force = force == Force::IfNeeded;
        }
        self.advance_reconfiguration(out);
    }

    /// This node wants to be removed. Rule 8.3.
    pub(super) fn leave(&mut self, out: &mut Vec<Output<I>>) -> Result<(), Rejection<I>> {
        let members = &self.hard.membership;
        if !members.contains(self.id) {
            return Err(Rejection::NotAMember { id: self.id });
        }
        if members.voters() == [self.id] && !members.is_forming() {
            return Err(Rejection::OnlyVoter);
        }
        self.leaving = Leaving::ByWish;
        if let Role::Leader(leading) = &mut self.role {
            leading.reconfiguration.get_or_insert_with(Reconfiguration::new);
        }
        self.advance_reconfiguration(out);
        Ok(())
    }

    fn is_leaving(&self, id: I) -> bool {
        match id == self.id {
            true => self.leaving != Leaving::No,
            false => self.progress_of(id).is_some_and(|progress| progress.leaving),
        }
    }

    pub(super) fn progress_of(&self, id: I) -> Option<&Progress> {
        let Role::Leader(leading) = &self.role else { return None };
        self.hard.membership.index_of(id).and_then(|place| leading.progress.get(place))
    }

    /// Where the leader is going: to the target, without those who want to leave, and for as long as
    /// it leads not without itself. Rule 8.3.
    fn effective_target(&self) -> Option<Target<I>> {
        let Role::Leader(leading) = &self.role else { return None };
        let members = &self.hard.membership;
        match leading.reconfiguration.as_ref()?.target.as_ref() {
            Some(target) => self.with_leader(target.voters(), target.learners(), |id| !self.is_leaving(id)),
            None => self.with_leader(members.voters(), members.learners(), |id| !self.is_leaving(id)),
        }
    }

    fn with_leader(&self, voters: &[I], learners: &[I], stays: impl Fn(I) -> bool) -> Option<Target<I>> {
        let other = |&id: &I| id != self.id && stays(id);
        let voters = voters.iter().copied().filter(other).chain([self.id]);
        Target::new(voters, learners.iter().copied().filter(other)).ok()
    }

    /// Whether all steps but its own leaving are taken, for good.
    pub(super) fn is_target_reached(&self) -> bool {
        let reached = |effective_target: Target<I>| effective_target.is_reached(&self.hard.membership);
        self.hard.committed && self.effective_target().is_some_and(reached)
    }

    /// Rule 8.2: takes the next step, once that is safe; or goes, once all others are taken.
    pub(super) fn advance_reconfiguration(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &self.role else { return };
        let Some(reconfiguration) = &leading.reconfiguration else { return };
        // Rule 8.1 (a). Rule 6.1: no step while it renews or hands over.
        let free = leading.renewal.is_none() && leading.handover.is_none();
        // Rule 8.1: a lease of an earlier membership may still be acted on.
        let settled = leading.lease >= reconfiguration.older_lease_until
            || self.now >= reconfiguration.older_lease_until;
        if !free || !settled || !self.config_and_term_quorum_check() {
            return;
        }
        match self.next_membership_step() {
            Some((next, forced)) => self.prepare(next, forced, out),
            None if self.is_target_reached() => self.finish_reconfiguration(out),
            None => self.on_blocked(out),
        }
    }

    /// Spec: `ConfigQuorumCheck`, "∃ Q ∈ Quorums(config[i]) : ∀ t ∈ Q : CV(t) = CV(i)", and
    /// `TermQuorumCheck`, "∃ Q ∈ Quorums(config[i]) : ∀ t ∈ Q : currentTerm[t] = currentTerm[i]".
    /// Who has acknowledged has shown both in one reply.
    pub(super) fn config_and_term_quorum_check(&self) -> bool {
        let Role::Leader(leading) = &self.role else { return false };
        let acknowledged =
            |place: usize| leading.progress.get(place).is_some_and(|follower| follower.acknowledged);
        self.hard.membership.is_quorum(acknowledged)
    }

    /// Rule 8.1 (d): the lease holds for a heartbeat interval more. If there is no such step, and only
    /// then, force takes one without; but not for the sake of who wants to leave. Says whether it did.
    fn next_membership_step(&self) -> Option<(Membership<I>, bool)> {
        let Role::Leader(leading) = &self.role else { return None };
        let (members, reconfiguration) = (&self.hard.membership, leading.reconfiguration.as_ref()?);
        let enough = self.now.saturating_add(self.heartbeat_interval());
        let sound = |next: &Membership<I>| self.lease_under(next) >= enough;
        let next = next_step(members, &self.effective_target()?, |id| self.health_of(id, false), sound);
        if next.is_some() || !reconfiguration.force {
            return next.map(|next| (next, false));
        }
        let target = reconfiguration.target.as_ref()?;
        let target = self.with_leader(target.voters(), target.learners(), |_| true)?;
        next_step(members, &target, |id| self.health_of(id, true), |_| true).map(|next| (next, true))
    }

    /// Rule 8.1 (d): who is promoted holds the membership in force and is bound now.
    fn health_of(&self, id: I, force: bool) -> MemberHealth {
        let Some(progress) = self.progress_of(id) else { return MemberHealth::Silent };
        let learner = !self.hard.membership.is_voter(id);
        match (progress.bound_until > self.now, progress.acknowledged) {
            (true, _) if self.is_leaving(id) => MemberHealth::Leaving,
            (true, true) => MemberHealth::Ready,
            (true, false) => MemberHealth::Answering,
            (false, true) if force && learner => MemberHealth::Ready,
            (false, _) => MemberHealth::Silent,
        }
    }

    /// The lease that the promises of its voters would give under `members`. Rule 3.2.
    fn lease_under(&self, members: &Membership<I>) -> u64 {
        let until = |&id: &I| self.progress_of(id).map_or(0, |progress| progress.bound_until);
        members.quorum_value(0, |place| members.voters().get(place).map_or(0, until))
    }

    /// Rule 3.5: a step writes and makes others write, so the leader first asks for the long promise,
    /// of those who will keep it in office too.
    fn prepare(&mut self, next: Membership<I>, forced: bool, out: &mut Vec<Output<I>>) {
        let now = self.now;
        let enough = now.saturating_add(self.sufficient_lease());
        let until = now.saturating_add(self.timing.promise().saturating_mul(2));
        let under_next = self.lease_under(&next);
        let Role::Leader(leading) = &mut self.role else { return };
        let lease = leading.lease;
        let Some(reconfiguration) = &mut leading.reconfiguration else { return };
        reconfiguration.still_since = None;
        let long = lease >= enough && (forced || under_next >= enough);
        match reconfiguration.preparing {
            _ if long => self.reconfig(next, forced, out),
            Some(end) if now >= end => self.reconfig(next, forced, out),
            Some(_) => {}
            None => {
                reconfiguration.preparing = Some(until);
                self.broadcast(out);
            }
        }
    }

    /// No step is possible, though some are left: somebody does not answer. Who wants to leave itself
    /// does not wait for that for long.
    fn on_blocked(&mut self, out: &mut Vec<Output<I>>) {
        let (now, patience) = (self.now, self.timing.promise().saturating_mul(2));
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(reconfiguration) = &mut leading.reconfiguration else { return };
        reconfiguration.preparing = None;
        let since = *reconfiguration.still_since.get_or_insert(now);
        if self.leaving == Leaving::ByWish && now >= since.saturating_add(patience) {
            self.hand_over_before_leaving(out);
        }
    }

    /// Takes one step. Spec: `Reconfig`, "state[i] = Primary ∧ ConfigQuorumCheck(i) ∧
    /// TermQuorumCheck(i) ∧ QuorumsOverlap(config[i], newConfig) ∧ i ∈ newConfig", then
    /// "configVersion' = configVersion[i] + 1 ∧ configTerm' = currentTerm[i]". Rule 8.1.
    fn reconfig(&mut self, next: Membership<I>, forced: bool, out: &mut Vec<Output<I>>) {
        let old = &self.hard.membership;
        let safe = self.config_and_term_quorum_check() && quorums_overlap(old, &next);
        if !safe || !next.is_voter(self.id) {
            debug_assert!(false, "no such step was to be proposed");
            return;
        }
        let progress = self.progress_under(&next);
        let gone: Vec<I> = old.members().iter().copied().filter(|&id| !next.contains(id)).collect();
        let mut forgotten = false;
        let Role::Leader(leading) = &mut self.role else { return };
        leading.progress = progress;
        leading.tuning = None;
        leading.unranked = true;
        if let Some(reconfiguration) = &mut leading.reconfiguration {
            reconfiguration.older_lease_until = reconfiguration.older_lease_until.max(leading.lease);
            reconfiguration.preparing = None;
            // It costs the lease once, and that is enough.
            reconfiguration.force &= !forced;
            // Who wanted to leave is not taken back for the target's sake.
            if let Some(target) = reconfiguration.target.take() {
                reconfiguration.target = target.without(&gone);
                forgotten = reconfiguration.target.is_none();
            }
            reconfiguration.removed.retain(|removed| !next.contains(removed.id));
            reconfiguration
                .removed
                .extend(gone.into_iter().map(|id| RemovedMember { id, notices_left: MAX_REMOVAL_NOTICES }));
            let surplus = reconfiguration.removed.len().saturating_sub(MAX_MEMBERS);
            reconfiguration.removed.drain(..surplus);
        }
        self.replace_membership(next);
        self.persist(out);
        out.push(self.membership_event());
        if forgotten {
            out.push(Output::Event(Event::TargetAbandoned));
        }
        let Role::Leader(leading) = &mut self.role else { return };
        let progress = &leading.progress;
        let until = |place: usize| progress.get(place).map_or(0, |follower| follower.bound_until);
        leading.lease = self.hard.membership.quorum_value(0, until);
        self.broadcast(out);
        self.commit(out);
        self.lapse_if_ended(out);
    }

    /// What is known of the members of `next`: of who stays what was, but for the acknowledgement.
    fn progress_under(&self, next: &Membership<I>) -> Box<[Progress]> {
        let progress = |&id: &I| {
            let known = self.progress_of(id).cloned().unwrap_or_default();
            Progress { acknowledged: id == self.id, ..known }
        };
        next.members().iter().map(progress).collect()
    }

    /// The destination is reached and committed. A leader that is not to stay hands over; the next
    /// leader removes it, which its flag asks for.
    fn finish_reconfiguration(&mut self, out: &mut Vec<Output<I>>) {
        let version = self.hard.membership.version();
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(reconfiguration) = &mut leading.reconfiguration else { return };
        reconfiguration.preparing = None;
        let sent_away = reconfiguration.target.as_ref().is_some_and(|target| !target.contains(self.id));
        if sent_away && self.leaving == Leaving::No {
            self.leaving = Leaving::ByTarget;
        }
        reconfiguration.force = false;
        if !sent_away && reconfiguration.target.take().is_some() {
            out.push(Output::Event(Event::TargetReached { version }));
        }
        if self.leaving != Leaving::No {
            return self.hand_over_before_leaving(out);
        }
        if reconfiguration.removed.is_empty() {
            leading.reconfiguration = None;
        }
    }

    /// Rule 8.3: only to a voter that has answered and does not leave itself; without one it stays.
    fn hand_over_before_leaving(&mut self, out: &mut Vec<Output<I>>) {
        let too_soon = self.takeover.as_ref().is_some_and(|takeover| self.now < takeover.not_before);
        if too_soon || self.best_successor(|follower| follower.may_lead()).is_none() {
            return;
        }
        if let Role::Leader(leading) = &mut self.role {
            leading.handover =
                Some(Box::new(Handover { named: None, own_wish: true, attempt: None, until: NEVER }));
        }
        self.advance_handover(out);
    }

    /// Rule 8.3: a removed node is kept quiet until the change is committed, and told afterwards,
    /// until it answers or has not answered for long.
    pub(super) fn send_removal_notices(&mut self, out: &mut Vec<Output<I>>) {
        if !matches!(&self.role, Role::Leader(Leading { reconfiguration: Some(reconfiguration), .. }) if !reconfiguration.removed.is_empty())
        {
            return;
        }
        let (committed, promise) = (self.hard.committed, self.requested_promise());
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(reconfiguration) = &mut leading.reconfiguration else { return };
        let term = leading.term;
        let to: Vec<I> = reconfiguration.removed.iter().map(|removed| removed.id).collect();
        if committed {
            reconfiguration
                .removed
                .iter_mut()
                .for_each(|removed| removed.notices_left = removed.notices_left.saturating_sub(1));
            reconfiguration.removed.retain(|removed| removed.notices_left > 0);
        }
        let round = self.next_round();
        for to in to {
            let body = Body::Heartbeat(Heartbeat {
                promise,
                rank: None,
                order: Order::Follow,
                inherited: None,
                membership: committed.then(|| Box::new(self.hard.membership.clone())),
            });
            out.push(Output::Send { to, message: Message { header: self.header(term, round), body } });
        }
    }

    /// A node that is no member answers: it knows that it is out.
    pub(super) fn on_removed_member_reply(&mut self, from: I, header: &Header) {
        let version: MembershipVersion = self.hard.membership.version();
        if let Role::Leader(leading) = &mut self.role
            && let Some(reconfiguration) = &mut leading.reconfiguration
            && self.hard.committed
            && header.version == version
        {
            reconfiguration.removed.retain(|removed| removed.id != from);
        }
    }
}

#[cfg(test)]
mod tests;
