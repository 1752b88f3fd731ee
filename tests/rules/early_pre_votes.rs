//! Rules 4.9 and 4.10: what the first in the succession does ahead of its turn.

use quorate::{Denial, Input, Order, Priority, RoleKind};

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];
/// When the promises of a heartbeat at time 0 end.
const END: u64 = PROMISE;

/// Node 3 follows node 1 since time 0 and comes first.
fn first() -> Node {
    let mut node = Node::fresh(3, &THREE);
    node.hear(0, 1, heartbeat(1, 1).rank(0));
    node
}

/// It has asked ahead of its turn: what.
fn asking() -> (Node, Outputs) {
    let mut node = first();
    assert_eq!(node.due(), END - RETRY);
    let asked = node.tick_at(END - RETRY);
    assert_eq!(trace(&asked), "pre-vote 1, pre-vote 2");
    assert_eq!((node.role(), node.leader()), (RoleKind::Follower, Some((1, term(1)))), "it follows");
    (node, asked)
}

fn bound_for(remaining: u64) -> Denial<u64> {
    Denial::Bound { to: Some((1, term(1))), remaining: ns(remaining) }
}

/// Rule 4.9: it knows what it needs when its turn comes. Rule 4.10: and has written what it has to.
#[test]
fn the_first_in_the_succession_stands_in_its_turn_without_another_question_or_write() {
    let (mut node, asked) = asking();
    let out = node.hear(END - RETRY + 4, 2, deny(&to(&asked, 2), bound_for(RETRY - 2)));
    assert_eq!(trace(&out), "persist");
    let state = persisted(&out).unwrap();
    assert_eq!((state.term, state.voted_for), (term(2), Some(3)));
    assert_eq!((node.term(), node.leader()), (term(1), Some((1, term(1)))), "it goes on in its term");
    let out = node.tick_at(END);
    assert_eq!((trace(&out).as_str(), node.term()), ("vote 1, vote 2, leader", term(2)));
}

/// Rule 4.9: asked at 130 and answered at once by one that is free at 155, it stands at 155.
#[test]
fn a_voter_that_is_free_a_little_later_is_waited_for() {
    let (mut node, asked) = asking();
    let soon = node.hear(END - RETRY + 10, 2, deny(&to(&asked, 2), bound_for(RETRY)));
    assert_eq!(trace(&soon), "persist");
    assert_eq!(trace(&node.tick_at(END)), "pre-vote 1, leader", "who has answered is not asked again");
    assert_eq!(node.due(), END + 5, "counted from halfway between question and answer");
    assert!(trace(&node.tick_at(END + 5)).starts_with("vote 1, vote 2"));
}

/// Rule 4.9: who is bound for long hears a leader.
#[test]
fn a_voter_that_is_bound_for_long_is_asked_again_in_turn() {
    let (mut node, asked) = asking();
    assert_eq!(node.hear(END - RETRY + 2, 2, deny(&to(&asked, 2), bound_for(RETRY + 1))), []);
    assert_eq!(trace(&node.tick_at(END)), "pre-vote 1, pre-vote 2, leader");
}

/// Rule 4.9: no question is left open behind a leader that is there after all.
#[test]
fn a_heartbeat_ends_what_was_asked_ahead() {
    let (mut node, asked) = asking();
    node.hear(END - RETRY + 2, 1, heartbeat(1, 2).rank(0));
    assert_eq!(node.hear(END - RETRY + 2, 2, grant(&to(&asked, 2), 0)), [], "too late");
    assert_eq!(node.due(), END - RETRY + 2 + PROMISE - RETRY);
    let again = node.tick_at(node.due());
    assert!(to(&again, 2).header.round > to(&asked, 2).header.round, "a new question");
}

/// Rule 4.9: heartbeats are overdue by then, whatever the lengths.
#[test]
fn a_short_promise_leaves_a_short_time_ahead() {
    let mut node = Node::fresh(3, &THREE);
    node.hear(0, 1, heartbeat(1, 1).rank(0).asking(40));
    assert_eq!(node.due(), 30, "a quarter of it");
}

/// Rule 4.9: answers from before a pause are old.
#[test]
fn what_was_asked_long_ago_is_asked_anew() {
    let (mut node, asked) = asking();
    node.hear(END - RETRY + 2, 2, grant(&to(&asked, 2), 0));
    let late = END - RETRY + 2 * RETRY + 1;
    assert_eq!(trace(&node.tick_at(late)), "pre-vote 1, pre-vote 2, leader");
}

/// Rule 4.9: the others wait for their turn.
#[test]
fn only_the_first_asks_ahead() {
    let mut node = Node::fresh(3, &THREE);
    node.hear(0, 1, heartbeat(1, 1).rank(1));
    assert_eq!(trace(&node.tick_at(END)), "leader");
    let asked = node.tick_at(END + STAGGER);
    let denial = deny(&to(&asked, 2), bound_for(1));
    assert_eq!(node.hear(END + STAGGER, 2, denial), [], "nor does it count on anybody");
    assert_eq!(trace(&node.tick_at(END + STAGGER + 1)), "pre-vote 1, pre-vote 2");
}

/// A node on trial that has reserved its vote of term 2.
fn reserved() -> Node {
    let mut node = Node::fresh(3, &THREE);
    let asked = node.hear(0, 1, heartbeat(1, 1).rank(0).order(Order::Prepare));
    assert_eq!(trace(&node.hear(0, 2, grant(&to(&asked, 2), 0))), "persist, yes 1");
    node
}

/// Rules 1.1 and 4.10: the vote of the next term is its own, before that term has begun.
#[test]
fn a_reserved_vote_is_not_given_to_another() {
    let mut node = reserved();
    let due = END + RETRY;
    assert_eq!(denied(&node.hear(due, 2, vote(2, 1).version(1, 1)), 2), Denial::AlreadyVoted);
    let mut later = reserved();
    assert_eq!(
        granted(&later.hear(due, 2, vote(3, 1).version(1, 1)), 2),
        LIMIT,
        "that of a later term is free"
    );
}

/// Rules 1.6 and 4.10: what was reserved is given after a restart.
#[test]
fn a_restart_finds_a_reserved_vote_given() {
    let mut node = reserved();
    let state =
        persisted(&node.hear(1, 1, heartbeat(1, 2).carrying(members(version(1, 1), &THREE)))).unwrap();
    assert_eq!((state.term, state.voted_for), (term(2), Some(3)), "a later write does not take it back");
    let mut restarted = Node::new(config(3), state, 0);
    restarted.tick_at(LIMIT);
    assert_eq!(denied(&restarted.hear(LIMIT, 2, vote(2, 1).version(1, 1)), 2), Denial::AlreadyVoted);
}

/// Rule 4.10: the order to campaign finds all written.
#[test]
fn a_successor_that_has_said_ready_follows_the_order_without_a_write() {
    let mut node = reserved();
    let out = node.hear(5, 1, heartbeat(1, 2).rank(0).order(Order::Campaign).asking(0));
    assert_eq!((trace(&out).as_str(), node.term()), ("yes 1, vote 1, vote 2, leader", term(2)));
}

/// Rules 4.9 and 4.10: a leader that answers is there, and needs the answer to its heartbeat sooner than a
/// write is done.
#[test]
fn a_leader_that_answers_does_not_count_as_about_to_be_free() {
    let (mut node, asked) = asking();
    let denial = bound_for(RETRY - 2);
    assert_eq!(node.hear(END - RETRY + 1, 1, deny(&to(&asked, 1), denial)), [], "nothing is written");
    assert_eq!(trace(&node.tick_at(END)), "pre-vote 1, pre-vote 2, leader");
    node.hear(END + 1, 1, deny(&to(&asked, 1), denial));
    assert_eq!((node.tick_at(END + RETRY).len(), node.role()), (2, RoleKind::PreCandidate), "nor later");
}

/// Rule 4.9: a node that has just been told not to lead writes nothing for it.
#[test]
fn who_may_no_longer_lead_has_no_use_for_what_it_asked_ahead() {
    let (mut node, asked) = asking();
    assert_eq!(node.step(Input::SetPriority(Priority(0))), []);
    assert_eq!(node.hear(END - RETRY + 4, 2, deny(&to(&asked, 2), bound_for(1))), []);
}

/// A leader whose lease has lapsed and that comes first now, and when its promise ends. It waits for longer
/// than that. Rule 4.8.
fn lapsed() -> (Node, u64) {
    let (mut node, beats) = elected(3, &THREE);
    node.accepted(sent_at(&beats, 1), &[1, 2], &beats);
    let lapsed = node.lease_end();
    node.tick_at(lapsed);
    assert_eq!(node.role(), RoleKind::Follower);
    node.hear(lapsed + 1, 1, heartbeat(2, 1).rank(0).carrying(members(version(2, 1), &THREE)));
    (node, lapsed + 1 + PROMISE)
}

/// Rules 4.2 and 4.9: what voters would do in one term says nothing of another.
#[test]
fn what_was_asked_ahead_is_over_with_its_term() {
    let (mut node, free) = lapsed();
    node.tick_at(free);
    let asked = node.tick_at(node.due());
    assert_eq!((trace(&asked).as_str(), node.role()), ("pre-vote 1, pre-vote 2", RoleKind::Follower));
    let now = sent_at(&asked, 2);
    node.hear(now, 2, grant(&to(&asked, 2), 0));
    node.step(Input::SetPosition(at_index(9)));
    let out = node.hear(now, 2, vote(9, 1).version(2, 1));
    assert_eq!(denied(&out, 2), Denial::PositionBehind(at_index(9)));
    let turn = node.tick_at(node.due());
    assert_eq!((trace(&turn).as_str(), node.term()), ("pre-vote 1, pre-vote 2", term(9)));
}

/// Rules 1.1 and 4.10: whoever could still give the vote of the present term must be able to write it.
#[test]
fn no_vote_is_reserved_while_that_of_the_present_term_is_free() {
    let (mut node, free) = lapsed();
    node.step(Input::SetPosition(at_index(9)));
    node.hear(free, 2, vote(9, 1).version(2, 1));
    assert_eq!(node.term(), term(9), "of which it has denied the vote, and not given it");
    let asked = node.tick_at(node.due());
    assert_eq!((trace(&asked).as_str(), node.role()), ("pre-vote 1, pre-vote 2", RoleKind::Follower));
    assert_eq!(node.hear(sent_at(&asked, 2), 2, grant(&to(&asked, 2), 0)), []);
    let out = node.hear(sent_at(&asked, 2), 2, vote(9, 2).version(2, 1).position(9));
    assert_eq!((persisted(&out).unwrap().term, persisted(&out).unwrap().voted_for), (term(9), Some(2)));
}
