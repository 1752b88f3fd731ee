//! How long sealed messages are.

use quorate::adapters::wire;
use quorate::message::Body;

use super::*;

/// The seal adds 54 bytes, and the endpoint a version, a kind and the number of addresses. The header of a sealed message
/// names neither the group nor the life, which are eighteen bytes more in a message of a group with a name.
#[test]
fn a_sealed_message_is_57_bytes_longer_than_the_message_once_both_nodes_were_heard() {
    let node = |id| Node::new(id, &[1, 2], Some(keys()));
    let mut world = World::of([node(1), node(2).knowing(1)]);
    world.run_for(LONG);
    let (message, _) = handle(&mut Node::new(1, &[1, 2], None).endpoint, &plain_message(2, 1).bytes, at(2));
    let (_, mut message) = message.unwrap();
    // No membership goes with it, and so no addresses.
    message.modify(|_, body| *body = Body::RecoveryRequest);
    let length = wire::encode(&message).len();
    let (now, mut transmits) = (world.now, Vec::new());
    world.node(2).endpoint.send(1, &message, now, &mut transmits);
    message.modify(|header, _| header.life = Life(u64::MAX));
    world.node(2).endpoint.send(1, &message, now, &mut transmits);
    let lengths: Vec<_> = transmits.iter().map(|transmit| transmit.bytes.len()).collect();
    assert_eq!(lengths, [length + 57; 2]);
    let (received, _) = handle(&mut world.node(1).endpoint, &transmits[1].bytes, at(2));
    assert_eq!(received, Some((2, message)), "all of it arrives");
}

#[test]
fn nodes_that_know_each_other_use_short_heads_and_all_datagrams_of_a_settled_group_have_them() {
    let node = |id| Node::new(id, &[1, 2, 3], Some(keys()));
    let mut world = World::of([node(1), node(2).knowing(1), node(3).knowing(1)]);
    world.run_for(LONG);
    let before = world.sent.len();
    world.run_for(LONG);
    let longest = world.sent[before..].iter().map(|sent| sent.transmit.bytes.len()).max().unwrap();
    assert!(longest <= 54 + 60 + 3, "{longest}");
    assert!(world.sent.len() > before + 20);
}
