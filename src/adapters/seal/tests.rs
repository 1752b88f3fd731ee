#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that overflows or panics has found something"
)]

use std::collections::BTreeSet;
use std::vec::Vec;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::number::Number;
use super::{Channels, Key, Keyring, Opened, Refusal, Seal};
use crate::types::ClusterId;

/// Long enough for a short head.
const BODY: [u8; 20] = [7; 20];

type Node = Seal<u16, ChaCha20Rng>;

fn node(id: u16) -> Node {
    let keys = Keyring::new([Key::new(&[1; 32])]).expect("one key");
    let Ok(seal) = Seal::new(id, ClusterId(7), keys, ChaCha20Rng::seed_from_u64(id.into()));
    seal
}

/// Seals one datagram and opens it. Returns its length if it was opened as such.
fn send(from: &mut Node, to: &mut Node) -> Option<usize> {
    let mut datagram = from.seal_for(to.id, &BODY).expect("a datagram");
    let length = datagram.len();
    match to.open(&mut datagram) {
        Opened::Datagram { body, .. } if body == BODY => Some(length),
        Opened::Reply(mut reply) => {
            assert!(matches!(from.open(&mut reply), Opened::HandshakeDone { .. }));
            None
        }
        other => panic!("{other:?}"),
    }
}

fn settled() -> (Node, Node) {
    let (mut one, mut two) = (node(1), node(2));
    for _ in 0..4 {
        send(&mut one, &mut two);
        send(&mut two, &mut one);
    }
    (one, two)
}

#[test]
fn a_full_head_is_sealed_at_the_start_of_a_channel_and_short_ones_once_it_is_read() {
    let (mut one, mut two) = settled();
    let short = send(&mut one, &mut two).expect("opened");
    assert_eq!(short, 54 + BODY.len());
    one.peers.skip(2, 3);
    let lengths: Vec<_> = (0..8)
        .map(|_| {
            let length = send(&mut one, &mut two).expect("each of them is opened");
            assert!(send(&mut two, &mut one).is_some());
            length
        })
        .collect();
    let full = 88 + BODY.len();
    assert_eq!(lengths, [short, short, short, full, short, short, short, short]);
}

#[test]
fn the_reply_of_one_node_is_accepted_after_the_first_datagram_for_another_node() {
    let (mut one, mut two) = (node(1), node(2));
    let mut request = one.seal_for(2, &BODY).expect("a request");
    let Opened::Reply(mut reply) = two.open(&mut request) else { panic!("no reply") };
    for other in 3..6 {
        let _request = one.seal_for(other, &BODY).expect("a request");
    }
    assert!(matches!(one.open(&mut reply), Opened::HandshakeDone { with: 2 }));
}

#[test]
fn a_datagram_of_the_channel_before_is_not_accepted_again() {
    let (mut one, mut two) = settled();
    one.peers.skip(2, 1);
    let last = one.seal_for(2, &BODY).expect("sealed");
    assert!(matches!(two.open(&mut last.clone()), Opened::Datagram { .. }));
    assert!(send(&mut one, &mut two).is_some(), "in the next channel");
    let Opened::Reply(mut late) = two.open(&mut last.clone()) else { panic!("accepted again") };
    assert!(matches!(one.open(&mut late), Opened::Refused(Refusal::Stale)));
}

#[test]
fn a_session_without_channels_is_renewed_and_the_other_node_takes_that_for_a_restart() {
    let (mut one, mut two) = settled();
    let before = one.session;
    one.channels = Channels::all_but(2);
    assert_eq!(send(&mut one, &mut two), None, "a handshake");
    assert_ne!(one.session, before);
    for _ in 0..3 {
        assert!(send(&mut one, &mut two).is_some() && send(&mut two, &mut one).is_some());
    }
}

#[test]
fn no_number_comes_twice_where_one_channel_ends_and_another_begins() {
    let (mut one, mut two) = settled();
    one.peers.skip(2, 4);
    one.next = Number(one.channels.open().0 + 0xfffe);
    let mut numbers = BTreeSet::new();
    for _ in 0..8 {
        for datagram in [one.seal_for(2, &BODY), one.seal_broadcast(&BODY), one.handshake(2)] {
            let datagram = datagram.expect("a datagram");
            assert!(numbers.insert(datagram.get(23..35).expect("a nonce").to_vec()));
        }
        assert!(send(&mut two, &mut one).is_some());
    }
    assert_eq!(numbers.len(), 24);
}
