//! Section 1 of the rules: terms and votes.

use quorate::message::Denial;
use quorate::{Event, RoleKind};

use crate::support::*;

/// Rule 1.1. Raft §5.2: at most one vote in a term, first come, first served.
#[test]
fn a_voter_votes_once_in_a_term() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    assert_eq!(granted(&voter.hear(1, 1, vote(1, 1)), 1), LIMIT);
    let later = LIMIT + 2;
    assert_eq!(denied(&voter.hear(later, 2, vote(1, 1)), 2), Denial::AlreadyVoted);
    assert_eq!(
        granted(&voter.hear(later, 1, vote(1, 2)), 1),
        LIMIT,
        "the node that has the vote gets it again"
    );
}

/// Rule 1.1. Raft §5.2, figure 2: `votedFor` is on stable storage before the reply.
#[test]
fn a_vote_is_durable_before_the_reply() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    let out = voter.hear(1, 1, vote(1, 1));
    assert_eq!(trace(&out), "persist, yes 1");
    let saved = persisted(&out).unwrap();
    assert_eq!((saved.term, saved.voted_for), (term(1), Some(1)));
    assert_eq!((voter.term(), voter.voted_for()), (saved.term, saved.voted_for), "and what it goes by");
}

/// Rule 1.1. Raft §5.2: a crash does not free the vote.
#[test]
fn a_restarted_voter_does_not_vote_twice() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    voter.hear(1, 1, vote(1, 1));
    let mut voter = voter.restarted(10);
    let free = 10 + LIMIT;
    assert_eq!(denied(&voter.hear(free, 2, vote(1, 1)), 2), Denial::AlreadyVoted);
    assert_eq!(granted(&voter.hear(free, 1, vote(1, 2)), 1), LIMIT);
}

/// Rule 1.2. Spec: `UpdateTerms`. A leader's term and membership are stored in one write.
#[test]
fn an_accepted_heartbeat_brings_its_term_and_its_membership_in_one_write() {
    let mut follower = Node::fresh(3, &[1, 2, 3]);
    let out = follower.hear(1, 1, heartbeat(4, 1).carrying(members(version(4, 1), &[1, 2, 3])));
    assert_eq!(trace(&out), "persist, installed, yes 1, leader");
    let saved = persisted(&out).unwrap();
    assert_eq!((saved.term, saved.membership.version()), (term(4), version(4, 1)));
}

/// Rule 1.2: an ignored message leaves no trace. Here these are late and replayed heartbeats and replies
/// without a request, each with a newer membership.
#[test]
fn nothing_of_an_ignored_message_is_used() {
    let mut follower = Node::fresh(3, &[1, 2, 3]);
    follower.hear(1, 1, heartbeat(2, 5));
    let news = members(version(2, 9), &[1, 2, 3]);
    let before = follower.lasting();
    let (promise, due) = (follower.status().promise.unwrap().remaining, follower.due());
    for message in [
        heartbeat(2, 4).carrying(news.clone()).asking(LIMIT),
        heartbeat(2, 5).carrying(news.clone()).asking(LIMIT),
        grant(&vote(9, 1), LIMIT).carrying(news.clone()),
        accept(&heartbeat(9, 1)).carrying(news),
    ] {
        assert_eq!(follower.hear(1, 1, message), []);
        assert_eq!(follower.lasting(), before);
        assert_eq!((follower.status().promise.unwrap().remaining, follower.due()), (promise, due));
    }
}

/// Rule 1.2. Thesis §9.6: a pre-vote, granted or not, does not change the voter. Its header has the
/// sender's own term, and the term that the sender would campaign in is no node's term yet.
#[test]
fn a_pre_vote_changes_nothing_in_the_voter() {
    let mut free = Node::fresh(3, &[1, 2, 3]);
    let before = free.clone();
    assert_eq!(trace(&free.hear(0, 1, pre_vote(8, 1))), "yes 1");
    assert_eq!((free.term(), free.lasting(), free.due()), (term(0), before.lasting(), before.due()));
    assert_eq!(trace(&free.hear(0, 2, pre_vote(8, 1))), "yes 2", "a pre-vote does not bind");

    let mut bound = Node::fresh(3, &[1, 2, 3]);
    bound.hear(1, 1, heartbeat(1, 1));
    let before = bound.clone();
    assert_eq!(trace(&bound.hear(1, 2, pre_vote(8, 1))), "no 2");
    assert_eq!((bound.lasting(), bound.due()), (before.lasting(), before.due()));
}

/// Rule 1.2: a voter that is bound adopts nothing from the request it denies.
#[test]
fn a_bound_voter_denies_without_adopting_the_term() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    voter.hear(1, 1, heartbeat(1, 1));
    let out = voter.hear(11, 2, vote(6, 1));
    let remaining = ns(PROMISE - 10);
    assert_eq!(denied(&out, 2), Denial::Bound { to: Some(holds(1, 1)), remaining });
    assert_eq!((trace(&out).as_str(), voter.term()), ("no 2", term(1)));
}

/// Rule 1.3. Thesis §4.2.3: a removed node does not disturb the group, and learns that it is removed.
#[test]
fn a_request_of_a_node_that_is_no_member_changes_nothing_and_is_answered_with_the_membership() {
    let mut voter = Node::fresh(3, &[1, 2, 3]);
    let before = voter.clone();
    for request in [vote(5, 1), pre_vote(5, 2), heartbeat(5, 3)] {
        let out = voter.hear(0, 9, request);
        assert_eq!(trace(&out), "no 9");
        assert_eq!(denied(&out, 9), Denial::NotAMember);
        assert_eq!(to(&out, 9).header().version, version(0, 1));
        let told = match to(&out, 9).body() {
            quorate::message::Body::VoteReply(reply) => reply.membership,
            quorate::message::Body::HeartbeatReply(reply) => reply.membership,
            _ => None,
        };
        assert_eq!(told.as_deref(), Some(before.membership()));
        assert_eq!((voter.lasting(), voter.leader(), voter.due()), (before.lasting(), None, before.due()));
    }
    let asked = voter.tick_at(voter.due());
    voter.hear(voter.due(), 9, deny(&to(&asked, 1), Denial::StaleTerm).in_term(8));
    assert_eq!(voter.term(), term(0), "a denial of a node that is no member is not used either");
}

/// Rule 1.3. Spec: `SendConfig`. The sender may be a member of a newer membership.
#[test]
fn a_request_of_a_node_that_is_a_member_of_a_newer_membership_counts() {
    let mut node = Node::fresh(3, &[1, 2, 3]);
    let out = node.hear(0, 9, heartbeat(5, 1).carrying(members(version(5, 2), &[3, 8, 9])));
    assert_eq!(granted(&out, 9), PROMISE);
    assert_eq!((node.leader(), node.membership().voters()), (Some(leads(9, 5)), &[3, 8, 9][..]));
}

/// Rule 1.4: one broken node cannot use up the terms at once.
#[test]
fn a_term_too_far_ahead_is_ignored_and_reported_once() {
    let far = 1 << 32;
    let mut node = Node::fresh(3, &[1, 2, 3]);
    let before = node.lasting();
    let out = node.hear(0, 1, heartbeat(far + 1, 1));
    assert_eq!(events(&out), [Event::TermTooFarAhead { peer: 1, term: term(far + 1) }]);
    assert_eq!(out.len(), 1);
    for message in [heartbeat(far + 2, 2), vote(far + 3, 3), pre_vote(u64::MAX, 4)] {
        assert_eq!(node.hear(0, 1, message), [], "reported already");
    }
    assert_eq!(trace(&node.hear(0, 2, vote(u64::MAX, 1))), "too-far", "another peer");
    assert_eq!((node.lasting(), node.leader()), (before, None));

    let out = node.hear(0, 1, heartbeat(far, 5));
    assert_eq!((granted(&out, 1), node.term()), (PROMISE, term(far)), "the highest accepted term");
}

/// Rule 1.4: the last and the first term are handled like any other.
#[test]
fn messages_of_the_last_term_and_of_term_zero_are_harmless() {
    let mut saved = first_state(&[1, 2, 3]);
    saved.term = term(u64::MAX - 1);
    let mut node = Node::new(config(3), saved.clone(), 0);
    node.hear(0, 1, heartbeat(u64::MAX, 1));
    assert_eq!(node.leader(), Some(leads(1, u64::MAX)));
    for now in [PROMISE + 200, PROMISE + 400, 2_000, 2_500, 3_000] {
        let asked = node.tick_at(now);
        for (voter, request) in sent(&asked) {
            node.hear(now, voter, grant(request, LIMIT));
        }
        assert_eq!(node.term(), term(u64::MAX), "there is no term after the last");
        assert_ne!(node.role(), RoleKind::Leader);
    }

    let mut node = Node::fresh(3, &[1, 2, 3]);
    let before = node.lasting();
    for message in [heartbeat(0, 1), vote(0, 2), grant(&vote(0, 3), LIMIT), accept(&heartbeat(0, 4))] {
        assert_eq!(node.hear(0, 1, message), []);
    }
    assert_eq!((node.lasting(), node.leader(), node.lease()), (before, None, None));

    let (mut leader, _) = elected(1, &[1, 2, 3]);
    for message in [
        heartbeat(0, 1),
        vote(0, 1),
        pre_vote(0, 1),
        grant(&vote(0, 1), LIMIT).in_term(u64::MAX),
        accept(&heartbeat(u64::MAX, 1)).in_term(u64::MAX),
    ] {
        let _ = leader.hear(0, 2, message);
        assert_eq!((leader.role(), leader.term()), (RoleKind::Leader, term(1)));
    }
}

/// Rule 1.5: a follower of a leader has no vote left in that term, not even after a crash.
#[test]
fn accepting_a_leader_uses_up_the_vote_of_its_term() {
    let mut follower = Node::fresh(3, &[1, 2, 3]);
    let out = follower.hear(1, 1, heartbeat(2, 1));
    assert_eq!(persisted(&out).unwrap().voted_for, Some(1));
    let mut again = follower.restarted(0);
    assert_eq!(denied(&follower.hear(1 + PROMISE, 2, vote(2, 1)), 2), Denial::AlreadyVoted);
    assert_eq!(denied(&again.hear(LIMIT, 2, vote(2, 1)), 2), Denial::AlreadyVoted);
}

/// Rule 1.5: the same holds if the vote had gone to a candidate that did not win.
#[test]
fn a_candidate_that_has_lost_does_not_get_the_vote_again_once_another_node_leads() {
    let mut follower = Node::fresh(3, &[1, 2, 3]);
    follower.hear(1, 2, vote(1, 1));
    follower.hear(2, 1, heartbeat(1, 1));
    assert_eq!(denied(&follower.hear(2 + LIMIT, 2, vote(1, 2)), 2), Denial::AlreadyVoted);
}

/// Rule 1.6: replies to requests from before a crash cannot elect the restarted candidate.
#[test]
fn a_restarted_candidate_campaigns_in_a_later_term() {
    let mut candidate = Node::fresh(1, &[1, 2, 3]);
    let old = candidate.campaign(&[2]);
    assert_eq!(candidate.term(), term(1));
    let mut candidate = candidate.restarted(0);
    assert_eq!(candidate.role(), RoleKind::Follower);
    assert_eq!(candidate.hear(0, 2, grant(&to(&old, 2), LIMIT)), []);
    let asked = candidate.campaign(&[2]);
    assert_eq!((to(&asked, 2).header().term, candidate.term()), (term(2), term(2)));
    assert_eq!(candidate.win(LIMIT, &[2, 3], &old), [], "votes of the term before");
    assert_eq!(candidate.role(), RoleKind::Candidate);
}
