//! Groups without any storage: all found them, some forget, and all found them again. Rules 9.6 to 9.10.

use std::collections::BTreeSet;

use quorate::{Life, Output, Rejection, RoleKind};

use crate::prelude::*;

const LIMIT: Duration = Duration::from_millis(450);
const THREE: [u64; 3] = [1, 2, 3];
/// After so long a group that has lost its quorum is founded again, and led.
const FOUNDED_AGAIN: Duration = Duration::from_millis(20 * 450);

/// Founders 1 to `founders`, led by 1, and the later nodes up to `last`, which wait to be added.
fn founded(founders: u64, last: u64) -> ManualNetwork {
    let mut network = ManualNetwork::without_storage(founders, Timing::lan());
    let list: Vec<u64> = (1..=founders).collect();
    run(&mut network, LIMIT + 10 * MS, |_| false);
    (founders + 1..=last).for_each(|node| network.forget(node, &list));
    network.elect(1);
    run(&mut network, 1_000 * MS, |_| false);
    network
}

/// Changes the voters to these, under the leader that there is.
#[track_caller]
fn change(network: &mut ManualNetwork, voters: &[u64]) {
    let leader = network.leader().expect("a leader");
    let _ = network.step(leader, reconfigure(voters.iter().copied(), []));
    run(network, 3_000 * MS, |_| false);
    let leader = network.leader().expect("a leader");
    assert_eq!(network.node(leader).membership().voters(), voters);
}

#[track_caller]
fn assert_refused(network: &mut ManualNetwork, voters: &[u64]) {
    let leader = network.leader().expect("a leader");
    let out = network.step(leader, reconfigure(voters.iter().copied(), []));
    assert!(matches!(out[..], [Output::Rejected(Rejection::TooFewFounders { .. })]), "{voters:?}: {out:?}");
}

/// The lives of the groups in which these nodes take part.
fn lives(network: &ManualNetwork, nodes: &[u64]) -> BTreeSet<Life> {
    nodes.iter().map(|&node| network.node(node).life()).collect()
}

/// The terms of all elections, in order.
fn terms(network: &ManualNetwork) -> Vec<Term> {
    let won = |(_, event): &(u64, Event<u64>)| match event {
        Event::Elected { term } => Some(*term),
        _ => None,
    };
    network.events.iter().filter_map(won).collect()
}

/// Schedule BLOCK. If {1, 2, 3} could become {1, 4, 5}, the founders could forget and found another group, while 4 and
/// 5 are a quorum of the former one. Both would elect a leader. Rule 9.9.
#[test]
fn the_founders_and_the_others_do_not_both_elect_a_leader() {
    let mut network = founded(3, 5);
    change(&mut network, &[1, 2, 3, 4, 5]);
    assert_refused(&mut network, &[1, 4, 5]);
    change(&mut network, &[1, 2, 4, 5]);
    assert_refused(&mut network, &[1, 4, 5]);
    let before = terms(&network).into_iter().max();
    THREE.iter().for_each(|&founder| network.forget(founder, &THREE));
    run(&mut network, FOUNDED_AGAIN, |mail| THREE.contains(&mail.from) != THREE.contains(&mail.to));
    let leader = network.leader().expect("a new group");
    assert!(THREE.contains(&leader) && Some(network.node(leader).term()) > before);
    assert_eq!(network.node(leader).membership().voters(), THREE);
    run(&mut network, FOUNDED_AGAIN, |_| false);
    assert_eq!(lives(&network, &[1, 2, 3, 4, 5]).len(), 1, "4 and 5 have given the former group up");
}

/// A leader stays a voter until all others are removed. {1, 5} has a founder in each quorum, {1, 4, 5} on the way there
/// has not. Rule 9.9.
#[test]
fn a_leader_refuses_a_target_that_it_could_not_leave() {
    let mut network = founded(3, 5);
    change(&mut network, &[1, 2, 3, 4, 5]);
    network.elect(4);
    assert_refused(&mut network, &[1, 5]);
    network.elect(1);
    change(&mut network, &[1, 5]);
}

/// {1, 2, 3, 4, 5}, founded by the first three. If both 2 and 3 left, {4, 5} would be a quorum of the rest. Rule 9.9.
#[test]
fn two_founders_whose_wishes_together_leave_too_few_do_not_stop_a_change_of_members() {
    let mut network = founded(3, 6);
    change(&mut network, &[1, 2, 3, 4, 5]);
    for founder in [2, 3] {
        let _ = network.step(founder, Input::Leave);
    }
    let before = network.events.len();
    let _ = network.step(1, reconfigure([1, 2, 3, 4, 5], [6]));
    run(&mut network, 3_000 * MS, |_| false);
    let is_reached =
        |(node, event): &(u64, Event<u64>)| *node == 1 && matches!(event, Event::TargetReached { .. });
    assert!(network.events[before..].iter().any(is_reached), "{:?}", network.node(1).membership());
}

/// All have forgotten but a founder that was removed. It never campaigns, and would keep the others waiting for ever.
/// Rule 9.10.
#[test]
fn a_founder_that_was_removed_does_not_keep_the_others_from_founding_again() {
    let mut network = founded(3, 3);
    change(&mut network, &[1, 2]);
    assert_eq!(network.events.last(), Some(&(3, Event::LeaderChanged { leader: None })));
    for founder in [1, 2] {
        network.forget(founder, &THREE);
    }
    run(&mut network, FOUNDED_AGAIN, |_| false);
    assert!(network.leader().is_some());
    assert_eq!(network.node(3).membership().voters(), THREE);
    assert_eq!(lives(&network, &THREE).len(), 1);
}

/// Node 4 was never a member, so it does not campaign, and no blank node asks it: it was cut off while the group was
/// founded again. The first heartbeat of the new leader tells it. Rule 9.10.
#[test]
fn a_node_that_never_campaigns_finds_out_that_its_group_was_founded_again() {
    let mut network = founded(3, 4);
    THREE.iter().for_each(|&founder| network.forget(founder, &THREE));
    run(&mut network, FOUNDED_AGAIN, involves(4));
    assert_eq!(lives(&network, &[1, 2, 3, 4]).len(), 2);
    let leader = network.leader().expect("the new group is led");
    let _ = network.step(leader, reconfigure(THREE, [4]));
    run(&mut network, FOUNDED_AGAIN, |_| false);
    assert_eq!(lives(&network, &[1, 2, 3, 4]).len(), 1);
    assert_eq!(network.node(4).membership().learners(), [4]);
}

/// Node 1 was just elected, and nobody has acknowledged its version, when the others forget. Rule 9.10.
#[test]
fn a_leader_that_gives_its_group_up_tells_of_no_membership_before_the_next_one() {
    let mut network = ManualNetwork::without_storage(3, Timing::lan());
    run(&mut network, LIMIT, |_| false);
    while network.nodes.values().any(|node| node.role() == RoleKind::Recovering) {
        let _ = THREE.map(|node| network.tick(node));
        network.deliver(|mail| !matches!(mail.message.body(), Body::VoteRequest(_)));
        network.now += MS / 10;
    }
    network.mail.clear();
    let _ = network.step(1, Input::Campaign);
    for _ in 0..2 {
        network.deliver(|mail| mail.from == 1);
        network.deliver(|mail| mail.to == 1);
    }
    assert_eq!(network.node(1).role(), RoleKind::Leader);
    network.mail.clear();
    [2, 3].iter().for_each(|&founder| network.forget(founder, &THREE));
    run(&mut network, FOUNDED_AGAIN, |_| false);
    let own: Vec<_> = network.events.iter().filter(|(node, _)| *node == 1).map(|(_, event)| event).collect();
    let lost = own.iter().position(|event| matches!(event, Event::QuorumLost { .. })).expect("it notices");
    assert!(matches!(own[lost + 1], Event::Recovered { .. }), "{own:?}");
}

/// Whatever is forgotten, one node after the other or all at once, the group is led again in time, and terms grow.
#[test]
fn terms_grow_whoever_forgets() {
    let mut network = founded(3, 3);
    for round in 0..10_u64 {
        let forgetful: Vec<u64> = (1..=3).filter(|node| round >> (node - 1) & 1 == 1).collect();
        forgetful.iter().for_each(|&node| network.forget(node, &THREE));
        run(&mut network, FOUNDED_AGAIN, |_| false);
        let leader = network.leader().expect("a leader");
        assert!(network.nodes.values().all(|node| node.leader().is_some_and(|known| known.id == leader)));
        assert!(network.nodes.values().all(|node| node.role() != RoleKind::Recovering));
    }
    assert!(terms(&network).is_sorted_by(|earlier, later| earlier < later), "{:?}", terms(&network));
}
