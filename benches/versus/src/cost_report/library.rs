//! The libraries and the subjects of the tables, and the work that measures a subject of a library.

use clap::ValueEnum;

use quorate_versus::cost::almost_raft;
use quorate_versus::cost::group::{Group, MeasuredNode};
use quorate_versus::cost::idle::{IdleHost, TickingAll, TickingDue};
use quorate_versus::cost::omnipaxos::OmniPaxosNode;
use quorate_versus::cost::quorate::Quorate;
use quorate_versus::cost::raft_rs::{Checked, Plain};
use quorate_versus::cost::work::{Failovers, Heartbeats, Part, Seconds, Work};

/// Groups at rest.
pub(crate) const GROUPS: usize = 10_000;

/// The libraries, in the order of the columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Library {
    Quorate,
    /// With pre-vote and check-quorum.
    RaftRs,
    /// With the defaults.
    RaftRsPlain,
    Omnipaxos,
    AlmostRaft,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Subject {
    /// A follower receives a heartbeat and replies.
    Follower,
    /// A leader sends a heartbeat to every other node.
    Broadcast,
    /// A leader receives all the replies.
    Answers,
    /// A failover, from the first timeout until all survivors know the new leader.
    Failover,
    /// A second at rest, in which all nodes are ticked each time.
    Idle,
    /// A second at rest, in which nodes of quorate are ticked at their deadlines only.
    IdleWhenDue,
    /// The size of an instance.
    Bytes,
}

impl Subject {
    /// Whether the number of members matters.
    pub(crate) fn has_sizes(self) -> bool {
        match self {
            Subject::Follower | Subject::Broadcast | Subject::Answers | Subject::Failover => true,
            Subject::Idle | Subject::IdleWhenDue | Subject::Bytes => false,
        }
    }
}

impl Library {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Library::Quorate => Quorate::NAME,
            Library::RaftRs => Checked::NAME,
            Library::RaftRsPlain => Plain::NAME,
            Library::Omnipaxos => OmniPaxosNode::<1>::NAME,
            Library::AlmostRaft => "almost-raft",
        }
    }

    /// The name in a command and in a file.
    pub(crate) fn key(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The work that measures `subject`; `None` where the library does no such thing.
    pub(crate) fn work(self, subject: Subject, members: usize) -> Option<Box<dyn Work>> {
        match (self, subject) {
            (_, Subject::Bytes) => None,
            (_, Subject::Idle | Subject::IdleWhenDue) => {
                Some(Box::new(Seconds::new(self.host(subject)?, GROUPS)))
            }
            (Library::Quorate, _) => work::<Quorate>(subject, members),
            (Library::RaftRs, _) => work::<Checked>(subject, members),
            (Library::RaftRsPlain, _) => work::<Plain>(subject, members),
            (Library::Omnipaxos, _) => work::<OmniPaxosNode<1>>(subject, members),
            (Library::AlmostRaft, Subject::Failover) => Some(Box::new(almost_raft::Failovers::new(members))),
            (Library::AlmostRaft, _) => None,
        }
    }

    /// A host of many groups at rest.
    pub(crate) fn host(self, subject: Subject) -> Option<Box<dyn IdleHost>> {
        match self {
            Library::Quorate if subject == Subject::IdleWhenDue => Some(Box::new(TickingDue::new(GROUPS))),
            Library::Quorate => Some(Box::new(TickingAll::<Quorate>::new(GROUPS))),
            Library::RaftRs => Some(Box::new(TickingAll::<Checked>::new(GROUPS))),
            Library::RaftRsPlain => Some(Box::new(TickingAll::<Plain>::new(GROUPS))),
            Library::Omnipaxos => Some(Box::new(TickingAll::<OmniPaxosNode<5>>::new(GROUPS))),
            Library::AlmostRaft => None,
        }
    }

    /// The bytes of an instance in a group of three.
    pub(crate) fn bytes(self) -> f64 {
        match self {
            Library::Quorate => Group::<Quorate>::settled(3).bytes(),
            Library::RaftRs => Group::<Checked>::settled(3).bytes(),
            Library::RaftRsPlain => Group::<Plain>::settled(3).bytes(),
            Library::Omnipaxos => Group::<OmniPaxosNode<1>>::settled(3).bytes(),
            Library::AlmostRaft => almost_raft::bytes(3),
        }
    }
}

fn work<N: MeasuredNode + 'static>(subject: Subject, members: usize) -> Option<Box<dyn Work>> {
    match subject {
        Subject::Follower => Some(Box::new(Heartbeats::<N>::new(members, Part::Follower))),
        Subject::Broadcast => Some(Box::new(Heartbeats::<N>::new(members, Part::Broadcast))),
        Subject::Answers => Some(Box::new(Heartbeats::<N>::new(members, Part::Answers))),
        Subject::Failover => Some(Box::new(Failovers::<N>::new(members))),
        Subject::Idle | Subject::IdleWhenDue | Subject::Bytes => None,
    }
}
