//! Rule 8.3: who leaves, and who is told that it is out.

use quorate::{Denial, Event, HardState, Input, Output, Rejection, RoleKind, StepDown, Unfit, Urgency};

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];

/// A leader that has taken the step from three voters to 1 and 2, and its heartbeats.
fn removing() -> (Node, Outputs) {
    let mut node = leader(1, &THREE);
    let out = node.reconfigure(10, &[1, 2], &[]);
    assert_eq!(node.lists().0, [1, 2]);
    (node, out)
}

/// Told earlier, it would be gone while the change may yet be undone.
#[test]
fn a_removed_node_is_kept_quiet_until_the_commit_and_told_afterwards() {
    let (mut node, out) = removing();
    let early = to(&out, 3);
    assert_eq!((heartbeat_of(&early).membership.as_ref(), early.header.committed), (None, false));
    assert!(heartbeat_of(&early).promise > ns(0), "it does not campaign meanwhile");
    let out = node.hear(11, 2, accept(&to(&out, 2)));
    assert_eq!(trace(&out), "committed, heartbeat 3, reached");
    let late = to(&out, 3);
    assert_eq!(heartbeat_of(&late).membership.as_deref(), Some(node.membership()));
    assert!(late.header.committed);

    let mut gone = Node::new(config(3), HardState { term: term(1), ..first_state(&THREE) }, 0);
    gone.hear(0, 1, heartbeat(1, 1).carrying(members(version(1, 1), &THREE)));
    assert_eq!(trace(&gone.hear(10, 1, early)), "yes 1");
    assert!(gone.membership().contains(3));
    let out = gone.hear(12, 1, late);
    assert_eq!(trace(&out), "persist, committed, removed, yes 1");
    assert_eq!(trace(&node.hear(13, 3, to(&out, 1))), "");
    assert!(!trace(&node.tick_at(10 + HEARTBEAT)).contains("heartbeat 3"), "it knows");
}

/// It is told again for as long as it may only be slow, and not for ever.
#[test]
fn a_removed_node_that_does_not_answer_is_told_no_more_in_the_end() {
    let (mut node, out) = removing();
    node.hear(11, 2, accept(&to(&out, 2)));
    let mut told = 0;
    for at in (10 + HEARTBEAT..5_000).step_by(HEARTBEAT as usize) {
        let beats = node.tick_at(at);
        told += usize::from(trace(&beats).contains("heartbeat 3"));
        node.accepted(at, &[2], &beats);
    }
    assert_eq!(told, 19);
}

/// `Removed` is final, so it waits for what is final.
#[test]
fn a_node_is_not_removed_by_a_membership_that_may_yet_be_undone() {
    let mut node = Node::fresh(3, &THREE);
    let asked = node.tick_at(node.due());
    let now = sent_at(&asked, 1);
    let two = members(version(1, 2), &[1, 2]);
    let told = deny(&to(&asked, 1), Denial::NotAMember).in_term(1).carrying(two.clone());
    let out = node.hear(now, 1, told.clone());
    assert_eq!(trace(&out), "persist, installed");
    // It may not campaign any more, and asks for the sake of the answer; also after a restart.
    let mut node = node.restarted(now);
    let asked = node.tick_at(node.due());
    assert_eq!(request_of(&to(&asked, 1)).claim, quorate::Claim::Inquiry);
    assert_eq!(trace(&asked), "pre-vote 1, pre-vote 2");
    let now = sent_at(&asked, 1);
    let out = [1, 2].map(|voter| node.hear(now, voter, grant(&to(&asked, voter), 0)));
    assert_eq!((out, node.role()), ([vec![], vec![]], RoleKind::PreCandidate), "no vote of it could count");
    let asked = node.tick_at(now + LIMIT);
    let now = sent_at(&asked, 2);
    let out = node.hear(now, 2, deny(&to(&asked, 2), Denial::NotAMember).carrying(two).committed());
    assert_eq!(trace(&out), "persist, committed, removed");
    assert_eq!((node.deadline(), node.role()), (None, RoleKind::Follower), "from now on it is quiet");
    assert_eq!(node.restarted(now).deadline(), None, "nor does it forget that");
}

/// After that it still tells who asks what it knows.
#[test]
fn a_removed_node_answers_with_the_membership_it_holds() {
    let mut node = Node::fresh(3, &THREE);
    let two = members(version(1, 2), &[1, 2]);
    let out = node.hear(0, 1, heartbeat(1, 1).carrying(two.clone()).committed());
    assert_eq!(trace(&out), "persist, committed, removed, yes 1, leader");
    let out = node.hear(1_000, 2, pre_vote(1, 1));
    let quorate::Body::VoteReply(reply) = to(&out, 2).body else { panic!("{out:?}") };
    assert_eq!(reply.membership.as_deref(), Some(&two));
    assert_eq!(node.deadline(), None);
}

/// Rule 8.3: the flag in its answers is all it takes; a target does not hold it back.
#[test]
fn a_member_that_wants_to_leave_is_removed_even_if_the_target_contains_it() {
    let mut follower = Node::fresh(3, &THREE);
    assert_eq!(follower.wish(0, Input::Leave), []);
    let out = follower.hear(1, 1, heartbeat(1, 1));
    assert!(reply_of(&to(&out, 1)).leaving);

    let mut node = leader(1, &THREE);
    let beats = node.tick_at(HEARTBEAT);
    node.hear(HEARTBEAT, 3, accept(&to(&beats, 3)).leaving());
    assert_eq!(node.lists().0, [1, 2]);

    let mut node = leader(1, &THREE);
    node.reconfigure(10, &[1, 2, 3, 4], &[]);
    let beats = node.tick_at(10 + HEARTBEAT);
    node.hear(61, 3, accept(&to(&beats, 3)).leaving());
    node.accepted(61, &[2, 4], &beats);
    let mut now = 61;
    for _ in 0..4 {
        now += HEARTBEAT;
        let beats = node.tick_at(now);
        node.accepted(now, &[2, 4], &beats);
    }
    assert_eq!(node.lists(), (&[1, 2, 4][..], &[][..]));
}

/// Rule 8.3: all other steps first, then a handover; the next leader removes it.
#[test]
fn a_leader_that_is_not_in_the_target_takes_all_other_steps_and_hands_over() {
    let mut node = leader(1, &[1, 2, 3, 4]);
    let out = node.reconfigure(10, &[2, 3], &[]);
    assert_eq!(node.lists().0, [1, 2, 3], "it stays for as long as it leads");
    let out = node.accepted(11, &[2, 3], &out);
    assert!(trace(&out).contains("committed") && !trace(&out).contains("reached"), "{}", trace(&out));
    assert_eq!(heartbeat_of(&to(&out, 2)).order, quorate::Order::Prepare);
    let out = node.hear(12, 2, accept(&to(&out, 2)).ready());
    let stepped_down =
        Event::SteppedDown { term: term(1), reason: StepDown::Resigned { successor: Some(2) } };
    assert_eq!(events(&out)[0], stepped_down);
    assert!(!trace(&out).contains("forgotten"), "the rest of the way is its own leaving");
    let out = node.hear(13, 2, heartbeat(2, 1).carrying(members(version(2, 2), &[1, 2, 3])));
    assert!(reply_of(&to(&out, 2)).leaving, "which the next leader is asked to see to");
}

/// Rule 8.3: nobody who leaves too, and nobody who has not answered in this term.
#[test]
fn a_leaving_leader_hands_over_only_to_who_stays_and_otherwise_stays_itself() {
    let (mut node, beats) = elected(1, &THREE);
    node.hear(1, 2, accept(&to(&beats, 2)).version(0, 1).leaving());
    let out = node.resign(1, Some(2), Urgency::WhenReady);
    assert_eq!(out, [Output::Rejected(Rejection::UnfitSuccessor(Unfit::Leaving))]);
    node.step(Input::Leave);
    let mut now = 1;
    for leaver in [2, 3] {
        node.hear(now, leaver, accept(&to(&beats, leaver)).leaving());
    }
    for _ in 0..8 {
        now += HEARTBEAT;
        let beats = node.tick_at(now);
        for &leaver in [2, 3].iter().filter(|leaver| trace(&beats).contains(&format!("heartbeat {leaver}"))) {
            node.hear(now, leaver, accept(&to(&beats, leaver)).leaving());
        }
    }
    assert_eq!((node.role(), node.lists().0), (RoleKind::Leader, &[1][..]), "it removed the others");
    assert_eq!(node.wish(now, Input::Leave), [Output::Rejected(Rejection::NoVoterLeft)]);
}

#[test]
fn only_a_member_can_leave() {
    let mut node = Node::new(config(4), HardState::joining(CLUSTER), 0);
    assert_eq!(node.wish(0, Input::Leave), [Output::Rejected(Rejection::NotAMember)]);
}

/// Rule 8.3: the wish survives an election.
#[test]
fn a_node_that_wants_to_leave_and_is_elected_hands_over() {
    let mut node = Node::fresh(1, &THREE);
    node.step(Input::Leave);
    let asked = node.stand(&[2]);
    let beats = node.win(sent_at(&asked, 2), &[2], &asked);
    let out = node.hear(1, 2, accept(&to(&beats, 2)));
    assert_eq!(heartbeat_of(&to(&out, 2)).order, quorate::Order::Prepare, "{}", trace(&out));
}

/// Rule 8.3: nor does a target hold the leader back that wants to leave itself.
#[test]
fn a_leader_that_wants_to_leave_goes_even_if_a_target_contains_it() {
    let mut node = leader(1, &THREE);
    node.resign(10, Some(2), Urgency::WhenReady);
    node.step(Input::Leave);
    node.reconfigure(11, &THREE, &[]);
    let out = node.hear(12, 2, heartbeat(2, 1).carrying(members(version(2, 1), &THREE)));
    assert!(reply_of(&to(&out, 2)).leaving);
}

/// Rule 8.3: who leaves does not wait for who comes.
#[test]
fn a_member_is_let_go_although_a_newcomer_never_answers() {
    let mut node = leader(1, &THREE);
    let mut beats = node.reconfigure(10, &[1, 2, 3, 4], &[]);
    for now in (11..400).step_by(HEARTBEAT as usize) {
        node.hear(now, 2, accept(&to(&beats, 2)));
        if node.membership().contains(3) {
            node.hear(now, 3, accept(&to(&beats, 3)).leaving());
        }
        beats = node.tick_at(node.due());
    }
    assert_eq!(node.lists(), (&[1, 2][..], &[4][..]));
}

/// Rule 8.3: a leader gives those who come two promise lengths before it goes, and goes only if it
/// wants to.
#[test]
fn a_leader_that_wants_to_leave_waits_two_promises_for_a_newcomer() {
    let tried = |leaves: bool| {
        let mut node = leader(1, &THREE);
        let mut beats = node.reconfigure(10, &[1, 2, 3, 4], &[]);
        let began = 11;
        if leaves {
            node.step(Input::Leave);
        }
        (began..2_000).step_by(HEARTBEAT as usize).find(|&now| {
            node.accepted(now, &[2, 3], &beats);
            beats = node.tick_at(node.due());
            sent(&beats).iter().any(|(_, beat)| heartbeat_of(beat).order == quorate::Order::Prepare)
        })
    };
    assert_eq!(tried(false), None);
    let waited = tried(true).unwrap();
    assert!((2 * PROMISE - HEARTBEAT..2 * PROMISE + 2 * HEARTBEAT).contains(&waited), "{waited}");
}

/// Rule 8.3: all who went are told, and nobody who is back.
#[test]
fn just_those_are_told_that_they_are_out_who_are() {
    let mut node = leader(1, &[1, 2, 3, 4, 5]);
    let out = node.reconfigure(10, &THREE, &[]);
    let out = node.accepted(11, &[2, 3], &out);
    let out = node.accepted(12, &[2, 3], &out);
    assert_eq!(node.lists().0, THREE);
    for gone in [4, 5] {
        assert_eq!(heartbeat_of(&to(&out, gone)).membership.as_deref(), Some(node.membership()));
    }

    let (mut node, out) = removing();
    node.hear(11, 2, accept(&to(&out, 2)));
    let out = node.reconfigure(12, &[1, 2], &[3]);
    node.hear(13, 2, accept(&to(&out, 2)));
    let beats = node.tick_at(node.due());
    assert_eq!(sent(&beats).iter().filter(|(to, _)| *to == 3).count(), 1, "{}", trace(&beats));
}

/// Rules 6.4 and 8.3: a leader that could not go tries again after two promise lengths, not before.
#[test]
fn a_leader_that_wants_to_leave_and_fails_waits_before_it_tries_again() {
    let mut node = leader(1, &THREE);
    assert_eq!(trace(&node.wish(10, Input::Leave)), "heartbeat 2");
    let mut failed = 0;
    while node.due() < 10 + 3 * PROMISE {
        let (now, out) = (node.due(), node.tick_at(node.due()));
        if trace(&out).contains("handover-failed") {
            failed = now;
        }
        for (follower, beat) in sent(&out) {
            node.hear(now, follower, accept(beat));
        }
    }
    assert_eq!(failed, 10 + PROMISE);
    assert_eq!(node.wish(failed + 2 * PROMISE - 1, Input::Leave), []);
    assert_eq!(trace(&node.wish(failed + 2 * PROMISE, Input::Leave)), "heartbeat 3", "the other, this time");
}

/// Rule 8.3: a voter is needed to undo what is not committed; who asks without a vote is not.
#[test]
fn only_who_has_no_vote_is_told_what_may_yet_be_undone() {
    let mut voter = Node::fresh(2, &THREE);
    voter.hear(0, 1, heartbeat(1, 1).carrying(members(version(1, 2), &[1, 2])));
    let told = |claim| {
        let out = voter.clone().hear(1, 3, pre_vote(1, 1).claim(claim));
        let quorate::Body::VoteReply(reply) = to(&out, 3).body else { panic!("{out:?}") };
        reply.membership.is_some()
    };
    assert!(!told(quorate::Claim::Own));
    assert!(told(quorate::Claim::Inquiry));
}

/// Rule 8.3: once it is final, a restart must not undo it.
#[test]
fn a_node_that_learns_that_it_is_out_for_good_writes_that_down() {
    let mut node = Node::fresh(3, &THREE);
    node.hear(0, 1, heartbeat(1, 1).carrying(members(version(1, 2), &[1, 2])));
    let out = node.hear(1, 1, heartbeat(1, 2).version(1, 2).committed());
    assert_eq!(trace(&out), "persist, committed, removed, yes 1");
    assert!(persisted(&out).unwrap().committed);
}
