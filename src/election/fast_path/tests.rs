#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "a test that fails should panic")]

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::message::{Body, Header, Heartbeat, Order, Round};
use crate::{
    ClusterId, Config, Election, HardState, Input, Life, Membership, MembershipVersion, Message, Nanos,
    Output, Priority, Term, Timestamp,
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
    Message { header, body: Body::Heartbeat(Heartbeat { promise, rank, order, inherited, membership }) }
}

/// Checks that both paths give the same outputs and the same state. Returns whether the fast path was
/// taken.
fn compare(node: &mut Node, from: u64, message: Message<u64>) -> bool {
    let (mut full, mut expected, mut out) = (node.clone(), Vec::new(), Vec::new());
    let before = full.leader();
    full.receive(from, message.clone(), &mut expected);
    full.report_leader_change(before, &mut expected);
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
        lapsed.lapse_backoff.double(lapsed.now, lapsed.lapse_backoff_unit());
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
        let message = Message { header, body };
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
