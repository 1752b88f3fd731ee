//! Arbitrary messages and states, with ids of three types, for the fuzz targets of the formats.

mod state;

use std::fmt::Debug;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use quorate::message::{
    Answer, BlankReply, Body, Claim, Denial, Header, Heartbeat, HeartbeatReply, Order, Phase, RecoveryReply,
    Round, VoteReply, VoteRequest,
};
use quorate::{
    ClusterId, Incarnation, Life, MembershipVersion, Message, Nanos, NodeId, Position, Priority,
    PromiseHolder, Term,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use state::{membership, state, version};

/// A type of ids with arbitrary values.
pub trait AnyId: NodeId + Serialize + DeserializeOwned + Debug {
    /// An arbitrary id.
    ///
    /// # Errors
    /// If the bytes are not enough.
    fn any(u: &mut Unstructured<'_>) -> Result<Self>;
}

impl AnyId for u64 {
    fn any(u: &mut Unstructured<'_>) -> Result<Self> {
        u.arbitrary()
    }
}

impl AnyId for [u8; 16] {
    fn any(u: &mut Unstructured<'_>) -> Result<Self> {
        u.arbitrary()
    }
}

/// An address without scope id and flow label, which are not sent.
impl AnyId for SocketAddr {
    fn any(u: &mut Unstructured<'_>) -> Result<Self> {
        Ok(if u.arbitrary()? {
            SocketAddr::from((Ipv4Addr::from(u.arbitrary::<u32>()?), u.arbitrary()?))
        } else {
            SocketAddr::from((Ipv6Addr::from(u.arbitrary::<u128>()?), u.arbitrary()?))
        })
    }
}

/// An arbitrary message.
///
/// # Errors
/// If the bytes are not enough.
pub fn message<I: AnyId>(u: &mut Unstructured<'_>) -> Result<Message<I>> {
    let header = Header {
        cluster: ClusterId(u.arbitrary()?),
        life: Life(u.arbitrary()?),
        term: Term(u.arbitrary()?),
        version: version(u)?,
        committed: u.arbitrary()?,
        round: Round(u.arbitrary()?),
        sent_at: Duration::from_nanos(u.arbitrary()?).into(),
    };
    Ok(Message::new(header, body(u)?))
}

fn body<I: AnyId>(u: &mut Unstructured<'_>) -> Result<Body<I>> {
    Ok(match u.int_in_range(0..=6)? {
        6 => Body::BlankReply(BlankReply {
            list: u.arbitrary()?,
            incarnation: Incarnation(u.arbitrary()?),
            pledge: option(u, |u| Ok(Life(u.arbitrary()?)))?,
            first_term: Term(u.arbitrary()?),
        }),
        4 => Body::RecoveryRequest,
        5 => Body::RecoveryReply(RecoveryReply {
            position: position(u)?,
            membership: Box::new(membership(u)?),
        }),
        0 => Body::VoteRequest(VoteRequest {
            phase: phase(u)?,
            claim: match u.int_in_range(0..=3)? {
                0 => Claim::Own,
                1 => Claim::Renewal,
                2 => Claim::Inquiry,
                _ => Claim::Handover { leader: I::any(u)?, term: Term(u.arbitrary()?) },
            },
            promise: Nanos(u.arbitrary()?),
            position: position(u)?,
            membership: option(u, membership)?.map(Box::new),
        }),
        1 => Body::VoteReply(VoteReply {
            phase: phase(u)?,
            request_term: Term(u.arbitrary()?),
            answer: answer(u)?,
            membership: option(u, membership)?.map(Box::new),
        }),
        2 => Body::Heartbeat(Heartbeat {
            promise: Nanos(u.arbitrary()?),
            rank: u.arbitrary()?,
            order: *u.choose(&[Order::Follow, Order::Prepare { attempt: Round(1) }, Order::Campaign])?,
            inherited: option(u, |u| {
                Ok(MembershipVersion { term: Term(u.arbitrary()?), number: u.arbitrary()? })
            })?,
            membership: option(u, membership)?.map(Box::new),
        }),
        _ => Body::HeartbeatReply(HeartbeatReply {
            request_term: Term(u.arbitrary()?),
            answer: answer(u)?,
            position: position(u)?,
            priority: Priority(u.arbitrary()?),
            ready: u.arbitrary()?,
            leaving: u.arbitrary()?,
            membership: option(u, membership)?.map(Box::new),
        }),
    })
}

fn answer<I: AnyId>(u: &mut Unstructured<'_>) -> Result<Answer<I>> {
    Ok(match u.int_in_range(0..=7)? {
        0 => Answer::Granted(Nanos(u.arbitrary()?)),
        1 => Answer::Denied(Denial::AlreadyVoted),
        2 => Answer::Denied(Denial::StaleTerm),
        3 => Answer::Denied(Denial::StaleMembership),
        4 => Answer::Denied(Denial::PositionBehind(position(u)?)),
        5 => Answer::Denied(Denial::NotAMember),
        6 => Answer::Denied(Denial::MembershipConflict),
        _ => {
            let to = option(u, |u| Ok(PromiseHolder { id: I::any(u)?, term: Term(u.arbitrary()?) }))?;
            Answer::Denied(Denial::Bound { to, remaining: Nanos(u.arbitrary()?) })
        }
    })
}

fn phase(u: &mut Unstructured<'_>) -> Result<Phase> {
    Ok(if u.arbitrary()? { Phase::Pre } else { Phase::Real })
}

fn position(u: &mut Unstructured<'_>) -> Result<Position> {
    Ok(Position { term: u.arbitrary()?, index: u.arbitrary()? })
}

/// Something, or nothing.
///
/// # Errors
/// If the bytes are not enough.
pub fn option<'a, T>(
    u: &mut Unstructured<'a>,
    some: impl FnOnce(&mut Unstructured<'a>) -> Result<T>,
) -> Result<Option<T>> {
    if u.arbitrary()? { some(u).map(Some) } else { Ok(None) }
}
