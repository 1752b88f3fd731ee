//! Rules 8.1 and 8.2: steps from one membership to the next, and on to a target.

use quorate::message::Order;
use quorate::{
    Config, Event, Force, HardState, Input, Membership, Priority, Rejection, RoleKind, StepDown, Target,
    Timing, Urgency,
};

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];
const FIVE: [u64; 5] = [1, 2, 3, 4, 5];

/// A leader of term 1 with these members, all of which reply. The long promises are over, and heartbeats
/// ask for the usual one.
fn steady(voters: &[u64], learners: &[u64]) -> (Node, u64) {
    let membership = Membership::new(version(0, 1), voters.to_vec(), learners.to_vec(), voters.len() / 2 + 1);
    let state = HardState { membership: membership.unwrap(), ..first_state(voters) };
    let mut node = Node::new(config(1), state, 0);
    let others: Vec<u64> = voters.iter().chain(learners).copied().filter(|&id| id != 1).collect();
    let asked = node.campaign(&voters[1..]);
    let mut beats = node.win(0, &voters[1..], &asked);
    node.accepted(0, &others, &beats);
    // Long enough for the long promises to be over.
    let mut now = 0;
    for _ in 0..10 {
        now += HEARTBEAT;
        beats = node.tick_at(now);
        node.accepted(now, &others, &beats);
    }
    assert_eq!(node.lease_end(), now + PROMISE);
    (node, now)
}

/// Rule 8.1 (a). Spec: `ConfigQuorumCheck`, `TermQuorumCheck`. A step needs a committed membership.
#[test]
fn no_step_is_taken_before_the_membership_in_force_is_committed() {
    let (mut node, beats) = elected(1, &THREE);
    assert_eq!(node.reconfigure(1, &THREE, &[4]), []);
    let stale = accept(&to(&beats, 3)).version(0, 1);
    assert_eq!(node.hear(2, 3, stale), [], "that voter holds the version before");
    let out = node.hear(3, 2, accept(&to(&beats, 2)));
    assert_eq!(
        trace(&out),
        "persist, installed, committed, persist, installed, heartbeat 2, heartbeat 3, heartbeat 4"
    );
    assert_eq!((node.lists(), node.membership().version()), ((&THREE[..], &[4][..]), version(1, 2)));
    assert_eq!(persisted(&out).unwrap().membership, *node.membership());
}

/// Rule 8.1 (a): one step at a time.
#[test]
fn the_next_step_waits_for_the_commit_of_the_last() {
    let mut node = leader(1, &FIVE);
    let out = node.reconfigure(10, &THREE, &[]);
    assert_eq!(
        node.lists().0,
        [1, 2, 3, 5],
        "one of the two voters goes first, since quorums of 5 and 3 need not overlap"
    );
    assert_eq!(trace(&node.hear(11, 2, accept(&to(&out, 2)))), "");
    assert_eq!(node.lists().0.len(), 4);
    let out = node.hear(12, 3, accept(&to(&out, 3)));
    assert!(trace(&out).starts_with("committed, "), "{}", trace(&out));
    assert_eq!(node.lists().0, THREE);
}

/// Rule 8.2: a new node follows before it votes.
#[test]
fn a_new_node_votes_only_once_it_has_acknowledged_the_membership_as_a_learner() {
    let mut node = leader(1, &THREE);
    let out = node.reconfigure(10, &[1, 2, 3, 4], &[]);
    assert_eq!(node.lists(), (&THREE[..], &[4][..]));
    assert_eq!(heartbeat_of(&to(&out, 4)).membership.as_deref(), Some(node.membership()));
    node.accepted(11, &[2, 3], &out);
    assert_eq!((node.status().committed, node.lists().0), (true, &THREE[..]), "4 has not replied yet");
    node.hear(12, 4, accept(&to(&out, 4)).version(0, 0));
    let again = node.tick_at(10 + HEARTBEAT);
    node.accepted(11 + HEARTBEAT, &[2, 3], &again);
    assert_eq!(node.lists().0, THREE, "4 follows, but does not hold the membership yet");
    let out = node.hear(12 + HEARTBEAT, 4, accept(&to(&again, 4)));
    assert_eq!(trace(&out), "persist, installed, heartbeat 2, heartbeat 3, heartbeat 4");
    assert_eq!(node.lists(), (&[1, 2, 3, 4][..], &[][..]));
    let out = node.accepted(13 + HEARTBEAT, &[2, 3], &out);
    assert!(events(&out).contains(&Event::TargetReached { version: version(1, 3) }), "{}", trace(&out));
}

/// Rule 8.1: the lease is longest when a reply has come. Just when a heartbeat is due it may always be too short for
/// (d), so a leader that looked only then would wait for ever.
#[test]
fn a_step_is_taken_however_rare_the_heartbeats_are_and_however_short_the_long_promise() {
    // Heartbeat interval, longest promise, drift, and the time that a reply takes.
    let lengths =
        [(50, 450, 500, 1), (75, 450, 500, 1), (75, 150, 500, 1), (75, 150, 500, 60), (50, 150, 500, 60)];
    for (interval, limit, clock_drift_ppm, delay) in lengths {
        let timing = Timing {
            heartbeat_interval: ms(interval),
            promise_limit: ms(limit),
            clock_drift_ppm,
            ..Timing::lan()
        };
        let mut node = Node::new(Config { timing, ..Config::new(1) }, first_state(&THREE), 0);
        let asked = node.campaign(&[2]);
        let mut replies = Vec::new();
        let mut out = node.win(0, &[2], &asked);
        for now in 0..3_000 {
            if now > 0 {
                out.extend(node.tick_at(now));
            }
            // The wish comes between the heartbeats of a round and the replies to them.
            if now == 10 * interval {
                out.extend(node.reconfigure(now, &[1, 2], &[]));
            }
            replies.extend(sent(&out).into_iter().map(|(to, beat)| (now + delay, to, accept(beat))));
            out.clear();
            let (due, later) = replies.into_iter().partition(|&(at, _, _)| at <= now);
            replies = later;
            for (_, from, reply) in due {
                out.extend(node.hear(now, from, reply));
            }
        }
        assert_eq!(node.lists().0, [1, 2], "{interval} {limit} {clock_drift_ppm} {delay}");
    }
}

/// Rule 8.1 (g): the reply on which a step waits comes right after the lapse.
#[test]
fn no_step_is_taken_on_a_reply_that_comes_after_the_lease() {
    let mut node = leader(1, &THREE);
    for _ in 0..9 {
        let beats = node.tick_at(node.due());
        node.accepted(sent_at(&beats, 2), &[2, 3], &beats);
    }
    let asked = node.reconfigure(reading(node.status().now) + 40, &[1, 2], &[]);
    assert_eq!(trace(&asked), "heartbeat 2, heartbeat 3", "it asks for long promises before it writes");
    let version = node.membership().version();
    let end = node.lease_end();
    let out = node.hear(end, 2, accept(&to(&asked, 2)));
    assert!(trace(&out).starts_with("stepped-down"), "{}", trace(&out));
    assert_eq!(
        (node.role(), node.membership().version(), persisted(&out)),
        (RoleKind::Follower, version, None)
    );
}

/// Rule 8.1 (d): no lease could count on a voter that promises nothing.
#[test]
fn a_learner_that_is_not_bound_is_not_promoted() {
    let mut node = leader(1, &THREE);
    let out = node.reconfigure(10, &[1, 2, 3, 4], &[]);
    node.accepted(11, &[2, 3], &out);
    node.hear(12, 4, grant(&to(&out, 4), 2));
    assert_eq!(node.lists().0, THREE, "the promise of 4 ends at this time");
    let beats = node.tick_at(10 + HEARTBEAT);
    let out = node.hear(61, 4, grant(&to(&beats, 4), PROMISE));
    assert!(trace(&out).contains("persist, installed, "), "{}", trace(&out));
    assert_eq!(node.lists().0, [1, 2, 3, 4]);
}

/// Rule 3.5: a step takes a write of the leader and of its followers.
#[test]
fn a_leader_asks_for_the_long_promise_before_it_takes_a_step() {
    let (mut node, now) = steady(&THREE, &[]);
    let out = node.reconfigure(now, &THREE, &[4]);
    assert_eq!(trace(&out), "heartbeat 2, heartbeat 3");
    assert_eq!(heartbeat_of(&to(&out, 2)).promise, ns(LIMIT));
    let out = node.hear(now + 1, 2, accept(&to(&out, 2)));
    assert_eq!(trace(&out), "persist, installed, heartbeat 2, heartbeat 3, heartbeat 4");
}

/// Rule 3.5: the leader does not wait for ever.
#[test]
fn a_step_is_taken_without_the_long_promise_after_two_promises() {
    let (mut node, now) = steady(&THREE, &[]);
    let mut beats = node.reconfigure(now, &THREE, &[4]);
    let taken = (now..now + 10 * PROMISE).step_by(HEARTBEAT as usize).find(|at| {
        node.hear(*at, 2, grant(&to(&beats, 2), PROMISE));
        beats = node.tick_at(at + HEARTBEAT);
        !node.lists().1.is_empty()
    });
    assert_eq!(taken, Some(now + 2 * PROMISE));
}

/// Rule 3.5 (b): a learner that grants 150 never gives the leader what three quarters of its own long promise are. The
/// step that makes it a voter is taken right after a reply, when the lease is longest, and not before the next one.
#[test]
fn a_step_is_taken_when_most_is_left_of_the_lease_that_the_next_voters_grant() {
    let membership = Membership::new(version(0, 1), vec![1], vec![2], 1).unwrap();
    let mut node = Node::new(config(1), HardState { membership, ..first_state(&[1]) }, 0);
    let asked = 10 * HEARTBEAT;
    let (mut reply, mut now) = (None, node.due());
    while node.lists().0 == [1] && now < asked + 10 * PROMISE {
        let mut out = node.tick_at(now);
        if let Some(reply) = reply.take() {
            out.extend(node.hear(now, 2, reply));
        }
        if now == asked {
            out.extend(node.reconfigure(now, &[1, 2], &[]));
        }
        let beat = sent(&out).into_iter().find(|&(to, _)| to == 2);
        reply = beat.map(|(_, beat)| grant(beat, PROMISE));
        now += 1;
    }
    let taken = now - 1;
    assert_eq!(node.lists().0, [1, 2], "the step is taken");
    assert!(taken >= asked + 2 * PROMISE, "{taken}: the leader waits for two promises first");
    assert!(
        node.lease_end() >= taken + PROMISE * 3 / 4,
        "{taken}: too little is left of {}",
        node.lease_end()
    );
}

/// Rule 8.1 (d): a step must not depose the leader that takes it.
#[test]
fn a_step_under_which_the_lease_would_end_is_not_taken() {
    let (mut node, now) = steady(&FIVE, &[]);
    let mut beats = node.reconfigure(now, &[1, 4, 5], &[]);
    for at in (now..now + 10 * PROMISE).step_by(HEARTBEAT as usize) {
        // 4 and 5 are silent. 1, 2 and 3 are a quorum of the five voters, and not of the target.
        node.accepted(at, &[2, 3], &beats);
        beats = node.tick_at(at + HEARTBEAT);
        assert!(node.lists().0.len() >= 4 && node.lists().0.contains(&2), "{:?}", node.lists());
    }
    assert_eq!((node.role(), node.lists().0), (RoleKind::Leader, &FIVE[..]));
}

/// Rule 8.2: with `force` the leader takes the step all the same, and its leadership ends.
#[test]
fn a_forced_step_is_taken_although_the_lease_ends_with_it() {
    let (mut node, mut now) = steady(&THREE, &[]);
    for _ in 0..4 {
        now += HEARTBEAT;
        let beats = node.tick_at(now);
        node.accepted(now, &[2], &beats);
    }
    let before = node.clone();
    let target = target(&[1, 3], &[]);
    let refused = node.step_at(now, Input::Reconfigure { target: target.clone(), force: Force::Never });
    let unreachable = Rejection::QuorumUnreachable { silent: vec![3], quorum: 2 };
    assert_eq!(refused, [quorate::Output::Rejected(unreachable)]);
    assert_eq!(node, before);
    let out = node.step_at(now, Input::Reconfigure { target, force: Force::IfNeeded });
    let out = [out.clone(), node.hear(now + 1, 2, accept(&to(&out, 2)))].concat();
    assert!(trace(&out).contains("persist, installed, heartbeat 3, heartbeat 2, stepped-down, abandoned"));
    assert_eq!(node.lists().0, [1, 3]);
    assert!(events(&out).contains(&Event::SteppedDown { term: term(1), reason: StepDown::LeaseLapsed }));
}

/// Rule 8.1: workers may act under a lease that was read before the step. A quorum of the old membership
/// granted that lease, and need not share a voter with the membership after next.
#[test]
fn no_step_is_taken_while_a_lease_of_an_earlier_membership_outlasts_the_one_in_force() {
    // Of the voters only 2 replies. The new node never promises the full length.
    let short = LIMIT * 3 / 4 + 10;
    let (mut node, mut now) = steady(&THREE, &[4]);
    let mut beats = node.reconfigure(now, &[1, 2, 4], &[]);
    let (mut steps, mut voters) = (Vec::new(), node.lists().0.to_vec());
    for _ in 0..20 {
        node.hear(now, 4, grant(&to(&beats, 4), short));
        node.hear(now, 2, grant(&to(&beats, 2), LIMIT));
        if node.lists().0 != voters {
            voters = node.lists().0.to_vec();
            steps.push((now, voters.clone()));
        }
        now += HEARTBEAT;
        beats = node.tick_at(now);
    }
    let [(first, grown), (second, shrunk)] = &steps[..] else { panic!("{steps:?}") };
    assert_eq!((&grown[..], &shrunk[..]), (&[1, 2, 3, 4][..], &[1, 2, 4][..]));
    assert!(second + short >= first + LIMIT, "1 and 2 alone granted a lease until {}", first + LIMIT);
    assert!(*second < first + LIMIT, "the leader does not wait longer than necessary");
}

/// Rules 5.1 and 6.1: no step while the leader renews or hands over.
#[test]
fn no_step_is_taken_during_a_handover_or_a_renewal() {
    let mut node = leader(1, &THREE);
    let out = node.resign(10, Some(2), Urgency::WhenReady);
    assert!(is_named(&to(&out, 2)));
    assert_eq!(node.reconfigure(11, &THREE, &[4]), []);
    let beats = node.tick_at(HEARTBEAT);
    node.accepted(HEARTBEAT + 1, &[2, 3], &beats);
    assert!(node.lists().1.is_empty(), "the successor is still trying");

    // A renewal is under way when a step becomes possible.
    let (mut node, now) = steady(&THREE, &[]);
    let beats = node.reconfigure(now, &THREE, &[4]);
    node.hear(now, 3, pre_vote(7, 9).version(1, 1));
    node.hear(now + 1, 2, accept(&to(&beats, 2)));
    assert_eq!((node.lists().1, node.term()), (&[][..], term(8)));

    let mut node = leader(1, &THREE);
    node.hear(10, 2, pre_vote(7, 9).version(1, 1));
    let refused = node.reconfigure(11, &THREE, &[4]);
    assert_eq!(refused, [quorate::Output::Rejected(Rejection::Renewing)]);
}

/// Rule 8.2: committed steps stay. The target is dropped with leadership, and the host is told.
#[test]
fn the_target_is_abandoned_with_leadership() {
    let mut node = leader(1, &THREE);
    node.reconfigure(10, &[1, 2, 3, 4], &[]);
    assert_eq!(node.status().target, Some(target(&[1, 2, 3, 4], &[])));
    let out = node.tick_at(node.lease_end());
    assert!(trace(&out).starts_with("stepped-down, abandoned, "), "{}", trace(&out));
    assert_eq!((node.status().target, node.lists()), (None, (&THREE[..], &[4][..])));
}

/// Rule 5.1: a reconfiguration goes on in the new term after a renewal.
#[test]
fn the_target_survives_a_renewal() {
    let mut node = leader(1, &THREE);
    node.reconfigure(10, &[1, 2, 3, 4], &[]);
    let asked = node.hear(11, 2, pre_vote(7, 9).version(1, 2));
    assert!(trace(&asked).contains("vote 2"), "{}", trace(&asked));
    let won = node.win(12, &[2], &asked);
    assert_eq!(node.lease().unwrap().term, term(8));
    assert_eq!(node.status().target, Some(target(&[1, 2, 3, 4], &[])));
    node.accepted(13, &[2, 3, 4], &won);
    assert_eq!(node.lists().0, [1, 2, 3, 4]);
}

/// Rule 8.1: a lease of the term before a renewal counts as well, if it lasts longer.
#[test]
fn no_step_is_taken_while_a_lease_of_the_term_before_outlasts_the_one_in_force() {
    let mut node = leader(1, &THREE);
    let before = node.lease_end();
    // From now on only the voter 3 replies, and never promises as long as 2 did.
    let short = LIMIT * 3 / 4 + 10;
    let asked = node.hear(1, 3, pre_vote(7, 9).version(1, 1));
    let mut beats = node.hear(2, 3, grant(&to(&asked, 3), short));
    assert_eq!(node.lease().unwrap().term, term(8));
    node.reconfigure(3, &THREE, &[4]);
    let mut now = 3;
    for _ in 0..10 {
        node.hear(now, 3, grant(&to(&beats, 3), short));
        let waits = node.lists().1.is_empty();
        assert!(waits || node.lease_end() >= before, "a step at {now}, while workers may act until {before}");
        now += HEARTBEAT;
        beats = node.tick_at(now);
    }
    assert_eq!(node.lists().1, [4]);
}

/// Rule 8.2: a target is abandoned when all of its voters have left.
#[test]
fn a_target_whose_voters_have_all_left_is_abandoned_with_an_event() {
    let mut node = leader(1, &THREE);
    let out = node.reconfigure(10, &[2], &[3]);
    assert_eq!(node.lists(), (&[1, 2][..], &[3][..]));
    let out = node.hear(11, 2, accept(&to(&out, 2)).leaving());
    assert!(trace(&out).contains("installed, abandoned"), "{}", trace(&out));
    assert_eq!((node.lists().0, node.status().target), (&[1][..], None));
}

/// Rule 8.2: a demotion takes one step, since the quorums of both memberships overlap.
#[test]
fn a_voter_becomes_a_learner_in_one_step() {
    let mut node = leader(1, &THREE);
    let out = node.reconfigure(10, &[1, 2], &[3]);
    assert_eq!(node.lists(), (&[1, 2][..], &[3][..]));
    let out = node.accepted(11, &[2], &out);
    assert!(trace(&out).contains("reached"), "{}", trace(&out));
}

/// A target that cannot be reached is rejected and changes nothing.
#[test]
fn a_target_that_cannot_be_reached_is_rejected_with_its_reason() {
    let reason = |node: &mut Node, now, voters: &[u64], learners: &[u64]| {
        let before = node.clone();
        let out = node.reconfigure(now, voters, learners);
        assert_eq!(*node, before, "a rejection must change nothing");
        let [quorate::Output::Rejected(reason)] = &out[..] else { panic!("{out:?}") };
        reason.clone()
    };
    assert!(Target::<u64>::new([], [1, 2]).is_err(), "there would be no voter");
    assert!(Target::new(0..=255_u64, []).is_err(), "too many");

    let mut node = leader(1, &THREE);
    assert_eq!(reason(&mut node, 0, &[2, 3], &[1]), Rejection::LeaderAsLearner);
    let mut follower = Node::fresh(2, &THREE);
    follower.hear(0, 1, heartbeat(1, 1));
    assert_eq!(reason(&mut follower, 0, &THREE, &[]), Rejection::NotLeader { leader: Some(leads(1, 1)) });

    let beats = node.tick_at(HEARTBEAT);
    for voter in [2, 3] {
        node.hear(HEARTBEAT, voter, accept(&to(&beats, voter)).priority(0));
    }
    assert_eq!(reason(&mut node, HEARTBEAT, &[2, 3], &[]), Rejection::NobodyCouldLead);
    assert_eq!(trace(&node.step(Input::SetPriority(Priority::NEVER_LEADS))), "no-successor");
    assert_eq!(reason(&mut node, HEARTBEAT, &THREE, &[]), Rejection::NobodyCouldLead);
}

/// A leader of five voters, of which 4 and 5 have been silent for long, and the time.
fn with_two_dead() -> (Node, u64) {
    let (mut node, mut now) = steady(&FIVE, &[]);
    for _ in 0..4 {
        now += HEARTBEAT;
        let beats = node.tick_at(now);
        node.accepted(now, &[2, 3], &beats);
    }
    (node, now)
}

/// Rule 8.2: if 2 were removed first, 1 and 3 would be left with two dead voters. In the right order no
/// quorum is lost, with or without `force`.
#[test]
fn silent_voters_are_removed_before_one_that_wants_to_leave() {
    for force in [Force::Never, Force::IfNeeded] {
        let (mut node, mut now) = with_two_dead();
        node.step_at(now, Input::Reconfigure { target: target(&THREE, &[]), force });
        for _ in 0..20 {
            now += HEARTBEAT;
            let beats = node.tick_at(now);
            for id in [2, 3].into_iter().filter(|&id| sent(&beats).iter().any(|(to, _)| *to == id)) {
                let reply = accept(&to(&beats, id));
                node.hear(now, id, if id == 2 { reply.leaving() } else { reply });
            }
        }
        assert_eq!((node.role(), node.lists().0), (RoleKind::Leader, &[1, 3][..]), "{force:?}");
    }
}

/// Rule 8.2: `force` of the operator does not apply to a member's request to leave.
#[test]
fn a_leader_does_not_lose_its_lease_to_let_a_member_leave() {
    let (mut node, mut now) = steady(&THREE, &[]);
    node.step_at(now, Input::Reconfigure { target: target(&[1, 2, 3, 4], &[]), force: Force::IfNeeded });
    for round in 0..40 {
        now += HEARTBEAT;
        let beats = node.tick_at(now);
        // 4 never replies, 2 dies, and then 3 wants to leave.
        if round < 10 {
            node.hear(now, 2, accept(&to(&beats, 2)));
        }
        let reply = accept(&to(&beats, 3));
        node.hear(now, 3, if round < 22 { reply } else { reply.leaving() });
    }
    assert_eq!((node.role(), node.lists()), (RoleKind::Leader, (&THREE[..], &[4][..])));
}

/// A repeated request is accepted, and changes nothing.
#[test]
fn the_same_target_may_be_requested_again_before_a_new_node_has_replied() {
    let (mut node, now) = steady(&THREE, &[]);
    let goal = [1, 2, 3, 4, 5, 6, 7];
    let beats = node.reconfigure(now, &goal, &[]);
    node.accepted(now, &[2, 3], &beats);
    let beats = node.tick_at(now + HEARTBEAT);
    node.accepted(now + HEARTBEAT, &[2, 3], &beats);
    assert_eq!((node.lists().1, node.status().committed), (&[4, 5, 6, 7][..], true));
    assert_eq!(node.reconfigure(now + HEARTBEAT, &goal, &[]), []);
}

/// Rule 8.3: a leader stays if a later target contains it again.
#[test]
fn a_later_target_replaces_an_earlier_one_that_lacked_the_leader() {
    let mut node = leader(1, &THREE);
    node.reconfigure(10, &[2, 3], &[]);
    assert!(node.status().leaving);
    let named = to(&node.tick_at(30), 2);
    assert!(matches!(heartbeat_of(&named).order, Order::Prepare { .. }));
    node.reconfigure(31, &THREE, &[]);
    node.hear(32, 2, accept(&named).ready());
    assert_eq!((node.status().leaving, node.role()), (false, RoleKind::Leader));
}

/// In a group of the largest size a node must be removed before another one can be added.
#[test]
fn a_member_of_a_full_group_is_replaced_or_the_target_is_refused() {
    let all: Vec<u64> = (1..=255).collect();
    let mut node = leader(1, &all);
    let without = |gone: u64| (1..=256).filter(|&id| id != gone).collect::<Vec<u64>>();
    let refused = node.reconfigure(10, &without(1), &[]);
    assert_eq!(refused, [quorate::Output::Rejected(Rejection::TooManyMembers)]);
    let out = node.reconfigure(10, &without(3), &[]);
    assert!(!node.membership().contains(3), "{}", trace(&out).len());
}

/// Rule 8.2: steps that keep the lease come first.
#[test]
fn a_forced_leader_first_takes_the_steps_that_keep_its_lease() {
    let (mut node, mut now) = steady(&[1, 2, 3, 4], &[]);
    for _ in 0..4 {
        now += HEARTBEAT;
        let beats = node.tick_at(now);
        node.accepted(now, &[3, 4], &beats);
    }
    // 2 is dead. The removal of both 3 and 4 at once would end the lease.
    let beats =
        node.step_at(now, Input::Reconfigure { target: target(&[1, 2], &[]), force: Force::IfNeeded });
    node.accepted(now, &[3, 4], &beats);
    assert_eq!((node.role(), node.lists().0.len()), (RoleKind::Leader, 3));
}

/// Rule 8.2: only a group that formed itself has its quorum lowered.
#[test]
fn a_quorum_above_a_majority_is_kept_until_a_target_is_wanted() {
    let membership = Membership::new(version(0, 1), vec![1, 2, 3, 4], vec![], 4).unwrap();
    let mut node = Node::new(config(1), HardState { membership, ..first_state(&THREE) }, 0);
    let asked = node.campaign(&[2, 3, 4]);
    let now = sent_at(&asked, 2);
    let beats = node.win(now, &[2, 3, 4], &asked);
    node.accepted(now, &[2, 3, 4], &beats);
    assert_eq!((node.status().committed, node.membership().version()), (true, version(1, 1)));
    assert_eq!(node.membership().quorum(), 4);
}

/// Rule 8.2: a voter that has never replied to this leader counts as silent. Only a new node is given time
/// to reply.
#[test]
fn a_target_of_voters_that_never_replied_is_unreachable() {
    let (mut node, mut beats) = elected(1, &FIVE);
    let mut now = sent_at(&beats, 2);
    while now <= LIMIT {
        node.accepted(now, &[2, 3], &beats);
        now += HEARTBEAT;
        beats = node.tick_at(now);
    }
    let unreachable = Rejection::QuorumUnreachable { silent: vec![4, 5], quorum: 2 };
    let refused = [quorate::Output::Rejected(unreachable)];
    assert_eq!(node.reconfigure(now, &[1, 4, 5], &[]), refused);
    assert_ne!(node.reconfigure(now, &[1, 6, 7], &[]), refused);
}

/// Rule 8.2: with `force` a learner without a promise is promoted, even after a step that did not need
/// `force`.
#[test]
fn a_learner_that_is_not_bound_is_promoted_by_force() {
    let promoted = |force| {
        let (mut node, mut now) = steady(&THREE, &[4]);
        for _ in 0..4 {
            now += HEARTBEAT;
            let beats = node.tick_at(now);
            node.accepted(now, &[2, 3], &beats);
        }
        let mut beats = node.step_at(now, Input::Reconfigure { target: target(&[1, 2, 3, 4], &[7]), force });
        for now in (now..now + 500).step_by(HEARTBEAT as usize) {
            node.accepted(now, &[2, 3], &beats);
            beats = node.tick_at(now + HEARTBEAT);
            node.hear(now + HEARTBEAT, 4, grant(&to(&beats, 4), 0));
        }
        assert_eq!((node.role(), node.status().committed), (RoleKind::Leader, true));
        (node.lists().0.to_vec(), node.lists().1.to_vec())
    };
    assert_eq!(promoted(Force::Never), (vec![1, 2, 3], vec![4, 7]));
    assert_eq!(promoted(Force::IfNeeded), (vec![1, 2, 3, 4], vec![7]));
}

/// Rule 8.2: learners 4 and 5 hold the membership and are not bound, and their promotion takes two steps. An operator
/// that accepts a risk accepts it once.
#[test]
fn force_is_for_one_step_and_can_be_given_again_for_the_next() {
    let (mut node, mut now) = steady(&THREE, &[4, 5]);
    for _ in 0..4 {
        now += HEARTBEAT;
        let beats = node.tick_at(now);
        node.accepted(now, &[2, 3], &beats);
    }
    for expected in [&[1, 2, 3, 4][..], &FIVE[..]] {
        let target = target(&FIVE, &[]);
        let mut beats = node.step_at(now, Input::Reconfigure { target, force: Force::IfNeeded });
        for _ in 0..20 {
            node.accepted(now, &[2, 3], &beats);
            now += HEARTBEAT;
            beats = node.tick_at(now);
            for learner in [4, 5] {
                node.hear(now, learner, grant(&to(&beats, learner), 0));
            }
        }
        assert_eq!((node.role(), node.lists().0), (RoleKind::Leader, expected));
    }
}

/// Rule 8.3: the leader counts as a voter that stays, unless it leaves too.
#[test]
fn a_leader_may_be_the_only_voter_that_stays() {
    let mut node = leader(1, &THREE);
    assert!(trace(&node.clone().reconfigure(10, &[1], &[])).contains("installed"));
    node.step(Input::Leave);
    let refused = [quorate::Output::Rejected(Rejection::NoVoterLeft)];
    assert_eq!(node.reconfigure(10, &[1], &[]), refused);
}

/// Rules 6.5 and 8.2: a leader does not hand over to a higher priority while it changes the members.
#[test]
fn a_takeover_waits_while_the_leader_prepares_a_step() {
    let (mut node, mut now) = steady(&THREE, &[]);
    let tries = |beats: &Vec<quorate::Output<u64>>| sent(beats).iter().any(|(_, beat)| is_named(beat));
    let (mut before, mut due) = (node.clone(), node.tick_at(now + HEARTBEAT));
    while !tries(&due) {
        now += HEARTBEAT;
        node.hear(now, 2, accept(&to(&due, 2)));
        node.hear(now, 3, accept(&to(&due, 3)).priority(2));
        before = node.clone();
        due = node.tick_at(now + HEARTBEAT);
    }
    let beats = before.reconfigure(now, &THREE, &[4]);
    before.hear(now, 2, grant(&to(&beats, 2), PROMISE));
    let out = before.tick_at(now + HEARTBEAT);
    assert!(!tries(&out) && trace(&out).contains("heartbeat 3"), "{}", trace(&out));
}
