//! The rules by which a node changes its role, its term, and what it has stored.

use alloc::format;
use alloc::vec::Vec;

use super::Step;
use crate::adapters::record::timeline::acts::Act;
use crate::io::{Input, Output};
use crate::message::{Body, Claim};
use crate::role::RoleKind;
use crate::types::NodeId;

impl<I: NodeId> Step<'_, I> {
    pub(super) fn on_transition(&self) -> Vec<Act> {
        let mut acts = Vec::new();
        acts.extend(self.on_reservation());
        let was_asked = self.input == Some(&Input::Campaign);
        match (self.before.role, self.after.role) {
            (RoleKind::Follower | RoleKind::Candidate, RoleKind::PreCandidate) => {
                let rules: &[&'static str] = if was_asked { &["4.2"] } else { &["4.1", "4.2"] };
                acts.push(Act::new(format!("asks for pre-votes in term {}", self.after.term), rules));
            }
            (before, RoleKind::Candidate) if before != RoleKind::Candidate || self.has_raised_term() => {
                acts.push(self.on_candidacy(before));
            }
            (RoleKind::PreCandidate | RoleKind::Candidate, RoleKind::Follower) if self.gives_up() => {
                acts.push(Act::new("gives up its candidacy".into(), &["4.4"]));
            }
            (before, RoleKind::Recovering) if before != RoleKind::Recovering => {
                acts.push(Act::new(
                    "has forgotten, and takes no part until others have told it".into(),
                    &["9.1"],
                ));
            }
            _ => {}
        }
        acts
    }

    fn on_candidacy(&self, before: RoleKind) -> Act {
        let claim = self.sent().find_map(|(_, message)| match message.body() {
            Body::VoteRequest(request) => Some(request.claim),
            _ => None,
        });
        let is_ordered = matches!(claim, Some(Claim::Handover { .. }));
        Act::new(format!("campaigns in term {}", self.after.term), &["4.3", "1.1"])
            .citing_if(is_ordered, &["6.3"])
            .citing_if(before == RoleKind::Candidate, &["4.4"])
            .citing_if(before == RoleKind::Follower && !is_ordered, &["4.9"])
    }

    /// Whether the node ends its candidacy without following another node.
    fn gives_up(&self) -> bool {
        self.after.leader.is_none()
            && self.after.promise == self.before.promise
            && !self.has_other_membership()
    }

    /// Rule 4.10: a vote for itself is stored in a term that the node does not take part in yet.
    fn on_reservation(&self) -> Option<Act> {
        let reserved = self.outputs.iter().find_map(|output| match output {
            Output::Persist(state) if state.term > self.after.term && state.voted_for == Some(self.id) => {
                Some(state.term)
            }
            _ => None,
        })?;
        Some(Act::new(format!("reserves its vote of term {reserved} for itself"), &["4.10"]))
    }
}
