//! Rule 1.7: a message of a group of another life is ignored, and both sides are told.

use quorate::message::{Answer, Body, Denial, HeartbeatReply, VoteReply};
use quorate::{Event, HardState, Life, Limits};

use crate::support::*;

const THREE: [u64; 3] = [1, 2, 3];

fn of_life(mut message: Msg, life: Life) -> Msg {
    message.modify(|header, _| header.life = life);
    message
}

fn life_of(voters: &[u64]) -> Life {
    first_state(voters).life
}

/// Node 1 was installed anew as a group of its own, with the number of the group of three.
#[test]
fn a_member_that_is_a_group_of_its_own_is_refused_and_both_sides_are_told() {
    let (mut member, beats) = elected(1, &THREE);
    let mut other = Node::fresh(2, &[2, 4]);
    let before = other.lasting();
    let out = other.hear(0, 1, to(&beats, 2));
    assert_eq!(events(&out), [Event::OtherLife { peer: 1, life: life_of(&THREE) }]);
    assert_eq!((denied(&out, 1), other.lasting()), (Denial::OtherLife, before));

    let denial = to(&out, 1);
    assert_eq!(
        (denial.header().life, enclosed(&denial)),
        (life_of(&[2, 4]), false),
        "no more than it was sent"
    );
    let before = member.lasting();
    let out = member.hear(1, 2, denial);
    assert_eq!(events(&out), [Event::OtherLife { peer: 2, life: life_of(&[2, 4]) }]);
    assert_eq!((sent(&out).len(), member.lasting()), (0, before), "a denial is not answered");
    assert_eq!(member.status().last_denial.map(|last| last.denial), Some(Denial::OtherLife));
}

fn enclosed(message: &Msg) -> bool {
    match &message.body() {
        Body::VoteReply(VoteReply { membership, .. })
        | Body::HeartbeatReply(HeartbeatReply { membership, .. }) => membership.is_some(),
        _ => panic!("{message:?} denies nothing"),
    }
}

/// Neither a vote, nor a term, nor a promise, nor a reply is taken over.
#[test]
fn nothing_of_a_message_of_another_life_is_used() {
    let other = life_of(&[1, 2]);
    let mut node = Node::fresh(3, &THREE);
    let (before, due) = (node.lasting(), node.due());
    for message in [vote(9, 1), pre_vote(9, 1), heartbeat(9, 1).carrying(members(version(9, 1), &THREE))] {
        assert_eq!(denied(&node.hear(1, 1, of_life(message, other)), 1), Denial::OtherLife);
    }
    assert_eq!((node.lasting(), node.due()), (before, due));

    let asked = node.campaign(&[1]);
    let (now, request) = (sent_at(&asked, 1), to(&asked, 1));
    node.hear(now, 1, of_life(grant(&request, LIMIT), other));
    assert_eq!(node.role(), quorate::RoleKind::Candidate);
    node.hear(now, 1, grant(&request, LIMIT));
    assert_eq!(node.role(), quorate::RoleKind::Leader, "the same grant of its own life elects");
}

/// A joining node belongs to the group that adds it, whatever its term is.
#[test]
fn a_joining_node_takes_over_the_life_of_the_group_that_adds_it_and_keeps_it() {
    let mut node = Node::new(config(4), HardState::joining(CLUSTER), 0);
    assert_eq!(node.life(), Life::NONE);
    let far = 1 << 60;
    let adds = |life, of, round| {
        let list = members(version(of, 1), &[1, 2, 3, 4]);
        of_life(heartbeat(of, round).version(of, 1).carrying(list), life)
    };
    assert_eq!(answered(&node.hear(0, 1, adds(Life(5), far, 1)), 1), Answer::Granted(ns(PROMISE)));
    assert_eq!((node.life(), node.durable().life, node.term()), (Life(5), Life(5), term(far)));
    assert_eq!(denied(&node.hear(1, 2, adds(Life(6), far + 1, 2)), 2), Denial::OtherLife);

    node.hear(1, 1, adds(Life::NONE, far + 1, 3));
    assert_eq!((node.life(), node.term()), (Life(5), term(far + 1)), "a message of no life brings none");

    let mut node = Node::new(config(4), HardState::joining(CLUSTER), 0);
    let out = node.hear(0, 1, adds(Life(5), u64::MAX - 1, 1));
    assert_eq!(trace(&out), "too-far", "a term that leaves no room for later ones is not taken");
}

/// The life of a group tells its list, its kind, and what the operator adds.
#[test]
fn groups_that_are_started_otherwise_have_other_lives() {
    let limits = |max_members| Limits { min_members: max_members, max_members };
    let forming = |max| HardState::<u64>::forming(CLUSTER, limits(max)).unwrap();
    let survivors = |of: u64| first_state(&THREE).recover_unsafely([1, 2], term(of)).unwrap();
    let all = [
        first_state(&THREE),
        first_state(&[1, 2]),
        first_state(&THREE).with_nonce(1),
        first_state(&THREE).with_nonce(2),
        HardState::bootstrap(quorate::ClusterId(8), THREE).unwrap(),
        forming(3),
        forming(5),
        survivors(3),
        survivors(4),
        HardState::joining(CLUSTER),
    ];
    let mut lives: Vec<Life> = all.iter().map(|state| state.life).collect();
    lives.sort_unstable();
    lives.dedup();
    assert_eq!(lives.len(), all.len());
    assert_eq!(first_state(&[3, 1, 2]).life, life_of(&THREE), "the order of the list does not matter");
}
