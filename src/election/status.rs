//! How a node shows its state to an operator.

use alloc::vec::Vec;
#[cfg(any(feature = "endpoint", feature = "tokio"))]
use core::time::Duration;

use rand_core::Rng;

use super::Election;
use crate::diagnosis::ReceivedDenial;
#[cfg(any(feature = "endpoint", feature = "tokio"))]
use crate::diagnosis::{Condition, Health};
use crate::io::Lease;
use crate::reconfig::Target;
#[cfg(any(feature = "endpoint", feature = "tokio"))]
use crate::role::Participation;
use crate::role::{Leaving, Role};
use crate::status::{HeartbeatTiming, MemberProgress, MemberStatus, PromiseStatus, RecoveryStatus, Status};
use crate::types::{Leader, MemberIndex, NodeId, Timestamp};

/// For how long nothing is said to be wrong at least: elections take as long.
#[cfg(any(feature = "endpoint", feature = "tokio"))]
const SHORTEST_GRACE: Duration = Duration::from_secs(3);

impl<I: NodeId, R: Rng> Election<I, R> {
    /// A snapshot of this node, as of its last tick.
    #[must_use]
    pub fn status(&self) -> Status<I> {
        let left = |until: Timestamp| until.since(self.now).as_duration();
        let lease = self.lease();
        Status {
            id: self.id,
            cluster: self.hard.cluster,
            life: self.hard.life,
            now: self.now,
            role: self.role(),
            term: self.hard.term,
            voted_for: self.hard.voted_for(),
            leader: self.leader(),
            lease,
            heartbeat_timing: lease.map(|_| HeartbeatTiming {
                promise: self.requested_promise().as_duration(),
                heartbeat_interval: self.heartbeat_interval().as_duration(),
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
            position: self.position,
            priority: self.priority,
            recovery: self.recovery_status(),
            blank_voters: self.blank_voters().to_vec(),
            pending_write: None,
            diagnosis: None,
            quorum_reachable: self.quorum_reachable(),
            quorum: self.hard.membership.quorum(),
            present_voters: self.present_voters(),
            last_denial: self.last_denial(),
            members: self.member_statuses(),
        }
    }

    fn last_denial(&self) -> Option<ReceivedDenial<I>> {
        let (from, denial) = self.peer_log.last_denial(self.oldest_denial())?;
        Some(ReceivedDenial { from, denial })
    }

    /// The leader that this node knows of, itself included; `None` once the promise to that leader has ended, as of the
    /// last tick.
    #[must_use]
    pub fn leader(&self) -> Option<Leader<I>> {
        match &self.role {
            Role::Leader(leading) => Some(Leader { id: self.id, term: leading.term }),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) | Role::Recovering(_) => {
                self.promise.leader(self.now)
            }
        }
    }

    /// The permission to act as leader: ask for it after all outputs so far were acted on, and
    /// check [`Lease::holds_at`] against a fresh reading of the clock. Rule 3.2.
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        match &self.role {
            Role::Leader(leading) => Some(Lease { term: leading.term, until: leading.lease }),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) | Role::Recovering(_) => None,
        }
    }

    fn recovery_status(&self) -> Option<RecoveryStatus<I>> {
        let Role::Recovering(recovery) = &self.role else { return None };
        let members = recovery.latest().unwrap_or(&self.hard.membership);
        let others = members.voters().iter().copied().filter(|&id| id != self.id);
        let (replied, missing): (Vec<I>, Vec<I>) = others.partition(|&id| recovery.has_heard(id));
        let (blank, heard) = replied.into_iter().partition(|&id| recovery.is_blank(id));
        let wait_left = recovery.wait_until.since(self.now).as_duration();
        Some(RecoveryStatus { wait_left, heard, blank, missing, quorum: members.quorum() })
    }

    /// A denial older than that says nothing about the present. A node that is denied asks again more often.
    pub(super) fn oldest_denial(&self) -> Timestamp {
        self.now.before(self.timing.promise_limit().saturating_mul(4))
    }

    fn target(&self) -> Option<&Target<I>> {
        match &self.role {
            Role::Leader(leading) => leading.tasks.reconfiguration()?.target.as_ref(),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) | Role::Recovering(_) => None,
        }
    }

    /// The nodes that this node sends to of its own accord: members, nodes that are about to become members,
    /// removed members until they have acknowledged that, and nodes that it asks what it has forgotten. A node may
    /// come twice.
    #[cfg(any(feature = "endpoint", feature = "tokio"))]
    pub(crate) fn recipients(&self) -> impl Iterator<Item = I> + use<'_, I, R> {
        let reconfiguration = match &self.role {
            Role::Leader(leading) => leading.tasks.reconfiguration(),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) | Role::Recovering(_) => None,
        };
        let target = reconfiguration.and_then(|reconfiguration| reconfiguration.target.as_ref()).into_iter();
        let target = target.flat_map(|target| target.voters().iter().chain(target.learners()).copied());
        let removed = reconfiguration
            .into_iter()
            .flat_map(|reconfiguration| reconfiguration.removed.iter().map(|removed| removed.id));
        let members = self.hard.membership.members().iter().copied();
        let recovery = if let Role::Recovering(recovery) = &self.role { Some(recovery) } else { None };
        let named = recovery.into_iter().flat_map(|recovery| recovery.heard_of());
        members.chain(target).chain(removed).chain(named)
    }

    /// How this node fares. Allocates only if members are silent.
    #[cfg(any(feature = "endpoint", feature = "tokio"))]
    pub(crate) fn health(&self) -> Health<I> {
        let grace = SHORTEST_GRACE.max(self.timing.promise_limit().as_duration().saturating_mul(2));
        let leader = self.leader();
        let leads = leader.is_some_and(|leader| leader.id == self.id);
        // A node that is out is written to by none.
        let looks = (leads || leader.is_none()) && !self.is_removed();
        let (silent, silent_voters) = if looks { self.silent_members(grace) } else { (Vec::new(), 0) };
        let condition = match self.participation {
            _ if self.is_recovering() => Condition::Recovering,
            Participation::Removed => Condition::Well,
            Participation::Outsider | Participation::Member if leads && !silent.is_empty() => {
                Condition::MembersSilent
            }
            Participation::Outsider | Participation::Member if leader.is_some() => Condition::Well,
            Participation::Outsider if self.is_removed() => Condition::Removed,
            Participation::Outsider if !self.hard.membership.is_forming() => Condition::Outside,
            Participation::Outsider | Participation::Member => {
                Condition::Leaderless { missing: self.missing_voters() }
            }
        };
        // A node that was removed, or has lost its state, loses no leader by hearing none.
        let takes_part = matches!(self.participation, Participation::Outsider | Participation::Member);
        let other = leader.filter(|_| takes_part && !leads).map(|leader| leader.id);
        Health {
            now: self.now,
            deadline: self.deadline(),
            condition,
            following: other.zip(self.promise.leader_until(self.now)),
            last_denial: self.last_denial(),
            silent,
            silent_voters,
            grace,
            leeway: self.timing.promise().as_duration(),
        }
    }

    /// The members that were not heard for `limit`, and how many of them are voters; these come first.
    #[cfg(any(feature = "endpoint", feature = "tokio"))]
    fn silent_members(&self, limit: Duration) -> (Vec<I>, usize) {
        let is_recent = |index: MemberIndex| {
            let heard = self.last_heard(index);
            heard.is_some_and(|heard| self.now.since(heard).as_duration() <= limit)
        };
        let membership = &self.hard.membership;
        let is_silent = |&(index, id): &(MemberIndex, I)| id != self.id && !is_recent(index);
        let voters = membership.indexed_voters().filter(is_silent).count();
        (membership.indexed_members().filter(is_silent).map(|(_, id)| id).collect(), voters)
    }

    /// Whether the member at `index` is this node, or was heard within the longest promise.
    fn is_present(&self, index: MemberIndex) -> bool {
        let heard = self.last_heard(index);
        let is_recent = heard.is_some_and(|heard| self.now.since(heard) <= self.timing.promise_limit());
        is_recent || self.own_index == Some(index)
    }

    fn quorum_reachable(&self) -> bool {
        self.leader().is_some() || self.hard.membership.is_quorum(|index| self.is_present(index))
    }

    fn present_voters(&self) -> usize {
        self.hard.membership.indexed_voters().filter(|&(index, _)| self.is_present(index)).count()
    }

    /// How many more voters would have to be heard to make a quorum.
    #[cfg(any(feature = "endpoint", feature = "tokio"))]
    fn missing_voters(&self) -> usize {
        self.hard.membership.quorum().saturating_sub(self.present_voters())
    }

    fn member_statuses(&self) -> Vec<MemberStatus<I>> {
        let member = |(index, id): (MemberIndex, I)| MemberStatus {
            id,
            voter: self.hard.membership.is_voter_at(index),
            heard_ago: self.last_heard(index).map(|heard| self.now.since(heard).as_duration()),
            follower: self.member_progress(index),
        };
        self.hard.membership.indexed_members().map(member).collect()
    }

    fn member_progress(&self, index: MemberIndex) -> Option<MemberProgress> {
        let Role::Leader(leading) = &self.role else { return None };
        let follower = leading.progress.get(index.as_usize())?;
        Some(MemberProgress {
            bound_for: follower.bound_until.since(self.now).as_duration(),
            position: follower.position,
            awaited_position: self.awaited_position(index),
            priority: follower.priority,
            acknowledged: follower.acknowledged,
            leaving: follower.leaving,
            rank: follower.rank,
        })
    }
}
