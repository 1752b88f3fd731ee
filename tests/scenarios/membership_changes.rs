//! Changes of the members that are cut short: somebody dies, is cut off, or wants to leave in the midst
//! of one. Whoever can go on goes on, and whoever is out learns it.

use crate::prelude::*;

fn is_told(network: &ManualNetwork, node: u64) -> bool {
    network.events.contains(&(node, Event::Removed))
}

/// Rule 8.3. The leader that removed it is gone before it has told it; it may not stand for election,
/// and asks all the same.
#[test]
fn a_learner_learns_that_it_is_out_though_the_leader_dies_first() {
    let mut network = with_a_learner(3);
    let _ = network.step(4, Input::Leave);
    for _ in 0..1_000 {
        network.pass(MS);
        let _ = network.deliver(|_| true);
        if !network.node(1).membership().contains(4) {
            break;
        }
    }
    run(&mut network, 20 * MS, |mail| mail.to == 4);
    assert!(network.node(1).status().committed && !network.node(1).membership().contains(4));
    network.nodes.remove(&1);
    run(&mut network, 5_000 * MS, |_| false);
    assert!(is_told(&network, 4));
}

/// Rule 8.3, for learners and witnesses that are cut off for longer than they are told of it.
#[test]
fn who_is_cut_off_while_it_is_removed_learns_it_afterwards() {
    for (gone, voters, learners) in [(4, vec![1, 2, 3], vec![]), (3, vec![1, 2], vec![4])] {
        let mut network = with_a_learner(3);
        let _ = network.step(3, Input::SetPriority(Priority::NEVER_LEADS));
        let _ = network.step(1, reconfigure(voters, learners));
        run(&mut network, 5_000 * MS, involves(gone));
        assert!(!network.node(1).membership().contains(gone) && !is_told(&network, gone));
        run(&mut network, 5_000 * MS, |_| false);
        assert!(is_told(&network, gone), "{gone}");
    }
}

/// Rule 8.3: what is not committed is not told to whom it leaves out. It may be needed once more.
#[test]
fn an_uncommitted_removal_does_not_cost_the_old_members_their_quorum() {
    let mut network = ManualNetwork::new(3, Timing::lan());
    network.elect(1);
    let _ = network.step(1, reconfigure([1, 2], []));
    for _ in 0..1_000 {
        if network.node(1).membership().voters() == [1, 2] {
            break;
        }
        let _ = network.deliver(|_| true);
        network.pass(MS);
    }
    // 1 restarts. 3 alone reaches it, asks, is answered; then 1 is gone for good.
    network.mail.clear();
    network.restart(1);
    run(&mut network, 2_000 * MS, involves(2));
    assert_eq!((network.node(3).membership().voters(), network.leader()), (&[1, 2, 3][..], None));
    network.nodes.remove(&1);
    run(&mut network, 5_000 * MS, |_| false);
    assert!(network.leader().is_some(), "2 and 3 are a quorum of all that was ever committed");
}

/// Rule 8.4: the same for nodes that form a group and for the first membership of it.
#[test]
fn a_group_forms_although_a_first_leader_dies_before_its_commit() {
    let limits = Limits { min_members: 3, max_members: 5 };
    let mut network = ManualNetwork::new(4, Timing::lan());
    for id in 1..=4 {
        network.durable.insert(id, HardState::forming(CLUSTER, limits).expect("sound limits"));
        network.restart(id);
        (1..=4)
            .filter(|&other| other != id)
            .for_each(|other| drop(network.step(id, Input::Discovered(other))));
    }
    // 1 wins with 2 and 3, which hear nothing of it. 4 asks it, is answered, and 1 is gone for good.
    let beat = |mail: &Mail| matches!(mail.message.body, Body::Heartbeat(_));
    run(&mut network, 100 * MS, |mail| beat(mail) || involves(4)(mail));
    assert_eq!(network.leader(), Some(1));
    run(&mut network, 1_000 * MS, |mail| beat(mail) || !involves(4)(mail) || !involves(1)(mail));
    network.nodes.remove(&1);
    run(&mut network, 5_000 * MS, |_| false);
    assert!(network.leader().is_some(), "2, 3 and 4 are a forming quorum");
}

/// Rule 8.3: it is nobody's business to wait for a node that never comes.
#[test]
fn a_leader_leaves_although_a_newcomer_never_answers() {
    let mut network = ManualNetwork::new(3, Timing::lan());
    network.elect(1);
    let _ = network.step(1, reconfigure([1, 2, 3, 4], []));
    run(&mut network, 500 * MS, |_| false);
    assert_eq!(network.node(1).membership().learners(), [4]);
    let _ = network.step(1, Input::Leave);
    run(&mut network, 3_000 * MS, |_| false);
    assert!(is_told(&network, 1));
    assert!(network.events.contains(&(1, Event::TargetAbandoned)), "which the target's owner is told");
}
