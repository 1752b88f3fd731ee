//! Snapshots are judged by the time at which they are made, and not by that of the last step.

use std::time::Duration;

use quorate::adapters::counters::ElectionCounters;
use quorate::adapters::metrics::{Metrics, NotReady};
use quorate::{Leader, Timing};
use quorate_sim::ManualNetwork;

const MS: Duration = Duration::from_millis(1);

/// Three nodes that 1 has led for a while.
fn trio() -> ManualNetwork {
    let mut network = ManualNetwork::new(3, Timing::lan());
    network.elect(1);
    network.run(2_000 * MS);
    network
}

/// What `node` shows `later` than its last step.
fn metrics(network: &ManualNetwork, node: u64, later: Duration) -> Metrics<u64> {
    let status = network.node(node).status();
    let now = status.now.saturating_add(later);
    Metrics::new(status, ElectionCounters::new(now), now)
}

#[test]
fn a_leader_whose_lease_has_ended_since_does_not_lead_in_its_metrics() {
    let network = trio();
    let leading = metrics(&network, 1, Duration::ZERO);
    let lease = leading.lease_left();
    assert!(leading.is_leader() && lease > Duration::ZERO);
    assert_eq!(leading.leader().map(|leader| leader.id), Some(1));
    assert_eq!((leading.voters_that_may_fail(), leading.quorum_heard_ago()), (Some(1), Some(Duration::ZERO)));
    assert_eq!(leading.readiness(), Ok(()));

    let before = metrics(&network, 1, lease - MS);
    assert!(before.is_leader() && before.lease_left() == MS);
    let stuck = metrics(&network, 1, lease);
    assert_eq!((stuck.is_leader(), stuck.leader(), stuck.lease_left()), (false, None, Duration::ZERO));
    assert_eq!((stuck.voters_that_may_fail(), stuck.readiness()), (None, Err(NotReady::NoLeader)));
    assert_eq!(stuck.quorum_heard_ago(), Some(lease), "of the two others one is needed");
}

#[test]
fn a_follower_whose_promise_has_ended_since_knows_no_leader_in_its_metrics() {
    let network = trio();
    let following = metrics(&network, 2, Duration::ZERO);
    let Some(Leader { id: 1, .. }) = following.leader() else { panic!("{:?}", following.leader()) };
    assert_eq!((following.voters_that_may_fail(), following.lease_left()), (None, Duration::ZERO));
    assert!(following.quorum_heard_ago().is_some_and(|ago| ago < 60 * MS), "the leader");
    let bound_for = following.status.promise.map(|promise| promise.remaining).unwrap();
    assert!(metrics(&network, 2, bound_for - MS).leader().is_some());
    let stuck = metrics(&network, 2, bound_for);
    assert_eq!((stuck.leader(), stuck.readiness()), (None, Err(NotReady::NoLeader)));
}

#[test]
fn a_leader_says_how_many_voters_may_still_fail() {
    let mut network = ManualNetwork::new(5, Timing::lan());
    network.elect(1);
    network.run(1_000 * MS);
    let mut dead = vec![];
    for left in [2, 1, 0] {
        assert_eq!(metrics(&network, 1, Duration::ZERO).voters_that_may_fail(), Some(left));
        dead.push(5 - dead.len() as u64);
        for _ in 0..2_000 {
            network.lose(|mail| dead.contains(&mail.from) || dead.contains(&mail.to));
            network.settle();
            network.pass(MS);
        }
    }
    assert_eq!(metrics(&network, 1, Duration::ZERO).voters_that_may_fail(), None, "it leads no longer");
}

#[test]
fn a_node_that_has_restarted_is_not_ready_until_its_quarantine_is_over() {
    let mut network = trio();
    network.restart(2);
    let left = network.node(2).status().quarantine_left;
    assert!(left > 400 * MS);
    let quarantined = metrics(&network, 2, Duration::ZERO);
    assert_eq!(quarantined.readiness(), Err(NotReady::Quarantined { left }));
    network.run(left - MS);
    let _ = network.tick(2);
    let leader = metrics(&network, 2, Duration::ZERO).leader();
    assert_eq!(leader.map(|leader| leader.id), Some(1), "a leader alone is not enough");
    assert_eq!(metrics(&network, 2, Duration::ZERO).readiness(), Err(NotReady::Quarantined { left: MS }));
    network.run(MS);
    let _ = network.tick(2);
    assert_eq!(metrics(&network, 2, Duration::ZERO).readiness(), Ok(()));
}

#[test]
fn a_node_that_recovers_what_it_has_forgotten_is_not_ready() {
    let mut network = trio();
    network.forget(2, &[1, 2, 3]);
    assert_eq!(metrics(&network, 2, Duration::ZERO).readiness(), Err(NotReady::Recovering));
    network.run(5_000 * MS);
    assert_eq!(metrics(&network, 2, Duration::ZERO).readiness(), Ok(()));
}
