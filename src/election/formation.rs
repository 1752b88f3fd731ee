//! Formation: a group starts from nodes that know no other, and later its leader adds nodes that are discovered
//! and removes nodes that are lost. Rule 8.4.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::event::Event;
use crate::io::{Force, Output};
use crate::membership::{Limits, Membership};
use crate::message::VoteRequest;
use crate::peer_log::Anomaly;
use crate::reconfig::Target;
use crate::rejection::Rejection;
use crate::role::Role;
use crate::tally::Tally;
use crate::types::{NEVER, NodeId, Term, Timestamp};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// The host has found a node: one to form the group with, or, on the leader, one to add.
    pub(super) fn discovered(&mut self, id: I, out: &mut Vec<Output<I>>) -> Result<(), Rejection<I>> {
        if id == self.id {
            return Err(Rejection::DiscoveredItself);
        }
        let limits = self.limits_to_keep()?;
        let is_forming = self.hard.membership.is_forming();
        let (mut voters, learners) = self.intended_members();
        if voters.contains(&id) {
            return Ok(());
        }
        let is_full = voters.len().saturating_add(learners.len()) >= limits.max_members.into();
        if is_full && !learners.contains(&id) {
            return Err(Rejection::GroupFull { max_members: limits.max_members });
        }
        voters.push(id);
        if is_forming {
            self.set_known(voters, out)
        } else {
            self.set_target(voters, learners, out)?
        }
        Ok(())
    }

    /// The host has lost a node for good: the reverse of [`discovered`](Self::discovered).
    pub(super) fn lost(&mut self, id: I, out: &mut Vec<Output<I>>) -> Result<(), Rejection<I>> {
        if id == self.id {
            return Err(Rejection::LostItself);
        }
        let limits = self.limits_to_keep()?;
        let is_forming = self.hard.membership.is_forming();
        let (mut voters, mut learners) = self.intended_members();
        if !voters.contains(&id) && !learners.contains(&id) {
            return Err(Rejection::NotAMember { id });
        }
        voters.retain(|&voter| voter != id);
        learners.retain(|&learner| learner != id);
        if is_forming {
            self.set_known(voters, out);
            return Ok(());
        }
        if voters.len() < limits.min_members.into() {
            return Err(Rejection::GroupTooSmall { min_members: limits.min_members });
        }
        self.set_target(voters, learners, out)
    }

    /// The limits within which nodes are added and removed. While a group forms, every node may be told of others;
    /// afterwards only the leader.
    fn limits_to_keep(&self) -> Result<Limits, Rejection<I>> {
        let members = &self.hard.membership;
        let is_leader = matches!(self.role, Role::Leader(_));
        if !members.is_forming() && !is_leader {
            return Err(Rejection::NotLeader { leader: self.leader() });
        }
        members.limits().ok_or(Rejection::NoLimits)
    }

    /// The voters and learners of the target, or those of the membership in force if there is no target.
    fn intended_members(&self) -> (Vec<I>, Vec<I>) {
        let members = &self.hard.membership;
        let target = match &self.role {
            Role::Leader(leading) => {
                leading.tasks.reconfiguration().and_then(|change| change.target.as_ref())
            }
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) | Role::Recovering(_) => None,
        };
        match target {
            Some(target) => (target.voters().to_vec(), target.learners().to_vec()),
            None => (members.voters().to_vec(), members.learners().to_vec()),
        }
    }

    fn set_target(
        &mut self,
        voters: Vec<I>,
        mut learners: Vec<I>,
        out: &mut Vec<Output<I>>,
    ) -> Result<(), Rejection<I>> {
        learners.retain(|learner| !voters.contains(learner));
        match Target::new(voters, learners) {
            Ok(target) => self.reconfigure(target, Force::Never, out),
            Err(_) => Err(Rejection::NoVoterLeft),
        }
    }

    /// Makes `voters` the nodes that a forming node knows. A candidacy goes on, since the vote of every forming node
    /// counts.
    fn set_known(&mut self, voters: Vec<I>, out: &mut Vec<Output<I>>) {
        let Some(known) = self.hard.membership.with_known(voters) else { return };
        let was_electable = self.is_electable();
        self.replace_known(known);
        self.persist(out);
        let is_electable = self.is_electable();
        if was_electable && !is_electable {
            self.become_follower(NEVER);
        } else if is_electable && !was_electable {
            let deadline = self.draw_election_deadline();
            self.become_follower(deadline);
        }
    }

    fn replace_known(&mut self, known: Membership<I>) {
        match &mut self.role {
            Role::PreCandidate(round) => round.tally.realign(&self.hard.membership, &known),
            Role::Candidate(candidacy) => candidacy.ballot.tally.realign(&self.hard.membership, &known),
            Role::Follower(_) | Role::Leader(_) | Role::Recovering(_) => {}
        }
        self.peer_log.realign(&self.hard.membership, &known, self.id);
        self.set_membership(known);
    }

    /// Whether this node and the candidate that sent `request` both form a group.
    pub(super) fn is_forming_with(&self, request: &VoteRequest<I>) -> bool {
        let candidate_forms = request.membership.as_deref().is_some_and(Membership::is_forming);
        self.hard.membership.is_forming() && candidate_forms
    }

    /// Whether a group that forms has room for `candidate`, which this node may not know yet.
    pub(super) fn has_room_for_founder(&self, candidate: I) -> bool {
        let ours = &self.hard.membership;
        let has_room = ours.limits().is_some_and(|limits| ours.voters().len() < limits.max_members.into());
        ours.contains(candidate) || has_room
    }

    /// The host started more forming nodes than `max_members`.
    pub(super) fn report_too_many_forming(&mut self, peer: I, out: &mut Vec<Output<I>>) {
        self.report_anomaly(peer, Anomaly::TooManyForming, Event::TooManyForming { peer }, out);
    }

    /// A forming node knows the candidate that it votes for from now on. Returns whether that is new; the caller
    /// persists it together with the vote.
    pub(super) fn add_founder(&mut self, candidate: I, request: &VoteRequest<I>) -> bool {
        let ours = &self.hard.membership;
        if !self.is_forming_with(request) || ours.contains(candidate) {
            return false;
        }
        let known = ours.with_known(ours.voters().iter().copied().chain([candidate]).collect());
        known.map(|known| self.replace_known(known)).is_some()
    }

    /// The first membership, whose members are the nodes whose votes elected its leader; and the target, with all
    /// nodes that the leader has been told of.
    pub(super) fn founding_membership(
        &self,
        tally: &Tally,
        term: Term,
    ) -> Option<(Membership<I>, Target<I>)> {
        let known = &self.hard.membership;
        if !known.is_forming() {
            return None;
        }
        let granted = |index| tally.granted_until(index) > Timestamp::ORIGIN;
        let founders =
            known.indexed_voters().filter(|&(index, _)| granted(index)).map(|(_, id)| id).collect();
        let target = Target::new(known.voters().iter().copied(), []).ok()?;
        Some((known.first_membership(term, founders)?, target))
    }
}
