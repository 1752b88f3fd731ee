//! Section 6 of the rules: which orders to campaign a node follows, and the limits of a handover.

use quorate::message::Order;
use quorate::{HardState, Input, Membership, Output, Priority, Rejection, RoleKind, Unfit, Urgency};

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];
const FIVE: [u64; 5] = [1, 2, 3, 4, 5];

fn order(of: u64) -> Msg {
    heartbeat(of, 9).version(1, 1).asking(0).order(Order::Campaign)
}

/// Rule 6.3: an order counts only from the leader that releases the node's promise with it.
#[test]
fn a_node_follows_an_order_to_campaign_only_from_the_leader_that_releases_its_promise() {
    let mut following = Node::fresh(2, &THREE);
    following.hear(0, 1, heartbeat(1, 1).carrying(members(version(1, 1), &THREE)));
    let after = |from, message| {
        let mut node = following.clone();
        node.hear(1, from, message);
        (node.role(), node.term())
    };
    assert_eq!(after(1, order(1)), (RoleKind::Candidate, term(2)));
    for (from, message) in [
        (1, order(1).asking(PROMISE)),
        (1, order(1).round(1)),
        (1, order(0)),
        (3, order(1)),
        (3, order(0)),
        (9, order(1)),
        (9, order(2)),
    ] {
        assert_eq!(after(from, message.clone()), (RoleKind::Follower, term(1)), "{from}: {message:?}");
    }
}

/// Rule 6.3: the node may have been a voter when the order was given.
#[test]
fn a_node_that_is_no_voter_does_not_follow_an_order_to_campaign() {
    let membership = Membership::new(version(1, 1), THREE.to_vec(), vec![4], 2).unwrap();
    let state = HardState { membership, term: term(1), ..first_state(&THREE) };
    let outsider = HardState { membership: members(version(1, 1), &THREE), ..state.clone() };
    for saved in [state, outsider, HardState::joining(CLUSTER)] {
        let mut node = Node::new(config(4), saved, 0);
        node.hear(0, 1, heartbeat(1, 1).version(1, 1));
        node.hear(1, 1, heartbeat(1, 2).version(1, 1).order(PREPARE));
        let out = node.hear(2, 1, order(1));
        assert!(!trace(&out).contains("vote"), "{}", trace(&out));
        for voter in THREE {
            node.hear(3, voter, grant(&vote(2, 1), LIMIT).in_term(1));
        }
        assert_eq!((node.role(), node.term()), (RoleKind::Follower, term(1)));
    }
}

/// Rule 6.1: a learner follows like a voter, but cannot be elected.
#[test]
fn a_learner_is_no_successor() {
    let membership = Membership::new(version(0, 1), vec![1], vec![2], 1).unwrap();
    let mut node = Node::new(config(1), HardState { membership, ..first_state(&[1]) }, 0);
    let beats = node.tick_at(0);
    node.hear(0, 2, accept(&to(&beats, 2)));
    assert!(node.status().committed);
    for (successor, rejection) in [
        (Some(2), Rejection::UnfitSuccessor { successor: 2, reason: Unfit::NotAVoter }),
        (None, Rejection::NoSuccessor { unfit: vec![] }),
    ] {
        assert_eq!(node.resign(1, successor, Urgency::WhenReady), [Output::Rejected(rejection)]);
    }
    let out = node.resign(1, None, Urgency::Now);
    assert!(trace(&out).starts_with("stepped-down"));
    assert_eq!(heartbeat_of(&to(&out, 2)).order, Order::Follow);
}

/// Rule 3.3: no request of the operator extends the lease, however often it comes.
#[test]
fn a_leader_that_is_asked_to_resign_again_and_again_steps_down_when_its_lease_ends() {
    let mut node = leader(1, &THREE);
    let end = node.lease_end();
    for now in 1..end {
        node.resign(now, Some(2 + now % 2), Urgency::WhenReady);
        assert_eq!((node.role(), node.lease_end()), (RoleKind::Leader, end), "at {now}");
    }
    let out = node.resign(end, Some(2), Urgency::WhenReady);
    assert!(trace(&out).starts_with("stepped-down, heartbeat 2, heartbeat 3"), "{}", trace(&out));
    assert_eq!(node.role(), RoleKind::Follower);
}

/// Rule 6.5: a leader considers a takeover after the commit, and only for a higher priority.
#[test]
fn a_takeover_waits_for_the_commit_and_is_not_tried_without_a_higher_priority() {
    let (mut node, beats) = elected(1, &FIVE);
    node.hear(1, 2, accept(&to(&beats, 2)));
    assert_eq!(node.step(Input::SetPriority(Priority(0))), []);
    assert_eq!(trace(&node.hear(2, 3, accept(&to(&beats, 3)))), "persist, installed, committed");
    let beats = node.tick_at(node.due());
    assert!(is_named(&to(&beats, 2)));

    let mut equals = leader(1, &THREE);
    while equals.due() < 3 * TAKEOVER_DELAY {
        let (now, beats) = (equals.due(), equals.tick_at(equals.due()));
        assert_eq!(events(&beats), []);
        equals.accepted(now, &[2, 3], &beats);
    }
}
