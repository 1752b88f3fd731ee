//! Handovers from node to node: complete ones, and ones that are cut short after the leader has stepped
//! down. The scenarios measure for how long the group then has no leader.

use quorate_sim::{Cluster, DiskOptions, Drift, HandoverSettings, Options};

use crate::prelude::*;

/// A group that node 1 has led for a while.
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
    matches!(&mail.message.body(), Body::Heartbeat(Heartbeat { order: Order::Campaign, .. }))
}

/// How long it takes until some node leads. Messages take no time.
fn time_to_a_leader(network: &mut ManualNetwork) -> Duration {
    let start = network.now;
    while network.leader().is_none() {
        network.run(MS);
        assert!(network.now < start + 10_000 * MS, "no node leads: {:?}", network.events);
    }
    network.now - start
}

/// Rules 6.1 to 6.3: exactly the named successor leads next, in the next term.
#[test]
fn leadership_can_be_handed_over_from_node_to_node() {
    let mut network = led_by_1(5);
    for (leader, successor) in [(1, 2), (2, 3), (3, 4), (4, 5), (5, 1), (1, 4), (4, 2)] {
        let (before, term) = (network.events.len(), network.node(leader).term());
        let _ = network.step(leader, resign(successor, Urgency::WhenReady));
        network.run(200 * MS);
        let elected = |(node, event): &(u64, Event<u64>)| match event {
            Event::Elected { term } => Some((*node, *term)),
            _ => None,
        };
        let elections: Vec<_> = network.events[before..].iter().filter_map(elected).collect();
        assert_eq!(elections, [(successor, Term(term.0 + 1))]);
        let reason = StepDown::Resigned { successor: Some(successor) };
        assert!(network.events[before..].contains(&(leader, Event::SteppedDown { term, reason })));
    }
}

/// Rule 6.3: the other followers are released as well, and campaign in the order of their ranks.
#[test]
fn the_group_does_not_wait_for_a_successor_that_dies_before_the_order_arrives() {
    for nodes in [3, 5] {
        let mut network = led_by_1(nodes);
        let _ = network.step(1, resign(2, Urgency::Now));
        network.nodes.remove(&2);
        let took = time_to_a_leader(&mut network);
        assert!(took <= 3 * Timing::lan().stagger, "{nodes} nodes: {took:?}");
    }
}

/// Rule 6.3: a former leader that goes on repeats its order, so a lost one costs a retry interval. One that exits at
/// once cannot: the promise of the successor has to end, unless the others are a quorum without it.
#[test]
fn an_order_that_is_lost_is_repeated_unless_its_sender_has_exited() {
    for (nodes, exits) in [(3, false), (3, true), (5, false), (5, true)] {
        let mut network = led_by_1(nodes);
        let _ = network.step(1, resign(2, Urgency::WhenReady));
        while network.leader().is_some() {
            assert!(network.deliver(|mail| !is_order(mail)) > 0, "node 1 resigns");
        }
        network.lose(is_order);
        if exits {
            network.nodes.remove(&1);
        }
        let took = time_to_a_leader(&mut network);
        let Timing { retry_interval, promise_limit, stagger, .. } = Timing::lan();
        let waits = exits && nodes == 3;
        let bound = if waits { promise_limit + 3 * stagger } else { 2 * retry_interval };
        assert!(took <= bound, "{nodes} nodes: {took:?}");
        assert_eq!(waits, took > 100 * MS, "{nodes} nodes: {took:?}");
    }
}

/// Rules 2.1 and 6.3: the voters of the successor wait for the promise of their votes, and no longer.
#[test]
fn a_successor_that_dies_with_the_votes_is_replaced_when_their_promises_end() {
    let mut network = led_by_1(3);
    let _ = network.step(1, resign(2, Urgency::Now));
    assert!(network.deliver(is_order) > 0 && network.deliver(|mail| mail.from == 2) > 0);
    network.nodes.remove(&2);
    assert_eq!(network.durable[&3].voted_for, Some(2));
    let took = time_to_a_leader(&mut network);
    assert!(took <= Timing::lan().promise_limit + 3 * Timing::lan().stagger, "{took:?}");
}

/// Rules 4.3 and 6.3: a repeated vote request carries the release too.
#[test]
fn a_successor_whose_first_requests_are_lost_repeats_them_with_the_release() {
    let mut network = led_by_1(5);
    let _ = network.step(1, resign(2, Urgency::Now));
    assert!(network.deliver(is_order) > 0);
    // The other followers do not hear that 1 has stepped down, and 1 dies.
    network.mail.clear();
    network.nodes.remove(&1);
    let took = time_to_a_leader(&mut network);
    assert_eq!(network.leader(), Some(2));
    assert!(took <= 2 * Timing::lan().retry_interval, "{took:?}");
}

/// Rules 4.6, 4.10 and 6.3: a handover takes three message delays (the order, the vote request and the
/// vote) and the write of the voters. A successor that cannot win costs no time without a leader.
#[test]
fn a_handover_is_leaderless_for_three_delays_and_one_write_and_a_hopeless_one_not_at_all() {
    for (nodes, write) in [(3, 0), (3, 20), (5, 20), (5, 50)] {
        let (delay, write) = (Duration::from_millis(5), Duration::from_millis(write));
        let settings = HandoverSettings { nodes, delay, write };
        for seed in 0..20 {
            let leaderless = settings.planned(seed);
            assert!(leaderless <= settings.bound(), "{settings:?}, seed {seed}: {leaderless:?}");
            assert!(nodes == 3 || settings.hopeless(seed).is_zero(), "{settings:?}, seed {seed}");
        }
    }
}

/// Rules 4.4 and 4.10: after a failed handover the successor keeps its reserved vote of the next term. A
/// candidate that fails in that term because of this vote tries the term after it without delay.
#[test]
fn a_handover_that_failed_does_not_delay_the_next_election() {
    for offset in 0..50 {
        let mut network = led_by_1(3);
        let _ = network.step(1, resign(2, Urgency::WhenReady));
        for _ in 0..500 {
            network.deliver(|_| true);
            network.lose(|mail| matches!(&mail.message.body(), Body::HeartbeatReply(reply) if reply.ready));
            network.pass(MS);
        }
        assert_eq!((network.leader(), network.durable[&2].term), (Some(1), Term(2)));
        let _ = network.step(3, Input::SetPosition(Position { term: 0, index: 1 }));
        network.run((300 + offset) * MS);
        network.nodes.remove(&1);
        let took = time_to_a_leader(&mut network);
        assert_eq!((network.leader(), network.node(3).term()), (Some(3), Term(3)));
        let jitter = Timing::lan().stagger / 2;
        assert!(took <= Timing::lan().promise + jitter + MS, "{took:?}");
    }
}

/// A group that is led by a node other than 1, whose writes take that long; no other write takes any time.
fn beside_a_slow_node(nodes: usize, write: Duration, seed: u64) -> Cluster {
    let write = write.as_nanos() as u64;
    let options = Options { drift: Drift::Within, lost_attempts: None, ..Options::default() };
    let mut cluster = Cluster::new(seed, nodes, options);
    cluster.set_disk_of(1, DiskOptions { write: (write, write), ..DiskOptions::default() });
    cluster.run_for(Duration::from_millis(2_000 + seed));
    if cluster.leads(1) {
        cluster.step(1, resign(2, Urgency::Now));
        cluster.run_for(2_000 * MS);
    }
    assert!(cluster.leader().is_some_and(|(leader, _)| leader != 1), "seed {seed}");
    cluster
}

/// Rules 3.5, 4.10 and 6.1: a successor writes its vote before it is ready. The leader leads on meanwhile, so the
/// time without a leader does not depend on that write.
#[test]
fn one_resignation_hands_over_to_a_node_whose_writes_are_slow() {
    for (nodes, write) in [(2, 100), (2, 200), (2, 350), (3, 100), (3, 200), (3, 350), (5, 350)] {
        for seed in 0..20 {
            let mut cluster = beside_a_slow_node(nodes, Duration::from_millis(write), seed);
            let (leader, _) = cluster.leader().unwrap();
            cluster.step(leader, resign(1, Urgency::WhenReady));
            let limit = Timing::lan().promise_limit + 20 * MS;
            let took = cluster.run_till(limit, |cluster| cluster.leads(1));
            assert!(took.is_some(), "{nodes} nodes, {write} ms, seed {seed}");
        }
    }
}
