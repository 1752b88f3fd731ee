//! Membership changes that are interrupted: a node dies, is cut off, or wants to leave in the middle of
//! one. The other nodes go on, and removed nodes learn that they are removed.

use crate::prelude::*;

fn knows_it_is_removed(network: &ManualNetwork, node: u64) -> bool {
    network.events.contains(&(node, Event::Removed))
}

/// Rule 8.3. The leader dies before it has told the learner that it is removed. The learner may not
/// campaign, but asks the other nodes.
#[test]
fn a_learner_learns_that_it_is_removed_though_the_leader_dies_first() {
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
    assert!(knows_it_is_removed(&network, 4));
}

/// Rule 8.3: the node, a learner or a witness, is cut off for longer than the leader sends removal notices.
#[test]
fn a_node_that_is_cut_off_while_it_is_removed_learns_it_afterwards() {
    for (gone, voters, learners) in [(4, vec![1, 2, 3], vec![]), (3, vec![1, 2], vec![4])] {
        let mut network = with_a_learner(3);
        let _ = network.step(3, Input::SetPriority(Priority::NEVER_LEADS));
        let _ = network.step(1, reconfigure(voters, learners));
        run(&mut network, 5_000 * MS, involves(gone));
        assert!(!network.node(1).membership().contains(gone) && !knows_it_is_removed(&network, gone));
        run(&mut network, 5_000 * MS, |_| false);
        assert!(knows_it_is_removed(&network, gone), "{gone}");
    }
}

/// Rule 8.3: a node is not told of an uncommitted removal, since its vote may still be needed.
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
    // 1 restarts, and only 3 reaches it and asks. Then 1 is gone for good.
    network.mail.clear();
    network.restart(1);
    run(&mut network, 2_000 * MS, involves(2));
    assert_eq!((network.node(3).membership().voters(), network.leader()), (&[1, 2, 3][..], None));
    network.nodes.remove(&1);
    run(&mut network, 5_000 * MS, |_| false);
    assert!(network.leader().is_some(), "2 and 3 are a quorum of the only committed membership");
}

/// Rule 8.4: the same holds for the first membership of nodes that form a group.
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
    // 1 wins with the votes of 2 and 3, which get no heartbeat. 4 asks 1 and gets a reply. Then 1 is gone
    // for good.
    let is_heartbeat = |mail: &Mail| matches!(mail.message.body(), Body::Heartbeat(_));
    run(&mut network, 100 * MS, |mail| is_heartbeat(mail) || involves(4)(mail));
    assert_eq!(network.leader(), Some(1));
    run(&mut network, 1_000 * MS, |mail| is_heartbeat(mail) || !involves(4)(mail) || !involves(1)(mail));
    network.nodes.remove(&1);
    run(&mut network, 5_000 * MS, |_| false);
    assert!(network.leader().is_some(), "2, 3 and 4 are a forming quorum");
}

/// Rule 8.3: a leader that leaves does not wait for ever for a new node.
#[test]
fn a_leader_leaves_although_a_new_node_never_replies() {
    let mut network = ManualNetwork::new(3, Timing::lan());
    network.elect(1);
    let _ = network.step(1, reconfigure([1, 2, 3, 4], []));
    run(&mut network, 500 * MS, |_| false);
    assert_eq!(network.node(1).membership().learners(), [4]);
    let _ = network.step(1, Input::Leave);
    run(&mut network, 3_000 * MS, |_| false);
    assert!(knows_it_is_removed(&network, 1));
    assert!(
        network.events.contains(&(1, Event::TargetAbandoned)),
        "the host learns that the target is abandoned"
    );
}

/// Rule 2.8 (e). The leader that adds node 4 again dies before that node hears of it, so the next leader hears the
/// wish from before, and is the first to tell the node of the addition.
#[test]
fn a_node_that_is_added_again_stays_although_the_leader_that_added_it_dies_first() {
    let mut network = ManualNetwork::new(4, Timing::lan());
    network.elect(1);
    run(&mut network, 1_000 * MS, |_| false);
    let _ = network.step(4, Input::Leave);
    network.pass(75 * MS);
    let _ = network.deliver(|mail| mail.to == 4);
    run(&mut network, 200 * MS, |mail| mail.to == 4);
    assert_eq!(network.node(1).membership().members(), [1, 2, 3]);
    let _ = network.step(1, reconfigure(1..=4, []));
    run(&mut network, 50 * MS, involves(4));
    assert_eq!(network.node(2).membership().learners(), [4]);
    assert!(network.node(4).status().leaving, "node 4 has not heard of any of this");
    network.nodes.remove(&1);
    run(&mut network, 5_000 * MS, |_| false);
    let leader = network.leader().expect("2 and 3 are a quorum");
    assert!(network.node(leader).membership().contains(4), "no wish to leave is of after the addition");
    let _ = network.step(leader, reconfigure([2, 3, 4], []));
    run(&mut network, 5_000 * MS, |_| false);
    assert_eq!(network.node(leader).membership().members(), [2, 3, 4]);
    assert!(!network.node(4).status().leaving);
}
