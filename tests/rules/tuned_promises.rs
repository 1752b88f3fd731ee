//! Rule 3.6: what a leader measures to tune its promises, and what follows from short promises.

use quorate::message::Denial;
use quorate::{Config, Force, Input, Timing};
use quorate_sim::ManualNetwork;

use crate::support::*;

const SHORTEST: u64 = 25;
/// How long a leader asks for the longest promise at first.
const OBSERVATION: u64 = 128 * PROMISE;

fn timing() -> Timing {
    Timing { clock_drift_ppm: 0, clock_resolution: ms(0), ..Timing::tuned(ms(SHORTEST), ms(PROMISE)) }
}

fn promise(network: &ManualNetwork) -> u64 {
    let timing = network.node(1).status().heartbeat_timing.unwrap();
    u64::try_from(timing.promise.as_millis()).unwrap()
}

/// A group whose leader is node 1.
fn group(nodes: u64) -> ManualNetwork {
    let mut network = ManualNetwork::new(nodes, timing());
    network.elect(1);
    network
}

/// Messages to a node wait while it writes, so their replies say nothing about the network.
#[test]
fn a_node_that_writes_is_not_measured() {
    let mut network = ManualNetwork::new(3, timing());
    let pass = |network: &mut ManualNetwork| {
        network.pass(ms(1));
        while network.deliver(|mail| mail.to != 3) > 0 {}
    };
    let commits = |network: &ManualNetwork| {
        network.leader().is_some_and(|leader| network.node(leader).status().committed)
    };
    while !commits(&network) && network.now < ms(1_000) {
        pass(&mut network);
        network.lose(|mail| mail.to == 3);
    }
    // Now node 3 writes.
    (0..100).for_each(|_| pass(&mut network));
    network.run(ms(OBSERVATION + 5_000));
    let leader = network.leader().unwrap();
    assert_eq!(network.node(leader).status().heartbeat_timing.unwrap().promise, ms(SHORTEST));
    assert_ne!(leader, 3);
}

/// A leader asks for the long promise, then for the longest, then for one that suits the network, and does
/// so again after a step. By rule 8.1 (d) the step is possible with a lease much shorter than the first
/// heartbeat interval.
#[test]
fn a_leader_measures_the_network_again_under_each_membership() {
    let mut network = group(4);
    for voters in [[1, 2, 3].as_slice(), &[1, 2]] {
        assert_eq!(promise(&network), PROMISE);
        network.run(ms(OBSERVATION - 1_000));
        assert_eq!(promise(&network), PROMISE, "the observation is not over yet");
        network.run(ms(2_000));
        assert_eq!(promise(&network), SHORTEST);
        let input = Input::Reconfigure { target: target(voters, &[]), force: Force::Never };
        let _ = network.step(1, input);
        assert_eq!(promise(&network), LIMIT, "all nodes are about to write");
        network.run(ms(1));
        assert_eq!(network.node(1).membership().voters(), voters);
    }
    assert_eq!(network.leader(), Some(1));
}

/// Rule 4.1: the clock has leapt if a tick is late by more than the shortest possible promise.
#[test]
fn a_leap_beyond_the_shortest_promise_delays_the_deadline() {
    let follower = |length| {
        let mut node = Node::new(Config { timing: timing(), ..config(2) }, first_state(&[1, 2, 3]), 0);
        node.hear(10, 1, heartbeat(1, 1).asking(SHORTEST).rank(0));
        node.tick_at(10 + SHORTEST + length);
        node
    };
    assert_eq!(follower(SHORTEST).role(), quorate::RoleKind::PreCandidate);
    let leapt = follower(SHORTEST + 1);
    assert_eq!(leapt.role(), quorate::RoleKind::Follower);
    assert_eq!(leapt.due(), 10 + 2 * SHORTEST + 1 + HEARTBEAT);
}

/// Rule 4.9: with short promises, a voter that is bound for less than the retry interval may have just
/// heard the leader. One that is bound for less than a quarter of the shortest promise has not.
#[test]
fn a_voter_that_has_just_heard_the_leader_does_not_count_as_free_soon() {
    let campaigns = |remaining: u64| {
        let mut node = Node::new(Config { timing: timing(), ..config(2) }, first_state(&[1, 2, 3]), 0);
        node.hear(10, 1, heartbeat(1, 1).asking(SHORTEST).rank(0));
        node.tick_at(10 + SHORTEST - SHORTEST / 4);
        let asked = node.tick_at(10 + SHORTEST);
        let denial = Denial::Bound { to: Some(holds(1, 1)), remaining: ns(remaining) };
        node.hear(10 + SHORTEST, 3, deny(&to(&asked, 3), denial));
        node.tick_at(10 + SHORTEST + remaining);
        node.role() == quorate::RoleKind::Candidate
    };
    assert!(campaigns(SHORTEST / 4));
    assert!(!campaigns(SHORTEST / 4 + 1));
}

#[test]
fn a_leader_shows_its_heartbeat_timing_and_a_follower_shows_none() {
    let mut node = leader(1, &[1, 2, 3]);
    node.tick_at(HEARTBEAT);
    let timing = node.status().heartbeat_timing.unwrap();
    assert_eq!((timing.promise, timing.heartbeat_interval), (ms(PROMISE), ms(HEARTBEAT)));
    let (young, _) = elected(1, &[1, 2, 3]);
    assert_eq!(young.status().heartbeat_timing.unwrap().promise, ms(LIMIT));
    assert_eq!(Node::fresh(2, &[1, 2, 3]).status().heartbeat_timing, None);
}
