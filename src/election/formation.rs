//! A group that forms itself: it starts with nodes that know nobody, and later takes up and gives up
//! nodes as they are discovered and lost. Rule 8.4.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::contacts::Oddity;
use crate::io::{Event, Output, Rejection};
use crate::membership::{Limits, Membership};
use crate::message::VoteRequest;
use crate::reconfig::Target;
use crate::role::Role;
use crate::tally::Tally;
use crate::types::{NEVER, NodeId, Term};

impl<I: NodeId, R: Rng> Election<I, R> {
    pub(super) fn discovered(&mut self, id: I, out: &mut Vec<Output<I>>) -> Result<(), Rejection<I>> {
        let limits = self.may_be_told_of(id)?;
        let forming = self.hard.membership.is_forming();
        let (mut voters, learners) = self.members_to_be();
        if voters.contains(&id) {
            return Ok(());
        }
        let full = voters.len().saturating_add(learners.len()) >= limits.max_members.into();
        if full && !learners.contains(&id) {
            return Err(Rejection::GroupFull { max_members: limits.max_members });
        }
        voters.push(id);
        if forming {
            self.know(voters, out)
        } else {
            self.aim_at(voters, learners, out)?
        }
        Ok(())
    }

    pub(super) fn lost(&mut self, id: I, out: &mut Vec<Output<I>>) -> Result<(), Rejection<I>> {
        let limits = self.may_be_told_of(id)?;
        let forming = self.hard.membership.is_forming();
        let (mut voters, mut learners) = self.members_to_be();
        if !voters.contains(&id) && !learners.contains(&id) {
            return Err(Rejection::NotAMember);
        }
        voters.retain(|&voter| voter != id);
        learners.retain(|&learner| learner != id);
        if forming {
            self.know(voters, out);
            return Ok(());
        }
        if voters.len() < limits.min_members.into() {
            return Err(Rejection::GroupTooSmall { min_members: limits.min_members });
        }
        self.aim_at(voters, learners, out)
    }

    /// Afterwards the leader alone takes up and gives up nodes.
    fn may_be_told_of(&self, id: I) -> Result<Limits, Rejection<I>> {
        if id == self.id {
            return Err(Rejection::ThisNode);
        }
        let members = &self.hard.membership;
        let leads = matches!(self.role, Role::Leader(_));
        if !members.is_forming() && !leads {
            return Err(Rejection::NotLeader { leader: self.leader().map(|(leader, _)| leader) });
        }
        members.limits().ok_or(Rejection::NoLimits)
    }

    /// The members as they are, or will be when the target is reached.
    fn members_to_be(&self) -> (Vec<I>, Vec<I>) {
        let members = &self.hard.membership;
        let target = match &self.role {
            Role::Leader(leading) => leading.walk.as_ref().and_then(|walk| walk.target.as_ref()),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => None,
        };
        match target {
            Some(target) => (target.voters().to_vec(), target.learners().to_vec()),
            None => (members.voters().to_vec(), members.learners().to_vec()),
        }
    }

    fn aim_at(
        &mut self,
        voters: Vec<I>,
        mut learners: Vec<I>,
        out: &mut Vec<Output<I>>,
    ) -> Result<(), Rejection<I>> {
        learners.retain(|learner| !voters.contains(learner));
        match Target::new(voters, learners) {
            Ok(target) => self.reconfigure(target, false, out),
            Err(_) => Err(Rejection::NobodyStays),
        }
    }

    /// A forming node knows these now. Its candidacy, if any, goes on among them: whoever of the
    /// forming nodes votes counts.
    fn know(&mut self, voters: Vec<I>, out: &mut Vec<Output<I>>) {
        let Some(known) = self.hard.membership.knowing(voters) else { return };
        let could = self.electable();
        self.make_known(known);
        self.record(out);
        let can = self.electable();
        if could && !can {
            self.become_follower(NEVER);
        } else if can && !could {
            let deadline = self.turn();
            self.become_follower(deadline);
        }
    }

    fn make_known(&mut self, known: Membership<I>) {
        match &mut self.role {
            Role::PreCandidate(canvass) => canvass.tally.realign(&self.hard.membership, &known),
            Role::Candidate(candidacy) => candidacy.tally.realign(&self.hard.membership, &known),
            Role::Follower(_) | Role::Leader(_) => {}
        }
        self.contacts.realign(&self.hard.membership, &known);
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
            self.tell_once(from, Oddity::TooManyForming, Event::TooManyForming { peer: from }, out);
        }
        founder
    }

    /// A forming node votes for another, and knows it from now on: the caller records both in one
    /// write, if this says that it is new.
    pub(super) fn meet(&mut self, candidate: I, request: &VoteRequest<I>) -> bool {
        let ours = &self.hard.membership;
        let forms = ours.is_forming() && request.membership.as_deref().is_some_and(Membership::is_forming);
        if !forms || ours.contains(candidate) {
            return false;
        }
        let known = ours.knowing(ours.voters().iter().copied().chain([candidate]).collect());
        known.map(|known| self.make_known(known)).is_some()
    }

    /// The first membership, of those whose votes elected its leader; and the target, of all that
    /// the leader has been told of.
    pub(super) fn found(&self, tally: &Tally, term: Term) -> Option<(Membership<I>, Target<I>)> {
        let known = &self.hard.membership;
        if !known.is_forming() {
            return None;
        }
        let voters = known.voters().iter().copied().enumerate();
        let founders =
            voters.filter(|&(place, _)| tally.granted_until(place) > 0).map(|(_, id)| id).collect();
        let target = Target::new(known.voters().iter().copied(), []).ok()?;
        Some((known.founded(term, founders)?, target))
    }
}
