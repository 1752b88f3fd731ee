//! The life of a node, in the clear at the head of what it seals. Rule 1.7.

use quorate::adapters::seal::{ClearHead, Opened, Seal};
use quorate::adapters::wire;
use quorate::{ClusterId, Config, HardState};

use super::*;

fn told_life(transmit: &Transmit) -> Life {
    let head = ClearHead::read(&transmit.bytes).unwrap();
    assert_eq!(head.cluster, GROUP);
    head.life
}

#[test]
fn each_sealed_datagram_names_the_life_of_the_node_that_sent_it() {
    let life = HardState::<Id>::bootstrap(GROUP, [1, 2]).unwrap().life;
    let newcomer = Node::new(9, &[], Some(keys())).knowing(1).knowing(2);
    let node = |id| Node::new(id, &[1, 2], Some(keys()));
    let mut world = World::of([node(1), node(2).knowing(1), newcomer]);
    world.run_for(LONG);
    for (port, expected) in [(1, life), (2, life), (9, Life::NONE)] {
        let lives: Vec<Life> = world
            .sent
            .iter()
            .filter(|sent| sent.source == at(port))
            .map(|sent| told_life(&sent.transmit))
            .collect();
        assert!(lives.len() > 5 && lives.iter().all(|&told| told == expected), "{port}: {:?}", &lives[..3]);
    }
    // An answer to a program that asks names it too.
    let question = Question::new(GROUP, at(1), Some(&keys()), &mut ChaCha20Rng::seed_from_u64(5)).unwrap();
    let (_, answers) = handle(&mut world.node(1).endpoint, question.bytes(), at(99));
    assert_eq!(told_life(&answers[0]), life);
}

/// What is sealed of the message in a plain datagram without addresses, if its header says this of its group and its life.
fn sealed_form(plain: &[u8], cluster: ClusterId, life: Life) -> Vec<u8> {
    let (header, rest) = plain.split_at(12);
    let [from, to, 0, message @ ..] = rest else { panic!("not two ids of one byte and no addresses") };
    assert_eq!((*from, *to), (2, 1));
    let mut message = wire::decode::<Id>(message).unwrap();
    message.modify(|header, _| (header.cluster, header.life) = (cluster, life));
    [&[header[2], 11, 0], &wire::encode(&message)[..]].concat()
}

/// Another node that has the key seals by itself, and so can contradict itself.
#[test]
fn a_message_is_of_the_life_and_of_the_group_that_its_seal_says_and_names_none_itself() {
    let mut one = Node::new(1, &[1, 2], Some(keys()));
    let plain = plain_message(2, 1).bytes;
    let Ok(mut two) = Seal::new(2 as Id, GROUP, keys(), ChaCha20Rng::seed_from_u64(60));
    let (_, mut replies) = handle(&mut one.endpoint, &two.handshake(1).unwrap(), at(2));
    assert!(matches!(two.open(&mut replies[0].bytes), Opened::HandshakeDone { with: 1 }));
    two.set_life(Life(5));
    let contradictory =
        [(ClusterId(0), Life(5)), (ClusterId(0), Life(6)), (GROUP, Life::NONE), (ClusterId(8), Life::NONE)];
    let contradictory = contradictory.map(|(cluster, life)| sealed_form(&plain, cluster, life));
    let names_its_sender = [&plain[2..4], &plain[12..]].concat();
    for body in contradictory.iter().chain([&plain, &names_its_sender]) {
        let sealed = two.seal_for(1, body).unwrap();
        assert!(handle(&mut one.endpoint, &sealed, at(2)).0.is_none());
    }
    // A datagram as it travels without a seal begins with another byte than a version.
    let counters = one.endpoint.counters();
    assert_eq!((counters.undecodable, counters.other_version), (5, 1));
    let in_the_name_of_three = two.seal_for(1, &[&[plain[2], 4, 3][..], &[0; 160]].concat()).unwrap();
    handle(&mut one.endpoint, &in_the_name_of_three, at(2));
    assert_eq!(one.endpoint.counters().undecodable, 6);
    let right = two.seal_for(1, &sealed_form(&plain, ClusterId(0), Life::NONE)).unwrap();
    let (from, message) = handle(&mut one.endpoint, &right, at(2)).0.unwrap();
    assert_eq!((from, message.header().cluster, message.header().life), (2, GROUP, Life(5)));
    assert_eq!((one.endpoint.counters().undecodable, one.endpoint.counters().received), (6, 1));
}

/// What waits for a write goes out when the node may have joined a group.
#[test]
fn a_message_that_is_sent_late_is_sealed_with_its_own_life() {
    let node = |id| Node::new(id, &[1, 2], Some(keys()));
    let mut world = World::of([node(1), node(2).knowing(1)]);
    world.run_for(LONG);
    let (message, _) = handle(&mut Node::new(1, &[1, 2], None).endpoint, &plain_message(2, 1).bytes, at(2));
    let (_, message) = message.unwrap();
    assert_eq!(message.header().life, Life::NONE);
    let (now, mut transmits) = (world.now, Vec::new());
    world.node(2).endpoint.send(1, &message, now, &mut transmits);
    assert_eq!(told_life(&transmits[0]), Life::NONE);
    assert!(handle(&mut world.node(1).endpoint, &transmits[0].bytes, at(2)).0.is_some());
}

#[test]
fn nodes_of_two_lives_with_one_number_and_key_are_both_told_and_tell_each_other_no_members() {
    let node = |id, members: &[Id]| Node::new(id, members, Some(keys()));
    let other = HardState::<Id>::bootstrap(GROUP, [3, 4]).unwrap();
    let reinstalled = Node::with(Config::new(3), other.clone(), Some(keys()));
    let mut world = World::of([node(1, &[1, 2, 3]).knowing(3), node(2, &[1, 2, 3]).knowing(1), reinstalled]);
    world.run_for(LONG);
    let ours = HardState::<Id>::bootstrap(GROUP, [1, 2, 3]).unwrap();
    for (id, peer, life) in [(1, 3, other.life), (3, 1, ours.life)] {
        let news = world.news(id);
        assert!(news.contains(&Event::OtherLife { peer, life }), "{id}: {news:?}");
    }
    assert_eq!(world.node(1).election.membership().members(), ours.membership.members());
    assert_eq!(world.node(3).election.membership().members(), other.membership.members());
}
