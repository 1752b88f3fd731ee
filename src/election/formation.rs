//! A group that forms itself: it starts with nodes that know nobody, and later takes up and gives up
//! nodes as they are discovered and lost. Rule 8.4.

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
use crate::types::{NEVER, NodeId, Term};

impl<I: NodeId, R: Rng> Election<I, R> {
    pub(super) fn discovered(&mut self, id: I, out: &mut Vec<Output<I>>) -> Result<(), Rejection<I>> {
        if id == self.id {
            return Err(Rejection::DiscoveredItself);
        }
        let limits = self.limits_to_keep()?;
        let forming = self.hard.membership.is_forming();
        let (mut voters, learners) = self.intended_members();
        if voters.contains(&id) {
            return Ok(());
        }
        let full = voters.len().saturating_add(learners.len()) >= limits.max_members.into();
        if full && !learners.contains(&id) {
            return Err(Rejection::GroupFull { max_members: limits.max_members });
        }
        voters.push(id);
        if forming {
            self.set_known(voters, out)
        } else {
            self.set_target(voters, learners, out)?
        }
        Ok(())
    }

    pub(super) fn lost(&mut self, id: I, out: &mut Vec<Output<I>>) -> Result<(), Rejection<I>> {
        if id == self.id {
            return Err(Rejection::LostItself);
        }
        let limits = self.limits_to_keep()?;
        let forming = self.hard.membership.is_forming();
        let (mut voters, mut learners) = self.intended_members();
        if !voters.contains(&id) && !learners.contains(&id) {
            return Err(Rejection::NotAMember { id });
        }
        voters.retain(|&voter| voter != id);
        learners.retain(|&learner| learner != id);
        if forming {
            self.set_known(voters, out);
            return Ok(());
        }
        if voters.len() < limits.min_members.into() {
            return Err(Rejection::GroupTooSmall { min_members: limits.min_members });
        }
        self.set_target(voters, learners, out)
    }

    /// The limits within which a node is taken up or given up. Once a group has formed, its leader alone
    /// does that.
    fn limits_to_keep(&self) -> Result<Limits, Rejection<I>> {
        let members = &self.hard.membership;
        let leads = matches!(self.role, Role::Leader(_));
        if !members.is_forming() && !leads {
            return Err(Rejection::NotLeader { leader: self.leader() });
        }
        members.limits().ok_or(Rejection::NoLimits)
    }

    /// The members as they are, or will be when the target is reached.
    fn intended_members(&self) -> (Vec<I>, Vec<I>) {
        let members = &self.hard.membership;
        let target = match &self.role {
            Role::Leader(leading) => {
                leading.reconfiguration.as_ref().and_then(|reconfiguration| reconfiguration.target.as_ref())
            }
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => None,
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

    /// A forming node knows these now. Its candidacy, if any, goes on among them: whoever of the
    /// forming nodes votes counts.
    fn set_known(&mut self, voters: Vec<I>, out: &mut Vec<Output<I>>) {
        let Some(known) = self.hard.membership.with_known(voters) else { return };
        let could = self.is_electable();
        self.replace_known(known);
        self.persist(out);
        let can = self.is_electable();
        if could && !can {
            self.become_follower(NEVER);
        } else if can && !could {
            let deadline = self.draw_election_deadline();
            self.become_follower(deadline);
        }
    }

    fn replace_known(&mut self, known: Membership<I>) {
        match &mut self.role {
            Role::PreCandidate(pre_vote_round) => pre_vote_round.tally.realign(&self.hard.membership, &known),
            Role::Candidate(candidacy) => candidacy.tally.realign(&self.hard.membership, &known),
            Role::Follower(_) | Role::Leader(_) => {}
        }
        self.peer_log.realign(&self.hard.membership, &known);
        self.hard.membership = known;
    }

    /// A forming node is heard by every other one that may belong to its group, known or not.
    pub(super) fn is_founder(&mut self, from: I, request: &VoteRequest<I>, out: &mut Vec<Output<I>>) -> bool {
        let ours = &self.hard.membership;
        if !ours.is_forming() || !request.membership.as_deref().is_some_and(Membership::is_forming) {
            return false;
        }
        let room = ours.limits().is_some_and(|limits| ours.voters().len() < limits.max_members.into());
        let founder = ours.contains(from) || room;
        if !founder {
            self.report_once(from, Anomaly::TooManyForming, Event::TooManyForming { peer: from }, out);
        }
        founder
    }

    /// A forming node votes for another, and knows it from now on: the caller records both in one
    /// write, if this says that it is new.
    pub(super) fn add_founder(&mut self, candidate: I, request: &VoteRequest<I>) -> bool {
        let ours = &self.hard.membership;
        let forms = ours.is_forming() && request.membership.as_deref().is_some_and(Membership::is_forming);
        if !forms || ours.contains(candidate) {
            return false;
        }
        let known = ours.with_known(ours.voters().iter().copied().chain([candidate]).collect());
        known.map(|known| self.replace_known(known)).is_some()
    }

    /// The first membership, of those whose votes elected its leader; and the target, of all that
    /// the leader has been told of.
    pub(super) fn founding_membership(
        &self,
        tally: &Tally,
        term: Term,
    ) -> Option<(Membership<I>, Target<I>)> {
        let known = &self.hard.membership;
        if !known.is_forming() {
            return None;
        }
        let voters = known.voters().iter().copied().enumerate();
        let founders =
            voters.filter(|&(place, _)| tally.granted_until(place) > 0).map(|(_, id)| id).collect();
        let target = Target::new(known.voters().iter().copied(), []).ok()?;
        Some((known.first_membership(term, founders)?, target))
    }
}
