//! Nodes that forget what they took part in, and come back under their old ids: section 9. Each schedule breaks a
//! protocol that lacks one of its rules.

use quorate::message::{Answer, VoteReply};
use quorate::{Nanos, RoleKind};

use crate::prelude::*;

const LIMIT: Duration = Duration::from_millis(450);
const FIVE: [u64; 5] = [1, 2, 3, 4, 5];

/// `node` campaigns in the next term. All others grant its pre-votes, whatever they would say: safety does not rest
/// on pre-votes. Its vote requests wait.
fn stand(network: &mut ManualNetwork, node: u64) {
    let _ = network.step(node, Input::Campaign);
    let (asked, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut network.mail).into_iter().partition(|mail| {
        let is_pre = matches!(&mail.message.body(), Body::VoteRequest(of) if of.phase == Phase::Pre);
        mail.from == node && is_pre
    });
    network.mail = rest;
    for mail in asked {
        let mut message = mail.message;
        message.modify(|header, body| {
            *body = Body::VoteReply(VoteReply {
                phase: Phase::Pre,
                request_term: header.term,
                answer: Answer::Granted(Nanos::ZERO),
                membership: None,
            });
        });
        let _ = network.step(node, Input::Receive { from: mail.to, message });
    }
    assert_eq!(network.node(node).role(), RoleKind::Candidate);
}

/// Delivers the vote requests of `candidate` to `voter`. The replies wait.
fn vote(network: &mut ManualNetwork, voter: u64, candidate: u64) {
    let is_request = |body: &Body<u64>| matches!(body, Body::VoteRequest(of) if of.phase == Phase::Real);
    network.deliver(|mail| (mail.from, mail.to) == (candidate, voter) && is_request(&mail.message.body()));
}

/// Delivers the votes of `by` to `candidate`.
fn count(network: &mut ManualNetwork, candidate: u64, by: &[u64]) {
    network.deliver(|mail| mail.to == candidate && by.contains(&mail.from));
}

/// `node` asks, if it does, and hears the nodes of `told`. All other messages wait.
fn ask(network: &mut ManualNetwork, node: u64, told: &[u64]) {
    let _ = network.tick(node);
    for _ in 0..2 {
        let is_request = |body: &Body<u64>| matches!(body, Body::RecoveryRequest);
        network
            .deliver(|mail| mail.from == node && told.contains(&mail.to) && is_request(&mail.message.body()));
        let is_reply = |body: &Body<u64>| matches!(body, Body::RecoveryReply(_));
        network
            .deliver(|mail| mail.to == node && told.contains(&mail.from) && is_reply(&mail.message.body()));
    }
}

/// The clocks of all nodes move on by the longest promise and a little more.
fn outlast_promises(network: &mut ManualNetwork) {
    network.now += LIMIT + MS;
}

/// The terms in which each node was elected.
fn elected(network: &ManualNetwork) -> Vec<(u64, Term)> {
    let won = |(node, event): &(u64, Event<u64>)| match event {
        Event::Elected { term } => Some((*node, *term)),
        _ => None,
    };
    network.events.iter().filter_map(won).collect()
}

/// Asserts that no two nodes were elected in one term.
#[track_caller]
fn assert_one_leader_in_a_term(network: &ManualNetwork) {
    let mut won = elected(network);
    won.sort_by_key(|&(node, term)| (term, node));
    won.dedup();
    assert!(won.windows(2).all(|two| two[0].1 != two[1].1), "{won:?}");
}

/// Of five nodes 3 and 4 elect 1 in term 1, and 3 forgets.
fn elected_by_3_that_forgets() -> ManualNetwork {
    let mut network = ManualNetwork::new(5, Timing::lan());
    stand(&mut network, 1);
    vote(&mut network, 3, 1);
    vote(&mut network, 4, 1);
    count(&mut network, 1, &[3, 4]);
    network.forget(3, &FIVE);
    network
}

/// 2 has asked for the votes of term 1, of which 5 gives its own.
fn assert_that_3_helps_no_second_leader(network: &mut ManualNetwork) {
    vote(network, 3, 2);
    vote(network, 5, 2);
    count(network, 2, &[3, 5]);
    assert_one_leader_in_a_term(network);
}

/// 3 votes for 1 and forgets; 4 votes for 1 as well, so that 1 leads. If 3 came back at once, it could help 2 to be
/// elected in the next term while the lease of 1 lasts. Rule 9.1.
#[test]
fn a_voter_that_has_forgotten_its_vote_does_not_break_the_lease_that_rests_on_it() {
    let mut network = ManualNetwork::new(5, Timing::lan());
    stand(&mut network, 1);
    vote(&mut network, 3, 1);
    vote(&mut network, 4, 1);
    count(&mut network, 1, &[3, 4]);
    assert_eq!(elected(&network), [(1, Term(1))]);
    let lease = network.node(1).lease().expect("1 leads");
    network.forget(3, &FIVE);
    for _ in 0..100 {
        ask(&mut network, 3, &[2, 4, 5]);
        network.now += MS;
    }
    stand(&mut network, 2);
    vote(&mut network, 3, 2);
    vote(&mut network, 5, 2);
    count(&mut network, 2, &[3, 5]);
    assert!(lease.holds_at(network.now.into()));
    assert_eq!(elected(&network), [(1, Term(1))], "the vote of 3 is part of a lease");
}

/// Schedule EARLY. 3 votes for 1 and forgets, and hears from 2, 4 and 5, which have not heard of term 1 yet. Then 4
/// votes for 1, and the votes of 3 and 4 elect it. If 3 believed the early replies, it would vote in term 1 again.
/// Rule 9.3, and the flaw of DISC 2017.
#[test]
fn what_others_say_before_the_wait_is_over_does_not_count() {
    let mut network = ManualNetwork::new(5, Timing::lan());
    stand(&mut network, 1);
    vote(&mut network, 3, 1);
    network.forget(3, &FIVE);
    ask(&mut network, 3, &[2, 4, 5]);
    vote(&mut network, 4, 1);
    count(&mut network, 1, &[3, 4]);
    assert_eq!(elected(&network), [(1, Term(1))]);
    outlast_promises(&mut network);
    ask(&mut network, 3, &[2, 4, 5]);
    assert_eq!(network.node(3).role(), RoleKind::Follower, "3 is back");
    stand(&mut network, 2);
    assert_that_3_helps_no_second_leader(&mut network);
}

/// Schedule TERM. Of those that 3 hears, 4 alone knows term 1, and holds no newer membership than the others. Rule
/// 9.4 (a).
#[test]
fn a_node_comes_back_in_the_highest_term_that_it_is_told() {
    let mut network = elected_by_3_that_forgets();
    outlast_promises(&mut network);
    ask(&mut network, 3, &[4, 2, 5]);
    assert_eq!((network.node(3).role(), network.node(3).term()), (RoleKind::Follower, Term(1)));
    stand(&mut network, 2);
    assert_that_3_helps_no_second_leader(&mut network);
}

/// Schedule VOTEFREE. 1 and 2 both stand in term 1. 3 and 4 elect 1. 3 forgets, and is told of term 1: the vote that
/// it may have given in it is not free. Rule 9.4 (a).
#[test]
fn the_vote_of_the_term_in_which_a_node_comes_back_is_used() {
    let mut network = elected_by_3_that_forgets();
    outlast_promises(&mut network);
    stand(&mut network, 2);
    ask(&mut network, 3, &[2, 4, 5]);
    assert_eq!((network.node(3).role(), network.node(3).term()), (RoleKind::Follower, Term(1)));
    assert_that_3_helps_no_second_leader(&mut network);
}

/// 3 votes for 1 and forgets. Of three nodes, 2 alone replies: 3 counted as one that knows would make a quorum of two,
/// and could help 2 to be elected in the term of 1. Rule 9.4.
#[test]
fn a_node_that_has_forgotten_does_not_count_itself() {
    let mut network = ManualNetwork::new(3, Timing::lan());
    stand(&mut network, 1);
    vote(&mut network, 3, 1);
    count(&mut network, 1, &[3]);
    assert_eq!(elected(&network), [(1, Term(1))]);
    network.forget(3, &[1, 2, 3]);
    outlast_promises(&mut network);
    ask(&mut network, 3, &[2]);
    assert_eq!(network.node(3).role(), RoleKind::Recovering);
    stand(&mut network, 2);
    vote(&mut network, 3, 2);
    count(&mut network, 2, &[3]);
    assert_one_leader_in_a_term(&network);
}

/// Two nodes have forgotten at once, and would tell each other that they know of nothing. Rule 9.3.
#[test]
fn nodes_that_have_forgotten_tell_each_other_nothing() {
    let mut network = ManualNetwork::new(5, Timing::lan());
    stand(&mut network, 1);
    for voter in [3, 4] {
        vote(&mut network, voter, 1);
    }
    count(&mut network, 1, &[3, 4]);
    network.forget(3, &FIVE);
    network.forget(4, &FIVE);
    outlast_promises(&mut network);
    ask(&mut network, 3, &[2, 4, 5]);
    ask(&mut network, 4, &[2, 3, 5]);
    let roles = [3, 4].map(|node| network.node(node).role());
    assert_eq!(roles, [RoleKind::Recovering; 2], "each needs three replies, and 1 is the third that knows");
    ask(&mut network, 3, &[2, 5, 1]);
    network.now += LIMIT;
    ask(&mut network, 3, &[2, 5, 1]);
    assert_eq!((network.node(3).role(), network.node(3).term()), (RoleKind::Follower, Term(1)));
}

/// Schedule MINQ. {1, 2, 3, 4} has shrunk to {1, 2, 4} by 1 and 4, and 2 and 3 do not know. 4 forgets and hears 2 and
/// 3. That meets every quorum of the old membership, and is none: they and 4 could elect under it, while 1 and
/// another elect under the new one. Rule 9.4.
#[test]
fn a_full_quorum_has_to_reply_and_not_only_as_many_as_meet_each_quorum() {
    let mut network = ManualNetwork::new(4, Timing::lan());
    network.elect(1);
    run(&mut network, 200 * MS, |_| false);
    let before = network.node(1).membership().version();
    let _ = network.step(1, reconfigure([1, 2, 4], []));
    run(&mut network, 1_000 * MS, |mail| [2, 3].contains(&mail.to) && mail.message.header().version > before);
    assert_eq!(
        (network.node(1).membership().voters(), network.node(1).is_committed()),
        (&[1, 2, 4][..], true)
    );
    assert_eq!(network.node(2).membership().voters(), [1, 2, 3, 4]);
    network.mail.clear();
    network.forget(4, &[1, 2, 3, 4]);
    network.pass(2 * LIMIT);
    network.mail.clear();
    ask_until_it_settles(&mut network, 4, &[2, 3]);
    assert_eq!(network.node(4).role(), RoleKind::Recovering);
    ask_until_it_settles(&mut network, 4, &[1, 2, 3]);
    assert_eq!(network.node(4).membership().voters(), [1, 2, 4]);
}

/// Lets `node` ask for a while, and hear the nodes of `told` alone; no other message arrives.
fn ask_until_it_settles(network: &mut ManualNetwork, node: u64, told: &[u64]) {
    for _ in 0..3 {
        network.now += LIMIT + MS;
        ask(network, node, told);
        ask(network, node, told);
    }
}

/// Schedule LISTQ. The first members are {1, 2, 3}. By and by the members become {3, 4, 5}, of which 1 and 2 do not
/// know. 4 forgets, and was configured with the first list. 1 and 2 are a quorum of that list, but of no membership
/// that they name. Rule 9.4.
#[test]
fn the_quorum_is_one_of_the_newest_membership_and_not_of_the_list() {
    let mut network = ManualNetwork::new(3, Timing::lan());
    for node in [4, 5] {
        network.durable.insert(node, HardState::joining(CLUSTER));
        network.restart(node);
    }
    network.elect(3);
    let _ = network.step(3, reconfigure([1, 2, 3, 4], []));
    run(&mut network, 2_000 * MS, |_| false);
    assert_eq!(network.node(1).membership().voters(), [1, 2, 3, 4]);
    // 1 and 2 hear of no later membership.
    let before = network.node(3).membership().version();
    let _ = network.step(3, reconfigure([3, 4, 5], []));
    run(&mut network, 3_000 * MS, |mail| [1, 2].contains(&mail.to) && mail.message.header().version > before);
    assert_eq!(network.node(3).membership().voters(), [3, 4, 5]);
    for node in [1, 2] {
        assert_eq!(network.node(node).membership().version(), before);
    }
    network.mail.clear();
    network.forget(4, &[1, 2, 3]);
    ask_until_it_settles(&mut network, 4, &[1, 2]);
    assert_eq!(network.node(4).role(), RoleKind::Recovering);
    ask_until_it_settles(&mut network, 4, &[1, 2, 3, 5]);
    assert_eq!(network.node(4).membership().voters(), [3, 4, 5], "3 names 5, which is asked as well");
}

/// A node that was removed, and starts again from an empty disk, takes no part in what it has left.
#[test]
fn a_removed_node_that_forgets_learns_that_it_is_removed() {
    let mut network = ManualNetwork::new(4, Timing::lan());
    network.elect(1);
    let _ = network.step(1, reconfigure([1, 2, 3], []));
    run(&mut network, 2_000 * MS, |_| false);
    assert_eq!(network.node(1).membership().voters(), [1, 2, 3]);
    network.forget(4, &[1, 2, 3, 4]);
    run(&mut network, 2_000 * MS, |_| false);
    assert_eq!(network.node(4).membership().voters(), [1, 2, 3]);
    let removals = network.events.iter().filter(|event| **event == (4, Event::Removed)).count();
    assert_eq!(removals, 2, "once before, and once after it has forgotten");
    assert_eq!(network.node(4).role(), RoleKind::Follower);
}

/// One of three nodes forgets again and again, be it the leader or not. It is back after each wait and follows, and
/// terms grow.
#[test]
fn one_node_after_the_other_forgets_and_is_back_in_time() {
    let mut network = ManualNetwork::new(3, Timing::lan());
    network.elect(1);
    for round in 0..12 {
        let node = 1 + round % 3;
        let before = network.nodes.values().map(|node| node.term()).max();
        network.forget(node, &[1, 2, 3]);
        run(&mut network, LIMIT + 10 * MS, |_| false);
        assert_eq!(network.node(node).role(), RoleKind::Follower, "round {round}");
        run(&mut network, 1_000 * MS, |_| false);
        let leader = network.leader().expect("two nodes that remember elect a leader");
        assert!(network.nodes.values().all(|node| node.leader().is_some_and(|known| known.id == leader)));
        assert!(Some(network.node(node).term()) >= before);
    }
    assert_one_leader_in_a_term(&network);
}

/// Every second of two nodes cannot recover: a quorum of others would be two. It says so.
#[test]
fn one_of_two_nodes_waits_and_says_for_whom() {
    let mut network = ManualNetwork::new(2, Timing::lan());
    network.elect(1);
    network.forget(2, &[1, 2]);
    run(&mut network, 5_000 * MS, |_| false);
    let recovery = network.node(2).status().recovery.expect("2 recovers");
    assert_eq!((recovery.wait_left, &recovery.heard[..], recovery.quorum), (Duration::ZERO, &[1][..], 2));
    assert!(recovery.missing.is_empty());
}
