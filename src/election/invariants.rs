//! What holds after each step and tick, as far as one node can tell. Debug builds check it.

use rand_core::Rng;

use super::Election;
use crate::role::{Leading, Role};
use crate::types::NodeId;

impl<I: NodeId, R: Rng> Election<I, R> {
    pub(super) fn check_invariants(&self) {
        let membership_term = self.hard.membership.version().term;
        debug_assert!(self.hard.term >= membership_term, "the term is below the membership's (rule 7.2)");
        debug_assert!(
            self.own_index == self.hard.membership.index_of(self.id),
            "this node is at another index of its membership"
        );
        match &self.role {
            Role::Follower(_) => {}
            Role::PreCandidate(_) => {
                debug_assert!(self.promise.end() <= self.now, "a bound node asks for pre-votes (rule 2.1)");
                debug_assert!(self.sends_pre_votes(), "a node that may not campaign asks for pre-votes");
            }
            Role::Candidate(_) => {
                let has_own_vote = self.hard.voted_for() == Some(self.id);
                debug_assert!(has_own_vote, "a candidate has not voted for itself (rule 4.3)");
                debug_assert!(self.is_electable(), "a node that may not lead campaigns");
                debug_assert!(!self.has_reserved_vote(), "a candidate still reserves a vote (rule 4.10)");
            }
            Role::Leader(leading) => self.check_leader_invariants(leading),
            Role::Recovering(_) => {
                debug_assert!(
                    !self.has_reserved_vote(),
                    "a node that has forgotten reserves a vote (rule 9.1)"
                );
            }
        }
        debug_assert!(
            self.hard.blank().is_some() == self.is_recovering(),
            "only a blank node recovers (rule 9.1)"
        );
    }

    fn check_leader_invariants(&self, leading: &Leading<I>) {
        let members = &self.hard.membership;
        debug_assert!(leading.lease > self.now, "a leader has no lease (rule 3.3)");
        let tracks_all = leading.progress.len() == members.members().len();
        debug_assert!(tracks_all, "a leader does not have the progress of each member");
        debug_assert!(
            leading.beyond_lease == leading.voters_beyond_lease(members),
            "a leader has miscounted the voters bound beyond its lease (rule 3.2)"
        );
        let wrote_version = leading.term == members.version().term;
        debug_assert!(wrote_version, "the membership does not bear the leader's term (rule 4.6)");
        let is_current = leading.term == self.hard.term;
        let is_renewing = leading.is_requesting_votes() && leading.term < self.hard.term;
        debug_assert!(is_current || is_renewing, "a leader leads in another term than its own (rule 5.1)");
        debug_assert!(!self.has_reserved_vote(), "a leader still reserves a vote (rule 4.10)");
    }
}
