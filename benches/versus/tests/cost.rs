//! The work that is measured is what its name says.

use std::time::Duration;

use quorate_sim::Dice;
use quorate_versus::cost::almost_raft;
use quorate_versus::cost::fleet::{Fleet, HOSTS, Rest};
use quorate_versus::cost::group::{Group, MeasuredNode};
use quorate_versus::cost::omnipaxos::OmniPaxosNode;
use quorate_versus::cost::quorate::Quorate;
use quorate_versus::cost::raft_rs::{Checked, Plain};
use quorate_versus::cost::timers::{Array, Heap, TickAll, Timers, Wheel};
use quorate_versus::cost::work::{Heartbeats, Part, Tally, Work, tallied};

const SIZES: [usize; 4] = [3, 5, 7, 21];

/// Runs a failover, after which all survivors follow one of them. Returns its messages.
fn failover<N: MeasuredNode>(members: usize) -> usize {
    let (mut group, campaigners) = Group::<N>::leaderless(members);
    let crashed = group.crashed.expect("its leader");
    assert!(!group.all_follow((crashed + 1) % members), "{}: too early", N::NAME);
    group.fail_over(&campaigners);
    let leader = group.nodes[(crashed + 1) % members].leader().expect("a leader");
    assert_ne!(leader, crashed, "{}, {members} nodes", N::NAME);
    assert!(group.all_follow(leader), "{}, {members} nodes: all follow {leader}", N::NAME);
    group.messages()
}

#[test]
fn a_failover_ends_when_all_survivors_follow_one_new_leader() {
    for members in SIZES {
        failover::<Quorate>(members);
        failover::<Plain>(members);
        failover::<Checked>(members);
        failover::<OmniPaxosNode<1>>(members);
    }
}

/// Vote requests and the first heartbeats go to all other nodes, the crashed one included; replies come from
/// the survivors.
#[test]
fn messages_of_a_failover_are_as_many_as_the_protocol_needs() {
    for members in SIZES {
        assert_eq!(failover::<Plain>(members), 3 * members - 4);
        assert_eq!(failover::<Checked>(members), 5 * members - 7);
        assert!(failover::<Quorate>(members) <= 5 * members - 7);
    }
}

/// The work of almost-raft asserts by itself that all survivors follow the new leader.
#[test]
fn almost_raft_fails_over_with_as_many_messages_as_plain_raft() {
    for members in SIZES {
        let Tally { messages, .. } = tallied(&mut almost_raft::Failovers::new(members, 2));
        assert_eq!(messages, 3 * members - 4, "{members} nodes");
    }
}

fn heartbeats<N: MeasuredNode>(members: usize) {
    for (part, expected) in [(Part::Broadcast, members - 1), (Part::Follower, 1), (Part::Answers, 0)] {
        let mut work = Heartbeats::<N>::new(members, 4, part);
        for _ in 0..10 {
            let Tally { messages, .. } = tallied(&mut work);
            assert_eq!(messages, expected, "{}, {members} nodes: {part:?}", N::NAME);
        }
    }
}

#[test]
fn each_round_is_a_heartbeat_to_each_other_node_and_its_reply() {
    for members in SIZES {
        heartbeats::<Quorate>(members);
        heartbeats::<Plain>(members);
        heartbeats::<Checked>(members);
        heartbeats::<OmniPaxosNode<1>>(members);
    }
}

#[test]
fn heartbeats_of_quorate_allocate_nothing() {
    for part in [Part::Broadcast, Part::Follower, Part::Answers] {
        let mut work = Heartbeats::<Quorate>::new(5, 4, part);
        work.prepare();
        work.work();
        work.clear();
        assert_eq!(tallied(&mut work).allocations, 0.0, "{part:?}");
    }
}

/// A second has twenty rounds of heartbeats to two other nodes, and of their replies. A heartbeat that is up to
/// a millisecond late puts off all later ones.
#[test]
fn a_second_at_rest_is_its_heartbeats_and_nothing_else() {
    const GROUPS: usize = 20;
    let rounds = |mut fleet: Box<dyn Rest>| {
        let before = fleet.messages();
        fleet.pass(Duration::from_secs(10));
        (fleet.messages() - before) as f64 / (GROUPS * 10 * 4) as f64
    };
    let ticked: [Box<dyn Rest>; 2] =
        [Box::new(Fleet::<Quorate, TickAll>::new(GROUPS)), Box::new(Fleet::<Checked, TickAll>::new(GROUPS))];
    assert_eq!(ticked.map(rounds), [20.0; 2]);
    let omnipaxos = rounds(Box::new(Fleet::<OmniPaxosNode<5>, TickAll>::new(GROUPS)));
    assert_eq!(omnipaxos, 60.0, "all ask all");
    let due: [Box<dyn Rest>; 3] = [
        Box::new(Fleet::<Quorate, Heap>::new(GROUPS)),
        Box::new(Fleet::<Quorate, Wheel>::new(GROUPS)),
        Box::new(Fleet::<Quorate, Array>::new(GROUPS)),
    ];
    for rounds in due.map(rounds) {
        assert!((19.5..=20.0).contains(&rounds), "{rounds}");
    }
}

/// All timers find the same nodes due, at the same times, whatever moves their deadlines.
fn due_nodes<T: Timers>() -> Vec<(u64, Vec<u32>)> {
    let ms = Duration::from_millis;
    let mut dice = Dice::new(7);
    let mut timers = T::new(100);
    let mut found = Vec::new();
    for now in 1..3_000 {
        let mut due = Vec::new();
        timers.take_due(ms(now), &mut due);
        due.sort_unstable();
        // Deadlines are put off, brought forward, taken away, and farther off than a wheel is round.
        for &node in &due {
            timers.set(node, Some(ms(now + 1 + dice.below(2_000))));
        }
        let moved = dice.below(100) as u32;
        let deadline = now + 1 + dice.below(300);
        timers.set(moved, (dice.below(10) > 0).then(|| ms(deadline)));
        found.push((now, due));
    }
    found
}

#[test]
fn all_timers_find_the_same_nodes_due() {
    let expected = due_nodes::<Array>();
    let found: usize = expected.iter().map(|(_, due)| due.len()).sum();
    assert!(found > 300, "{found} were due");
    assert_eq!(due_nodes::<Heap>(), expected);
    assert_eq!(due_nodes::<Wheel>(), expected);
}

#[test]
fn heartbeats_of_many_groups_fall_evenly_into_the_interval() {
    let mut fleet = Fleet::<Quorate, Array>::new(50);
    fleet.pass(Duration::from_millis(20));
    let before = fleet.messages();
    fleet.pass(Duration::from_millis(5));
    assert_eq!(fleet.messages() - before, 5 * 4, "of fifty groups, one a millisecond");
    assert_eq!(HOSTS, 3);
}
