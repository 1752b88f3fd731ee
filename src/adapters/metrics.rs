//! What a node does, in numbers: for Prometheus, and for whatever else reads OpenMetrics text.
//!
//! [`Metrics`] is a snapshot of one node. Both hosts make it (`udp::Host::metrics`, `tokio::Handle::metrics`); a loop of
//! your own brings the status of its election, its counters and a reading of its clock:
//!
//! ```
//! use quorate::adapters::counters::ElectionCounters;
//! use quorate::adapters::metrics::Metrics;
//! # use quorate::{ClusterId, Config, Election, HardState, Timestamp};
//! # use rand_chacha::ChaCha8Rng;
//! # use rand_chacha::rand_core::SeedableRng;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let first = HardState::bootstrap(ClusterId(7), [1_u64])?;
//! # let (now, rng) = (Timestamp::ORIGIN, ChaCha8Rng::seed_from_u64(0));
//! # let election = Election::new(Config::new(1), first, now, rng)?;
//! # let counters = ElectionCounters::new(now);
//!
//! let text = Metrics::new(election.status(), counters, now).to_open_metrics();
//! assert!(text.contains("quorate_is_leader{group=\"7\",node=\"1\"} 0\n") && text.ends_with("# EOF\n"));
//! # Ok(())
//! # }
//! ```
//!
//! All series have the labels `group` and `node`, so that rules can tell groups apart; no label has a value that somebody
//! else chooses. The group has the name that it is [told](Metrics::of_group), and the number of its `ClusterId` otherwise:
//! the number of a name cannot be read back. `examples/monitoring` has rules for alerts, and a dashboard.
//!
//! | metric | is |
//! |---|---|
//! | `quorate_is_leader` | 1 while the node holds a lease, else 0 |
//! | `quorate_has_leader` | 1 while the node knows a leader, itself included, else 0 |
//! | `quorate_is_ready` | what [`Metrics::readiness`] says |
//! | `quorate_term`, `quorate_leader_term` | the highest term that the node has taken part in; the term of the leader that it knows, 0 if it knows none |
//! | `quorate_lease_seconds` | for how much longer the node may act as leader |
//! | `quorate_voters`, `quorate_quorum` | how many voters the group has, and how many of them make a quorum |
//! | `quorate_voters_that_may_fail` | on a leader: how many more voters may fail before no leader can be elected |
//! | `quorate_quorum_last_heard_seconds` | how long ago a quorum was heard, or the leader that has one |
//! | `quorate_quarantine_seconds` | for how much longer the node may be bound by promises that its restart made it forget |
//! | `quorate_pending_write_seconds` | for how long a state has been waiting to be durable, if one has |
//! | `quorate_leader_changes_total` | how often another leader became known |
//! | `quorate_leaderless_seconds_total` | for how long the node has known no leader, in all |
//! | `quorate_elections_total`, `quorate_renewals_total` | how often the node was elected, and renewed its leadership in a later term |
//! | `quorate_step_downs_total{reason}` | how its leaderships ended: [`Ends`](super::counters::Ends) |
//! | `quorate_failed_handovers_total`, `quorate_alarms_total` | as [`ElectionCounters`] has them |
//! | `quorate_refusals_total{reason}` | why its requests were denied: [`Denial`](crate::message::Denial) |
//! | `quorate_round_trip_seconds` | a histogram: from a heartbeat or a request for a vote to its answer |
//! | `quorate_persist_seconds` | a histogram: how long it took to make a state durable |
//! | `quorate_refused_writes_total` | writes that the disk refused before their first byte |
//! | `quorate_messages_total{direction}` | messages of the election |
//! | `quorate_datagrams_total{direction,verdict}` | datagrams, and what became of each; if the host sends any |
//! | `quorate_register_is_silent` | 1 while the voter in a register says nothing, else 0; these if the host has a register |
//! | `quorate_register_last_seen_seconds` | how long ago a call has last shown what the register holds |
//! | `quorate_register_calls_total{call}` | reads and swaps of the register |
//! | `quorate_register_misses_total{reason}` | calls that did not do what they were to do: `register::CallCounters` |
//! | `quorate_name_lookups_total`, `quorate_failed_name_lookups_total` | look-ups of names of nodes, and those that ended without an address; likewise |
//! | `quorate_build_info{version}` | the release |
//!
//! The encoder is that of the crate `prometheus-client`. Its metrics are not used: they would be counted beside the
//! counters that a node has anyway, while a message is handled.

mod families;
mod open_metrics;

use core::net::SocketAddr;
use core::time::Duration;
use std::prelude::rust_2024::*;
use std::sync::Arc;

use super::counters::ElectionCounters;
#[cfg(feature = "endpoint")]
use super::endpoint::DatagramCounters;
use crate::adapters::Advertised;
#[cfg(feature = "register")]
use crate::adapters::register::RegisterStatus;
use crate::role::RoleKind;
use crate::status::{MemberStatus, Status};
use crate::types::{Leader, NodeId, Timestamp};

/// The content type of [OpenMetrics text](Metrics::to_open_metrics).
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a node shows of itself, and has counted, at one moment.
///
/// The status is as of the last thing that the node did. What ends by itself, such as a lease, is judged here by the time
/// of the snapshot, so a node that is stuck does not go on leading in its metrics.
///
/// Non-exhaustive, like [`Status`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Metrics<I> {
    /// The reading of the node's clock when the snapshot was made.
    pub now: Timestamp,
    /// The node.
    pub status: Status<I>,
    /// The name of the group, if it is known.
    pub group_name: Option<Arc<str>>,
    /// The address of the leader, if there is one and it is known.
    pub leader_address: Option<SocketAddr>,
    /// What the leader advertises, if that is known.
    pub leader_advertised: Option<Advertised>,
    /// What became of the node so far.
    pub counters: ElectionCounters,
    /// What became of its datagrams, if it sends any.
    #[cfg(feature = "endpoint")]
    pub datagrams: Option<DatagramCounters>,
    /// The agent of the voter in a register, if the host has one.
    #[cfg(feature = "register")]
    pub register: Option<RegisterStatus<I>>,
}

/// Why a node is not [ready](Metrics::readiness).
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// The node has forgotten what it took part in, or was started blank, and waits until others have told it.
    #[error("the node recovers what it has forgotten")]
    Recovering,
    /// The node may be bound by promises that its restart made it forget.
    #[error("the node honours promises from before its restart for another {left:?}")]
    Quarantined {
        /// For how much longer.
        left: Duration,
    },
    /// The node knows no leader.
    #[error("the node knows no leader")]
    NoLeader,
}

impl<I> Metrics<I> {
    /// A snapshot at `now`. Of the leader's address and of datagrams nothing is known.
    #[must_use]
    pub fn new(status: Status<I>, counters: ElectionCounters, now: Timestamp) -> Self {
        Metrics {
            now,
            status,
            group_name: None,
            leader_address: None,
            leader_advertised: None,
            counters,
            #[cfg(feature = "endpoint")]
            datagrams: None,
            #[cfg(feature = "register")]
            register: None,
        }
    }

    /// The same with the name of the group as the label `group`: the text of which its
    /// [`ClusterId`](crate::ClusterId::from_name) was made, for example. Give all nodes of a group the same one, since
    /// rules take nodes with different labels for nodes of different groups.
    #[must_use]
    pub fn of_group(mut self, name: impl Into<Arc<str>>) -> Self {
        self.group_name = Some(name.into());
        self
    }

    /// The host has ended since: the node does nothing any more by what its status says.
    #[cfg(feature = "udp")]
    pub(super) fn end(&mut self) {
        (self.status.lease, self.status.leader, self.leader_address) = (None, None, None);
    }
}

impl<I: NodeId> Metrics<I> {
    /// The leader that the node knows, itself included. A leader whose lease or promise has ended since is none.
    #[must_use]
    pub fn leader(&self) -> Option<Leader<I>> {
        let Status { id, leader, promise, .. } = &self.status;
        let is_bound = promise.as_ref().is_some_and(|promise| promise.remaining > self.age());
        leader.filter(|leader| if leader.id == *id { self.is_leader() } else { is_bound })
    }

    /// Whether the node may act as leader.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.status.lease.is_some_and(|lease| lease.holds_at(self.now))
    }

    /// For how much longer it may; zero if it may not.
    #[must_use]
    pub fn lease_left(&self) -> Duration {
        self.status.lease.map_or(Duration::ZERO, |lease| lease.until.saturating_duration_since(self.now))
    }

    /// For how much longer the node honours promises from before its restart.
    #[must_use]
    pub fn quarantine_left(&self) -> Duration {
        self.status.quarantine_left.saturating_sub(self.age())
    }

    /// How many more voters may fail before no leader can be elected. Only a leader knows.
    #[must_use]
    pub fn voters_that_may_fail(&self) -> Option<usize> {
        let Status { present_voters, quorum, .. } = self.status;
        self.is_leader().then_some(present_voters.saturating_sub(quorum))
    }

    /// How long ago the node has heard a quorum of the voters, itself included, or, if it follows, the leader that has
    /// one; `None` if it never has.
    #[must_use]
    pub fn quorum_heard_ago(&self) -> Option<Duration> {
        if let Some(leader) = self.leader().filter(|leader| leader.id != self.status.id) {
            let member = self.status.members.iter().find(|member| member.id == leader.id)?;
            return self.heard_ago(member);
        }
        let voters = self.status.members.iter().filter(|member| member.voter);
        let mut ages: Vec<Duration> = voters.filter_map(|voter| self.heard_ago(voter)).collect();
        ages.sort_unstable();
        ages.get(self.status.quorum.checked_sub(1)?).copied()
    }

    /// Whether the node does what it is there for: it knows a leader, and is neither recovering what it has forgotten nor
    /// still bound by promises from before its restart. The next node of a rolling restart can go then.
    ///
    /// # Errors
    /// [`NotReady`] if it does not.
    pub fn readiness(&self) -> Result<(), NotReady> {
        let left = self.quarantine_left();
        if self.status.role == RoleKind::Recovering {
            Err(NotReady::Recovering)
        } else if !left.is_zero() {
            Err(NotReady::Quarantined { left })
        } else if self.leader().is_none() {
            Err(NotReady::NoLeader)
        } else {
            Ok(())
        }
    }

    /// How long ago the node did something.
    fn age(&self) -> Duration {
        self.now.saturating_duration_since(self.status.now)
    }

    fn heard_ago(&self, member: &MemberStatus<I>) -> Option<Duration> {
        let is_own = member.id == self.status.id;
        if is_own { Some(Duration::ZERO) } else { Some(member.heard_ago?.saturating_add(self.age())) }
    }
}
