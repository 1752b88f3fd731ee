//! Where the members of a group are: what they tell each other, and what they make of it.

use super::*;

#[test]
fn a_member_behind_a_symmetric_translator_finds_the_leader_by_a_follower() {
    for keys in [None, Some(keys())] {
        let node = |id| Node::new(id, &[1, 2, 3], keys.clone());
        let mut world = World::of([node(1), node(2).knowing(1), node(3).knowing(2)]);
        world.translated = Some(3);
        world.run_for(LONG);
        assert_eq!(world.node(3).endpoint.leader().map(|leader| leader.id), Some(1));
        assert_eq!(world.node(3).endpoint.addresses(), [(1, at(1)), (2, at(2))]);
        assert_eq!(world.node(1).endpoint.address(3), Some(translation(at(1))));
    }
}

#[test]
fn a_newcomer_that_no_member_can_write_to_finds_the_leader_by_a_follower() {
    for keys in [None, Some(keys())] {
        let member = |id| Node::new(id, &[1, 2], keys.clone());
        let newcomer = Node::new(3, &[], keys.clone()).knowing(2);
        let mut world = World::of([member(1), member(2).knowing(1), newcomer]);
        world.translated = Some(3);
        world.run_for(LONG);
        assert_eq!(world.node(3).endpoint.address(1), None, "strangers are told nothing");
        let target = Target::new([1, 2], [3]).unwrap();
        world.step(1, Input::Reconfigure { target, force: Force::Never });
        world.run_for(LONG);
        assert_eq!(world.node(3).endpoint.leader().map(|leader| leader.id), Some(1));
    }
}

#[test]
fn a_leader_tries_every_address_that_a_follower_holds_of_a_silent_member() {
    for keys in [None, Some(keys())] {
        let node = |id| Node::new(id, &[1, 2, 3], keys.clone());
        let mut two = node(2).knowing(1);
        for port in [31, 3, 32, 33] {
            two.endpoint.configure(3, at(port));
        }
        let mut world = World::of([node(1), two]);
        world.run_for(LONG);
        assert_ne!(world.node(2).endpoint.address(3), Some(at(3)), "not the best of them");
        world.nodes.push(node(3));
        world.run_for(LONG);
        for id in [1, 2] {
            assert_eq!(world.node(id).endpoint.address(3), Some(at(3)), "as node {id} knows it");
        }
        assert_eq!(world.node(3).endpoint.leader().map(|leader| leader.id), Some(1));
    }
}

#[test]
fn a_referral_is_no_longer_than_the_announcement_and_is_for_members_alone() {
    let mut two = Node::new(2, &[1, 2, 3], None).knowing(1);
    let mut world = World::of([Node::new(1, &[1, 2, 3], None)]);
    world.nodes.push(two);
    world.run_for(LONG);
    two = world.nodes.pop().unwrap();
    for port in 1_000..1_003 {
        two.endpoint.configure(1, SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], port)));
    }
    let later = world.now.saturating_add(LONG);
    for (id, is_member) in [(3, true), (9, false)] {
        let mut alone = World::of([Node::new(id, &[], None).knowing(2)]);
        alone.run_for(Duration::from_millis(100));
        let announcement = alone.sent_to(2)[0].transmit.clone();
        let mut answers = Vec::new();
        let mut bytes = announcement.bytes.clone();
        two.endpoint.handle_datagram(&mut bytes, at(id), later, &mut answers);
        assert_eq!(answers.iter().any(|answer| answer.bytes[3] == 7), is_member, "{answers:?}");
        let length: usize = answers.iter().map(|answer| answer.bytes.len()).sum();
        assert!(length <= announcement.bytes.len(), "{length} bytes");
    }
}
