//! The work that is measured is what its name says.

use quorate_versus::cost::almost_raft;
use quorate_versus::cost::group::{Group, MeasuredNode};
use quorate_versus::cost::idle::{IdleHost, TickingAll, TickingDue};
use quorate_versus::cost::omnipaxos::OmniPaxosNode;
use quorate_versus::cost::quorate::Quorate;
use quorate_versus::cost::raft_rs::{Checked, Plain};
use quorate_versus::cost::work::{Heartbeats, Part, Seconds, Work, tallied};

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
        let (messages, _) = tallied(&mut almost_raft::Failovers::new(members));
        assert_eq!(messages, 3 * members - 4, "{members} nodes");
    }
}

fn heartbeats<N: MeasuredNode>(members: usize) {
    for (part, expected) in [(Part::Broadcast, members - 1), (Part::Follower, 1), (Part::Answers, 0)] {
        let mut work = Heartbeats::<N>::new(members, part);
        for _ in 0..10 {
            let (messages, _) = tallied(&mut work);
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
        let mut work = Heartbeats::<Quorate>::new(5, part);
        work.prepare();
        work.work();
        work.clear();
        assert_eq!(tallied(&mut work).1, 0.0, "{part:?}");
    }
}

/// A second has twenty rounds of heartbeats to two other nodes, and of their replies.
#[test]
fn a_second_at_rest_is_its_heartbeats_and_nothing_else() {
    for host in [
        Box::new(TickingDue::new(2)) as Box<dyn IdleHost>,
        Box::new(TickingAll::<Quorate>::new(2)),
        Box::new(TickingAll::<Checked>::new(2)),
    ] {
        let mut second = Seconds::new(host, 2);
        let before = second.messages();
        second.work();
        assert_eq!(second.messages() - before, 20 * 4);
    }
}
