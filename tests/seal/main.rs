//! Sealed datagrams, without a socket: which of them count, and which never do.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that overflows or panics has found something"
)]

mod heads;
mod keys;
mod network;
mod nonces;
#[cfg(target_os = "linux")]
#[path = "../store/own_mounts.rs"]
mod own_mounts;
#[path = "../formats/page.rs"]
mod page;

use std::sync::atomic::{AtomicU64, Ordering};

use quorate::adapters::seal::{
    ClearHead, Key, Keyring, MAX_SEALED, Opened, Refusal, Refused, Seal, SealError, SystemRng,
};
use quorate::{ClusterId, Life};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

type Id = u16;

const GROUP: ClusterId = ClusterId(7);

/// A generator that no other in this process is seeded like.
fn rng() -> ChaCha20Rng {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    ChaCha20Rng::seed_from_u64(NEXT.fetch_add(1, Ordering::Relaxed))
}

fn key(byte: u8) -> Key {
    Key::new(&[byte; 32])
}

fn ring(keys: &[u8]) -> Keyring {
    Keyring::new(keys.iter().map(|&byte| key(byte))).unwrap()
}

fn node(id: Id) -> Seal<Id, ChaCha20Rng> {
    Seal::new(id, GROUP, ring(&[1]), rng()).unwrap()
}

/// Two nodes whose handshake is done.
fn pair() -> (Seal<Id, ChaCha20Rng>, Seal<Id, ChaCha20Rng>) {
    let (mut one, mut two) = (node(1), node(2));
    meet(&mut one, &mut two);
    (one, two)
}

fn meet(one: &mut Seal<Id, ChaCha20Rng>, two: &mut Seal<Id, ChaCha20Rng>) {
    let mut handshake = one.handshake(2).unwrap();
    let mut reply = reply(two, &mut handshake);
    assert!(matches!(one.open(&mut reply), Opened::HandshakeDone { with: 2 }));
    assert!(one.can_seal_for(2));
    assert_eq!(body(two, &one.seal_for(2, b"here I am").unwrap()), Ok(b"here I am".to_vec()));
    assert!(two.can_seal_for(1));
}

#[track_caller]
fn reply(node: &mut Seal<Id, ChaCha20Rng>, datagram: &mut [u8]) -> Vec<u8> {
    match node.open(datagram) {
        Opened::Reply(reply) => reply,
        other => panic!("{other:?} is no reply"),
    }
}

/// The body of a sealed datagram, or why it is refused.
#[track_caller]
fn body(node: &mut Seal<Id, ChaCha20Rng>, datagram: &[u8]) -> Result<Vec<u8>, Refusal> {
    match node.open(&mut datagram.to_vec()) {
        Opened::Datagram { body, .. } => Ok(body.to_vec()),
        Opened::Refused(refusal) => Err(refusal),
        other => panic!("{other:?} is no datagram of a node"),
    }
}

#[test]
fn datagrams_go_both_ways_and_name_their_sender() {
    let (mut one, mut two) = pair();
    let mut sealed = one.seal_for(2, b"to").unwrap();
    assert!(matches!(two.open(&mut sealed), Opened::Datagram { from: 1, body: b"to", is_twin: false, .. }));
    let mut sealed = two.seal_for(1, b"fro").unwrap();
    assert!(matches!(one.open(&mut sealed), Opened::Datagram { from: 2, body: b"fro", is_twin: false, .. }));
    assert_eq!((one.refused(), two.refused()), (Refused::default(), Refused::default()));
}

#[test]
fn the_content_of_a_sealed_datagram_cannot_be_read_from_it() {
    let (mut one, _) = pair();
    let secret = b"the whole membership";
    let (sealed, again) = (one.seal_for(2, secret).unwrap(), one.seal_for(2, secret).unwrap());
    assert!(!sealed.windows(8).any(|bytes| secret.windows(8).any(|secret| bytes == secret)));
    assert_eq!(sealed[..23], again[..23], "the version, the key's id, the group and the life are the same");
    let same = sealed.iter().zip(&again).skip(35).filter(|(one, other)| one == other).count();
    assert!(same < sealed.len() / 4, "{same} bytes of {} are the same in both", sealed.len());
}

#[test]
fn a_sender_without_the_key_gets_no_reply_to_any_datagram() {
    let (mut one, mut two) = pair();
    let mut stranger = Seal::new(3, GROUP, ring(&[9]), rng()).unwrap();
    let with_another_key = [stranger.handshake(1), stranger.seal_for(1, b"x"), stranger.seal_broadcast(b"x")];
    for datagram in with_another_key {
        assert_eq!(body(&mut one, &datagram.unwrap()), Err(Refusal::UnknownKey));
    }
    // The sender has seen the id of the key, and uses it with another key.
    let seen = two.seal_for(1, b"x").unwrap();
    let forged = [&seen[..23], &stranger.handshake(1).unwrap()[23..]].concat();
    assert_eq!(body(&mut one, &forged), Err(Refusal::Forged));
    assert_eq!(body(&mut one, b""), Err(Refusal::Truncated));
    assert_eq!(body(&mut one, b"GET / HTTP/1.1\r\n\r\n"), Err(Refusal::Unsealed));
    let next = [&seen[..2], &[seen[2] + 1], &seen[3..]].concat();
    assert_eq!(body(&mut one, &next), Err(Refusal::UnknownVersion { found: seen[2] + 1 }));
    let refused = one.refused();
    assert_eq!((refused.unknown_key, refused.forged, refused.truncated), (3, 1, 1));
    assert_eq!((refused.unsealed, refused.unknown_version), (1, 1));
    assert_eq!(body(&mut one, &seen), Ok(b"x".to_vec()), "the forged datagrams have not changed anything");
}

#[test]
fn a_changed_bit_or_a_missing_or_extra_byte_is_detected() {
    let (mut one, mut two) = pair();
    let sealed = one.seal_for(2, b"x").unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        body(&mut two, &changed).unwrap_err();
    }
    for length in 0..sealed.len() {
        body(&mut two, &sealed[..length]).unwrap_err();
    }
    assert_eq!(body(&mut two, &[&sealed[..], &[0]].concat()), Err(Refusal::Forged));
    assert_eq!(body(&mut two, &sealed), Ok(b"x".to_vec()));
}

#[test]
fn a_datagram_that_is_too_long_is_neither_sealed_nor_opened() {
    let (mut one, mut two) = pair();
    let overhead = one.seal_for(2, &[]).unwrap().len();
    let longest = vec![0; MAX_SEALED - overhead];
    let mut sealed = one.seal_for(2, &longest).unwrap();
    assert_eq!(sealed.len(), MAX_SEALED);
    assert_eq!(one.seal_for(2, &[longest, vec![0]].concat()), Err(SealError::TooLong));
    sealed.push(0);
    assert_eq!(body(&mut two, &sealed), Err(Refusal::TooLong));
    sealed.pop();
    assert!(body(&mut two, &sealed).is_ok());
}

#[test]
fn a_datagram_that_comes_back_to_its_sender_or_goes_to_another_is_refused() {
    let (mut one, _) = pair();
    let sealed = one.seal_for(2, b"x").unwrap();
    assert_eq!(body(&mut one, &sealed), Err(Refusal::Reflected));
    assert_eq!(body(&mut node(3), &sealed), Err(Refusal::Misdirected));
    let handshake = one.handshake(2).unwrap();
    assert_eq!(body(&mut one, &handshake), Err(Refusal::Reflected));
    assert_eq!(body(&mut node(3), &handshake), Err(Refusal::Misdirected));
}

#[test]
fn each_datagram_is_opened_once_even_if_datagrams_overtake_each_other() {
    let (mut one, mut two) = pair();
    let datagrams: Vec<_> = (0..40).map(|number: u8| one.seal_for(2, &[number]).unwrap()).collect();
    for number in (0..40).rev() {
        assert_eq!(body(&mut two, &datagrams[number]), Ok(vec![number as u8]));
    }
    for sealed in &datagrams {
        assert_eq!(body(&mut two, sealed), Err(Refusal::Replayed));
    }
    assert_eq!(two.refused().replayed, 40);
}

#[test]
fn an_overtaken_datagram_is_opened_even_if_its_sender_has_received_others_meanwhile() {
    let (mut one, mut two) = pair();
    for _ in 0..3 {
        let overtaken = one.seal_for(2, b"slow").unwrap();
        assert!(body(&mut one, &two.seal_for(1, b"x").unwrap()).is_ok());
        assert!(body(&mut two, &one.seal_for(2, b"fast").unwrap()).is_ok());
        assert_eq!(body(&mut two, &overtaken), Ok(b"slow".to_vec()));
    }
}

#[test]
fn a_datagram_is_not_opened_again_after_its_receiver_has_restarted() {
    let (mut one, mut two) = pair();
    let old = one.seal_for(2, b"old").unwrap();
    let unread = one.seal_for(2, b"unread").unwrap();
    assert!(body(&mut two, &old).is_ok());
    let mut two = node(2);
    let mut replies = [&old, &unread].map(|sealed| reply(&mut two, &mut sealed.clone()));
    assert_eq!(two.refused().unproven, 2);
    assert!(matches!(one.open(&mut replies[0]), Opened::HandshakeDone { with: 2 }));
    reply(&mut two, &mut old.clone());
    assert_eq!(body(&mut two, &one.seal_for(2, b"new").unwrap()), Ok(b"new".to_vec()));
    assert_eq!(body(&mut two, &old), Err(Refusal::Replayed));
    assert_eq!(body(&mut two, &unread), Err(Refusal::Replayed));
}

#[test]
fn a_datagram_is_not_opened_again_after_its_sender_has_restarted() {
    let (mut one, mut two) = pair();
    let old = one.seal_for(2, b"old").unwrap();
    assert!(body(&mut two, &old).is_ok());
    let mut one = node(1);
    // An old datagram does not count during the handshake of the new process either.
    let mut handshake = reply(&mut two, &mut one.handshake(2).unwrap());
    assert_eq!(body(&mut two, &old), Err(Refusal::Replayed), "the old process is still the known one");
    assert!(matches!(one.open(&mut handshake), Opened::HandshakeDone { with: 2 }));
    assert_eq!(body(&mut two, &one.seal_for(2, b"new").unwrap()), Ok(b"new".to_vec()));
    reply(&mut two, &mut old.clone());
    assert_eq!(body(&mut two, &one.seal_for(2, b"more").unwrap()), Ok(b"more".to_vec()));
}

/// Two processes of one node answer the same challenge, and the datagram of the first one is delayed.
#[test]
fn a_replaced_process_does_not_come_back_with_the_challenge_of_the_next_one() {
    let (_, mut two) = pair();
    let [late, next] = [node(1), node(1)].map(|mut one| {
        let mut handshake = reply(&mut two, &mut one.handshake(2).unwrap());
        assert!(matches!(one.open(&mut handshake), Opened::HandshakeDone { with: 2 }));
        one.seal_for(2, b"x").unwrap()
    });
    assert_eq!(body(&mut two, &next), Ok(b"x".to_vec()));
    reply(&mut two, &mut late.clone());
    assert_eq!(body(&mut two, &next), Err(Refusal::Replayed));
}

#[test]
fn a_replayed_handshake_admits_no_process_and_gets_no_longer_a_reply_than_the_request() {
    let (mut one, mut two) = (node(1), node(2));
    let handshake = one.handshake(2).unwrap();
    let answer = reply(&mut two, &mut handshake.clone());
    assert_eq!(answer.len(), handshake.len());
    assert!(matches!(one.open(&mut answer.clone()), Opened::HandshakeDone { with: 2 }));
    assert_eq!(body(&mut one, &answer), Err(Refusal::Stale), "a reply never gets a reply");
    assert!(body(&mut two, &one.seal_for(2, b"x").unwrap()).is_ok());
    assert!(body(&mut one, &two.seal_for(1, b"x").unwrap()).is_ok());
    for _ in 0..100 {
        let again = reply(&mut two, &mut handshake.clone());
        assert_eq!(body(&mut one, &again), Err(Refusal::Stale));
        assert_eq!(body(&mut one, &answer), Err(Refusal::Stale));
    }
    assert!(body(&mut two, &one.seal_for(2, b"y").unwrap()).is_ok(), "a completed handshake stays completed");
    assert!(body(&mut one, &two.seal_for(1, b"y").unwrap()).is_ok());
}

#[test]
fn a_datagram_to_a_node_that_has_restarted_is_answered_and_the_next_one_is_opened() {
    let (mut one, _) = pair();
    let mut two = node(2);
    let mut handshake = reply(&mut two, &mut one.seal_for(2, b"lost").unwrap());
    assert!(matches!(one.open(&mut handshake), Opened::HandshakeDone { with: 2 }));
    assert_eq!(body(&mut two, &one.seal_for(2, b"x").unwrap()), Ok(b"x".to_vec()));
    assert_eq!(body(&mut one, &two.seal_for(1, b"y").unwrap()), Ok(b"y".to_vec()));
}

#[test]
fn two_nodes_that_begin_handshakes_at_once_complete_them() {
    let (mut one, mut two) = (node(1), node(2));
    let (mut to_two, mut to_one) = (one.handshake(2).unwrap(), two.handshake(1).unwrap());
    let (mut to_one, mut to_two) = (reply(&mut two, &mut to_two), reply(&mut one, &mut to_one));
    assert!(matches!(one.open(&mut to_one), Opened::HandshakeDone { .. }));
    assert!(matches!(two.open(&mut to_two), Opened::HandshakeDone { .. }));
    for _ in 0..3 {
        assert!(body(&mut two, &one.seal_for(2, b"x").unwrap()).is_ok());
        assert!(body(&mut one, &two.seal_for(1, b"x").unwrap()).is_ok());
    }
}

#[test]
fn keys_are_changed_while_datagrams_are_sent_and_an_old_one_is_no_key_any_more() {
    let (mut one, mut two) = pair();
    let (old, mixed, turned, new) = (ring(&[1]), ring(&[1, 2]), ring(&[2, 1]), ring(&[2]));
    let by_old = one.seal_for(2, b"old").unwrap();
    // Every order in which the steps can reach the two nodes.
    for (ones, twos) in [
        (&mixed, &old),
        (&mixed, &mixed),
        (&mixed, &turned),
        (&turned, &turned),
        (&new, &turned),
        (&new, &new),
    ] {
        one.set_keys(ones.clone());
        two.set_keys(twos.clone());
        assert_eq!(body(&mut two, &one.seal_for(2, b"x").unwrap()), Ok(b"x".to_vec()));
        assert_eq!(body(&mut one, &two.seal_for(1, b"y").unwrap()), Ok(b"y".to_vec()));
    }
    assert_eq!(body(&mut two, &by_old), Err(Refusal::UnknownKey));
}

#[test]
fn broadcasts_are_for_every_node_with_the_key_and_no_datagrams_of_a_node() {
    let (mut one, mut two) = pair();
    let broadcast = ring(&[1]).seal_broadcast(GROUP, b"who leads?", &mut rng()).unwrap();
    for _ in 0..2 {
        assert!(matches!(one.open(&mut broadcast.clone()), Opened::Broadcast(b"who leads?")));
    }
    assert_eq!(ring(&[2, 1]).open_broadcast(GROUP, &mut two.seal_broadcast(b"x").unwrap()), Ok(&b"x"[..]));
    assert_eq!(
        ring(&[2]).open_broadcast(GROUP, &mut two.seal_broadcast(b"x").unwrap()),
        Err(Refusal::UnknownKey)
    );
    assert!(ring(&[1]).open_broadcast(GROUP, &mut one.seal_for(2, b"x").unwrap()).is_err());
}

#[test]
fn at_most_a_thousand_peers_are_remembered() {
    let mut crowded = Seal::new(0_u16, GROUP, ring(&[1]), rng()).unwrap();
    let peer = |id: Id| Seal::new(id, GROUP, ring(&[1]), rng()).unwrap();
    let kept = |crowded: &Seal<Id, ChaCha20Rng>| (1..=2_000).filter(|&id| crowded.can_seal_for(id)).count();
    let mut first = peer(1);
    for id in 1..=2_000 {
        let mut fresh = peer(id);
        let node = if id == 1 { &mut first } else { &mut fresh };
        let mut handshake = reply(&mut crowded, &mut node.handshake(0).unwrap());
        node.open(&mut handshake);
        assert!(body(&mut crowded, &node.seal_for(0, b"x").unwrap()).is_ok());
        assert!(
            body(&mut crowded, &first.seal_for(0, b"x").unwrap()).is_ok(),
            "a peer that sends is not forgotten"
        );
    }
    assert_eq!(kept(&crowded), 1_024);
}

#[test]
fn a_datagram_is_not_opened_again_after_its_sender_was_forgotten() {
    let mut crowded = Seal::new(0_u16, GROUP, ring(&[1]), rng()).unwrap();
    let introduce = |crowded: &mut Seal<Id, ChaCha20Rng>, id: Id| {
        let mut node = node(id);
        let mut handshake = reply(crowded, &mut node.handshake(0).unwrap());
        node.open(&mut handshake);
        let sealed = node.seal_for(0, b"x").unwrap();
        assert!(body(crowded, &sealed).is_ok());
        sealed
    };
    let first = introduce(&mut crowded, 1);
    for id in 2..=1_024 {
        introduce(&mut crowded, id);
    }
    assert_eq!(body(&mut crowded, &first), Err(Refusal::Replayed), "it is remembered");
    for id in 1_025..=2_049 {
        introduce(&mut crowded, id);
    }
    assert!(!crowded.can_seal_for(1));
    reply(&mut crowded, &mut first.clone());
}

#[test]
fn a_reply_to_an_earlier_process_teaches_nothing() {
    let mut two = node(2);
    let late = reply(&mut two, &mut node(1).handshake(2).unwrap());
    let mut one = node(1);
    let mut answer = reply(&mut two, &mut one.handshake(2).unwrap());
    assert_eq!(body(&mut one, &late), Err(Refusal::Stale));
    assert!(!one.can_seal_for(2));
    assert!(matches!(one.open(&mut answer), Opened::HandshakeDone { with: 2 }));
}

#[test]
fn delayed_datagrams_do_not_block_later_ones() {
    let (mut one, mut two) = pair();
    let of_the_dead = two.seal_for(1, b"late").unwrap();
    let mut two_again = node(2);
    let learn = |one: &mut Seal<Id, ChaCha20Rng>, two: &mut Seal<Id, ChaCha20Rng>| {
        let mut answer = reply(two, &mut one.seal_for(2, b"who are you now?").unwrap());
        assert!(matches!(one.open(&mut answer), Opened::HandshakeDone { with: 2 }));
    };
    learn(&mut one, &mut two_again);
    let held: Vec<_> = (0..300).map(|_| one.seal_for(2, b"held").unwrap()).collect();
    assert_eq!(body(&mut one, &of_the_dead), Ok(b"late".to_vec()));
    learn(&mut one, &mut two_again);
    assert_eq!(body(&mut two_again, &held[299]), Ok(b"held".to_vec()));
    assert_eq!(body(&mut two_again, &one.seal_for(2, b"new").unwrap()), Ok(b"new".to_vec()));
}

#[test]
fn neither_replayed_datagrams_of_a_thousand_nodes_nor_handshakes_with_them_displace_a_live_peer() {
    let (mut one, mut two) = pair();
    for stranger in 3..1_200 {
        reply(&mut one, &mut node(stranger).handshake(1).unwrap());
        one.handshake(stranger).unwrap();
    }
    assert_eq!(body(&mut one, &two.seal_for(1, b"still here").unwrap()), Ok(b"still here".to_vec()));
}

#[test]
fn a_datagram_of_another_group_with_the_same_key_is_told_apart_from_a_forged_one_and_never_opened() {
    let other = ClusterId(8);
    let seal = |id: Id, group| Seal::new(id, group, ring(&[1]), rng()).unwrap();
    let (mut one, mut two) = (seal(1, other), seal(2, other));
    meet(&mut one, &mut two);
    let (mut ours, _) = pair();
    // The nodes of the other group have the same names: each datagram for its node 1 would fit this one.
    for mut foreign in [two.seal_for(1, b"x").unwrap(), two.handshake(1).unwrap()] {
        // A host without the key cannot make it one of this group.
        let mut renamed = foreign.clone();
        renamed[7..15].copy_from_slice(&GROUP.0.to_be_bytes());
        assert_eq!(body(&mut ours, &renamed), Err(Refusal::Forged));
        assert!(matches!(ours.open(&mut foreign), Opened::Foreign { from: 2, cluster: ClusterId(8) }));
    }
    let broadcast = ring(&[1]).seal_broadcast(other, b"x", &mut rng()).unwrap();
    assert_eq!(body(&mut ours, &broadcast), Err(Refusal::ForeignCluster { cluster: other }));
    let opened = ring(&[1]).open_broadcast(GROUP, &mut broadcast.clone()).map(drop);
    assert_eq!(opened, Err(Refusal::ForeignCluster { cluster: other }));
    // With a key of its own, it says what group it is of.
    let unknown = ring(&[9]).seal_broadcast(other, b"x", &mut rng()).unwrap();
    assert_eq!(body(&mut ours, &unknown), Err(Refusal::ForeignCluster { cluster: other }));
    assert_eq!((ours.refused().foreign_cluster, ours.refused().forged), (4, 2));
}

/// What a datagram says to an observer without the key.
#[track_caller]
fn told_life(datagram: &[u8]) -> Life {
    let ClearHead { cluster, life } = ClearHead::read(datagram).unwrap();
    assert_eq!(cluster, GROUP);
    life
}

#[test]
fn every_datagram_says_in_the_clear_of_which_life_its_sender_is() {
    let (mut one, mut two) = (node(1), node(2));
    assert_eq!(told_life(&one.handshake(2).unwrap()), Life::NONE, "before the node belongs to a group");
    one.set_life(Life(0x0102_0304_0506_0708));
    two.set_life(Life(5));
    let mut handshake = one.handshake(2).unwrap();
    assert_eq!(handshake[15..23], [1, 2, 3, 4, 5, 6, 7, 8]);
    let answer = reply(&mut two, &mut handshake);
    assert_eq!(told_life(&answer), Life(5));
    meet(&mut one, &mut two);
    let mut sealed = one.seal_for(2, b"x").unwrap();
    assert_eq!(told_life(&sealed), Life(0x0102_0304_0506_0708));
    let Opened::Datagram { life, body: b"x", .. } = two.open(&mut sealed) else { panic!("not opened") };
    assert_eq!(life, Life(0x0102_0304_0506_0708), "another life is no reason to refuse a datagram");
    assert_eq!(told_life(&two.seal_broadcast(b"x").unwrap()), Life(5));
    let question = ring(&[1]).seal_broadcast(GROUP, b"x", &mut rng()).unwrap();
    assert_eq!(told_life(&question), Life::NONE, "a program that asks is no node");
    assert_eq!(ClearHead::read(&question[..22]), None);
    let next = [&question[..2], &[question[2] + 1], &question[3..]].concat();
    assert_eq!(ClearHead::read(&next), None, "another version may have another head");
}

#[test]
fn the_life_in_the_clear_cannot_be_changed_without_the_key() {
    let (mut one, mut two) = pair();
    one.set_life(Life(5));
    let sealed = one.seal_for(2, b"x").unwrap();
    let mut changed = sealed.clone();
    changed[15..23].copy_from_slice(&6_u64.to_be_bytes());
    assert_eq!(told_life(&changed), Life(6));
    assert_eq!(body(&mut two, &changed), Err(Refusal::Forged));
    assert_eq!(body(&mut two, &sealed), Ok(b"x".to_vec()));
}

#[test]
fn two_processes_of_one_node_that_send_by_turns_are_noticed_and_a_restart_is_not() {
    let mut two = node(2);
    let turn = |one: &mut Seal<Id, ChaCha20Rng>, two: &mut Seal<Id, ChaCha20Rng>| {
        loop {
            match two.open(&mut one.seal_for(2, b"x").unwrap()) {
                Opened::Datagram { is_twin, .. } => return is_twin,
                Opened::Reply(mut answer) => drop(one.open(&mut answer)),
                other => panic!("{other:?} is no datagram of a node"),
            }
        }
    };
    let mut processes: Vec<_> = (0..5).map(|_| node(1)).collect();
    for process in &mut processes {
        assert!(
            (0..3).all(|_| !turn(process, &mut two)),
            "each of them begins after the end of the one before"
        );
    }
    let [.., original, copy] = &mut processes[..] else { panic!("five processes") };
    for _ in 0..3 {
        assert!(turn(original, &mut two), "it had been replaced");
        assert!(!turn(original, &mut two), "said with the first datagram of each turn");
        assert!(turn(copy, &mut two));
    }
}

#[test]
fn the_system_s_generator_does_not_repeat_itself() {
    use rand_core::TryRng;
    let (mut one, mut other) = (SystemRng::new().unwrap(), SystemRng::new().unwrap());
    let mut drawn = Vec::new();
    for _ in 0..100 {
        for generator in [&mut one, &mut other] {
            let mut bytes = [0; 100];
            generator.try_fill_bytes(&mut bytes).unwrap();
            drawn.extend(bytes.chunks_exact(10).map(<[u8]>::to_vec));
            drawn.push(generator.try_next_u64().unwrap().to_be_bytes().to_vec());
        }
    }
    let number = drawn.len();
    drawn.sort();
    drawn.dedup();
    assert_eq!(drawn.len(), number);
}
