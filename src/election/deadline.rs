//! Whose turn it is to stand for election, and who may stand at all.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::membership::Limits;
use crate::rejection::Ineligible;
use crate::role::Role;
use crate::types::{NEVER, Nanos, NodeId, Priority};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 4.1: when it is this node's turn to stand, at the end of its promise or after it. Who may
    /// not stand asks only when it has heard nothing for long. Rule 8.3.
    pub(super) fn draw_election_deadline(&mut self) -> Nanos {
        let (stagger, unit) = (self.timing.stagger(), self.lapse_backoff_unit());
        let delay = match self.rank {
            _ if !self.is_electable() => self.timing.promise_limit().saturating_add(self.draw_jitter()),
            Some(rank) => stagger.saturating_mul(rank.into()),
            None => {
                let place = self.hard.membership.index_of(self.id).unwrap_or(0);
                let place = u64::try_from(place).unwrap_or(NEVER);
                stagger.saturating_mul(place).saturating_add(self.draw_jitter())
            }
        };
        let start = self.promise.end().max(self.now);
        start.saturating_add(delay).saturating_add(self.lapse_backoff.delay(self.now, unit))
    }

    /// Up to half a stagger, at random.
    pub(super) fn draw_jitter(&mut self) -> Nanos {
        let half = self.timing.stagger() / 2;
        self.rng.next_u64().checked_rem(half.saturating_add(1)).unwrap_or(0)
    }

    pub(super) fn lapse_backoff_unit(&self) -> Nanos {
        self.timing.promise() / 2
    }

    /// Whether this node may stand for election.
    pub(super) fn is_electable(&self) -> bool {
        self.ineligibility().is_none()
    }

    /// What keeps this node from standing for election. A forming node waits until it knows enough others.
    /// Rule 8.4.
    pub(super) fn ineligibility(&self) -> Option<Ineligible> {
        let members = &self.hard.membership;
        if self.state_lost {
            return Some(Ineligible::StateLost);
        }
        if !members.is_voter(self.id) {
            return Some(Ineligible::NotAVoter);
        }
        if self.priority == Priority::NEVER_LEADS {
            return Some(Ineligible::NeverLeads);
        }
        let Limits { min_members, .. } = members.limits().filter(|_| members.is_forming())?;
        let known = members.voters().len();
        (known < min_members.into()).then_some(Ineligible::StillForming { known, min_members })
    }

    /// Whether this node asks for pre-votes when its turn comes. A member that may not stand does too,
    /// for the sake of the answers: it may have been removed. Rule 8.3.
    pub(super) fn sends_pre_votes(&self) -> bool {
        self.is_electable() || (self.was_member && !self.state_lost)
    }

    /// This node's turn, after another `delay`.
    pub(super) fn draw_deadline_after(&mut self, delay: Nanos) -> Nanos {
        let unit = self.lapse_backoff_unit();
        self.now
            .saturating_add(delay)
            .saturating_add(self.draw_jitter())
            .saturating_add(self.lapse_backoff.delay(self.now, unit))
    }

    pub(super) fn set_priority(&mut self, priority: Priority, out: &mut Vec<Output<I>>) {
        let could = self.is_electable();
        self.priority = priority;
        match &self.role {
            Role::Leader(_) => self.consider_takeover(out),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_)
                if could == self.is_electable() => {}
            Role::Follower(_) => {
                let deadline = if self.sends_pre_votes() { self.draw_election_deadline() } else { NEVER };
                if let Role::Follower(following) = &mut self.role {
                    following.deadline = deadline;
                    following.early_pre_vote_at = NEVER;
                    following.early_pre_vote = None;
                    following.leader_index = None;
                    following.transfer_pre_vote = None;
                }
            }
            Role::PreCandidate(_) | Role::Candidate(_) => {
                let deadline = self.draw_election_deadline();
                self.become_follower(deadline);
            }
        }
    }
}
