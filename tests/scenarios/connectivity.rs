//! Networks in which some links stay broken. A node that reaches a quorum in both directions becomes a
//! leader within a bound, and a leader that reaches one stays the leader.
//!
//! Sources: Howard & Abraham, "Raft does not guarantee liveness in the face of network faults" (2020);
//! Ng, Haridi & Carbone, "Omni-Paxos" (EuroSys 2023), §2: quorum-loss, constrained, chained.

use std::time::Duration;

use quorate::{Position, Timing};
use quorate_sim::{Cluster, Options};

const SEEDS: std::ops::Range<u64> = 0..25;

/// How long it may take until a node leads that reaches a quorum: the promises of the past, the election
/// deadlines of all nodes, and one failed attempt.
fn bound() -> Duration {
    let timing = Timing::lan();
    3 * timing.promise_limit + 2 * timing.promise + 10 * timing.stagger
}

/// A group that `leader` has led for a while.
fn led_by(seed: u64, nodes: usize, leader: u64) -> Cluster {
    let options = Options { catch_up: Some(5_000_000), replay: replay(), ..Options::default() };
    led_with(seed, nodes, leader, options)
}

fn replay() -> Option<String> {
    Some("cargo test --test scenarios connectivity".to_owned())
}

fn led_with(seed: u64, nodes: usize, leader: u64, options: Options) -> Cluster {
    let mut cluster = Cluster::stopped(seed, nodes, options);
    // The node that starts first campaigns first.
    cluster.restart(leader);
    cluster.nodes().filter(|&node| node != leader).for_each(|node| cluster.restart(node));
    for other in cluster.nodes().filter(|&node| node != leader) {
        cluster.set_priority(other, quorate::Priority::NEVER_LEADS);
    }
    assert!(
        cluster.run_till(bound(), |cluster| leads(cluster, leader)).is_some(),
        "seed {seed}: no first leader"
    );
    for other in cluster.nodes().filter(|&node| node != leader) {
        cluster.set_priority(other, quorate::Priority::default());
    }
    cluster.run_for(Duration::from_secs(1));
    assert!(leads(&cluster, leader), "seed {seed}");
    cluster
}

fn leads(cluster: &Cluster, node: u64) -> bool {
    cluster.leader().is_some_and(|(leader, _)| leader == node)
}

/// Checks that `node` leads within the bound, and stays the leader for ten seconds.
fn assert_elected_and_stays(cluster: &mut Cluster, node: u64) {
    let took = cluster.run_till(bound(), |cluster| leads(cluster, node));
    assert!(took.is_some(), "{node} does not lead within {:?}", bound());
    assert_stays_leader(cluster, node);
}

/// Checks that `node` leads for ten seconds, and that no other node becomes a leader.
fn assert_stays_leader(cluster: &mut Cluster, node: u64) {
    let news = cluster.leadership_changes().len();
    cluster.run_for(Duration::from_secs(10));
    let changes: Vec<_> = cluster.leadership_changes()[news..]
        .iter()
        .filter(|news| news.node != node || !news.elected)
        .collect();
    assert!(leads(cluster, node) && changes.is_empty(), "leadership of {node} changed: {changes:?}");
}

/// Checks that some node leads within the bound, and stays the leader.
fn assert_some_leader_stays(cluster: &mut Cluster) {
    let took = cluster.run_till(bound(), |cluster| cluster.leader().is_some());
    assert!(took.is_some(), "no node leads within {:?}", bound());
    // The first leader seen may be the old one, whose lease is about to end.
    cluster.run_for(bound());
    let (leader, _) = cluster.leader().expect("a leader after the bound");
    assert_stays_leader(cluster, leader);
}

#[test]
fn quorum_loss_the_only_node_that_reaches_a_quorum_leads() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 3);
        cluster.connect_only(&[(1, 2), (1, 3), (1, 4), (1, 5)]);
        assert_elected_and_stays(&mut cluster, 1);
    }
}

#[test]
fn quorum_loss_a_leader_in_the_middle_stays() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 1);
        cluster.connect_only(&[(1, 2), (1, 3), (1, 4), (1, 5)]);
        assert_stays_leader(&mut cluster, 1);
    }
}

/// Rule 6.5: in raft-rs a voter denies a candidate of lower priority whose data are no newer. Here that
/// node leads, and its attempts to hand over fail, since no other node reaches a quorum.
#[test]
fn quorum_loss_the_only_node_that_reaches_a_quorum_leads_with_any_priority() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 3);
        (2..=5).for_each(|node| cluster.set_priority(node, quorate::Priority(9)));
        cluster.connect_only(&[(1, 2), (1, 3), (1, 4), (1, 5)]);
        assert_elected_and_stays(&mut cluster, 1);
    }
}

#[test]
fn constrained_a_hub_that_is_behind_catches_up_and_leads() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 3);
        for node in 2..=5 {
            cluster.set_position(node, Position { term: 1, index: 10 });
        }
        cluster.run_for(Duration::from_millis(500));
        cluster.connect_only(&[(1, 2), (1, 4), (1, 5)]);
        assert_elected_and_stays(&mut cluster, 1);
    }
}

#[test]
fn constrained_a_hub_that_cannot_catch_up_never_leads() {
    for seed in SEEDS {
        let options = Options { replay: replay(), ..Options::default() };
        let mut cluster = led_with(seed, 5, 3, options);
        for node in 2..=5 {
            cluster.set_position(node, Position { term: 1, index: 10 });
        }
        cluster.run_for(Duration::from_millis(500));
        cluster.connect_only(&[(1, 2), (1, 4), (1, 5)]);
        cluster.run_for(Duration::from_secs(10));
        assert_eq!(cluster.leader(), None, "seed {seed}");
        cluster.heal();
        assert_some_leader_stays(&mut cluster);
        assert!(!leads(&cluster, 1), "seed {seed}");
    }
}

#[test]
fn constrained_a_hub_that_missed_the_membership_adopts_it_and_leads() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 3);
        // Node 1 does not hear of the new leader and its new membership version.
        (2..=5).for_each(|other| cluster.cut(1, other));
        cluster.crash(3);
        let others = cluster.run_till(bound(), |cluster| cluster.leader().is_some());
        assert!(others.is_some(), "seed {seed}");
        cluster.run_for(Duration::from_secs(1));
        let (leader, _) = cluster.leader().expect("just seen");
        cluster.restart(3);
        let ends: Vec<_> = (2..=5).filter(|&node| node != leader).map(|node| (1, node)).collect();
        cluster.connect_only(&ends);
        assert_elected_and_stays(&mut cluster, 1);
    }
}

#[test]
fn chained_three_nodes_in_a_row_keep_one_leader() {
    for seed in SEEDS {
        for (first, ends) in [(1, [(1, 2), (2, 3)]), (2, [(1, 2), (2, 3)]), (3, [(1, 3), (1, 2)])] {
            let mut cluster = led_by(seed, 3, first);
            cluster.connect_only(&ends);
            assert_some_leader_stays(&mut cluster);
        }
    }
}

#[test]
fn chained_a_leader_at_an_end_stays() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 3, 1);
        cluster.connect_only(&[(1, 2), (2, 3)]);
        assert_stays_leader(&mut cluster, 1);
    }
}

#[test]
fn chained_five_nodes_in_a_row_elect_an_inner_one() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 1);
        cluster.connect_only(&[(1, 2), (2, 3), (3, 4), (4, 5)]);
        assert_some_leader_stays(&mut cluster);
        let (leader, _) = cluster.leader().expect("just seen");
        assert!((2..=4).contains(&leader), "seed {seed}: {leader} reaches no quorum");
    }
}

/// Howard & Abraham, first case: the leader reaches one follower, which reaches all nodes. Without
/// pre-votes a follower that does not hear the leader would raise the term again and again.
#[test]
fn howard_and_abraham_a_leader_that_only_one_follower_hears_is_replaced() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 4);
        cluster.connect_only(&[(4, 5), (5, 1), (5, 2), (5, 3)]);
        assert_elected_and_stays(&mut cluster, 5);
    }
}

/// Howard & Abraham, second case: with pre-votes alone, a leader without a quorum keeps a follower for ever
/// that another node needs for its quorum. Here the leader loses its lease and releases that follower.
#[test]
fn howard_and_abraham_a_leader_without_a_quorum_releases_its_followers() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 4);
        cluster.connect_only(&[(4, 2), (4, 5), (2, 1), (2, 3), (2, 5)]);
        cluster.cut(4, 5);
        cluster.run_for(bound());
        assert_some_leader_stays(&mut cluster);
        assert!(leads(&cluster, 2), "seed {seed}: only 2 reaches a quorum");
    }
}

#[test]
fn a_deaf_leader_steps_down_and_is_replaced() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 1);
        (2..=5).for_each(|other| cluster.cut_one_way(other, 1));
        cluster.run_for(bound());
        assert_some_leader_stays(&mut cluster);
        assert!(!leads(&cluster, 1), "seed {seed}: the leader hears no other node");
    }
}

#[test]
fn a_mute_leader_steps_down_and_is_replaced() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 1);
        (2..=5).for_each(|other| cluster.cut_one_way(1, other));
        cluster.run_for(bound());
        assert_some_leader_stays(&mut cluster);
        assert!(!leads(&cluster, 1), "seed {seed}: no other node hears the leader");
    }
}

#[test]
fn a_deaf_follower_does_not_disturb_the_leader() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 1);
        (1..=4).for_each(|other| cluster.cut_one_way(other, 5));
        assert_stays_leader(&mut cluster, 1);
        cluster.heal();
        assert_stays_leader(&mut cluster, 1);
    }
}

#[test]
fn a_follower_that_does_not_hear_the_leader_does_not_disturb_it() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 1);
        cluster.cut_one_way(1, 5);
        assert_stays_leader(&mut cluster, 1);
        cluster.cut(1, 5);
        assert_stays_leader(&mut cluster, 1);
    }
}

#[test]
fn a_node_that_comes_back_after_a_cut_or_a_restart_does_not_disturb_the_leader() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 1);
        (1..=4).for_each(|other| cluster.cut(5, other));
        assert_stays_leader(&mut cluster, 1);
        cluster.heal();
        assert_stays_leader(&mut cluster, 1);
        cluster.crash(5);
        cluster.restart(5);
        assert_stays_leader(&mut cluster, 1);
    }
}

#[test]
fn in_a_directed_ring_no_node_leads_until_the_links_heal() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 1);
        for (from, to) in cluster.pairs() {
            cluster.link(from, to, to == from % 5 + 1);
        }
        cluster.run_for(Duration::from_secs(10));
        assert_eq!(cluster.leader(), None, "seed {seed}: no node reaches a quorum in both directions");
        cluster.heal();
        assert_some_leader_stays(&mut cluster);
    }
}

#[test]
fn a_link_that_flaps_does_not_bring_the_same_leader_back_again_and_again() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 1);
        for _ in 0..20 {
            (2..=5).for_each(|other| cluster.cut(1, other));
            cluster.run_for(Duration::from_millis(600));
            cluster.heal();
            cluster.run_for(Duration::from_millis(600));
        }
        let changes = cluster.leadership_changes().iter().filter(|news| !news.elected).count();
        assert!(changes <= 3, "seed {seed}: {changes} changes of leadership");
    }
}
