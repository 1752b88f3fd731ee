//! What keeps a node from its work, for an operator.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

#[cfg(feature = "endpoint")]
use crate::message::Denial;
#[cfg(feature = "endpoint")]
use crate::types::Timestamp;

/// What is wrong with a node, and what an operator can do about it. [`Display`](fmt::Display) is one line.
///
/// Non-exhaustive: a later version may show more.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub struct Diagnosis<I> {
    /// What is wrong, as far as the node can tell.
    pub problem: Problem,
    /// For how long something has been wrong. What the node takes for the reason may have changed meanwhile.
    pub lasted: Duration,
    /// The members that were not heard lately.
    pub silent: Vec<I>,
    /// The silent members whose address is unknown to this node.
    pub unaddressed: Vec<I>,
    /// How many datagrams were refused meanwhile, because this node could not read them.
    pub unreadable: u64,
}

impl<I> Diagnosis<I> {
    /// A diagnosis without any nodes or numbers.
    #[must_use]
    pub fn new(problem: Problem, lasted: Duration) -> Self {
        Diagnosis { problem, lasted, silent: Vec::new(), unaddressed: Vec::new(), unreadable: 0 }
    }
}

/// What can be wrong with a node. [`Display`](fmt::Display) says what to do about it as well.
///
/// Non-exhaustive: a later version may tell more problems apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub enum Problem {
    /// A leader has shown that this node lost its durable state.
    StateLost,
    /// There is no leader, and datagrams arrive that this node cannot read: its keys, or its release, differ.
    UnreadableDatagrams,
    /// There is no leader, and datagrams arrive that bear the id of this node.
    DuplicateId,
    /// There is no leader, and datagrams of another group arrive.
    OtherGroup,
    /// There is no leader, and a voter holds a membership that contradicts this node's.
    MembershipConflict,
    /// There is no leader, and datagrams arrive that are for another node.
    WrongAddresses,
    /// This node is no member, and the nodes of the group answer it.
    NotAdmitted,
    /// This node is no member, and no node of the group is heard.
    NotContacted,
    /// There is no leader, and no quorum of the voters is heard.
    NoQuorum,
    /// There is no leader, although a quorum of the voters is heard.
    NoLeader,
    /// This node leads, and members are not heard.
    SilentMembers,
}

impl Problem {
    /// Whether the problem stays until an operator acts, or may pass when nodes and networks come back.
    #[must_use]
    pub fn needs_operator(self) -> bool {
        match self {
            Problem::StateLost
            | Problem::UnreadableDatagrams
            | Problem::DuplicateId
            | Problem::OtherGroup
            | Problem::MembershipConflict
            | Problem::WrongAddresses => true,
            Problem::NotAdmitted
            | Problem::NotContacted
            | Problem::NoQuorum
            | Problem::NoLeader
            | Problem::SilentMembers => false,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Problem::StateLost => {
                "durable state lost: stop this node, and let its machine join under a new id"
            }
            Problem::UnreadableDatagrams => {
                "no leader, and datagrams cannot be read: compare the keys and the release with other nodes"
            }
            Problem::DuplicateId => "no leader, and another node uses the id of this one: give one a new id",
            Problem::OtherGroup => {
                "no leader, and datagrams of another group arrive: compare the group and the addresses of peers"
            }
            Problem::MembershipConflict => {
                "no leader, and a voter holds other first members: stop the node that was started wrongly"
            }
            Problem::WrongAddresses => {
                "no leader, and datagrams for another node arrive: compare the addresses of peers"
            }
            Problem::NotAdmitted => "waiting to be added: have the leader add this node to the members",
            Problem::NotContacted => {
                "waiting to be added, and no node is heard: have the leader add this node, and check addresses, keys and firewalls"
            }
            Problem::NoQuorum => {
                "no leader, and no majority is heard: check that these nodes run, their addresses, keys and firewalls"
            }
            Problem::NoLeader => {
                "no leader, although a majority is heard: look at the last denial, and at which nodes may lead"
            }
            Problem::SilentMembers => "members are not heard: check that they run, or remove them",
        })
    }
}

impl<I: fmt::Debug> fmt::Display for Diagnosis<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "for {} s: {}", self.lasted.as_secs(), self.problem)?;
        for (title, nodes) in [("not heard", &self.silent), ("address unknown", &self.unaddressed)] {
            if !nodes.is_empty() {
                write!(f, "; {title}: {nodes:?}")?;
            }
        }
        match self.unreadable {
            0 => Ok(()),
            count => write!(f, "; {count} datagrams unreadable"),
        }
    }
}

/// What a node knows of its own health, as of its last tick.
#[cfg(feature = "endpoint")]
pub(crate) struct Health<I> {
    /// The reading of the clock then.
    pub(crate) now: Timestamp,
    pub(crate) condition: Condition,
    /// The other node that leads, and until when this node follows it unless it is heard again.
    pub(crate) following: Option<(I, Timestamp)>,
    pub(crate) last_denial: Option<Denial<I>>,
    /// The members that were not heard lately, if the node leads or knows no leader.
    pub(crate) silent: Vec<I>,
    /// For how long a condition lasts before it is a problem.
    pub(crate) grace: Duration,
}

/// How a node fares.
#[cfg(feature = "endpoint")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Condition {
    /// The node follows or leads, or has been removed: nothing is wrong that it knows of.
    Well,
    /// The node has lost its durable state.
    StateLost,
    /// The node leads, and members are silent.
    MembersSilent,
    /// The node is no member, and knows no leader.
    Outside,
    /// The node is a member, and knows no leader.
    Leaderless {
        /// Whether a quorum of the voters was heard lately.
        quorum_reachable: bool,
    },
}
