//! A message on one line, for a trace that people read.

use core::fmt::{Debug, Display, Formatter, Result};
use core::time::Duration;

use super::{
    Answer, BlankReply, Body, Claim, Denial, Header, Heartbeat, HeartbeatReply, Message, Order, Phase,
    RecoveryReply, VoteReply, VoteRequest,
};
use crate::types::{Nanos, Term};

impl<I: Copy + Debug> Display for Message<I> {
    /// `heartbeat of term 7 for 150ms, rank 0 (membership 7.2, committed, round 41)`
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (header, body) = (&self.header(), &self.body());
        let membership = match body {
            Body::VoteRequest(request) => {
                write_vote_request(f, header.term, request)?;
                &request.membership
            }
            Body::VoteReply(reply) => {
                write_vote_reply(f, header.term, reply)?;
                &reply.membership
            }
            Body::Heartbeat(heartbeat) => {
                write_heartbeat(f, header.term, heartbeat)?;
                &heartbeat.membership
            }
            Body::HeartbeatReply(reply) => {
                write_heartbeat_reply(f, header.term, reply)?;
                &reply.membership
            }
            Body::RecoveryRequest => return write!(f, "recovery request (round {})", header.round),
            Body::RecoveryReply(RecoveryReply { position, .. }) => {
                write!(f, "recovery reply of term {}, position {position}", header.term)?;
                return write_version(f, header, true);
            }
            Body::BlankReply(BlankReply { pledge, .. }) => {
                f.write_str("reply of a blank node")?;
                if let Some(life) = pledge {
                    write!(f, ", pledged to life {life}")?;
                }
                return write!(f, " (round {})", header.round);
            }
        };
        write_version(f, header, membership.is_some())
    }
}

fn write_version(f: &mut Formatter<'_>, header: &Header, is_enclosed: bool) -> Result {
    let committed = if header.committed { ", committed" } else { "" };
    let enclosed = if is_enclosed { ", enclosed" } else { "" };
    write!(f, " (membership {}{committed}{enclosed}, round {})", header.version, header.round)
}

fn write_vote_request<I: Debug>(f: &mut Formatter<'_>, term: Term, request: &VoteRequest<I>) -> Result {
    write!(f, "{} request of term {term}", request.phase)?;
    match &request.claim {
        Claim::Own => {}
        Claim::Renewal => f.write_str(", renewal")?,
        Claim::Inquiry => f.write_str(", inquiry")?,
        Claim::Handover { leader, term } => write!(f, ", handover by node {leader:?} of term {term}")?,
    }
    if request.promise > Nanos::ZERO {
        write!(f, " for {:?}", length(request.promise))?;
    }
    write!(f, ", position {}", request.position)
}

fn write_vote_reply<I: Debug>(f: &mut Formatter<'_>, term: Term, reply: &VoteReply<I>) -> Result {
    let VoteReply { phase, request_term: of, answer, .. } = reply;
    write!(f, "{phase} reply of term {term} to term {of}: {answer}")
}

fn write_heartbeat<I>(f: &mut Formatter<'_>, term: Term, heartbeat: &Heartbeat<I>) -> Result {
    match heartbeat.promise {
        Nanos::ZERO => write!(f, "last heartbeat of term {term}")?,
        promise => write!(f, "heartbeat of term {term} for {:?}", length(promise))?,
    }
    if let Some(rank) = heartbeat.rank {
        write!(f, ", rank {rank}")?;
    }
    f.write_str(match heartbeat.order {
        Order::Follow => "",
        Order::Prepare { .. } => ", prepare to take over",
        Order::Campaign => ", campaign",
    })
}

fn write_heartbeat_reply<I: Debug>(f: &mut Formatter<'_>, term: Term, reply: &HeartbeatReply<I>) -> Result {
    let HeartbeatReply { request_term: of, answer, position, priority, ready, leaving, .. } = reply;
    let ready = if *ready { ", ready to take over" } else { "" };
    let leaving = if *leaving { ", leaving" } else { "" };
    write!(f, "heartbeat reply of term {term} to term {of}: {answer}")?;
    write!(f, ", position {position}, priority {priority}{ready}{leaving}")
}

impl Display for Phase {
    /// `pre-vote` or `vote`.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.pad(match self {
            Phase::Pre => "pre-vote",
            Phase::Real => "vote",
        })
    }
}

impl<I: Debug> Display for Answer<I> {
    /// `granted for 150ms`, or `denied: ` and why.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Answer::Granted(Nanos::ZERO) => f.write_str("granted"),
            Answer::Granted(promise) => write!(f, "granted for {:?}", length(*promise)),
            Answer::Denied(denial) => write!(f, "denied: {denial}"),
        }
    }
}

impl<I: Debug> Display for Denial<I> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Denial::Bound { to: Some(holder), remaining } => {
                write!(f, "bound to {holder} for another {:?}", length(*remaining))
            }
            Denial::Bound { to: None, remaining } => {
                write!(f, "bound by promises from before its restart for another {:?}", length(*remaining))
            }
            Denial::AlreadyVoted => f.write_str("its vote of that term is given"),
            Denial::StaleTerm => f.write_str("that term is over"),
            Denial::StaleMembership => f.write_str("its membership is newer"),
            Denial::PositionBehind(position) => write!(f, "its data reach position {position}"),
            Denial::NotAMember => f.write_str("the asker is no member"),
            Denial::OtherLife => f.write_str("it belongs to a group of another life"),
            Denial::MembershipConflict => f.write_str("its membership contradicts the asker's"),
        }
    }
}

fn length(length: Nanos) -> Duration {
    length.as_duration()
}
