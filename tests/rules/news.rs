//! What the host is told: each piece of news once, or at growing intervals; and refusals that are true.

use quorate::message::Denial;
use quorate::{Event, Input, Rejection, RoleKind, Unfit, Urgency};

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];

/// Lets the node ask until `end`. Voter 3 denies every pre-vote because its data reach further, and further.
/// Returns when the host was told.
fn told_behind(node: &mut Node, end: u64) -> Vec<u64> {
    let mut told = Vec::new();
    while node.due() <= end {
        let (now, out) = (node.due(), node.tick_at(node.due()));
        if sent(&out).iter().any(|(to, _)| *to == 3) {
            let denial = Denial::PositionBehind(at_index(100 + now));
            let out = node.hear(now, 3, deny(&to(&out, 3), denial));
            told.extend(
                events(&out).iter().filter(|event| matches!(event, Event::Behind { .. })).map(|_| now),
            );
        }
    }
    told
}

/// Rule 4.4 (a): a voter denies in each round, and the host need not hear of each.
#[test]
fn a_node_says_at_growing_intervals_that_it_is_behind() {
    let mut node = Node::fresh(1, &THREE);
    let told = told_behind(&mut node, 600_000);
    let pauses: Vec<u64> = told.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses[0] >= 10 * LIMIT, "{pauses:?}");
    assert!(pauses[..3].windows(2).all(|pair| pair[1] > pair[0]), "{pauses:?}");
    assert!(told.len() < 16, "{told:?}");
    // It has caught up with what it was told of, and falls behind once more.
    node.step(Input::SetPosition(at_index(1_000_000)));
    node.step(Input::SetPosition(at_index(1)));
    let since = node.due();
    assert!(told_behind(&mut node, since + LIMIT).len() == 1);
}

/// A denial is hearsay about a moment that is over when a leader is followed, or when a long time has passed.
#[test]
fn a_denial_is_shown_no_longer_than_it_may_be_true() {
    let mut node = Node::fresh(1, &THREE);
    let asked = node.tick_at(node.due());
    let now = sent_at(&asked, 2);
    node.hear(now, 2, deny(&to(&asked, 2), Denial::Bound { to: Some(holds(3, 1)), remaining: ns(LIMIT) }));
    assert_eq!(node.status().rumoured_leader(), Some(holds(3, 1)));
    let mut late = node.clone();
    late.tick_at(now + 4 * LIMIT + 1);
    assert_eq!(late.status().last_denial, None);
    node.hear(now + 1, 2, heartbeat(2, 1));
    assert_eq!((node.status().last_denial, node.status().rumoured_leader()), (None, None));
}

/// Rules 6.1 and 8.2 (f): node 2 has committed the membership, and the first reply of node 3 is on its way.
#[test]
fn a_new_leader_calls_no_member_silent_that_had_no_time_to_answer() {
    let begin = || {
        let (mut node, beats) = elected(1, &THREE);
        let now = sent_at(&beats, 2);
        node.hear(now, 2, accept(&to(&beats, 2)).priority(0));
        assert!(node.is_committed());
        (node, now)
    };
    let (mut node, now) = begin();
    for successor in [Some(3), None] {
        assert_eq!(trace(&node.clone().resign(now, successor, Urgency::WhenReady)), "");
    }
    assert!(!trace(&node.clone().reconfigure(now, &[1, 3], &[])).contains("rejected"));

    // After one promise node 3 is silent indeed.
    while node.due() <= now + PROMISE {
        let (at, beats) = (node.due(), node.tick_at(node.due()));
        if sent(&beats).iter().any(|(to, _)| *to == 2) {
            node.hear(at, 2, accept(&to(&beats, 2)).priority(0));
        }
    }
    assert_eq!(node.role(), RoleKind::Leader);
    let silent = Rejection::UnfitSuccessor { successor: 3, reason: Unfit::Silent };
    let at = now + PROMISE;
    assert_eq!(node.clone().resign(at, Some(3), Urgency::WhenReady), [quorate::Output::Rejected(silent)]);
    assert_eq!(trace(&node.clone().resign(at, None, Urgency::WhenReady)), "rejected");
    assert_eq!(trace(&node.reconfigure(at, &[1, 3], &[])), "rejected");
}
