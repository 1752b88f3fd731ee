//! The arithmetic of quorums, against an oracle that counts on its fingers: every small case.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that overflows or panics has found something"
)]

use std::time::Duration;

use quorate::{
    Answer, Body, ClusterId, Config, Election, HardState, Header, HeartbeatReply, Input, Membership,
    MembershipError, MembershipVersion, Message, Output, Position, Priority, RoleKind, Term, Timestamp,
    Timing, VoteReply, VoteRequest,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const FIRST: MembershipVersion = MembershipVersion { term: Term(0), number: 1 };

/// Every list of up to `longest` ids below `ids`, repetitions and all.
fn lists(ids: u8, longest: usize) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    let mut last = all.clone();
    for _ in 0..longest {
        last = last.iter().flat_map(|list| (0..ids).map(|id| [list.as_slice(), &[id]].concat())).collect();
        all.extend_from_slice(&last);
    }
    all
}

/// Any two quorums that large share a voter, and there is one: tried out on all subsets.
fn is_good_quorum(voters: usize, quorum: usize) -> bool {
    let quorums: Vec<u32> = (0..1_u32 << voters).filter(|set| set.count_ones() as usize >= quorum).collect();
    !quorums.is_empty() && quorums.iter().all(|a| quorums.iter().all(|b| a & b != 0))
}

#[test]
fn just_the_sound_memberships_are_accepted() {
    for voters in lists(3, 4) {
        for learners in lists(4, 2) {
            for quorum in 0..=6 {
                let mut all = [voters.as_slice(), &learners].concat();
                all.sort_unstable();
                let unique = all.windows(2).all(|pair| pair[0] != pair[1]);
                let sound = !voters.is_empty() && unique && is_good_quorum(voters.len(), quorum);
                let made = Membership::new(FIRST, voters.clone(), learners.clone(), quorum);
                assert_eq!(made.is_ok(), sound, "{voters:?} {learners:?} {quorum}: {made:?}");
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

/// Node 0 of `members`, elected at the instant returned, by promises until `LONG` later. No clock
/// drifts.
fn elected(members: u8, quorum: usize) -> (Node, Timestamp) {
    let membership = Membership::new(FIRST, (0..members).collect(), Vec::new(), quorum).expect("sound");
    let saved = HardState { membership, ..HardState::bootstrap(ClusterId(1), [0]).expect("one node") };
    let timing = Timing { clock_drift_ppm: 0, ..Timing::lan() };
    let config = Config { timing, ..Config::new(0) };
    let rng = ChaCha8Rng::seed_from_u64(0);
    let mut node = Election::new(config, saved, Timestamp::ORIGIN, rng).expect("a valid start");
    let start = node.deadline().expect("a voter campaigns");
    let mut out = node.tick(start);
    while node.role() != RoleKind::Leader {
        for (from, Message { header, body }) in sent(std::mem::take(&mut out)) {
            let Body::VoteRequest(VoteRequest { phase, .. }) = body else { continue };
            let answer = Answer::Granted(LONG.into());
            let reply = VoteReply { phase, request_term: header.term, answer, membership: None };
            let message = Message { header, body: Body::VoteReply(reply) };
            out.extend(node.step(Input::Receive { from, message }));
        }
    }
    (node, start)
}

fn sent(out: Vec<Output<u8>>) -> Vec<(u8, Message<u8>)> {
    let letter = |output| match output {
        Output::Send { to, message } => Some((to, message)),
        Output::Persist(_) | Output::Event(_) | Output::Rejected(_) => None,
    };
    out.into_iter().filter_map(letter).collect()
}

/// The heartbeats of this leader's next rounds, one `interval` apart.
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

/// Each follower's promise, and the round it answers; `None` keeps silent.
const ANSWERS: [Option<(usize, Duration)>; 5] = [
    None,
    Some((0, LONG)),
    Some((1, LONG)),
    Some((2, LONG)),
    // Ends before the promise that elected the leader.
    Some((2, Timing::lan().heartbeat_interval)),
];

#[test]
fn the_lease_is_what_a_quorum_has_promised_in_whatever_order_it_says_so() {
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

/// Hands `leader` the answers that `choice` stands for, in this order, and counts along.
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
    assert_eq!(leader.lease().map(|lease| lease.until), Some(lease), "nobody has answered yet");
    for &from in order {
        let digit = choice / ANSWERS.len().pow(u32::from(from) - 1) % ANSWERS.len();
        let Some((round, length)) = ANSWERS[digit] else { continue };
        let (_, request) = rounds[round].iter().find(|(to, _)| *to == from).expect("all are asked");
        // An older version acknowledges nothing, so that every round asks for the long promise.
        let header = Header { version: FIRST, ..request.header };
        let reply = HeartbeatReply {
            request_term: header.term,
            answer: Answer::Granted(length.into()),
            position: Position::default(),
            priority: Priority::default(),
            ready: false,
            leaving: false,
            membership: None,
        };
        let message = Message { header, body: Body::HeartbeatReply(reply) };
        let _ = leader.step(Input::Receive { from, message });
        ends[usize::from(from)] = header.sent_at.saturating_add(length);
        let mut latest = ends.clone();
        latest.sort_unstable();
        lease = lease.max(latest[latest.len() - leader.membership().quorum()]);
        assert_eq!(leader.lease().map(|lease| lease.until), Some(lease), "{order:?} {choice} {ends:?}");
    }
}

#[test]
fn a_lone_leader_is_bound_by_its_own_rounds_alone() {
    let (mut leader, start) = elected(1, 1);
    for round in 1..=100 {
        let now = start.saturating_add(Timing::lan().heartbeat_interval * round);
        let _ = leader.tick(now);
        let until = start.saturating_add(LONG).max(now.saturating_add(Timing::lan().promise));
        assert_eq!(leader.lease().map(|lease| lease.until), Some(until));
    }
}
