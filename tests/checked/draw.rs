//! Bytes to acts: anything at all, but more often than not something that comes close to what an
//! honest peer would say, so that every role is reached and left.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use quorate::{
    Answer, Body, Claim, ClusterId, Denial, Header, Heartbeat, HeartbeatReply, Input, Limits, Membership,
    MembershipVersion, Message, Nanos, Order, Phase, Position, Priority, Round, Target, Term, Timestamp,
    Urgency, VoteReply, VoteRequest,
};

use super::{Act, CLUSTER, Checked};

const MILLISECOND: u64 = 1_000_000;
const EXTREMES: [u64; 9] =
    [0, 1, 1 << 32, (1 << 32) + 1, 1 << 53, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX - 1, u64::MAX];

/// The next act on `checked`.
pub(crate) fn act(u: &mut Unstructured<'_>, checked: &Checked) -> Result<Act> {
    Ok(match u.int_in_range(0..=15)? {
        0..=3 => Act::Due,
        4..=5 => Act::Wait(length(u)?.as_duration()),
        6 => Act::Tick(clock(u, checked)?),
        7..=9 => Act::Step(answer(u, checked)?),
        10..=11 => Act::Step(wish(u)?),
        _ => Act::Step(Input::Receive { from: node(u)?, message: message(u, checked)? }),
    })
}

/// Any reading, near the last one or far from it, before or after.
fn clock(u: &mut Unstructured<'_>, checked: &Checked) -> Result<Timestamp> {
    let length = length(u)?.as_duration();
    Ok(match u.int_in_range(0..=3)? {
        0 => checked.now.saturating_sub(length),
        1 => Duration::MAX.into(),
        _ => checked.now.saturating_add(length),
    })
}

fn wish(u: &mut Unstructured<'_>) -> Result<Input<u64>> {
    Ok(match u.int_in_range(0..=8_u8)? {
        0 => Input::Campaign,
        4 => Input::Leave,
        5 => Input::Discovered(node(u)?),
        6 => Input::Lost(node(u)?),
        7 | 8 => {
            let mut lists = [Vec::new(), Vec::new(), Vec::new()];
            for id in 1..=6 {
                lists[u.int_in_range(0..=2)?].push(id);
            }
            let [voters, learners, _] = lists;
            match Target::new(voters, learners) {
                Ok(target) => Input::Reconfigure { target, force: u.ratio(1, 4)? },
                Err(_) => Input::Leave,
            }
        }
        1 => {
            let urgency = if u.arbitrary()? { Urgency::Now } else { Urgency::WhenReady };
            Input::Resign { successor: option(u, node)?, urgency }
        }
        2 => Input::SetPosition(position(u)?),
        3.. => Input::SetPriority(priority(u)?),
    })
}

/// What a peer would say to one of the last messages sent, or that message thrown back.
fn answer(u: &mut Unstructured<'_>, checked: &Checked) -> Result<Input<u64>> {
    let last = checked.sent.len().saturating_sub(1);
    let Some((from, request)) = checked.sent.get(u.int_in_range(0..=last)?) else {
        return Ok(Input::Receive { from: node(u)?, message: message(u, checked)? });
    };
    let Message { mut header, body } = request.clone();
    let answer = if u.ratio(1, 8)? { answered(u)? } else { Answer::Granted(Nanos(450 * MILLISECOND)) };
    let of = header.term;
    let body = match body {
        Body::VoteRequest(request) => {
            Body::VoteReply(VoteReply { phase: request.phase, request_term: of, answer, membership: None })
        }
        Body::Heartbeat(heartbeat) => Body::HeartbeatReply(HeartbeatReply {
            request_term: of,
            answer,
            position: position(u)?,
            priority: priority(u)?,
            ready: heartbeat.order == Order::Prepare && u.arbitrary()?,
            leaving: u.ratio(1, 16)?,
            membership: None,
        }),
        reply @ (Body::VoteReply(_) | Body::HeartbeatReply(_)) => reply,
    };
    if u.ratio(1, 8)? {
        header.term = term(u, checked)?;
    }
    // Mostly of one that holds what it was sent.
    header.committed = header.committed && u.ratio(1, 2)?;
    Ok(Input::Receive { from: *from, message: Message { header, body } })
}

fn message(u: &mut Unstructured<'_>, checked: &Checked) -> Result<Message<u64>> {
    let header = Header {
        cluster: if u.ratio(1, 16)? { ClusterId(u.arbitrary()?) } else { CLUSTER },
        term: term(u, checked)?,
        version: version(u, checked)?,
        committed: u.arbitrary()?,
        round: Round(value(u)?),
        sent_at: if u.ratio(3, 4)? { checked.now } else { Duration::from_nanos(value(u)?).into() },
    };
    let body = match u.int_in_range(0..=3)? {
        0 => Body::VoteRequest(VoteRequest {
            phase: phase(u)?,
            claim: match u.int_in_range(0..=3)? {
                0 if u.arbitrary()? => Claim::Inquiry,
                0 => Claim::Renewal,
                1 => Claim::Handover { leader: node(u)?, term: term(u, checked)? },
                _ => Claim::Own,
            },
            promise: length(u)?,
            position: position(u)?,
            membership: membership(u, checked)?,
        }),
        1 => Body::VoteReply(VoteReply {
            phase: phase(u)?,
            request_term: term(u, checked)?,
            answer: answered(u)?,
            membership: membership(u, checked)?,
        }),
        2 => Body::Heartbeat(Heartbeat {
            promise: length(u)?,
            rank: option(u, Unstructured::arbitrary)?,
            order: match u.int_in_range(0..=3)? {
                0 => Order::Prepare,
                1 => Order::Campaign,
                _ => Order::Follow,
            },
            inherited: option(u, |u| version(u, checked))?,
            membership: membership(u, checked)?,
        }),
        _ => Body::HeartbeatReply(HeartbeatReply {
            request_term: term(u, checked)?,
            answer: answered(u)?,
            position: position(u)?,
            priority: priority(u)?,
            ready: u.arbitrary()?,
            leaving: u.ratio(1, 8)?,
            membership: membership(u, checked)?,
        }),
    };
    Ok(Message { header, body })
}

fn answered(u: &mut Unstructured<'_>) -> Result<Answer<u64>> {
    Ok(match u.int_in_range(0..=9)? {
        0 => Answer::Denied(Denial::AlreadyVoted),
        1 => Answer::Denied(Denial::StaleTerm),
        2 => Answer::Denied(Denial::StaleMembership),
        3 => Answer::Denied(Denial::PositionBehind(position(u)?)),
        4 => Answer::Denied(Denial::NotAMember),
        5 => Answer::Denied(Denial::MembershipConflict),
        6 => {
            let to = option(u, |u| Ok((node(u)?, Term(value(u)?))))?;
            Answer::Denied(Denial::Bound { to, remaining: length(u)? })
        }
        _ => Answer::Granted(length(u)?),
    })
}

/// Mostly of a few nodes, sometimes of as many as there can be.
fn membership(u: &mut Unstructured<'_>, checked: &Checked) -> Result<Option<Box<Membership<u64>>>> {
    if u.ratio(3, 4)? {
        return Ok(None);
    }
    if u.ratio(1, 8)? {
        let limits = Limits { min_members: 2, max_members: u.int_in_range(2..=3)? };
        return Ok(Membership::forming(limits).ok().map(Box::new));
    }
    let version = version(u, checked)?;
    let most = if u.ratio(1, 32)? { 256 } else { 7 };
    let (first, voters) = (u.int_in_range(0..=2)?, u.int_in_range(0..=most)?);
    let learners = u.int_in_range(0..=2)?;
    let quorum = usize::try_from(voters / 2 + 1 + u.int_in_range(0..=1)?).unwrap_or(0);
    let end = first + voters;
    let membership =
        Membership::new(version, (first..end).collect(), (end..end + learners).collect(), quorum);
    Ok(membership.ok().map(Box::new))
}

fn version(u: &mut Unstructured<'_>, checked: &Checked) -> Result<MembershipVersion> {
    let ours = checked.election.membership().version();
    Ok(match u.int_in_range(0..=3)? {
        0 => MembershipVersion { term: term(u, checked)?, number: value(u)? },
        1 => MembershipVersion { number: ours.number.saturating_add(1), ..ours },
        _ => ours,
    })
}

/// Around the term in force, or any.
fn term(u: &mut Unstructured<'_>, checked: &Checked) -> Result<Term> {
    let ours = checked.election.term().0;
    Ok(Term(match u.int_in_range(0..=7)? {
        0 => value(u)?,
        1 => ours.saturating_sub(1),
        2..=4 => ours.saturating_add(u.int_in_range(1..=2)?),
        _ => ours,
    }))
}

fn phase(u: &mut Unstructured<'_>) -> Result<Phase> {
    Ok(if u.arbitrary()? { Phase::Pre } else { Phase::Real })
}

fn position(u: &mut Unstructured<'_>) -> Result<Position> {
    Ok(if u.ratio(3, 4)? {
        Position { term: 1, index: 1 }
    } else {
        Position { term: value(u)?, index: value(u)? }
    })
}

fn priority(u: &mut Unstructured<'_>) -> Result<Priority> {
    Ok(Priority(u.int_in_range(0..=3)?))
}

/// Members, this node itself (1), and strangers.
fn node(u: &mut Unstructured<'_>) -> Result<u64> {
    if u.ratio(1, 16)? { value(u) } else { u.int_in_range(1..=6) }
}

fn length(u: &mut Unstructured<'_>) -> Result<Nanos> {
    Ok(Nanos(match u.int_in_range(0..=7)? {
        0 => value(u)?,
        1 => 0,
        _ => u.int_in_range(0..=600)? * MILLISECOND,
    }))
}

fn value(u: &mut Unstructured<'_>) -> Result<u64> {
    Ok(match u.int_in_range(0..=3)? {
        0 => u.arbitrary()?,
        1 => *u.choose(&EXTREMES)?,
        _ => u.int_in_range(0..=200)?,
    })
}

fn option<'a, T>(
    u: &mut Unstructured<'a>,
    some: impl FnOnce(&mut Unstructured<'a>) -> Result<T>,
) -> Result<Option<T>> {
    if u.arbitrary()? { some(u).map(Some) } else { Ok(None) }
}
