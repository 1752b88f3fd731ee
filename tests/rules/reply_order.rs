//! Rule 2.8: replies are ordered, and belong to one record of a member, one attempt, and one process.

use std::collections::BTreeSet;

use quorate::message::{Answer, Body, Denial, Order, Round};
use quorate::{
    Election, Event, Input, MemberProgress, MembershipVersion, Position, Priority, RoleKind, Urgency,
};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];
const FOUR: [u64; 4] = [1, 2, 3, 4];

/// What the leader knows of that member.
fn progress(node: &Node, id: u64) -> MemberProgress {
    let status = node.status();
    status.members.iter().find(|member| member.id == id).unwrap().follower.clone().unwrap()
}

/// The nodes of `by` accept the heartbeats of `out` to them, and those that come of it. Returns all outputs.
fn settle(node: &mut Node, now: u64, by: &[u64], mut out: Outputs) -> Outputs {
    let mut all = Outputs::new();
    while !out.is_empty() {
        let beats: Vec<(u64, Msg)> = sent(&out).iter().map(|&(to, beat)| (to, beat.clone())).collect();
        all.append(&mut out);
        let present = beats.iter().filter(|(to, _)| by.contains(to));
        out = present.flat_map(|(from, beat)| node.hear(now, *from, accept(beat))).collect();
    }
    all
}

/// A reply that was overtaken counts only for its promise, if that is longer.
#[test]
fn from_a_reply_that_is_not_the_newest_only_a_longer_promise_is_taken() {
    let mut node = leader(1, &THREE);
    let older = node.tick_at(node.due());
    let newer = node.tick_at(node.due());
    let now = sent_at(&newer, 2);
    node.hear(now, 2, accept(&to(&newer, 2)).position(5).priority(2));
    let before = progress(&node, 2);
    let late = grant(&to(&older, 2), LIMIT).position(9).priority(0).leaving().ready();
    assert_eq!(node.hear(now, 2, late), []);
    let mut after = progress(&node, 2);
    assert_eq!(after.bound_for, ms(LIMIT - HEARTBEAT), "the promise of the late reply is the longer one");
    after.bound_for = before.bound_for;
    assert_eq!(after, before);
    assert_eq!((before.position, before.priority, before.leaving), (at_index(5), Priority(2), false));
}

/// The member has gone on to a higher term since: the version that a late reply names is no acknowledgement.
#[test]
fn a_late_reply_acknowledges_nothing() {
    let (mut node, older) = elected(1, &THREE);
    let newer = node.tick_at(node.due());
    let now = sent_at(&newer, 2);
    node.hear(now, 2, accept(&to(&newer, 2)).version(0, 1));
    assert_eq!(node.hear(now, 2, accept(&to(&older, 2))), []);
    assert!(!node.is_committed());
}

/// A denial is a reply too: what the member said before does not count after it.
#[test]
fn a_denial_is_the_newest_reply_of_its_member() {
    let mut node = leader(1, &THREE);
    let older = node.tick_at(node.due());
    let newer = node.tick_at(node.due());
    let now = sent_at(&newer, 2);
    node.hear(now, 2, deny(&to(&newer, 2), Denial::NotAMember));
    node.hear(now, 2, accept(&to(&older, 2)).position(7).leaving());
    let progress = progress(&node, 2);
    assert_eq!((progress.position, progress.leaving), (Position::default(), false));
    let last = node.status().last_denial;
    node.hear(now, 2, deny(&to(&older, 2), Denial::StaleTerm));
    assert_eq!(node.status().last_denial, last, "an older denial does not replace a newer one");
}

/// No reply to a round that was never sent can hide all those to come.
#[test]
fn a_reply_to_a_round_that_was_never_sent_is_ignored() {
    let mut node = leader(1, &THREE);
    let beats = node.tick_at(node.due());
    let now = sent_at(&beats, 2);
    assert_eq!(node.hear(now, 2, accept(&to(&beats, 2)).round(u64::MAX).position(1)), []);
    node.hear(now, 2, accept(&to(&beats, 2)).position(2));
    assert_eq!(progress(&node, 2).position, at_index(2));
}

/// A leader of the voters 1 to 4 that node 4 has asked to be removed, at 10, and that has removed it and added it
/// again as a learner; the reply with the wish; and the heartbeats of the last step.
fn added_again() -> (Node, Msg, Outputs) {
    let mut node = leader(1, &FOUR);
    let beats = node.tick_at(node.due());
    let now = sent_at(&beats, 4);
    let wish = accept(&to(&beats, 4)).leaving();
    node.accepted(now, &[2, 3], &beats);
    let asked = node.hear(now, 4, wish.clone());
    settle(&mut node, now, &[2, 3], asked);
    assert_eq!((node.lists(), node.is_committed()), ((&THREE[..], &[][..]), true));
    let out = node.reconfigure(now + 1, &FOUR, &[]);
    assert_eq!(node.lists(), (&THREE[..], &[4][..]));
    (node, wish, out)
}

/// Nodes 1 to 4. Node 4 asks to leave, is removed, and is added again. A copy of its first wish arrives.
#[test]
fn a_wish_to_leave_from_before_a_member_was_added_again_does_not_count() {
    let (mut node, wish, out) = added_again();
    let now = sent_at(&out, 4);
    let before = progress(&node, 4);
    assert_eq!(node.hear(now, 4, wish.clone()), []);
    assert_eq!(progress(&node, 4), before, "nor does its promise, which the new process may not know of");
    settle(&mut node, now, &[2, 3, 4], out);
    assert_eq!(node.lists().0, FOUR);
    assert_eq!(node.hear(now, 4, wish), []);
    assert_eq!((node.lists().0, progress(&node, 4).leaving), (&FOUR[..], false));
}

/// Node 4 has not heard yet that it was removed and added again.
#[test]
fn a_reply_with_an_older_membership_tells_of_a_wish_from_before_the_member_was_added() {
    let (mut node, _, out) = added_again();
    let (added, beat) = (node.membership().version(), to(&out, 4));
    let before = MembershipVersion { number: added.number - 1, ..added };
    node.hear(sent_at(&out, 4), 4, accept(&beat).leaving().version(before.term.0, before.number));
    assert!(!progress(&node, 4).leaving);
    let beat = to(&node.tick_at(node.due()), 4);
    node.hear(reading(beat.header().sent_at), 4, accept(&beat).leaving());
    assert!(progress(&node, 4).leaving, "this wish is of a member that knows the addition");
}

/// A leader that has removed node 4 and added it again, or made it a `learner`; and node 4, which has asked to leave
/// and has heard of all that at once, in what it was sent last.
fn hears_of_its_addition(learner: bool) -> (Node, Node, Outputs) {
    let mut leader = leader(1, &FOUR);
    let mut node = Node::fresh(4, &FOUR);
    let beats = leader.tick_at(leader.due());
    let now = sent_at(&beats, 4);
    node.hear(now, 1, to(&beats, 4).carrying(leader.membership().clone()));
    node.step(Input::Leave);
    leader.accepted(now, &[2, 3, 4], &beats);
    if !learner {
        let out = leader.reconfigure(now, &THREE, &[]);
        settle(&mut leader, now, &[2, 3], out);
    }
    let out = leader.reconfigure(now + 1, &THREE, &[4]);
    settle(&mut leader, now + 1, &[2, 3], out);
    assert_eq!(leader.lists(), (&THREE[..], &[4][..]));
    let beat = leader.tick_at(leader.due());
    let out = node.hear(sent_at(&beat, 4), 1, to(&beat, 4));
    assert_eq!(node.lists(), leader.lists());
    (leader, node, out)
}

/// Rule 8.3 (a).
#[test]
fn a_node_that_is_added_again_forgets_its_wish_to_leave_from_before() {
    let (mut leader, mut node, out) = hears_of_its_addition(false);
    assert!(!node.status().leaving);
    assert!(trace(&out).starts_with("persist, leave-forgotten"), "{}", trace(&out));
    assert!(trace(&out).ends_with("yes 1"), "{}", trace(&out));
    node.step(Input::Leave);
    let now = leader.due();
    let out = leader.reconfigure(now, &THREE, &[4, 5]);
    let out = settle(&mut leader, now, &[2, 3], out);
    let beat = to(&out, 4);
    let out = node.hear(now, 1, beat);
    assert_eq!(node.lists(), leader.lists());
    assert!(!trace(&out).contains("leave-forgotten"));
    assert!(node.status().leaving, "this wish is a new one, and node 5 was added later, not node 4");
}

/// The node has been a member all the time.
#[test]
fn a_voter_that_becomes_a_learner_still_wants_to_leave() {
    let (_, node, out) = hears_of_its_addition(true);
    assert!(node.status().leaving && !trace(&out).contains("leave-forgotten"));
}

/// Node 4 has heard neither of its removal nor of its addition when its host asks it to leave, and hears of both in the
/// denial of a pre-vote. Without a wish there is nothing to tell.
#[test]
fn a_node_that_learns_of_its_addition_from_a_denial_says_that_it_forgets_its_wish() {
    let (leader, ..) = hears_of_its_addition(false);
    let again = leader.membership();
    for wishes in [true, false] {
        let mut node = Node::fresh(4, &FOUR);
        if wishes {
            node.step(Input::Leave);
        }
        let mut out = Outputs::new();
        while node.role() != RoleKind::PreCandidate {
            out = node.tick_at(node.due());
        }
        let now = sent_at(&out, 2);
        let denial = deny(&to(&out, 2), Denial::StaleMembership);
        let out = node.hear(now, 2, denial.carrying(again.clone()).in_term(leader.term().0));
        assert_eq!(node.lists(), (&THREE[..], &[4][..]));
        assert!(!node.status().leaving);
        let expected = if wishes { "persist, leave-forgotten, " } else { "persist, " };
        assert!(trace(&out).starts_with(expected), "{}", trace(&out));
        assert_eq!(trace(&out).contains("leave-forgotten"), wishes);
    }
}

/// Rule 8.3 (a): a target of which a member has left was not reached as it was given.
#[test]
fn a_target_that_has_lost_a_member_is_not_reported_as_reached() {
    let mut node = leader(1, &FOUR);
    let beats = node.tick_at(node.due());
    let now = sent_at(&beats, 4);
    node.accepted(now, &[2, 3], &beats);
    let mut out = node.reconfigure(now, &FOUR, &[5]);
    out.extend(node.hear(now, 4, accept(&to(&beats, 4)).leaving()));
    let seen = events(&settle(&mut node, now, &[2, 3, 5], out));
    assert_eq!(node.lists(), (&THREE[..], &[5][..]));
    let reached = seen.iter().filter(|event| matches!(event, Event::TargetReached { .. })).count();
    let abandoned = seen.iter().filter(|event| **event == Event::TargetAbandoned).count();
    assert_eq!((reached, abandoned), (0, 1), "{seen:?}");
}

/// The first attempt of node 1 to hand over to node 2 fails, and the `ready` of node 2 is late.
#[test]
fn ready_counts_only_in_the_attempt_that_asked_for_it() {
    let mut node = leader(1, &THREE);
    let first = to(&node.resign(10, Some(2), Urgency::WhenReady), 2);
    let mut out = Outputs::new();
    while !trace(&out).contains("handover-failed") {
        out = node.tick_at(node.due());
        let now = node.status().now;
        let beats: Vec<u64> = sent(&out).iter().map(|(to, _)| *to).filter(|&id| id == 3).collect();
        node.accepted(reading(now), &beats, &out);
    }
    let beats = node.tick_at(node.due());
    let now = sent_at(&beats, 2);
    node.accepted(now, &[2, 3], &beats);
    let second = to(&node.resign(now, Some(2), Urgency::WhenReady), 2);
    assert_ne!(heartbeat_of(&second).order, heartbeat_of(&first).order, "each attempt has a name");
    node.hear(now, 2, accept(&first).ready());
    assert_eq!(node.role(), RoleKind::Leader, "this `ready` is of the first attempt");
    let third = to(&node.tick_at(now + RETRY), 2);
    let reply = accept(&third);
    node.hear(now + RETRY, 2, reply.clone());
    node.hear(now + RETRY, 2, accept(&second).ready());
    assert_eq!(
        node.role(),
        RoleKind::Leader,
        "the newest reply does not say so: the successor was restarted"
    );
    node.hear(now + RETRY, 2, reply.ready());
    assert_eq!(node.role(), RoleKind::Follower, "a second reply to the same heartbeat says `ready`");
}

/// A second `Resign` replaces the first, whose attempt has no reply yet.
#[test]
fn ready_in_reply_to_an_attempt_that_was_replaced_does_not_count() {
    let mut node = leader(1, &THREE);
    let first = to(&node.resign(10, Some(2), Urgency::WhenReady), 2);
    let second = to(&node.resign(11, Some(2), Urgency::WhenReady), 2);
    node.hear(12, 2, accept(&first).ready());
    assert_eq!(node.role(), RoleKind::Leader);
    node.hear(13, 2, accept(&second).ready());
    assert_eq!(node.role(), RoleKind::Follower);
}

/// The successor has found out in the first attempt that it could win, and has heard no heartbeat since.
#[test]
fn a_successor_asks_again_in_each_attempt() {
    let mut node = Node::fresh(2, &THREE);
    node.hear(0, 1, heartbeat(1, 1).carrying(members(version(1, 1), &THREE)).rank(0));
    let named = |round, attempt| {
        heartbeat(1, round).version(1, 1).rank(0).order(Order::Prepare { attempt: Round(attempt) })
    };
    let asked = node.hear(10, 1, named(2, 2));
    let out = node.hear(12, 3, grant(&to(&asked, 3), 0));
    assert!(reply_of(&to(&out, 1)).ready);
    let same = node.hear(13, 1, named(3, 2));
    assert!(reply_of(&to(&same, 1)).ready, "the same attempt");
    let other = node.hear(14, 1, named(4, 4));
    assert_eq!(trace(&other), "pre-vote 1, pre-vote 3, yes 1");
    assert!(!reply_of(&to(&other, 1)).ready, "it has to find out again");
    node.hear(15, 3, grant(&to(&asked, 3), 0));
    let still = node.hear(16, 1, named(5, 4));
    assert!(!reply_of(&to(&still, 1)).ready, "a grant of the first attempt does not count");
}

/// The machine was started again, and its clock with it: a reply from before names a time after the round began.
#[test]
fn a_pre_vote_granted_in_an_earlier_term_does_not_count() {
    let mut node = Node::fresh(1, &THREE);
    let asked = node.tick_at(node.due());
    let mut reply = grant(&to(&asked, 2), 0);
    reply.modify(|_, body| {
        let Body::VoteReply(reply) = body else { panic!("{body:?}") };
        reply.request_term = term(1);
    });
    node.hear(sent_at(&asked, 2), 2, reply);
    assert_eq!(node.role(), RoleKind::PreCandidate);
}

/// A reply from before a restart may fit in all but the number of the round.
#[test]
fn each_process_begins_its_rounds_at_another_number() {
    let round = |seed| {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let mut election = Election::new(config(1), first_state(&THREE), at_ms(0), rng).unwrap();
        let asked = election.tick(election.deadline().unwrap());
        to(&asked, 2).header().round.0
    };
    let rounds: BTreeSet<u64> = (0..100).map(round).collect();
    assert_eq!(rounds.len(), 100, "{rounds:?}");
    assert!(rounds.iter().all(|&round| round <= 1 << 20), "{rounds:?}");
}

/// The generator of these tests begins the rounds at 0 in each process.
#[test]
fn a_pre_vote_granted_before_a_restart_does_not_count_after_it() {
    let mut node = Node::fresh(1, &THREE);
    let old = node.tick_at(node.due());
    let mut node = node.restarted(500);
    let new = node.tick_at(node.due());
    assert_eq!(to(&old, 2).header().round, to(&new, 2).header().round);
    let now = sent_at(&new, 2);
    node.hear(now, 2, grant(&to(&old, 2), 0));
    assert_eq!(node.role(), RoleKind::PreCandidate);
    node.hear(now, 2, answer(&to(&new, 2), Answer::Granted(ns(0))));
    assert_eq!(node.role(), RoleKind::Candidate);
}
