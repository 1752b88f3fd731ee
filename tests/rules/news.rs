//! What the host is told: each piece of news once, or at growing intervals; and refusals that are true.

use quorate::message::Denial;
use quorate::{Awaited, Event, Input, Priority, Rejection, RoleKind, Unfit, Urgency};

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];

/// Lets the node ask until `end`. Voter 3 denies every pre-vote because its data reach further, and further.
/// Returns when the host was told.
fn told_behind(node: &mut Node, end: u64) -> Vec<u64> {
    let mut told = Vec::new();
    while node.due() <= end {
        let (now, out) = (node.due(), node.tick_at(node.due()));
        if sent(&out).iter().any(|(to, _)| *to == 3) {
            let denial = Denial::PositionBehind(at_index(100 + now));
            let out = node.hear(now, 3, deny(&to(&out, 3), denial));
            told.extend(
                events(&out).iter().filter(|event| matches!(event, Event::Behind { .. })).map(|_| now),
            );
        }
    }
    told
}

/// Rule 4.4 (a): a voter denies in each round, and the host need not hear of each.
#[test]
fn a_node_says_at_growing_intervals_that_it_is_behind() {
    let mut node = Node::fresh(1, &THREE);
    let told = told_behind(&mut node, 600_000);
    let pauses: Vec<u64> = told.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses[0] >= 10 * LIMIT, "{pauses:?}");
    assert!(pauses[..3].windows(2).all(|pair| pair[1] > pair[0]), "{pauses:?}");
    assert!(told.len() < 16, "{told:?}");
    // It has caught up with what it was told of, and falls behind once more.
    node.step(Input::SetPosition(at_index(1_000_000)));
    node.step(Input::SetPosition(at_index(1)));
    let since = node.due();
    assert!(told_behind(&mut node, since + LIMIT).len() == 1);
}

/// A denial is hearsay about a moment that is over when a leader is followed, or when a long time has passed.
#[test]
fn a_denial_is_shown_no_longer_than_it_may_be_true() {
    let mut node = Node::fresh(1, &THREE);
    let asked = node.tick_at(node.due());
    let now = sent_at(&asked, 2);
    node.hear(now, 2, deny(&to(&asked, 2), Denial::Bound { to: Some(holds(3, 1)), remaining: ns(LIMIT) }));
    assert_eq!(node.status().rumoured_leader(), Some(holds(3, 1)));
    let mut late = node.clone();
    late.tick_at(now + 4 * LIMIT + 1);
    assert_eq!(late.status().last_denial, None);
    node.hear(now + 1, 2, heartbeat(2, 1));
    assert_eq!((node.status().last_denial, node.status().rumoured_leader()), (None, None));
}

/// Rules 6.1 and 8.2 (f): node 2 has committed the membership, and the first reply of node 3 is on its way.
#[test]
fn a_new_leader_calls_no_member_silent_that_had_no_time_to_answer() {
    let begin = || {
        let (mut node, beats) = elected(1, &THREE);
        let now = sent_at(&beats, 2);
        node.hear(now, 2, accept(&to(&beats, 2)).priority(0));
        assert!(node.is_committed());
        (node, now)
    };
    let (mut node, now) = begin();
    for successor in [Some(3), None] {
        assert_eq!(trace(&node.clone().resign(now, successor, Urgency::WhenReady)), "");
    }
    assert!(!trace(&node.clone().reconfigure(now, &[1, 3], &[])).contains("rejected"));

    // After one promise node 3 is silent indeed.
    while node.due() <= now + PROMISE {
        let (at, beats) = (node.due(), node.tick_at(node.due()));
        if sent(&beats).iter().any(|(to, _)| *to == 2) {
            node.hear(at, 2, accept(&to(&beats, 2)).priority(0));
        }
    }
    assert_eq!(node.role(), RoleKind::Leader);
    let silent = Rejection::UnfitSuccessor { successor: 3, reason: Unfit::Silent };
    let at = now + PROMISE;
    assert_eq!(node.clone().resign(at, Some(3), Urgency::WhenReady), [quorate::Output::Rejected(silent)]);
    assert_eq!(trace(&node.clone().resign(at, None, Urgency::WhenReady)), "rejected");
    assert_eq!(trace(&node.reconfigure(at, &[1, 3], &[])), "rejected");
}

/// The shortest pause after which the host is told again.
const PAUSE: u64 = 10 * LIMIT;

/// Lets the leader lead until `end`, beside voters that reply with what `reply` makes of each heartbeat, if anything.
/// Returns the events, with their times.
fn seen_until(
    node: &mut Node,
    end: u64,
    mut reply: impl FnMut(u64, u64, &Msg) -> Option<Msg>,
) -> Vec<(u64, Event<u64>)> {
    let mut seen = Vec::new();
    while node.role() == RoleKind::Leader && node.due() <= end {
        let (now, mut out) = (node.due(), node.tick_at(node.due()));
        for (voter, beat) in sent(&out.clone()) {
            if let Some(reply) = reply(now, voter, beat) {
                out.extend(node.hear(now, voter, reply));
            }
        }
        seen.extend(events(&out).into_iter().map(|event| (now, event)));
    }
    seen
}

fn is_unmet(event: &Event<u64>) -> bool {
    matches!(event, Event::NoSuccessor { .. })
}

/// The times of the events that are `wanted`, which have to be rarer and rarer.
#[track_caller]
fn rarer(seen: &[(u64, Event<u64>)], wanted: impl Fn(&Event<u64>) -> bool) -> Vec<u64> {
    let told: Vec<u64> = seen.iter().filter(|(_, event)| wanted(event)).map(|(now, _)| *now).collect();
    let pauses: Vec<u64> = told.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.iter().all(|&pause| pause >= PAUSE), "{pauses:?}");
    assert!(pauses.windows(2).all(|pair| pair[1] > pair[0] + pair[0] / 2), "{pauses:?}");
    told
}

/// Rule 6.4: a leader of priority 0, and one that wants to leave, beside a witness and a voter that is behind.
#[test]
fn a_leader_that_is_to_go_and_has_no_successor_says_what_each_voter_lacks() {
    let reply = |now: u64, voter: u64, beat: &Msg| match voter {
        2 => Some(accept(beat).priority(0)),
        _ => (now < 60_000).then(|| accept(beat).position(3)),
    };
    for wish in [Input::SetPriority(Priority(0)), Input::Leave] {
        let mut node = leader(1, &THREE);
        node.step(Input::SetPosition(at_index(4)));
        // The voters reach as far as each other, so node 3 is behind only if both others are ahead.
        let reply = |now: u64, voter: u64, beat: &Msg| {
            reply(now, voter, beat).map(|reply| if voter == 2 { reply.position(4) } else { reply })
        };
        seen_until(&mut node, 2 * LIMIT, reply);
        let out = node.step_at(2 * LIMIT + 1, wish);
        let mut seen: Vec<_> = events(&out).into_iter().map(|event| (2 * LIMIT + 1, event)).collect();
        seen.extend(seen_until(&mut node, 300_000, reply));
        let (first, last) =
            (seen.iter().find(|(_, event)| is_unmet(event)), seen.iter().rfind(|(_, event)| is_unmet(event)));
        let (at, event) = first.unwrap();
        assert!(*at <= 4 * LIMIT, "{at}");
        let unfit = vec![(2, Unfit::NeverLeads), (3, Unfit::Behind)];
        assert_eq!(*event, Event::NoSuccessor { unfit });
        let unfit = vec![(2, Unfit::NeverLeads), (3, Unfit::Silent)];
        assert_eq!(last.map(|(_, event)| event), Some(&Event::NoSuccessor { unfit }), "it has changed since");
        let told = seen.iter().filter(|(_, event)| is_unmet(event)).count();
        assert!((4..=10).contains(&told), "{told}");
        assert!(seen.iter().all(|(_, event)| is_unmet(event)), "{seen:?}");
    }
}

#[test]
fn a_leader_that_may_stay_or_has_a_successor_says_nothing() {
    let mut node = leader(1, &THREE);
    let seen = seen_until(&mut node, 60_000, |_, voter, beat| (voter == 2).then(|| accept(beat).priority(0)));
    assert_eq!(seen, []);
    // Its own priority from before is not that of another voter.
    let mut node = Node::new(quorate::Config { priority: Priority(9), ..config(1) }, first_state(&THREE), 0);
    let asked = node.campaign(&[2]);
    let now = sent_at(&asked, 2);
    let beats = node.win(now, &[2], &asked);
    node.accepted(now, &[2, 3], &beats);
    node.step(Input::SetPriority(Priority(1)));
    let seen = seen_until(&mut node, 60_000, |_, _, beat| Some(accept(beat)));
    assert_eq!(seen, []);
    let mut node = leader(1, &THREE);
    node.step(Input::SetPriority(Priority(0)));
    let seen = seen_until(&mut node, LIMIT / 2, |_, voter, beat| (voter == 3).then(|| accept(beat)));
    assert_eq!(seen, [], "it hands over");
}

/// Rule 6.5: node 3 has a higher priority, and its data never reach far enough.
#[test]
fn a_takeover_that_cannot_begin_is_told_after_its_delay() {
    let mut node = leader(1, &THREE);
    node.step(Input::SetPosition(at_index(4)));
    let seen = seen_until(&mut node, 300_000, |_, voter, beat| {
        Some(if voter == 3 { accept(beat).priority(9).position(3) } else { accept(beat).position(4) })
    });
    let told = rarer(&seen, is_unmet);
    assert!((TAKEOVER_DELAY..TAKEOVER_DELAY + 2 * LIMIT).contains(&told[0]), "{told:?}");
    assert_eq!(seen[0].1, Event::NoSuccessor { unfit: vec![(3, Unfit::Behind)] });
    assert_eq!(seen.len(), told.len());
    assert!(told.len() <= 8, "{told:?}");
}

/// Rule 6.4: node 3 has a higher priority, and is never ready. The leader tries in vain every five seconds.
#[test]
fn takeovers_that_fail_again_and_again_are_told_at_growing_intervals() {
    let mut node = leader(1, &THREE);
    let seen = seen_until(&mut node, 300_000, |_, voter, beat| {
        Some(if voter == 3 { accept(beat).priority(9) } else { accept(beat) })
    });
    let told = rarer(&seen, |event| matches!(event, Event::HandoverFailed { successor: Some(3), .. }));
    assert!((3..=8).contains(&told.len()), "{told:?}");
    assert_eq!(seen.len(), told.len(), "{seen:?}");
}

/// A node of another group writes to this one all the time for a minute, is silent for long, and comes back.
#[test]
fn an_anomaly_is_told_at_growing_intervals_and_forgotten_when_it_is_over() {
    let mut node = Node::fresh(1, &THREE);
    node.hear(0, 2, heartbeat(1, 1));
    let quiet = node.clone();
    let mut told = Vec::new();
    let mut round = 1;
    // The follower hears its leader every 50 ms all the time.
    let mut beat = |node: &mut Node, now| {
        round += 1;
        node.hear(now, 2, heartbeat(1, round).rank(0));
    };
    for now in (HEARTBEAT..60_000).step_by(HEARTBEAT as usize) {
        beat(&mut node, now);
        let foreign = heartbeat(1, now).of_cluster(quorate::ClusterId(9));
        told.extend(events(&node.hear(now, 3, foreign)).into_iter().map(|event| (now, event)));
    }
    let times = rarer(&told, |event| matches!(event, Event::ForeignCluster { peer: 3, .. }));
    assert!((3..=5).contains(&times.len()), "{times:?}");
    let end = 60_000 + 4 * 60_000;
    for now in (60_000..=end).step_by(HEARTBEAT as usize) {
        beat(&mut node, now);
    }
    // Nothing is left of it: the node equals one that heard none of this.
    let mut twin = quiet;
    for (round, now) in (2..).zip((HEARTBEAT..=end).step_by(HEARTBEAT as usize)) {
        twin.hear(now, 2, heartbeat(1, round).rank(0));
    }
    assert_eq!(node.election(), twin.election());
    let foreign = heartbeat(1, 1).of_cluster(quorate::ClusterId(9));
    assert_eq!(events(&node.hear(end + 1, 3, foreign)).len(), 1, "it is new again");
}

/// Rule 8.2 (h): the newcomer 4 is silent for a minute, does not acknowledge for another, and then goes along.
#[test]
fn a_change_that_waits_for_a_newcomer_says_so_at_growing_intervals() {
    let mut node = leader(1, &THREE);
    let begun = node.due();
    node.tick_at(begun);
    node.reconfigure(begun, &[1, 2, 3, 4], &[]);
    let (answers, stores) = (begun + 60_000, begun + 120_000);
    let seen = seen_until(&mut node, begun + 300_000, |now, id, beat| match id {
        4 if now < answers => None,
        4 if now < stores => Some(accept(beat).version(1, 1)),
        _ => Some(accept(beat)),
    });
    let stalled = |lack| Event::ReconfigurationStalled { awaited: vec![(4, lack)] };
    let silent = rarer(&seen, |event| *event == stalled(Awaited::Reply));
    assert!((begun + PAUSE..begun + PAUSE + LIMIT).contains(&silent[0]), "{silent:?} after {begun}");
    assert!((3..=6).contains(&silent.len()), "{silent:?}");
    let answering = rarer(&seen, |event| *event == stalled(Awaited::Acknowledgement));
    assert!(answering[0] >= answers && answering[0] <= answers + 2 * LIMIT, "{answering:?}");
    assert_eq!(node.lists().0, [1, 2, 3, 4]);
    let told = seen.iter().rposition(|(_, event)| matches!(event, Event::ReconfigurationStalled { .. }));
    let (last, _) = seen[told.unwrap()];
    assert!(last < stores, "{last}");
    assert!(matches!(seen.last().unwrap().1, Event::TargetReached { .. }), "{seen:?}");

    // The next target is new: what was told of the last one is not taken into account.
    let begun = node.due();
    node.tick_at(begun);
    node.reconfigure(begun, &[1, 2, 3, 4, 5], &[]);
    let seen = seen_until(&mut node, begun + 20_000, |_, id, beat| (id != 5).then(|| accept(beat)));
    let silent = Event::ReconfigurationStalled { awaited: vec![(5, Awaited::Reply)] };
    let told = rarer(&seen, |event| *event == silent);
    assert!((begun + PAUSE..begun + PAUSE + LIMIT).contains(&told[0]), "{told:?} after {begun}");
}

/// Rule 8.2 (h): the voters answer, and do not store the membership without node 3.
#[test]
fn a_step_that_is_not_committed_is_told_with_the_voters_that_do_not_acknowledge() {
    let mut node = leader(1, &THREE);
    let begun = node.due();
    node.tick_at(begun);
    node.reconfigure(begun, &[1, 2, 3], &[4]);
    let old = node.membership().version();
    let seen = seen_until(&mut node, begun + 20_000, |_, id, beat| {
        (id < 4).then(|| accept(beat).version(old.term.0, old.number - 1))
    });
    let awaited = vec![(2, Awaited::Acknowledgement), (3, Awaited::Acknowledgement)];
    let told = rarer(&seen, |event| *event == Event::ReconfigurationStalled { awaited: awaited.clone() });
    assert!(told.len() >= 2, "{seen:?}");
}
