//! Section 5 of the rules: renewal, and the end of leadership.

use quorate::message::{Answer, Body, Claim, Denial};
use quorate::{Event, Input, RoleKind, StepDown, Urgency};

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];

/// A leader of term 1 that has learned of term 7 from node 3 at 0, and its requests for votes of term 8.
fn renewing() -> (Node, Outputs) {
    let mut node = leader(1, &THREE);
    let asked = node.hear(0, 3, pre_vote(7, 1));
    assert_eq!(node.term(), term(8));
    (node, asked)
}

/// Rule 5.1: the node leads in the old term until the new term is won.
#[test]
fn a_leader_that_learns_of_a_higher_term_renews_without_a_leaderless_moment() {
    let (mut node, asked) = renewing();
    assert_eq!(trace(&asked), "no 3, heartbeat 3, heartbeat 2, heartbeat 3, persist, vote 2, vote 3");
    assert_eq!((persisted(&asked).unwrap().term, persisted(&asked).unwrap().voted_for), (term(8), Some(1)));
    assert_eq!(to(&asked, 2).header().term, term(8), "one above the term that was seen");
    assert_eq!(node.role(), RoleKind::Leader);
    assert_eq!((node.lease().unwrap().term, node.leader()), (term(1), Some(leads(1, 1))));

    let out = node.hear(10, 2, grant(&to(&asked, 2), LIMIT));
    assert_eq!(trace(&out), "elected, heartbeat 2, heartbeat 3, leader");
    assert_eq!(
        events(&out),
        [Event::Elected { term: term(8) }, Event::LeaderChanged { leader: Some(leads(1, 8)) },]
    );
    assert_eq!((node.lease().unwrap().term, node.lease_end()), (term(8), LIMIT));
    assert_eq!(to(&out, 2).header().term, term(8));
}

/// Rule 5.1: meanwhile the leader's replies belong to the old term, and repeated requests replace the
/// heartbeats.
#[test]
fn a_renewing_leader_leads_in_its_old_term_and_repeats_its_requests() {
    let (mut node, asked) = renewing();
    let again = node.tick_at(RETRY);
    assert_eq!(trace(&again), "vote 2, vote 3");
    assert!(to(&again, 2).header().round > to(&asked, 2).header().round);
    assert_eq!((to(&again, 2).header().term, to(&again, 2).header().version), (term(8), version(1, 1)));
    let bound = denied(&node.hear(RETRY, 2, vote(8, 1).version(1, 1)), 2);
    assert_eq!(bound, Denial::Bound { to: Some(holds(1, 1)), remaining: ns(LIMIT - RETRY) });
    assert_eq!(node.lease().unwrap().term, term(1));
    let beats = accept(&heartbeat(8, 1).version(1, 1));
    node.hear(RETRY, 2, beats);
    assert_eq!(node.lease_end(), LIMIT, "no node has led term 8 yet");
}

/// Rule 5.1: a term counts as higher if it is above the durable term.
#[test]
fn a_renewing_leader_restarts_the_renewal_only_for_a_still_higher_term() {
    let (mut node, _) = renewing();
    assert_eq!(trace(&node.hear(1, 3, pre_vote(8, 2).version(1, 1))), "no 3");
    assert_eq!(node.term(), term(8));
    node.hear(1, 3, pre_vote(9, 3).version(1, 1));
    assert_eq!((node.term(), node.lease().unwrap().term), (term(10), term(1)));
}

/// Rules 2.5 and 5.1: a node leads in a term only if it won that term, and a vote request of that term is
/// no win.
#[test]
fn a_leader_does_not_lead_in_the_term_of_a_vote_request() {
    let mut node = leader(1, &THREE);
    let out = node.hear(0, 3, vote(7, 1).version(1, 1));
    let bound = Denial::Bound { to: Some(holds(1, 1)), remaining: ns(LIMIT) };
    assert!(
        matches!(&sent(&out)[0].1.body(), Body::VoteReply(reply) if reply.answer == Answer::Denied(bound))
    );
    assert_eq!((node.lease().unwrap().term, node.leader()), (term(1), Some(leads(1, 1))));
    for (_, message) in sent(&out) {
        let request = matches!(message.body(), Body::VoteRequest(_));
        assert_eq!(message.header().term, if request { term(8) } else { term(1) }, "{message:?}");
    }
    assert_eq!(node.term(), term(8));
}

/// Rules 1.3 and 5.1: the term of a node that is no member is no reason to renew.
#[test]
fn a_leader_does_not_renew_for_the_term_of_a_node_that_is_no_member() {
    let mut node = leader(1, &THREE);
    node.hear(0, 9, pre_vote(7, 1));
    node.hear(0, 9, vote(7, 2));
    node.hear(0, 9, accept(&heartbeat(1, 1)).in_term(7));
    assert_eq!(node.tick_at(0), []);
    assert_eq!(node.term(), term(1));
}

/// Rule 5.1: a leader learns of a higher term from replies too.
#[test]
fn a_leader_renews_for_a_term_in_a_members_reply() {
    let (mut node, beats) = elected(1, &THREE);
    let out = node.hear(0, 3, deny(&to(&beats, 3), Denial::StaleTerm).in_term(4));
    assert!(trace(&out).ends_with("persist, installed, vote 2, vote 3"), "{}", trace(&out));
    assert_eq!((node.term(), node.role()), (term(5), RoleKind::Leader));
}

/// Rule 5.1: a leader leads with any position, and its voters are bound to it.
#[test]
fn the_position_is_not_tested_for_a_renewal() {
    let (_, asked) = renewing();
    assert_eq!(request_of(&to(&asked, 2)).claim, Claim::Renewal);
    let mut voter = Node::fresh(2, &THREE);
    voter.hear(0, 1, heartbeat(1, 1));
    voter.step(Input::SetPosition(at_index(50)));
    let behind = denied(&voter.clone().hear(1, 1, to(&asked, 2).round(9).claim(Claim::Own)), 1);
    assert_eq!(behind, Denial::PositionBehind(at_index(50)));
    let out = voter.hear(1, 1, to(&asked, 2).round(9));
    assert_eq!((granted(&out, 1), persisted(&out).unwrap().term), (LIMIT, term(8)));
}

/// Rule 5.1: the claim to renew frees no voter from a promise to another node.
#[test]
fn a_claim_to_renew_does_not_free_a_voter_bound_to_another() {
    let mut voter = Node::fresh(3, &THREE);
    voter.hear(0, 1, heartbeat(1, 1));
    let out = voter.hear(1, 2, vote(8, 1).claim(Claim::Renewal));
    assert!(matches!(denied(&out, 2), Denial::Bound { .. }));
}

/// Rule 5.1: if the votes of the new term are lost, the leader tries the next term.
#[test]
fn a_renewing_leader_that_loses_the_votes_of_a_term_tries_the_next() {
    let (mut node, asked) = renewing();
    node.hear(1, 2, deny(&to(&asked, 2), Denial::AlreadyVoted));
    let out = node.hear(1, 3, deny(&to(&asked, 3), Denial::AlreadyVoted));
    assert_eq!((trace(&out).as_str(), node.term()), ("persist, vote 2, vote 3", term(9)));
    assert_eq!((node.role(), node.lease().unwrap().term), (RoleKind::Leader, term(1)));
}

/// Rule 5.2: the followers of a leader that lapsed need not wait for the end of their promises.
#[test]
fn a_leader_whose_lease_lapses_releases_its_followers_after_it_stepped_down() {
    let mut node = leader(1, &THREE);
    let end = node.lease_end();
    let out = node.tick_at(end);
    assert_eq!(trace(&out), "stepped-down, heartbeat 2, heartbeat 3, leader");
    let last = to(&out, 2);
    let zero = heartbeat_of(&last);
    assert_eq!((zero.promise, zero.order), (ns(0), quorate::message::Order::Follow));
    assert_eq!(last.header().term, term(1));
}

/// Rule 5.2: voters that have voted in the new term are bound in that term.
#[test]
fn a_leader_whose_lease_lapses_while_it_renews_releases_no_follower() {
    let (mut node, _) = renewing();
    while node.role() == RoleKind::Leader {
        let out = node.tick_at(node.due());
        assert!(!trace(&out).contains("heartbeat"), "{}", trace(&out));
    }
    let (mut node, _) = renewing();
    assert_eq!(trace(&node.tick_at(LIMIT)), "stepped-down, leader");
    assert_eq!(node.term(), term(8), "the durable term stays");
}

/// Rule 5.2: the same holds for a leader that resigns while it renews.
#[test]
fn a_leader_that_resigns_at_once_while_it_renews_releases_no_follower() {
    let (mut node, _) = renewing();
    let out = node.resign(1, None, Urgency::Now);
    assert_eq!(trace(&out), "stepped-down, leader");
    let mut outs = (0..3).flat_map(|_| node.tick_at(node.due()));
    assert!(!outs.any(|out| matches!(&out, quorate::Output::Send { message, .. } if is_heartbeat(message))));
}

/// Rule 5.3. Raft §5.1: a later leader deposes an earlier one.
#[test]
fn a_heartbeat_of_a_higher_term_deposes_a_leader() {
    for mut node in [leader(1, &THREE), renewing().0] {
        let out = node.hear(1, 2, heartbeat(9, 1).carrying(members(version(9, 1), &THREE)));
        assert_eq!(trace(&out), "stepped-down, persist, installed, yes 2, leader", "without a renewal");
        let deposed = StepDown::NewLeader { leader: leads(2, 9) };
        assert_eq!(events(&out)[0], Event::SteppedDown { term: term(1), reason: deposed });
        assert_eq!((node.role(), node.leader()), (RoleKind::Follower, Some(leads(2, 9))));
        assert_eq!(node.lease(), None);
    }
}

/// Rule 5.3: a heartbeat of an earlier leader deposes no later one, and is denied.
#[test]
fn a_heartbeat_of_a_lower_term_is_denied() {
    let (mut node, asked) = renewing();
    node.win(1, &[2], &asked);
    let out = node.hear(1, 3, heartbeat(7, 1).version(1, 1));
    assert_eq!((denied(&out, 3), to(&out, 3).header().term), (Denial::StaleTerm, term(8)));
    assert_eq!(node.role(), RoleKind::Leader);
}

/// Rule 5.4: two leaders of one term come from a copied disk or a worse fault.
#[test]
fn two_leaders_of_one_term_are_reported_and_neither_is_followed() {
    let mut node = Node::fresh(3, &THREE);
    node.hear(0, 1, heartbeat(4, 1));
    let out = node.hear(10, 2, heartbeat(4, 1));
    assert_eq!(out, [quorate::Output::Event(Event::TwoLeaders { peer: 2, term: term(4) })]);
    let left = |node: &Node| node.status().promise;
    let before = left(&node);
    for (from, round) in [(2, 2), (1, 2), (1, 3)] {
        assert_eq!(node.hear(10, from, heartbeat(4, round).asking(LIMIT)), [], "the report comes once");
        assert_eq!(left(&node), before);
    }
    node.hear(20, 2, heartbeat(5, 1));
    assert_eq!(node.leader(), Some(leads(2, 5)), "a later term has a leader again");

    let mut node = leader(1, &THREE);
    let out = node.hear(0, 2, heartbeat(1, 1).version(1, 1));
    assert_eq!(trace(&out), "two-leaders");
    assert_eq!(node.role(), RoleKind::Leader);
}

/// Rule 1.2: a voter that grants a renewal follows its leader in the old term until the leader leads in the
/// new one.
#[test]
fn a_follower_that_votes_for_a_renewal_still_knows_its_leader() {
    let (_, asked) = renewing();
    let mut voter = Node::fresh(2, &THREE);
    voter.hear(0, 1, heartbeat(1, 1));
    let out = voter.hear(1, 1, to(&asked, 2).round(9));
    assert_eq!((trace(&out).as_str(), voter.leader()), ("persist, yes 1", Some(leads(1, 1))));
    let Body::VoteReply(reply) = to(&out, 1).body() else { panic!() };
    assert_eq!(reply.request_term, term(8));
    assert!(trace(&voter.hear(2, 1, heartbeat(8, 10))).ends_with("leader"));
    assert_eq!(voter.leader(), Some(leads(1, 8)));
}

/// Rules 5.2 and 6.3: until the leader asks for votes of the new term, its followers are bound in the old
/// term alone, and a resignation releases them. Afterwards it releases no follower.
#[test]
fn a_leader_that_resigns_at_once_releases_its_followers_while_a_renewal_is_prepared() {
    let mut node = leader(1, &THREE);
    let beats = node.tick_at(2 * HEARTBEAT);
    node.accepted(2 * HEARTBEAT, &[2, 3], &beats);
    let preparing = node.hear(149, 3, deny(&to(&beats, 3), Denial::StaleTerm).in_term(5));
    assert_eq!((trace(&preparing).as_str(), node.term()), ("heartbeat 2, heartbeat 3", term(1)));

    let mut asking = node.clone();
    assert_eq!(trace(&asking.hear(150, 2, accept(&to(&preparing, 2)))), "persist, vote 2, vote 3");
    assert_eq!(trace(&asking.resign(150, Some(2), Urgency::Now)), "stepped-down, leader");

    let out = node.resign(150, Some(2), Urgency::Now);
    assert_eq!(trace(&out), "stepped-down, heartbeat 2, heartbeat 3, leader");
    let last = |id| (heartbeat_of(&to(&out, id)).promise, heartbeat_of(&to(&out, id)).order);
    assert_eq!(
        (last(2), last(3)),
        ((ns(0), quorate::message::Order::Campaign), (ns(0), quorate::message::Order::Follow))
    );
    assert_eq!(trace(&node.tick_at(150 + RETRY)), "heartbeat 2", "the order is repeated");
}

/// Rules 3.5 and 5.1: heartbeats before the commit ask for the long promise anyway.
#[test]
fn a_renewal_before_the_commit_asks_for_votes_at_once() {
    let (mut node, beats) = elected(1, &THREE);
    let now = LIMIT / 2;
    let out = node.hear(now, 3, deny(&to(&beats, 3), Denial::StaleTerm).in_term(4));
    assert!(trace(&out).ends_with("persist, installed, vote 2, vote 3"), "{}", trace(&out));
    assert_eq!((node.term(), node.lease_end()), (term(5), LIMIT));
}
