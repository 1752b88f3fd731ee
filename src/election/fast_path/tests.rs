#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "a test that fails should panic")]

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::message::{Answer, Body, Denial, Header, Heartbeat, HeartbeatReply, Order, Round, VoteReply};
use crate::{
    ClusterId, Config, Election, HardState, Input, Life, Membership, MembershipVersion, Message, Nanos,
    Output, Position, Priority, Target, Term, Timestamp, Timing,
};

type Node = Election<u64, ChaCha8Rng>;

/// Returns `usual` as a rule, and otherwise one of `odd`.
fn draw<T: Clone>(dice: &mut ChaCha8Rng, usual: &T, odd: &[T]) -> T {
    let thrown = usize::try_from(dice.next_u32() % 64).unwrap();
    odd.get(thrown).unwrap_or(usual).clone()
}

fn millis(reading: Timestamp) -> u64 {
    u64::try_from(reading.since_origin().as_millis()).unwrap()
}

fn heartbeat(node: &Node, dice: &mut ChaCha8Rng) -> Message<u64> {
    let (term, version) = (node.term(), node.membership().version());
    let members = node.membership().clone();
    let newer = MembershipVersion { number: version.number + 1, ..version };
    // The leader has another index in this membership.
    let others = Membership::new(newer, (newer.number % 2..=3).collect(), Vec::new(), 3).unwrap();
    let committed = node.status().committed;
    let header = Header {
        cluster: draw(dice, &ClusterId(7), &[ClusterId(8)]),
        life: draw(dice, &node.life(), &[Life::NONE, Life(8)]),
        term: draw(dice, &term.max(Term(1)), &[Term(term.0 + 1), Term(0)]),
        version: draw(dice, &version, &[newer, MembershipVersion::default()]),
        committed: draw(dice, &committed, &[true, false]),
        round: Round(dice.next_u64() % 4 + millis(node.now)),
        sent_at: Timestamp::ORIGIN,
    };
    let rank = draw(dice, &Some(0), &[None, Some(1)]);
    let order = draw(dice, &Order::Follow, &[Order::Prepare { attempt: Round(1) }, Order::Campaign]);
    let promise = draw(dice, &Nanos(150_000_000), &[0, 20_000_000, 900_000_000].map(Nanos));
    let inherited = draw(dice, &None, &[Some(version)]);
    let membership = draw(dice, &None, &[Some(Box::new(members)), Some(Box::new(others))]);
    let version = membership.as_ref().map_or(header.version, |members| members.version());
    let header = Header { version, ..header };
    Message::new(header, Body::Heartbeat(Heartbeat { promise, rank, order, inherited, membership }))
}

/// Checks that both paths give the same outputs and the same state. Returns whether the fast path was
/// taken.
fn compare(node: &mut Node, from: u64, message: Message<u64>) -> bool {
    let (mut full, mut expected, mut out) = (node.clone(), Vec::new(), Vec::new());
    full.receive_in_full(from, &message, &mut expected);
    let fast = node.clone().try_fast_path(from, &message, &mut Vec::new());
    node.step_into(Input::Receive { from, message }, &mut out);
    assert_eq!(out, expected);
    assert_eq!(*node, full);
    fast
}

#[test]
fn the_fast_path_gives_the_same_result_as_the_full_path() {
    let mut dice = ChaCha8Rng::seed_from_u64(1);
    let (mut fast, mut full) = (0, 0);
    for seed in 0..200 {
        let saved = HardState::bootstrap(ClusterId(7), 1..=3).unwrap();
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let mut node = Node::new(Config::new(3), saved, Timestamp::ORIGIN, rng).unwrap();
        for _ in 0..200 {
            let length = draw(&mut dice, &1, &[40, 140, 160, 500]);
            let mut out: Vec<Output<u64>> = node.tick(node.now.after(Nanos(length * 1_000_000)));
            let odd = [Input::SetPriority(Priority(0)), Input::SetPriority(Priority(1)), Input::Leave];
            if let Some(input) = draw(&mut dice, &None, &odd.map(Some)) {
                node.step_into(input, &mut out);
            }
            let from = draw(&mut dice, &1, &[2, 3, 9]);
            let message = heartbeat(&node, &mut dice);
            *(if compare(&mut node, from, message) { &mut fast } else { &mut full }) += 1;
        }
    }
    assert!(fast > 4_000 && full > 4_000, "{fast} on the fast path, {full} on the full path");
}

/// What the node `from` replies to a message that asks it for something: that it grants it.
fn grant(message: &Message<u64>) -> Option<Message<u64>> {
    let header = Header { committed: false, ..message.header() };
    let request_term = header.term;
    let body = match &message.body() {
        Body::VoteRequest(request) => {
            let answer = Answer::Granted(request.promise);
            Body::VoteReply(VoteReply { phase: request.phase, request_term, answer, membership: None })
        }
        Body::Heartbeat(heartbeat) => Body::HeartbeatReply(HeartbeatReply {
            request_term,
            answer: Answer::Granted(heartbeat.promise),
            position: Position::default(),
            priority: Priority::default(),
            ready: false,
            leaving: false,
            membership: None,
        }),
        _ => return None,
    };
    Some(Message::new(header, body))
}

/// Node 1 of five voters and a learner, which leads, and whose membership is committed.
fn leader(timing: Timing, seed: u64) -> Node {
    let mut saved = HardState::bootstrap(ClusterId(7), 1..=5).unwrap();
    let version = MembershipVersion { term: Term(1), number: 1 };
    saved.membership = Membership::new(version, (1..=5).collect(), [6].into(), 3).unwrap();
    saved.term = Term(1);
    let rng = ChaCha8Rng::seed_from_u64(seed);
    let mut node = Node::new(Config { timing, ..Config::new(1) }, saved, Timestamp::ORIGIN, rng).unwrap();
    while !(node.role() == crate::RoleKind::Leader && node.is_committed()) {
        let mut outputs = node.tick(node.deadline().unwrap());
        while let Some(output) = outputs.pop() {
            if let Output::Send { to, message } = output
                && let Some(reply) = grant(&message)
            {
                node.step_into(Input::Receive { from: to, message: reply }, &mut outputs);
            }
        }
    }
    node
}

/// A reply like those to the last heartbeats of the leader `node`, as a rule.
fn reply(node: &Node, dice: &mut ChaCha8Rng) -> Message<u64> {
    let (term, version) = (node.term(), node.membership().version());
    let other = MembershipVersion { number: version.number - 1, ..version };
    let round = node.round.0;
    let header = Header {
        cluster: draw(dice, &ClusterId(7), &[ClusterId(8)]),
        life: draw(dice, &node.life(), &[Life::NONE, Life(8)]),
        term: draw(dice, &term, &[Term(term.0 - 1)]),
        version: draw(dice, &version, &[other, MembershipVersion::default()]),
        committed: draw(dice, &true, &[false]),
        round: Round(draw(dice, &round, &[round + 1, round - 1, round - 2, round - 30])),
        sent_at: draw(dice, &node.now, &[node.now.before(Nanos(40_000_000)), node.now.after(Nanos(1))]),
    };
    let denials = [Denial::StaleTerm, Denial::NotAMember];
    let granted =
        [149_000_000, 20_000_000, 450_000_000, 900_000_000].map(|length| Answer::Granted(Nanos(length)));
    let members = Some(Box::new(node.membership().clone()));
    let body = Body::HeartbeatReply(HeartbeatReply {
        request_term: draw(dice, &term, &[Term(term.0 - 1)]),
        answer: match dice.next_u32() % 32 {
            0 => Answer::Denied(draw(dice, &denials[0], &denials)),
            _ => draw(dice, &Answer::Granted(Nanos(150_000_000)), &granted),
        },
        position: draw(dice, &Position::default(), &[Position { term: 0, index: 1 }]),
        priority: draw(dice, &Priority::default(), &[Priority(0), Priority(9)]),
        ready: draw(dice, &false, &[true]),
        leaving: draw(dice, &false, &[true]),
        membership: draw(dice, &None, &[members]),
    });
    Message::new(header, body)
}

/// Rules 2.8, 3.1 and 3.2, and all that a reply may bring.
#[test]
fn a_reply_has_the_same_effect_on_the_fast_path_as_on_the_full_path() {
    let mut dice = ChaCha8Rng::seed_from_u64(1);
    let (mut fast, mut full) = (0, 0);
    for seed in 0..300 {
        let tuned = Timing::tuned(core::time::Duration::from_millis(25), Timing::lan().promise);
        let timing = if seed % 4 == 0 { tuned } else { Timing::lan() };
        let mut node = leader(timing, seed);
        for _ in 0..60 {
            let mut out = Vec::new();
            while node.role() == crate::RoleKind::Leader
                && node.deadline().unwrap() <= node.now.after(Nanos(1))
            {
                out.extend(node.tick(node.deadline().unwrap()));
            }
            let resign = Input::Resign { successor: Some(2), urgency: crate::Urgency::WhenReady };
            let target = Target::new(1..=4, [5, 6]).unwrap();
            let change = Input::Reconfigure { target, force: crate::Force::Never };
            let odd = [Input::SetPosition(Position { term: 0, index: 2 }), resign, change];
            if dice.next_u32() % 8 == 0
                && let Some(input) = draw(&mut dice, &None, &odd.map(Some))
            {
                node.step_into(input, &mut out);
            }
            if node.role() != crate::RoleKind::Leader {
                break;
            }
            for _ in 0..4 {
                let from = draw(&mut dice, &9, &[1, 8]);
                let from = if from == 9 { 2 + u64::from(dice.next_u32() % 5) } else { from };
                let message = reply(&node, &mut dice);
                *(if compare(&mut node, from, message) { &mut fast } else { &mut full }) += 1;
            }
            let later = node.deadline().unwrap().max(node.now);
            out.extend(node.tick(later));
        }
    }
    assert!(fast > 4_000 && full > 4_000, "{fast} on the fast path, {full} on the full path");
}

/// Rule 3.2: the replies of two of four voters make a quorum with the leader. The lease is longer with the second of them,
/// not before, and no later one changes it.
#[test]
fn the_lease_is_longer_with_the_reply_that_makes_a_quorum() {
    let mut node = leader(Timing::lan(), 1);
    let promise = node.timing.clock.binding_length(Nanos(150_000_000));
    for round in 0..20 {
        let now = node.deadline().unwrap();
        let (mut leases, mut fast) = (Vec::new(), Vec::new());
        for output in node.tick(now) {
            let Output::Send { to, message } = output else { continue };
            fast.push(compare(&mut node, to, grant(&message).unwrap()));
            leases.push(node.lease().unwrap().until);
        }
        assert_eq!(fast, [true; 5], "all replies are plain");
        // The long promises of the election are over by then.
        if round >= 10 {
            let (lease, before) = (now.after(promise), now.after(promise).before(Nanos(50_000_000)));
            assert_eq!(leases, [before, lease, lease, lease, lease]);
        }
    }
}

/// Rule 4.8: node 3 lost its lease as often as counts. Once the delay is over, it is in the state of a node that
/// never led, and takes the fast path.
#[test]
fn a_lapse_of_long_ago_leaves_nothing_behind() {
    let start = || {
        let saved = HardState::bootstrap(ClusterId(7), 1..=3).unwrap();
        Node::new(Config::new(3), saved, Timestamp::ORIGIN, ChaCha8Rng::seed_from_u64(1)).unwrap()
    };
    let (mut steady, mut lapsed) = (start(), start());
    for _ in 0..5 {
        let unit = lapsed.lapse_backoff_unit();
        lapsed.trouble.record_lapse(lapsed.now, unit);
    }
    let mut takes_fast_path = Vec::new();
    for round in 1..400 {
        let header = Header {
            cluster: ClusterId(7),
            life: steady.life(),
            term: Term(1),
            version: steady.membership().version(),
            committed: true,
            round: Round(round),
            sent_at: Timestamp::ORIGIN,
        };
        let body = Body::Heartbeat(Heartbeat {
            promise: Nanos(150_000_000),
            rank: Some(0),
            order: Order::Follow,
            inherited: None,
            membership: None,
        });
        let message = Message::new(header, body);
        takes_fast_path.push([&mut steady, &mut lapsed].map(|node| {
            let mut out = node.tick(node.now.after(Nanos(50_000_000)));
            let fast = node.clone().try_fast_path(1, &message, &mut Vec::new());
            node.step_into(Input::Receive { from: 1, message: message.clone() }, &mut out);
            fast
        }));
    }
    assert_eq!(takes_fast_path.get(2), Some(&[true, false]), "at first it still counts");
    assert_eq!(takes_fast_path.last(), Some(&[true, true]));
    assert_eq!(lapsed, steady);
}
