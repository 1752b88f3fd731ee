//! Section 2 of the rules: promises.

use quorate::message::{Claim, Denial, Order};
use quorate::{Input, PromiseHolder, Rejection, RoleKind};

use crate::support::*;

const NOT_BOUND_ANY_MORE: &str = "the promise is over";

/// Whether `node` is not bound to another node than `asker` at `now`, for a vote of a much later term.
fn free_for(node: &Node, now: u64, asker: u64) -> bool {
    let mut node = node.clone();
    let out = node.hear(now, asker, vote(90, 1).version(9, 9));
    !matches!(answered(&out, asker), quorate::message::Answer::Denied(Denial::Bound { .. }))
}

/// Rule 2.1. Thesis §6.4.1: the promises of followers keep every other node from winning.
#[test]
fn a_bound_voter_grants_neither_vote_nor_pre_vote_to_another() {
    for bind in [heartbeat(1, 1), vote(1, 1).asking(PROMISE)] {
        let mut voter = Node::fresh(3, &[1, 2, 3]);
        voter.hear(10, 1, bind);
        let last = 10 + PROMISE - 1;
        for request in [vote(2, 1), pre_vote(1, 1)] {
            let bound = Denial::Bound { to: Some(holds(1, 1)), remaining: ns(1) };
            assert_eq!(denied(&voter.clone().hear(last, 2, request.clone()), 2), bound);
            let out = voter.clone().hear(last + 1, 2, request);
            assert!(
                matches!(answered(&out, 2), quorate::message::Answer::Granted(_)),
                "{NOT_BOUND_ANY_MORE}"
            );
        }
        assert!(free_for(&voter, last, 1), "a promise does not bind against its holder");
    }
}

/// Rule 2.1: a promise keeps the promising node itself from campaigning.
#[test]
fn a_bound_voter_does_not_campaign() {
    let mut voter = Node::fresh(1, &[1, 2, 3]);
    voter.hear(0, 2, heartbeat(1, 1).rank(0));
    assert_eq!(voter.due(), PROMISE);
    assert_eq!(voter.tick_at(PROMISE - 1), []);
    let rejected = voter.step(Input::Campaign);
    assert_eq!(
        rejected,
        [quorate::Output::Rejected(Rejection::Bound { holder: Some(holds(2, 1)), remaining: ms(1) })]
    );
    assert_eq!(voter.role(), RoleKind::Follower);
    assert_eq!(trace(&voter.tick_at(PROMISE)), "pre-vote 2, pre-vote 3, leader");
}

/// Rule 2.1: the promise counts from the receipt, never from the sender's `sent_at`.
#[test]
fn a_promise_counts_from_its_receipt() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    voter.hear(1_000, 1, heartbeat(1, 1).at(1));
    assert!(!free_for(&voter, 1_000 + PROMISE - 1, 2));
    assert!(free_for(&voter, 1_000 + PROMISE, 2));
}

/// Rules 2.1 and 2.3: a reading of a clock of 10 ms may be behind the time by as much, so the voter is bound for 10
/// more on its clock, and for what it promised in truth. That goes for votes, for heartbeats on both paths, and for
/// forgotten promises.
#[test]
fn a_voter_with_a_coarse_clock_is_bound_for_one_resolution_more() {
    let mut coarse = config(3);
    coarse.timing.clock_resolution = ms(10);
    let fresh = Node::new(coarse, first_state(&[1, 2, 3]), 0);
    for bind in [heartbeat(1, 1), vote(1, 1).asking(PROMISE)] {
        let mut voter = fresh.clone();
        assert_eq!(granted(&voter.hear(20, 1, bind), 1), PROMISE);
        assert!(!free_for(&voter, 20 + PROMISE + 9, 2));
        assert!(free_for(&voter, 20 + PROMISE + 10, 2));
        voter.hear(30, 1, heartbeat(1, 2).rank(0).version(1, 1));
        voter.hear(40, 1, heartbeat(1, 3).rank(0).version(1, 1));
        assert!(!free_for(&voter, 40 + PROMISE + 9, 2));
        assert!(free_for(&voter, 40 + PROMISE + 10, 2));
        let restarted = Node::new(coarse, voter.durable().clone(), 50);
        assert!(!free_for(&restarted, 50 + LIMIT + 9, 2));
        assert!(free_for(&restarted, 50 + LIMIT + 10, 2));
    }
    let mut voter = fresh;
    voter.hear(20, 1, heartbeat(1, 1));
    voter.hear(20, 1, heartbeat(1, 2).asking(0));
    assert!(free_for(&voter, 20, 2), "a heartbeat that asks for zero ends the promise all the same");
}

/// Rule 2.2: a later, shorter promise leaves the longer one in force.
#[test]
fn a_shorter_promise_to_the_same_leader_does_not_shorten_a_longer_one() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    voter.hear(0, 1, vote(1, 1));
    assert_eq!(granted(&voter.hear(10, 1, heartbeat(1, 2).asking(1)), 1), 1);
    assert!(!free_for(&voter, LIMIT - 1, 2), "the promise of the vote is still in force");
    voter.hear(10, 1, heartbeat(2, 3).asking(1));
    assert!(!free_for(&voter, LIMIT - 1, 2), "the same holds in a later term");
    assert!(free_for(&voter, LIMIT, 2));
}

/// Rule 2.2: the holder of a promise may release it.
#[test]
fn a_zero_promise_releases_from_its_own_leader_only() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    voter.hear(0, 1, heartbeat(5, 1).asking(LIMIT));
    voter.hear(5, 2, heartbeat(4, 1).asking(0));
    voter.hear(5, 1, heartbeat(4, 9).asking(0));
    assert!(!free_for(&voter, 10, 2), "another node, another term");
    let mut rival = voter.clone();
    rival.hear(5, 2, heartbeat(5, 1).asking(0));
    assert!(!free_for(&rival, 10, 2), "another node in that term");
    voter.hear(10, 1, heartbeat(5, 2).asking(0));
    assert_eq!(voter.leader(), None);
    assert!(free_for(&voter, 10, 2));
}

/// Rule 2.2: when a later leader leads, the lease of the earlier one has ended.
#[test]
fn a_later_leader_replaces_the_promise_to_an_earlier_one() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    voter.hear(0, 1, heartbeat(1, 1).asking(LIMIT));
    voter.hear(10, 2, heartbeat(2, 1));
    assert_eq!(
        voter.status().promise.map(|promise| (promise.holder, promise.remaining)),
        Some((holds(2, 2), ms(PROMISE)))
    );
    assert!(!free_for(&voter, 10 + PROMISE - 1, 1));
    assert!(free_for(&voter, 10 + PROMISE, 1));
}

/// Rule 2.3: no heartbeat ends the quarantine early, not even one with promise 0 or an order to campaign.
#[test]
fn no_message_ends_the_quarantine_of_a_restart_early() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    voter.hear(0, 2, vote(1, 1));
    let fresh = voter.restarted(1_000);
    let free = 1_000 + LIMIT;
    assert_eq!(fresh.due(), free + 2 * STAGGER);
    assert_eq!(fresh.status().quarantine_left, ms(LIMIT));

    let mut voter = fresh.clone();
    let out = voter.hear(1_001, 2, vote(1, 2));
    let bound = Denial::Bound { to: None, remaining: ns(LIMIT - 1) };
    assert_eq!(
        denied(&out, 2),
        bound,
        "a restarted node does not know its leader, which may be another node than the one that asks"
    );

    for (round, last) in
        [heartbeat(1, 1), heartbeat(1, 1).asking(0), heartbeat(1, 1).asking(0).order(Order::Campaign)]
            .into_iter()
            .enumerate()
    {
        let mut voter = fresh.clone();
        voter.hear(1_002, 1, last.round(10 + round as u64).rank(0));
        assert_eq!(voter.role(), RoleKind::Follower);
        assert!(!free_for(&voter, free - 1, 2));
        voter.hear(free - 1, 2, vote(3, 1).claim(Claim::Handover { leader: 1, term: term(2) }));
        assert_eq!(voter.term(), term(1), "a vote request with a release does not end it either");
        let mut early = voter.clone();
        early.tick_at(free - 1);
        assert_ne!(early.step(Input::Campaign), []);
        assert_eq!(early.role(), RoleKind::Follower);
        assert!(free_for(&voter, free, 2));
    }
}

/// Rule 2.3: a node that has never taken part in a term has promised nothing.
#[test]
fn a_first_start_is_under_no_quarantine() {
    assert!(free_for(&Node::fresh(3, &[1, 2, 3]), 0, 2));
}

/// Rule 2.4: a node promises no length that it would not remember after a restart.
#[test]
fn a_voter_grants_no_more_than_is_durable() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    let out = voter.hear(0, 1, heartbeat(1, 1).asking(10 * LIMIT));
    assert_eq!(persisted(&out).unwrap().promised, ms(LIMIT));
    assert_eq!(trace(&out), "persist, yes 1, leader", "durable first");
    assert_eq!(granted(&out, 1), LIMIT, "the node's own limit");

    // The node is started again with a higher limit. The durable one is in force until the next write.
    let saved = voter.durable().clone();
    let mut timing = config(3).timing;
    timing.promise_limit = ms(1_000);
    let mut voter = Node::new(quorate::Config { timing, ..config(3) }, saved, 0);
    let out = voter.hear(LIMIT, 1, heartbeat(1, 1).asking(1_000));
    assert_eq!((persisted(&out), granted(&out, 1)), (None, LIMIT));
    let out = voter.hear(LIMIT, 1, heartbeat(2, 2).asking(1_000));
    assert_eq!((persisted(&out).unwrap().promised, granted(&out, 1)), (ms(1_000), 1_000));
}

/// Rule 2.4: a promise that was given before the limit was lowered may last beyond another restart.
#[test]
fn a_lower_limit_does_not_shorten_what_is_remembered() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    assert_eq!(granted(&voter.hear(0, 1, heartbeat(1, 1).asking(LIMIT)), 1), LIMIT);
    let mut timing = config(3).timing;
    timing.promise_limit = ms(PROMISE);
    let mut voter = Node::new(quorate::Config { timing, ..config(3) }, voter.durable().clone(), 10);
    let out = voter.hear(20, 1, heartbeat(2, 2).asking(LIMIT));
    assert_eq!((persisted(&out).unwrap().promised, granted(&out, 1)), (ms(LIMIT), PROMISE));
    assert!(!free_for(&voter.restarted(30), LIMIT - 1, 2), "the first promise lasts until {LIMIT}");
}

/// Rule 2.5: of several reasons for a denial, the promise is the one that is given.
#[test]
fn the_promise_is_tested_before_anything_else() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    voter.hear(0, 1, heartbeat(3, 1).carrying(members(version(3, 2), &[1, 2, 3])));
    voter.step(Input::SetPosition(at_index(9)));
    for request in [vote(1, 1), vote(7, 2)] {
        let out = voter.hear(0, 2, request);
        assert!(matches!(denied(&out, 2), Denial::Bound { to: Some(PromiseHolder { id: 1, .. }), .. }));
        assert_eq!((persisted(&out), voter.term()), (None, term(3)));
    }
}

/// Rule 2.5: a candidate that is told of the promise knows that nothing else stands in its way.
#[test]
fn the_promise_is_tested_after_everything_else_in_a_pre_vote() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    voter.hear(0, 1, heartbeat(3, 1).carrying(members(version(3, 2), &[1, 2, 3])));
    voter.step(Input::SetPosition(at_index(9)));
    let mut ask = |request: Msg| denied(&voter.hear(0, 2, request), 2);
    assert_eq!(ask(pre_vote(2, 1).version(3, 2).position(9)), Denial::StaleTerm);
    assert_eq!(ask(pre_vote(3, 2).version(3, 1).position(9)), Denial::StaleMembership);
    assert_eq!(ask(pre_vote(3, 3).version(3, 2).position(8)), Denial::PositionBehind(at_index(9)));
    assert!(matches!(
        ask(pre_vote(3, 4).version(3, 2).position(9)),
        Denial::Bound { to: Some(PromiseHolder { id: 1, .. }), .. }
    ));
}

/// Rule 2.6: the rounds of pre-votes are not checked, since a restarted sender's rounds begin again in the
/// same term.
#[test]
fn every_pre_vote_gets_a_reply_and_binds_no_voter() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    for round in [5, 5, 1, 0] {
        assert_eq!(granted(&voter.hear(0, 1, pre_vote(0, round)), 1), 0);
    }
    assert_eq!(granted(&voter.hear(0, 2, pre_vote(0, 1)), 2), 0);
}

/// Rule 2.7: a request of an equal round is not newer.
#[test]
fn a_replayed_or_late_request_does_not_bind_again() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    voter.hear(0, 1, heartbeat(1, 5));
    for late in [heartbeat(1, 5), heartbeat(1, 4), vote(1, 5), vote(1, 4)] {
        assert_eq!(voter.hear(100, 1, late), []);
    }
    assert!(free_for(&voter, PROMISE, 2));

    let mut voter = Node::fresh(3, &[1, 2, 3]);
    voter.hear(0, 1, vote(1, 5));
    assert_eq!(voter.hear(100, 1, vote(1, 5)), []);
    assert!(free_for(&voter, LIMIT, 2));
    assert_eq!(granted(&voter.hear(100, 1, vote(1, 6)), 1), LIMIT);
    assert!(!free_for(&voter, LIMIT, 2), "a newer request binds again");
}

/// Rule 2.7: rounds belong to a sender and a term.
#[test]
fn rounds_are_compared_within_one_term_of_one_sender() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    assert_eq!(granted(&voter.hear(0, 1, heartbeat(1, 50)), 1), PROMISE);
    assert_eq!(granted(&voter.hear(0, 1, heartbeat(2, 1)), 1), PROMISE, "a restarted sender, elected again");
    assert_eq!(granted(&voter.hear(0, 2, heartbeat(3, 1)), 2), PROMISE, "another sender");
    assert_eq!(denied(&voter.hear(0, 1, heartbeat(1, 51)), 1), Denial::StaleTerm);
    assert_eq!(
        voter.hear(0, 2, heartbeat(3, 1)),
        [],
        "a denied request of one sender leaves the rounds of another"
    );
}

/// Rule 2.7: the rounds belong to a node's id, and not to its index among the members.
#[test]
fn a_replayed_request_does_not_bind_again_after_the_members_changed() {
    let mut voter = Node::fresh(3, &[2, 3, 4]);
    voter.hear(0, 4, heartbeat(1, 50).version(0, 1));
    let grown = members(version(1, 2), &[1, 2, 3, 4]);
    assert_eq!(granted(&voter.hear(1, 4, heartbeat(1, 51).carrying(grown)), 4), PROMISE);
    for round in [50, 51] {
        assert_eq!(voter.hear(100, 4, heartbeat(1, round).version(1, 2)), []);
        assert_eq!(voter.hear(100, 4, vote(1, round).version(1, 2)), []);
    }
    assert!(free_for(&voter, 1 + PROMISE, 2));
}

/// Rule 2.7: one counter numbers the requests of every kind, and an election win does not reset it.
#[test]
fn rounds_strictly_increase_over_everything_a_process_sends() {
    let mut node = Node::fresh(1, &[1, 2, 3]);
    let mut all: Vec<u64> = Vec::new();
    let mut collect = |outputs: &Outputs| {
        let mut rounds: Vec<u64> =
            sent(outputs).iter().map(|(_, message)| message.header().round.0).collect();
        rounds.dedup();
        all.extend(rounds);
    };
    collect(&node.tick_at(0));
    let asked = node.tick_at(RETRY);
    collect(&asked);
    let votes = node.hear(RETRY, 2, grant(&to(&asked, 2), 0));
    collect(&votes);
    collect(&node.tick_at(2 * RETRY));
    let beats = node.win(2 * RETRY, &[2], &votes);
    collect(&beats);
    for now in [100, 150, 200] {
        collect(&node.tick_at(now));
    }
    all.dedup();
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{all:?}");
    assert!(all.len() >= 6, "{all:?}");
}

/// Rule 2.2: a leader whose promise was released or has ended does not lead any more. An ordinary vote for
/// that node makes it a candidate, and not the leader.
#[test]
fn a_vote_for_a_former_leader_does_not_report_it_as_leader_again() {
    let mut released = Node::fresh(3, &[1, 2, 3]);
    released.hear(0, 1, heartbeat(1, 1));
    let bound = released.clone();
    released.hear(1, 1, heartbeat(1, 2).asking(0));
    for (mut voter, now) in [(released, 2), (bound.clone(), PROMISE), (bound.clone(), 2)] {
        assert_eq!(granted(&voter.hear(now, 1, vote(2, 3)), 1), LIMIT);
        assert_eq!(voter.leader(), None);
        voter.hear(now, 1, heartbeat(2, 4));
        assert_eq!(voter.leader(), Some(leads(1, 2)));
    }
    let mut renewing = bound;
    renewing.hear(2, 1, vote(2, 3).claim(Claim::Renewal));
    assert_eq!(renewing.leader(), Some(leads(1, 1)), "a leader that renews leads its old term");
}

/// Rule 2.7: the round of a node is remembered when that node becomes a member.
#[test]
fn a_replayed_request_does_not_bind_a_new_member_again() {
    let mut newcomer = Node::new(config(3), quorate::HardState::joining(CLUSTER), 0);
    let first = heartbeat(1, 5).carrying(members(version(1, 2), &[1, 2, 3]));
    assert_eq!(granted(&newcomer.hear(0, 2, first.clone()), 2), PROMISE);
    assert_eq!(newcomer.hear(100, 2, first), []);
    assert_eq!(granted(&newcomer.hear(101, 1, vote(2, 4).version(1, 2).claim(released(2, 1))), 1), LIMIT);
}

/// Rule 2.7: a voter remembers the round of one node that is no member, and of no more, so memory stays
/// bounded.
#[test]
fn a_request_of_a_node_that_is_no_member_counts_once_and_does_not_affect_another_such_node() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    let newer = |round| vote(1, round).version(1, 2);
    assert_eq!(granted(&voter.hear(0, 8, newer(5)), 8), LIMIT);
    assert_eq!(voter.hear(100, 8, newer(5)), []);
    assert!(matches!(denied(&voter.hear(100, 9, newer(4)), 9), Denial::Bound { .. }));
    assert_eq!(voter.hear(100, 9, newer(4)), []);
}
