//! Whose turn it is to stand for election, and who may stand at all.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::role::Role;
use crate::types::{NEVER, Nanos, NodeId, Priority};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 4.1: when it is this node's turn to stand, at the end of its promise or after it. Who may
    /// not stand asks only when it has heard nothing for long. Rule 8.3.
    pub(super) fn turn(&mut self) -> Nanos {
        let (stagger, unit) = (self.lengths.stagger(), self.flap_unit());
        let turn = match self.rank {
            _ if !self.electable() => self.lengths.promise_limit().saturating_add(self.spread()),
            Some(rank) => stagger.saturating_mul(rank.into()),
            None => {
                let place = self.hard.membership.index_of(self.id).unwrap_or(0);
                let place = u64::try_from(place).unwrap_or(NEVER);
                stagger.saturating_mul(place).saturating_add(self.spread())
            }
        };
        let start = self.promise.end().max(self.now);
        start.saturating_add(turn).saturating_add(self.flap.delay(self.now, unit))
    }

    /// Up to half a stagger, at random.
    pub(super) fn spread(&mut self) -> Nanos {
        let half = self.lengths.stagger() / 2;
        self.rng.next_u64().checked_rem(half.saturating_add(1)).unwrap_or(0)
    }

    pub(super) fn flap_unit(&self) -> Nanos {
        self.lengths.promise() / 2
    }

    /// Whether this node may ever lead. A forming node waits until it knows enough others. Rule 8.4.
    pub(super) fn electable(&self) -> bool {
        let members = &self.hard.membership;
        let forming = members.limits().filter(|_| members.is_forming());
        let enough = forming.is_none_or(|limits| members.voters().len() >= limits.min_members.into());
        self.priority > Priority::NEVER_LEADS && members.is_voter(self.id) && enough && !self.state_lost
    }

    /// Whether this node asks for pre-votes when its turn comes. A member that may not stand does too,
    /// for the sake of the answers: it may have been removed. Rule 8.3.
    pub(super) fn asks(&self) -> bool {
        self.electable() || (self.was_member && !self.state_lost)
    }

    /// This node's turn, after another `turn`.
    pub(super) fn turn_after(&mut self, turn: Nanos) -> Nanos {
        let unit = self.flap_unit();
        self.now
            .saturating_add(turn)
            .saturating_add(self.spread())
            .saturating_add(self.flap.delay(self.now, unit))
    }

    pub(super) fn set_priority(&mut self, priority: Priority, out: &mut Vec<Output<I>>) {
        let could = self.electable();
        self.priority = priority;
        match &self.role {
            Role::Leader(_) => self.consider_takeover(out),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) if could == self.electable() => {}
            Role::Follower(_) => {
                let deadline = if self.asks() { self.turn() } else { NEVER };
                if let Role::Follower(following) = &mut self.role {
                    following.deadline = deadline;
                    following.ahead_at = NEVER;
                    following.ahead = None;
                    following.leader_at = None;
                    following.trial = None;
                }
            }
            Role::PreCandidate(_) | Role::Candidate(_) => {
                let deadline = self.turn();
                self.become_follower(deadline);
            }
        }
    }
}
