//! Rule 6.6: takeovers in favour of a member that does not lead for long.

use quorate::message::{Claim, Order};
use quorate::{Input, Priority};

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];

/// Node 2, which leads because node 3 lost leadership a second after it was elected with this claim, and the time at
/// which that happened.
fn led_after_a_short_leadership(claim: Claim<u64>) -> (Node, u64) {
    let mut node = Node::fresh(2, &THREE);
    node.hear(0, 1, heartbeat(1, 1).rank(1));
    node.hear(200, 3, vote(2, 1).claim(claim));
    for (round, at) in (2..).zip((200..1_200).step_by(HEARTBEAT as usize)) {
        node.hear(at, 3, heartbeat(2, round).rank(0));
    }
    let asked = node.campaign(&[1]);
    let now = sent_at(&asked, 1);
    let beats = node.win(now, &[1], &asked);
    node.accepted(now, &[1, 3], &beats);
    (node, now)
}

/// Whether a heartbeat names its receiver as the successor.
fn names_successor(beat: &Msg) -> bool {
    matches!(heartbeat_of(beat).order, Order::Prepare { .. })
}

/// Lets the leader lead until `until`. Node 1 accepts every heartbeat, and node 3, of priority 9, accepts those for
/// which `is_well`. Returns when node 3 is named.
fn named_at(node: &mut Node, until: u64, is_well: impl Fn(u64) -> bool) -> Option<u64> {
    while node.due() <= until {
        let (now, out) = (node.due(), node.tick_at(node.due()));
        for (follower, beat) in sent(&out) {
            match follower {
                3 if names_successor(beat) => return Some(now),
                3 if is_well(now) => drop(node.hear(now, 3, accept(beat).priority(9))),
                3 => {}
                _ => drop(node.hear(now, follower, accept(beat))),
            }
        }
    }
    None
}

/// After how many takeover delays since `since` a node 3 that is always well is named.
fn delays_until_named((mut node, since): (Node, u64)) -> u64 {
    let named = named_at(&mut node, since + 50_000, |_| true).unwrap() - since;
    assert!(named % TAKEOVER_DELAY <= 4 * HEARTBEAT, "{named}");
    named / TAKEOVER_DELAY
}

#[test]
fn a_voter_of_a_handover_remembers_that_the_leadership_was_short() {
    assert_eq!(delays_until_named(led_after_a_short_leadership(released(1, 1))), 2);
    // Without that claim it was elected because the leader was gone, which is no takeover.
    assert_eq!(delays_until_named(led_after_a_short_leadership(Claim::Own)), 1);
}

#[test]
fn an_unsteady_member_has_to_be_fit_without_a_break() {
    let (node, since) = led_after_a_short_leadership(released(1, 1));
    let stalls = |at: u64| (at - since) % 6_000 > 300;
    assert_eq!(named_at(&mut node.clone(), since + 300_000, stalls), None);
    let until = since + 60_000;
    let is_well = |at: u64| at > until || stalls(at);
    let named = named_at(&mut node.clone(), since + 300_000, is_well).unwrap();
    assert!((until + 4_000..until + 2 * TAKEOVER_DELAY).contains(&named), "{named}");
}

#[test]
fn a_leader_of_priority_0_hands_over_to_an_unsteady_member_if_there_is_no_other() {
    let (mut node, since) = led_after_a_short_leadership(released(1, 1));
    named_at(&mut node, since + 1_000, |_| true);
    let mut alone = node.clone();
    let out = node.step_at(since + 1_001, Input::SetPriority(Priority(0)));
    assert!(names_successor(&to(&out, 1)), "it prefers the other");

    let beats = alone.tick_at(alone.due());
    let now = sent_at(&beats, 1);
    alone.hear(now, 1, accept(&to(&beats, 1)).priority(0));
    alone.hear(now, 3, accept(&to(&beats, 3)).priority(9));
    let out = alone.step_at(now, Input::SetPriority(Priority(0)));
    assert!(names_successor(&to(&out, 3)));
}

/// Nothing is left of a leadership that began with a handover once it has lasted for 32 takeover delays.
#[test]
fn a_trial_ends_when_the_leadership_has_been_long() {
    let follow = |claim: Claim<u64>, until: u64| {
        let mut node = Node::fresh(2, &THREE);
        node.hear(0, 1, heartbeat(1, 1).rank(1));
        node.hear(200, 3, vote(2, 1).claim(claim));
        for (round, at) in (2..).zip((200..until).step_by(HEARTBEAT as usize)) {
            node.hear(at, 3, heartbeat(2, round).rank(0));
        }
        node
    };
    let is_remembered = |until| {
        let (trial, twin) = (follow(released(1, 1), until), follow(Claim::Own, until));
        trial.election() != twin.election()
    };
    let end = 200 + 32 * TAKEOVER_DELAY;
    assert!(is_remembered(end - LIMIT));
    assert!(!is_remembered(end + 11 * LIMIT));
}
