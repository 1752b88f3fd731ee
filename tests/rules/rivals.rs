//! Sections 1 and 4 of the rules: a candidate and its rivals, and a candidate and a leader.

use quorate::message::Denial;
use quorate::{Input, RoleKind};

use crate::support::*;

const FIVE: [u64; 5] = [1, 2, 3, 4, 5];

/// Node 1 as a pre-candidate in term 0, and its requests.
fn pre_candidate() -> (Node, Outputs) {
    let mut node = Node::fresh(1, &FIVE);
    let asked = node.tick_at(0);
    assert_eq!(node.role(), RoleKind::PreCandidate);
    (node, asked)
}

/// Node 1 as a candidate in term 1, which has two of three necessary votes, and its requests.
fn candidate() -> (Node, Outputs) {
    let mut node = Node::fresh(1, &FIVE);
    let asked = node.campaign(&[2, 3]);
    node.hear(0, 2, grant(&to(&asked, 2), LIMIT));
    assert_eq!(node.role(), RoleKind::Candidate);
    (node, asked)
}

/// Checks that grants of all requests have no effect any more.
#[track_caller]
fn assert_grants_have_no_effect(asked: &Outputs, node: &mut Node) {
    let role = node.role();
    for voter in [3, 4, 5] {
        let message = grant(&to(asked, voter), LIMIT);
        assert_eq!(node.step(Input::Receive { from: voter, message }), []);
    }
    assert_eq!(node.role(), role);
}

/// Raft §5.2: a candidate that hears a leader of its term has lost. Rule 1.1: its vote of that term stays
/// its own.
#[test]
fn a_candidate_follows_a_leader_of_its_term_or_a_later_one() {
    for of in [1, 2] {
        for (mut node, asked) in [pre_candidate(), candidate()] {
            let out = node.hear(1, 5, heartbeat(of, 1));
            assert_eq!((granted(&out, 5), node.leader()), (PROMISE, Some(leads(5, of))));
            assert_grants_have_no_effect(&asked, &mut node);
            assert_eq!((node.role(), node.leader()), (RoleKind::Follower, Some(leads(5, of))));
        }
    }
    let (mut node, _) = candidate();
    node.hear(1, 5, heartbeat(1, 1));
    assert_eq!(node.voted_for(), Some(1));
}

/// Rule 1.2. Raft §5.1: a candidate of an earlier term gives up.
#[test]
fn a_candidate_votes_for_a_rival_of_a_later_term() {
    for (mut node, asked) in [pre_candidate(), candidate()] {
        let out = node.hear(1, 5, vote(2, 1));
        assert_eq!((granted(&out, 5), persisted(&out).unwrap().voted_for), (LIMIT, Some(5)));
        assert_eq!((node.role(), node.term()), (RoleKind::Follower, term(2)));
        assert_grants_have_no_effect(&asked, &mut node);
    }
}

/// Rules 1.2 and 4.1: a candidate adopts the term of a rival to which it gives no vote.
#[test]
fn a_rival_of_a_later_term_that_gets_no_vote_ends_a_candidacy_but_no_pre_vote() {
    let (mut node, asked) = candidate();
    node.step(Input::SetPosition(at_index(5)));
    let out = node.hear(1, 5, vote(2, 1));
    assert_eq!(denied(&out, 5), Denial::PositionBehind(at_index(5)));
    assert_eq!((node.role(), node.term(), node.voted_for()), (RoleKind::Follower, term(2), None));
    assert_grants_have_no_effect(&asked, &mut node);
    assert_eq!(
        trace(&node.tick_at(1)),
        "pre-vote 2, pre-vote 3, pre-vote 4, pre-vote 5",
        "its election deadline has passed"
    );

    let (mut node, asked) = pre_candidate();
    node.step(Input::SetPosition(at_index(5)));
    let out = node.hear(1, 5, vote(2, 1));
    assert_eq!(trace(&out), "persist, pre-vote 2, pre-vote 3, pre-vote 4, pre-vote 5, no 5");
    assert_eq!((node.term(), to(&out, 2).header().term), (term(2), term(2)));
    assert_eq!(trace(&node.hear(2, 4, pre_vote(2, 1))), "no 4", "the term is known already");
    assert_grants_have_no_effect(&asked, &mut node);
}

/// Rule 1.1: a candidate's vote of its term is its own, even after a crash.
#[test]
fn a_candidate_votes_for_no_other_node_in_its_term() {
    let (mut node, asked) = candidate();
    let mut again = node.restarted(0);
    assert_eq!(denied(&node.hear(1, 5, vote(1, 1)), 5), Denial::AlreadyVoted);
    node.hear(1, 3, grant(&to(&asked, 3), LIMIT));
    assert_eq!(node.role(), RoleKind::Leader, "the rival does not end the candidacy");
    assert_eq!(denied(&again.hear(LIMIT, 5, vote(1, 1)), 5), Denial::AlreadyVoted);
}

/// Rule 4.2: nodes without a leader grant pre-votes to each other; otherwise no node would be elected.
#[test]
fn a_candidate_grants_a_pre_vote_and_does_not_change() {
    for (mut node, _) in [pre_candidate(), candidate()] {
        let before = node.clone();
        let out = node.hear(0, 5, pre_vote(node.term().0, 9));
        assert_eq!((trace(&out).as_str(), granted(&out, 5)), ("yes 5", 0));
        assert_eq!((node.role(), node.due()), (before.role(), before.due()));
        assert_eq!(node.lasting(), before.lasting());
    }
}

/// Rules 4.2 and 4.3: a pre-vote binds no voter, so it never counts as a vote.
#[test]
fn a_pre_vote_that_comes_late_is_not_a_vote() {
    let (mut node, asked) = pre_candidate();
    for voter in [2, 3] {
        node.hear(0, voter, grant(&to(&asked, voter), 0));
    }
    assert_eq!((node.role(), node.term()), (RoleKind::Candidate, term(1)));
    for of in [0, 1] {
        for voter in [2, 3, 4, 5] {
            assert_eq!(node.hear(0, voter, grant(&to(&asked, voter).in_term(of), LIMIT)), []);
        }
    }
    assert_eq!(node.role(), RoleKind::Candidate);
}

/// Rule 4.4: a higher term in a denial ends the candidacy, and later votes do not revive it.
#[test]
fn a_candidate_that_adopted_a_higher_term_is_not_elected_by_late_votes() {
    for higher in [2, 9] {
        let (mut node, asked) = candidate();
        node.hear(1, 5, deny(&to(&asked, 5), Denial::StaleTerm).in_term(higher));
        assert_eq!((node.role(), node.term()), (RoleKind::Follower, term(higher)));
        assert_grants_have_no_effect(&asked, &mut node);
    }
}
