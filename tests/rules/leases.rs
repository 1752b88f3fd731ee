//! Section 3 of the rules: leases.

use quorate::message::Denial;
use quorate::{Config, Event, Force, Input, RoleKind, StepDown, Timing, Urgency};

use crate::support::*;

const FIVE: [u64; 5] = [1, 2, 3, 4, 5];

/// Rule 3.1. Thesis §6.4.1: the voter's clock may be the faster one. The length is rounded down, never up.
#[test]
fn a_promise_counts_from_the_request_and_is_shortened_by_the_drift() {
    let timing = Timing { clock_resolution: ms(0), ..Timing::lan() };
    let mut node = Node::new(Config { timing, ..config(1) }, first_state(&[1, 2, 3]), 100);
    let asked = node.campaign(&[2]);
    assert_eq!(to(&asked, 2).header().sent_at, at_ms(100));
    node.win(117, &[2], &asked);
    // 450 ms / 1.0005 = 449.775112443... ms, from the request on.
    assert_eq!(node.lease().unwrap().until.since_origin().as_nanos(), 100_000_000 + 449_775_112);
}

/// Rule 3.1: the two readings of a clock of 10 ms may be 10 ms further apart than the time between them.
#[test]
fn a_promise_is_shortened_by_the_resolution_of_the_clock_that_counts_it() {
    let mut coarse = config(1);
    coarse.timing.clock_resolution = ms(10);
    let mut node = Node::new(coarse, first_state(&[1, 2, 3]), 100);
    let asked = node.campaign(&[2]);
    let beats = node.win(110, &[2], &asked);
    assert_eq!(node.lease_end(), 100 + LIMIT - 10);
    node.accepted(120, &[2], &beats);
    assert_eq!(node.lease_end(), 110 + LIMIT - 10, "an accepted heartbeat is worth no more than a vote");
}

/// Rule 3.1: no correct node replies to a request that was not sent yet.
#[test]
fn a_reply_from_the_future_is_ignored() {
    let mut node = Node::fresh(1, &[1, 2, 3]);
    let asked = node.campaign(&[2]);
    assert_eq!(node.hear(5, 2, grant(&to(&asked, 2).at(6), LIMIT)), []);
    assert_eq!(node.role(), RoleKind::Candidate);

    let (mut node, beats) = elected(1, &FIVE);
    let end = node.lease_end();
    for follower in [2, 3, 4] {
        node.hear(5, follower, accept(&to(&beats, follower).at(6)));
    }
    assert_eq!((node.lease_end(), node.status().committed), (end, false));
}

/// Rule 3.1: five nodes, promises of different lengths, a resignation and a re-election. The followers have
/// been released from their promises to the node's earlier leadership.
#[test]
fn a_heartbeat_reply_to_an_earlier_leadership_of_the_same_node_does_not_count() {
    let mut node = leader(1, &FIVE);
    let long = node.tick_at(HEARTBEAT);
    let others = [2, 3, 4, 5];
    node.accepted(HEARTBEAT, &[2, 3], &long);
    assert_eq!(
        node.lease_end(),
        LIMIT,
        "the promise of the votes, which is longer than that of the heartbeats"
    );

    let out = node.resign(60, Some(2), Urgency::Now);
    assert_eq!(
        events(&out)[0],
        Event::SteppedDown { term: term(1), reason: StepDown::Resigned { successor: Some(2) } }
    );
    let asked = node.campaign(&[4, 5]);
    let again = sent_at(&asked, 4);
    assert_eq!(to(&asked, 4).header().term, term(2));
    let shorter = LIMIT * 2 / 3;
    for voter in [4, 5] {
        node.hear(again, voter, grant(&to(&asked, voter), shorter));
    }
    assert_eq!((node.role(), node.term(), node.lease_end()), (RoleKind::Leader, term(2), again + shorter));

    for follower in others {
        let late = accept(&to(&long, follower).asking(LIMIT)).in_term(2).version(2, 1);
        node.hear(again, follower, late);
    }
    assert_eq!(node.lease_end(), again + shorter, "late replies to the heartbeats of term 1");
    assert_eq!(node.tick_at(again + shorter).len(), 6, "one SteppedDown, four releases, no leader");
    assert_eq!(node.role(), RoleKind::Follower);
}

/// Rule 3.1: the record of a member outlasts a renewal, and a reply to the term before counts for nothing. That
/// member may have followed another leader since.
#[test]
fn a_heartbeat_reply_to_the_term_before_a_renewal_does_not_count() {
    let mut node = leader(1, &[1, 2, 3]);
    let asked = node.hear(0, 3, pre_vote(7, 1));
    let beats = sent(&asked);
    let (_, beat) = beats.iter().rfind(|(to, message)| *to == 3 && is_heartbeat(message)).unwrap();
    assert_eq!((beat.header().term, heartbeat_of(beat).promise), (term(1), ns(LIMIT)));
    node.hear(10, 2, grant(&to(&asked, 2), 300));
    assert_eq!((node.lease().unwrap().term, node.lease_end()), (term(8), 300));
    node.hear(20, 3, accept(beat));
    assert_eq!(node.lease_end(), 300);
}

/// Rule 3.1: a vote reply counts only for the term of its request.
#[test]
fn a_vote_of_an_earlier_term_does_not_count() {
    let mut node = Node::fresh(1, &FIVE);
    let old = node.campaign(&[2, 3]);
    for voter in [2, 3, 4] {
        node.hear(1, voter, deny(&to(&old, voter), Denial::AlreadyVoted));
    }
    assert_eq!(node.role(), RoleKind::Follower);
    let asked = node.campaign(&[2, 3]);
    assert_eq!(to(&asked, 2).header().term, term(2));
    let now = sent_at(&asked, 2);
    assert!(now < LIMIT, "the earlier grants would still be in force");
    assert_eq!(node.win(now, &[2, 3, 4, 5], &old), []);
    assert_eq!(node.role(), RoleKind::Candidate);
}

/// Rule 3.1: a denial is not a promise, so the lease of a leader that all followers deny ends.
#[test]
fn a_denied_heartbeat_does_not_extend_the_lease() {
    let mut node = leader(1, &[1, 2, 3]);
    let beats = node.tick_at(400);
    for denial in [Denial::StaleTerm, Denial::NotAMember, Denial::MembershipConflict] {
        for follower in [2, 3] {
            assert_eq!(node.hear(400, follower, deny(&to(&beats, follower), denial)), []);
        }
    }
    assert_eq!(node.lease_end(), LIMIT);
    assert!(trace(&node.tick_at(LIMIT)).starts_with("stepped-down"));
}

/// Rule 3.2: the lease ends neither with the first promise nor with the last, but with the latest end that
/// a quorum reaches.
#[test]
fn the_lease_is_the_latest_end_that_a_quorum_reaches() {
    let mut node = leader(1, &FIVE);
    for now in [HEARTBEAT, 2 * HEARTBEAT, 350] {
        node.tick_at(now);
    }
    let beats = node.tick_at(400);
    assert_eq!(node.lease_end(), LIMIT);
    node.hear(410, 2, grant(&to(&beats, 2), 150));
    assert_eq!(node.lease_end(), LIMIT, "two of five");
    node.hear(410, 3, grant(&to(&beats, 3), 90));
    assert_eq!(node.lease_end(), 490, "three of five, the shortest of them");
    node.hear(410, 4, grant(&to(&beats, 4), 120));
    assert_eq!(node.lease_end(), 520);
    node.hear(410, 4, grant(&to(&beats, 4), 60));
    assert_eq!(node.lease_end(), 520, "a lease is never shortened");
    assert!(node.lease().unwrap().holds_at(at_ms(519)) && !node.lease().unwrap().holds_at(at_ms(520)));
}

/// Rule 3.2: a leader promises itself no more than it asks of others.
#[test]
fn the_leaders_promise_to_itself_ends_with_its_last_round() {
    let mut node = leader(1, &[1, 2]);
    node.tick_at(350);
    let beats = node.tick_at(400);
    node.hear(400, 2, grant(&to(&beats, 2), LIMIT));
    assert_eq!(node.lease_end(), 400 + PROMISE, "the follower is bound for longer");
}

/// Rule 3.2: a lone leader that is not ticked has slept, so its lease ends too.
#[test]
fn a_lone_leader_that_is_not_ticked_loses_its_lease() {
    let mut node = Node::fresh(1, &[1]);
    assert_eq!(trace(&node.tick_at(0)), "persist, elected, persist, installed, committed, leader");
    assert_eq!(node.lease_end(), LIMIT);
    for now in (HEARTBEAT..2_000).step_by(50) {
        node.tick_at(now);
        assert!(node.lease_end() >= now + PROMISE);
    }
    let end = node.lease_end();
    let mut slept = node.clone();
    slept.tick_at(end - 1);
    assert_eq!(slept.role(), RoleKind::Leader);
    assert_eq!(trace(&node.tick_at(end)), "stepped-down, leader");
    assert_eq!((node.role(), node.lease()), (RoleKind::Follower, None));
}

/// Rule 3.3: the lease has ended, although a heartbeat is due and a reply arrives at the same time.
#[test]
fn a_late_tick_steps_down_before_anything_else() {
    let mut node = leader(1, &[1, 2, 3]);
    let beats = node.tick_at(HEARTBEAT);
    let out = node.hear(10_000, 2, accept(&to(&beats, 2)));
    assert_eq!(
        trace(&out),
        "stepped-down, heartbeat 2, heartbeat 3, leader",
        "the event comes before the messages"
    );
    let lapsed = Event::SteppedDown { term: term(1), reason: StepDown::LeaseLapsed };
    assert_eq!(events(&out), [lapsed, Event::LeaderChanged { leader: None }]);
    assert_eq!((node.role(), node.lease(), node.leader()), (RoleKind::Follower, None, None));
}

/// Rule 3.3: the end of the lease is a deadline.
#[test]
fn leadership_ends_exactly_when_the_lease_does() {
    let mut node = leader(1, &[1, 2, 3]);
    let end = node.lease_end();
    while node.due() < end {
        node.tick_at(node.due());
        assert_eq!(node.role(), RoleKind::Leader);
    }
    assert_eq!(node.due(), end);
    assert!(trace(&node.tick_at(end)).starts_with("stepped-down"));
}

/// Rule 3.4: a vote elects only together with a promise in force.
#[test]
fn a_vote_counts_only_while_its_promise_is_in_force() {
    let mut node = Node::fresh(1, &FIVE);
    let asked = node.campaign(&[2, 3]);
    node.hear(10, 2, grant(&to(&asked, 2), 60));
    node.hear(60, 3, grant(&to(&asked, 3), LIMIT));
    assert_eq!(node.role(), RoleKind::Candidate, "the first vote's promise is over");
    let mut later = node.clone();
    let out = later.tick_at(2 * RETRY + 60);
    assert!(!trace(&out).contains("elected"), "nor does it elect after the wait for longer promises");
    assert_eq!(later.role(), RoleKind::Candidate);
    let out = node.hear(61, 4, grant(&to(&asked, 4), LIMIT));
    assert!(trace(&out).starts_with("elected"), "now three promises are in force at the same time");
    assert_eq!(node.lease_end(), LIMIT);
}

/// Rule 3.4: a candidate asks again for votes whose promises are about to end.
#[test]
fn a_candidate_asks_again_for_a_vote_whose_promise_is_about_to_end() {
    let mut node = Node::fresh(1, &FIVE);
    let asked = node.campaign(&[2, 3]);
    node.hear(10, 2, grant(&to(&asked, 2), LIMIT));
    node.hear(10, 3, grant(&to(&asked, 3), PROMISE));
    assert_eq!(node.role(), RoleKind::Leader, "3 grants no more when it is asked again");

    let mut node = Node::fresh(1, &FIVE);
    let asked = node.campaign(&[2, 3]);
    node.hear(10, 2, grant(&to(&asked, 2), LIMIT));
    assert_eq!(trace(&node.tick_at(RETRY)), "vote 3, vote 4, vote 5", "the promise of 2 lasts for long");
    let just = (ms(LIMIT) / 4).into();
    assert_eq!(
        trace(&node.clone().tick(just)),
        "vote 3, vote 4, vote 5",
        "the promise of 2 lasts for three quarters"
    );
    let late = LIMIT / 4 + 1;
    assert!(
        trace(&node.tick_at(late)).starts_with("vote 2"),
        "the promise of 2 lasts for less than three quarters"
    );
}

/// Rules 3.4 and 4.3: voters are counted, never messages.
#[test]
fn the_same_reply_twice_does_not_elect() {
    let mut node = Node::fresh(1, &FIVE);
    let asked = node.tick_at(0);
    for _ in 0..3 {
        assert_eq!(node.hear(0, 2, grant(&to(&asked, 2), 0)), []);
    }
    assert_eq!(node.role(), RoleKind::PreCandidate);
    let asked = node.hear(0, 3, grant(&to(&asked, 3), 0));
    for _ in 0..3 {
        assert_eq!(node.hear(0, 2, grant(&to(&asked, 2), LIMIT)), []);
    }
    assert_eq!(node.role(), RoleKind::Candidate);
    assert!(trace(&node.hear(0, 3, grant(&to(&asked, 3), LIMIT))).contains("elected"));
}

/// Rule 3.4: a new leader holds a valid lease from the start.
#[test]
fn a_new_leader_holds_a_lease_from_the_start() {
    let (node, out) = elected(1, &[1, 2, 3]);
    assert_eq!(trace(&out), "elected, heartbeat 2, heartbeat 3, leader");
    assert_eq!((node.lease().unwrap().term, node.lease_end()), (term(1), LIMIT));
}

/// Rule 3.5: a follower that must write first replies late.
#[test]
fn the_long_promise_is_asked_for_until_the_membership_is_committed() {
    let (mut node, beats) = elected(1, &[1, 2, 3]);
    let asked = |outputs: &Outputs| heartbeat_of(&to(outputs, 2)).promise;
    assert_eq!(asked(&beats), ns(LIMIT));
    assert_eq!(asked(&node.tick_at(HEARTBEAT)), ns(LIMIT));
    assert_eq!(trace(&node.hear(60, 2, accept(&to(&beats, 2)))), "persist, installed, committed");
    assert_eq!(asked(&node.tick_at(2 * HEARTBEAT)), ns(PROMISE));

    let mut candidate = Node::fresh(1, &[1, 2, 3]);
    assert_eq!(
        request_of(&to(&candidate.campaign(&[2]), 2)).promise,
        ns(LIMIT),
        "every vote request asks for it too"
    );
}

/// Rule 3.5: a leader writes when its lease is long enough for the write.
#[test]
fn the_long_promise_is_asked_for_before_a_renewal() {
    let mut node = leader(1, &[1, 2, 3]);
    let beats = node.tick_at(2 * HEARTBEAT);
    node.accepted(2 * HEARTBEAT, &[2, 3], &beats);
    let mut impatient = node.clone();
    let news = deny(&to(&beats, 3), Denial::StaleTerm).in_term(5);
    let out = node.hear(149, 3, news.clone());
    assert_eq!((trace(&out).as_str(), node.term()), ("heartbeat 2, heartbeat 3", term(1)), "no write yet");
    assert_eq!(heartbeat_of(&to(&out, 2)).promise, ns(LIMIT));
    assert_eq!(
        trace(&node.hear(159, 2, accept(&to(&out, 2)))),
        "persist, vote 2, vote 3",
        "the lease is long enough now"
    );

    impatient.hear(149, 3, news);
    let mut now = 149;
    while impatient.term() == term(1) {
        now = impatient.due();
        assert!(now <= 149 + 2 * PROMISE, "it waits two promises at most");
        let out = impatient.tick_at(now);
        for (follower, beat) in sent(&out).into_iter().filter(|(_, message)| is_heartbeat(message)) {
            // The replies promise the short length only.
            impatient.hear(now, follower, grant(beat, PROMISE));
        }
    }
    assert_eq!((now, impatient.term()), (149 + 2 * PROMISE, term(6)));
}

/// Rule 3.5 (c): requests are repeated each 200, and the wait for longer promises is over after a quarter of 450.
#[test]
fn a_wait_for_longer_votes_ends_before_the_requests_are_repeated() {
    let timing = Timing { retry_interval: ms(200), ..config(1).timing };
    let mut node = Node::new(Config { timing, ..config(1) }, first_state(&FIVE), 0);
    let asked = node.campaign(&[2, 3]);
    let late = LIMIT / 3 + 1;
    node.win(late, &[2, 3], &asked);
    assert_eq!(node.role(), RoleKind::Candidate);
    node.tick_at(late + LIMIT / 4);
    assert_eq!(node.role(), RoleKind::Candidate);
    let due = node.due();
    assert!(due <= late + LIMIT / 4 + 1, "{due}");
    node.tick_at(due + 1);
    assert_eq!((node.role(), node.lease_end()), (RoleKind::Leader, LIMIT));
}

/// Rule 3.5 (b): the lease ends at 450. The wait is over for it at 425, but no reply has come since it began at 125, so
/// that nothing shows whether the voters would answer in the time that is left.
#[test]
fn a_leader_does_not_begin_a_renewal_on_what_is_left_of_a_lease_that_no_reply_lengthens() {
    let mut node = leader(1, &[1, 2, 3]);
    let beats = node.tick_at(2 * HEARTBEAT);
    let end = node.lease_end();
    let began = end - 2 * PROMISE - 25;
    node.hear(began, 3, deny(&to(&beats, 3), Denial::StaleTerm).in_term(5));
    for now in began..end {
        node.tick_at(now);
        assert_eq!((node.role(), node.term()), (RoleKind::Leader, term(1)), "{now} of {end}");
    }
}

/// Rule 3.5 (b): the host asks for the lease between a step and the next tick.
#[test]
fn the_host_sees_the_long_lease_before_the_write_that_it_is_for() {
    let mut node = leader(1, &[1, 2, 3]);
    let beats = node.tick_at(2 * HEARTBEAT);
    node.accepted(2 * HEARTBEAT, &[2, 3], &beats);
    let renews = Input::Receive { from: 3, message: deny(&to(&beats, 3), Denial::StaleTerm).in_term(5) };
    let changes = Input::Reconfigure { target: target(&[1, 2, 3], &[4]), force: Force::Never };
    for (input, writes) in [
        (renews, "persist, vote 2, vote 3"),
        (changes, "persist, installed, heartbeat 2, heartbeat 3, heartbeat 4"),
    ] {
        let mut node = node.clone();
        let asked = node.step_at(149, input);
        assert_eq!(trace(&asked), "heartbeat 2, heartbeat 3");
        assert_eq!(trace(&node.tick(at_ms(150))), "");
        let reply = Input::Receive { from: 2, message: accept(&to(&asked, 2)) };
        assert_eq!(node.step(reply), [], "nothing is written yet");
        assert!(node.lease_end() >= 149 + LIMIT - 1, "and the lease is long: {}", node.lease_end());
        assert!(node.due() <= 150, "the next tick is due");
        assert_eq!(trace(&node.tick(at_ms(151))), writes);
    }
}

/// Rule 3.5 (b): a host that ticks late has no long lease any more, and nothing is written.
#[test]
fn a_write_that_the_lease_does_not_outlast_any_more_is_prepared_again() {
    let mut node = leader(1, &[1, 2, 3]);
    let asked = node.step_at(
        10 + 3 * HEARTBEAT,
        Input::Reconfigure { target: target(&[1, 2, 3], &[4]), force: Force::Never },
    );
    let sent = 10 + 3 * HEARTBEAT;
    node.tick(at_ms(sent + 1));
    node.step(Input::Receive { from: 2, message: accept(&to(&asked, 2)) });
    let out = node.tick_at(sent + LIMIT / 2);
    assert_eq!(trace(&out), "heartbeat 2, heartbeat 3");
    assert!(node.lists().1.is_empty());
}

/// Rule 3.5: a winner whose quorum is bound for less than two thirds of the long promise asks for the votes
/// again first. It does so once, and waits for two retry intervals at most.
#[test]
fn a_winner_whose_votes_are_nearly_over_asks_for_them_again_first() {
    let mut node = Node::fresh(1, &FIVE);
    let asked = node.campaign(&[2, 3]);
    let enough = LIMIT / 3;
    let mut in_time = node.clone();
    in_time.win(enough, &[2, 3], &asked);
    assert_eq!((in_time.role(), in_time.lease_end()), (RoleKind::Leader, LIMIT));

    let late = enough + 1;
    let again = node.win(late, &[2, 3], &asked);
    assert_eq!(node.role(), RoleKind::Candidate);
    assert!(trace(&again).ends_with("vote 2, vote 3, vote 4, vote 5"), "{}", trace(&again));

    let mut lasting = node.clone();
    lasting.hear(late + 5, 2, grant(&to(&again, 2), LIMIT));
    assert_eq!(lasting.role(), RoleKind::Candidate, "two of five");
    lasting.hear(late + 6, 3, grant(&to(&again, 3), LIMIT));
    assert_eq!((lasting.role(), lasting.lease_end()), (RoleKind::Leader, late + LIMIT));

    let mut now = late;
    while node.role() == RoleKind::Candidate {
        now = node.due();
        node.tick_at(now);
    }
    assert_eq!((node.role(), now, node.lease_end()), (RoleKind::Leader, late + 2 * RETRY, LIMIT));
}

/// Rule 3.5 (d): voter 2 has a `promise_limit` of 100, and learner 4 one of 50.
#[test]
fn a_leader_says_which_voter_promises_less_than_its_heartbeats_ask_for() {
    let mut node = leader(1, &[1, 2, 3]);
    let mut told = Vec::new();
    let mut limit = 100;
    for _ in 0..4_000 {
        let (now, beats) = (node.due(), node.tick_at(node.due()));
        assert_eq!(node.role(), RoleKind::Leader, "the other two are a quorum");
        for (follower, beat) in sent(&beats).into_iter().filter(|(_, message)| is_heartbeat(message)) {
            let asked = heartbeat_of(beat).promise.as_duration().as_millis() as u64;
            let granted = if follower == 2 { asked.min(limit) } else { asked };
            let short = |event: &&Event<u64>| matches!(event, Event::ShortPromise { .. });
            let out = node.hear(now, follower, grant(beat, granted));
            told.extend(
                events(&out).into_iter().filter(|event| short(&event)).map(|event| (now, event.clone())),
            );
        }
        if told.len() == 4 {
            limit = PROMISE;
        }
    }
    let event = Event::ShortPromise { voter: 2, granted: ms(100), requested: ms(PROMISE) };
    assert!(told.iter().all(|(_, said)| *said == event), "{told:?}");
    let at: Vec<u64> = told.iter().map(|(now, _)| *now).collect();
    assert!(at.len() == 4 && at[0] < 2 * HEARTBEAT + 100, "at once, and no longer than that lasts: {at:?}");
    assert!(at.windows(2).all(|pair| pair[1] - pair[0] >= 10 * LIMIT), "{at:?}");
}
