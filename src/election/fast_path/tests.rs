#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "a test that fails should panic")]

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::{
    Body, ClusterId, Config, Election, HardState, Header, Heartbeat, Input, Membership, MembershipVersion,
    Message, Nanos, Order, Output, Priority, Round, Term, Timestamp,
};

type Node = Election<u64, ChaCha8Rng>;

/// One of `usual`, as a rule, or else one of `odd`.
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
    // Who leads has another place then.
    let others = Membership::new(newer, (newer.number % 2..=3).collect(), Vec::new(), 3).unwrap();
    let committed = node.status().committed;
    let header = Header {
        cluster: draw(dice, &ClusterId(7), &[ClusterId(8)]),
        term: draw(dice, &term.max(Term(1)), &[Term(term.0 + 1), Term(0)]),
        version: draw(dice, &version, &[newer, MembershipVersion::default()]),
        committed: draw(dice, &committed, &[true, false]),
        round: Round(dice.next_u64() % 4 + millis(node.now)),
        sent_at: Timestamp::ORIGIN,
    };
    let rank = draw(dice, &Some(0), &[None, Some(1)]);
    let order = draw(dice, &Order::Follow, &[Order::Prepare, Order::Campaign]);
    let promise = draw(dice, &Nanos(150_000_000), &[0, 20_000_000, 900_000_000].map(Nanos));
    let inherited = draw(dice, &None, &[Some(version)]);
    let membership = draw(dice, &None, &[Some(Box::new(members)), Some(Box::new(others))]);
    let version = membership.as_ref().map_or(header.version, |members| members.version());
    let header = Header { version, ..header };
    Message { header, body: Body::Heartbeat(Heartbeat { promise, rank, order, inherited, membership }) }
}

/// The short way and the long one: the same outputs, the same state. Says whether it went the short way.
fn compare(node: &mut Node, from: u64, message: Message<u64>) -> bool {
    let (mut long, mut said, mut out) = (node.clone(), Vec::new(), Vec::new());
    let before = long.leader();
    long.receive(from, message.clone(), &mut said);
    long.report_leader_change(before, &mut said);
    let short = node.clone().try_fast_path(from, &message, &mut Vec::new());
    node.step_into(Input::Receive { from, message }, &mut out);
    assert_eq!(out, said);
    assert_eq!(*node, long);
    short
}

#[test]
fn the_short_way_comes_to_the_same_as_the_long_one() {
    let mut dice = ChaCha8Rng::seed_from_u64(1);
    let (mut short, mut long) = (0, 0);
    for seed in 0..200 {
        let saved = HardState::bootstrap(ClusterId(7), 1..=3).unwrap();
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let mut node = Node::new(Config::new(3), saved, Timestamp::ORIGIN, rng).unwrap();
        for _ in 0..200 {
            let length = draw(&mut dice, &1, &[40, 140, 160, 500]);
            let mut out: Vec<Output<u64>> = node.tick(node.now.after(Nanos(length * 1_000_000)));
            let odd = [Input::SetPriority(Priority(0)), Input::SetPriority(Priority(1)), Input::Leave];
            if let Some(wish) = draw(&mut dice, &None, &odd.map(Some)) {
                node.step_into(wish, &mut out);
            }
            let from = draw(&mut dice, &1, &[2, 3, 9]);
            let message = heartbeat(&node, &mut dice);
            *(if compare(&mut node, from, message) { &mut short } else { &mut long }) += 1;
        }
    }
    assert!(short > 4_000 && long > 4_000, "{short} went the short way, {long} the long one");
}
