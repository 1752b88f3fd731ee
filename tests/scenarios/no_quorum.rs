//! Groups that have lost their quorum: the nodes that are left send little, and find a quorum that is back.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::prelude::*;

const PROMISE: Duration = Duration::from_millis(150);
const HEARTBEAT: Duration = Duration::from_millis(50);

/// How many messages each node sends within `length`, while those that involve a node of `dead` are lost.
fn count_messages(network: &mut ManualNetwork, length: Duration, dead: &[u64]) -> BTreeMap<u64, u128> {
    let sent = RefCell::new(BTreeMap::new());
    run(network, length, |mail| {
        *sent.borrow_mut().entry(mail.from).or_default() += 1;
        dead.contains(&mail.from) || dead.contains(&mail.to)
    });
    sent.into_inner()
}

/// `n` nodes that node 1 has led, all of which but the last `alive` have been cut off for ten seconds. Returns
/// the nodes that are cut off, too.
fn without_a_quorum(n: u64, alive: u64) -> (ManualNetwork, Vec<u64>) {
    let mut network = ManualNetwork::new(n, Timing::lan());
    network.elect(1);
    network.run(Duration::from_secs(1));
    let dead: Vec<u64> = (1..=n - alive).collect();
    count_messages(&mut network, Duration::from_secs(10), &dead);
    (network, dead)
}

/// Rule 4.11: each of them sends less than a leader at rest, replies included.
#[test]
fn a_node_without_a_quorum_sends_no_more_than_a_leader_at_rest() {
    let cases = [3, 5, 51].into_iter().flat_map(|n| [(n, 1), (n, n / 2)]);
    for (n, alive) in cases {
        let (mut network, dead) = without_a_quorum(n, alive);
        let second = Duration::from_secs(1);
        let sent = count_messages(&mut network, second, &dead);
        let of_a_leader = u128::from(n - 1) * (second.as_nanos() / HEARTBEAT.as_nanos());
        for node in n - alive + 1..=n {
            let sent = sent.get(&node).copied().unwrap_or_default();
            println!("{alive} of {n}: node {node} sends {sent}, a leader {of_a_leader}");
            assert!(sent <= of_a_leader, "{alive} of {n} nodes: node {node} sends {sent} a second");
        }
    }
}

/// Rule 4.11: the one node that was missing for a quorum is back at any instant of a round. Some node campaigns,
/// which takes a quorum of pre-votes. With 51 nodes two of them may do so at one moment, and each needs all votes.
#[test]
fn a_quorum_that_is_back_is_found_within_one_promise() {
    for n in [3, 5, 51] {
        for wait in (0..150).step_by(13) {
            let (mut network, mut dead) = without_a_quorum(n, n / 2);
            count_messages(&mut network, wait * MS, &dead);
            dead.pop();
            count_messages(&mut network, PROMISE, &dead);
            let terms = network.nodes.values().map(|node| node.term());
            assert!(terms.max() > Some(Term(1)), "{n} nodes, back after another {wait} ms");
            let is_led = network.leader().is_some_and(|leader| !dead.contains(&leader));
            assert!(is_led || n > 5, "{n} nodes, back after another {wait} ms");
        }
    }
}
