//! What the host says about its node while it runs: how far its data reach, and how much it should lead.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::role::Role;
use crate::types::{NEVER, NodeId, Position, Priority};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Takes effect at once, too: a node that has caught up after it forgot may lead again (9.4).
    pub(super) fn set_position(&mut self, position: Position) {
        let could = self.is_electable();
        self.position = position;
        self.peer_log.forget_reached(position);
        if let (Role::Leader(leading), Some(index)) = (&mut self.role, self.own_index) {
            leading.unranked = true;
            if let Some(own) = leading.progress.get_mut(index.as_usize()) {
                own.position = position;
            }
        }
        if could != self.is_electable() {
            self.reset_candidacy();
        }
    }

    /// Takes effect at once: a node that may no longer lead stops campaigning, a leader considers a handover.
    pub(super) fn set_priority(&mut self, priority: Priority, out: &mut Vec<Output<I>>) {
        let could = self.is_electable();
        self.priority = priority;
        if matches!(self.role, Role::Leader(_)) {
            self.withdraw_needless_takeover();
            self.consider_takeover(out);
        } else if could != self.is_electable() {
            self.reset_candidacy();
        }
    }

    /// This node may lead now, or no longer: it waits for its next election deadline.
    fn reset_candidacy(&mut self) {
        match &self.role {
            Role::Leader(_) | Role::Recovering(_) => {}
            Role::Follower(_) => {
                let deadline = if self.sends_pre_votes() { self.draw_election_deadline() } else { NEVER };
                if let Role::Follower(following) = &mut self.role {
                    following.reset_candidacy(deadline);
                }
            }
            Role::PreCandidate(_) | Role::Candidate(_) => {
                let deadline = self.draw_election_deadline();
                self.become_follower(deadline);
            }
        }
    }
}
