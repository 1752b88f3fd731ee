//! Messages as datagrams: any bytes decode to one message or one error.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails should panic"
)]

#[path = "../formats/page.rs"]
mod page;
mod properties;

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use quorate::adapters::wire::{
    DecodeError, DecodeErrors, EncodeError, MAX_DATAGRAM, VERSION, decode, encode, encode_into,
};
use quorate::message::{
    Answer, BlankReply, Body, Claim, Denial, Header, Heartbeat, HeartbeatReply, Order, Phase, RecoveryReply,
    Round, VoteReply, VoteRequest,
};
use quorate::{
    ClusterId, Incarnation, Life, Limits, MAX_MEMBERS, Membership, MembershipVersion, Message, Nanos, NodeId,
    Position, Priority, PromiseHolder, Term, Timestamp,
};
use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

const HEADER: Header = Header {
    cluster: ClusterId(7),
    life: Life(1),
    term: Term(300),
    version: MembershipVersion { term: Term(2), number: 1 },
    committed: true,
    round: Round(5),
    sent_at: Timestamp::ORIGIN.saturating_add(Duration::from_millis(1)),
};

/// The messages whose vectors the page `guide::formats` shows, by the names that these have there.
fn golden() -> [(&'static str, Message<u64>); 12] {
    let members = Membership::new(HEADER.version, vec![1, 2, 3], vec![200], 2).unwrap();
    let some_members = Some(Box::new(members));
    let message = |body| Message::new(HEADER, body);
    let request = |phase, claim, promise, membership| {
        let position = Position { term: 3, index: 9 };
        message(Body::VoteRequest(VoteRequest { phase, claim, promise, position, membership }))
    };
    let vote = |answer| {
        let reply = VoteReply { phase: Phase::Real, request_term: Term(300), answer, membership: None };
        message(Body::VoteReply(reply))
    };
    let beat = |promise, rank, order, inherited, membership| {
        message(Body::Heartbeat(Heartbeat { promise, rank, order, inherited, membership }))
    };
    let handover = Claim::Handover { leader: 2, term: Term(299) };
    let holder = PromiseHolder { id: 3, term: Term(4) };
    let bound = Denial::Bound { to: Some(holder), remaining: Nanos(5) };
    let inherited = MembershipVersion { term: Term(300), number: 7 };
    [
        ("message/pre-vote-request", request(Phase::Pre, Claim::Own, Nanos::ZERO, None)),
        ("message/vote-request", request(Phase::Real, handover, Nanos(128), some_members.clone())),
        ("message/vote-granted", vote(Answer::Granted(Nanos(128)))),
        ("message/vote-denied-bound", vote(Answer::Denied(bound))),
        (
            "message/vote-denied-position",
            vote(Answer::Denied(Denial::PositionBehind(Position { term: 1, index: 2 }))),
        ),
        ("message/heartbeat", beat(Nanos(128), Some(0), Order::Follow, None, None)),
        ("message/heartbeat-inherited", beat(Nanos(128), Some(0), Order::Follow, Some(inherited), None)),
        ("message/heartbeat-membership", beat(Nanos::ZERO, None, Order::Campaign, None, some_members)),
        (
            "message/heartbeat-reply",
            message(Body::HeartbeatReply(HeartbeatReply {
                request_term: Term(300),
                answer: Answer::Denied(Denial::MembershipConflict),
                position: Position { term: 3, index: 9 },
                priority: Priority(1),
                ready: true,
                leaving: false,
                membership: None,
            })),
        ),
        ("message/recovery-request", message(Body::RecoveryRequest)),
        (
            "message/recovery-reply",
            message(Body::RecoveryReply(RecoveryReply {
                position: Position { term: 3, index: 9 },
                membership: Box::new(Membership::bootstrap([1, 2]).unwrap()),
            })),
        ),
        (
            "message/blank-reply",
            message(Body::BlankReply(BlankReply {
                list: 4,
                incarnation: Incarnation(300),
                pledge: Some(Life(5)),
                first_term: Term(9),
            })),
        ),
    ]
}

/// If this test fails, the format has changed: give it a new `VERSION`, and the page its new bytes.
#[test]
fn messages_are_the_bytes_of_the_page() {
    for (name, message) in golden() {
        let datagram = page::vector(name);
        assert_eq!(encode(&message), datagram, "{name}: {message:?}");
        assert_eq!(decode(&datagram), Ok(message), "{name}");
        assert_eq!(datagram[0], VERSION, "{name}");
    }
    page::assert_names("message", golden().iter().map(|(name, _)| *name).chain(["message/of-release-0.1"]));
}

/// An operator must be told which release a datagram is of.
#[test]
fn a_message_of_release_0_1_is_refused_with_its_version() {
    let datagram = page::vector("message/of-release-0.1");
    assert_eq!(decode::<u64>(&datagram), Err(DecodeError::UnknownVersion { found: 3 }));
}

/// Rule 2.8: no member may forget it when it passes the membership on.
#[test]
fn the_version_with_which_a_learner_was_added_travels_with_the_membership() {
    let (_, message) = golden().into_iter().nth(7).unwrap();
    let mut datagram = encode(&message);
    let end = datagram.len();
    assert_eq!(
        datagram[end - 6..],
        [0xc8, 0x01, 0, 0, 2, 0],
        "learner 200, added with (0, 0); quorum, no limits"
    );
    datagram[end - 4..end - 2].copy_from_slice(&[1, 1]);
    let other = decode(&datagram).unwrap();
    assert_ne!(other, message);
    assert_eq!(encode(&other), datagram);
}

#[test]
fn every_denial_phase_claim_and_order_has_its_number() {
    let number = |answer| {
        let reply = VoteReply { phase: Phase::Pre, request_term: Term(0), answer, membership: None };
        let datagram = encode(&Message::<u64>::new(HEADER, Body::VoteReply(reply)));
        datagram[16]
    };
    let denials = [
        Denial::Bound { to: None, remaining: Nanos::ZERO },
        Denial::AlreadyVoted,
        Denial::StaleTerm,
        Denial::StaleMembership,
        Denial::PositionBehind(Position::default()),
        Denial::NotAMember,
        Denial::MembershipConflict,
        Denial::OtherLife,
    ];
    assert_eq!(denials.map(|denial| number(Answer::Denied(denial))), [0, 1, 2, 3, 4, 5, 6, 7]);
    let order = |order| {
        let beat = Heartbeat { promise: Nanos::ZERO, rank: None, order, inherited: None, membership: None };
        encode(&Message::<u64>::new(HEADER, Body::Heartbeat(beat)))[15]
    };
    let orders = [Order::Follow, Order::Prepare { attempt: Round(1) }, Order::Campaign];
    assert_eq!(orders.map(order), [0, 1, 2]);
    let claim = |phase, claim| {
        let position = Position::default();
        let request = VoteRequest { phase, claim, promise: Nanos::ZERO, position, membership: None };
        let datagram = encode(&Message::new(HEADER, Body::VoteRequest(request)));
        (datagram[13], datagram[14])
    };
    assert_eq!(claim(Phase::Pre, Claim::Own), (0, 0));
    assert_eq!(claim(Phase::Real, Claim::Renewal), (1, 1));
    assert_eq!(claim(Phase::Pre, Claim::Inquiry), (0, 3));
    assert_eq!(claim(Phase::Real, Claim::Handover { leader: 1, term: Term(1) }), (1, 2));
}

#[test]
fn a_datagram_cut_off_anywhere_is_refused() {
    for (_, message) in golden() {
        let datagram = encode(&message);
        assert_eq!(decode::<u64>(&[]), Err(DecodeError::Empty));
        for length in 1..datagram.len() {
            assert_eq!(decode::<u64>(&datagram[..length]), Err(DecodeError::Truncated));
        }
    }
}

#[test]
fn bytes_after_the_message_are_refused() {
    for (_, message) in golden() {
        let mut datagram = encode(&message);
        for extra in 1..=3 {
            datagram.push(0);
            assert_eq!(decode::<u64>(&datagram), Err(DecodeError::TrailingBytes { extra }));
        }
    }
}

#[test]
fn another_version_is_refused_with_its_number() {
    for found in (0..=u8::MAX).filter(|&found| found != VERSION) {
        for (_, message) in golden() {
            let mut datagram = encode(&message);
            datagram[0] = found;
            let error = decode::<u64>(&datagram).unwrap_err();
            assert_eq!(error, DecodeError::UnknownVersion { found });
            assert!(error.to_string().contains(&found.to_string()));
        }
    }
}

#[test]
fn an_oversized_datagram_is_refused_before_it_is_read() {
    let mut datagram = encode(&golden()[0].1);
    datagram.resize(MAX_DATAGRAM, 0);
    assert!(matches!(decode::<u64>(&datagram), Err(DecodeError::TrailingBytes { .. })));
    datagram.push(0);
    assert_eq!(decode::<u64>(&datagram), Err(DecodeError::TooLong { length: MAX_DATAGRAM + 1 }));
    datagram[0] = 99;
    assert_eq!(decode::<u64>(&datagram), Err(DecodeError::TooLong { length: MAX_DATAGRAM + 1 }));
}

/// A message in which every number takes its largest number of bytes, with the largest membership.
fn largest<I: NodeId>(id: impl Fn(u8) -> I) -> Message<I> {
    let version = MembershipVersion { term: Term(u64::MAX), number: u64::MAX };
    let voters = (0..u8::MAX).map(&id).collect();
    let membership = Membership::new(version, voters, vec![], MAX_MEMBERS).unwrap();
    let header = Header {
        cluster: ClusterId(u64::MAX),
        life: Life(u64::MAX),
        term: Term(u64::MAX),
        version,
        committed: true,
        round: Round(u64::MAX),
        sent_at: Duration::MAX.into(),
    };
    let body = Body::VoteReply(VoteReply {
        phase: Phase::Real,
        request_term: Term(u64::MAX),
        answer: Answer::Denied(Denial::Bound {
            to: Some(PromiseHolder { id: id(1), term: Term(u64::MAX) }),
            remaining: Nanos(u64::MAX),
        }),
        membership: Some(Box::new(membership)),
    });
    Message::new(header, body)
}

#[test]
fn the_largest_membership_fits_into_a_datagram() {
    fn fits<I: NodeId + Serialize + DeserializeOwned>(message: Message<I>) {
        let mut datagram = Vec::new();
        encode_into(&message, &mut datagram).unwrap();
        assert!(datagram.len() <= MAX_DATAGRAM);
        assert_eq!(decode(&datagram), Ok(message));
    }
    fits(largest(|id| [id; 16]));
    fits(largest(|id| [id; 32]));
    fits(largest(|id| ([id; 28], [id; 32])));
    fits(largest(|id| SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, id.into()), 65535))));
}

#[test]
fn a_message_that_does_not_fit_is_not_encoded() {
    let message = largest(|id| [[id; 32]; 2]);
    let mut buffer = b"before".to_vec();
    assert_eq!(encode_into(&message, &mut buffer), Err(EncodeError::TooLong));
    assert_eq!(buffer, b"before");
    assert!(encode(&message).is_empty());
}

#[test]
fn encode_into_appends() {
    let mut buffer = b"before".to_vec();
    for (_, message) in golden() {
        encode_into(&message, &mut buffer).unwrap();
        assert!(buffer.ends_with(&encode(&message)));
    }
    assert!(buffer.starts_with(b"before"));
}

/// A heartbeat with these bytes for its membership.
fn with_membership(parts: &[&[u8]]) -> Vec<u8> {
    let start = [VERSION, 7, 1, 0xac, 0x02, 2, 1, 1, 5, 0, 2, 0, 0, 0, 0, 1];
    [&start, parts.concat().as_slice()].concat()
}

/// A heartbeat with a membership of version (2, 1): these bytes for its voters, no learners, no limits.
fn with_voters(length: &[u8], voters: &[u8], quorum: u8) -> Vec<u8> {
    with_membership(&[&[2, 1], length, voters, &[0, quorum, 0]])
}

#[test]
fn an_impossible_membership_is_refused() {
    let decode = |length, voters: &[u8], quorum| decode::<u64>(&with_voters(&[length], voters, quorum));
    assert!(decode(3, &[1, 2, 3], 2).is_ok());
    assert_eq!(decode(3, &[1, 2, 2], 2), Err(DecodeError::Malformed), "a duplicate");
    assert_eq!(decode(3, &[1, 2, 3], 1), Err(DecodeError::Malformed), "no majority");
    assert_eq!(decode(3, &[1, 2, 3], 4), Err(DecodeError::Malformed), "a quorum of more than all voters");
    assert_eq!(decode(0, &[], 0), Err(DecodeError::Malformed), "no voters");
}

#[test]
fn a_forming_membership_is_these_bytes() {
    let limits = Limits { min_members: 3, max_members: 5 };
    let alone = Message::<u64>::new(
        Header { committed: true, sent_at: Timestamp::ORIGIN, ..HEADER },
        Body::Heartbeat(Heartbeat {
            promise: Nanos::ZERO,
            rank: None,
            order: Order::Follow,
            inherited: None,
            membership: Some(Box::new(Membership::forming(limits).unwrap())),
        }),
    );
    let bytes = with_membership(&[&[0, 0, 0, 0, 3, 1, 3, 5]]);
    assert_eq!(encode(&alone), bytes);
    assert_eq!(decode(&bytes), Ok(alone));

    let body = decode::<u64>(&with_membership(&[&[0, 0, 2, 1, 2, 0, 3, 1, 3, 5]])).unwrap().body();
    let Body::Heartbeat(Heartbeat { membership: Some(known), .. }) = body else { panic!("{body:?}") };
    assert!(known.is_forming());
    assert_eq!((known.voters(), known.quorum(), known.limits()), (&[1, 2][..], 3, Some(limits)));
}

#[test]
fn impossible_limits_are_refused() {
    let decode = |membership: &[u8]| decode::<u64>(&with_membership(&[membership])).map(drop);
    let refused = Err(DecodeError::Malformed);
    for (least, most) in [(2, 5), (6, 5), (0, 0), (2, 4), (1, 2)] {
        let quorum = most / 2 + 1;
        assert_eq!(decode(&[0, 0, 0, 0, quorum, 1, least, most]), refused, "{least} to {most}, forming");
        assert_eq!(decode(&[2, 1, 1, 1, 0, 1, 1, least, most]), refused, "{least} to {most}, later");
    }
    for quorum in [0, 1, 2, 4, 5] {
        assert_eq!(decode(&[0, 0, 3, 1, 2, 3, 0, quorum, 1, 3, 5]), refused, "a quorum of {quorum}");
    }
    assert_eq!(decode(&[0, 0, 3, 1, 2, 3, 1, 4, 0, 0, 3, 1, 3, 5]), refused, "a learner while forming");
    assert_eq!(decode(&[0, 0, 6, 1, 2, 3, 4, 5, 6, 0, 3, 1, 3, 5]), refused, "more nodes than the limit");
    assert_eq!(decode(&[0, 0, 2, 1, 1, 0, 3, 1, 3, 5]), refused, "a duplicate");
    assert_eq!(decode(&[2, 1, 0, 0, 0, 1, 3, 5]), refused, "a formed group without voters");

    assert_eq!(decode(&[0, 0, 5, 1, 2, 3, 4, 5, 0, 3, 1, 3, 5]), Ok(()), "as many nodes as the limit");
    assert_eq!(decode(&[2, 1, 3, 1, 2, 3, 0, 3, 1, 3, 5]), Ok(()), "founders that are all needed");
    assert_eq!(decode(&[2, 1, 3, 1, 2, 3, 1, 4, 0, 0, 2, 1, 3, 5]), Ok(()), "later, with a learner");
}

#[test]
fn too_many_members_are_refused() {
    let voters: Vec<u8> = (0..300_u16).flat_map(|id| [0x80 | (id & 0x7f) as u8, (id >> 7) as u8]).collect();
    let allowed = with_voters(&[0xff, 0x01], &voters[..510], 128);
    assert!(decode::<u64>(&allowed).is_ok());
    let too_many = with_voters(&[0xac, 0x02], &voters, 151);
    assert_eq!(decode::<u64>(&too_many), Err(DecodeError::Malformed));
}

#[test]
fn refusals_are_counted_by_kind() {
    let mut refused = DecodeErrors::default();
    let datagrams: [&[u8]; 6] =
        [&[], &[VERSION; MAX_DATAGRAM + 1], &[9, 9], &[VERSION], &[VERSION, 0, 0, 0, 0, 0, 0, 0, 0, 7], &{
            let mut datagram = encode(&golden()[0].1);
            datagram.push(0);
            datagram
        }];
    for (count, datagram) in datagrams.iter().enumerate() {
        for _ in 0..=count {
            refused.count(&decode::<u64>(datagram).unwrap_err());
        }
    }
    let DecodeErrors { empty, too_long, unknown_version, truncated, malformed, trailing_bytes, .. } = refused;
    assert_eq!([empty, too_long, unknown_version, truncated, malformed, trailing_bytes], [1, 2, 3, 4, 5, 6]);
    assert_eq!(refused.total(), 21);
    refused.empty = u64::MAX;
    refused.count(&DecodeError::Empty);
    assert_eq!(refused.total(), u64::MAX);
}

/// Reads the size hint of a list.
struct Hint(Option<usize>);

impl<'de> Deserialize<'de> for Hint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ask;
        impl<'de> Visitor<'de> for Ask {
            type Value = Hint;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Hint, A::Error> {
                Ok(Hint(list.size_hint()))
            }
        }
        deserializer.deserialize_seq(Ask)
    }
}

/// A list is allocated with room for as many elements as the size hint says. A hostile length prefix must
/// not determine the hint, which is at most one element for each byte that is left.
#[test]
fn a_hostile_length_prefix_does_not_allocate_memory() {
    let hint = |length: &[u8], left: usize| {
        let bytes = [length, &vec![1; left]].concat();
        postcard::take_from_bytes::<Hint>(&bytes).unwrap().0.0
    };
    // The largest length that the processor can name.
    let most: &[u8] = match usize::BITS {
        32 => &[0xff, 0xff, 0xff, 0xff, 0x0f],
        _ => &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
    };
    assert_eq!(hint(&[100], 100), Some(100));
    assert_eq!(hint(&[100], 99), None);
    assert_eq!(hint(most, 10_000), None);

    for length in [&[0x7f], &[0xff, 0x7f][..], &[0xff, 0xff, 0xff, 0x7f], most] {
        for left in [0, 1, 100] {
            let datagram = with_voters(length, &vec![1; left], 0);
            assert_eq!(decode::<u64>(&datagram), Err(DecodeError::Truncated));
            let memory = allocation_counter::measure(|| drop(decode::<[u8; 16]>(&datagram)));
            assert!(memory.bytes_total <= 64 * datagram.len() as u64, "{memory:?} for {left} members");
        }
    }
}
