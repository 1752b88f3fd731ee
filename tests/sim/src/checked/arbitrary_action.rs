//! Turns arbitrary bytes into actions on an election. Any action can come out, but most are close to
//! what a correct peer or host would do, so that every role is entered and left.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use quorate::message::{
    Answer, BlankReply, Body, Claim, Denial, Header, Heartbeat, HeartbeatReply, Order, Phase, RecoveryReply,
    Round, VoteReply, VoteRequest,
};
use quorate::{
    ClusterId, Force, Incarnation, Input, Life, Limits, Membership, MembershipVersion, Message, Nanos,
    Position, Priority, PromiseHolder, Target, Term, Timestamp, Urgency,
};

use super::{CLUSTER, CheckedElection, HostAction};

const MILLISECOND: u64 = 1_000_000;
const EXTREMES: [u64; 9] =
    [0, 1, 1 << 32, (1 << 32) + 1, 1 << 53, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX - 1, u64::MAX];

/// The next action on `checked`.
///
/// # Errors
/// If the bytes are not enough.
pub fn arbitrary_action(u: &mut Unstructured<'_>, checked: &CheckedElection) -> Result<HostAction> {
    Ok(match u.int_in_range(0..=15)? {
        0..=3 => HostAction::Due,
        4..=5 => HostAction::Wait(length(u)?.as_duration()),
        6 => HostAction::Tick(clock(u, checked)?),
        7..=9 => HostAction::Step(reply(u, checked)?),
        10..=11 => HostAction::Step(request(u)?),
        _ => HostAction::Step(Input::Receive { from: node(u)?, message: message(u, checked)? }),
    })
}

/// Any reading of the clock, near the last one or far from it, before it or after it.
fn clock(u: &mut Unstructured<'_>, checked: &CheckedElection) -> Result<Timestamp> {
    let length = length(u)?.as_duration();
    Ok(match u.int_in_range(0..=3)? {
        0 => checked.now.saturating_sub(length),
        1 => Duration::MAX.into(),
        _ => checked.now.saturating_add(length),
    })
}

/// Any request of the operator or the host.
fn request(u: &mut Unstructured<'_>) -> Result<Input<u64>> {
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
                Ok(target) => Input::Reconfigure { target, force: force(u)? },
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

/// The reply of a peer to one of the last messages sent; a message that was itself a reply is sent back.
fn reply(u: &mut Unstructured<'_>, checked: &CheckedElection) -> Result<Input<u64>> {
    let last = checked.sent.len().saturating_sub(1);
    let Some((from, request)) = checked.sent.get(u.int_in_range(0..=last)?) else {
        return Ok(Input::Receive { from: node(u)?, message: message(u, checked)? });
    };
    let (mut header, body) = request.clone().into_parts();
    let answer =
        if u.ratio(1, 8)? { arbitrary_answer(u)? } else { Answer::Granted(Nanos(450 * MILLISECOND)) };
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
            ready: matches!(heartbeat.order, Order::Prepare { .. }) && u.arbitrary()?,
            leaving: u.ratio(1, 16)?,
            membership: None,
        }),
        Body::RecoveryRequest if u.ratio(1, 6)? => Body::BlankReply(blank_reply(u, checked)?),
        Body::RecoveryRequest => {
            let held = Membership::new(
                MembershipVersion { term: Term(u.int_in_range(0..=3)?), number: u.int_in_range(1..=3)? },
                vec![1, 2, 3],
                Vec::new(),
                2,
            )
            .expect("a sound membership");
            header = Header { term: Term(u.int_in_range(3..=9)?), version: held.version(), ..header };
            Body::RecoveryReply(RecoveryReply { position: position(u)?, membership: Box::new(held) })
        }
        reply @ (Body::VoteReply(_)
        | Body::HeartbeatReply(_)
        | Body::RecoveryReply(_)
        | Body::BlankReply(_)) => reply,
    };
    if u.ratio(1, 8)? {
        header.term = term(u, checked)?;
    }
    // Most replies come from a peer that holds the membership it was sent.
    header.committed = header.committed && u.ratio(1, 2)?;
    Ok(Input::Receive { from: *from, message: Message::new(header, body) })
}

/// The reply of a blank node: most say of the list and the pledge what this node has said last.
fn blank_reply(u: &mut Unstructured<'_>, checked: &CheckedElection) -> Result<BlankReply> {
    let own = checked.sent.iter().rev().find_map(|(_, message)| match message.body() {
        Body::BlankReply(reply) => Some(reply),
        _ => None,
    });
    let reply = BlankReply {
        list: u.int_in_range(0..=2)?,
        incarnation: Incarnation(u.int_in_range(0..=2)?),
        pledge: option(u, |u| Ok(Life(u.int_in_range(1..=2)?)))?,
        first_term: Term(value(u)?),
    };
    Ok(match own {
        Some(own) if u.ratio(3, 4)? => BlankReply { list: own.list, pledge: own.pledge, ..reply },
        _ => reply,
    })
}

fn message(u: &mut Unstructured<'_>, checked: &CheckedElection) -> Result<Message<u64>> {
    let header = Header {
        cluster: if u.ratio(1, 16)? { ClusterId(u.arbitrary()?) } else { CLUSTER },
        life: if u.ratio(1, 16)? { Life(u.int_in_range(0..=2)?) } else { checked.election.life() },
        term: term(u, checked)?,
        version: version(u, checked)?,
        committed: u.arbitrary()?,
        round: Round(value(u)?),
        sent_at: if u.ratio(3, 4)? { checked.now } else { Duration::from_nanos(value(u)?).into() },
    };
    let body = match u.int_in_range(0..=4)? {
        4 if u.arbitrary()? => Body::RecoveryRequest,
        4 if u.arbitrary()? => Body::BlankReply(blank_reply(u, checked)?),
        4 => Body::RecoveryReply(RecoveryReply {
            position: position(u)?,
            membership: membership(u, checked)?
                .unwrap_or_else(|| Box::new(checked.election.membership().clone())),
        }),
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
            answer: arbitrary_answer(u)?,
            membership: membership(u, checked)?,
        }),
        2 => Body::Heartbeat(Heartbeat {
            promise: length(u)?,
            rank: option(u, Unstructured::arbitrary)?,
            order: match u.int_in_range(0..=3)? {
                0 => Order::Prepare { attempt: Round(value(u)?) },
                1 => Order::Campaign,
                _ => Order::Follow,
            },
            inherited: option(u, |u| version(u, checked))?,
            membership: membership(u, checked)?,
        }),
        _ => Body::HeartbeatReply(HeartbeatReply {
            request_term: term(u, checked)?,
            answer: arbitrary_answer(u)?,
            position: position(u)?,
            priority: priority(u)?,
            ready: u.arbitrary()?,
            leaving: u.ratio(1, 8)?,
            membership: membership(u, checked)?,
        }),
    };
    Ok(Message::new(header, body))
}

fn arbitrary_answer(u: &mut Unstructured<'_>) -> Result<Answer<u64>> {
    Ok(match u.int_in_range(0..=9)? {
        0 => Answer::Denied(Denial::AlreadyVoted),
        1 => Answer::Denied(Denial::StaleTerm),
        2 => Answer::Denied(Denial::StaleMembership),
        3 => Answer::Denied(Denial::PositionBehind(position(u)?)),
        4 => Answer::Denied(Denial::NotAMember),
        5 => Answer::Denied(Denial::MembershipConflict),
        6 => {
            let to = option(u, |u| Ok(PromiseHolder { id: node(u)?, term: Term(value(u)?) }))?;
            Answer::Denied(Denial::Bound { to, remaining: length(u)? })
        }
        _ => Answer::Granted(length(u)?),
    })
}

/// A membership of a few nodes as a rule, and sometimes of as many nodes as there can be.
fn membership(u: &mut Unstructured<'_>, checked: &CheckedElection) -> Result<Option<Box<Membership<u64>>>> {
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

fn version(u: &mut Unstructured<'_>, checked: &CheckedElection) -> Result<MembershipVersion> {
    let ours = checked.election.membership().version();
    Ok(match u.int_in_range(0..=3)? {
        0 => MembershipVersion { term: term(u, checked)?, number: value(u)? },
        1 => MembershipVersion { number: ours.number.saturating_add(1), ..ours },
        _ => ours,
    })
}

/// A term near the current one, or any term.
fn term(u: &mut Unstructured<'_>, checked: &CheckedElection) -> Result<Term> {
    let ours = checked.election.term().0;
    Ok(Term(match u.int_in_range(0..=7)? {
        0 => value(u)?,
        1 => ours.saturating_sub(1),
        2..=4 => ours.saturating_add(u.int_in_range(1..=2)?),
        _ => ours,
    }))
}

fn force(u: &mut Unstructured<'_>) -> Result<Force> {
    Ok(if u.ratio(1, 4)? { Force::IfNeeded } else { Force::Never })
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

/// A member, this node itself (1), or a node that is no member.
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
