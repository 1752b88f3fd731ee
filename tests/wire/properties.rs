//! Properties of arbitrary messages and arbitrary bytes.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use quorate::Name;

use super::*;

fn membership<I: NodeId + 'static>(
    id: impl Strategy<Value = I>,
) -> impl Strategy<Value = Option<Box<Membership<I>>>> {
    let ids = proptest::collection::btree_set(id, 1..12);
    let made =
        (ids, any::<[u64; 2]>(), any::<[usize; 2]>()).prop_map(|(ids, [term, number], [cut, more])| {
            let mut voters: Vec<I> = ids.into_iter().collect();
            let learners = voters.split_off(1 + cut % voters.len());
            let least = voters.len() / 2 + 1;
            let quorum = least + more % (voters.len() - least + 1);
            let version = MembershipVersion { term: Term(term), number };
            Box::new(Membership::new(version, voters, learners, quorum).unwrap())
        });
    let limits = (1_u8.., 0_u8..).prop_map(|(max_members, more)| {
        let least = max_members / 2 + 1;
        Limits { min_members: least + more % (max_members - least + 1), max_members }
    });
    let forming = limits.prop_map(|limits| Some(Box::new(Membership::forming(limits).unwrap())));
    let joining = Just(Some(Box::new(Membership::joining())));
    prop_oneof![2 => Just(None), 1 => joining, 1 => forming, 3 => made.prop_map(Some)]
}

fn answer<I: NodeId + 'static>(id: impl Strategy<Value = I>) -> impl Strategy<Value = Answer<I>> {
    let bound = (proptest::option::of((id, any::<u64>())), length()).prop_map(|(to, remaining)| {
        let to = to.map(|(id, term)| PromiseHolder { id, term: Term(term) });
        Denial::Bound { to, remaining: Nanos(remaining) }
    });
    let behind = position().prop_map(Denial::PositionBehind);
    prop_oneof![
        length().prop_map(|length| Answer::Granted(Nanos(length))),
        bound.prop_map(Answer::Denied),
        behind.prop_map(Answer::Denied),
        proptest::sample::select(vec![
            Denial::AlreadyVoted,
            Denial::StaleTerm,
            Denial::StaleMembership,
            Denial::NotAMember,
            Denial::MembershipConflict,
            Denial::OtherLife,
        ])
        .prop_map(Answer::Denied),
    ]
}

/// A length of time, on either side of what a message has room for without a box.
fn length() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64_u32).prop_map(|(bits, zeros)| bits >> zeros)
}

fn position() -> impl Strategy<Value = Position> {
    any::<(u64, u64)>().prop_map(|(term, index)| Position { term, index })
}

fn phase() -> impl Strategy<Value = Phase> {
    proptest::sample::select(vec![Phase::Pre, Phase::Real])
}

fn body<I: NodeId + 'static>(id: impl Strategy<Value = I> + Clone) -> impl Strategy<Value = Body<I>> {
    let claim = prop_oneof![
        Just(Claim::Own),
        Just(Claim::Renewal),
        Just(Claim::Inquiry),
        (id.clone(), any::<u64>()).prop_map(|(leader, term)| Claim::Handover { leader, term: Term(term) }),
    ];
    let order = proptest::sample::select(vec![
        Order::Follow,
        Order::Prepare { attempt: Round(300) },
        Order::Campaign,
    ]);
    prop_oneof![
        (phase(), claim, length(), position(), membership(id.clone())).prop_map(
            |(phase, claim, promise, position, membership)| {
                let promise = Nanos(promise);
                Body::VoteRequest(VoteRequest { phase, claim, promise, position, membership })
            }
        ),
        (phase(), any::<u64>(), answer(id.clone()), membership(id.clone())).prop_map(
            |(phase, of, answer, membership)| {
                Body::VoteReply(VoteReply { phase, request_term: Term(of), answer, membership })
            }
        ),
        (length(), any::<(Option<u8>, Option<(u64, u64)>)>(), order, membership(id.clone())).prop_map(
            |(promise, (rank, inherited), order, membership)| {
                let inherited =
                    inherited.map(|(term, number)| MembershipVersion { term: Term(term), number });
                let promise = Nanos(promise);
                Body::Heartbeat(Heartbeat { promise, rank, order, inherited, membership })
            }
        ),
        Just(Body::RecoveryRequest),
        any::<([u64; 3], Option<u64>)>().prop_map(|([list, incarnation, first_term], pledge)| {
            Body::BlankReply(BlankReply {
                list,
                incarnation: Incarnation(incarnation),
                pledge: pledge.map(Life),
                first_term: Term(first_term),
            })
        }),
        (position(), membership(id.clone())).prop_map(|(position, membership)| {
            let membership = membership.unwrap_or_else(|| Box::new(Membership::joining()));
            Body::RecoveryReply(RecoveryReply { position, membership })
        }),
        (any::<(u64, u8, bool, bool)>(), answer(id.clone()), position(), membership(id)).prop_map(
            |((of, priority, ready, leaving), answer, position, membership)| {
                let (of, priority) = (Term(of), Priority(priority));
                let reply = HeartbeatReply {
                    request_term: of,
                    answer,
                    position,
                    priority,
                    ready,
                    leaving,
                    membership,
                };
                Body::HeartbeatReply(reply)
            }
        ),
    ]
}

fn message<I: NodeId + 'static>(id: impl Strategy<Value = I> + Clone) -> impl Strategy<Value = Message<I>> {
    parts(id).prop_map(|(header, body)| Message::new(header, body))
}

fn parts<I: NodeId + 'static>(
    id: impl Strategy<Value = I> + Clone,
) -> impl Strategy<Value = (Header, Body<I>)> {
    let header = any::<([u64; 7], bool)>();
    (header, body(id)).prop_map(|(([cluster, life, term, of, number, round, at], committed), body)| {
        let version = MembershipVersion { term: Term(of), number };
        let (cluster, life, term, round) = (ClusterId(cluster), Life(life), Term(term), Round(round));
        let header = Header {
            cluster,
            life,
            term,
            version,
            committed,
            round,
            sent_at: Duration::from_nanos(at).into(),
        };
        (header, body)
    })
}

fn address() -> impl Strategy<Value = SocketAddr> + Clone {
    prop_oneof![
        any::<(u32, u16)>().prop_map(|(ip, port)| SocketAddr::from((Ipv4Addr::from(ip), port))),
        any::<(u128, u16)>().prop_map(|(ip, port)| SocketAddr::from((Ipv6Addr::from(ip), port))),
    ]
}

fn name() -> impl Strategy<Value = Name<63>> + Clone {
    "[!-~]{1,63}".prop_map(|text| text.parse().unwrap())
}

fn round_trips<I>(message: &Message<I>) -> Result<(), TestCaseError>
where
    I: NodeId + Serialize + DeserializeOwned,
{
    let datagram = encode(message);
    prop_assert!(!datagram.is_empty() && datagram.len() <= MAX_DATAGRAM);
    prop_assert_eq!(&decode::<I>(&datagram).unwrap(), message);
    for length in 1..datagram.len() {
        prop_assert_eq!(decode::<I>(&datagram[..length]), Err(DecodeError::Truncated));
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_message_arrives_as_it_was_sent(
        integers in message(any::<u64>()),
        bytes in message(any::<[u8; 16]>()),
        addresses in message(address()),
        names in message(name()),
    ) {
        round_trips(&integers)?;
        round_trips(&bytes)?;
        round_trips(&addresses)?;
        round_trips(&names)?;
    }

    /// A message is packed: whatever its parts say has to come out again.
    #[test]
    fn a_message_says_all_that_the_parts_say_that_it_is_made_of((header, body) in parts(any::<u64>())) {
        let message = Message::new(header, body.clone());
        prop_assert_eq!((message.header(), message.body()), (header, body.clone()));
        let mut changed = message.clone();
        changed.modify(|header, _| header.committed = !header.committed);
        prop_assert_eq!(changed.header().committed, !header.committed);
        prop_assert_eq!(changed.body(), body.clone());
        prop_assert_eq!(message.into_parts(), (header, body));
    }

    #[test]
    fn random_bytes_do_not_panic(mut datagram in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<u64>(&datagram);
        if let Some(version) = datagram.first_mut() {
            *version = VERSION;
        }
        let _ = (decode::<u64>(&datagram), decode::<[u8; 16]>(&datagram));
        let _ = (decode::<SocketAddr>(&datagram), decode::<Name<63>>(&datagram));
    }

    /// If a damaged datagram decodes at all, it decodes to a message that could have been sent.
    #[test]
    fn a_damaged_datagram_is_refused_or_decodes_to_a_valid_message(
        message in message(any::<u64>()),
        damage in proptest::collection::vec(any::<(prop::sample::Index, u8)>(), 1..4),
    ) {
        let mut datagram = encode(&message);
        for (index, value) in damage {
            let index = index.index(datagram.len());
            datagram[index] = value;
        }
        if let Ok(read) = decode::<u64>(&datagram) {
            prop_assert_eq!(decode(&encode(&read)), Ok(read));
        }
    }
}
