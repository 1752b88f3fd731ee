//! Datagrams that were not sealed with the key are refused without an allocation. A datagram that was
//! sealed with the key, with any content, takes at most a constant and its own length of memory. A changed
//! byte of a sealed datagram is detected.
//!
//! `cargo +nightly fuzz run seal`, or on stable
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none seal`.
#![no_main]

use std::net::SocketAddr;

use aes_gcm_siv::Aes256GcmSiv;
use aes_gcm_siv::aead::{AeadInOut, KeyInit};
use arbitrary::{Result, Unstructured};
use blake2::Blake2bMac512;
use blake2::digest::Mac;
use libfuzzer_sys::fuzz_target;
use quorate::ClusterId;
use quorate::adapters::seal::{Key, Keyring, Opened, Seal};
use quorate_fuzz::AnyId;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

const KEY: [u8; 32] = [7; 32];
const GROUP: ClusterId = ClusterId(7);

/// The memory of a remembered node and a reply.
const BYTES_AT_LEAST: u64 = 8 * 1024;

/// Where the nonce begins, and where the sealed part begins.
const HEAD: usize = 23;
const START: usize = HEAD + 12;

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    // The bytes may not be enough for two ids.
    let _ = match u.arbitrary::<u8>().unwrap_or(0) % 7 {
        0 => stranger(u.take_rest()),
        1 => member::<u64>(&mut u),
        2 => member::<[u8; 16]>(&mut u),
        3 => member::<SocketAddr>(&mut u),
        4 => tampered::<u64>(&mut u),
        5 => tampered::<[u8; 16]>(&mut u),
        _ => tampered::<SocketAddr>(&mut u),
    };
});

fn keys() -> Keyring {
    Keyring::new([Key::new(&KEY)]).expect("one key")
}

fn node<I: AnyId>(id: I, seed: u64) -> Seal<I, ChaCha20Rng> {
    Seal::new(id, GROUP, keys(), ChaCha20Rng::seed_from_u64(seed)).expect("randomness")
}

/// Opens bytes of a sender without the key.
fn stranger(bytes: &[u8]) -> Result<()> {
    let mut datagram = bytes.to_vec();
    let mut node = node(0_u64, 1);
    let memory = allocation_counter::measure(|| {
        assert!(matches!(node.open(&mut datagram), Opened::Refused(_)));
    });
    assert_eq!(memory.count_total, 0, "{memory:?} for garbage");
    Ok(())
}

/// Opens arbitrary bytes that were sealed with the key.
fn member<I: AnyId>(u: &mut Unstructured<'_>) -> Result<()> {
    let mut node = node(I::any(u)?, 1);
    let mut datagram =
        keys().seal_broadcast(GROUP, &[], &mut ChaCha20Rng::seed_from_u64(2)).expect("a broadcast")[..START]
            .to_vec();
    let mut sealed = u.bytes(u.len())?.to_vec();
    let nonce: [u8; 12] = datagram[HEAD..].try_into().expect("a nonce");
    let tag = cipher().encrypt_inout_detached(&nonce.into(), &datagram[..HEAD], sealed.as_mut_slice().into());
    datagram.append(&mut sealed);
    datagram.extend_from_slice(&tag.expect("a tag"));
    let allowed = BYTES_AT_LEAST + datagram.len() as u64;
    let memory = allocation_counter::measure(|| drop(node.open(&mut datagram)));
    assert!(memory.bytes_max <= allowed, "{memory:?} for {} bytes", datagram.len());
    Ok(())
}

/// The cipher, as the documentation of the format describes it.
fn cipher() -> Aes256GcmSiv {
    let mut padded = [0; 64];
    padded[..32].copy_from_slice(&KEY);
    let derived = Blake2bMac512::new(&padded.into()).chain_update(b"quorate: seal 5").finalize().into_bytes();
    Aes256GcmSiv::new_from_slice(&derived[..32]).expect("the length of a key")
}

/// Opens a sealed datagram in which one byte may be changed, behind a full head or a short one.
fn tampered<I: AnyId>(u: &mut Unstructured<'_>) -> Result<()> {
    let (one, two) = (I::any(u)?, I::any(u)?);
    let change = u.arbitrary::<(u16, u8)>()?;
    let exchanges = u.int_in_range(0..=3)?;
    let body = u.bytes(u.len())?;
    let (mut writer, mut reader) = (node(one, 1), node(two, 2));
    let mut handshake = writer.handshake(two).expect("a handshake");
    let Opened::Reply(mut reply) = reader.open(&mut handshake) else {
        assert_eq!(one, two, "only a handshake in the receiver's own name gets no reply");
        return Ok(());
    };
    assert!(matches!(writer.open(&mut reply), Opened::HandshakeDone { with } if with == two));
    for _ in 0..exchanges {
        let mut there = writer.seal_for(two, &[1; 20]).expect("a datagram");
        assert!(matches!(reader.open(&mut there), Opened::Datagram { from, .. } if from == one));
        let mut back = reader.seal_for(one, &[2; 20]).expect("a datagram");
        assert!(matches!(writer.open(&mut back), Opened::Datagram { from, .. } if from == two));
    }
    let Ok(sealed) = writer.seal_for(two, body) else { return Ok(()) };
    let mut changed = sealed.clone();
    let index = usize::from(change.0) % sealed.len();
    changed[index] ^= change.1;
    let counts = matches!(reader.open(&mut changed), Opened::Datagram { from, body: read, .. } if from == one && read == body);
    assert_eq!(counts, change.1 == 0);
    let counts_later = matches!(reader.open(&mut sealed.clone()), Opened::Datagram { .. });
    assert_ne!(counts, counts_later, "the datagram counts once");
    Ok(())
}
