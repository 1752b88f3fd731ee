//! What a node shows of itself to its operator.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use crate::diagnosis::{Diagnosis, ReceivedDenial};
use crate::io::Lease;
use crate::message::Denial;
use crate::reconfig::Target;
use crate::role::RoleKind;
use crate::types::{
    ClusterId, Leader, Life, MembershipVersion, NodeId, Position, Priority, PromiseHolder, Term, Timestamp,
};

/// A snapshot of a node, as of its last tick. [`Display`](fmt::Display) shows it on about ten lines, and one
/// more for each member.
///
/// ```
/// use quorate::{ClusterId, Config, Election, HardState, RoleKind, Timestamp};
/// use rand_chacha::ChaCha8Rng;
/// use rand_chacha::rand_core::SeedableRng;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let first = HardState::bootstrap(ClusterId(7), [1_u64])?;
/// let mut election =
///     Election::new(Config::new(1), first, Timestamp::ORIGIN, ChaCha8Rng::seed_from_u64(0))?;
/// let _outputs = election.tick(election.deadline().unwrap_or_default());
///
/// let status = election.status();
/// assert_eq!((status.role, status.quorum_reachable), (RoleKind::Leader, true));
/// assert!(status.lease_left() > Duration::from_millis(449));
/// println!("{status}");
/// # Ok(())
/// # }
/// ```
///
/// Non-exhaustive: a later version may show more. Nobody but an election makes one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "I: NodeId + Deserialize<'de>")))]
#[non_exhaustive]
pub struct Status<I> {
    /// This node.
    pub id: I,
    /// The group it belongs to.
    pub cluster: ClusterId,
    /// The life of that group; [`Life::NONE`] while the node belongs to none.
    pub life: Life,
    /// The reading of the clock at its last tick, which all of this is as of.
    pub now: Timestamp,
    /// Its role.
    pub role: RoleKind,
    /// The highest term it has taken part in.
    pub term: Term,
    /// The node that has this node's vote in `term`, because it asked for it or because it leads that
    /// term. Two candidates that split the votes of a term show here.
    pub voted_for: Option<I>,
    /// The leader that this node knows of, itself included.
    pub leader: Option<Leader<I>>,
    /// Its lease, on a leader.
    pub lease: Option<Lease>,
    /// What it asks of its followers, on a leader.
    pub heartbeat_timing: Option<HeartbeatTiming>,
    /// The promise that binds it.
    pub promise: Option<PromiseStatus<I>>,
    /// For how much longer it honours the promises that its restart made it forget.
    pub quarantine_left: Duration,
    /// The version of its membership.
    pub version: MembershipVersion,
    /// Whether that is known to be committed.
    pub committed: bool,
    /// The target of the change of members under way, on a leader.
    pub target: Option<Target<I>>,
    /// Whether this node wants to be removed.
    pub leaving: bool,
    /// How far its data reach.
    pub position: Position,
    /// How much it wants to lead.
    pub priority: Priority,
    /// What a node still waits for that has forgotten what it took part in.
    pub recovery: Option<RecoveryStatus<I>>,
    /// The voters that have said that they have forgotten what they took part in, if this node has been without a leader
    /// for long. [`Event::QuorumLost`](crate::Event::QuorumLost) says what to do if the others are no quorum.
    pub blank_voters: Vec<I>,
    /// For how long a state has been waiting to be durable; nothing else is sent meanwhile. Only the host knows: an
    /// election by itself leaves this out.
    pub pending_write: Option<Duration>,
    /// What has kept this node from its work for seconds, if anything has: what
    /// [`Event::Diagnosed`](crate::Event::Diagnosed) said, as of now. Only the host knows: an election by itself leaves
    /// this out.
    pub diagnosis: Option<Diagnosis<I>>,
    /// Whether a quorum has been heard, or is known through the leader, within the longest promise.
    pub quorum_reachable: bool,
    /// How many voters make a quorum; 0 if this node knows no members.
    pub quorum: usize,
    /// How many voters this node has heard within the longest promise, itself included if it is one. On a leader, so many
    /// more than `quorum` may fail before no leader can be elected any more. A follower hears little of other followers. A
    /// host that speaks for a voter in a register counts it unless the register is silent.
    pub present_voters: usize,
    /// The last denial that it received, of a vote, a pre-vote or a heartbeat.
    pub last_denial: Option<ReceivedDenial<I>>,
    /// Every member, itself included.
    pub members: Vec<MemberStatus<I>>,
}

/// What a node waits for that has forgotten what it took part in. Section 9 of the rules.
///
/// Non-exhaustive, like [`Status`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub struct RecoveryStatus<I> {
    /// For how much longer it neither asks nor answers, because it may be bound by a promise that it has forgotten.
    pub wait_left: Duration,
    /// The nodes that have told this one what they hold, in the present round of requests. The node comes back when
    /// `quorum` voters have.
    pub heard: Vec<I>,
    /// The nodes that have replied that they are blank, too. If all nodes of the list are, they found a group.
    pub blank: Vec<I>,
    /// The nodes that have not replied.
    pub missing: Vec<I>,
    /// How many voters, itself not counted, have to reply.
    pub quorum: usize,
}

/// A promise that is in force.
///
/// Non-exhaustive, like [`Status`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub struct PromiseStatus<I> {
    /// The node that holds it.
    pub holder: PromiseHolder<I>,
    /// For how much longer it binds.
    pub remaining: Duration,
}

/// The lengths that a leader goes by now. They change only if it is [tuned](crate::Timing::tuned).
///
/// Non-exhaustive, like [`Status`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub struct HeartbeatTiming {
    /// The promise that its heartbeats ask for: the long one, `promise_limit`, where the receiver has to
    /// write.
    pub promise: Duration,
    /// The time between two heartbeats.
    pub heartbeat_interval: Duration,
}

/// What a node knows of a member.
///
/// Non-exhaustive, like [`Status`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
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
///
/// Non-exhaustive, like [`Status`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub struct MemberProgress {
    /// For how much longer it is bound to this leader.
    pub bound_for: Duration,
    /// How far its data reached when it answered last.
    pub position: Position,
    /// How much it wants to lead.
    pub priority: Priority,
    /// The position that this learner has to reach before it votes, if the change of members waits for that.
    /// Rule 8.1.
    pub awaited_position: Option<Position>,
    /// Whether it has acknowledged the membership in force.
    pub acknowledged: bool,
    /// Whether it wants to be removed.
    pub leaving: bool,
    /// Its place in the succession, 0 first; `None` if it may not lead.
    pub rank: Option<u8>,
}

impl<I: Copy> Status<I> {
    /// For how much longer the lease holds; zero without one.
    #[must_use]
    pub fn lease_left(&self) -> Duration {
        self.lease.map_or(Duration::ZERO, |lease| lease.until.saturating_duration_since(self.now))
    }

    /// The node that the last denial names as the holder of a voter's promise: most likely a leader that
    /// this node does not hear. It is hearsay, as old as that denial, and the protocol uses it for nothing.
    #[must_use]
    pub fn rumoured_leader(&self) -> Option<PromiseHolder<I>> {
        match self.last_denial.as_ref()?.denial {
            Denial::Bound { to, .. } => to,
            Denial::AlreadyVoted
            | Denial::StaleTerm
            | Denial::StaleMembership
            | Denial::PositionBehind(_)
            | Denial::NotAMember
            | Denial::MembershipConflict
            | Denial::OtherLife => None,
        }
    }
}

impl<I: NodeId> fmt::Display for Status<I> {
    /// Several lines, without a newline at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Status { id, cluster, life, role, term, .. } = self;
        let leaving = if self.leaving { ", leaving" } else { "" };
        let committed = if self.committed { "committed" } else { "not known to be committed" };
        let quorum = if self.quorum_reachable { "reachable" } else { "not reachable" };
        write!(f, "node {id:?} of cluster {cluster}, life {life}: {role} in term {term}{leaving}")?;
        write!(f, "\nleader       {}", OrNone(&self.leader))?;
        write!(f, "\nvote         ")?;
        match &self.voted_for {
            Some(node) => write!(f, "node {node:?}")?,
            None => write!(f, "none")?,
        }
        self.fmt_lease(f)?;
        self.fmt_promise(f)?;
        if let Some(recovery) = &self.recovery {
            write!(f, "\nrecovery     {recovery}")?;
        }
        if !self.blank_voters.is_empty() {
            write!(f, "\nforgotten    by voters {:?}", self.blank_voters)?;
        }
        if let Some(age) = self.pending_write {
            write!(f, "\nwrite        pending for {age:?}")?;
        }
        write!(f, "\nmembership   {}, {committed}", self.version)?;
        write!(f, "\ntarget       {}", OrNone(&self.target))?;
        write!(f, "\nposition     {}, priority {}", self.position, self.priority)?;
        write!(f, "\nquorum       {quorum}")?;
        write!(f, "\nlast denial  {}", OrNone(&self.last_denial))?;
        if let Some(diagnosis) = &self.diagnosis {
            write!(f, "\nproblem      {diagnosis}")?;
        }
        for member in &self.members {
            let own = if member.id == *id { ", this node" } else { "" };
            write!(f, "\n  {member}{own}")?;
        }
        Ok(())
    }
}

impl<I: NodeId> Status<I> {
    fn fmt_lease(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\nlease        ")?;
        match &self.lease {
            Some(lease) => write!(f, "of term {}, for another {:?}", lease.term, self.lease_left())?,
            None => write!(f, "none")?,
        }
        match &self.heartbeat_timing {
            Some(HeartbeatTiming { promise, heartbeat_interval }) => {
                write!(f, "; heartbeats every {heartbeat_interval:?} ask for {promise:?}")
            }
            None => Ok(()),
        }
    }

    fn fmt_promise(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\npromise      {}", OrNone(&self.promise))?;
        if self.quarantine_left.is_zero() {
            return Ok(());
        }
        write!(f, "; those from before its restart for another {:?}", self.quarantine_left)
    }
}

impl<I: fmt::Debug> fmt::Display for RecoveryStatus<I> {
    /// `2 replies needed; heard: [1], blank: [], missing: [2]`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RecoveryStatus { wait_left, heard, blank, missing, quorum } = self;
        if !wait_left.is_zero() {
            write!(f, "asks in {wait_left:?}; ")?;
        }
        write!(f, "{quorum} replies needed; heard: {heard:?}, blank: {blank:?}, missing: {missing:?}")
    }
}

impl<I: fmt::Debug> fmt::Display for PromiseStatus<I> {
    /// `to node 3 in term 7, for another 112ms`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "to {}, for another {:?}", self.holder, self.remaining)
    }
}

impl<I: fmt::Debug> fmt::Display for MemberStatus<I> {
    /// `node 3, voter, heard 12ms ago, bound for another 138ms, rank 0, position 4.17, priority 1`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.voter { "voter" } else { "learner" };
        write!(f, "node {:?}, {kind}", self.id)?;
        if let Some(ago) = self.heard_ago {
            write!(f, ", heard {ago:?} ago")?;
        }
        match &self.follower {
            Some(follower) => write!(f, ", {follower}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for MemberProgress {
    /// `bound for another 138ms, rank 0, position 4.17, priority 1`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MemberProgress { bound_for, position, awaited_position, priority, acknowledged, leaving, rank } =
            self;
        match bound_for.is_zero() {
            true => write!(f, "not bound")?,
            false => write!(f, "bound for another {bound_for:?}")?,
        }
        if let Some(rank) = rank {
            write!(f, ", rank {rank}")?;
        }
        let behind = if *acknowledged { "" } else { ", membership not acknowledged" };
        let leaving = if *leaving { ", leaving" } else { "" };
        write!(f, ", position {position}")?;
        if let Some(awaited) = awaited_position {
            write!(f, " (votes from {awaited} on)")?;
        }
        write!(f, ", priority {priority}{behind}{leaving}")
    }
}

/// What is there, or `none`.
struct OrNone<'a, T>(&'a Option<T>);

impl<T: fmt::Display> fmt::Display for OrNone<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("none"),
        }
    }
}
