//! Sections 1 and 4: whoever stands meets rivals, and a leader.

use quorate::{Denial, Input, RoleKind};

use crate::support::*;

const FIVE: [u64; 5] = [1, 2, 3, 4, 5];

/// Node 1 in term 0, asking for pre-votes, and its requests.
fn canvassing() -> (Node, Outputs) {
    let mut node = Node::fresh(1, &FIVE);
    let asked = node.tick_at(0);
    assert_eq!(node.role(), RoleKind::PreCandidate);
    (node, asked)
}

/// Node 1 in term 1, with the votes of itself and of 2 and in want of another, and its requests.
fn standing() -> (Node, Outputs) {
    let mut node = Node::fresh(1, &FIVE);
    let asked = node.stand(&[2, 3]);
    node.hear(0, 2, grant(&to(&asked, 2), LIMIT));
    assert_eq!(node.role(), RoleKind::Candidate);
    (node, asked)
}

/// All it asked for is granted, and comes too late: nothing happens any more.
#[track_caller]
fn assert_nothing_comes_of(asked: &Outputs, node: &mut Node) {
    let role = node.role();
    for voter in [3, 4, 5] {
        let message = grant(&to(asked, voter), LIMIT);
        assert_eq!(node.step(Input::Receive { from: voter, message }), []);
    }
    assert_eq!(node.role(), role);
}

/// Raft §5.2: who hears a leader of its term has lost. Rule 1.1: its vote of the term stays its own.
#[test]
fn whoever_stands_follows_a_leader_of_its_term_or_a_later_one() {
    for of in [1, 2] {
        for (mut node, asked) in [canvassing(), standing()] {
            let out = node.hear(1, 5, heartbeat(of, 1));
            assert_eq!((granted(&out, 5), node.leader()), (PROMISE, Some((5, term(of)))));
            assert_nothing_comes_of(&asked, &mut node);
            assert_eq!((node.role(), node.leader()), (RoleKind::Follower, Some((5, term(of)))));
        }
    }
    let (mut node, _) = standing();
    node.hear(1, 5, heartbeat(1, 1));
    assert_eq!(node.hard_state().voted_for, Some(1));
}

/// Rule 1.2. Raft §5.1: whoever stands in an earlier term gives way.
#[test]
fn whoever_stands_votes_for_a_rival_of_a_later_term() {
    for (mut node, asked) in [canvassing(), standing()] {
        let out = node.hear(1, 5, vote(2, 1));
        assert_eq!((granted(&out, 5), persisted(&out).unwrap().voted_for), (LIMIT, Some(5)));
        assert_eq!((node.role(), node.term()), (RoleKind::Follower, term(2)));
        assert_nothing_comes_of(&asked, &mut node);
    }
}

/// Rules 1.2 and 4.1: its term is adopted though it gets no vote; and then it is no news any more.
#[test]
fn a_rival_of_a_later_term_that_gets_no_vote_ends_a_candidacy_but_no_pre_vote() {
    let (mut node, asked) = standing();
    node.step(Input::SetPosition(at_index(5)));
    let out = node.hear(1, 5, vote(2, 1));
    assert_eq!(denied(&out, 5), Denial::PositionBehind(at_index(5)));
    assert_eq!((node.role(), node.term(), node.hard_state().voted_for), (RoleKind::Follower, term(2), None));
    assert_nothing_comes_of(&asked, &mut node);
    assert_eq!(trace(&node.tick_at(1)), "pre-vote 2, pre-vote 3, pre-vote 4, pre-vote 5", "it is its turn");

    let (mut node, asked) = canvassing();
    node.step(Input::SetPosition(at_index(5)));
    let out = node.hear(1, 5, vote(2, 1));
    assert_eq!(trace(&out), "persist, pre-vote 2, pre-vote 3, pre-vote 4, pre-vote 5, no 5");
    assert_eq!((node.term(), to(&out, 2).header.term), (term(2), term(2)));
    assert_eq!(trace(&node.hear(2, 4, pre_vote(2, 1))), "no 4", "its term is no news");
    assert_nothing_comes_of(&asked, &mut node);
}

/// Rule 1.1: the vote of its term is its own, also after a crash.
#[test]
fn a_candidate_votes_for_nobody_else_in_its_term() {
    let (mut node, asked) = standing();
    let mut again = node.restarted(0);
    assert_eq!(denied(&node.hear(1, 5, vote(1, 1)), 5), Denial::AlreadyVoted);
    node.hear(1, 3, grant(&to(&asked, 3), LIMIT));
    assert_eq!(node.role(), RoleKind::Leader, "nor does the rival end its candidacy");
    assert_eq!(denied(&again.hear(LIMIT, 5, vote(1, 1)), 5), Denial::AlreadyVoted);
}

/// Rule 4.2: those that miss a leader say yes to each other, or nobody would be elected.
#[test]
fn a_pre_vote_is_granted_by_whoever_stands_and_changes_nothing_in_it() {
    for (mut node, _) in [canvassing(), standing()] {
        let before = node.clone();
        let out = node.hear(0, 5, pre_vote(node.term().0, 9));
        assert_eq!((trace(&out).as_str(), granted(&out, 5)), ("yes 5", 0));
        assert_eq!((node.role(), node.due()), (before.role(), before.due()));
        assert_eq!(node.hard_state(), before.hard_state());
    }
}

/// Rules 4.2 and 4.3: a grant that binds nobody is no vote, whenever it comes.
#[test]
fn a_pre_vote_that_comes_late_is_not_a_vote() {
    let (mut node, asked) = canvassing();
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

/// Rule 4.4: what a denial taught ends the candidacy that asked, whatever its votes do afterwards.
#[test]
fn a_candidate_that_adopted_a_higher_term_is_not_elected_by_late_votes() {
    for learnt in [2, 9] {
        let (mut node, asked) = standing();
        node.hear(1, 5, deny(&to(&asked, 5), Denial::StaleTerm).in_term(learnt));
        assert_eq!((node.role(), node.term()), (RoleKind::Follower, term(learnt)));
        assert_nothing_comes_of(&asked, &mut node);
    }
}
