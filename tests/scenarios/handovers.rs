//! Handovers from node to node: one that is whole, and those that are cut short after the leader has given
//! up. What is worst for the others is a long time without any leader.

use quorate_sim::HandoverSettings;

use crate::prelude::*;

/// A group led by node 1 for a while.
fn led_by_1(nodes: u64) -> ManualNetwork {
    let mut network = ManualNetwork::new(nodes, Timing::lan());
    network.elect(1);
    network.run(1_000 * MS);
    assert_eq!(network.leader(), Some(1));
    network
}

fn resign(successor: u64, urgency: Urgency) -> Input<u64> {
    Input::Resign { successor: Some(successor), urgency }
}

fn is_order(mail: &Mail) -> bool {
    matches!(&mail.message.body, Body::Heartbeat(Heartbeat { order: Order::Campaign, .. }))
}

/// How long it takes until somebody leads. Mail takes no time.
fn time_to_a_leader(network: &mut ManualNetwork) -> Duration {
    let start = network.now;
    while network.leader().is_none() {
        network.run(MS);
        assert!(network.now < start + 10_000 * MS, "nobody leads: {:?}", network.events);
    }
    network.now - start
}

/// Rules 6.1 to 6.3: just who is named leads next, in the next term.
#[test]
fn leadership_goes_round_from_each_to_each() {
    let mut network = led_by_1(5);
    for (leader, successor) in [(1, 2), (2, 3), (3, 4), (4, 5), (5, 1), (1, 4), (4, 2)] {
        let (before, term) = (network.events.len(), network.node(leader).term());
        let _ = network.step(leader, resign(successor, Urgency::WhenReady));
        network.run(200 * MS);
        let elected = |(node, event): &(u64, Event<u64>)| match event {
            Event::Elected { term } => Some((*node, *term)),
            _ => None,
        };
        let news: Vec<_> = network.events[before..].iter().filter_map(elected).collect();
        assert_eq!(news, [(successor, Term(term.0 + 1))]);
        let reason = StepDown::Resigned { successor: Some(successor) };
        assert!(network.events[before..].contains(&(leader, Event::SteppedDown { term, reason })));
    }
}

/// Rule 6.3: the others are free as well, and know their turn.
#[test]
fn a_successor_that_dies_before_the_order_comes_is_not_waited_for() {
    for nodes in [3, 5] {
        let mut network = led_by_1(nodes);
        let _ = network.step(1, resign(2, Urgency::Now));
        network.nodes.remove(&2);
        let took = time_to_a_leader(&mut network);
        assert!(took <= 3 * Timing::lan().stagger, "{nodes} nodes: {took:?}");
    }
}

/// Rules 2.1 and 6.3: those that voted for it wait for the promise that goes with a vote, no longer.
#[test]
fn a_successor_that_dies_with_the_votes_is_replaced_when_they_are_over() {
    let mut network = led_by_1(3);
    let _ = network.step(1, resign(2, Urgency::Now));
    assert!(network.deliver(is_order) > 0 && network.deliver(|mail| mail.from == 2) > 0);
    network.nodes.remove(&2);
    assert_eq!(network.durable[&3].voted_for, Some(2));
    let took = time_to_a_leader(&mut network);
    assert!(took <= Timing::lan().promise_limit + 3 * Timing::lan().stagger, "{took:?}");
}

/// Rules 4.3 and 6.3: what is repeated frees the voters as well as what was lost.
#[test]
fn a_successor_whose_first_requests_are_lost_repeats_them_with_the_release() {
    let mut network = led_by_1(5);
    let _ = network.step(1, resign(2, Urgency::Now));
    assert!(network.deliver(is_order) > 0);
    // Neither do the others hear that 1 has given up, and 1 dies.
    network.mail.clear();
    network.nodes.remove(&1);
    let took = time_to_a_leader(&mut network);
    assert_eq!(network.leader(), Some(2));
    assert!(took <= 2 * Timing::lan().retry_interval, "{took:?}");
}

/// Rules 4.6, 4.10 and 6.3: the order, the request and the vote travel, and the voters write; nobody else's
/// write is waited for. A successor that cannot win costs nothing.
#[test]
fn a_handover_is_leaderless_for_three_ways_and_one_write_and_not_at_all_in_vain() {
    for (nodes, write) in [(3, 0), (3, 20), (5, 20), (5, 50)] {
        let (delay, write) = (Duration::from_millis(5), Duration::from_millis(write));
        let handing = HandoverSettings { nodes, delay, write };
        for seed in 0..20 {
            let leaderless = handing.planned(seed);
            assert!(leaderless <= handing.bound(), "{handing:?}, seed {seed}: {leaderless:?}");
            assert!(nodes == 3 || handing.hopeless(seed).is_zero(), "{handing:?}, seed {seed}");
        }
    }
}

/// Rules 4.4 and 4.10: who was to take over and did not keeps its vote of the next term for itself. Who is
/// first by then and stands in that term in vain goes on to the one after it without a wait.
#[test]
fn a_handover_that_failed_does_not_delay_the_next_election() {
    for offset in 0..50 {
        let mut network = led_by_1(3);
        let _ = network.step(1, resign(2, Urgency::WhenReady));
        for _ in 0..200 {
            network.deliver(|_| true);
            network.lose(|mail| matches!(&mail.message.body, Body::HeartbeatReply(reply) if reply.ready));
            network.pass(MS);
        }
        assert_eq!((network.leader(), network.durable[&2].term), (Some(1), Term(2)));
        let _ = network.step(3, Input::SetPosition(Position { term: 0, index: 1 }));
        network.run((300 + offset) * MS);
        network.nodes.remove(&1);
        let took = time_to_a_leader(&mut network);
        assert_eq!((network.leader(), network.node(3).term()), (Some(3), Term(3)));
        let chance = Timing::lan().stagger / 2;
        assert!(took <= Timing::lan().promise + chance + MS, "{took:?}");
    }
}
