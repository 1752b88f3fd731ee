//! Networks that are half broken for good. Whoever reaches a quorum both ways becomes a leader that can
//! act, within a bound; and a leader that does is left alone.
//!
//! Sources: Howard & Abraham, "Raft does not guarantee liveness in the face of network faults" (2020);
//! Ng, Haridi & Carbone, "Omni-Paxos" (EuroSys 2023), §2: quorum-loss, constrained, chained.

use std::time::Duration;

use quorate::{Position, Timing};
use quorate_sim::{Cluster, Options};

const SEEDS: std::ops::Range<u64> = 0..25;

/// Until somebody useful leads: the promises of the past, the turns of all, and one failed attempt.
fn bound() -> Duration {
    let timing = Timing::lan();
    3 * timing.promise_limit + 2 * timing.promise + 10 * timing.stagger
}

/// A group led by `leader`, steady.
fn led_by(seed: u64, nodes: usize, leader: u64) -> Cluster {
    let options = Options { catch_up: Some(5_000_000), replay: replay(), ..Options::default() };
    led_with(seed, nodes, leader, options)
}

fn replay() -> Option<String> {
    Some("cargo test --test scenarios connectivity".to_owned())
}

fn led_with(seed: u64, nodes: usize, leader: u64, options: Options) -> Cluster {
    let mut cluster = Cluster::asleep(seed, nodes, options);
    // The first to start is the first to stand; the others follow.
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

/// `node` leads within the bound and then, for ten seconds, nobody else does.
fn is_chosen_and_stays(cluster: &mut Cluster, node: u64) {
    let took = cluster.run_till(bound(), |cluster| leads(cluster, node));
    assert!(took.is_some(), "{node} does not lead within {:?}", bound());
    stays(cluster, node);
}

fn stays(cluster: &mut Cluster, node: u64) {
    let news = cluster.news().len();
    cluster.run_for(Duration::from_secs(10));
    let changes: Vec<_> =
        cluster.news()[news..].iter().filter(|news| news.node != node || !news.elected).collect();
    assert!(leads(cluster, node) && changes.is_empty(), "leadership of {node} changed: {changes:?}");
}

/// Somebody leads within the bound, and stays.
fn somebody_is_chosen_and_stays(cluster: &mut Cluster) {
    let took = cluster.run_till(bound(), |cluster| cluster.leader().is_some());
    assert!(took.is_some(), "nobody leads within {:?}", bound());
    // The one seen first may be the old one on the last of its lease.
    cluster.run_for(bound());
    let (leader, _) = cluster.leader().expect("a leader after the bound");
    stays(cluster, leader);
}

#[test]
fn quorum_loss_the_only_node_that_reaches_a_quorum_leads() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 3);
        cluster.connect_only(&[(1, 2), (1, 3), (1, 4), (1, 5)]);
        is_chosen_and_stays(&mut cluster, 1);
    }
}

#[test]
fn quorum_loss_a_leader_in_the_middle_is_left_alone() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 1);
        cluster.connect_only(&[(1, 2), (1, 3), (1, 4), (1, 5)]);
        stays(&mut cluster, 1);
    }
}

/// Rule 6.5: raft-rs has voters refuse a candidate of lower priority whose data are no newer. Here it leads,
/// and goes on trying to hand over, of which nobody can make use.
#[test]
fn quorum_loss_the_only_node_that_reaches_a_quorum_leads_whatever_its_priority() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 3);
        (2..=5).for_each(|node| cluster.set_priority(node, quorate::Priority(9)));
        cluster.connect_only(&[(1, 2), (1, 3), (1, 4), (1, 5)]);
        is_chosen_and_stays(&mut cluster, 1);
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
        is_chosen_and_stays(&mut cluster, 1);
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
        somebody_is_chosen_and_stays(&mut cluster);
        assert!(!leads(&cluster, 1), "seed {seed}");
    }
}

#[test]
fn constrained_a_hub_that_missed_the_membership_adopts_it_and_leads() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 3);
        // A new leader, and with it a new version, of which node 1 hears nothing.
        (2..=5).for_each(|other| cluster.cut(1, other));
        cluster.crash(3);
        let others = cluster.run_till(bound(), |cluster| cluster.leader().is_some());
        assert!(others.is_some(), "seed {seed}");
        cluster.run_for(Duration::from_secs(1));
        let (leader, _) = cluster.leader().expect("just seen");
        cluster.restart(3);
        let ends: Vec<_> = (2..=5).filter(|&node| node != leader).map(|node| (1, node)).collect();
        cluster.connect_only(&ends);
        is_chosen_and_stays(&mut cluster, 1);
    }
}

#[test]
fn chained_three_nodes_in_a_row_settle_on_one() {
    for seed in SEEDS {
        for (first, ends) in [(1, [(1, 2), (2, 3)]), (2, [(1, 2), (2, 3)]), (3, [(1, 3), (1, 2)])] {
            let mut cluster = led_by(seed, 3, first);
            cluster.connect_only(&ends);
            somebody_is_chosen_and_stays(&mut cluster);
        }
    }
}

#[test]
fn chained_an_end_that_leads_is_left_alone() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 3, 1);
        cluster.connect_only(&[(1, 2), (2, 3)]);
        stays(&mut cluster, 1);
    }
}

#[test]
fn chained_five_nodes_in_a_row_settle_on_an_inner_one() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 1);
        cluster.connect_only(&[(1, 2), (2, 3), (3, 4), (4, 5)]);
        somebody_is_chosen_and_stays(&mut cluster);
        let (leader, _) = cluster.leader().expect("just seen");
        assert!((2..=4).contains(&leader), "seed {seed}: {leader} reaches no quorum");
    }
}

/// Howard & Abraham, first case: the leader keeps one follower, which keeps everybody. A follower
/// that does not hear the leader would, without pre-vote, raise the term again and again.
#[test]
fn howard_and_abraham_a_leader_that_one_follower_still_hears_gives_way() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 4);
        cluster.connect_only(&[(4, 5), (5, 1), (5, 2), (5, 3)]);
        is_chosen_and_stays(&mut cluster, 5);
    }
}

/// Howard & Abraham, second case: with pre-vote a leader without a quorum keeps a follower that is
/// needed for another's quorum bound for ever. The lease lets it go.
#[test]
fn howard_and_abraham_a_leader_without_a_quorum_binds_nobody() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 4);
        cluster.connect_only(&[(4, 2), (4, 5), (2, 1), (2, 3), (2, 5)]);
        cluster.cut(4, 5);
        cluster.run_for(bound());
        somebody_is_chosen_and_stays(&mut cluster);
        assert!(leads(&cluster, 2), "seed {seed}: only 2 reaches a quorum");
    }
}

#[test]
fn a_deaf_leader_steps_down_and_is_replaced() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 1);
        (2..=5).for_each(|other| cluster.cut_one_way(other, 1));
        cluster.run_for(bound());
        somebody_is_chosen_and_stays(&mut cluster);
        assert!(!leads(&cluster, 1), "seed {seed}: it hears nobody");
    }
}

#[test]
fn a_mute_leader_steps_down_and_is_replaced() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 1);
        (2..=5).for_each(|other| cluster.cut_one_way(1, other));
        cluster.run_for(bound());
        somebody_is_chosen_and_stays(&mut cluster);
        assert!(!leads(&cluster, 1), "seed {seed}: nobody hears it");
    }
}

#[test]
fn a_deaf_follower_disturbs_nobody() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 1);
        (1..=4).for_each(|other| cluster.cut_one_way(other, 5));
        stays(&mut cluster, 1);
        cluster.heal();
        stays(&mut cluster, 1);
    }
}

#[test]
fn a_follower_that_does_not_hear_the_leader_disturbs_nobody() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 1);
        cluster.cut_one_way(1, 5);
        stays(&mut cluster, 1);
        cluster.cut(1, 5);
        stays(&mut cluster, 1);
    }
}

#[test]
fn a_node_that_was_cut_off_or_restarted_comes_back_quietly() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 1);
        (1..=4).for_each(|other| cluster.cut(5, other));
        stays(&mut cluster, 1);
        cluster.heal();
        stays(&mut cluster, 1);
        cluster.crash(5);
        cluster.restart(5);
        stays(&mut cluster, 1);
    }
}

#[test]
fn in_a_directed_ring_nobody_leads_and_healing_it_is_enough() {
    for seed in SEEDS {
        let mut cluster = led_by(seed, 5, 1);
        for (from, to) in cluster.pairs() {
            cluster.link(from, to, to == from % 5 + 1);
        }
        cluster.run_for(Duration::from_secs(10));
        assert_eq!(cluster.leader(), None, "seed {seed}: nobody reaches a quorum both ways");
        cluster.heal();
        somebody_is_chosen_and_stays(&mut cluster);
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
        let changes = cluster.news().iter().filter(|news| !news.elected).count();
        assert!(changes <= 3, "seed {seed}: {changes} changes of leadership");
    }
}
