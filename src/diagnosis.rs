//! What keeps a node from its work, for an operator.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use crate::message::Denial;
#[cfg(any(feature = "endpoint", feature = "tokio"))]
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
    /// The silent members whose names did not stand for any address when they were looked up last.
    pub unresolved: Vec<I>,
    /// The silent members of which datagrams arrive all the same, but none of their election: they recover, or the
    /// network loses datagrams that are longer than others.
    pub unanswering: Vec<I>,
    /// The silent nodes to which this node has something to send that is too long for a datagram, or for the system.
    pub too_long_for: Vec<I>,
    /// The silent nodes from whose addresses datagrams arrive that this node cannot use.
    pub unusable: Vec<I>,
    /// How many datagrams were refused meanwhile, because this node could not read them.
    pub unreadable: u64,
    /// The last denial that this node received, if a quorum of the voters is heard and there is no leader all the same.
    pub denial: Option<ReceivedDenial<I>>,
    /// What the system says, if the problem is one of its own; or why the voter in a register is silent, if a quorum is missing.
    pub cause: Option<String>,
}

/// A denial of a request.
///
/// Non-exhaustive, like [`Status`](crate::Status).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub struct ReceivedDenial<I> {
    /// The node that sent it.
    pub from: I,
    /// Its reason.
    pub denial: Denial<I>,
}

impl<I> Diagnosis<I> {
    /// A diagnosis without any nodes or numbers.
    #[must_use]
    pub fn new(problem: Problem, lasted: Duration) -> Self {
        Diagnosis {
            problem,
            lasted,
            silent: Vec::new(),
            unaddressed: Vec::new(),
            unresolved: Vec::new(),
            unanswering: Vec::new(),
            too_long_for: Vec::new(),
            unusable: Vec::new(),
            unreadable: 0,
            denial: None,
            cause: None,
        }
    }
}

/// What can be wrong with a node. [`Display`](fmt::Display) says what to do about it as well.
///
/// A problem that datagrams show is named only while they go on arriving, from the addresses of so many silent voters
/// that a quorum could be heard if the datagrams were right. Datagrams from anywhere else are counted, and hide
/// nothing.
///
/// Non-exhaustive: a later version may tell more problems apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[non_exhaustive]
pub enum Problem {
    /// This node has forgotten what it took part in, and too few others have told it so far.
    Recovering,
    /// A state waits to be durable, and nothing else is sent meanwhile: the disk refuses it, or hangs.
    StatePending,
    /// There is no leader, and the system takes none of the datagrams of this node.
    CannotSend,
    /// There is no leader, and this node cannot read what others send: its keys or its type of ids differ.
    UnreadableDatagrams,
    /// There is no leader, and others send datagrams of another group.
    OtherGroup,
    /// There is no leader, and others send datagrams that are for another node.
    WrongAddresses,
    /// There is no leader, because a voter holds a membership that contradicts this node's, or belongs to a group of
    /// another [`Life`](crate::Life).
    MembershipConflict,
    /// This node was started from a state by which it is not a member: it was removed, or left out when the group formed.
    NotAMember,
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
    /// There is no leader, and others run another release, whose datagrams this one does not read.
    OtherRelease,
}

impl Problem {
    /// Whether the problem stays until an operator acts, or may pass when nodes and networks come back.
    #[must_use]
    pub fn needs_operator(self) -> bool {
        match self {
            Problem::StatePending
            | Problem::UnreadableDatagrams
            | Problem::OtherRelease
            | Problem::OtherGroup
            | Problem::MembershipConflict
            | Problem::WrongAddresses => true,
            Problem::Recovering
            | Problem::CannotSend
            | Problem::NotAMember
            | Problem::NotAdmitted
            | Problem::NotContacted
            | Problem::NoQuorum
            | Problem::NoLeader
            | Problem::SilentMembers => false,
        }
    }
}

impl Problem {
    /// What is wrong, in a few words.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Problem::Recovering => "waiting to recover",
            Problem::StatePending => "a state waits to be durable, and nothing is sent meanwhile",
            Problem::CannotSend => "no leader, and the system takes no datagrams",
            Problem::UnreadableDatagrams => "no leader, and datagrams cannot be read",
            Problem::OtherRelease => "no leader, and datagrams of another release arrive",
            Problem::OtherGroup => "no leader, and datagrams of another group arrive",
            Problem::WrongAddresses => "no leader, and datagrams for another node arrive",
            Problem::MembershipConflict => {
                "no leader, and a voter belongs to a group with other first members"
            }
            Problem::NotAMember => "not a member of the group: removed, or left out",
            Problem::NotAdmitted => "waiting to be added",
            Problem::NotContacted => "waiting to be added, and no node is heard",
            Problem::NoQuorum => "no leader, and no majority is heard",
            Problem::NoLeader => "no leader, although a majority is heard",
            Problem::SilentMembers => "members are not heard",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Problem::Recovering => "have a majority of the voters run and reached, this node not counted",
            Problem::StatePending => "look at the disk of this node",
            Problem::CannotSend => "check the network and the firewall of this machine",
            Problem::UnreadableDatagrams => "compare the keys and the type of ids with other nodes",
            Problem::OtherRelease => "run a release on all nodes whose formats are the same",
            Problem::OtherGroup => "compare the group and the addresses of peers",
            Problem::WrongAddresses => "compare the id of this node and the addresses of peers",
            Problem::MembershipConflict => "stop the node that was started wrongly",
            Problem::NotAMember => "stop this node, or have the leader add it",
            Problem::NotAdmitted => "have the leader add this node to the members",
            Problem::NotContacted => "have the leader add this node, and check addresses, keys and firewalls",
            Problem::NoQuorum => "check that these nodes run, their addresses, keys and firewalls",
            Problem::NoLeader => "look at the last denial, and at which nodes may lead",
            Problem::SilentMembers => "check that they run, or remove them",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title(), self.advice())
    }
}

impl<I: fmt::Debug> fmt::Display for Diagnosis<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "for {} s: {}", self.lasted.as_secs(), self.problem)?;
        let lists = [
            ("not heard", &self.silent),
            ("address unknown", &self.unaddressed),
            ("name does not resolve", &self.unresolved),
            ("running, but recovering or not reached by longer datagrams", &self.unanswering),
            ("datagrams too long to be sent to", &self.too_long_for),
            ("datagrams that cannot be used come from the addresses of", &self.unusable),
        ];
        for (title, nodes) in lists {
            if !nodes.is_empty() {
                write!(f, "; {title}: {nodes:?}")?;
            }
        }
        if self.unreadable > 0 {
            write!(f, "; {} datagrams unreadable", self.unreadable)?;
        }
        if let Some(denial) = &self.denial {
            write!(f, "; last denial {denial}")?;
        }
        match &self.cause {
            Some(cause) => write!(f, "; {cause}"),
            None => Ok(()),
        }
    }
}

impl<I: fmt::Debug> fmt::Display for ReceivedDenial<I> {
    /// `by node 3: ` and why.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "by node {:?}: {}", self.from, self.denial)
    }
}

/// What a node knows of its own health, as of its last tick.
#[cfg(any(feature = "endpoint", feature = "tokio"))]
pub(crate) struct Health<I> {
    /// The reading of the clock then.
    pub(crate) now: Timestamp,
    /// When the next tick is due.
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) condition: Condition,
    /// The other node that leads, and until when this node follows it unless it is heard again.
    pub(crate) following: Option<(I, Timestamp)>,
    pub(crate) last_denial: Option<ReceivedDenial<I>>,
    /// The voters, then the learners that were not heard lately, if the node leads or knows no leader.
    pub(crate) silent: Vec<I>,
    /// How many of `silent` are voters.
    pub(crate) silent_voters: usize,
    /// For how long a condition lasts before it is a problem.
    pub(crate) grace: Duration,
    /// How late a tick may be without a reason to speak of it.
    pub(crate) leeway: Duration,
}

/// How a node fares.
#[cfg(any(feature = "endpoint", feature = "tokio"))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Condition {
    /// The node follows or leads, or has said that it was removed: nothing is wrong that it knows of.
    Well,
    /// The node has forgotten what it took part in, and waits to be told.
    Recovering,
    /// The node leads, and members are silent.
    MembersSilent,
    /// The node knows that it is not a member, from before its start, and knows no leader.
    Removed,
    /// The node is no member, and knows no leader.
    Outside,
    /// The node is a member, and knows no leader.
    Leaderless {
        /// How many more voters would have to be heard to make a quorum: none if one was heard lately.
        missing: usize,
    },
}
