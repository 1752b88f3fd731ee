//! Rules 4.9 and 4.10: the early pre-vote of the follower of rank 0, and the vote that it reserves.

use quorate::message::{Denial, Order};
use quorate::{Config, HardState, Input, Priority, RoleKind, Timing};

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];
/// The time at which the promises to a heartbeat of time 0 end.
const END: u64 = PROMISE;

/// Node 3, which has followed node 1 since time 0 and has rank 0.
fn of_rank_0() -> Node {
    let mut node = Node::fresh(3, &THREE);
    node.hear(0, 1, heartbeat(1, 1).rank(0));
    node
}

/// Node 3 after it has begun its early pre-vote, and its requests.
fn asking() -> (Node, Outputs) {
    let mut node = of_rank_0();
    assert_eq!(node.due(), END - RETRY);
    let asked = node.tick_at(END - RETRY);
    assert_eq!(trace(&asked), "pre-vote 1, pre-vote 2");
    assert_eq!((node.role(), node.leader()), (RoleKind::Follower, Some(leads(1, 1))), "it follows");
    (node, asked)
}

fn bound_for(remaining: u64) -> Denial<u64> {
    Denial::Bound { to: Some(holds(1, 1)), remaining: ns(remaining) }
}

/// Rules 4.9 and 4.10: before its election deadline the node has both its pre-votes and its reserved vote.
#[test]
fn the_follower_of_rank_0_campaigns_at_its_deadline_without_another_pre_vote_or_write() {
    let (mut node, asked) = asking();
    let out = node.hear(END - RETRY + 4, 2, deny(&to(&asked, 2), bound_for(RETRY - 2)));
    assert_eq!(trace(&out), "persist");
    let state = persisted(&out).unwrap();
    assert_eq!((state.term, state.voted_for), (term(2), Some(3)));
    assert_eq!((node.term(), node.leader()), (term(1), Some(leads(1, 1))), "the node stays in its term");
    let out = node.tick_at(END);
    assert_eq!((trace(&out).as_str(), node.term()), ("vote 1, vote 2, leader", term(2)));
}

/// Rule 4.9: the node asks at 130, a voter that is free at 155 replies at once, and the node campaigns at
/// 155.
#[test]
fn a_candidate_waits_for_a_voter_that_is_free_a_little_later() {
    let (mut node, asked) = asking();
    let soon = node.hear(END - RETRY + 10, 2, deny(&to(&asked, 2), bound_for(RETRY)));
    assert_eq!(trace(&soon), "persist");
    assert_eq!(
        trace(&node.tick_at(END)),
        "pre-vote 1, leader",
        "a voter that has replied is not asked again"
    );
    assert_eq!(node.due(), END + 5, "counted from halfway between request and reply");
    assert!(trace(&node.tick_at(END + 5)).starts_with("vote 1, vote 2"));
}

/// Rule 4.9: a voter that is bound for long has heard the leader since.
#[test]
fn a_voter_that_is_bound_for_long_is_asked_again_at_the_deadline() {
    let (mut node, asked) = asking();
    assert_eq!(node.hear(END - RETRY + 2, 2, deny(&to(&asked, 2), bound_for(RETRY + 1))), []);
    assert_eq!(trace(&node.tick_at(END)), "pre-vote 1, pre-vote 2, leader");
}

/// Rule 4.9: a heartbeat shows that the leader is alive, so it ends the early pre-vote.
#[test]
fn a_heartbeat_ends_an_early_pre_vote() {
    let (mut node, asked) = asking();
    node.hear(END - RETRY + 2, 1, heartbeat(1, 2).rank(0));
    assert_eq!(node.hear(END - RETRY + 2, 2, grant(&to(&asked, 2), 0)), [], "too late");
    assert_eq!(node.due(), END - RETRY + 2 + PROMISE - RETRY);
    let again = node.tick_at(node.due());
    assert!(to(&again, 2).header().round > to(&asked, 2).header().round, "a new round");
}

/// Rule 4.9: with any lengths, a heartbeat is overdue when the early pre-vote begins.
#[test]
fn with_a_short_promise_the_early_pre_vote_begins_a_short_time_before_the_deadline() {
    let mut node = Node::fresh(3, &THREE);
    node.hear(0, 1, heartbeat(1, 1).rank(0).asking(40));
    assert_eq!(node.due(), 30, "a quarter of the promise before its end");
}

/// Rule 4.9: the round trip passes while the promise does, as far as heartbeats are overdue.
#[test]
fn where_round_trips_are_long_the_early_pre_vote_begins_when_two_heartbeats_are_overdue() {
    let first_timer = |heartbeat_interval| {
        let timing = Timing { retry_interval: ms(80), heartbeat_interval, ..config(3).timing };
        let first = HardState::bootstrap(CLUSTER, THREE).unwrap();
        let mut node = Node::new(Config { timing, ..config(3) }, first, 0);
        node.hear(0, 1, heartbeat(1, 1).rank(0));
        node.due()
    };
    assert_eq!(first_timer(ms(20)), END - 80, "a retry interval before the deadline");
    assert_eq!(first_timer(ms(40)), 100, "two and a half intervals after the heartbeat");
    assert_eq!(first_timer(ms(60)), END * 3 / 4, "a quarter of the promise before its end");
}

/// Rule 4.9: after a pause of the process the replies are too old to count.
#[test]
fn an_early_pre_vote_of_long_ago_is_repeated() {
    let (mut node, asked) = asking();
    let late = END - RETRY + 2 * RETRY + 1;
    let again = node.tick_at(late);
    assert_eq!(trace(&again), "pre-vote 1, pre-vote 2, leader");
    assert!(to(&again, 2).header().round > to(&asked, 2).header().round, "a new round");
    assert_eq!(node.hear(late, 2, grant(&to(&asked, 2), 0)), [], "too late");
}

/// Rules 4.9 and 4.10: the host does not tick while it writes the reserved vote.
#[test]
fn an_early_pre_vote_outlasts_the_write_of_the_vote_that_it_won() {
    let (mut node, asked) = asking();
    assert_eq!(trace(&node.hear(END - RETRY + 2, 2, grant(&to(&asked, 2), 0))), "persist");
    assert_eq!(trace(&node.tick_at(END + 100)), "vote 1, vote 2, leader");
}

/// Node 3, which has followed node 1 since time 0 and has rank 1, after node 2 has asked for a pre-vote.
fn asked_at(now: u64) -> Node {
    let mut node = Node::fresh(3, &THREE);
    node.hear(0, 1, heartbeat(1, 1).rank(1));
    node.hear(now, 2, pre_vote(1, 1).version(1, 1));
    node
}

/// Rule 4.1 (d): a follower that has been asked at the end of its promise gives the one that asks time to
/// write, and a heartbeat ends the wait.
#[test]
fn a_follower_that_is_asked_early_waits_for_the_write_of_the_successor() {
    let at = END - 2 * RETRY;
    let mut node = asked_at(at);
    assert_eq!(trace(&node.tick_at(END)), "leader");
    assert_eq!(node.due(), at + LIMIT / 3 + STAGGER);
    assert_eq!(trace(&node.tick_at(node.due())), "pre-vote 1, pre-vote 2");
    let mut led = asked_at(at);
    led.hear(at + 1, 1, heartbeat(1, 2).rank(1));
    led.tick_at(at + 1 + END);
    assert_eq!(led.due(), at + 1 + END + STAGGER);
}

/// Rule 4.1 (b) and (d): a pre-vote of any other time moves no deadline.
#[test]
fn a_pre_vote_moves_no_deadline_but_at_the_end_of_the_promise() {
    for at in [END - 2 * RETRY - 1, END] {
        let mut node = asked_at(at);
        node.tick_at(END);
        assert_eq!(node.due(), END + STAGGER, "asked at {at}");
    }
    let mut first = of_rank_0();
    first.hear(END - RETRY, 2, pre_vote(1, 1).version(1, 1));
    assert_eq!(trace(&first.tick_at(END)), "pre-vote 1, pre-vote 2, leader", "rank 0 does not wait");
}

/// Rule 4.9: followers of a higher rank wait for their election deadline.
#[test]
fn only_the_follower_of_rank_0_asks_early() {
    let mut node = Node::fresh(3, &THREE);
    node.hear(0, 1, heartbeat(1, 1).rank(1));
    assert_eq!(trace(&node.tick_at(END)), "leader");
    let asked = node.tick_at(END + STAGGER);
    let denial = deny(&to(&asked, 2), bound_for(1));
    assert_eq!(node.hear(END + STAGGER, 2, denial), [], "a bound voter does not count either");
    assert_eq!(trace(&node.tick_at(END + STAGGER + 1)), "pre-vote 2", "it is asked when it is free");
}

/// A named successor that has reserved its vote of term 2.
fn reserved() -> Node {
    let mut node = Node::fresh(3, &THREE);
    let asked = node.hear(0, 1, heartbeat(1, 1).rank(0).order(PREPARE));
    assert_eq!(trace(&node.hear(0, 2, grant(&to(&asked, 2), 0))), "persist, yes 1");
    node
}

/// Rules 1.1 and 4.10: the vote of the next term is given to the node itself before that term begins.
#[test]
fn a_reserved_vote_is_not_given_to_another() {
    let mut node = reserved();
    let due = END + RETRY;
    assert_eq!(denied(&node.hear(due, 2, vote(2, 1).version(1, 1)), 2), Denial::AlreadyVoted);
    let mut later = reserved();
    assert_eq!(
        granted(&later.hear(due, 2, vote(3, 1).version(1, 1)), 2),
        LIMIT,
        "the vote of a later term is free"
    );
}

/// Rule 4.10 (c): the reply to a pre-vote says in which term the vote can be had.
#[test]
fn a_voter_that_has_reserved_its_vote_offers_that_of_the_term_after() {
    let mut node = reserved();
    let asked = pre_vote(1, 1).version(1, 1);
    let bound = node.hear(END - RETRY, 2, asked.clone());
    assert!(matches!(denied(&bound, 2), Denial::Bound { .. }));
    assert_eq!(to(&bound, 2).header().term, term(2));
    let free = node.hear(END + LIMIT, 2, asked.clone());
    assert_eq!((granted(&free, 2), to(&free, 2).header().term), (0, term(2)));
    let later = node.hear(END + LIMIT, 2, asked.clone().in_term(2));
    assert_eq!((granted(&later, 2), to(&later, 2).header().term), (0, term(1)), "term 3 is free anyway");
    node.step(Input::SetPosition(at_index(1)));
    let behind = node.hear(END + LIMIT, 2, asked);
    assert_eq!(denied(&behind, 2), Denial::PositionBehind(at_index(1)));
    assert_eq!(to(&behind, 2).header().term, term(1), "no term is adopted from a reservation");
}

/// Rule 4.10 (c): of three voters, one that has reserved its vote of term 2 is won in term 3, at the election
/// deadline as well as before, and the asker never adopts term 2.
#[test]
fn a_candidate_skips_the_term_whose_vote_is_reserved() {
    let (mut early, asked) = asking();
    let denial = deny(&to(&asked, 2), bound_for(RETRY - 2)).in_term(2);
    assert_eq!(early.hear(END - RETRY + 4, 2, denial), [], "the vote of term 2 is of no use");
    let out = early.tick_at(END);
    assert_eq!((trace(&out).as_str(), early.term()), ("persist, vote 1, vote 2, leader", term(3)));

    let mut late = Node::fresh(3, &THREE);
    late.hear(0, 1, heartbeat(1, 1).rank(1));
    let asked = late.tick_at(END + STAGGER);
    let denial = deny(&to(&asked, 2), bound_for(1)).in_term(2);
    assert_eq!((late.hear(END + STAGGER, 2, denial), late.term()), (vec![], term(1)));
    let asked = late.tick_at(END + STAGGER + 1);
    let out = late.hear(END + STAGGER + 1, 2, grant(&to(&asked, 2), 0).in_term(2));
    assert_eq!((trace(&out).as_str(), late.term()), ("persist, vote 1, vote 2", term(3)));
}

/// Rule 4.10 (c): a quorum of voters whose votes of the next term are free needs no other.
#[test]
fn no_term_is_skipped_for_a_voter_that_is_not_needed() {
    let mut node = Node::fresh(3, &[1, 2, 3, 4, 5]);
    node.hear(0, 1, heartbeat(1, 1).rank(0));
    let asked = node.tick_at(END - RETRY);
    node.hear(END - RETRY, 2, grant(&to(&asked, 2), 0));
    assert_eq!(trace(&node.hear(END - RETRY, 4, grant(&to(&asked, 4), 0))), "persist");
    node.hear(END - RETRY, 5, grant(&to(&asked, 5), 0).in_term(2));
    assert_eq!(
        (trace(&node.tick_at(END)).as_str(), node.term()),
        ("vote 1, vote 2, vote 4, vote 5, leader", term(2))
    );
}

/// Rules 4.10 (c) and 6.2: a named successor that needs the vote of a voter that has reserved it is ready for
/// the term after that, and campaigns there.
#[test]
fn a_successor_skips_the_term_whose_vote_is_reserved() {
    let mut node = Node::fresh(3, &THREE);
    let asked = node.hear(0, 1, heartbeat(1, 1).rank(0).order(PREPARE));
    assert_eq!(trace(&node.hear(0, 2, grant(&to(&asked, 2), 0).in_term(2))), "yes 1", "ready");
    let out = node.hear(5, 1, heartbeat(1, 2).rank(0).order(Order::Campaign).asking(0));
    assert_eq!((trace(&out).as_str(), node.term()), ("yes 1, persist, vote 1, vote 2, leader", term(3)));
}

/// Rules 1.1 and 4.10: a voter whose disk holds its vote already need not write before it denies it.
#[test]
fn a_reserved_vote_is_denied_without_another_write() {
    let mut node = reserved();
    let out = node.hear(END + LIMIT, 2, vote(2, 1).version(1, 1));
    assert_eq!((denied(&out, 2), persisted(&out), node.term()), (Denial::AlreadyVoted, None, term(2)));
    assert_eq!((node.durable().term, node.voted_for()), (term(2), Some(3)));
}

/// Rules 1.6 and 4.10: after a restart the reserved vote counts as given.
#[test]
fn after_a_restart_a_reserved_vote_is_given() {
    let mut node = reserved();
    let state =
        persisted(&node.hear(1, 1, heartbeat(1, 2).carrying(members(version(1, 1), &THREE)))).unwrap();
    assert_eq!((state.term, state.voted_for), (term(2), Some(3)), "a later write does not take it back");
    let mut restarted = Node::new(config(3), state, 0);
    restarted.tick_at(LIMIT);
    assert_eq!(denied(&restarted.hear(LIMIT, 2, vote(2, 1).version(1, 1)), 2), Denial::AlreadyVoted);
}

/// Rule 4.10: a successor has written its vote before the order to campaign comes.
#[test]
fn a_successor_that_has_said_ready_campaigns_without_a_write() {
    let mut node = reserved();
    let out = node.hear(5, 1, heartbeat(1, 2).rank(0).order(Order::Campaign).asking(0));
    assert_eq!((trace(&out).as_str(), node.term()), ("yes 1, vote 1, vote 2, leader", term(2)));
}

/// Rules 4.9 and 4.10: a leader that replies is alive, and needs the reply to its heartbeat sooner than a
/// write of the follower would end.
#[test]
fn a_leader_that_replies_does_not_count_as_free_soon() {
    let (mut node, asked) = asking();
    let denial = bound_for(RETRY - 2);
    assert_eq!(node.hear(END - RETRY + 1, 1, deny(&to(&asked, 1), denial)), [], "nothing is written");
    assert_eq!(trace(&node.tick_at(END)), "pre-vote 1, pre-vote 2, leader");
    node.hear(END + 1, 1, deny(&to(&asked, 1), denial));
    assert_eq!((node.tick_at(END + RETRY).len(), node.role()), (2, RoleKind::PreCandidate), "nor later");
}

/// Rule 4.9: a node that may not lead any more reserves no vote.
#[test]
fn a_node_that_may_not_lead_any_more_drops_its_early_pre_vote() {
    let (mut node, asked) = asking();
    assert_eq!(node.step(Input::SetPriority(Priority(0))), []);
    assert_eq!(node.hear(END - RETRY + 4, 2, deny(&to(&asked, 2), bound_for(1))), []);
}

/// A former leader whose lease has lapsed and that has rank 0 now, and the end of its promise. By rule 4.8
/// its election deadline is later than that.
fn lapsed() -> (Node, u64) {
    let (mut node, beats) = elected(3, &THREE);
    node.accepted(sent_at(&beats, 1), &[1, 2], &beats);
    let lapsed = node.lease_end();
    node.tick_at(lapsed);
    assert_eq!(node.role(), RoleKind::Follower);
    node.hear(lapsed + 1, 1, heartbeat(2, 1).rank(0).carrying(members(version(2, 1), &THREE)));
    (node, lapsed + 1 + PROMISE)
}

/// Rules 4.2 and 4.9: pre-votes of one term do not count in another one.
#[test]
fn an_early_pre_vote_ends_with_its_term() {
    let (mut node, free) = lapsed();
    node.tick_at(free);
    let asked = node.tick_at(node.due());
    assert_eq!((trace(&asked).as_str(), node.role()), ("pre-vote 1, pre-vote 2", RoleKind::Follower));
    let now = sent_at(&asked, 2);
    node.hear(now, 2, grant(&to(&asked, 2), 0));
    node.step(Input::SetPosition(at_index(9)));
    let out = node.hear(now, 2, vote(9, 1).version(2, 1));
    assert_eq!(denied(&out, 2), Denial::PositionBehind(at_index(9)));
    let asked = node.tick_at(node.due());
    assert_eq!((trace(&asked).as_str(), node.term()), ("pre-vote 1, pre-vote 2", term(9)));
}

/// Rules 1.1 and 4.10: a node that could still give its vote of the current term must be able to write it.
#[test]
fn no_vote_is_reserved_while_that_of_the_current_term_is_free() {
    let (mut node, free) = lapsed();
    node.step(Input::SetPosition(at_index(9)));
    node.hear(free, 2, vote(9, 1).version(2, 1));
    assert_eq!(node.term(), term(9), "its vote of that term is not given");
    let asked = node.tick_at(node.due());
    assert_eq!((trace(&asked).as_str(), node.role()), ("pre-vote 1, pre-vote 2", RoleKind::Follower));
    assert_eq!(node.hear(sent_at(&asked, 2), 2, grant(&to(&asked, 2), 0)), []);
    let out = node.hear(sent_at(&asked, 2), 2, vote(9, 2).version(2, 1).position(9));
    assert_eq!((persisted(&out).unwrap().term, persisted(&out).unwrap().voted_for), (term(9), Some(2)));
}
