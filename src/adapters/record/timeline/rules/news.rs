//! The rules behind the events that a node reports.

use alloc::string::ToString;

use super::Step;
use crate::adapters::record::timeline::acts::Act;
use crate::event::{Event, HowRecovered, StepDown};
use crate::io::{Input, Output};
use crate::role::RoleKind;
use crate::types::NodeId;

impl<I: NodeId> Step<'_, I> {
    pub(super) fn on_news(&self, output: &Output<I>) -> Option<Act> {
        let Output::Event(event) = output else { return None };
        let act = |rules: &[&'static str]| Some(Act::new(event.to_string(), rules));
        match event {
            Event::Elected { .. } if self.before.role == RoleKind::Leader => act(&["5.1", "3.4"]),
            Event::Elected { .. } => act(&["3.4", "3.2"]),
            Event::SteppedDown { reason: StepDown::LeaseLapsed, .. } => act(&["3.3", "4.8", "5.2"]),
            Event::SteppedDown { reason: StepDown::NewLeader { .. }, .. } => act(&["5.3"]),
            Event::SteppedDown { reason: StepDown::Resigned { .. }, .. } => act(&["6.3"]),
            // What the node does shows it already.
            Event::LeaderChanged { leader: Some(leader) }
                if leader.id == self.id || self.hears_it(leader.id) =>
            {
                None
            }
            Event::LeaderChanged { .. } => act(&["2.1"]),
            Event::MembershipChanged { committed: true, .. } if self.is_known_from_a_member() => {
                act(&["7.2", "7.3"])
            }
            Event::MembershipChanged { committed: true, .. } => act(&["7.3"]),
            Event::MembershipChanged { committed: false, .. } => act(self.of_another_membership()),
            Event::TargetReached { .. } | Event::TargetAbandoned => act(&["8.2"]),
            Event::LearnerBehind { .. } | Event::VoterBehind { .. } => act(&["8.1", "8.2"]),
            Event::ReconfigurationStalled { .. } => act(&["8.2"]),
            Event::Removed => act(&["8.3"]),
            Event::LeaveForgotten => act(&["2.8"]),
            Event::StateLost => act(&["7.5", "9.1"]),
            Event::Recovered { how: HowRecovered::Rejoined, .. } => act(&["9.4"]),
            Event::Recovered { how: HowRecovered::Founded, .. } => act(&["9.6", "9.8"]),
            Event::QuorumLost { .. } => act(&["9.10"]),
            Event::TooManyForming { .. } => act(&["8.4"]),
            Event::HandoverFailed { .. } | Event::NoSuccessor { .. } => act(&["6.4"]),
            Event::ShortPromise { .. } => act(&["3.5"]),
            Event::Behind { .. } => act(&["4.2", "4.3"]),
            Event::OtherLife { .. } => act(&["1.7"]),
            Event::MembershipConflict { .. } => act(&["7.4"]),
            Event::TwoLeaders { .. } => act(&["5.4"]),
            Event::TermTooFarAhead { .. } => act(&["1.4"]),
            // The hosts report these, by no rule of the protocol.
            Event::LeaderLost { .. }
            | Event::Diagnosed(_)
            | Event::Resolved { .. }
            | Event::TickedLate { .. }
            | Event::ForeignCluster { .. }
            | Event::TwoProcesses { .. } => act(&[]),
        }
    }

    /// Whether the message in this step is of that node.
    fn hears_it(&self, id: I) -> bool {
        matches!(self.input, Some(Input::Receive { from, .. }) if *from == id)
    }

    fn is_known_from_a_member(&self) -> bool {
        self.has_other_membership() && self.after.role != RoleKind::Leader
    }

    /// The rules by which another membership is in force.
    fn of_another_membership(&self) -> &'static [&'static str] {
        let (before, after) = (&self.before.membership, &self.after.membership);
        // A learner that becomes a voter was a member before.
        let has_other_members = (before.voters(), before.learners()) != (after.voters(), after.learners());
        match (self.before.role, self.after.role) {
            (RoleKind::Leader, RoleKind::Leader) if has_other_members => &["8.1", "8.2"],
            (RoleKind::Leader, RoleKind::Leader) => &["4.6"],
            (_, RoleKind::Leader) if before.is_forming() => &["8.4", "4.6"],
            (_, RoleKind::Leader) => &["4.6"],
            _ if !has_other_members => &["7.1", "7.2"],
            _ => &["7.2"],
        }
    }
}
