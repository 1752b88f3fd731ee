//! The leader changes the members, one safe step at a time, on its way to a target.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::{Event, Output, Rejection};
use crate::membership::{MAX_MEMBERS, Membership, majority};
use crate::message::{Body, Header, Heartbeat, Message, Order};
use crate::reconfig::{Standing, Target, next_step, quorums_overlap};
use crate::role::{Departed, Handover, Leading, Leaving, Role, Walk};
use crate::succession::Follower;
use crate::types::{NEVER, NodeId, Priority, Version};

/// How many heartbeats tell a removed node that it is out, if it does not answer.
const TELLINGS: u8 = 20;

impl<I: NodeId, R: Rng> Election<I, R> {
    /// The operator wants other members. Rule 8.2.
    pub(super) fn reconfigure(
        &mut self,
        target: Target<I>,
        force: bool,
        out: &mut Vec<Output<I>>,
    ) -> Result<(), Rejection<I>> {
        self.may_reconfigure(&target, force)?;
        self.walk_to(target, force, out);
        Ok(())
    }

    fn may_reconfigure(&self, target: &Target<I>, force: bool) -> Result<(), Rejection<I>> {
        let Role::Leader(leading) = &self.role else {
            return Err(Rejection::NotLeader { leader: self.leader().map(|(leader, _)| leader) });
        };
        if leading.renewal.is_some() {
            return Err(Rejection::Renewing);
        }
        if target.learners().contains(&self.id) {
            return Err(Rejection::LeaderAsLearner);
        }
        if target.voters().iter().all(|&id| self.is_leaving(id)) {
            return Err(Rejection::NobodyStays);
        }
        let never_leads = |&id: &I| match id == self.id {
            true => self.priority == Priority::NEVER_LEADS,
            false => self.record_of(id).is_some_and(|record| record.answered && !record.may_lead()),
        };
        if target.voters().iter().all(never_leads) {
            return Err(Rejection::NobodyCouldLead);
        }
        if !target.contains(self.id) && target.size() >= MAX_MEMBERS {
            return Err(Rejection::TooManyMembers);
        }
        // Who is new has not had a chance to answer yet.
        let new = |id: I, of: &Follower| !self.hard.membership.is_voter(id) && !of.answered;
        let gone = |id: I, of: &Follower| of.until <= self.now && !new(id, of);
        let silent = |&&id: &&I| self.hard.committed && self.record_of(id).is_some_and(|of| gone(id, of));
        let silent = target.voters().iter().filter(silent).count();
        let reachable = target.voters().len().saturating_sub(silent);
        if !force && reachable < majority(target.voters().len()) {
            return Err(Rejection::QuorumUnreachable);
        }
        if self.hard.membership.version().number == u64::MAX {
            return Err(Rejection::NoNumberLeft);
        }
        Ok(())
    }

    pub(super) fn walk_to(&mut self, target: Target<I>, force: bool, out: &mut Vec<Output<I>>) {
        if self.leaving == Leaving::ByTarget && target.contains(self.id) {
            self.leaving = Leaving::No;
        }
        if let Role::Leader(leading) = &mut self.role {
            let walk = leading.walk.get_or_insert_with(Walk::new);
            walk.target = Some(target);
            walk.force = force;
        }
        self.advance_walk(out);
    }

    /// This node wants to be removed. Rule 8.3.
    pub(super) fn leave(&mut self, out: &mut Vec<Output<I>>) -> Result<(), Rejection<I>> {
        let members = &self.hard.membership;
        if !members.contains(self.id) {
            return Err(Rejection::NotAMember);
        }
        if members.voters() == [self.id] && !members.is_forming() {
            return Err(Rejection::NobodyStays);
        }
        self.leaving = Leaving::ByWish;
        if let Role::Leader(leading) = &mut self.role {
            leading.walk.get_or_insert_with(Walk::new);
        }
        self.advance_walk(out);
        Ok(())
    }

    fn is_leaving(&self, id: I) -> bool {
        match id == self.id {
            true => self.leaving != Leaving::No,
            false => self.record_of(id).is_some_and(|record| record.leaving),
        }
    }

    pub(super) fn record_of(&self, id: I) -> Option<&Follower> {
        let Role::Leader(leading) = &self.role else { return None };
        self.hard.membership.index_of(id).and_then(|place| leading.followers.get(place))
    }

    /// Where the leader is going: to the target, without those who want to leave, and for as long as
    /// it leads not without itself. Rule 8.3.
    fn destination(&self) -> Option<Target<I>> {
        let Role::Leader(leading) = &self.role else { return None };
        let members = &self.hard.membership;
        match leading.walk.as_ref()?.target.as_ref() {
            Some(target) => self.with_itself(target.voters(), target.learners(), |id| !self.is_leaving(id)),
            None => self.with_itself(members.voters(), members.learners(), |id| !self.is_leaving(id)),
        }
    }

    fn with_itself(&self, voters: &[I], learners: &[I], stays: impl Fn(I) -> bool) -> Option<Target<I>> {
        let other = |&id: &I| id != self.id && stays(id);
        let voters = voters.iter().copied().filter(other).chain([self.id]);
        Target::new(voters, learners.iter().copied().filter(other)).ok()
    }

    /// Whether all steps but its own leaving are taken, for good.
    pub(super) fn has_arrived(&self) -> bool {
        let reached = |destination: Target<I>| destination.is_reached(&self.hard.membership);
        self.hard.committed && self.destination().is_some_and(reached)
    }

    /// Rule 8.2: takes the next step, once that is safe; or goes, once all others are taken.
    pub(super) fn advance_walk(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &self.role else { return };
        let Some(walk) = &leading.walk else { return };
        // Rule 8.1 (a). Rule 6.1: no step while it renews or hands over.
        let free = leading.renewal.is_none() && leading.handover.is_none();
        // Rule 8.1: a lease of an earlier membership may still be acted on.
        let settled = leading.lease >= walk.issued || self.now >= walk.issued;
        if !free || !settled || !self.config_and_term_quorum_check() {
            return;
        }
        match self.next_membership() {
            Some((next, forced)) => self.prepare(next, forced, out),
            None if self.has_arrived() => self.arrive(out),
            None => self.stand_still(out),
        }
    }

    /// Spec: `ConfigQuorumCheck`, "∃ Q ∈ Quorums(config[i]) : ∀ t ∈ Q : CV(t) = CV(i)", and
    /// `TermQuorumCheck`, "∃ Q ∈ Quorums(config[i]) : ∀ t ∈ Q : currentTerm[t] = currentTerm[i]".
    /// Who has acknowledged has shown both in one reply.
    pub(super) fn config_and_term_quorum_check(&self) -> bool {
        let Role::Leader(leading) = &self.role else { return false };
        let acknowledged =
            |place: usize| leading.followers.get(place).is_some_and(|follower| follower.acknowledged);
        self.hard.membership.is_quorum(acknowledged)
    }

    /// Rule 8.1 (d): the lease holds for a heartbeat interval more. If there is no such step, and only
    /// then, force takes one without; but not for the sake of who wants to leave. Says whether it did.
    fn next_membership(&self) -> Option<(Membership<I>, bool)> {
        let Role::Leader(leading) = &self.role else { return None };
        let (members, walk) = (&self.hard.membership, leading.walk.as_ref()?);
        let enough = self.now.saturating_add(self.heartbeat_interval());
        let sound = |next: &Membership<I>| self.lease_under(next) >= enough;
        let next = next_step(members, &self.destination()?, |id| self.standing_of(id, false), sound);
        if next.is_some() || !walk.force {
            return next.map(|next| (next, false));
        }
        let target = walk.target.as_ref()?;
        let target = self.with_itself(target.voters(), target.learners(), |_| true)?;
        next_step(members, &target, |id| self.standing_of(id, true), |_| true).map(|next| (next, true))
    }

    /// Rule 8.1 (d): who is promoted holds the membership in force and is bound now.
    fn standing_of(&self, id: I, force: bool) -> Standing {
        let Some(record) = self.record_of(id) else { return Standing::Silent };
        let learner = !self.hard.membership.is_voter(id);
        match (record.until > self.now, record.acknowledged) {
            (true, _) if self.is_leaving(id) => Standing::Leaving,
            (true, true) => Standing::Ready,
            (true, false) => Standing::Answering,
            (false, true) if force && learner => Standing::Ready,
            (false, _) => Standing::Silent,
        }
    }

    /// The lease that the promises of its voters would give under `members`. Rule 3.2.
    fn lease_under(&self, members: &Membership<I>) -> u64 {
        let until = |&id: &I| self.record_of(id).map_or(0, |record| record.until);
        members.quorum_value(0, |place| members.voters().get(place).map_or(0, until))
    }

    /// Rule 3.5: a step writes and makes others write, so the leader first asks for the long promise,
    /// of those who will keep it in office too.
    fn prepare(&mut self, next: Membership<I>, forced: bool, out: &mut Vec<Output<I>>) {
        let now = self.now;
        let enough = now.saturating_add(self.three_quarters());
        let until = now.saturating_add(self.lengths.promise().saturating_mul(2));
        let under_next = self.lease_under(&next);
        let Role::Leader(leading) = &mut self.role else { return };
        let lease = leading.lease;
        let Some(walk) = &mut leading.walk else { return };
        walk.still_since = None;
        let long = lease >= enough && (forced || under_next >= enough);
        match walk.preparing {
            _ if long => self.reconfig(next, forced, out),
            Some(end) if now >= end => self.reconfig(next, forced, out),
            Some(_) => {}
            None => {
                walk.preparing = Some(until);
                self.broadcast(out);
            }
        }
    }

    /// No step is possible, though some are left: somebody does not answer. Who wants to leave itself
    /// does not wait for that for long.
    fn stand_still(&mut self, out: &mut Vec<Output<I>>) {
        let (now, patience) = (self.now, self.lengths.promise().saturating_mul(2));
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(walk) = &mut leading.walk else { return };
        walk.preparing = None;
        let since = *walk.still_since.get_or_insert(now);
        if self.leaving == Leaving::ByWish && now >= since.saturating_add(patience) {
            self.hand_over_and_go(out);
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
        let followers = self.records_under(&next);
        let gone: Vec<I> = old.members().iter().copied().filter(|&id| !next.contains(id)).collect();
        let mut forgotten = false;
        let Role::Leader(leading) = &mut self.role else { return };
        leading.followers = followers;
        leading.tuning = None;
        leading.unranked = true;
        if let Some(walk) = &mut leading.walk {
            walk.issued = walk.issued.max(leading.lease);
            walk.preparing = None;
            // It costs the lease once, and that is enough.
            walk.force &= !forced;
            // Who wanted to leave is not taken back for the target's sake.
            if let Some(target) = walk.target.take() {
                walk.target = target.without(&gone);
                forgotten = walk.target.is_none();
            }
            walk.departed.retain(|departed| !next.contains(departed.id));
            walk.departed.extend(gone.into_iter().map(|id| Departed { id, left: TELLINGS }));
            let surplus = walk.departed.len().saturating_sub(MAX_MEMBERS);
            walk.departed.drain(..surplus);
        }
        self.replace_membership(next);
        self.record(out);
        out.push(self.membership_event());
        if forgotten {
            out.push(Output::Event(Event::TargetForgotten));
        }
        let Role::Leader(leading) = &mut self.role else { return };
        let followers = &leading.followers;
        let until = |place: usize| followers.get(place).map_or(0, |follower| follower.until);
        leading.lease = self.hard.membership.quorum_value(0, until);
        self.broadcast(out);
        self.commit(out);
        self.lapse_if_over(out);
    }

    /// What is known of the members of `next`: of who stays what was, but for the acknowledgement.
    fn records_under(&self, next: &Membership<I>) -> Box<[Follower]> {
        let record = |&id: &I| {
            let known = self.record_of(id).cloned().unwrap_or_default();
            Follower { acknowledged: id == self.id, ..known }
        };
        next.members().iter().map(record).collect()
    }

    /// The destination is reached and committed. A leader that is not to stay hands over; the next
    /// leader removes it, which its flag asks for.
    fn arrive(&mut self, out: &mut Vec<Output<I>>) {
        let version = self.hard.membership.version();
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(walk) = &mut leading.walk else { return };
        walk.preparing = None;
        let sent_away = walk.target.as_ref().is_some_and(|target| !target.contains(self.id));
        if sent_away && self.leaving == Leaving::No {
            self.leaving = Leaving::ByTarget;
        }
        walk.force = false;
        if !sent_away && walk.target.take().is_some() {
            out.push(Output::Event(Event::TargetReached { version }));
        }
        if self.leaving != Leaving::No {
            return self.hand_over_and_go(out);
        }
        if walk.departed.is_empty() {
            leading.walk = None;
        }
    }

    /// Rule 8.3: only to a voter that has answered and does not leave itself; without one it stays.
    fn hand_over_and_go(&mut self, out: &mut Vec<Output<I>>) {
        let too_soon = self.takeover.as_ref().is_some_and(|takeover| self.now < takeover.not_before);
        if too_soon || self.best(|follower| follower.may_lead()).is_none() {
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
    pub(super) fn tell_departed(&mut self, out: &mut Vec<Output<I>>) {
        if !matches!(&self.role, Role::Leader(Leading { walk: Some(walk), .. }) if !walk.departed.is_empty())
        {
            return;
        }
        let (committed, promise) = (self.hard.committed, self.asked_length());
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(walk) = &mut leading.walk else { return };
        let term = leading.term;
        let to: Vec<I> = walk.departed.iter().map(|departed| departed.id).collect();
        if committed {
            walk.departed.iter_mut().for_each(|departed| departed.left = departed.left.saturating_sub(1));
            walk.departed.retain(|departed| departed.left > 0);
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
    pub(super) fn on_departed_reply(&mut self, from: I, header: &Header) {
        let version: Version = self.hard.membership.version();
        if let Role::Leader(leading) = &mut self.role
            && let Some(walk) = &mut leading.walk
            && self.hard.committed
            && header.version == version
        {
            walk.departed.retain(|departed| departed.id != from);
        }
    }
}

#[cfg(test)]
mod tests;
