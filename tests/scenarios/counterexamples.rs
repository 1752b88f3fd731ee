//! Executions that broke other protocols or kept them without a leader for ever, repeated step by step.

use crate::prelude::*;

/// Lets `length` pass. A message arrives at once if its sender `reaches` its receiver, and is lost
/// otherwise.
fn run_linked(network: &mut ManualNetwork, length: Duration, reaches: impl Fn(u64, u64) -> bool) {
    run(network, length, |mail| !reaches(mail.from, mail.to));
}

/// "bug in single-server membership changes", raft-dev, July 2015. Of four servers, leader 1 adds 5 and
/// reaches only 5; leader 2 of the next term removes 1 and reaches only 3; then 4 and 5 elect 1 again.
/// There are two leaders, with the majorities {2, 3} and {1, 4, 5}. Here leader 2 may not take a step
/// before a quorum of the old members holds leader 2's version of the old membership: rule 8.1 (a).
#[test]
fn the_single_server_change_of_2015_does_not_split_the_group() {
    let mut network = with_a_learner(4);
    let _ = network.step(1, reconfigure(1..=5, []));
    // 1 asks for the long promise before it takes the step, and all promise it. Then only 5 hears 1.
    assert!(network.deliver(|_| true) > 0 && network.deliver(|_| true) > 0);
    run_linked(&mut network, 600 * MS, |from, to| (from, to) == (1, 5));
    assert_eq!(network.node(1).membership().voters(), [1, 2, 3, 4, 5], "1 has taken the step");
    assert_eq!(network.node(5).membership().voters(), [1, 2, 3, 4, 5], "5 has adopted it");
    assert_eq!(network.node(2).membership().voters(), [1, 2, 3, 4], "the others have not");

    // 3 and 4 elect 2. 3 hears the new leader, and 4 does not.
    let old = |id: u64| (2..=4).contains(&id);
    for witness in [3, 4] {
        let _ = network.step(witness, Input::SetPriority(Priority::NEVER_LEADS));
    }
    for _ in 0..1_000 {
        if network.leader() == Some(2) {
            break;
        }
        let _ = network.step(2, Input::Campaign);
        network.lose(|mail| !old(mail.from) || !old(mail.to));
        let _ = network.deliver(|_| true);
        network.pass(MS);
    }
    let _ = network.step(2, reconfigure([2, 3, 4], []));
    run_linked(&mut network, 20 * MS, |from, to| [2, 3].contains(&from) && [2, 3].contains(&to));
    assert_eq!(network.node(2).membership().voters(), [1, 2, 3, 4], "only 2 and 3 have acknowledged");

    // The two sides do not hear each other. At most one side has a leader, and in the end it is 1, 4, 5.
    let left = |id: u64| [2, 3].contains(&id);
    run_linked(&mut network, 5_000 * MS, |from, to| left(from) == left(to));
    assert!(network.leader().is_some_and(|leader| !left(leader)), "{:?}", network.leader());
    run_linked(&mut network, 5_000 * MS, |_, _| true);
    assert_eq!(network.node(2).membership(), network.node(5).membership());
}

/// If a node adopted a membership of term T without T itself, it could campaign in T: a second leader of T
/// could then change the membership under a version that exists. Rule 7.2.
#[test]
fn a_membership_is_never_held_below_its_term() {
    let mut network = ManualNetwork::new(3, Timing::lan());
    network.durable.insert(4, HardState::joining(CLUSTER));
    network.restart(4);
    // 3 does not hear of term 1 and of its membership.
    let without_3 = |from, to| from != 3 && to != 3;
    let _ = network.step(1, Input::Campaign);
    run_linked(&mut network, MS, without_3);
    assert_eq!(network.leader(), Some(1));
    let _ = network.step(1, reconfigure([1, 2, 3], [4]));
    run_linked(&mut network, 300 * MS, without_3);
    assert_eq!((network.node(1).membership().learners(), network.node(3).term()), (&[4][..], Term(0)));

    // Then 3 asks 2, and the denial brings the membership. 3 stores it with its term in one write.
    run_linked(&mut network, 300 * MS, |from, to| (from, to) != (1, 3) && (from, to) != (3, 1));
    assert_eq!(network.durable[&3].membership, *network.node(2).membership());
    assert_eq!(network.durable[&3].term, Term(1));

    // 1 is gone. 3 asks for votes of a later term than that of the membership.
    network.nodes.remove(&1);
    for _ in 0..2_000 {
        let _ = network.step(3, Input::Campaign);
        let is_real = |body: &Body<u64>| matches!(body, Body::VoteRequest(of) if of.phase == Phase::Real);
        let asked = network.mail.iter().filter(|mail| is_real(&mail.message.body()));
        assert!(asked.map(|mail| mail.message.header().term).all(|term| term > Term(1)));
        let _ = network.deliver(|_| true);
        network.pass(MS);
        if network.leader().is_some() {
            break;
        }
    }
    assert!(network.node(network.leader().expect("just seen")).term() > Term(1));
}

/// Starts `node` again in a term that no other node has seen, as if it had campaigned alone again and
/// again.
fn restart_in(network: &mut ManualNetwork, node: u64, term: u64) {
    network.durable.get_mut(&node).expect("a node").term = Term(term);
    network.restart(node);
}

/// etcd issue 8501, openraft issue 1796: with pre-votes, a node with a higher term gets no vote, since its
/// data are behind, and grants none. Here the other nodes learn of its term from its denials: rule 4.4.
#[test]
fn a_node_with_a_higher_term_and_less_data_does_not_block_the_election() {
    for term in [5, 1_000_000] {
        let mut network = ManualNetwork::new(3, Timing::lan());
        network.elect(1);
        for id in [1, 2] {
            let _ = network.step(id, Input::SetPosition(Position { term: 1, index: 10 }));
        }
        network.nodes.remove(&1);
        restart_in(&mut network, 3, term);
        run_linked(&mut network, 2_000 * MS, |_, _| true);
        assert_eq!(network.leader(), Some(2));
        assert!(network.node(2).term() > Term(term) && network.node(3).leader().is_some());
    }
}

/// Thesis §9.6: a node that comes back with a higher term denies the leader's heartbeats. It deposes the
/// leader so, or can never follow it. Here the leader wins a still higher term while it leads. Rule 5.1.
#[test]
fn a_node_that_comes_back_with_a_higher_term_follows_and_does_not_depose_the_leader() {
    for (back, term) in [(3, 5), (3, 1_000_000), (4, 1_000)] {
        let mut network = with_a_learner(3);
        let _ = network.step(1, Input::SetPosition(Position { term: 1, index: 10 }));
        let before = network.events.len();
        restart_in(&mut network, back, term);
        run_linked(&mut network, 2_000 * MS, |_, _| true);
        let deposed = |(_, event): &(u64, Event<u64>)| matches!(event, Event::SteppedDown { .. });
        assert!(!network.events[before..].iter().any(deposed), "{:?}", &network.events[before..]);
        assert_eq!(network.node(back).leader(), Some(Leader { id: 1, term: network.node(1).term() }));
        assert!(network.node(1).term() > Term(term));
    }
}

/// Raft §5.2: two nodes whose election deadlines coincide split the votes again and again, unless jitter
/// separates them. Rule 4.4.
#[test]
fn candidates_whose_deadlines_coincide_do_not_split_the_votes_for_ever() {
    let mut network = ManualNetwork::new(3, Timing::lan());
    network.elect(1);
    run_linked(&mut network, 1_000 * MS, |_, _| true);
    // The last heartbeat of 1 gives rank 0 to both.
    while network.mail.is_empty() {
        network.pass(MS);
    }
    for mail in &mut network.mail {
        mail.message.modify(|_, body| {
            if let Body::Heartbeat(heartbeat) = body {
                heartbeat.rank = Some(0);
            }
        });
    }
    let _ = network.deliver(|_| true);
    network.nodes.remove(&1);
    for _ in 0..2_000 {
        network.pass(MS);
        let _ = network.deliver(|_| true);
    }
    assert!(network.leader().is_some(), "terms {} and {}", network.node(2).term(), network.node(3).term());
    assert!(network.node(2).term() > Term(2), "both must have campaigned at the same time");
}
