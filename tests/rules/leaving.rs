//! Rule 8.3: nodes that leave or are removed, and how they learn that they are removed.

use quorate::message::Denial;
use quorate::{Event, HardState, Input, Output, Rejection, RoleKind, StepDown, Unfit, Urgency};

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];

/// A leader that has taken the step from three voters to the voters 1 and 2, and its heartbeats.
fn removing() -> (Node, Outputs) {
    let mut node = leader(1, &THREE);
    let out = node.reconfigure(10, &[1, 2], &[]);
    assert_eq!(node.lists().0, [1, 2]);
    (node, out)
}

/// Before the commit the change may be undone, and then the group may need the node.
#[test]
fn a_removed_node_gets_heartbeats_until_the_commit_and_then_the_membership() {
    let (mut node, out) = removing();
    let early = to(&out, 3);
    assert_eq!((heartbeat_of(&early).membership.as_ref(), early.header().committed), (None, false));
    assert!(heartbeat_of(&early).promise > ns(0), "the promise keeps it from campaigning meanwhile");
    let out = node.hear(11, 2, accept(&to(&out, 2)));
    assert_eq!(trace(&out), "committed, heartbeat 3, reached");
    let late = to(&out, 3);
    assert_eq!(heartbeat_of(&late).membership.as_deref(), Some(node.membership()));
    assert!(late.header().committed);

    let mut gone = Node::new(config(3), HardState { term: term(1), ..first_state(&THREE) }, 0);
    gone.hear(0, 1, heartbeat(1, 1).carrying(members(version(1, 1), &THREE)));
    assert_eq!(trace(&gone.hear(10, 1, early)), "yes 1");
    assert!(gone.membership().contains(3));
    let out = gone.hear(12, 1, late);
    assert_eq!(trace(&out), "persist, committed, removed, yes 1");
    assert_eq!(trace(&node.hear(13, 3, to(&out, 1))), "");
    assert!(!trace(&node.tick_at(10 + HEARTBEAT)).contains("heartbeat 3"), "it has acknowledged");
}

/// The leader repeats the notice while the node may only be slow, and not for ever.
#[test]
fn a_removed_node_that_does_not_reply_gets_a_limited_number_of_notices() {
    let (mut node, out) = removing();
    node.hear(11, 2, accept(&to(&out, 2)));
    let mut notices = 0;
    for at in (10 + HEARTBEAT..5_000).step_by(HEARTBEAT as usize) {
        let beats = node.tick_at(at);
        notices += usize::from(trace(&beats).contains("heartbeat 3"));
        node.accepted(at, &[2], &beats);
    }
    assert_eq!(notices, 19);
}

/// `Removed` is final, so it comes only after the commit.
#[test]
fn a_node_is_not_removed_by_a_membership_that_may_yet_be_undone() {
    let mut node = Node::fresh(3, &THREE);
    let asked = node.tick_at(node.due());
    let now = sent_at(&asked, 1);
    let two = members(version(1, 2), &[1, 2]);
    let told = deny(&to(&asked, 1), Denial::NotAMember).in_term(1).carrying(two.clone());
    let out = node.hear(now, 1, told.clone());
    assert_eq!(trace(&out), "persist, installed");
    // The node may not campaign any more. It asks only to learn whether it is removed, after a restart too.
    let mut node = node.restarted(now);
    let asked = node.tick_at(node.due());
    assert_eq!(request_of(&to(&asked, 1)).claim, quorate::message::Claim::Inquiry);
    assert_eq!(trace(&asked), "pre-vote 1, pre-vote 2");
    let now = sent_at(&asked, 1);
    let out = [1, 2].map(|voter| node.hear(now, voter, grant(&to(&asked, voter), 0)));
    assert_eq!(
        (out, node.role()),
        ([vec![], vec![]], RoleKind::PreCandidate),
        "the node is no voter any more"
    );
    let asked = node.tick_at(now + LIMIT);
    let now = sent_at(&asked, 2);
    let out = node.hear(now, 2, deny(&to(&asked, 2), Denial::NotAMember).carrying(two).committed());
    assert_eq!(trace(&out), "persist, committed, removed");
    assert_eq!((node.deadline(), node.role()), (None, RoleKind::Follower), "it is passive from now on");
    assert_eq!(node.restarted(now).deadline(), None, "it stays passive after a restart");
}

/// The leader tells it of each later step too, until it acknowledges. A node that became a member again is told
/// again when it is removed again.
#[test]
fn a_node_is_told_once_that_it_is_removed() {
    let mut node = Node::fresh(3, &THREE);
    let mut told = 0;
    let steps: [&[u64]; 5] = [&[1, 2], &[1, 2, 4], &[1, 4], &[1, 3, 4], &[1, 4]];
    for (number, voters) in (2..).zip(steps) {
        let notice = heartbeat(1, number).carrying(members(version(1, number), voters)).committed();
        let out = node.hear(number, 1, notice);
        assert_eq!(node.lists().0, voters);
        told += events(&out).iter().filter(|event| **event == Event::Removed).count();
        assert_eq!(told, if number < 6 { 1 } else { 2 }, "after step {number}");
    }
}

/// A removed node still tells other nodes the membership it knows.
#[test]
fn a_removed_node_replies_with_the_membership_it_holds() {
    let mut node = Node::fresh(3, &THREE);
    let two = members(version(1, 2), &[1, 2]);
    let out = node.hear(0, 1, heartbeat(1, 1).carrying(two.clone()).committed());
    assert_eq!(trace(&out), "persist, committed, removed, yes 1, leader");
    let out = node.hear(1_000, 2, pre_vote(1, 1));
    let quorate::message::Body::VoteReply(reply) = to(&out, 2).body() else { panic!("{out:?}") };
    assert_eq!(reply.membership.as_deref(), Some(&two));
    assert_eq!(node.deadline(), None);
}

/// Rule 8.3: the flag in its replies is enough, and a target does not keep the member.
#[test]
fn a_member_that_wants_to_leave_is_removed_even_if_the_target_contains_it() {
    let mut follower = Node::fresh(3, &THREE);
    assert_eq!(follower.step_at(0, Input::Leave), []);
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

/// Rule 8.3: the leader takes all other steps first and hands over, and the next leader removes it.
#[test]
fn a_leader_that_is_not_in_the_target_takes_all_other_steps_and_hands_over() {
    let mut node = leader(1, &[1, 2, 3, 4]);
    let out = node.reconfigure(10, &[2, 3], &[]);
    assert_eq!(node.lists().0, [1, 2, 3], "the leader stays a member while it leads");
    let out = node.accepted(11, &[2, 3], &out);
    assert!(trace(&out).contains("committed") && !trace(&out).contains("reached"), "{}", trace(&out));
    assert!(is_named(&to(&out, 2)));
    let out = node.hear(12, 2, accept(&to(&out, 2)).ready());
    let stepped_down =
        Event::SteppedDown { term: term(1), reason: StepDown::Resigned { successor: Some(2) } };
    assert_eq!(events(&out)[0], stepped_down);
    assert!(!trace(&out).contains("abandoned"), "only the leader's own removal is left of the target");
    let out = node.hear(13, 2, heartbeat(2, 1).carrying(members(version(2, 2), &[1, 2, 3])));
    assert!(reply_of(&to(&out, 2)).leaving, "the next leader has to remove it");
}

/// Rule 8.3: a successor must not leave too, and must have replied in this term.
#[test]
fn a_leaving_leader_hands_over_only_to_a_voter_that_stays_and_otherwise_keeps_leading() {
    let (mut node, beats) = elected(1, &THREE);
    node.hear(1, 2, accept(&to(&beats, 2)).version(0, 1).leaving());
    let out = node.resign(1, Some(2), Urgency::WhenReady);
    assert_eq!(out, [Output::Rejected(Rejection::UnfitSuccessor { successor: 2, reason: Unfit::Leaving })]);
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
    assert_eq!(
        (node.role(), node.lists().0),
        (RoleKind::Leader, &[1][..]),
        "the leader has removed the others"
    );
    assert_eq!(node.step_at(now, Input::Leave), [Output::Rejected(Rejection::OnlyVoter)]);
}

#[test]
fn only_a_member_can_leave() {
    let mut node = Node::new(config(4), HardState::joining(CLUSTER), 0);
    assert_eq!(node.step_at(0, Input::Leave), [Output::Rejected(Rejection::NotAMember { id: 4 })]);
}

/// Rule 8.3: the request to leave survives an election.
#[test]
fn a_node_that_wants_to_leave_and_is_elected_hands_over() {
    let mut node = Node::fresh(1, &THREE);
    node.step(Input::Leave);
    let asked = node.campaign(&[2]);
    let beats = node.win(sent_at(&asked, 2), &[2], &asked);
    let out = node.hear(1, 2, accept(&to(&beats, 2)));
    assert!(is_named(&to(&out, 2)), "{}", trace(&out));
}

/// Rule 8.3: a target does not keep a leader that asked to leave.
#[test]
fn a_leader_that_wants_to_leave_is_removed_even_if_a_target_contains_it() {
    let mut node = leader(1, &THREE);
    node.resign(10, Some(2), Urgency::WhenReady);
    node.step(Input::Leave);
    node.reconfigure(11, &THREE, &[]);
    let out = node.hear(12, 2, heartbeat(2, 1).carrying(members(version(2, 1), &THREE)));
    assert!(reply_of(&to(&out, 2)).leaving);
}

/// Rule 8.3: a member that leaves does not wait for a new one.
#[test]
fn a_member_is_removed_although_a_new_node_never_replies() {
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

/// Rule 8.3: a leader that wants to leave gives new nodes two promise lengths to reply. One that does not
/// want to leave waits for them.
#[test]
fn a_leader_that_wants_to_leave_waits_two_promises_for_a_new_node() {
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
            sent(&beats).iter().any(|(_, beat)| is_named(beat))
        })
    };
    assert_eq!(tried(false), None);
    let waited = tried(true).unwrap();
    assert!((2 * PROMISE - HEARTBEAT..2 * PROMISE + 2 * HEARTBEAT).contains(&waited), "{waited}");
}

/// Rule 8.3: all removed nodes get notices, and a node that was added again gets none.
#[test]
fn exactly_the_removed_nodes_get_removal_notices() {
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

/// Rules 6.4 and 8.3: a leader whose handover failed tries again after two promise lengths, not before.
#[test]
fn a_leaving_leader_whose_handover_fails_waits_before_it_tries_again() {
    let mut node = leader(1, &THREE);
    assert_eq!(trace(&node.step_at(10, Input::Leave)), "heartbeat 2");
    let mut failed = 0;
    while node.due() < 10 + LIMIT + 2 * PROMISE {
        let (now, out) = (node.due(), node.tick_at(node.due()));
        if trace(&out).contains("handover-failed") {
            failed = now;
        }
        for (follower, beat) in sent(&out) {
            node.hear(now, follower, accept(beat));
        }
    }
    assert_eq!(failed, 10 + LIMIT);
    assert_eq!(node.step_at(failed + 2 * PROMISE - 1, Input::Leave), []);
    assert_eq!(
        trace(&node.step_at(failed + 2 * PROMISE, Input::Leave)),
        "heartbeat 3",
        "this time the other follower"
    );
}

/// Rules 6.5 and 8.3: node 2 has a higher priority and is never ready, so each takeover fails. The leader wants to
/// leave, and then node 3 is good enough.
#[test]
fn a_leader_that_wants_to_leave_hands_over_although_a_takeover_fails_again_and_again() {
    let mut node = leader(1, &THREE);
    let mut left = false;
    for now in 1..60_000 {
        let mut out = node.tick_at(now);
        if now == 40_500 {
            out.extend(node.step(Input::Leave));
        }
        for (follower, beat) in sent(&out) {
            let reply = accept(beat).priority(if follower == 2 { 2 } else { 1 });
            let is_named = is_named(beat);
            let reply = if is_named && follower == 3 { reply.ready() } else { reply };
            let out = node.hear(now, follower, reply);
            left |= events(&out).iter().any(|event| matches!(event, Event::SteppedDown { .. }));
        }
        if left {
            assert!(now > 40_500, "without the wish to leave only node 2 may take over");
            return;
        }
    }
    panic!("the leader is still there 19 s after it wanted to leave");
}

/// Rule 8.3: a voter may be needed to undo an uncommitted change, and a node without a vote is not.
#[test]
fn only_a_node_without_a_vote_is_told_of_a_change_that_may_be_undone() {
    let mut voter = Node::fresh(2, &THREE);
    voter.hear(0, 1, heartbeat(1, 1).carrying(members(version(1, 2), &[1, 2])));
    let told = |claim| {
        let out = voter.clone().hear(1, 3, pre_vote(1, 1).claim(claim));
        let quorate::message::Body::VoteReply(reply) = to(&out, 3).body() else { panic!("{out:?}") };
        reply.membership.is_some()
    };
    assert!(!told(quorate::message::Claim::Own));
    assert!(told(quorate::message::Claim::Inquiry));
}

/// Rule 8.3: a removal is final, so a restart must not undo it.
#[test]
fn a_node_that_learns_that_it_is_removed_makes_that_durable() {
    let mut node = Node::fresh(3, &THREE);
    node.hear(0, 1, heartbeat(1, 1).carrying(members(version(1, 2), &[1, 2])));
    let out = node.hear(1, 1, heartbeat(1, 2).version(1, 2).committed());
    assert_eq!(trace(&out), "persist, committed, removed, yes 1");
    assert!(persisted(&out).unwrap().committed);
}
