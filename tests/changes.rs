//! Changes of the members that are cut short: somebody dies, is cut off, or wants to leave in the midst
//! of one. Whoever can go on goes on, and whoever is out learns it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that fails should panic"
)]

use std::time::Duration;

use quorate::{Body, ClusterId, Event, HardState, Input, Limits, Priority, Target, Timing};
use quorate_sim::{Desk, Mail};

const MS: Duration = Duration::from_millis(1);
const CLUSTER: ClusterId = ClusterId(7);

fn reconfigure(voters: &[u64], learners: &[u64]) -> Input<u64> {
    let target = Target::new(voters.iter().copied(), learners.iter().copied());
    Input::Reconfigure { target: target.expect("a sound target"), force: false }
}

/// Lets time pass; mail that is `lost` never arrives, all other does at once.
fn run(desk: &mut Desk, length: Duration, lost: impl Fn(&Mail) -> bool) {
    let end = desk.now + length;
    while desk.now < end {
        loop {
            desk.lose(&lost);
            if desk.deliver(|_| true) == 0 {
                break;
            }
        }
        desk.pass(MS);
    }
}

fn involves(node: u64) -> impl Fn(&Mail) -> bool {
    move |mail| mail.from == node || mail.to == node
}

/// Three voters, led by 1, and the learner 4.
fn three_and_a_learner() -> Desk {
    let mut desk = Desk::new(3, Timing::lan());
    desk.durable.insert(4, HardState::joining(CLUSTER));
    desk.restart(4);
    desk.elect(1);
    let _ = desk.step(1, reconfigure(&[1, 2, 3], &[4]));
    run(&mut desk, 1_000 * MS, |_| false);
    assert_eq!(desk.node(4).membership().learners(), [4]);
    desk
}

fn is_told(desk: &Desk, node: u64) -> bool {
    desk.events.contains(&(node, Event::Removed))
}

/// Rule 8.3. The leader that removed it is gone before it has told it; it may not stand for election,
/// and asks all the same.
#[test]
fn a_learner_learns_that_it_is_out_though_the_leader_dies_first() {
    let mut desk = three_and_a_learner();
    let _ = desk.step(4, Input::Leave);
    for _ in 0..1_000 {
        desk.pass(MS);
        let _ = desk.deliver(|_| true);
        if !desk.node(1).membership().contains(4) {
            break;
        }
    }
    run(&mut desk, 20 * MS, |mail| mail.to == 4);
    assert!(desk.node(1).status().committed && !desk.node(1).membership().contains(4));
    desk.nodes.remove(&1);
    run(&mut desk, 5_000 * MS, |_| false);
    assert!(is_told(&desk, 4));
}

/// Rule 8.3, for learners and witnesses that are cut off for longer than they are told of it.
#[test]
fn who_is_cut_off_while_it_is_removed_learns_it_afterwards() {
    for (gone, voters, learners) in [(4, &[1, 2, 3][..], &[][..]), (3, &[1, 2], &[4])] {
        let mut desk = three_and_a_learner();
        let _ = desk.step(3, Input::SetPriority(Priority::NEVER_LEADS));
        let _ = desk.step(1, reconfigure(voters, learners));
        run(&mut desk, 5_000 * MS, involves(gone));
        assert!(!desk.node(1).membership().contains(gone) && !is_told(&desk, gone));
        run(&mut desk, 5_000 * MS, |_| false);
        assert!(is_told(&desk, gone), "{gone}");
    }
}

/// Rule 8.3: what is not committed is not told to whom it leaves out. It may be needed once more.
#[test]
fn an_uncommitted_removal_does_not_cost_the_old_members_their_quorum() {
    let mut desk = Desk::new(3, Timing::lan());
    desk.elect(1);
    let _ = desk.step(1, reconfigure(&[1, 2], &[]));
    for _ in 0..1_000 {
        if desk.node(1).membership().voters() == [1, 2] {
            break;
        }
        let _ = desk.deliver(|_| true);
        desk.pass(MS);
    }
    // 1 restarts. 3 alone reaches it, asks, is answered; then 1 is gone for good.
    desk.mail.clear();
    desk.restart(1);
    run(&mut desk, 2_000 * MS, involves(2));
    assert_eq!((desk.node(3).membership().voters(), desk.leader()), (&[1, 2, 3][..], None));
    desk.nodes.remove(&1);
    run(&mut desk, 5_000 * MS, |_| false);
    assert!(desk.leader().is_some(), "2 and 3 are a quorum of all that was ever committed");
}

/// Rule 8.4: the same for nodes that form a group and for the first membership of it.
#[test]
fn a_group_forms_although_a_first_leader_dies_before_its_commit() {
    let limits = Limits { min_members: 3, max_members: 5 };
    let mut desk = Desk::new(4, Timing::lan());
    for id in 1..=4 {
        desk.durable.insert(id, HardState::forming(CLUSTER, limits).expect("sound limits"));
        desk.restart(id);
        (1..=4).filter(|&other| other != id).for_each(|other| drop(desk.step(id, Input::Discovered(other))));
    }
    // 1 wins with 2 and 3, which hear nothing of it. 4 asks it, is answered, and 1 is gone for good.
    let beat = |mail: &Mail| matches!(mail.message.body, Body::Heartbeat(_));
    run(&mut desk, 100 * MS, |mail| beat(mail) || involves(4)(mail));
    assert_eq!(desk.leader(), Some(1));
    run(&mut desk, 1_000 * MS, |mail| beat(mail) || !involves(4)(mail) || !involves(1)(mail));
    desk.nodes.remove(&1);
    run(&mut desk, 5_000 * MS, |_| false);
    assert!(desk.leader().is_some(), "2, 3 and 4 are a forming quorum");
}

/// Rule 8.3: it is nobody's business to wait for a node that never comes.
#[test]
fn a_leader_leaves_although_a_newcomer_never_answers() {
    let mut desk = Desk::new(3, Timing::lan());
    desk.elect(1);
    let _ = desk.step(1, reconfigure(&[1, 2, 3, 4], &[]));
    run(&mut desk, 500 * MS, |_| false);
    assert_eq!(desk.node(1).membership().learners(), [4]);
    let _ = desk.step(1, Input::Leave);
    run(&mut desk, 3_000 * MS, |_| false);
    assert!(is_told(&desk, 1));
    assert!(desk.events.contains(&(1, Event::TargetForgotten)), "which the target's owner is told");
}
