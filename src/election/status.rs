//! A full snapshot for operators.

use alloc::vec::Vec;
use core::time::Duration;

use rand_core::Rng;

use super::Election;
use crate::io::Lease;
use crate::message::Denial;
use crate::reconfig::Target;
use crate::role::{Leaving, Role, RoleKind};
use crate::types::{MembershipVersion, Nanos, NodeId, Position, Priority, Term};

/// Where a node stands, as of its last tick.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Status<I> {
    /// This node.
    pub id: I,
    /// Its role.
    pub role: RoleKind,
    /// The highest term it has taken part in.
    pub term: Term,
    /// Who leads, in which term.
    pub leader: Option<(I, Term)>,
    /// Who leads according to others that refused this node; hearsay, used for nothing.
    pub rumoured_leader: Option<(I, Term)>,
    /// Its lease, on a leader.
    pub lease: Option<Lease>,
    /// How much of it is left.
    pub lease_left: Duration,
    /// What it asks of its followers, on a leader.
    pub heartbeat_timing: Option<HeartbeatTiming>,
    /// To whom it is bound, in which term, and for how much longer.
    pub promise: Option<(I, Term, Duration)>,
    /// How much longer it honours the promises that its restart made it forget.
    pub quarantine_left: Duration,
    /// The version of its membership.
    pub version: MembershipVersion,
    /// Whether that is known to be committed.
    pub committed: bool,
    /// Where a leader is going with the membership.
    pub target: Option<Target<I>>,
    /// Whether this node wants to be removed.
    pub leaving: bool,
    /// Whether a quorum has been heard, or is known through the leader, within the longest promise.
    pub quorum_reachable: bool,
    /// Who refused it last, and why.
    pub last_refusal: Option<(I, Denial<I>)>,
    /// Every member.
    pub members: Vec<MemberStatus<I>>,
}

/// The lengths that a leader goes by now. They change only if it is [tuned](crate::Timing::tuned).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct HeartbeatTiming {
    /// The promise that its heartbeats ask for: the long one, `promise_limit`, where somebody has to
    /// write.
    pub promise: Duration,
    /// Between two heartbeats.
    pub heartbeat_interval: Duration,
}

/// What a node knows of a member.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct MemberStatus<I> {
    /// The member.
    pub id: I,
    /// Whether it votes.
    pub voter: bool,
    /// How long ago it was heard last, if ever.
    pub heard_ago: Option<Duration>,
    /// What only a leader knows of it.
    pub follower: Option<MemberProgress>,
}

/// What a leader knows of a member.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct MemberProgress {
    /// For how much longer it is bound.
    pub bound_for: Duration,
    /// How far its data reached when it answered last.
    pub position: Position,
    /// How much it wants to lead.
    pub priority: Priority,
    /// Whether it has acknowledged the membership in force.
    pub acknowledged: bool,
    /// Whether it wants to be removed.
    pub leaving: bool,
    /// Its place in the succession, 0 first.
    pub rank: Option<u8>,
}

impl<I: NodeId, R: Rng> Election<I, R> {
    /// All there is to know about this node, as of the last tick.
    #[must_use]
    pub fn status(&self) -> Status<I> {
        let left = |until: Nanos| Duration::from_nanos(until.saturating_sub(self.now));
        let bound = left(self.promise.end());
        let last_refusal = self.peer_log.last_refusal();
        let rumoured_leader = match last_refusal {
            Some((_, Denial::Bound { to, .. })) => to,
            Some(_) | None => None,
        };
        let lease = self.lease();
        Status {
            id: self.id,
            role: self.role(),
            term: self.hard.term,
            leader: self.leader(),
            rumoured_leader,
            lease,
            lease_left: lease.map_or(Duration::ZERO, |lease| left(lease.until.nanos())),
            heartbeat_timing: lease.map(|_| HeartbeatTiming {
                promise: Duration::from_nanos(self.requested_promise()),
                heartbeat_interval: Duration::from_nanos(self.heartbeat_interval()),
            }),
            promise: self.promise.to(self.now).map(|(id, term)| (id, term, bound)),
            quarantine_left: left(self.promise.quarantine_until()),
            version: self.hard.membership.version(),
            committed: self.hard.committed,
            target: self.target().cloned(),
            leaving: self.leaving != Leaving::No,
            quorum_reachable: self.quorum_reachable(),
            last_refusal,
            members: self.member_statuses(),
        }
    }

    fn target(&self) -> Option<&Target<I>> {
        match &self.role {
            Role::Leader(leading) => leading.reconfiguration.as_ref()?.target.as_ref(),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => None,
        }
    }

    /// The nodes that this node sends to of its own accord: members, nodes that are about to become members,
    /// and nodes that are yet to be told that they are not members any more. A node may come twice.
    #[cfg(any(feature = "endpoint", feature = "tokio"))]
    pub(crate) fn recipients(&self) -> impl Iterator<Item = I> + use<'_, I, R> {
        let reconfiguration = match &self.role {
            Role::Leader(leading) => leading.reconfiguration.as_ref(),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => None,
        };
        let target = reconfiguration.and_then(|reconfiguration| reconfiguration.target.as_ref()).into_iter();
        let target = target.flat_map(|target| target.voters().iter().chain(target.learners()).copied());
        let removed = reconfiguration
            .into_iter()
            .flat_map(|reconfiguration| reconfiguration.removed.iter().map(|removed| removed.id));
        let members = self.hard.membership.members().iter().copied();
        members.chain(target).chain(removed)
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
