//! The arithmetic of quorums, compared with an oracle that tries all subsets, in every small case.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that overflows or panics has found something"
)]

mod oracle;

use std::time::Duration;

use quorate::message::{Answer, Body, Header, HeartbeatReply, VoteReply, VoteRequest};
use quorate::{
    ClusterId, Config, Election, HardState, Input, Membership, MembershipError, MembershipVersion, Message,
    Output, Position, Priority, RoleKind, Term, Timestamp, Timing,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const FIRST: MembershipVersion = MembershipVersion { term: Term(0), number: 1 };

/// Every list of up to `longest` ids below `ids`, with repetitions.
fn lists(ids: u8, longest: usize) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    let mut last = all.clone();
    for _ in 0..longest {
        last = last.iter().flat_map(|list| (0..ids).map(|id| [list.as_slice(), &[id]].concat())).collect();
        all.extend_from_slice(&last);
    }
    all
}

/// Whether there is a quorum of this size, and any two of them share a voter.
fn is_valid_quorum(voters: &[u8], quorum: usize) -> bool {
    let exists = oracle::quorums(voters, quorum).next().is_some();
    exists && oracle::overlap((voters, quorum), (voters, quorum))
}

#[test]
fn exactly_the_valid_memberships_are_accepted() {
    for voters in lists(3, 4) {
        for learners in lists(4, 2) {
            for quorum in 0..=6 {
                let mut all = [voters.as_slice(), &learners].concat();
                all.sort_unstable();
                let unique = all.windows(2).all(|pair| pair[0] != pair[1]);
                let valid = !voters.is_empty() && unique && is_valid_quorum(&voters, quorum);
                let made = Membership::new(FIRST, voters.clone(), learners.clone(), quorum);
                assert_eq!(made.is_ok(), valid, "{voters:?} {learners:?} {quorum}: {made:?}");
                let Ok(made) = made else { continue };
                let mut sorted = voters.clone();
                sorted.sort_unstable();
                assert_eq!((made.voters(), made.quorum(), made.version()), (&*sorted, quorum, FIRST));
                for id in 0..5 {
                    assert_eq!(made.is_voter(id), voters.contains(&id));
                    assert_eq!(made.contains(id), voters.contains(&id) || learners.contains(&id));
                }
            }
        }
    }
}

#[test]
fn a_new_group_decides_by_majority() {
    for size in 1..=255_u8 {
        let made = Membership::bootstrap(0..size).expect("at most 255");
        let majority = (1..).find(|&some| some > usize::from(size) - some).expect("there is one");
        assert_eq!((made.quorum(), made.version()), (majority, FIRST));
    }
    assert_eq!(Membership::bootstrap(0..256_u16), Err(MembershipError::TooManyMembers));
    assert_eq!(Membership::<u16>::bootstrap([]), Err(MembershipError::NoVoters));
}

const LONG: Duration = Timing::lan().promise_limit;

type Node = Election<u8, ChaCha8Rng>;

/// Node 0 of `members`, elected at the returned time, by promises that end `LONG` later. No clock drifts.
fn elected(members: u8, quorum: usize) -> (Node, Timestamp) {
    let membership =
        Membership::new(FIRST, (0..members).collect(), Vec::new(), quorum).expect("a valid membership");
    let saved = HardState { membership, ..HardState::bootstrap(ClusterId(1), [0]).expect("one node") };
    let timing = Timing { clock_drift_ppm: 0, clock_resolution: Duration::ZERO, ..Timing::lan() };
    let config = Config { timing, ..Config::new(0) };
    let rng = ChaCha8Rng::seed_from_u64(0);
    let mut node = Election::new(config, saved, Timestamp::ORIGIN, rng).expect("a valid start");
    let start = node.deadline().expect("a voter campaigns");
    let mut out = node.tick(start);
    while node.role() != RoleKind::Leader {
        for (from, message) in sent(std::mem::take(&mut out)) {
            let (header, body) = message.into_parts();
            let Body::VoteRequest(VoteRequest { phase, .. }) = body else { continue };
            let answer = Answer::Granted(LONG.into());
            let reply = VoteReply { phase, request_term: header.term, answer, membership: None };
            let message = Message::new(header, Body::VoteReply(reply));
            out.extend(node.step(Input::Receive { from, message }));
        }
    }
    (node, start)
}

fn sent(out: Vec<Output<u8>>) -> Vec<(u8, Message<u8>)> {
    let message = |output| match output {
        Output::Send { to, message } => Some((to, message)),
        Output::Persist(_) | Output::Event(_) | Output::Rejected(_) => None,
    };
    out.into_iter().filter_map(message).collect()
}

/// The heartbeats of this leader's next rounds, one heartbeat interval apart.
fn heartbeats(node: &mut Node, start: Timestamp, rounds: u32) -> Vec<Vec<(u8, Message<u8>)>> {
    let begins = |round| start.saturating_add(Timing::lan().heartbeat_interval * round);
    (1..=rounds).map(|round| sent(node.tick(begins(round)))).collect()
}

/// Every order of `items`.
fn orders(items: &[u8]) -> Vec<Vec<u8>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for &first in items {
        let rest: Vec<u8> = items.iter().copied().filter(|&item| item != first).collect();
        all.extend(orders(&rest).into_iter().map(|order| [&[first], order.as_slice()].concat()));
    }
    all
}

/// The choices of a follower: the round it replies to, and its promise. With `None` it does not reply.
const ANSWERS: [Option<(usize, Duration)>; 5] = [
    None,
    Some((0, LONG)),
    Some((1, LONG)),
    Some((2, LONG)),
    // This promise ends before the one that elected the leader.
    Some((2, Timing::lan().heartbeat_interval)),
];

#[test]
fn the_lease_ends_when_the_promises_of_a_quorum_do_in_whatever_order_they_arrive() {
    for members in 2..=5_u8 {
        let followers: Vec<u8> = (1..members).collect();
        for quorum in usize::from(members / 2 + 1)..=members.into() {
            let (mut leader, start) = elected(members, quorum);
            let rounds = heartbeats(&mut leader, start, 3);
            for choice in 0..ANSWERS.len().pow(followers.len().try_into().expect("few")) {
                for order in orders(&followers) {
                    check_lease(&leader, start, &rounds, choice, &order);
                }
            }
        }
    }
}

/// Hands the replies that `choice` encodes to `leader`, in this order, and compares its lease with that of
/// the oracle after each.
fn check_lease(
    leader: &Node,
    start: Timestamp,
    rounds: &[Vec<(u8, Message<u8>)>],
    choice: usize,
    order: &[u8],
) {
    let mut leader = leader.clone();
    let mut ends = vec![start; order.len() + 1];
    ends[0] = start.saturating_add(Timing::lan().heartbeat_interval * 3 + LONG);
    let mut lease = start.saturating_add(LONG);
    assert_eq!(leader.lease().map(|lease| lease.until), Some(lease), "before any reply");
    for &from in order {
        let digit = choice / ANSWERS.len().pow(u32::from(from) - 1) % ANSWERS.len();
        let Some((round, length)) = ANSWERS[digit] else { continue };
        let (_, request) =
            rounds[round].iter().find(|(to, _)| *to == from).expect("every follower is sent a heartbeat");
        // An older version acknowledges nothing, so every round asks for the long promise.
        let header = Header { version: FIRST, ..request.header() };
        let reply = HeartbeatReply {
            request_term: header.term,
            answer: Answer::Granted(length.into()),
            position: Position::default(),
            priority: Priority::default(),
            ready: false,
            leaving: false,
            membership: None,
        };
        let message = Message::new(header, Body::HeartbeatReply(reply));
        let _ = leader.step(Input::Receive { from, message });
        ends[usize::from(from)] = header.sent_at.saturating_add(length);
        let reached = oracle::reached(&ends, leader.membership().quorum());
        lease = lease.max(reached.expect("a quorum among all members"));
        assert_eq!(leader.lease().map(|lease| lease.until), Some(lease), "{order:?} {choice} {ends:?}");
    }
}

#[test]
fn the_lease_of_a_lone_leader_ends_with_its_own_promise() {
    let (mut leader, start) = elected(1, 1);
    for round in 1..=100 {
        let now = start.saturating_add(Timing::lan().heartbeat_interval * round);
        let _ = leader.tick(now);
        let until = start.saturating_add(LONG).max(now.saturating_add(Timing::lan().promise));
        assert_eq!(leader.lease().map(|lease| lease.until), Some(until));
    }
}
