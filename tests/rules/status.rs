//! The status that an operator sees.

use crate::support::*;

const FIVE: [u64; 5] = [1, 2, 3, 4, 5];

/// A quorum is reachable if it was heard within the long promise, this node included, or if there is a
/// leader.
#[test]
fn a_quorum_is_reachable_while_it_is_heard_or_there_is_a_leader() {
    let mut node = Node::fresh(3, &FIVE);
    let reaches = |node: &Node| node.status().quorum_reachable;
    let present = |node: &Node| (node.status().present_voters, node.status().quorum);
    assert!(!reaches(&node));
    node.hear(5, 1, pre_vote(0, 1));
    assert!(!reaches(&node), "two of five");
    assert_eq!(present(&node), (2, 3));
    node.hear(7, 2, pre_vote(0, 1));
    assert!(reaches(&node));
    assert_eq!(present(&node), (3, 3));
    node.tick_at(5 + LIMIT);
    assert!(reaches(&node));
    node.tick_at(6 + LIMIT);
    assert!(!reaches(&node), "1 was heard too long ago");
    assert_eq!(present(&node), (2, 3));
    node.hear(1_000, 2, heartbeat(1, 2));
    assert!(reaches(&node), "there is a leader");
    assert_eq!(present(&node), (2, 3), "of which a follower hears little");
}

#[test]
fn a_leader_shows_the_progress_of_each_member_and_a_follower_shows_none() {
    let mut node = leader(1, &[1, 2, 3]);
    let beats = node.tick_at(HEARTBEAT);
    node.hear(HEARTBEAT + 1, 3, accept(&to(&beats, 3)).position(4).priority(2));
    node.tick_at(2 * HEARTBEAT);
    let shown = node.status().members[2].follower.clone().unwrap();
    assert_eq!(
        (shown.position, shown.priority.0, shown.bound_for),
        (at_index(4), 2, ms(LIMIT - 2 * HEARTBEAT))
    );
    assert_eq!((shown.acknowledged, shown.leaving, shown.rank), (true, false, Some(0)));
    assert_eq!(Node::fresh(2, &[1, 2, 3]).status().members[2].follower, None);
}

/// Rule 7.3: a membership is committed once a quorum has acknowledged it, and a restart that has not
/// stored the commit learns of it again.
#[test]
fn a_node_says_which_group_it_is_of_and_whether_its_membership_is_committed() {
    let (mut node, beats) = elected(1, &FIVE);
    assert_eq!((node.cluster(), node.is_committed()), (CLUSTER, false));
    let now = sent_at(&beats, 2);
    node.accepted(now, &[2], &beats);
    assert!(!node.is_committed(), "two of five");
    node.accepted(now, &[3], &beats);
    assert!(node.is_committed());
    assert!(!node.durable().committed && !node.restarted(now).is_committed());
}

/// Rule 1.1: the vote that is shown is that of the term that is shown.
#[test]
fn the_vote_of_the_term_is_shown() {
    let mut node = Node::fresh(3, &FIVE);
    assert_eq!((node.term(), node.status().voted_for), (term(0), None));
    node.hear(1, 1, vote(1, 1));
    assert_eq!((node.term(), node.status().voted_for), (term(1), Some(1)));
    node.step(quorate::Input::SetPosition(at_index(9)));
    node.hear(1 + LIMIT, 2, vote(2, 1));
    assert_eq!((node.term(), node.status().voted_for), (term(2), None), "its data do not reach far enough");
}
