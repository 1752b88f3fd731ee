//! How a node shows itself to its operator.

use alloc::vec::Vec;
use core::time::Duration;

use rand_core::Rng;

use super::Election;
use crate::reconfig::Target;
use crate::role::{Leaving, Role};
use crate::status::{HeartbeatTiming, MemberProgress, MemberStatus, PromiseStatus, ReceivedDenial, Status};
use crate::types::{Nanos, NodeId};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// A snapshot of this node, as of its last tick.
    #[must_use]
    pub fn status(&self) -> Status<I> {
        let left = |until: Nanos| Duration::from_nanos(until.saturating_sub(self.now));
        let lease = self.lease();
        Status {
            id: self.id,
            cluster: self.hard.cluster,
            now: Duration::from_nanos(self.now),
            role: self.role(),
            term: self.hard.term,
            voted_for: self.hard.voted_for,
            leader: self.leader(),
            lease,
            heartbeat_timing: lease.map(|_| HeartbeatTiming {
                promise: Duration::from_nanos(self.requested_promise()),
                heartbeat_interval: Duration::from_nanos(self.heartbeat_interval()),
            }),
            promise: self
                .promise
                .holder(self.now)
                .map(|holder| PromiseStatus { holder, remaining: left(self.promise.end()) }),
            quarantine_left: left(self.promise.quarantine_until()),
            version: self.hard.membership.version(),
            committed: self.hard.committed,
            target: self.target().cloned(),
            leaving: self.leaving != Leaving::No,
            quorum_reachable: self.quorum_reachable(),
            last_denial: self.peer_log.last_denial().map(|(from, denial)| ReceivedDenial { from, denial }),
            members: self.member_statuses(),
        }
    }

    fn target(&self) -> Option<&Target<I>> {
        match &self.role {
            Role::Leader(leading) => leading.reconfiguration.as_ref()?.target.as_ref(),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => None,
        }
    }

    /// Whether this node writes to `id` of its own accord: a member, one that is to be, or one that
    /// is yet to be told that it is none any more.
    #[cfg(feature = "udp")]
    pub(crate) fn is_concerned_with(&self, id: I) -> bool {
        let reconfiguration = match &self.role {
            Role::Leader(leading) => leading.reconfiguration.as_ref(),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => None,
        };
        let target = self.target().is_some_and(|target| target.contains(id));
        let removed = reconfiguration
            .is_some_and(|reconfiguration| reconfiguration.removed.iter().any(|removed| removed.id == id));
        self.hard.membership.contains(id) || target || removed
    }

    fn quorum_reachable(&self) -> bool {
        let members = &self.hard.membership;
        let own = members.index_of(self.id);
        let limit = self.timing.promise_limit();
        let recent = |place: usize| {
            let heard = self.peer_log.last_heard(place);
            Some(place) == own || heard.is_some_and(|heard| self.now.saturating_sub(heard) <= limit)
        };
        self.leader().is_some() || members.is_quorum(recent)
    }

    fn member_statuses(&self) -> Vec<MemberStatus<I>> {
        let member = |(place, &id): (usize, &I)| MemberStatus {
            id,
            voter: self.hard.membership.is_voter(id),
            heard_ago: self
                .peer_log
                .last_heard(place)
                .map(|heard| Duration::from_nanos(self.now.saturating_sub(heard))),
            follower: self.follower_status(place),
        };
        self.hard.membership.members().iter().enumerate().map(member).collect()
    }

    fn follower_status(&self, place: usize) -> Option<MemberProgress> {
        let Role::Leader(leading) = &self.role else { return None };
        let follower = leading.progress.get(place)?;
        Some(MemberProgress {
            bound_for: Duration::from_nanos(follower.bound_until.saturating_sub(self.now)),
            position: follower.position,
            priority: follower.priority,
            acknowledged: follower.acknowledged,
            leaving: follower.leaving,
            rank: follower.rank,
        })
    }
}
