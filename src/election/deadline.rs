//! The election deadline: when a node starts a pre-vote round, and whether it may campaign at all.

use rand_core::Rng;

use super::Election;
use crate::membership::Limits;
use crate::message::Phase;
use crate::rejection::Ineligible;
use crate::role::{Participation, Role};
use crate::types::{MemberIndex, Nanos, NodeId, Priority, Timestamp};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 4.1: the end of this node's promise, plus its rank times the stagger. A member that may not lead
    /// waits until it has heard nothing for long (rule 8.3).
    ///
    /// A dies, and the promises to it end at 150. B, of rank 0, campaigns at 150, and C, of rank 1, at 170,
    /// unless it is bound to B by then. D is a learner and asks at 600 (150 + `promise_limit`), or up to 10 ms
    /// later, only to learn whether it was removed. At a cold start there are no ranks: A, B and C campaign at
    /// 0, 20 and 40, each up to 10 ms later by chance.
    pub(super) fn draw_election_deadline(&mut self) -> Timestamp {
        let (stagger, unit) = (self.timing.stagger(), self.lapse_backoff_unit());
        let delay = match self.rank {
            _ if !self.is_electable() => self.timing.promise_limit().saturating_add(self.draw_jitter()),
            Some(rank) => stagger.saturating_mul(rank.into()),
            None => {
                let index = self.own_index.unwrap_or(MemberIndex::FIRST);
                stagger.saturating_mul(index.into()).saturating_add(self.draw_jitter())
            }
        };
        let start = self.promise.end().max(self.now);
        start.after(delay).after(self.trouble.settle_lapses(self.now, unit))
    }

    /// Rule 4.1 (d): a follower of a rank above 0 that has been asked for an early pre-vote, and has no objection
    /// but the rest of its promise, gives the successor time to write its vote.
    ///
    /// A is dead, and the promises to it end at 150. B, of rank 0, asks C at 130 and begins to write its vote at
    /// 140; the disk takes until 240. C would campaign at 170 and use up its vote. It waits until 300 instead, and
    /// has voted for B by then.
    pub(super) fn yield_to_successor(&mut self, phase: Phase, remaining: Nanos) {
        let soon = self.timing.retry_interval().saturating_mul(2);
        let is_early = phase == Phase::Pre && remaining <= soon;
        let Some(rank) = self.rank.filter(|&rank| rank > 0 && is_early) else { return };
        let delay = self.timing.stagger().saturating_mul(rank.into());
        let earliest = self.now.after(self.timing.promise_limit().part(3)).after(delay);
        if let Role::Follower(following) = &mut self.role {
            following.election_deadline = following.election_deadline.max(earliest);
        }
    }

    /// Rule 4.1: a random length that separates nodes without a rank, and candidates that split the votes.
    pub(super) fn draw_jitter(&mut self) -> Nanos {
        let longest = self.longest_jitter();
        Nanos(self.rng.next_u64().checked_rem(longest.0.saturating_add(1)).unwrap_or(0))
    }

    /// Half a stagger, and rule 4.4 (e): twice as long with each candidacy that was lost, up to one promise.
    ///
    /// Messages take 60 and the stagger is 1: A and B campaign at the same time, and each votes for itself. After
    /// eight terms one of them draws 20 and the other 110, and asks for votes when it has given its own.
    fn longest_jitter(&self) -> Nanos {
        let half = self.timing.stagger().part(2);
        let factor = 2_u64.saturating_pow(self.lost_candidacies.into());
        half.saturating_mul(factor).min(self.timing.promise()).max(half)
    }

    /// Rule 4.4 (e): this node's candidacy has ended without a winner.
    pub(super) fn count_lost_candidacy(&mut self) {
        if self.longest_jitter() < self.timing.promise() {
            self.lost_candidacies = self.lost_candidacies.saturating_add(1);
        }
    }

    /// Rule 4.8: the shortest delay after a lapsed lease.
    pub(super) fn lapse_backoff_unit(&self) -> Nanos {
        self.timing.promise().part(2)
    }

    /// Whether this node may lead.
    pub(super) fn is_electable(&self) -> bool {
        self.ineligibility().is_none()
    }

    /// Why this node may not lead, if it may not. A forming node may not before it knows enough others. Rule 8.4.
    pub(super) fn ineligibility(&self) -> Option<Ineligible> {
        let members = &self.hard.membership;
        if !self.is_voter() {
            return Some(Ineligible::NotAVoter);
        }
        if self.priority == Priority::NEVER_LEADS {
            return Some(Ineligible::NeverLeads);
        }
        // Rule 9.4: this node gives its vote to no node whose data reach less far, itself included.
        let required = self.hard.position_floor();
        if self.position < required {
            return Some(Ineligible::Behind { required });
        }
        let Limits { min_members, .. } = members.limits().filter(|_| members.is_forming())?;
        let known = members.voters().len();
        (known < min_members.into()).then_some(Ineligible::StillForming { known, min_members })
    }

    /// Whether this node starts a pre-vote round at its election deadline. A member that may not lead does too,
    /// only to learn from the denials whether it was removed. Rule 8.3.
    pub(super) fn sends_pre_votes(&self) -> bool {
        self.is_electable() || self.participation == Participation::Member
    }

    /// An election deadline `delay` from now, plus jitter and the delay of lapsed leases.
    pub(super) fn draw_deadline_after(&mut self, delay: Nanos) -> Timestamp {
        let unit = self.lapse_backoff_unit();
        self.now.after(delay).after(self.draw_jitter()).after(self.trouble.settle_lapses(self.now, unit))
    }
}
