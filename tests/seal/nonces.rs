//! Nonces: they are counted and not drawn, and what it costs if one comes twice.

use std::collections::BTreeSet;
use std::convert::Infallible;

use super::*;

const BODY: [u8; 30] = [7; 30];

/// A generator whose every draw is the same, as that of two resumes of one snapshot of a virtual machine.
struct Stuck(u8);

impl rand_core::TryRng for Stuck {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.0.into())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0.into())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(self.0);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Stuck {}

/// A generator that gives what a session takes, and nothing after that.
struct Once(usize);

#[derive(Debug)]
struct Empty;

impl std::fmt::Display for Empty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("empty")
    }
}

impl std::error::Error for Empty {}

impl rand_core::TryRng for Once {
    type Error = Empty;

    fn try_next_u32(&mut self) -> Result<u32, Empty> {
        Err(Empty)
    }

    fn try_next_u64(&mut self) -> Result<u64, Empty> {
        Err(Empty)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Empty> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(Empty)?;
        rng().fill_bytes(bytes);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Once {}

#[test]
fn nothing_is_drawn_after_the_start_and_no_nonce_comes_twice() {
    let seal = |id: Id| Seal::new(id, GROUP, ring(&[1]), Once(14)).unwrap();
    let (mut one, mut two, mut three) = (seal(1), seal(2), seal(3));
    let mut nonces = BTreeSet::new();
    let mut number = 0;
    let mut note = |datagram: &[u8]| {
        number += 1;
        assert!(nonces.insert(datagram[23..35].to_vec()), "datagram {number}");
    };
    for _ in 0..200 {
        for (id, other) in [(2, &mut two), (3, &mut three)] {
            let mut sealed = one.seal_for(id, &BODY).unwrap();
            note(&sealed);
            if let Opened::Reply(mut reply) = other.open(&mut sealed) {
                note(&reply);
                assert!(matches!(one.open(&mut reply), Opened::HandshakeDone { .. }));
            }
        }
    }
    note(&one.handshake(2).unwrap());
    note(&one.seal_broadcast(&BODY).unwrap());
    assert!(Seal::new(1_u16, GROUP, ring(&[1]), Once(13)).is_err(), "a session takes 14 bytes");
}

/// With a nonce that comes twice, a mere stream cipher would show the difference of what was sealed.
#[test]
fn two_datagrams_with_one_nonce_show_no_more_than_whether_they_are_equal() {
    let sealed =
        |text: &[u8]| Seal::new(1_u16, GROUP, ring(&[1]), Stuck(5)).unwrap().seal_broadcast(text).unwrap();
    let (zeros, ones) = (sealed(&[0; 64]), sealed(&[1; 64]));
    assert_eq!(zeros[..35], ones[..35], "the nonce is the same");
    assert_eq!(sealed(&[0; 64]), zeros, "the same datagram is sealed the same");
    let same_difference =
        zeros[36..100].iter().zip(&ones[36..100]).filter(|&(zero, one)| zero ^ one == 1).count();
    assert!(same_difference < 8, "{same_difference} of 64 bytes show how they differ");
    assert_ne!(zeros[100..], ones[100..]);
}

/// Nobody could tell whose a short head is.
#[test]
fn datagrams_of_two_nodes_that_have_drawn_one_session_are_never_mixed_up() {
    let twin = |id: Id| Seal::new(id, GROUP, ring(&[1]), Stuck(5)).unwrap();
    let (mut one, mut three, mut two) = (twin(1), twin(3), node(2));
    let mut answered = 0;
    for _ in 0..20 {
        for (id, node) in [(1, &mut one), (3, &mut three)] {
            let mut sealed = node.seal_for(2, &[id as u8; 30]).unwrap();
            match two.open(&mut sealed) {
                Opened::Datagram { from, body, .. } => {
                    assert_eq!((from, body), (id, &[id as u8; 30][..]));
                    assert_eq!(from, 1, "the session is that of node 1");
                    let mut back = two.seal_for(1, &BODY).unwrap();
                    assert!(matches!(node.open(&mut back), Opened::Datagram { from: 2, .. }));
                }
                Opened::Reply(mut reply) => {
                    answered += 1;
                    node.open(&mut reply);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert!((1..=21).contains(&answered), "{answered}");
}

#[test]
fn a_datagram_is_sealed_into_a_buffer_that_is_used_again_and_opened_in_its_place_without_an_allocation() {
    let (mut one, mut two) = pair();
    for _ in 0..3 {
        assert!(body(&mut one, &two.seal_for(1, &BODY).unwrap()).is_ok());
        assert!(body(&mut two, &one.seal_for(2, &BODY).unwrap()).is_ok());
    }
    let mut buffer = Vec::with_capacity(256);
    let memory = allocation_counter::measure(|| {
        for _ in 0..7 {
            one.seal_for_into(2, &BODY, &mut buffer).unwrap();
            assert!(matches!(two.open(&mut buffer), Opened::Datagram { body, .. } if body == BODY));
        }
    });
    assert_eq!(memory.count_total, 0, "{memory:?}");
    assert_eq!(one.seal_for_into(2, &[0; MAX_SEALED], &mut buffer), Err(SealError::TooLong));
    assert!(buffer.is_empty(), "no part of a datagram is left that could be sent");
}

/// The vectors of the page are sealed again, so that a change of the format is noticed, and that it is the same on every
/// processor.
#[test]
fn each_kind_of_datagram_has_the_bytes_that_the_page_of_formats_shows() {
    let seal = |id: Id| Seal::new(id, ClusterId(0x0102_0304_0506_0708), ring(&[1]), Stuck(id as u8)).unwrap();
    let (mut one, mut two) = (seal(1), seal(2));
    one.set_life(Life(0x1112_1314_1516_1718));
    let request = one.handshake(2).unwrap();
    let answer = reply_of(&mut two, &request);
    one.open(&mut answer.clone());
    let full = one.seal_for(2, &BODY).unwrap();
    two.open(&mut full.clone());
    one.open(&mut two.seal_for(1, &BODY).unwrap());
    two.open(&mut one.seal_for(2, &BODY).unwrap());
    one.open(&mut two.seal_for(1, &BODY).unwrap());
    let short = one.seal_for(2, &BODY).unwrap();
    let broadcast = one.seal_broadcast(b"x").unwrap();
    // What follows in a request and in a reply are zeros, sealed.
    let kinds: [(&str, &[u8]); 5] = [
        ("sealed/request", &request[..64]),
        ("sealed/reply", &answer[..72]),
        ("sealed/full-head", &full),
        ("sealed/short-head", &short),
        ("sealed/broadcast", &broadcast),
    ];
    page::assert_names("sealed", kinds.map(|(name, _)| name));
    for (name, bytes) in kinds {
        assert_eq!(page::vector(name), bytes, "{name}");
    }
}

fn reply_of<R: rand_core::TryCryptoRng>(node: &mut Seal<Id, R>, datagram: &[u8]) -> Vec<u8> {
    match node.open(&mut datagram.to_vec()) {
        Opened::Reply(reply) => reply,
        other => panic!("{other:?} is no reply"),
    }
}

/// A generator that gives these sessions and tickets: each draw of that length is the same.
struct Scripted {
    session: u8,
    ticket: u8,
}

impl rand_core::TryRng for Scripted {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(if bytes.len() == 6 { self.session } else { self.ticket });
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Scripted {}

/// Seals a datagram with the ticket of one process of node 2, and shows it to another.
fn shown_to_another(gives: Scripted, receives: Scripted) -> Opened<'static, Id> {
    let receiver = |rng| Seal::new(2_u16, GROUP, ring(&[1]), rng).unwrap();
    let (mut one, mut two, mut other) = (node(1), receiver(gives), receiver(receives));
    // Whatever number the ticket has, the other process has given it, too.
    for _ in 0..3 {
        reply_of(&mut other, &node(4).handshake(2).unwrap());
    }
    let mut ticket = reply_of(&mut two, &one.handshake(2).unwrap());
    one.open(&mut ticket);
    let mut sealed = one.seal_for(2, &BODY).unwrap();
    match other.open(&mut sealed) {
        Opened::Reply(reply) => Opened::Reply(reply),
        other => panic!("{other:?} is no reply"),
    }
}

#[test]
fn a_ticket_admits_nobody_to_a_process_that_did_not_give_it() {
    let given = |session, ticket| Scripted { session, ticket };
    // Another process may number its tickets alike, or have drawn the same session.
    shown_to_another(given(2, 9), given(3, 9));
    shown_to_another(given(2, 9), given(2, 8));
    shown_to_another(given(2, 8), given(2, 9));
}
