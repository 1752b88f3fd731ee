//! The endpoint by itself: what it makes of datagrams, whom it writes to, and when.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that overflows or panics has found something"
)]

mod addresses;
mod advertisements;
mod bounds;
mod diagnoses;
mod levels;
mod lives;
mod log;
mod names;
mod operators;
#[path = "../formats/page.rs"]
mod page;
mod register_voter;
mod sizes;
mod upgrades;
mod world;

use std::net::SocketAddr;
use std::time::Duration;

use quorate::adapters::endpoint::{DatagramCounters, Endpoint, Question, Transmit, UnusableAddress};
use quorate::adapters::seal::Keyring;
use quorate::{Event, Force, Input, Life, Target, Timestamp};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use self::world::*;

const LONG: Duration = Duration::from_secs(10);

#[test]
fn members_that_know_one_of_them_learn_where_all_are_sealed_or_not() {
    for keys in [None, Some(keys())] {
        let node = |id| Node::new(id, &[1, 2, 3], keys.clone());
        let mut world = World::of([node(1), node(2).knowing(1), node(3).knowing(1)]);
        world.run_for(LONG);
        for id in 1..=3 {
            let others: Vec<_> =
                (1..=3).filter(|&other| other != id).map(|other| (other, at(other))).collect();
            let endpoint = &mut world.node(id).endpoint;
            assert_eq!(endpoint.addresses(), others);
            assert_eq!(endpoint.poll_addresses(), Some(others));
            assert_eq!(endpoint.poll_addresses(), None, "nothing has changed since");
            assert_eq!(endpoint.leader().unwrap().id, 1);
            assert_eq!(endpoint.counters().strangers, 0);
        }
    }
}

#[test]
fn without_a_leader_a_node_announces_itself_twice_a_second_to_its_configured_peers() {
    let mut world = World::of([Node::new(4, &[], None).knowing(1)]);
    world.run_for(LONG);
    let times: Vec<_> = world.sent_to(1).iter().map(|sent| sent.at.since_origin()).collect();
    assert_eq!(times, (0..=20).map(|half| Duration::from_millis(half * 500)).collect::<Vec<_>>());
}

#[test]
fn a_sealed_node_sends_a_silent_peer_one_handshake_a_second_and_nothing_else() {
    let mut world = World::of([Node::new(4, &[], Some(keys())).knowing(1)]);
    world.run_for(LONG);
    let times: Vec<_> = world.sent_to(1).iter().map(|sent| sent.at.since_origin()).collect();
    assert_eq!(times, (0..=10).map(Duration::from_secs).collect::<Vec<_>>());
}

#[test]
fn an_endpoint_is_due_for_announcements_and_to_say_what_is_wrong() {
    let mut idle = Node::new(4, &[], None);
    assert_eq!(idle.endpoint.deadline(), Some(Duration::from_secs(3).into()), "a diagnosis");
    idle.endpoint.configure(1, at(1)).unwrap();
    assert_eq!(idle.endpoint.deadline(), Some(Timestamp::default()), "an announcement");
    idle.step(None, Timestamp::from(Duration::from_secs(3)));
    assert_eq!(idle.endpoint.deadline(), Some(Duration::from_millis(3_500).into()));
}

#[test]
fn announcements_of_an_unknown_node_teach_nothing_and_are_no_messages() {
    let mut group = Node::new(1, &[1, 2], None);
    let mut world = World::of([Node::new(9, &[], None).knowing(1)]);
    world.run_for(Duration::from_secs(1));
    for sent in world.sent_to(1) {
        assert_eq!(handle(&mut group.endpoint, &sent.transmit.bytes, at(9)), (None, Vec::new()));
    }
    assert_eq!(group.endpoint.counters(), DatagramCounters::default());
    assert!(group.endpoint.known_addresses().is_empty());
}

#[test]
fn an_announcement_of_a_member_tells_its_address() {
    let mut group = Node::new(1, &[1, 2], None);
    let mut world = World::of([Node::new(2, &[1, 2], None).knowing(1)]);
    world.run_for(Duration::from_secs(1));
    handle(&mut group.endpoint, &world.sent_to(1)[0].transmit.bytes, at(77));
    assert_eq!(group.endpoint.address(2), Some(at(77)));
}

#[test]
fn a_stranger_is_counted_answered_where_it_asks_from_and_not_remembered() {
    let mut one = Node::new(1, &[1], None);
    one.step(None, LONG.into());
    let stranger = plain_message(2, 1);
    let replies = one.receive(&stranger, at(55), LONG.into());
    assert_eq!(replies.iter().map(|reply| reply.to).collect::<Vec<_>>(), [at(55)]);
    let counters = one.endpoint.counters();
    assert_eq!((counters.received, counters.strangers, counters.unroutable), (1, 1, 0));
    assert!(one.endpoint.known_addresses().is_empty());
}

#[test]
fn a_stranger_is_answered_only_for_what_it_asks_now() {
    let mut one = Node::new(1, &[1], None);
    one.step(None, LONG.into());
    let stranger = plain_message(2, 1);
    let (message, _) = handle(&mut one.endpoint, &stranger.bytes, at(55));
    let (from, message) = message.unwrap();
    let mut transmits = Vec::new();
    one.endpoint.send(from, &message, LONG.into(), &mut transmits);
    assert_eq!(transmits.len(), 1);
    transmits.clear();
    one.endpoint.handle_timeout(LONG.into(), &mut transmits);
    one.endpoint.send(from, &message, LONG.into(), &mut transmits);
    assert_eq!((transmits.len(), one.endpoint.counters().unroutable), (0, 1));
}

#[test]
fn messages_in_its_own_name_to_another_node_and_of_another_group_are_told_apart() {
    let mut one = Node::new(1, &[1, 2], None);
    let own = plain_message(1, 2);
    assert!(handle(&mut one.endpoint, &own.bytes, at(2)).0.is_none());
    let to_another = plain_message(2, 3);
    assert!(handle(&mut one.endpoint, &to_another.bytes, at(2)).0.is_none());
    let (message, _) = handle(&mut one.endpoint, &plain_message(2, 1).bytes, at(2));
    assert_eq!(message.unwrap().0, 2);
    let counters = one.endpoint.counters();
    assert_eq!((counters.from_own_id, counters.misdirected, counters.received), (1, 1, 1));
    assert_eq!(one.endpoint.address(2), Some(at(2)));
}

#[test]
fn garbage_is_refused_and_counted_and_never_answered() {
    let mut one = Node::new(1, &[1, 2], None);
    for bytes in [&b""[..], b"x", b"qr\x08\x01", b"qr\x07\x01\x01\x00", b"qr\x08\x63", &[b'q'; 40_000]] {
        assert_eq!(handle(&mut one.endpoint, bytes, at(66)), (None, Vec::new()));
    }
    let counters = one.endpoint.counters();
    assert_eq!((counters.undecodable, counters.other_version, counters.oversized), (4, 1, 1));
}

#[test]
fn a_question_is_answered_to_programs_with_the_key_by_no_more_than_it_has() {
    for keys in [None, Some(keys())] {
        let mut world =
            World::of([Node::new(1, &[1, 2], keys.clone()), Node::new(2, &[1, 2], keys.clone()).knowing(1)]);
        world.run_for(LONG);
        for (id, known) in [(1, at(1)), (2, at(1))] {
            let question =
                |seed| Question::new(GROUP, at(id), keys.as_ref(), &mut ChaCha20Rng::seed_from_u64(seed));
            let (question, other) = (question(5).unwrap(), question(6).unwrap());
            let endpoint = &mut world.node(id).endpoint;
            let (message, mut answers) = handle(endpoint, question.bytes(), at(99));
            assert!(message.is_none() && answers.len() == 1 && answers[0].to == at(99));
            assert!(answers[0].bytes.len() <= question.bytes().len());
            let leader = question.read_answer::<Id>(&mut answers[0].bytes.clone()).unwrap().unwrap();
            assert_eq!((leader.id, leader.address), (1, Some(known)));
            assert!(other.read_answer::<Id>(&mut answers[0].bytes).is_none(), "another question");
            assert_eq!(endpoint.counters().answered, 1);
        }
    }
    let mut short = Node::new(1, &[1], None);
    assert!(handle(&mut short.endpoint, b"qr\x08\x02\0\0\0\0\0\0\0\x0112345678", at(99)).1.is_empty());
    assert_eq!(short.endpoint.counters().short_questions, 1);
}

#[test]
fn a_newcomer_is_introduced_by_the_step_that_makes_it_one_and_forgotten_when_it_was_told_of_its_removal() {
    let mut world = World::of([Node::new(1, &[1], None), Node::new(2, &[], None)]);
    world.run_for(LONG);
    let now = world.now;
    world.node(1).endpoint.introduce(2, at(2), now).unwrap();
    assert_eq!(world.node(1).endpoint.address(2), None, "it is no newcomer yet");
    let target = Target::new([1], [2]).unwrap();
    let transmits = world.node(1).step(Some(Input::Reconfigure { target, force: Force::Never }), now);
    world.node(1).endpoint.introduce(2, at(2), now).unwrap();
    world.deliver(at(1), transmits);
    world.run_for(LONG);
    assert_eq!(world.node(2).endpoint.leader().unwrap().address, Some(at(1)));
    assert_eq!(world.node(1).endpoint.known_addresses(), [(2, at(2))]);
    world.step(1, Input::Reconfigure { target: Target::new([1], []).unwrap(), force: Force::Never });
    world.run_for(LONG);
    assert!(world.node(1).endpoint.known_addresses().is_empty());
}

#[test]
fn newcomers_that_know_nobody_are_let_in_together_sealed_or_not() {
    for keys in [None, Some(keys())] {
        let newcomer = |id| Node::new(id, &[], keys.clone());
        let mut world = World::of([Node::new(1, &[1], keys.clone()), newcomer(2), newcomer(3), newcomer(4)]);
        world.run_for(LONG);
        let now = world.now;
        let target = Target::new([1], [2, 3, 4]).unwrap();
        let transmits = world.node(1).step(Some(Input::Reconfigure { target, force: Force::Never }), now);
        (2..=4).for_each(|id| world.node(1).endpoint.introduce(id, at(id), now).unwrap());
        world.deliver(at(1), transmits);
        world.run_for(LONG);
        for id in 2..=4 {
            let leader = world.node(id).endpoint.leader().unwrap().address;
            assert_eq!(leader, Some(at(1)), "as node {id} knows it");
        }
    }
}

#[test]
fn addresses_come_with_the_membership_that_they_belong_to() {
    // Node 2 holds no membership yet: of the first message of its leader it learns who 3 is, and where.
    let mut world = World::of([Node::new(1, &[1], None), Node::new(3, &[], None)]);
    world.run_for(LONG);
    let now = world.now;
    let target = Target::new([1], [3]).unwrap();
    let transmits = world.node(1).step(Some(Input::Reconfigure { target, force: Force::Never }), now);
    world.node(1).endpoint.introduce(3, at(3), now).unwrap();
    world.deliver(at(1), transmits);
    world.run_for(LONG);
    world.nodes.push(Node::new(2, &[], None));
    let now = world.now;
    let target = Target::new([1], [2, 3]).unwrap();
    let transmits = world.node(1).step(Some(Input::Reconfigure { target, force: Force::Never }), now);
    world.node(1).endpoint.introduce(2, at(2), now).unwrap();
    world.deliver(at(1), transmits);
    let first: Transmit = loop {
        world.run_for(Duration::from_millis(10));
        if let Some(sent) = world.sent_to(2).first() {
            break sent.transmit.clone();
        }
    };
    let mut fresh = Node::new(2, &[], None);
    fresh.receive(&first, at(1), now);
    assert_eq!(fresh.endpoint.addresses(), [(1, at(1)), (3, at(3))]);
}

#[test]
fn a_handshake_with_an_unknown_node_is_completed_and_not_followed_by_an_announcement() {
    // Node 9 knows node 1, which has nothing to do with it.
    let mut world =
        World::of([Node::new(1, &[1, 2], Some(keys())), Node::new(9, &[], Some(keys())).knowing(1)]);
    world.run_for(LONG);
    let announced = world.sent_to(1).len();
    assert!(announced > 10, "node 9 announces itself once it can");
    let replies = world.sent_to(9);
    assert_eq!(replies.len(), 1, "the reply to its handshake: {replies:?}");
    assert_eq!(world.node(1).endpoint.counters().received, 0);
}

#[test]
fn no_flood_of_unknown_nodes_or_reports_makes_the_book_grow() {
    let mut one = Node::new(1, &[1], None);
    for id in 2..500 {
        one.receive(&plain_message_of_any(id), at(id), LONG.into());
    }
    assert!(one.endpoint.known_addresses().is_empty());
    assert_eq!(one.endpoint.counters().strangers, 498);
}

/// As [`plain_message`], made from one message: only the sender's id differs.
fn plain_message_of_any(from: Id) -> Transmit {
    thread_local!(static MESSAGE: Transmit = plain_message(2, 1));
    let mut message = MESSAGE.with(Clone::clone);
    // The id is a varint: one byte below 128, else two.
    let id = if from < 128 { vec![from as u8] } else { vec![from as u8 | 0x80, (from >> 7) as u8] };
    message.bytes.splice(12..13, id);
    message
}

#[test]
fn the_same_seeds_send_the_same_datagrams() {
    let run = || {
        let node = |id| Node::new(id, &[1, 2, 3], Some(keys()));
        let mut world = World::of([node(1), node(2).knowing(1), node(3).knowing(1)]);
        world.run_for(LONG);
        world.sent
    };
    let (one, other) = (run(), run());
    assert!(one.len() > 100);
    assert_eq!(one, other);
}

#[test]
fn a_cloned_member_is_reported_by_name_once_and_then_seldom() {
    let mut one = Node::new(1, &[1, 2], Some(keys()));
    // The clones have one state and one name; each process of the node draws a session of its own.
    let clone = |seed| {
        let mut node = Node::new(2, &[1, 2], Some(keys())).knowing(1);
        let Ok(endpoint) = Endpoint::new(2, GROUP, Some(keys()), ChaCha20Rng::seed_from_u64(seed));
        node.endpoint = endpoint;
        node.endpoint.configure(1, at(1)).unwrap();
        node
    };
    let mut clones = [clone(50), clone(51)];
    let mut events = Vec::new();
    for second in 0..50 {
        let now = Timestamp::from(Duration::from_secs(second));
        for (index, clone) in clones.iter_mut().enumerate() {
            let source = at(20 + index as u16);
            let mut sent = clone.step(None, now);
            while let Some(transmit) = sent.pop() {
                for reply in one.receive(&transmit, source, now) {
                    if reply.to == source {
                        sent.extend(clone.receive(&reply, at(1), now));
                    }
                }
            }
        }
        events.extend(std::iter::from_fn(|| one.endpoint.poll_event()).map(|event| (second, event)));
    }
    // The clock of this test moves in steps of seconds.
    events.retain(|(_, event)| !matches!(event, Event::Diagnosed(_) | Event::TickedLate { .. }));
    let [(at, Event::TwoProcesses { peer: 2 })] = events[..] else { panic!("{events:?}") };
    assert!(at < 5, "within seconds: {at}");
}
