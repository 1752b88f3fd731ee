//! What is measured is what it is called.

use quorate_versus::cost::Contender;
use quorate_versus::cost::almost_raft;
use quorate_versus::cost::group::Group;
use quorate_versus::cost::idle::{Due, Idle, Ticked};
use quorate_versus::cost::omnipaxos::Omni;
use quorate_versus::cost::quorate::Quorate;
use quorate_versus::cost::raft_rs::{Checked, Plain};
use quorate_versus::cost::work::{Beats, Part, Seconds, Work, tallied};

const SIZES: [usize; 4] = [3, 5, 7, 21];

/// Messages of a failover, after which all who live follow one of them.
fn failover<C: Contender>(members: usize) -> usize {
    let (mut group, awake) = Group::<C>::bereaved(members);
    let dead = group.dead.expect("its leader");
    assert!(!group.all_follow((dead + 1) % members), "{}: not before", C::NAME);
    group.fail_over(&awake);
    let leader = group.nodes[(dead + 1) % members].leader().expect("a leader");
    assert_ne!(leader, dead, "{}, {members} nodes", C::NAME);
    assert!(group.all_follow(leader), "{}, {members} nodes: all follow {leader}", C::NAME);
    group.messages()
}

#[test]
fn a_failover_ends_when_all_who_live_follow_one_new_leader() {
    for members in SIZES {
        failover::<Quorate>(members);
        failover::<Plain>(members);
        failover::<Checked>(members);
        failover::<Omni<1>>(members);
    }
}

/// Vote requests and the news go to all others, the dead one too; answers come from the living.
#[test]
fn messages_of_a_failover_are_as_many_as_the_protocol_needs() {
    for members in SIZES {
        assert_eq!(failover::<Plain>(members), 3 * members - 4);
        assert_eq!(failover::<Checked>(members), 5 * members - 7);
        assert!(failover::<Quorate>(members) <= 5 * members - 7);
    }
}

/// It finds out by itself whether all follow the same, a new one.
#[test]
fn almost_raft_fails_over_with_as_many_messages_as_it_needs() {
    for members in SIZES {
        let (messages, _) = tallied(&mut almost_raft::Failovers::new(members));
        assert_eq!(messages, 3 * members - 4, "{members} nodes");
    }
}

fn beats<C: Contender>(members: usize) {
    for (part, said) in [(Part::Broadcast, members - 1), (Part::Follower, 1), (Part::Answers, 0)] {
        let mut work = Beats::<C>::new(members, part);
        for _ in 0..10 {
            let (messages, _) = tallied(&mut work);
            assert_eq!(messages, said, "{}, {members} nodes: {part:?}", C::NAME);
        }
    }
}

#[test]
fn each_round_is_a_heartbeat_to_each_other_node_and_its_answer() {
    for members in SIZES {
        beats::<Quorate>(members);
        beats::<Plain>(members);
        beats::<Checked>(members);
        beats::<Omni<1>>(members);
    }
}

#[test]
fn heartbeats_of_quorate_allocate_nothing() {
    for part in [Part::Broadcast, Part::Follower, Part::Answers] {
        let mut work = Beats::<Quorate>::new(5, part);
        work.prepare();
        work.work();
        work.clear();
        assert_eq!(tallied(&mut work).1, 0.0, "{part:?}");
    }
}

/// Twenty rounds of a second: a heartbeat to each of two others, and its answer.
#[test]
fn a_second_at_rest_is_its_heartbeats_and_nothing_else() {
    for host in [
        Box::new(Due::new(2)) as Box<dyn Idle>,
        Box::new(Ticked::<Quorate>::new(2)),
        Box::new(Ticked::<Checked>::new(2)),
    ] {
        let mut second = Seconds::new(host, 2);
        let before = second.messages();
        second.work();
        assert_eq!(second.messages() - before, 20 * 4);
    }
}
