//! What an operator reads. Each text is that of a node in the very situation, and must be true of it.

use std::time::Duration;

use quorate::message::{Claim, Denial, Order, Phase};
use quorate::{
    Awaited, Event, Force, HardState, HowRecovered, Input, Leader, Limits, Membership, MembershipVersion,
    Output, Position, Priority, RoleKind, StepDown, Term, Timestamp, Unfit, Urgency,
};

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];
const LIMITS: Limits = Limits { min_members: 3, max_members: 4 };

/// The text of the rejection that is all there is in `out`.
#[track_caller]
fn rejected(out: &Outputs) -> String {
    let [Output::Rejected(reason)] = &out[..] else { panic!("{out:#?}") };
    reason.to_string()
}

fn when_ready(successor: Option<u64>) -> Input<u64> {
    Input::Resign { successor, urgency: Urgency::WhenReady }
}

/// A leader of three, of which 2 answers and 3 has fallen silent; and the time.
fn beside_a_silent_voter() -> (Node, u64) {
    let mut node = leader(1, &THREE);
    while node.due() <= LIMIT {
        let (now, beats) = (node.due(), node.tick_at(node.due()));
        node.hear(now, 2, accept(&to(&beats, 2)));
    }
    (node, LIMIT)
}

fn forming() -> Node {
    Node::new(config(1), HardState::forming(CLUSTER, LIMITS).unwrap(), 0)
}

/// A leader of the founders 1 to 3.
fn formed() -> Node {
    let mut node = forming();
    for other in [2, 3] {
        node.step(Input::Discovered(other));
    }
    let asked = node.campaign(&[2, 3]);
    let now = sent_at(&asked, 2);
    node.win(now, &[2, 3], &asked);
    node
}

#[test]
fn a_clock_that_cannot_be_is_shown_with_its_readings() {
    let mut node = Node::fresh(1, &THREE);
    node.tick_at(20);
    assert_eq!(
        rejected(&node.tick_at(10)),
        "the clock ran backwards, from 20ms to 10ms: read a monotonic one"
    );
    let late = Timestamp::from(Duration::from_secs(u64::MAX));
    assert_eq!(rejected(&node.tick(late)), format!("the clock reads {late}, which is out of range"));
}

#[test]
fn only_a_leader_does_what_a_leader_does_and_the_others_say_who_that_is() {
    let mut node = Node::fresh(3, &THREE);
    let change = Input::Reconfigure { target: target(&[1, 2], &[]), force: Force::Never };
    for wish in [when_ready(None), change, Input::Discovered(4), Input::Lost(2)] {
        let mut node = node.clone();
        assert_eq!(
            rejected(&node.step(wish.clone())),
            "only the leader can do that, and this node knows of none: ask again when it does"
        );
        node.hear(0, 1, heartbeat(4, 1));
        assert_eq!(rejected(&node.step(wish)), "only the leader can do that: ask node 1 in term 4");
    }
    node.tick_at(0);
}

#[test]
fn a_node_that_must_not_campaign_says_what_keeps_it() {
    let campaign = |mut node: Node| rejected(&node.step(Input::Campaign));
    assert_eq!(campaign(leader(1, &THREE)), "this node leads already, in term 1");
    let mut asking = Node::fresh(1, &THREE);
    asking.tick_at(0);
    assert_eq!(campaign(asking), "this node campaigns already");

    let mut witness = Node::fresh(1, &THREE);
    witness.step(Input::SetPriority(Priority::NEVER_LEADS));
    assert_eq!(campaign(witness), "this node cannot lead: its priority is 0: set another");
    let joining = Node::new(config(4), HardState::joining(CLUSTER), 0);
    assert_eq!(campaign(joining), "this node cannot lead: it is no voter: let the leader add it as one");
    let mut few = forming();
    few.step(Input::Discovered(2));
    assert_eq!(
        campaign(few),
        "this node cannot lead: it knows 2 of the 3 or more nodes that form the group: tell it of others"
    );
    let mut wiped = Node::fresh(3, &THREE);
    wiped.hear(0, 1, heartbeat(1, 1).version(1, 1).committed());
    assert_eq!(
        campaign(wiped),
        "this node has forgotten what it took part in: ask again once others have told it"
    );

    let mut bound = Node::fresh(3, &THREE);
    bound.hear(0, 2, vote(5, 1));
    assert_eq!(
        campaign(bound.clone()),
        "a promise to node 2 in term 5 binds this node for another 450ms: ask again then"
    );
    assert_eq!(
        campaign(bound.restarted(10)),
        "promises from before its restart bind this node for another 450ms: ask again then"
    );
}

#[test]
fn a_change_of_members_that_cannot_be_says_why_and_what_to_do_instead() {
    let change = |node: &mut Node, now, voters: &[u64], learners: &[u64]| {
        rejected(&node.reconfigure(now, voters, learners))
    };
    let mut node = leader(1, &THREE);
    node.hear(10, 2, pre_vote(7, 9).version(1, 1));
    let text = change(&mut node, 11, &THREE, &[4]);
    assert_eq!(text, "the leader is renewing its term: ask again in a moment");

    let mut node = leader(1, &THREE);
    let text = change(&mut node, 10, &[2, 3], &[1]);
    assert_eq!(text, "the leader cannot make itself a learner: let it resign, and ask the next leader");
    let mut leaving = node.clone();
    leaving.step(Input::Leave);
    let text = change(&mut leaving, 10, &[1], &[]);
    assert_eq!(text, "every voter of the target wants to leave the group: name one that stays");
    node.step(Input::SetPriority(Priority::NEVER_LEADS));
    let text = change(&mut node, 10, &[1], &[]);
    assert_eq!(text, "every voter of the target has priority 0: name one that may lead");
    let others: Vec<u64> = (2..=256).collect();
    assert_eq!(
        change(&mut leader(1, &THREE), 10, &others, &[]),
        "with the leader, which leaves last, there would be more than 255 members: name fewer"
    );

    let (mut node, now) = beside_a_silent_voter();
    assert_eq!(
        change(&mut node, now, &[1, 3], &[]),
        "2 voters of the target need to answer, and too few do: silent are [3]; ask again once more of them \
         answer, or force the change"
    );

    let membership = Membership::new(version(1, u64::MAX), vec![1], vec![], 1).unwrap();
    let mut node = Node::new(config(1), HardState { membership, term: term(1), ..first_state(&[1]) }, 0);
    node.tick_at(node.due());
    assert_eq!(change(&mut node, 100, &[1], &[2]), "no number is left for another membership");
}

#[test]
fn a_node_that_cannot_leave_says_why() {
    let mut only = Node::fresh(1, &[1]);
    assert_eq!(rejected(&only.step(Input::Leave)), "this node is the only voter: add another voter before");
    let mut joining = Node::new(config(4), HardState::joining(CLUSTER), 0);
    assert_eq!(rejected(&joining.step(Input::Leave)), "node 4 is no member of the group");
}

#[test]
fn a_group_that_forms_itself_says_why_it_does_not_take_up_or_give_up_a_node() {
    let mut node = formed();
    assert_eq!(rejected(&node.step(Input::Discovered(1))), "this node need not be told of itself");
    assert_eq!(
        rejected(&node.step(Input::Lost(1))),
        "this node is not lost to itself: let it leave the group"
    );
    assert_eq!(rejected(&node.step(Input::Lost(9))), "node 9 is no member of the group");
    assert_eq!(
        rejected(&node.step(Input::Lost(3))),
        "fewer than min_members (3) voters would be left: let the group take up another node before"
    );
    node.step(Input::Discovered(4));
    assert_eq!(
        rejected(&node.step(Input::Discovered(5))),
        "the group has, or is about to have, as many members as it may (4): remove one before"
    );
    assert_eq!(
        rejected(&leader(1, &THREE).step(Input::Discovered(4))),
        "the group did not form itself, and has no limits to grow and shrink within: reconfigure it"
    );
}

#[test]
fn a_leader_that_cannot_hand_over_says_what_each_successor_lacks() {
    let (mut node, now) = beside_a_silent_voter();
    let beats = node.tick_at(now + HEARTBEAT);
    node.hear(now + HEARTBEAT, 2, accept(&to(&beats, 2)).priority(0));
    assert_eq!(
        rejected(&node.step(when_ready(None))),
        "no other voter can take over now; node 2: its priority is 0: set another; node 3: it has not answered of \
         late, or not yet: see whether it runs and can be reached"
    );
    let named = |node: &mut Node, successor| rejected(&node.step(when_ready(Some(successor))));
    assert_eq!(named(&mut node, 1), "node 1 cannot take over: it leads already");
    assert_eq!(named(&mut node, 9), "node 9 cannot take over: it is no voter: add it as one");
    let (mut node, beats) = elected(1, &THREE);
    node.hear(1, 2, accept(&to(&beats, 2)).version(0, 1).leaving());
    assert_eq!(
        named(&mut node, 2),
        "node 2 cannot take over: it is leaving the group: let another take over"
    );
    let mut node = leader(1, &THREE);
    node.step(Input::SetPosition(at_index(4)));
    let beats = node.tick_at(HEARTBEAT);
    node.hear(HEARTBEAT, 2, accept(&to(&beats, 2)).position(3));
    node.hear(HEARTBEAT, 3, accept(&to(&beats, 3)).position(4));
    assert_eq!(
        named(&mut node, 2),
        "node 2 cannot take over: the data of too many voters reach further than its own: let it catch up"
    );
    let mut alone = Node::fresh(1, &[1]);
    alone.tick_at(0);
    assert_eq!(rejected(&alone.step(when_ready(None))), "there is no other voter to take over: add one");
}

#[test]
fn each_event_is_one_line_that_names_the_nodes_and_terms_it_is_about() {
    let leader = Leader { id: 3, term: Term(8) };
    let version = MembershipVersion { term: Term(8), number: 2 };
    let stepped_down = |reason| Event::SteppedDown { term: Term(7), reason };
    let texts: [(Event<u64>, &str); 31] = [
        (Event::Elected { term: Term(7) }, "elected in term 7"),
        (stepped_down(StepDown::LeaseLapsed), "stepped down from term 7: its lease lapsed"),
        (
            stepped_down(StepDown::NewLeader { leader }),
            "stepped down from term 7: the leader is node 3 in term 8",
        ),
        (
            stepped_down(StepDown::Resigned { successor: Some(3) }),
            "stepped down from term 7: it resigned, and node 3 is to take over",
        ),
        (stepped_down(StepDown::Resigned { successor: None }), "stepped down from term 7: it resigned"),
        (Event::LeaderChanged { leader: Some(leader) }, "the leader is node 3 in term 8"),
        (Event::LeaderChanged { leader: None }, "no leader is known"),
        (Event::MembershipChanged { version, committed: true }, "membership 8.2 is committed"),
        (
            Event::MembershipChanged { version, committed: false },
            "membership 8.2 is in force, and not known to be committed",
        ),
        (Event::TargetReached { version }, "target reached with membership 8.2"),
        (Event::TargetAbandoned, "target abandoned: what was committed stays"),
        (
            Event::LearnerBehind {
                learner: 4_u64,
                position: Position { term: 0, index: 6 },
                required: Position { term: 0, index: 7 },
            },
            "learner 4 is at position 0.6 and votes from 0.7 on",
        ),
        (
            Event::VoterBehind {
                voter: 3,
                position: Position { term: 0, index: 6 },
                required: Position { term: 0, index: 7 },
            },
            "voter 3 is at position 0.6: the change waits for a quorum at 0.7",
        ),
        (
            Event::ReconfigurationStalled { awaited: vec![(4, Awaited::Reply), (5, Awaited::Data)] },
            "the change of members waits; node 4: it has not answered of late: see whether it runs and can be reached; \
             node 5: its data do not reach far enough: let it catch up",
        ),
        (Event::Removed, "removed from the group: this node can be stopped"),
        (
            Event::LeaveForgotten,
            "removed and added again: this node stays unless it is told to leave once more",
        ),
        (Event::StateLost, "durable state lost: this node asks the others before it takes part again"),
        (
            Event::Recovered { term: Term(7), how: HowRecovered::Rejoined },
            "recovered in term 7: others have told what was forgotten",
        ),
        (Event::TwoProcesses { peer: 2 }, "two processes run as node 2: stop one of them"),
        (
            Event::ShortPromise {
                voter: 3,
                granted: Duration::from_millis(100),
                requested: Duration::from_millis(150),
            },
            "voter 3 promises 100ms where this leader asks for 150ms: give all nodes the same lengths",
        ),
        (
            Event::TooManyForming { peer: 6 },
            "node 6 was started as forming in addition to max_members others",
        ),
        (
            Event::HandoverFailed { successor: Some(3), reason: None },
            "this node leads on: the handover to node 3 failed; no quorum would vote for it, or it was too slow: try \
             again, or another node",
        ),
        (
            Event::HandoverFailed { successor: Some(3), reason: Some(Unfit::Leaving) },
            "this node leads on: the handover to node 3 failed; it is leaving the group: let another take over",
        ),
        (
            Event::HandoverFailed { successor: None, reason: None },
            "this node leads on: the handover failed; no other voter is fit to lead",
        ),
        (
            Event::NoSuccessor { unfit: vec![(2, Unfit::Unsteady), (3, Unfit::NeverLeads)] },
            "this node leads on: no voter can take over; node 2: it lost leadership soon after it took over: find out \
             why, it takes over when it has been well for longer; node 3: its priority is 0: set another",
        ),
        (
            Event::NoSuccessor { unfit: vec![] },
            "this node leads on: there is no other voter to take over; add one",
        ),
        (
            Event::Behind { peer: 2, position: Position { term: 4, index: 17 } },
            "node 2 denied its vote: its data reach position 4.17",
        ),
        (
            Event::ForeignCluster { peer: 2, cluster: quorate::ClusterId(9) },
            "node 2 belongs to another group, cluster 9",
        ),
        (Event::MembershipConflict { peer: 2 }, "node 2 holds a membership that contradicts this node's"),
        (
            Event::TwoLeaders { peer: 2, term: Term(7) },
            "node 2 claims to lead term 7, which another node leads",
        ),
        (Event::TermTooFarAhead { peer: 2, term: Term(99) }, "node 2 is in term 99, which is too far ahead"),
    ];
    for (event, text) in texts {
        assert_eq!(event.to_string(), text);
    }
}

#[test]
fn each_message_is_one_line() {
    let ours = members(version(4, 2), &THREE);
    let request = vote(5, 9).carrying(ours.clone()).position(17).claim(Claim::Renewal);
    let pre = pre_vote(5, 9).claim(released(1, 4));
    let beat = heartbeat(4, 9).rank(0).order(PREPARE).committed();
    let last = heartbeat(4, 9).asking(0).order(Order::Campaign);
    let bound = |to| Denial::Bound { to, remaining: ns(20) };
    let texts = [
        (
            request.clone(),
            "vote request of term 5, renewal for 450ms, position 0.17 (membership 4.2, enclosed, round 9)",
        ),
        (
            pre.clone(),
            "pre-vote request of term 5, handover by node 1 of term 4, position 0.0 (membership 0.1, round 9)",
        ),
        (
            pre_vote(5, 9).claim(Claim::Inquiry),
            "pre-vote request of term 5, inquiry, position 0.0 (membership 0.1, round 9)",
        ),
        (
            grant(&request, LIMIT).in_term(5),
            "vote reply of term 5 to term 5: granted for 450ms (membership 4.2, round 9)",
        ),
        (grant(&pre, 0), "pre-vote reply of term 5 to term 5: granted (membership 0.1, round 9)"),
        (
            deny(&pre, bound(Some(holds(2, 4)))),
            "pre-vote reply of term 5 to term 5: denied: bound to node 2 in term 4 for another 20ms (membership 0.1, round 9)",
        ),
        (
            deny(&pre, Denial::StaleTerm).in_term(8),
            "pre-vote reply of term 8 to term 5: denied: that term is over (membership 0.1, round 9)",
        ),
        (
            beat.clone(),
            "heartbeat of term 4 for 150ms, rank 0, prepare to take over (membership 0.1, committed, round 9)",
        ),
        (last, "last heartbeat of term 4, campaign (membership 0.1, round 9)"),
        (
            accept(&beat).position(17).ready().leaving(),
            "heartbeat reply of term 4 to term 4: granted for 150ms, position 0.17, priority 1, ready to take over, leaving (membership 0.1, committed, round 9)",
        ),
    ];
    for (message, text) in texts {
        assert_eq!(message.to_string(), text);
    }
    assert_eq!(bound(None).to_string(), "bound by promises from before its restart for another 20ms");
    assert_eq!(
        (Phase::Pre.to_string(), RoleKind::PreCandidate.to_string()),
        ("pre-vote".into(), "pre-candidate".into())
    );
}

#[test]
fn the_status_of_a_leader_is_readable_at_a_glance() {
    let (mut node, now) = beside_a_silent_voter();
    let beats = node.tick_at(now + HEARTBEAT);
    node.hear(now + HEARTBEAT + 3, 2, accept(&to(&beats, 2)).position(17).priority(2));
    node.reconfigure(now + HEARTBEAT + 4, &THREE, &[4]);
    node.tick_at(now + HEARTBEAT + 5);
    assert_eq!(
        node.status().to_string(),
        "\
node 1 of cluster 7, life a38c7d4203a2e151: leader in term 1
leader       node 1 in term 1
vote         node 1
lease        of term 1, for another 145ms; heartbeats every 50ms ask for 450ms
promise      none
membership   1.1, committed
target       voters [1, 2, 3], learners [4]
position     0.0, priority 1
quorum       reachable
last denial  none
  node 1, voter, bound for another 449ms, position 0.0, priority 1, this node
  node 2, voter, heard 2ms ago, bound for another 145ms, rank 0, position 0.17, priority 2
  node 3, voter, heard 505ms ago, not bound, rank 1, position 0.0, priority 1"
    );
}

#[test]
fn the_status_of_a_follower_says_what_binds_it_and_why_nobody_voted_for_it() {
    let mut node = Node::new(config(3), HardState { term: term(2), ..first_state(&THREE) }, 0);
    node.hear(10, 1, heartbeat(4, 1));
    node.tick_at(20);
    let text = node.status().to_string();
    assert!(
        text.starts_with(
            "node 3 of cluster 7, life a38c7d4203a2e151: follower in term 4\nleader       node 1 in term 4\n"
        ),
        "{text}"
    );
    assert!(text.contains("\npromise      to node 1 in term 4, for another 140ms\n"), "{text}");

    node.tick_at(node.due());
    let asked = node.tick_at(node.due());
    let now = sent_at(&asked, 2);
    node.hear(now, 2, deny(&to(&asked, 2), Denial::PositionBehind(at_index(9))));
    let text = node.status().to_string();
    assert!(
        text.starts_with(
            "node 3 of cluster 7, life a38c7d4203a2e151: pre-candidate in term 4\nleader       none\n"
        ),
        "{text}"
    );
    assert!(text.contains("\nlast denial  by node 2: its data reach position 0.9\n"), "{text}");

    let restarted = Node::new(config(3), HardState { promised: ms(LIMIT), ..node.durable().clone() }, now);
    let text = restarted.status().to_string();
    assert!(
        text.contains("\npromise      none; those from before its restart for another 450ms\n"),
        "{text}"
    );
}
