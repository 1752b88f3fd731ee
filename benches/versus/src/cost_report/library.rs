//! The libraries and the subjects of the tables, and the work that measures a subject of a library.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use quorate_versus::cost::almost_raft;
use quorate_versus::cost::group::{Group, MeasuredNode};
use quorate_versus::cost::omnipaxos::OmniPaxosNode;
use quorate_versus::cost::quorate::Quorate;
use quorate_versus::cost::raft_rs::{Checked, Plain};
use quorate_versus::cost::work::{Failovers, Heartbeats, Part, Work};

/// The libraries, in the order of the columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Library {
    Quorate,
    /// With pre-vote and check-quorum.
    RaftRs,
    Omnipaxos,
    /// With the defaults.
    RaftRsPlain,
    AlmostRaft,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Subject {
    /// A follower receives a heartbeat and replies.
    Follower,
    /// A leader sends a heartbeat to every other node.
    Broadcast,
    /// A leader receives all the replies.
    Answers,
    /// A failover, from the first timeout until all survivors know the new leader.
    Failover,
    /// A node in memory.
    Instance,
    /// A program that runs one node.
    Program,
    /// The same without the code for changes of members.
    FixedGroup,
}

impl Subject {
    /// The kinds of work that are repeated and timed.
    pub(crate) const TIMED: [Subject; 4] =
        [Subject::Follower, Subject::Broadcast, Subject::Answers, Subject::Failover];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Subject::Follower => "a follower answers a heartbeat",
            Subject::Broadcast => "a leader sends a round of heartbeats",
            Subject::Answers => "a leader reads all answers of a round",
            Subject::Failover => "a failover",
            Subject::Instance => "an instance",
            Subject::Program => "a program of one node",
            Subject::FixedGroup => "a program of one node whose members never change",
        }
    }
}

impl Library {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Library::Quorate => Quorate::NAME,
            Library::RaftRs => Checked::NAME,
            Library::Omnipaxos => OmniPaxosNode::<1>::NAME,
            Library::RaftRsPlain => Plain::NAME,
            Library::AlmostRaft => "almost-raft",
        }
    }

    /// The name in a command and in a file.
    pub(crate) fn key(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The work that measures `subject` in so many groups; `None` where the library does no such thing.
    pub(crate) fn work(self, subject: Subject, members: usize, groups: usize) -> Option<Box<dyn Work>> {
        match (self, subject) {
            (Library::Quorate, _) => work::<Quorate>(subject, members, groups),
            (Library::RaftRs, _) => work::<Checked>(subject, members, groups),
            (Library::RaftRsPlain, _) => work::<Plain>(subject, members, groups),
            (Library::Omnipaxos, _) => work::<OmniPaxosNode<1>>(subject, members, groups),
            (Library::AlmostRaft, Subject::Failover) => {
                Some(Box::new(almost_raft::Failovers::new(members, groups)))
            }
            (Library::AlmostRaft, _) => None,
        }
    }

    /// The bytes of an instance.
    pub(crate) fn bytes(self, members: usize) -> f64 {
        match self {
            Library::Quorate => Group::<Quorate>::settled(members).bytes(),
            Library::RaftRs => Group::<Checked>::settled(members).bytes(),
            Library::RaftRsPlain => Group::<Plain>::settled(members).bytes(),
            Library::Omnipaxos => Group::<OmniPaxosNode<1>>::settled(members).bytes(),
            Library::AlmostRaft => almost_raft::bytes(members),
        }
    }
}

fn work<N: MeasuredNode + 'static>(subject: Subject, members: usize, groups: usize) -> Option<Box<dyn Work>> {
    let heartbeats = |part| Some(Box::new(Heartbeats::<N>::new(members, groups, part)) as Box<dyn Work>);
    match subject {
        Subject::Follower => heartbeats(Part::Follower),
        Subject::Broadcast => heartbeats(Part::Broadcast),
        Subject::Answers => heartbeats(Part::Answers),
        Subject::Failover => Some(Box::new(Failovers::<N>::new(members, groups))),
        Subject::Instance | Subject::Program | Subject::FixedGroup => None,
    }
}
