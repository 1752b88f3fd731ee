//! Section 4 of the rules: elections.

use std::time::Duration;

use quorate::message::{Answer, Denial};
use quorate::{Config, Election, Event, Input, Output, Position, RoleKind, Timestamp, Timing};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];

/// Rule 4.1: the leader's heartbeats say when each follower may campaign.
#[test]
fn a_follower_campaigns_at_the_end_of_its_promise_plus_its_rank() {
    let mut follower = Node::fresh(3, &THREE);
    assert_eq!(follower.due(), 2 * STAGGER, "without a rank, by its index among the members");
    for rank in [0, 1, 4] {
        let mut follower = follower.clone();
        follower.hear(10, 1, heartbeat(1, 1).rank(rank));
        let first = if rank == 0 { RETRY } else { 0 };
        assert_eq!(
            follower.due(),
            10 + PROMISE - first,
            "the early pre-vote, or the end of the leader's promise"
        );
        let deadline = 10 + PROMISE + u64::from(rank) * STAGGER;
        if rank > 0 {
            assert_eq!(trace(&follower.tick_at(10 + PROMISE)), "leader");
            assert_eq!(follower.due(), deadline);
        }
        assert!(trace(&follower.tick_at(deadline)).starts_with("pre-vote 1, pre-vote 2"));
    }
    follower.hear(10, 1, vote(1, 1));
    assert_eq!(follower.due(), 10 + LIMIT + 2 * STAGGER, "a granted vote is a promise too");
}

/// Rule 4.1: jitter separates nodes whose election deadlines coincide. It is shorter than a stagger.
#[test]
fn jitter_delays_an_election_deadline_by_up_to_half_a_stagger() {
    let first = at_ms(0)..=at_ms(STAGGER / 2);
    let due = |seed| {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let node = Election::new(config(1), first_state(&THREE), at_ms(0), rng).unwrap();
        node.deadline().unwrap()
    };
    let dues: Vec<Timestamp> = (0..64).map(due).collect();
    assert!(dues.iter().all(|due| first.contains(due)), "{dues:?}");
    let middle = at_ms(STAGGER / 4);
    assert!(dues.iter().any(|&due| due < middle) && dues.iter().any(|&due| due > middle), "{dues:?}");
}

/// Rule 4.1: pre-votes, denied requests and hearsay move no deadline.
#[test]
fn only_an_accepted_heartbeat_and_a_granted_vote_move_the_deadline() {
    let mut follower = Node::fresh(3, &THREE);
    follower.step(Input::SetPosition(at_index(5)));
    let (due, behind) = (follower.due(), at_index(5));
    assert_eq!(granted(&follower.hear(1, 1, pre_vote(0, 1).position(5)), 1), 0);
    assert_eq!(denied(&follower.hear(2, 1, pre_vote(0, 2)), 1), Denial::PositionBehind(behind));
    assert_eq!(denied(&follower.hear(3, 1, vote(4, 3)), 1), Denial::PositionBehind(behind));
    assert_eq!(follower.term(), term(4), "its term is adopted all the same");
    assert_eq!(denied(&follower.hear(4, 9, heartbeat(5, 4)), 9), Denial::NotAMember);
    assert_eq!(denied(&follower.hear(5, 2, heartbeat(3, 5)), 2), Denial::StaleTerm);
    let rumour = Denial::Bound { to: Some(holds(2, 4)), remaining: ns(PROMISE) };
    assert_eq!(follower.hear(6, 1, deny(&pre_vote(0, 1), rumour)), []);
    assert_eq!(follower.due(), due);
    follower.hear(7, 1, heartbeat(4, 9));
    assert!(follower.due() > due);
}

/// Rule 4.1: a change between two priorities above 0 does not move the deadline.
#[test]
fn another_priority_does_not_delay_a_candidacy() {
    let mut follower = Node::fresh(3, &THREE);
    follower.hear(0, 1, heartbeat(1, 1).rank(1));
    follower.step_at(PROMISE + 1, Input::SetPriority(quorate::Priority(9)));
    assert_eq!(follower.due(), PROMISE + STAGGER);
}

/// Rule 4.1: after a leap of the clock queued messages come first. The deadline is delayed once, until a
/// message arrives.
#[test]
fn a_leap_of_the_clock_delays_the_deadline_once() {
    let mut follower = Node::fresh(3, &THREE);
    follower.hear(0, 1, heartbeat(1, 1).rank(0));
    let mut queued = follower.clone();
    let woken = 60_000;
    assert_eq!(trace(&follower.tick_at(woken)), "leader");
    assert_eq!((follower.role(), follower.due()), (RoleKind::Follower, woken + HEARTBEAT));
    let again = 2 * woken;
    assert!(trace(&follower.tick_at(again)).starts_with("pre-vote"), "a second leap does not delay it again");

    let mut late = queued.clone();
    let due = late.due();
    assert!(
        trace(&late.tick_at(due + PROMISE)).starts_with("pre-vote"),
        "the tick is late, but the clock did not leap"
    );

    queued.tick_at(woken);
    assert_eq!(granted(&queued.hear(woken, 1, heartbeat(1, 2).rank(0)), 1), PROMISE);
    queued.tick_at(again);
    assert_eq!(
        (queued.role(), queued.due()),
        (RoleKind::Follower, again + HEARTBEAT),
        "a message has arrived since"
    );
}

/// Rule 4.2. Thesis §9.6: a pre-vote goes to all voters and changes no state, not even that of the node
/// that asks.
#[test]
fn a_pre_vote_changes_no_state_of_the_node_that_asks() {
    let mut node = Node::fresh(1, &THREE);
    let before = node.lasting();
    let asked = node.tick_at(0);
    assert_eq!(trace(&asked), "pre-vote 2, pre-vote 3");
    assert_eq!(
        (to(&asked, 2).header().term, request_of(&to(&asked, 2)).promise),
        (term(0), ns(0)),
        "its own term"
    );
    let rest: Vec<Outputs> = (1..50).map(|_| node.tick_at(node.due())).collect();
    assert!(rest.iter().all(|out| persisted(out).is_none()));
    assert_eq!((node.lasting(), node.role()), (before, RoleKind::PreCandidate));
}

/// Rule 4.2: a grant of an earlier round may not hold any more.
#[test]
fn pre_votes_of_an_earlier_round_do_not_count() {
    let mut node = Node::fresh(1, &THREE);
    let old = node.tick_at(0);
    let repeated = node.tick_at(RETRY);
    assert_eq!(to(&old, 2).header().round, to(&repeated, 2).header().round, "the same round, repeated");
    let new = node.tick_at(PROMISE);
    assert!(to(&new, 2).header().round > to(&old, 2).header().round);
    for voter in [2, 3] {
        assert_eq!(node.hear(PROMISE, voter, grant(&to(&old, voter), 0)), []);
    }
    assert_eq!(node.role(), RoleKind::PreCandidate);
    assert_eq!(trace(&node.hear(PROMISE, 2, grant(&to(&new, 2), 0))), "persist, vote 2, vote 3");
}

/// Rule 4.3: a lost message does not cost a term.
#[test]
fn unanswered_requests_are_repeated_in_the_same_term_with_a_new_round_and_time() {
    let mut node = Node::fresh(1, &[1, 2, 3, 4, 5]);
    let asked = node.campaign(&[2, 3]);
    assert_eq!(trace(&asked), "persist, vote 2, vote 3, vote 4, vote 5");
    node.hear(5, 2, grant(&to(&asked, 2), LIMIT));
    let again = node.tick_at(RETRY);
    assert_eq!(trace(&again), "vote 3, vote 4, vote 5");
    let (first, second) = (to(&asked, 3).header(), to(&again, 3).header());
    assert_eq!((first.term, second.term), (term(1), term(1)));
    assert!(second.round > first.round && second.sent_at == at_ms(RETRY));
    assert!(trace(&node.hear(25, 3, grant(&to(&again, 3), LIMIT))).contains("elected"));
    assert_eq!(node.term(), term(1));
}

/// Rule 4.3: the first reply may have been lost.
#[test]
fn a_voter_asked_again_grants_again() {
    let mut voter = Node::fresh(3, &THREE);
    voter.hear(1, 1, vote(1, 1));
    let out = voter.hear(21, 1, vote(1, 2).at(21));
    assert_eq!(trace(&out), "yes 1", "the vote is written already");
    assert_eq!((granted(&out, 1), to(&out, 1).header().sent_at), (LIMIT, at_ms(21)));
}

/// Rule 4.3: a node replies to a vote request even if it does not know yet that it is a voter.
#[test]
fn a_node_that_is_no_voter_yet_answers_a_vote_request() {
    let joining = quorate::HardState::joining(CLUSTER);
    let mut node = Node::new(config(9), joining, 0);
    let out = node.hear(0, 1, vote(1, 1));
    assert_eq!((trace(&out).as_str(), granted(&out, 1)), ("persist, yes 1", LIMIT));
}

/// Rule 4.4: every denial gives its reason.
#[test]
fn every_denial_gives_its_reason() {
    let mut saved = first_state(&THREE);
    (saved.term, saved.voted_for) = (term(3), Some(1));
    saved.membership = members(version(2, 1), &THREE);
    saved.promised = ms(PROMISE);
    let mut voter = Node::new(config(3), saved, 0);
    voter.step(Input::SetPosition(at_index(5)));
    let mut denial = |request: Msg| denied(&voter.hear(PROMISE, 2, request), 2);
    assert_eq!(denial(vote(2, 1).version(2, 1).position(5)), Denial::StaleTerm);
    assert_eq!(denial(pre_vote(2, 1).version(2, 1).position(5)), Denial::StaleTerm);
    assert_eq!(denial(vote(3, 1).version(2, 1).position(5)), Denial::AlreadyVoted);
    assert_eq!(denial(vote(3, 2).version(1, 9).position(5)), Denial::StaleMembership);
    assert_eq!(denial(pre_vote(3, 2).version(1, 9).position(5)), Denial::StaleMembership);
    assert_eq!(denial(vote(3, 3).version(2, 1).position(4)), Denial::PositionBehind(at_index(5)));
    assert_eq!(denial(pre_vote(3, 3).version(2, 1).position(4)), Denial::PositionBehind(at_index(5)));
    let other = members(version(2, 1), &[2, 3, 4]);
    assert_eq!(denial(vote(3, 4).carrying(other)), Denial::MembershipConflict);
    let out = voter.hear(PROMISE, 9, vote(3, 1).version(2, 1));
    assert_eq!(denied(&out, 9), Denial::NotAMember);
    voter.hear(PROMISE, 1, heartbeat(3, 1).version(2, 1));
    let bound = Denial::Bound { to: Some(holds(1, 3)), remaining: ns(PROMISE) };
    assert_eq!(denied(&voter.hear(PROMISE, 2, vote(4, 5).version(2, 1).position(5)), 2), bound);
}

/// Rule 4.4. Raft §5.4.1: positions are compared by term first.
#[test]
fn a_voter_grants_to_no_candidate_whose_position_is_behind() {
    let mut voter = Node::fresh(3, &THREE);
    voter.step(Input::SetPosition(Position { term: 2, index: 1 }));
    let position = Position { term: 2, index: 1 };
    assert_eq!(denied(&voter.hear(0, 1, vote(1, 1).position(99)), 1), Denial::PositionBehind(position));
    let mut equal = vote(1, 2);
    equal.modify(|_, body| {
        if let quorate::message::Body::VoteRequest(request) = body {
            request.position = position;
        }
    });
    assert_eq!(granted(&voter.hear(0, 1, equal), 1), LIMIT);
}

/// Rule 4.4: the host learns which node it can catch up from.
#[test]
fn a_candidate_that_is_behind_tells_its_host() {
    let mut node = Node::fresh(1, &THREE);
    let asked = node.tick_at(0);
    let position = at_index(8);
    let out = node.hear(1, 3, deny(&to(&asked, 3), Denial::PositionBehind(position)));
    assert_eq!(out, [Output::Event(Event::Behind { peer: 3, position })]);
}

/// Rule 4.4. Spec: `UpdateTerms`. A candidate that is not bound adopts a higher term from a denial, and
/// starts its pre-vote again in that term.
#[test]
fn a_candidate_adopts_a_higher_term_from_a_denial() {
    let mut node = Node::fresh(1, &THREE);
    let asked = node.tick_at(0);
    let out = node.hear(1, 3, deny(&to(&asked, 3), Denial::StaleTerm).in_term(6));
    assert_eq!(trace(&out), "persist, pre-vote 2, pre-vote 3");
    assert_eq!((to(&out, 2).header().term, node.term(), node.voted_for()), (term(6), term(6), None));
    assert_eq!(
        trace(&node.tick_at(1 + RETRY)),
        "pre-vote 2, pre-vote 3",
        "no voter has replied in the new term yet"
    );

    let mut node = Node::fresh(1, &THREE);
    let asked = node.campaign(&[2]);
    let out = node.hear(1, 3, deny(&to(&asked, 3), Denial::StaleTerm).in_term(6));
    assert_eq!((trace(&out).as_str(), node.role(), node.term()), ("persist", RoleKind::Follower, term(6)));
}

/// Rule 4.4: the candidate uses the hint of a bound voter only to ask it again in time. Otherwise it is
/// hearsay.
#[test]
fn a_candidate_asks_a_bound_voter_again_when_it_is_free() {
    let mut saved = first_state(&THREE);
    saved.term = term(3);
    let mut node = Node::new(config(1), saved, 0);
    let asked = node.campaign(&[2]);
    for voter in [2, 3] {
        let bound = Denial::Bound { to: Some(holds(3, 3)), remaining: ns(33) };
        assert_eq!(node.hear(2, voter, deny(&to(&asked, voter), bound)), []);
    }
    assert_eq!(node.leader(), None);
    assert_eq!(node.status().rumoured_leader(), Some(holds(3, 3)));
    assert_eq!(node.tick_at(RETRY), [], "the voters are still bound");
    assert_eq!(node.due(), 35);
    assert_eq!(trace(&node.tick_at(35)), "vote 2, vote 3");
}

/// Rule 4.4: a voter that is bound to a rival in the candidate's term has given the rival its vote of that
/// term.
#[test]
fn a_voter_bound_in_the_very_term_is_lost_to_a_candidate() {
    let mut node = Node::fresh(1, &THREE);
    let asked = node.campaign(&[2]);
    let rival = Denial::Bound { to: Some(holds(2, 1)), remaining: ns(LIMIT) };
    node.hear(1, 3, deny(&to(&asked, 3), rival));
    assert_eq!(node.role(), RoleKind::Candidate, "2 may still grant its vote");
    node.hear(1, 2, deny(&to(&asked, 2), rival));
    assert_eq!((node.role(), node.due()), (RoleKind::Follower, 1));
}

/// Rule 4.3: a candidate whose voters are silent does not wait for them longer than a promise can last.
#[test]
fn a_candidacy_ends_after_the_longest_promise() {
    let mut node = Node::fresh(1, &THREE);
    node.campaign(&[2]);
    while node.due() < LIMIT {
        node.tick_at(node.due());
        assert_eq!(node.role(), RoleKind::Candidate);
    }
    node.tick_at(LIMIT);
    assert_eq!((node.role(), node.term()), (RoleKind::Follower, term(1)), "the next is in another term");
    assert!(trace(&node.campaign(&[2])).starts_with("persist, vote 2, vote 3"));
    assert_eq!(node.term(), term(2));
}

/// Rule 4.4: once a rival has votes, there is no use in waiting for dead voters.
#[test]
fn a_split_vote_ends_when_a_rival_has_votes_and_the_rest_is_silent() {
    let mut node = Node::fresh(1, &[1, 2, 3, 4, 5]);
    let asked = node.campaign(&[2, 3]);
    node.hear(1, 2, grant(&to(&asked, 2), LIMIT));
    node.tick_at(PROMISE);
    assert_eq!(node.role(), RoleKind::Candidate, "without a rival, silence counts as lost messages");
    node.hear(PROMISE, 3, deny(&to(&asked, 3), Denial::AlreadyVoted));
    while node.role() == RoleKind::Candidate {
        node.tick_at(node.due());
    }
    assert!(
        node.status().last_denial.is_some() && node.due() < LIMIT,
        "the next attempt comes before its own promise ends"
    );
}

/// Rule 4.4: a voter that has not replied since the pre-vote began is silent, even if it was heard before.
/// One that has replied may be writing its vote.
#[test]
fn beside_a_rival_a_candidate_does_not_wait_for_silent_voters_alone() {
    let role_after_a_retry = |heard_since: bool| {
        let mut node = Node::fresh(1, &[1, 2, 3, 4, 5]);
        node.hear(0, 4, heartbeat(1, 1));
        let asked = node.campaign(&[2, 3]);
        let now = sent_at(&asked, 2);
        if heard_since {
            node.hear(now, 4, grant(&pre_vote(1, 0), 0));
        }
        for rival in [3, 5] {
            node.hear(now, rival, deny(&to(&asked, rival), Denial::AlreadyVoted));
        }
        assert_eq!(node.role(), RoleKind::Candidate, "4 may still reply");
        node.tick_at(now + RETRY);
        node.role()
    };
    assert_eq!(role_after_a_retry(false), RoleKind::Follower);
    assert_eq!(role_after_a_retry(true), RoleKind::Candidate);
}

/// Rule 4.4: a candidate that has lost does not wait for a whole promise.
#[test]
fn a_candidate_that_has_lost_tries_again_after_its_stagger() {
    let mut node = Node::fresh(2, &THREE);
    let asked = node.campaign(&[3]);
    let now = sent_at(&asked, 3);
    node.hear(now, 1, deny(&to(&asked, 1), Denial::AlreadyVoted));
    assert_eq!(node.role(), RoleKind::Candidate, "a quorum may still grant its votes");
    node.hear(now, 3, deny(&to(&asked, 3), Denial::AlreadyVoted));
    assert_eq!((node.role(), node.due()), (RoleKind::Follower, now + STAGGER));
    assert_eq!(node.term(), term(1), "it begins with a pre-vote");
    assert!(trace(&node.tick_at(now + STAGGER)).starts_with("pre-vote"));
}

/// Rule 4.5. Spec: `SendConfig`. The term and the membership are stored in one write.
#[test]
fn a_candidate_shown_a_newer_membership_ends_its_candidacy_and_adopts_it_with_the_term() {
    let newer = members(version(4, 2), &[1, 3, 4]);
    for in_pre_vote in [true, false] {
        let mut node = Node::fresh(1, &THREE);
        let asked = if in_pre_vote { node.tick_at(0) } else { node.campaign(&[2]) };
        let reply = deny(&to(&asked, 3), Denial::StaleMembership).carrying(newer.clone()).in_term(5);
        let out = node.hear(1, 3, reply);
        assert_eq!(trace(&out), "persist, installed");
        let saved = persisted(&out).unwrap();
        assert_eq!((saved.term, &saved.membership), (term(5), &newer));
        assert_eq!(node.role(), RoleKind::Follower);
        let late = Input::Receive { from: 2, message: grant(&to(&asked, 2), LIMIT) };
        assert_eq!(node.step(late), [], "2 is no member any more");
    }
}

/// Rule 4.5: versions are compared by term first, so a higher number of an older term is older.
#[test]
fn an_older_membership_is_not_adopted() {
    let mut saved = first_state(&THREE);
    (saved.term, saved.membership) = (term(5), members(version(5, 1), &THREE));
    let mut node = Node::new(config(1), saved, 0);
    let asked = node.tick_at(0);
    let older = members(version(4, 9), &[1, 3]);
    node.hear(0, 3, deny(&to(&asked, 3), Denial::StaleTerm).carrying(older));
    assert_eq!(node.membership().version(), version(5, 1));
}

/// Rule 4.6. Spec: `BecomeLeader`. The winner's version has the same members and number, and the new term.
/// The write of that version delays nothing, but it comes before the commit.
#[test]
fn the_winners_version_has_its_term_and_is_durable_before_the_commit() {
    let (mut node, out) = elected(1, &THREE);
    assert_eq!(trace(&out), "elected, heartbeat 2, heartbeat 3, leader");
    let acknowledged = node.hear(1, 2, accept(&to(&out, 2)));
    assert_eq!(trace(&acknowledged), "persist, installed, committed");
    assert_eq!(persisted(&acknowledged).unwrap().membership.version(), version(1, 1));
    let changed = |committed| Event::MembershipChanged { version: version(1, 1), committed };
    assert_eq!(events(&acknowledged), [changed(false), changed(true)]);
    let beat = to(&out, 2);
    assert_eq!(heartbeat_of(&beat).membership.as_deref(), Some(node.membership()));
    assert_eq!((beat.header().version, beat.header().committed), (version(1, 1), false));
}

/// Rule 4.7: the heartbeat shows a member that its leader is alive.
#[test]
fn a_leader_replies_to_a_pre_vote_with_a_heartbeat() {
    let mut node = leader(1, &THREE);
    let out = node.hear(10, 3, pre_vote(1, 9).version(1, 1));
    assert_eq!(trace(&out), "no 3, heartbeat 3");
    let bound = Denial::Bound { to: Some(holds(1, 1)), remaining: ns(node.lease_end() - 10) };
    let Answer::Denied(denial) = (match &sent(&out)[0].1.body() {
        quorate::message::Body::VoteReply(reply) => reply.answer,
        other => panic!("{other:?}"),
    }) else {
        panic!("granted")
    };
    assert_eq!(denial, bound);
    assert_eq!(
        trace(&node.hear(10, 9, pre_vote(1, 9).version(1, 1))),
        "no 9",
        "a node that is no member gets none"
    );
}

/// Rule 4.8: on a flapping link the same node does not lead again and again.
#[test]
fn each_lapse_delays_the_next_candidacy_longer_until_a_long_leadership_resets_the_delay() {
    let mut node = leader(1, &THREE);
    let mut delays = Vec::new();
    for _ in 0..7 {
        let lapse = node.lease_end();
        node.tick_at(lapse);
        assert_eq!(node.role(), RoleKind::Follower);
        delays.push(node.due() - lapse);
        let asked = node.campaign(&[2]);
        let now = sent_at(&asked, 2);
        node.win(now, &[2], &asked);
        assert_eq!(node.role(), RoleKind::Leader, "the delay never prevents an election");
    }
    assert!(delays[0] < delays[1] && delays[1] < delays[2], "{delays:?}");
    assert!(delays.iter().all(|&delay| delay <= 20 * PROMISE), "bounded: {delays:?}");

    let long = node.lease_end() + 1_000_000;
    let mut now = node.due();
    while now < long {
        let out = node.tick_at(now);
        for (follower, beat) in sent(&out) {
            if is_heartbeat(beat) {
                node.hear(now, follower, accept(beat));
            }
        }
        now = node.due();
    }
    assert_eq!(node.role(), RoleKind::Leader);
    let lapse = node.lease_end();
    node.tick_at(lapse);
    assert_eq!(node.due() - lapse, delays[0], "after a long leadership");
}

/// Rule 4.1 and S1: a clock that runs backwards is an error of the host.
#[test]
fn a_clock_that_runs_backwards_is_rejected_and_changes_nothing() {
    let mut node = leader(1, &THREE);
    node.tick_at(HEARTBEAT);
    let before = node.clone();
    let rejection =
        quorate::Rejection::ClockWentBackwards { last: at_ms(HEARTBEAT), now: at_ms(HEARTBEAT - 1) };
    assert_eq!(node.tick_at(HEARTBEAT - 1), [Output::Rejected(rejection)]);
    assert_eq!(node, before);
    let end = Duration::from_nanos(u64::MAX / 2);
    for late in [Duration::MAX, end + Duration::from_nanos(1)].map(Timestamp::from) {
        assert_eq!(node.tick(late), [Output::Rejected(quorate::Rejection::ClockOutOfRange { now: late })]);
        assert_eq!(node, before);
    }
    assert!(
        trace(&node.clone().tick(end.into())).starts_with("stepped-down"),
        "the last valid reading of the clock"
    );
    assert_eq!(node.tick_at(HEARTBEAT), [], "the same reading twice is valid");
}

/// Rules 2.1 and 4.2: the host may ask a node to campaign, but not to break a promise.
#[test]
fn a_host_cannot_make_a_node_campaign_that_must_not() {
    use quorate::{Ineligible, Priority, Rejection};
    let rejected = |mut node: Node, rejection| {
        let before = node.clone();
        assert_eq!(node.step(Input::Campaign), [Output::Rejected(rejection)]);
        assert_eq!(node, before);
    };
    let mut bound = Node::fresh(3, &THREE);
    bound.hear(0, 1, heartbeat(1, 1));
    rejected(bound, Rejection::Bound { holder: Some(holds(1, 1)), remaining: ms(PROMISE) });
    rejected(leader(1, &THREE), Rejection::AlreadyLeads { term: term(1) });
    let mut asking = Node::fresh(1, &THREE);
    asking.tick_at(0);
    rejected(asking.clone(), Rejection::AlreadyCampaigning);
    asking.win(0, &[2], &asking.clone().tick_at(RETRY));
    rejected(asking, Rejection::AlreadyCampaigning);
    let mut witness = Node::fresh(3, &THREE);
    witness.step(Input::SetPriority(Priority(0)));
    rejected(witness, Rejection::CannotLead(Ineligible::NeverLeads));
    let joining = Node::new(config(9), quorate::HardState::joining(CLUSTER), 0);
    rejected(joining, Rejection::CannotLead(Ineligible::NotAVoter));

    let mut free = Node::fresh(3, &THREE);
    assert_eq!(trace(&free.step(Input::Campaign)), "pre-vote 1, pre-vote 2");
}

/// Rules 4.3 and 4.4: a voter whose data reach further is no rival, so the candidate waits for the other
/// voters, which may be writing.
#[test]
fn a_voter_whose_data_reach_further_does_not_end_a_candidacy() {
    let mut node = Node::fresh(1, &[1, 2, 3, 4, 5]);
    let asked = node.campaign(&[2, 3]);
    node.hear(1, 5, deny(&to(&asked, 5), Denial::PositionBehind(at_index(1))));
    node.tick_at(RETRY);
    let writes = 2 * RETRY;
    node.hear(writes, 2, grant(&to(&asked, 2), LIMIT));
    node.hear(writes, 3, grant(&to(&asked, 3), LIMIT));
    assert_eq!((node.role(), node.term()), (RoleKind::Leader, term(1)));
}

/// Rule 4.3: a rival denies without a write, while the votes of the others need one.
#[test]
fn a_rivals_quick_denial_does_not_end_a_candidacy_that_wins() {
    let mut node = Node::fresh(1, &[1, 2, 3, 4, 5]);
    let asked = node.campaign(&[2, 3]);
    node.hear(1, 5, deny(&to(&asked, 5), Denial::AlreadyVoted));
    node.tick_at(RETRY);
    let writes = 100;
    node.hear(writes, 2, grant(&to(&asked, 2), LIMIT));
    node.hear(writes, 3, grant(&to(&asked, 3), LIMIT));
    assert_eq!((node.role(), node.term()), (RoleKind::Leader, term(1)));
}

/// Rule 4.4: of three nodes, one whose data reach further does not make the one that is writing absent.
#[test]
fn beside_a_voter_whose_data_reach_further_a_candidate_waits_for_a_slow_writer() {
    // Either voter may have granted the pre-vote: the data of node 3 may have grown since.
    for pre_voter in [2, 3] {
        let mut node = Node::fresh(1, &THREE);
        let asked = node.campaign(&[pre_voter]);
        node.hear(1, 3, deny(&to(&asked, 3), Denial::PositionBehind(at_index(1))));
        let writes = 100;
        while node.due() < writes {
            node.tick_at(node.due());
        }
        node.hear(writes, 2, grant(&to(&asked, 2), LIMIT));
        assert_eq!((node.role(), node.term()), (RoleKind::Leader, term(1)));
    }
}

/// Rule 7.3: a candidate that learns of a commit need not write it.
#[test]
fn a_candidate_that_learns_of_the_commit_writes_nothing() {
    let mut node = Node::fresh(1, &THREE);
    let asked = node.tick_at(node.due());
    let told = deny(&to(&asked, 2), Denial::StaleTerm).committed();
    assert_eq!(trace(&node.hear(sent_at(&asked, 2), 2, told)), "committed");
}

/// Rule 3.1: a promise counts from the time of the request, on the clock of the node that asked.
#[test]
fn a_reply_carries_the_round_and_the_time_of_its_request() {
    let mut node = Node::fresh(3, &THREE);
    for request in [pre_vote(0, 1), vote(1, 2), heartbeat(1, 3)] {
        let request = request.at(7);
        let reply = to(&node.hear(20, 1, request.clone()), 1);
        assert_eq!((reply.header().round, reply.header().sent_at), (request.header().round, at_ms(7)));
    }
}

/// Rule 4.3: an earlier reply of a voter that arrives late does not undo its vote.
#[test]
fn a_vote_that_was_given_is_not_taken_back_by_a_late_denial() {
    let mut node = Node::fresh(1, &[1, 2, 3, 4, 5]);
    let asked = node.campaign(&[2, 3]);
    let now = sent_at(&asked, 2);
    node.hear(now, 2, grant(&to(&asked, 2), LIMIT));
    for denial in [Denial::AlreadyVoted, Denial::Bound { to: None, remaining: ns(PROMISE) }] {
        assert_eq!(node.hear(now, 2, deny(&to(&asked, 2), denial)), []);
    }
    node.hear(now, 3, grant(&to(&asked, 3), LIMIT));
    assert_eq!(node.role(), RoleKind::Leader);
}

/// Rule 4.4: a voter that is bound to a rival will vote for the rival.
#[test]
fn beside_a_rival_a_candidate_does_not_wait_for_bound_voters() {
    let mut node = Node::fresh(1, &[1, 2, 3, 4, 5]);
    let asked = node.campaign(&[2, 3]);
    let now = sent_at(&asked, 2);
    node.hear(now, 2, grant(&to(&asked, 2), LIMIT));
    let bound = Denial::Bound { to: Some(holds(3, 0)), remaining: ns(LIMIT) };
    node.hear(now, 4, deny(&to(&asked, 4), bound));
    node.hear(now, 5, deny(&to(&asked, 5), Denial::AlreadyVoted));
    assert_eq!(node.role(), RoleKind::Candidate, "3 may still grant its vote");
    node.hear(now, 3, deny(&to(&asked, 3), Denial::AlreadyVoted));
    assert_eq!(node.role(), RoleKind::Follower);
    assert!(node.due() < now + LIMIT, "it tries again before the promises of its votes end");
}

/// Rule 3.5 (c): with a `promise_limit` of 150 and round trips of 60 no lease of a new leader is ever as long as a
/// candidate would like. It takes up leadership before the candidacy is over, although two retry intervals last
/// longer.
#[test]
fn a_candidate_that_waits_for_a_longer_lease_takes_up_leadership_before_its_candidacy_ends() {
    let (round_trip, promise) = (60, ms(PROMISE));
    let timing = Timing { promise_limit: promise, retry_interval: ms(round_trip), ..config(1).timing };
    let mut node = Node::new(Config { timing, ..config(1) }, first_state(&[1, 2, 3]), 0);
    let mut replies: Vec<(u64, Msg)> = Vec::new();
    while node.role() != RoleKind::Leader {
        let arrival = replies.iter().map(|&(at, _)| at).min().unwrap_or(u64::MAX);
        // The wait ends within a millisecond.
        let now = arrival.min(node.due() + 1);
        assert!(now < 10 * PROMISE, "no leader");
        let out = match replies.iter().position(|&(at, _)| at <= now) {
            Some(first) => {
                let (_, reply) = replies.remove(first);
                node.hear(now, 2, reply)
            }
            None => node.tick_at(now),
        };
        let asked = sent(&out).into_iter().filter(|(id, _)| *id == 2);
        replies.extend(asked.map(|(_, request)| (now + round_trip, grant(request, PROMISE))));
    }
}
