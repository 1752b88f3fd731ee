//! Catching up: how far the data of a learner must reach before it votes, so that what a quorum of the voters
//! holds is not lost by a change of members.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::event::Event;
use crate::io::Output;
use crate::membership::Membership;
use crate::progress::Progress;
use crate::reconfig::{CAN_RECONFIGURE, has_same_quorums};
use crate::role::{Leading, ReachedPositions, Role};
use crate::types::{MemberIndex, NodeId, Position};

/// What a voter without data is taken to have reached.
const ANY_POSITION: Position = Position { term: u64::MAX, index: u64::MAX };

/// Whether a member has said that it never leads and holds no data, so that it has none to lose.
fn is_empty_witness(member: &Progress) -> bool {
    member.answered && !member.may_lead() && member.position == Position::default()
}

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 8.1 (h): remembers what a quorum has reached, after each round of heartbeats.
    ///
    /// A leads B and C, whose data grow all the time: a quorum has reached 100 at one round of heartbeats, and 140
    /// at the next, to which the learner D replies with 130. If D had to reach 140, a busy group would never take
    /// it up; it had to reach 100, and may vote.
    pub(super) fn record_reached_positions(&mut self) {
        if !CAN_RECONFIGURE
            || !matches!(&self.role, Role::Leader(leading) if leading.tasks.reconfiguration().is_some())
        {
            return;
        }
        let reached = self.reached_by_quorum();
        let Role::Leader(leading) = &mut self.role else { return };
        if let (Some(change), Some(latest)) = (leading.tasks.reconfiguration_mut(), reached) {
            let before = change.reached.as_ref().map_or(latest, |reached| reached.latest);
            change.reached = Some(ReachedPositions { latest, before });
        }
    }

    /// The position that a quorum of the voters has reached, as far as replies have shown; nothing before a quorum
    /// has replied. A witness without data counts as one that has reached all, since it can lose none.
    pub(super) fn reached_by_quorum(&self) -> Option<Position> {
        let Role::Leader(leading) = &self.role else { return None };
        let members = &self.hard.membership;
        let progress = |index: MemberIndex| leading.progress.get(index.as_usize());
        if !members.is_quorum(|index| progress(index).is_some_and(|member| member.answered)) {
            return None;
        }
        let farthest =
            members.indexed_voters().filter_map(|(index, _)| progress(index)).map(|one| one.position);
        let position = |index| match progress(index) {
            Some(voter) if is_empty_witness(voter) => ANY_POSITION,
            Some(voter) => voter.position,
            None => Position::default(),
        };
        let reached = members.quorum_value(Position::default(), position);
        Some(reached.min(farthest.max().unwrap_or_default()))
    }

    /// Rule 8.1 (h): the position that a learner has to reach before it votes.
    pub(super) fn required_position(&self) -> Option<Position> {
        let Role::Leader(leading) = &self.role else { return None };
        let change = leading.tasks.reconfiguration().filter(|change| !change.ignores_positions)?;
        match &change.reached {
            Some(reached) => Some(reached.before),
            None => self.reached_by_quorum(),
        }
    }

    /// Whether the data of a learner do not reach far enough yet for it to vote. One that is to be a witness without
    /// data need not have any.
    pub(super) fn is_behind(&self, learner: &Progress) -> bool {
        !is_empty_witness(learner)
            && self.required_position().is_some_and(|required| learner.position < required)
    }

    /// Rule 8.1 (h): whether what a quorum may have held at the election of this leader, and at its last step, is held
    /// by a quorum of the voters of now.
    pub(super) fn is_carried_over(&self) -> bool {
        let Role::Leader(leading) = &self.role else { return false };
        leading.tasks.reconfiguration().is_some_and(|change| change.ignores_positions)
            || self.reached_by_quorum().is_none_or(|reached| reached >= leading.to_carry_over)
    }

    /// Rule 8.1 (h): whether each quorum of `next` has a voter with the data that are to be carried over.
    ///
    /// A and B hold 9, C holds 5, and W is a witness without data, which votes for any node. {C, W} is a quorum of
    /// {A, C, W}, and would elect C.
    pub(super) fn is_carried_into(&self, next: &Membership<I>) -> bool {
        let Role::Leader(leading) = &self.role else { return false };
        let holds =
            |id: &&I| self.progress_of(**id).is_some_and(|voter| voter.position >= leading.to_carry_over);
        let holders = next.voters().iter().filter(holds).count();
        leading.tasks.reconfiguration().is_some_and(|change| change.ignores_positions)
            || holders.saturating_add(next.quorum()) > next.voters().len()
    }

    /// Rule 8.1 (h): the position that a quorum has to reach between the step to `next` and the step after that. A step
    /// that changes no quorum may be taken before all is carried over, and adds nothing to carry over.
    ///
    /// A holds 12, and the last reply of B says 9. The data of B may have reached 12 since, so that 12 is safe in
    /// {A, B, C}; after the step to {A, C}, which removes B, it is safe once C has reached 12 too.
    pub(super) fn position_to_carry_over(&self, leading: &Leading<I>, next: &Membership<I>) -> Position {
        let reached = self.reached_by_quorum().unwrap_or_default();
        match leading.tasks.reconfiguration() {
            _ if has_same_quorums(&self.hard.membership, next) => leading.to_carry_over,
            Some(change) if change.ignores_positions => reached,
            Some(_) | None => reached.max(self.position).max(leading.to_carry_over),
        }
    }

    /// The learners that are to vote and answer, but have too few data.
    fn learners_behind(&self) -> Vec<(I, Position)> {
        let Role::Leader(leading) = &self.role else { return Vec::new() };
        let target = leading.tasks.reconfiguration().and_then(|change| change.target.as_ref());
        let learners = target.into_iter().flat_map(|target| target.voters()).copied();
        learners
            .filter(|&id| !self.hard.membership.is_voter(id))
            .filter_map(|id| self.progress_of(id).map(|progress| (id, progress)))
            .filter(|(_, progress)| progress.acknowledged && self.is_behind(progress))
            .map(|(id, progress)| (id, progress.position))
            .collect()
    }

    /// The position that the learner at `index` has to reach before it votes, if it is to vote and has not.
    pub(super) fn awaited_position(&self, index: MemberIndex) -> Option<Position> {
        let id = self.hard.membership.member(index)?;
        self.learners_behind().iter().any(|&(learner, _)| learner == id).then(|| self.required_position())?
    }

    /// Rule 8.2 (g): tells the host which learners a reconfiguration waits for because of their data.
    pub(super) fn report_learners_behind(&mut self, out: &mut Vec<Output<I>>) {
        let Some(required) = self.required_position() else { return };
        let behind = self.learners_behind();
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(change) = leading.tasks.reconfiguration_mut() else { return };
        for (learner, position) in behind {
            if !change.reported_behind.contains(&learner) {
                change.reported_behind.push(learner);
                out.push(Output::Event(Event::LearnerBehind { learner, position, required }));
            }
        }
    }

    /// The voters that answer, or are this leader, and lack the data that are to be carried over, if a step may wait
    /// for that. Voters of which enough hold the data hold no step up, unless a witness makes a quorum with one.
    pub(super) fn voters_behind(&self) -> Vec<(I, Position)> {
        let Role::Leader(leading) = &self.role else { return Vec::new() };
        let voters =
            || self.hard.membership.voters().iter().filter_map(|&id| Some((id, self.progress_of(id)?)));
        if self.is_carried_over() && !voters().any(|(_, voter)| is_empty_witness(voter)) {
            return Vec::new();
        }
        voters()
            .filter(|&(id, voter)| (voter.acknowledged || id == self.id) && !is_empty_witness(voter))
            .filter(|(_, voter)| voter.position < leading.to_carry_over)
            .map(|(id, voter)| (id, voter.position))
            .collect()
    }

    /// Rule 8.2 (g): tells the host which voters a reconfiguration waits for because of their data.
    pub(super) fn report_voters_behind(&mut self, out: &mut Vec<Output<I>>) {
        let behind = self.voters_behind();
        let Role::Leader(leading) = &mut self.role else { return };
        let required = leading.to_carry_over;
        let Some(change) = leading.tasks.reconfiguration_mut().filter(|change| !change.ignores_positions)
        else {
            return;
        };
        for (voter, position) in behind {
            if !change.reported_behind.contains(&voter) {
                change.reported_behind.push(voter);
                out.push(Output::Event(Event::VoterBehind { voter, position, required }));
            }
        }
    }
}
