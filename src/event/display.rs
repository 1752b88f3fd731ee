//! News in words, one line each, for the operator.

use core::fmt;

use super::{Event, HowRecovered, StepDown};

impl<I: fmt::Debug> fmt::Display for Event<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Elected { term } => write!(f, "elected in term {term}"),
            Event::SteppedDown { term, reason } => write!(f, "stepped down from term {term}: {reason}"),
            Event::LeaderChanged { leader: Some(leader) } => write!(f, "the leader is {leader}"),
            Event::LeaderChanged { leader: None } => f.write_str("no leader is known"),
            Event::LeaderLost { leader } => write!(f, "leader lost: node {leader:?} is not heard"),
            Event::Diagnosed(diagnosis) => diagnosis.fmt(f),
            Event::Resolved { problem, lasted } => {
                write!(f, "over after {} s: {}", lasted.as_secs(), problem.title())
            }
            Event::TickedLate { by } => {
                write!(
                    f,
                    "this node was called {by:.1?} late: its process was paused, starved, or waited for a disk"
                )
            }
            Event::MembershipChanged { version, committed: true } => {
                write!(f, "membership {version} is committed")
            }
            Event::MembershipChanged { version, committed: false } => {
                write!(f, "membership {version} is in force, and not known to be committed")
            }
            Event::TargetReached { version } => write!(f, "target reached with membership {version}"),
            Event::TargetAbandoned => f.write_str("target abandoned: what was committed stays"),
            Event::LearnerBehind { learner, position, required } => {
                write!(f, "learner {learner:?} is at position {position} and votes from {required} on")
            }
            Event::VoterBehind { voter, position, required } => {
                write!(
                    f,
                    "voter {voter:?} is at position {position}: the change waits for a quorum at {required}"
                )
            }
            Event::ReconfigurationStalled { awaited } => {
                f.write_str("the change of members waits")?;
                awaited.iter().try_for_each(|(id, lack)| write!(f, "; node {id:?}: {lack}"))
            }
            Event::Removed => f.write_str("removed from the group: this node can be stopped"),
            Event::LeaveForgotten => {
                f.write_str("removed and added again: this node stays unless it is told to leave once more")
            }
            Event::StateLost => {
                f.write_str("durable state lost: this node asks the others before it takes part again")
            }
            Event::Recovered { term, how: HowRecovered::Rejoined } => {
                write!(f, "recovered in term {term}: others have told what was forgotten")
            }
            Event::Recovered { term, how: HowRecovered::Founded } => {
                write!(f, "group founded in term {term}, by nodes that had nothing stored")
            }
            Event::QuorumLost { blank } => {
                write!(
                    f,
                    "no leader can be elected: too many voters have forgotten what the group was; they are {blank:?}"
                )
            }
            Event::TooManyForming { peer } => {
                write!(f, "node {peer:?} was started as forming in addition to max_members others")
            }
            Event::HandoverFailed { successor: Some(successor), reason: Some(reason) } => {
                write!(f, "this node leads on: the handover to node {successor:?} failed; {reason}")
            }
            Event::HandoverFailed { successor: Some(successor), reason: None } => {
                write!(
                    f,
                    "this node leads on: the handover to node {successor:?} failed; no quorum would vote for it, or it \
                     was too slow: try again, or another node"
                )
            }
            Event::HandoverFailed { successor: None, .. } => {
                f.write_str("this node leads on: the handover failed; no other voter is fit to lead")
            }
            Event::NoSuccessor { unfit } if unfit.is_empty() => {
                f.write_str("this node leads on: there is no other voter to take over; add one")
            }
            Event::NoSuccessor { unfit } => {
                f.write_str("this node leads on: no voter can take over")?;
                unfit.iter().try_for_each(|(id, reason)| write!(f, "; node {id:?}: {reason}"))
            }
            Event::ShortPromise { voter, granted, requested } => {
                write!(
                    f,
                    "voter {voter:?} promises {granted:?} where this leader asks for {requested:?}: give all nodes the \
                     same lengths"
                )
            }
            Event::Behind { peer, position } => {
                write!(f, "node {peer:?} denied its vote: its data reach position {position}")
            }
            Event::OtherLife { peer, life } => {
                write!(
                    f,
                    "node {peer:?} belongs to another group of this number, of life {life}: it was started with another \
                     list, or one of the two groups is an old one"
                )
            }
            Event::ForeignCluster { peer, cluster } => {
                write!(f, "node {peer:?} belongs to another group, cluster {cluster}")
            }
            Event::TwoProcesses { peer } => {
                write!(f, "two processes run as node {peer:?}: stop one of them")
            }
            Event::MembershipConflict { peer } => {
                write!(f, "node {peer:?} holds a membership that contradicts this node's")
            }
            Event::TwoLeaders { peer, term } => {
                write!(f, "node {peer:?} claims to lead term {term}, which another node leads")
            }
            Event::TermTooFarAhead { peer, term } => {
                write!(f, "node {peer:?} is in term {term}, which is too far ahead")
            }
        }
    }
}

impl<I: fmt::Debug> fmt::Display for StepDown<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StepDown::LeaseLapsed => f.write_str("its lease lapsed"),
            StepDown::NewLeader { leader } => write!(f, "the leader is {leader}"),
            StepDown::Resigned { successor: Some(successor) } => {
                write!(f, "it resigned, and node {successor:?} is to take over")
            }
            StepDown::Resigned { successor: None } => f.write_str("it resigned"),
        }
    }
}
