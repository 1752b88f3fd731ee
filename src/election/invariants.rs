//! What holds after each step and tick, as far as one node can tell.

use rand_core::Rng;

use super::Election;
use crate::role::{Renewal, Role};
use crate::types::NodeId;

impl<I: NodeId, R: Rng> Election<I, R> {
    pub(super) fn is_sound(&self) -> bool {
        let members = &self.hard.membership;
        let role = match &self.role {
            Role::Follower(_) => true,
            // A promise forbids to campaign. Rule 2.1.
            Role::PreCandidate(_) => self.promise.end() <= self.now && self.sends_pre_votes(),
            Role::Candidate(_) => self.hard.voted_for == Some(self.id) && self.is_electable(),
            Role::Leader(leading) => {
                let renews = matches!(leading.renewal.as_deref(), Some(Renewal::Asking { .. }));
                leading.lease > self.now
                    && leading.progress.len() == members.members().len()
                    && leading.term == members.version().term
                    && (leading.term == self.hard.term || (renews && leading.term < self.hard.term))
            }
        };
        let stands = matches!(self.role, Role::Candidate(_) | Role::Leader(_));
        role && self.hard.term >= members.version().term && !(self.has_reserved_vote() && stands)
    }
}
