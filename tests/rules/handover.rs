//! Section 6 of the rules: handovers.

use quorate::message::{Claim, Denial, Order, Phase};
use quorate::{Config, Event, Input, Output, Priority, Rejection, RoleKind, StepDown, Unfit, Urgency};

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];
const FIVE: [u64; 5] = [1, 2, 3, 4, 5];

/// A leader of term 1 that was asked at 10 to hand over to node 2, and the heartbeat that names node 2.
fn resigning() -> (Node, Msg) {
    let mut node = leader(1, &THREE);
    let out = node.resign(10, Some(2), Urgency::WhenReady);
    assert_eq!(trace(&out), "heartbeat 2");
    (node, to(&out, 2))
}

/// Node 2, which has followed node 1 in term 1 since 0, and its outputs for a heartbeat at 10 that names
/// it.
fn named() -> (Node, Outputs) {
    let mut node = Node::fresh(2, &FIVE);
    node.hear(0, 1, heartbeat(1, 1).carrying(members(version(1, 1), &FIVE)).rank(0));
    let out = node.hear(10, 1, heartbeat(1, 2).version(1, 1).order(PREPARE).rank(0));
    (node, out)
}

/// Rule 6.1: heartbeats to the successor name it, at once and then at each retry interval.
#[test]
fn a_resigning_leader_names_its_successor_in_heartbeats_to_the_successor_alone() {
    let (mut node, first) = resigning();
    assert_eq!((is_named(&first), heartbeat_of(&first).rank), (true, Some(0)));
    assert_eq!(node.role(), RoleKind::Leader, "leadership is not given up yet");
    let again = node.tick_at(10 + RETRY);
    assert_eq!((trace(&again).as_str(), is_named(&to(&again, 2))), ("heartbeat 2", true));
    let all = node.tick_at(HEARTBEAT);
    assert!(is_named(&to(&all, 2)));
    assert_eq!(heartbeat_of(&to(&all, 3)).order, Order::Follow);
    let asked = |id| heartbeat_of(&to(&all, id)).promise;
    assert_eq!((asked(2), asked(3)), (ns(LIMIT), ns(PROMISE)), "the successor writes before it says `ready`");
}

/// Rule 6.1: a handover begins once the membership is committed.
#[test]
fn a_new_leader_names_its_successor_after_the_commit() {
    let (mut node, beats) = elected(1, &THREE);
    assert_eq!(node.resign(1, Some(2), Urgency::WhenReady), []);
    let out = node.hear(2, 2, accept(&to(&beats, 2)));
    assert_eq!(trace(&out), "persist, installed, committed, heartbeat 2");
    assert!(is_named(&to(&out, 2)));
}

/// Rule 6.1: the reasons for which a successor is unfit.
#[test]
fn an_unfit_successor_is_refused_and_nothing_changes() {
    let mut node = leader(1, &FIVE);
    let mut report = |from, priority, index| {
        let beats = node.tick_at(node.due());
        let now = sent_at(&beats, from);
        node.hear(now, from, accept(&to(&beats, from)).priority(priority).position(index));
    };
    report(3, 0, 4);
    report(4, 1, 3);
    report(5, 1, 4);
    node.step(Input::SetPosition(at_index(4)));
    let quorum_ahead_of_2 = Unfit::Behind;
    for (successor, reason) in
        [(1, Unfit::AlreadyLeads), (9, Unfit::NotAVoter), (3, Unfit::NeverLeads), (2, quorum_ahead_of_2)]
    {
        let before = node.clone();
        let out = node.step(Input::Resign { successor: Some(successor), urgency: Urgency::WhenReady });
        assert_eq!(out, [Output::Rejected(Rejection::UnfitSuccessor { successor, reason })]);
        assert_eq!(node, before);
    }
    let mut resigning = node.clone();
    resigning.step(Input::Resign { successor: Some(5), urgency: Urgency::WhenReady });
    assert_eq!(resigning.role(), RoleKind::Leader);

    // 2 falls silent while the others keep the lease alive.
    let mut node = leader(1, &THREE);
    while node.due() <= LIMIT {
        let (now, beats) = (node.due(), node.tick_at(node.due()));
        node.hear(now, 3, accept(&to(&beats, 3)));
    }
    let out = node.resign(LIMIT, Some(2), Urgency::WhenReady);
    assert_eq!(out, [Output::Rejected(Rejection::UnfitSuccessor { successor: 2, reason: Unfit::Silent })]);
}

/// Rule 6.1: only a leader can resign, and only if there is a possible successor.
#[test]
fn a_resignation_without_leadership_or_successor_is_rejected() {
    let mut follower = Node::fresh(3, &THREE);
    follower.hear(0, 1, heartbeat(1, 1));
    let before = follower.clone();
    for urgency in [Urgency::WhenReady, Urgency::Now] {
        let out = follower.step(Input::Resign { successor: None, urgency });
        assert_eq!(out, [Output::Rejected(Rejection::NotLeader { leader: Some(leads(1, 1)) })]);
    }
    assert_eq!(follower, before);

    let mut lone = Node::fresh(1, &[1]);
    lone.tick_at(0);
    let out = lone.step(Input::Resign { successor: None, urgency: Urgency::WhenReady });
    assert_eq!(out, [Output::Rejected(Rejection::NoSuccessor { unfit: vec![] })]);
    assert_eq!(lone.role(), RoleKind::Leader);
}

/// Rule 6.1: a later request replaces an earlier one.
#[test]
fn a_later_resignation_replaces_the_one_before() {
    let (mut node, named) = resigning();
    let out = node.resign(11, Some(3), Urgency::WhenReady);
    assert!(is_named(&to(&out, 3)));
    let late = node.hear(12, 2, accept(&named).ready());
    assert_eq!((late, node.role()), (vec![], RoleKind::Leader), "2 is not named any more");
    let ready = accept(&to(&out, 3)).ready();
    assert!(trace(&node.hear(12, 3, ready)).starts_with("stepped-down"));
}

/// Rule 6.2: the promise, the leader and the deadline of the successor do not change.
#[test]
fn a_named_successor_stays_a_follower() {
    let (node, out) = named();
    assert_eq!(
        trace(&out),
        "pre-vote 1, pre-vote 3, pre-vote 4, pre-vote 5, yes 1",
        "the leader is asked too"
    );
    let request = to(&out, 3);
    assert_eq!(request_of(&request).phase, Phase::Pre);
    assert_eq!(request_of(&request).claim, Claim::Handover { leader: 1, term: term(1) });
    assert_eq!((node.role(), node.leader(), node.term()), (RoleKind::Follower, Some(leads(1, 1)), term(1)));
    assert_eq!(
        node.status().promise.map(|promise| (promise.holder, promise.remaining)),
        Some((holds(1, 1), ms(PROMISE)))
    );
}

/// Rule 6.2: once a quorum has granted, the successor says `ready`, at once and in every reply.
#[test]
fn a_successor_says_ready_once_a_quorum_would_elect_it() {
    let (mut node, asked) = named();
    let ready = |outputs: &Outputs| reply_of(&to(outputs, 1)).ready;
    assert!(!ready(&asked));
    assert_eq!(node.hear(12, 3, grant(&to(&asked, 3), 0)), []);
    assert_eq!(node.hear(12, 3, grant(&to(&asked, 3), 0)), [], "each voter counts once");
    let out = node.hear(13, 4, grant(&to(&asked, 4), 0));
    assert_eq!((trace(&out).as_str(), ready(&out)), ("persist, yes 1", true));
    let out = node.hear(14, 1, heartbeat(1, 3).version(1, 1).order(PREPARE));
    assert!(ready(&out));
    assert_eq!(node.role(), RoleKind::Follower);
}

/// Rule 6.2: a named successor uses neither the term nor the membership of a denial.
#[test]
fn a_denial_changes_nothing_in_a_named_successor() {
    let (mut node, asked) = named();
    let before = node.clone();
    let news = members(version(9, 9), &THREE);
    let denial = deny(&to(&asked, 3), Denial::StaleTerm).carrying(news).in_term(9);
    assert_eq!(node.hear(10, 3, denial), []);
    assert_eq!(node.lasting(), before.lasting());
    assert_eq!(node.role(), RoleKind::Follower);
}

/// Rule 6.2: the pre-vote ends with a heartbeat that does not name the node, with another leader, or after
/// a promise length.
#[test]
fn the_pre_vote_of_a_successor_ends_when_the_leader_does_not_name_it_any_more() {
    let ended = |mut node: Node, asked: &Outputs, now| {
        let grants = [3, 4].map(|voter| node.hear(now, voter, grant(&to(asked, voter), 0)));
        grants.iter().all(Vec::is_empty)
    };
    let (node, asked) = named();
    assert!(!ended(node.clone(), &asked, 11));

    let mut dropped = node.clone();
    dropped.hear(11, 1, heartbeat(1, 3).version(1, 1));
    assert!(ended(dropped, &asked, 11));

    let mut other = node.clone();
    other.hear(11, 3, heartbeat(2, 1).version(1, 1));
    assert!(ended(other, &asked, 11));

    let mut late = node;
    late.hear(100, 1, heartbeat(1, 4).version(1, 1).order(PREPARE));
    assert!(ended(late, &asked, 10 + PROMISE), "a heartbeat that still names the node does not extend it");
}

/// Rule 6.2: a voter ignores its promise to exactly that leader in exactly that term, and no other test.
#[test]
fn a_sanctioned_pre_vote_is_tested_as_if_the_voter_were_free_of_that_leader() {
    let sanctioned =
        |of, round, leader, led| pre_vote(of, round).claim(Claim::Handover { leader, term: term(led) });
    let mut voter = Node::fresh(3, &THREE);
    voter.hear(0, 1, heartbeat(5, 1));
    let ask = |voter: &Node, request: Msg| answered(&voter.clone().hear(1, 2, request), 2);
    let bound = |answer| matches!(answer, quorate::message::Answer::Denied(Denial::Bound { .. }));
    assert_eq!(ask(&voter, sanctioned(5, 1, 1, 5)), quorate::message::Answer::Granted(ns(0)));
    assert!(bound(ask(&voter, sanctioned(5, 1, 1, 4))), "another term");
    assert!(bound(ask(&voter, sanctioned(5, 1, 2, 5))), "another leader");
    let mut ahead = voter.clone();
    ahead.step(Input::SetPosition(at_index(1)));
    assert_eq!(
        ask(&ahead, sanctioned(5, 1, 1, 5)),
        quorate::message::Answer::Denied(Denial::PositionBehind(at_index(1)))
    );
    assert_eq!(ask(&voter, sanctioned(4, 1, 1, 5)), quorate::message::Answer::Denied(Denial::StaleTerm));
    let mut quarantined = voter.restarted(0);
    quarantined.hear(0, 1, heartbeat(5, 1));
    assert!(bound(ask(&quarantined, sanctioned(5, 1, 1, 5))), "the quarantine of a restart");

    // The leader itself grants only while it names the node that asks.
    let mut naming = resigning().0;
    let grant = naming.hear(10, 2, sanctioned(1, 9, 1, 1).version(1, 1));
    assert_eq!((trace(&grant).as_str(), granted(&grant, 2)), ("yes 2", 0));
    assert_eq!(trace(&naming.hear(10, 3, sanctioned(1, 9, 1, 1).version(1, 1))), "no 3, heartbeat 3");
    let mut leading = leader(1, &THREE);
    assert_eq!(trace(&leading.hear(10, 2, sanctioned(1, 9, 1, 1).version(1, 1))), "no 2, heartbeat 2");
}

/// Rule 6.3 and S2: `SteppedDown` comes before the releases and before the order to campaign.
#[test]
fn a_leader_steps_down_before_it_releases_its_followers() {
    let (mut node, named) = resigning();
    let out = node.hear(12, 2, accept(&named).ready());
    assert_eq!(trace(&out), "stepped-down, heartbeat 2, heartbeat 3, leader");
    let reason = StepDown::Resigned { successor: Some(2) };
    assert_eq!(events(&out)[0], Event::SteppedDown { term: term(1), reason });
    let last = |id| heartbeat_of(&to(&out, id)).clone();
    assert_eq!((last(2).promise, last(2).order, last(2).rank), (ns(0), Order::Campaign, Some(0)));
    assert_eq!((last(3).promise, last(3).order, last(3).rank), (ns(0), Order::Follow, Some(1)));
    assert_eq!((node.role(), node.lease(), node.leader()), (RoleKind::Follower, None, None));
}

/// Rule 6.3: the order is sent five times at most, and not after a higher term was seen.
#[test]
fn the_order_to_campaign_is_repeated_until_a_higher_term_is_seen() {
    let mut node = leader(1, &FIVE);
    let named = to(&node.resign(10, Some(2), Urgency::WhenReady), 2);
    node.hear(12, 2, accept(&named).ready());
    let mut lost = node.clone();
    let mut orders = 1;
    for now in 13..200 {
        let out = lost.tick_at(now);
        orders += sent(&out).iter().filter(|(to, message)| *to == 2 && is_heartbeat(message)).count();
    }
    assert_eq!(orders, 5);

    for heard in [vote(2, 40).version(1, 1), heartbeat(2, 40), accept(&named).in_term(2)] {
        let mut node = node.clone();
        node.hear(20, 2, heard);
        assert_eq!((21..70).map(|now| trace(&node.tick_at(now))).find(|out| out.contains("heartbeat")), None);
    }
}

/// Rule 6.3: a node that receives the order campaigns at once, without a pre-vote, and its requests carry
/// the release.
#[test]
fn a_successor_that_is_ordered_to_campaign_does_so_at_once() {
    let (mut node, _) = named();
    let order = heartbeat(1, 5).version(1, 1).asking(0).order(Order::Campaign).rank(0);
    let out = node.hear(20, 1, order.clone());
    assert_eq!(trace(&out), "yes 1, persist, vote 1, vote 3, vote 4, vote 5, leader");
    let request = to(&out, 3);
    assert_eq!((request.header().term, request_of(&request).phase), (term(2), Phase::Real));
    assert_eq!(request_of(&request).claim, Claim::Handover { leader: 1, term: term(1) });
    assert!(trace(&node.hear(20, 3, grant(&request, LIMIT))).is_empty());
    assert!(trace(&node.hear(20, 4, grant(&to(&out, 4), LIMIT))).contains("elected"));

    assert_eq!(denied(&node.hear(21, 1, order.round(6)), 1), Denial::StaleTerm, "the repeated order");
    assert_eq!(node.role(), RoleKind::Leader);
}

/// Rule 6.3: an order that arrives late or twice starts nothing.
#[test]
fn a_late_or_replayed_order_to_campaign_is_harmless() {
    let order = heartbeat(1, 5).version(1, 1).asking(0).order(Order::Campaign);
    let (mut node, _) = named();
    node.hear(12, 1, heartbeat(1, 6).version(1, 1));
    assert_eq!(node.hear(13, 1, order.clone()), [], "overtaken by a newer heartbeat");
    assert_eq!(node.role(), RoleKind::Follower);

    let (mut node, _) = named();
    node.hear(12, 3, heartbeat(2, 1).version(1, 1));
    assert_eq!(denied(&node.hear(13, 1, order.clone()), 1), Denial::StaleTerm);
    assert_eq!((node.role(), node.leader()), (RoleKind::Follower, Some(leads(3, 2))));

    let (mut node, _) = named();
    node.hear(12, 1, order.clone());
    assert_eq!((node.role(), node.term()), (RoleKind::Candidate, term(2)));
    node.hear(13, 1, order);
    assert_eq!(node.term(), term(2));
}

/// Rules 2.2 and 6.3: the release frees a voter from that leader, in that term or an earlier one, and from
/// no other node.
#[test]
fn a_vote_request_with_the_release_frees_voters_from_that_leader_only() {
    let release = |leader, led| vote(6, 9).claim(Claim::Handover { leader, term: term(led) });
    let bound_to = |leader, of| {
        let mut voter = Node::fresh(3, &FIVE);
        voter.hear(0, leader, heartbeat(of, 1));
        voter
    };
    let free = |mut voter: Node, request: Msg| {
        matches!(answered(&voter.hear(1, 2, request), 2), quorate::message::Answer::Granted(_))
    };
    assert!(free(bound_to(1, 5), release(1, 5)));
    assert!(free(bound_to(1, 4), release(1, 5)), "an earlier term");
    assert!(!free(bound_to(1, 5), release(1, 4)), "a later term than the released one");
    assert!(!free(bound_to(4, 5), release(1, 5)), "another leader");
    assert!(!free(bound_to(1, 5), vote(6, 9)), "without a release");
}

/// Rule 6.3: a leader that renews does not step down for a successor.
#[test]
fn a_renewing_leader_does_not_act_on_ready() {
    let (mut node, named) = resigning();
    node.hear(12, 3, pre_vote(4, 9).version(1, 1));
    assert_eq!(node.term(), term(5));
    node.hear(13, 2, accept(&named).ready());
    assert_eq!(node.role(), RoleKind::Leader);
}

/// Rules 5.1 and 6.1: a renewal restarts the handover in the new term.
#[test]
fn a_renewal_restarts_the_handover() {
    let (mut node, named) = resigning();
    let asked = node.hear(12, 3, pre_vote(4, 9).version(1, 1));
    let beats = node.win(13, &[2], &asked);
    assert_eq!(heartbeat_of(&to(&beats, 2)).order, Order::Follow, "not committed yet");
    node.hear(13, 2, accept(&named).ready());
    assert_eq!(node.role(), RoleKind::Leader, "the successor was ready for the term before");
    let out = node.hear(14, 2, accept(&to(&beats, 2)));
    assert_eq!(trace(&out), "persist, installed, committed, heartbeat 2");
    assert_eq!((to(&out, 2).header().term, is_named(&to(&out, 2))), (term(5), true));
}

/// Rule 6.3: `ready` of a node that is not named is ignored.
#[test]
fn ready_counts_only_from_the_successor_named_now() {
    let (mut node, named) = resigning();
    node.hear(12, 3, accept(&named).ready());
    assert_eq!(node.role(), RoleKind::Leader);
    node.hear(12, 2, deny(&named, Denial::StaleTerm).ready());
    assert_eq!(node.role(), RoleKind::Leader, "`ready` in a denial does not count");
}

/// Rule 6.4: the other nodes follow well and are never ready, as if each reached the leader alone. A host that names
/// no successor, and asks again and again, has all of them tried in turn.
#[test]
fn handovers_without_a_name_try_one_node_after_the_other() {
    let mut node = leader(1, &FIVE);
    let mut asked = Vec::new();
    let mut now = 10;
    for _ in 0..6 {
        let mut out = node.resign(now, None, Urgency::WhenReady);
        loop {
            asked.extend(sent(&out).into_iter().filter(|(_, beat)| is_named(beat)).map(|(id, _)| id));
            for (follower, beat) in sent(&out) {
                node.hear(now, follower, accept(beat));
            }
            if trace(&out).contains("handover-failed") {
                break;
            }
            now = node.due();
            out = node.tick_at(now);
        }
        now += 1;
    }
    asked.dedup();
    assert_eq!(asked.len(), 6, "{asked:?}");
    let mut first = asked[..4].to_vec();
    first.sort_unstable();
    assert_eq!((first, &asked[4..]), (vec![2, 3, 4, 5], &asked[..2]));
}

/// Rule 6.4: the leader goes on leading, with its lease and in its term.
#[test]
fn after_a_failed_handover_the_leader_goes_on_leading() {
    let (mut node, _) = resigning();
    let mut news = Vec::new();
    while node.due() <= 10 + LIMIT {
        let (now, out) = (node.due(), node.tick_at(node.due()));
        news.extend(events(&out).into_iter().map(|event| (now, event)));
        for (follower, beat) in sent(&out) {
            node.hear(now, follower, accept(beat));
        }
    }
    assert_eq!(news, [(10 + LIMIT, Event::HandoverFailed { successor: Some(2), reason: None })]);
    assert_eq!((node.role(), node.term()), (RoleKind::Leader, term(1)));
    let beats = node.tick_at(node.due());
    assert_eq!(heartbeat_of(&to(&beats, 2)).order, Order::Follow);
}

/// Rule 6.3: a leader that cannot wait steps down at once.
#[test]
fn an_urgent_resignation_releases_the_followers_at_once() {
    let mut node = leader(1, &THREE);
    let out = node.resign(10, None, Urgency::Now);
    assert_eq!(trace(&out), "stepped-down, heartbeat 2, heartbeat 3, leader");
    assert_eq!(heartbeat_of(&to(&out, 2)).order, Order::Campaign, "the best of the followers");
    let mut lone = Node::fresh(1, &[1]);
    lone.tick_at(0);
    assert_eq!(trace(&lone.resign(1, None, Urgency::Now)), "stepped-down, leader");
}

/// Lets a leader of three nodes lead until `until`. The others accept every heartbeat, node 3 with this
/// priority and node 2 with priority 1. `see` gets every heartbeat with its time and receiver.
fn led_until(mut node: Node, priority: u8, until: u64, mut see: impl FnMut(u64, u64, &Msg)) -> Node {
    while node.role() == RoleKind::Leader && node.due() <= until {
        let (now, out) = (node.due(), node.tick_at(node.due()));
        for (follower, beat) in sent(&out) {
            see(now, follower, beat);
            let own = if follower == 3 { priority } else { 1 };
            node.hear(now, follower, accept(beat).priority(own));
        }
    }
    node
}

/// Rule 6.5: the leader hands over after the takeover delay. A node never takes leadership from a leader by
/// itself.
#[test]
fn a_member_of_higher_priority_is_handed_leadership_after_a_delay() {
    let mut tries = Vec::new();
    let see = |now, follower, beat: &Msg| {
        if is_named(beat) {
            tries.push((now, follower));
        }
    };
    led_until(leader(1, &THREE), 2, 3 * TAKEOVER_DELAY, see);
    let (first, last) = (tries[0], tries[tries.len() - 1]);
    assert!(first.0 >= TAKEOVER_DELAY && first.0 < TAKEOVER_DELAY + 3 * HEARTBEAT, "{first:?}");
    assert!(tries.iter().all(|&(_, successor)| successor == 3), "{last:?}");

    // Rule 6.4: node 3 never says ready, so the attempts become rarer.
    let times = tries.iter().map(|&(now, _)| now);
    let gaps = times.clone().zip(times.skip(1)).map(|(before, now)| now - before);
    let pauses: Vec<u64> = gaps.filter(|&gap| gap > HEARTBEAT).collect();
    assert!(pauses.len() >= 3 && pauses[1] > pauses[0] && pauses[2] > pauses[1], "{pauses:?}");

    led_until(leader(1, &THREE), 1, 3 * TAKEOVER_DELAY, |_, _, beat: &Msg| {
        assert_eq!(heartbeat_of(beat).order, Order::Follow, "an equal priority is no reason to hand over");
    });
}

/// Rule 6.5: a node of priority 0 votes and never leads.
#[test]
fn a_leader_whose_priority_becomes_zero_hands_over() {
    let mut node = leader(1, &THREE);
    let out = node.step(Input::SetPriority(Priority(0)));
    assert_eq!(trace(&out), "heartbeat 2");
    assert!(is_named(&to(&out, 2)));
    node.hear(1, 2, accept(&to(&out, 2)).ready());
    assert_eq!(node.role(), RoleKind::Follower);
    for now in [200, 1_000, 10_000, 11_000] {
        node.tick_at(now);
        assert!(matches!(node.role(), RoleKind::Follower | RoleKind::PreCandidate));
    }
}

/// Rule 6.5: a witness votes and follows, and does not campaign, not even if it is ordered to.
#[test]
fn a_node_of_priority_zero_votes_and_never_campaigns() {
    let witness = Config { priority: Priority(0), ..config(2) };
    let mut node = Node::new(witness, first_state(&THREE), 0);
    assert_eq!(granted(&node.hear(0, 1, vote(1, 1)), 1), LIMIT);
    node.hear(1, 1, heartbeat(1, 2).order(PREPARE));
    node.hear(1, 1, heartbeat(1, 3).asking(0).order(Order::Campaign));
    // After a long silence the witness sends pre-votes to learn about the group, and goes no further.
    node.tick_at(10_000);
    let asked = node.tick_at(node.due());
    assert_eq!(trace(&asked), "pre-vote 1, pre-vote 3");
    for voter in [1, 3] {
        node.hear(sent_at(&asked, 1), voter, grant(&to(&asked, voter), 0));
    }
    assert_eq!((node.role(), node.term()), (RoleKind::PreCandidate, term(1)));
    assert_eq!(node.due(), sent_at(&asked, 1) + LIMIT, "it repeats them rarely");
}

/// Rule 6.5: a priority delays an election, and never prevents one.
#[test]
fn a_leader_of_priority_zero_goes_on_leading_if_no_other_node_can() {
    let mut node = leader(1, &THREE);
    let beats = node.tick_at(HEARTBEAT);
    for follower in [2, 3] {
        node.hear(HEARTBEAT, follower, accept(&to(&beats, follower)).priority(0));
    }
    assert_eq!(trace(&node.step(Input::SetPriority(Priority(0)))), "no-successor");
    let node = led_until(node, 0, 200, |_, _, _| ());
    assert_eq!(node.role(), RoleKind::Leader);
}

/// Rule 6.1: a leader waits one promise length for a successor that could not reply yet.
#[test]
fn a_leader_waits_for_a_successor_that_has_not_replied_yet() {
    let (mut node, beats) = elected(1, &THREE);
    assert_eq!(node.resign(1, Some(2), Urgency::WhenReady), []);
    let committed = node.hear(2, 3, accept(&to(&beats, 3)));
    assert_eq!(trace(&committed), "persist, installed, committed", "by the reply of another voter");

    let mut answered = node.clone();
    let out = answered.hear(30, 2, accept(&to(&beats, 2)));
    assert_eq!((trace(&out).as_str(), is_named(&to(&out, 2))), ("heartbeat 2", true));

    let mut news = Vec::new();
    while node.due() <= 2 + PROMISE {
        let now = node.due();
        news.extend(events(&node.tick_at(now)).into_iter().map(|event| (now, event)));
    }
    assert_eq!(
        news,
        [(2 + PROMISE, Event::HandoverFailed { successor: Some(2), reason: Some(Unfit::Silent) })]
    );
    assert_eq!(node.role(), RoleKind::Leader);
}

/// Lets the leader lead until it names a successor. Nodes 2 and 3 have the priorities 2 and 3 and accept
/// every heartbeat. Returns the time, the successor, and the heartbeat that names it.
fn led_until_named(node: &mut Node) -> (u64, u64, Msg) {
    loop {
        let (now, out) = (node.due(), node.tick_at(node.due()));
        assert_eq!(node.role(), RoleKind::Leader);
        for (follower, beat) in sent(&out) {
            if is_named(beat) {
                return (now, follower, beat.clone());
            }
            node.hear(now, follower, accept(beat).priority(u8::try_from(follower).unwrap()));
        }
    }
}

/// Lets the node win its next election with the vote of node 2. Returns the time.
fn elected_again(node: &mut Node) -> u64 {
    let asked = node.campaign(&[2]);
    let now = sent_at(&asked, 2);
    node.win(now, &[2], &asked);
    assert_eq!(node.role(), RoleKind::Leader);
    now
}

/// Rule 6.5: a node that took over and soon lost leadership again is not named first the next time.
#[test]
fn after_a_takeover_that_did_not_last_the_next_best_node_is_named() {
    let mut node = leader(1, &THREE);
    let (now, best, named) = led_until_named(&mut node);
    assert_eq!(best, 3);
    node.hear(now, 3, accept(&named).priority(3).ready());
    assert_eq!(node.role(), RoleKind::Follower);
    let again = elected_again(&mut node);
    let (now, next, _) = led_until_named(&mut node);
    assert_eq!(next, 2);
    assert!(now >= again + TAKEOVER_DELAY, "{now} is too soon after {again}");
}

/// Rule 6.4: a leader of priority 0 hands over at once, and is elected again each time, because the others do not hold
/// out.
#[test]
fn a_takeover_that_succeeded_delays_the_next_twice_as_long_each_time() {
    let mut node = leader(1, &THREE);
    node.step(Input::SetPriority(Priority::NEVER_LEADS));
    let (mut before, mut successor, mut named) = led_until_named(&mut node);
    for promises in [2, 4, 8, 16, 32, 32] {
        let ready = accept(&named).priority(u8::try_from(successor).unwrap()).ready();
        assert!(trace(&node.hear(before, successor, ready)).starts_with("stepped-down"));
        node.step(Input::SetPriority(Priority(1)));
        let again = elected_again(&mut node);
        node.step(Input::SetPriority(Priority::NEVER_LEADS));
        let next = led_until_named(&mut node);
        let earliest = (before + promises * PROMISE).max(again);
        assert!(
            (earliest..earliest + 2 * HEARTBEAT).contains(&next.0),
            "{promises}: {before}, {again}, {next:?}"
        );
        (before, successor, named) = next;
    }
}

/// Rule 6.5: the takeover delay runs under one leadership.
#[test]
fn the_takeover_delay_starts_again_after_leadership_was_lost() {
    let mut node = leader(1, &THREE);
    while node.due() < TAKEOVER_DELAY / 2 {
        let (now, out) = (node.due(), node.tick_at(node.due()));
        for (follower, beat) in sent(&out) {
            node.hear(now, follower, accept(beat).priority(u8::try_from(follower).unwrap()));
        }
    }
    let end = node.lease_end();
    assert!(trace(&node.tick_at(end)).starts_with("stepped-down"));
    let again = elected_again(&mut node);
    let (now, best, _) = led_until_named(&mut node);
    assert_eq!(best, 3);
    assert!(now >= again + TAKEOVER_DELAY, "{now} is too soon after {again}");
}

/// Rule 6.3: a former leader goes on repeating the order when it may not lead any more.
#[test]
fn a_priority_of_zero_does_not_end_the_repeated_order_to_campaign() {
    let mut node = leader(1, &THREE);
    let mut orders = sent(&node.resign(10, Some(2), Urgency::Now)).iter().filter(|(to, _)| *to == 2).count();
    node.step(Input::SetPriority(Priority(0)));
    for now in 11..200 {
        let out = node.tick_at(now);
        let order = |message: &Msg| heartbeat_of(message).order == Order::Campaign;
        orders += sent(&out).iter().filter(|(to, message)| *to == 2 && order(message)).count();
    }
    assert_eq!(orders, 5);
}

/// Rule 6.5: the operator can forbid a follower to lead, and allow it again.
#[test]
fn a_priority_of_zero_stops_a_followers_candidacies_and_a_higher_one_restores_them() {
    let mut node = Node::fresh(2, &THREE);
    node.hear(0, 1, heartbeat(1, 1).rank(0));
    node.step(Input::SetPriority(Priority(0)));
    assert_eq!(trace(&node.tick_at(PROMISE)), "leader");
    assert_eq!(node.due(), PROMISE + LIMIT, "it asks only after a long silence");
    node.step(Input::SetPriority(Priority(1)));
    assert_eq!(node.due(), PROMISE);
    let due = node.due();
    assert_eq!(trace(&node.tick_at(due)), "pre-vote 1, pre-vote 3");
}

/// Rules 5.1 and 6.3: a successor in a higher term than the leader's would campaign in a still higher one,
/// so the leader renews first.
#[test]
fn a_leader_does_not_act_on_ready_in_a_higher_term_than_its_own() {
    let (mut node, named) = resigning();
    let out = node.hear(12, 2, accept(&named).ready().in_term(4));
    assert!(trace(&out).ends_with("persist, vote 2, vote 3"), "{}", trace(&out));
    assert_eq!((node.role(), node.term()), (RoleKind::Leader, term(5)));
}

/// Rule 6.1: before the commit a leader knows too little to say that no node is fit. Afterwards it rejects
/// the request.
#[test]
fn a_resignation_without_a_named_successor_is_rejected_once_no_node_is_known_to_be_fit() {
    let resign = || Input::Resign { successor: None, urgency: Urgency::WhenReady };
    let (mut early, _) = elected(1, &THREE);
    assert_eq!(early.step(resign()), []);
    assert_eq!(trace(&leader(1, &THREE).step(resign())), "heartbeat 2");

    let mut alone = leader(1, &THREE);
    let beats = alone.tick_at(HEARTBEAT);
    for witness in [2, 3] {
        alone.hear(HEARTBEAT, witness, accept(&to(&beats, witness)).priority(0));
    }
    let before = alone.clone();
    let unfit = vec![(2, Unfit::NeverLeads), (3, Unfit::NeverLeads)];
    assert_eq!(alone.step(resign()), [Output::Rejected(Rejection::NoSuccessor { unfit })]);
    assert_eq!(alone, before);
}

/// Rule 6.3: only a higher term shows that the successor has campaigned.
#[test]
fn an_answer_in_the_same_term_does_not_end_the_repeated_order_to_campaign() {
    let mut node = leader(1, &THREE);
    let last = node.resign(10, Some(2), Urgency::Now);
    node.hear(11, 3, accept(&to(&last, 3)));
    let again = node.tick_at(10 + RETRY);
    assert_eq!(heartbeat_of(&to(&again, 2)).order, Order::Campaign);
}

/// Rules 2.3 and 6.2: a node that may not campaign sends no pre-votes when it is named.
#[test]
fn a_node_under_quarantine_or_of_priority_zero_sends_no_pre_votes_when_named() {
    let tries = |mut node: Node, now| {
        let out = node.hear(now, 1, heartbeat(1, 2).order(PREPARE));
        assert!(trace(&out).contains("yes 1"));
        trace(&out).contains("pre-vote")
    };
    let mut follower = Node::fresh(2, &THREE);
    follower.hear(0, 1, heartbeat(1, 1));
    assert!(tries(follower.clone(), 1));
    let end = follower.restarted(1).due();
    assert!(!tries(follower.restarted(1), 2));
    assert!(tries(follower.restarted(1), end), "the quarantine is over");
    let mut witness = follower;
    witness.step(Input::SetPriority(Priority(0)));
    assert!(!tries(witness, 1));
}

/// Rule 6.2: a lost request costs a retry interval, and not the whole handover.
#[test]
fn a_named_successor_repeats_its_pre_votes_until_it_is_ready_or_the_time_is_over() {
    let (mut node, asked) = named();
    node.hear(11, 3, grant(&to(&asked, 3), 0));
    assert_eq!(node.due(), 10 + RETRY);
    assert_eq!(node.tick_at(10 + RETRY - 1), []);
    let again = node.tick_at(10 + RETRY);
    assert_eq!(
        trace(&again),
        "pre-vote 1, pre-vote 4, pre-vote 5",
        "the voter that granted is not asked again"
    );
    let mut over = node.clone();
    over.hear(100, 1, heartbeat(1, 3).version(1, 1).order(PREPARE));
    assert!(trace(&over.tick_at(9 + PROMISE)).contains("pre-vote"));
    assert_eq!(over.tick_at(9 + PROMISE + RETRY), [], "the pre-vote lasts a promise length at most");
    node.hear(31, 4, grant(&to(&again, 4), 0));
    assert_eq!(node.tick_at(10 + 2 * RETRY), [], "the successor is ready");
}

/// Rule 6.2: grants of an earlier pre-vote do not count.
#[test]
fn only_grants_of_the_current_pre_vote_make_a_successor_ready() {
    let (mut node, earlier) = named();
    node.hear(11, 1, heartbeat(1, 3).version(1, 1));
    let asked = node.hear(12, 1, heartbeat(1, 4).version(1, 1).order(PREPARE));
    let answers =
        |asked: &Outputs, answer: fn(&Msg) -> Msg| [3, 4].map(|from| (from, answer(&to(asked, from))));
    let stale = answers(&earlier, |request| grant(request, 0));
    let refusals = answers(&asked, |request| deny(request, Denial::StaleTerm));
    for (from, answer) in stale.into_iter().chain(refusals) {
        assert_eq!(node.hear(13, from, answer), []);
    }
    let grants = answers(&asked, |request| grant(request, 0));
    let out = grants.map(|(from, answer)| node.hear(13, from, answer));
    assert!(reply_of(&to(&out[1], 1)).ready);
}

/// Rule 4.1: a silent follower ranks after all that reply, from the first heartbeat on at which its promise
/// is over.
#[test]
fn a_leader_gives_a_silent_follower_a_later_rank() {
    for promised in [LIMIT - 1, LIMIT] {
        let mut node = leader(1, &FIVE);
        let mut beats = node.tick_at(HEARTBEAT);
        node.hear(HEARTBEAT, 2, grant(&to(&beats, 2), promised));
        for now in (2 * HEARTBEAT..=HEARTBEAT + LIMIT).step_by(HEARTBEAT as usize) {
            assert_eq!(heartbeat_of(&to(&beats, 2)).rank, Some(0), "{now}");
            node.accepted(now - HEARTBEAT, &[3, 4, 5], &beats);
            beats = node.tick_at(now);
        }
        assert_eq!(heartbeat_of(&to(&beats, 2)).rank, Some(3), "{promised}");
    }
}

/// Rules 4.5 and 6.1: the leader's own position counts from the start, and that of a silent follower not
/// yet.
#[test]
fn a_successor_must_reach_the_known_positions_of_a_quorum() {
    let elected_at = |index| {
        let mut node = Node::fresh(1, &THREE);
        node.step(Input::SetPosition(at_index(index)));
        let asked = node.campaign(&[2]);
        let beats = node.win(sent_at(&asked, 2), &[2], &asked);
        (node, beats)
    };
    let unfit = [Output::Rejected(Rejection::UnfitSuccessor { successor: 2, reason: Unfit::Behind })];
    let (mut node, beats) = elected_at(4);
    node.hear(1, 2, accept(&to(&beats, 2)).position(3));
    let mut silent = node.clone();
    assert_ne!(silent.resign(1, Some(2), Urgency::WhenReady), unfit);
    node.hear(1, 3, accept(&to(&beats, 3)).position(4));
    assert_eq!(node.resign(1, Some(2), Urgency::WhenReady), unfit);
}

/// Rule 6.5: the leader of priority 0 was about to hand over, and its host wants it to lead after all.
#[test]
fn a_takeover_ends_when_its_reason_does() {
    let mut node = leader(1, &THREE);
    let named = to(&node.step_at(10, Input::SetPriority(Priority(0))), 2);
    assert!(is_named(&named));
    node.step_at(11, Input::SetPriority(Priority(1)));
    node.hear(12, 2, accept(&named).ready());
    assert_eq!(node.role(), RoleKind::Leader);
    let beats = node.tick_at(node.due());
    assert!(!is_named(&to(&beats, 2)));
}

/// Rule 6.1: a successor that is writing is not asked more often than with each round of heartbeats.
#[test]
fn a_successor_has_a_long_promise_for_its_write_and_is_asked_at_the_retry_interval_for_a_short_one() {
    let mut node = leader(1, &THREE);
    let mut orders =
        sent(&node.resign(10, Some(2), Urgency::WhenReady)).iter().map(|_| 10).collect::<Vec<_>>();
    loop {
        let (now, out) = (node.due(), node.tick_at(node.due()));
        if trace(&out).contains("handover-failed") {
            assert_eq!(now, 10 + LIMIT);
            break;
        }
        orders.extend(sent(&out).iter().filter(|(_, beat)| is_named(beat)).map(|_| now));
        for (_, beat) in sent(&out).into_iter().filter(|&(follower, _)| follower == 3) {
            node.hear(now, 3, accept(beat));
        }
    }
    let urgent = orders.iter().filter(|&&at| at < 10 + PROMISE).count() as u64;
    let late = orders.len() as u64 - urgent;
    let lowest = PROMISE / RETRY;
    assert!((lowest..=lowest + PROMISE / HEARTBEAT + 1).contains(&urgent), "{orders:?}");
    assert!(late <= (LIMIT - PROMISE) / HEARTBEAT + 1, "{orders:?}");
}
