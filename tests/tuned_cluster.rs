//! Promises tuned to the network (rule 3.6), in virtual time: the promises that a leader asks for, and
//! whether it keeps its leadership.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that overflows or panics has found something"
)]

use std::time::Duration;

use quorate::{HeartbeatTiming, Timing};
use quorate_sim::{Dice, FastCluster, MS, SECOND, Traffic};

const SHORTEST: Duration = ms(25);
const LONGEST: Duration = ms(150);
/// The shortest and the longest delay of a message on a quiet network.
const QUIET: (u64, u64) = (150_000, 350_000);
/// Within this time a leader on a quiet network goes from the longest promise to the shortest.
const MINUTE: u64 = 60 * SECOND;

const fn ms(length: u64) -> Duration {
    Duration::from_millis(length)
}

fn group(seed: u64, nodes: u64, timing: Timing) -> FastCluster {
    FastCluster::new(
        seed,
        nodes,
        timing,
        Traffic { delay: QUIET, loss: 0, oversleep: MS / 10, write: 10 * MS },
    )
}

fn tuned(seed: u64, nodes: u64) -> FastCluster {
    group(seed, nodes, Timing::tuned(SHORTEST, LONGEST))
}

fn heartbeat_timing(cluster: &FastCluster) -> HeartbeatTiming {
    cluster.leader().expect("a leader").1
}

/// Lets traffic with this delay and loss pass for `length`, and returns the leader's timing after it.
fn timing_after(cluster: &mut FastCluster, length: u64, delay: (u64, u64), loss: u32) -> HeartbeatTiming {
    (cluster.traffic.delay, cluster.traffic.loss) = (delay, loss);
    cluster.run_for(length);
    heartbeat_timing(cluster)
}

#[test]
fn on_a_quiet_network_a_leader_comes_down_slowly_to_the_shortest_promise() {
    for nodes in [2, 3, 5] {
        let mut cluster = tuned(1, nodes);
        assert!(
            timing_after(&mut cluster, 2 * SECOND, QUIET, 0).promise > ms(100),
            "it has measured for a short time only"
        );
        let HeartbeatTiming { promise, heartbeat_interval, .. } =
            timing_after(&mut cluster, MINUTE, QUIET, 0);
        assert_eq!(promise, SHORTEST, "{nodes} nodes");
        assert!(heartbeat_interval > ms(7) && heartbeat_interval < SHORTEST / 3, "{heartbeat_interval:?}");
        assert_eq!((cluster.tally.elections, cluster.tally.step_downs), (1, 0));
    }
}

#[test]
fn a_lone_leader_asks_for_the_longest_promise() {
    let mut cluster = tuned(1, 1);
    cluster.run_for(MINUTE);
    assert_eq!(
        (heartbeat_timing(&cluster).promise, heartbeat_timing(&cluster).heartbeat_interval),
        (LONGEST, LONGEST / 3)
    );
}

#[test]
fn fixed_lengths_do_not_depend_on_the_network() {
    let mut cluster = group(1, 3, Timing::lan());
    cluster.run_for(2 * SECOND);
    for (delay, loss) in [(QUIET, 0), ((8 * MS, 8 * MS), 0), ((MS, 8 * MS), 10_000)] {
        let timing = timing_after(&mut cluster, 10 * SECOND, delay, loss);
        assert_eq!(
            (timing.promise, timing.heartbeat_interval),
            (Timing::lan().promise, Timing::lan().heartbeat_interval)
        );
    }
}

/// Round trips suddenly take twenty times as long, but less than the shortest promise.
#[test]
fn slower_replies_lengthen_the_promise_at_once_and_quicker_ones_shorten_it_slowly() {
    let mut cluster = tuned(1, 3);
    cluster.run_for(MINUTE);
    let slow = timing_after(&mut cluster, 100 * MS, (5 * MS, 6 * MS), 0);
    assert!(slow.promise >= ms(40), "{:?} for round trips of 12 ms", slow.promise);
    let soon = timing_after(&mut cluster, SECOND, QUIET, 0);
    assert!(soon.promise * 10 >= slow.promise * 9, "{:?} after {:?}", soon.promise, slow.promise);
    assert_eq!(timing_after(&mut cluster, 2 * MINUTE, QUIET, 0).promise, SHORTEST);
    assert_eq!((cluster.tally.elections, cluster.tally.step_downs), (1, 0));
}

#[test]
fn a_jump_beyond_the_promise_costs_one_election() {
    for (seed, nodes, loss) in [(1, 3, 0), (2, 3, 10_000), (3, 5, 0), (4, 5, 10_000)] {
        let mut cluster = tuned(seed, nodes);
        cluster.run_for(MINUTE);
        let slow = timing_after(&mut cluster, MINUTE, (15 * MS, 35 * MS), loss);
        assert!(slow.promise > ms(120), "{:?} for round trips of 50 ms", slow.promise);
        let quick = timing_after(&mut cluster, 2 * MINUTE, QUIET, 0);
        assert!(quick.promise < ms(28), "seed {seed}: {:?}", quick.promise);
        assert_eq!((cluster.tally.elections, cluster.tally.step_downs), (2, 1), "seed {seed}");
    }
}

#[test]
fn losses_cause_more_heartbeats_and_the_leader_stays() {
    let mut cluster = tuned(1, 3);
    let clean = timing_after(&mut cluster, MINUTE, QUIET, 0);
    let some = timing_after(&mut cluster, 10 * SECOND, QUIET, 10_000);
    assert!(some.heartbeat_interval * 3 < clean.heartbeat_interval * 2, "{some:?}");
    assert!(some.promise < ms(35), "{some:?}");
    let many = timing_after(&mut cluster, 20 * SECOND, QUIET, 100_000);
    assert!(many.promise > ms(45) && many.promise > many.heartbeat_interval * 10, "{many:?}");
    let most = timing_after(&mut cluster, 20 * SECOND, QUIET, 300_000);
    assert!(most.promise < ms(90), "{most:?}");
    assert_eq!((cluster.tally.elections, cluster.tally.step_downs), (1, 0));
}

/// Every few seconds the network pauses for much longer than the shortest promise.
#[test]
fn a_recurring_pause_of_the_network_lengthens_the_promise() {
    for seed in 0..10 {
        let mut cluster = tuned(seed, 3);
        for _ in 0..40 {
            cluster.traffic.delay = (60 * MS, 60 * MS);
            cluster.run_for(30 * MS);
            cluster.traffic.delay = QUIET;
            cluster.run_for(4 * SECOND);
        }
        let promise = heartbeat_timing(&cluster).promise;
        assert!(promise > ms(45) && promise < ms(75), "seed {seed}: {promise:?}");
        assert_eq!(cluster.tally.step_downs, 0, "seed {seed}");
    }
}

#[test]
fn a_dead_follower_does_not_change_the_promise() {
    let mut cluster = tuned(1, 3);
    let before = timing_after(&mut cluster, MINUTE, QUIET, 0);
    let (leader, _) = cluster.leader().expect("a leader");
    cluster.crash(leader % 3 + 1);
    assert_eq!(timing_after(&mut cluster, SECOND, QUIET, 0).promise, before.promise);
    assert_eq!(cluster.tally.step_downs, 0);
}

/// The timing is checked after every event, on a network that changes at random.
#[test]
fn the_tuned_lengths_stay_within_their_bounds() {
    for seed in 0..20 {
        let (mut cluster, mut dice) = (tuned(seed, 3), Dice::new(!seed));
        for _ in 0..60 {
            let delay = dice.pick(&[100_000, MS, 10 * MS, 40 * MS, 200 * MS]);
            cluster.traffic.delay = (delay / 2, delay);
            cluster.traffic.loss = dice.pick(&[0, 0, 10_000, 300_000, 800_000]);
            cluster.traffic.oversleep = dice.pick(&[0, MS, 20 * MS]);
            let outside = |cluster: &FastCluster| {
                cluster.leader().is_some_and(|(_, timing)| {
                    let long = timing.promise == 3 * LONGEST;
                    let room = timing.promise / 2 >= timing.heartbeat_interval;
                    !long && (timing.promise < SHORTEST || timing.promise > LONGEST) || !room
                })
            };
            assert!(!cluster.run_till(2 * SECOND, outside), "seed {seed}: {:?}", heartbeat_timing(&cluster));
        }
    }
}
