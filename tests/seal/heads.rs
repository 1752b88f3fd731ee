//! How long sealed datagrams are: when their heads are short, and what short heads keep of all that full heads promise.

use super::*;

/// As long as the shortest body that a short head is used for.
const BODY: [u8; 18] = [7; 18];
/// What a short head adds, with all else that is not the body.
const SHORT: usize = 54;
/// What a full head adds, but for two ids and the channel that is read.
const FULL: usize = 76;

/// Two nodes that seal with short heads.
fn settled() -> (Seal<Id, ChaCha20Rng>, Seal<Id, ChaCha20Rng>) {
    let (mut one, mut two) = pair();
    exchange(&mut one, &mut two);
    exchange(&mut one, &mut two);
    assert!(is_short(&one.seal_for(2, &BODY).unwrap()) && is_short(&two.seal_for(1, &BODY).unwrap()));
    (one, two)
}

fn exchange(one: &mut Seal<Id, ChaCha20Rng>, two: &mut Seal<Id, ChaCha20Rng>) {
    assert!(body(one, &two.seal_for(1, &BODY).unwrap()).is_ok());
    assert!(body(two, &one.seal_for(2, &BODY).unwrap()).is_ok());
}

fn is_short(datagram: &[u8]) -> bool {
    datagram.len() == SHORT + BODY.len()
}

#[test]
fn a_datagram_is_54_bytes_longer_than_its_body_once_each_has_heard_the_other_whatever_the_ids_are() {
    let seal = |id: [u8; 16]| Seal::new(id, GROUP, ring(&[1]), rng()).unwrap();
    let (mut one, mut two) = (seal([1; 16]), seal([2; 16]));
    let mut lengths = Vec::new();
    for _ in 0..4 {
        let mut there = one.seal_for([2; 16], &BODY).unwrap();
        if lengths.is_empty() {
            lengths.push(there.len())
        } else {
            lengths.push(there.len() - BODY.len())
        }
        if let Opened::Reply(mut reply) = two.open(&mut there) {
            assert!(matches!(one.open(&mut reply), Opened::HandshakeDone { with } if with == [2; 16]));
            continue;
        }
        let mut back = two.seal_for([1; 16], &BODY).unwrap();
        lengths.push(back.len() - BODY.len());
        assert!(
            matches!(one.open(&mut back), Opened::Datagram { from, body, .. } if from == [2; 16] && body == BODY)
        );
    }
    // A request; a full head each way, of which the first reads no channel yet; the confirmation; short ones.
    assert_eq!(lengths, [308, FULL + 32, FULL + 10 + 32, FULL + 10 + 32, SHORT, SHORT, SHORT]);
}

#[test]
fn a_short_head_keeps_a_datagram_from_its_sender_and_from_other_nodes() {
    let (mut one, mut two) = settled();
    let mut three = node(3);
    let mut handshake = reply(&mut three, &mut one.handshake(3).unwrap());
    one.open(&mut handshake);
    assert!(body(&mut three, &one.seal_for(3, &BODY).unwrap()).is_ok());
    let sealed = one.seal_for(2, &BODY).unwrap();
    assert!(is_short(&sealed));
    assert_eq!(body(&mut one, &sealed), Err(Refusal::Reflected));
    assert_eq!(body(&mut three, &sealed), Err(Refusal::Misdirected));
    assert_eq!(body(&mut two, &sealed), Ok(BODY.to_vec()));
    assert_eq!(body(&mut two, &sealed), Err(Refusal::Replayed));
}

#[test]
fn a_short_head_with_a_changed_bit_is_refused() {
    let (mut one, mut two) = settled();
    let sealed = one.seal_for(2, &BODY).unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        body(&mut two, &changed).unwrap_err();
    }
    assert_eq!(body(&mut two, &sealed), Ok(BODY.to_vec()));
}

#[test]
fn a_process_that_has_restarted_answers_a_short_head_and_the_next_datagram_is_opened() {
    let (mut one, mut two) = settled();
    let before = one.seal_for(2, &BODY).unwrap();
    drop(two);
    two = node(2);
    let lost = one.seal_for(2, &BODY).unwrap();
    let mut answer = reply(&mut two, &mut lost.clone());
    assert!(is_short(&lost) && answer.len() <= lost.len());
    assert!(matches!(one.open(&mut answer), Opened::HandshakeDone { with: 2 }));
    assert_eq!(body(&mut two, &one.seal_for(2, &BODY).unwrap()), Ok(BODY.to_vec()));
    exchange(&mut one, &mut two);
    for old in [before, lost] {
        assert_eq!(body(&mut two, &old), Err(Refusal::Replayed), "sealed for the process before");
    }
}

#[test]
fn a_short_head_of_an_earlier_process_is_not_accepted() {
    let (mut one, mut two) = settled();
    let late = one.seal_for(2, &BODY).unwrap();
    assert!(is_short(&late));
    let mut one = node(1);
    meet(&mut one, &mut two);
    reply(&mut two, &mut late.clone());
}

#[test]
fn no_reply_is_longer_than_what_it_replies_to() {
    for length in 0..40 {
        let (mut one, _) = settled();
        let datagram = one.seal_for(2, &vec![7; length]).unwrap();
        let answer = reply(&mut node(2), &mut datagram.clone());
        assert!(answer.len() <= datagram.len(), "{} bytes for {}", answer.len(), datagram.len());
    }
}

#[test]
fn a_node_that_hears_nothing_says_again_who_it_is_and_whom_it_means() {
    let (mut one, mut two) = settled();
    assert!(body(&mut one, &two.seal_for(1, &BODY).unwrap()).is_ok());
    let forms: Vec<_> = (0..12).map(|_| is_short(&one.seal_for(2, &BODY).unwrap())).collect();
    assert_eq!(forms, [&[true; 8][..], &[false; 4]].concat());
    // A host of another group with the same key, at the address of node 2, learns who it is.
    let mut foreign = Seal::new(2_u16, ClusterId(8), ring(&[1]), rng()).unwrap();
    let mut introduced = one.seal_for(2, &BODY).unwrap();
    assert!(matches!(foreign.open(&mut introduced), Opened::Foreign { from: 1, cluster: GROUP }));
    exchange(&mut one, &mut two);
    let short = one.seal_for(2, &BODY).unwrap();
    assert!(is_short(&short));
    assert_eq!(body(&mut foreign, &short), Err(Refusal::ForeignCluster { cluster: GROUP }));
}

#[test]
fn a_lost_confirmation_is_sent_again() {
    let (mut one, mut two) = pair();
    for _ in 0..3 {
        assert!(body(&mut one, &two.seal_for(1, &BODY).unwrap()).is_ok());
        let lost = one.seal_for(2, &BODY).unwrap();
        assert!(!is_short(&lost), "node 2 does not know yet that its channel is read");
    }
    exchange(&mut one, &mut two);
    exchange(&mut one, &mut two);
    assert!(is_short(&one.seal_for(2, &BODY).unwrap()) && is_short(&two.seal_for(1, &BODY).unwrap()));
}
