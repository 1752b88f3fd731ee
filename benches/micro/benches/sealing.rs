//! What it costs to seal the datagram of a heartbeat and to open it, and what other ciphers would cost.
//!
//! The ciphers choose their code by the processor that they run on. `RUSTFLAGS='--cfg aes_backend="soft"
//! --cfg polyval_backend="soft" --cfg chacha20_backend="soft" --cfg poly1305_backend="soft"'` shows what they cost
//! where the processor has no instructions for them. Each cipher takes turns with all others, so that their ratios hold
//! on a machine that does other work meanwhile.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a benchmark; the macros of criterion document nothing"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aes_gcm::Aes256Gcm;
use aes_gcm_siv::Aes256GcmSiv;
use ascon_aead::AsconAead128;
use chacha20poly1305::aead::{AeadInOut, KeyInit, KeySizeUser, Nonce, Tag};
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use criterion::{Criterion, criterion_group, criterion_main};
use quorate::ClusterId;
use quorate::adapters::seal::{Key, Keyring, Opened, Seal};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// A heartbeat of 24 bytes, as an endpoint hands it to its seal.
const BODY: [u8; 27] = [7; 27];

/// How long the parts of that datagram are that a cipher authenticates alone, and that it encrypts too.
const HEAD: usize = 40;
const PLAIN: usize = 60;

type Node = Seal<u64, ChaCha20Rng>;

fn node(id: u64) -> Node {
    let keys = Keyring::new([Key::new(&[7; 32])]).expect("one key");
    let Ok(seal) = Seal::new(id, ClusterId(1), keys, ChaCha20Rng::seed_from_u64(id));
    seal
}

/// Two nodes that have exchanged datagrams both ways.
fn pair() -> (Node, Node) {
    let (mut one, mut two) = (node(1), node(2));
    for _ in 0..4 {
        exchange(&mut one, &mut two, 2);
        exchange(&mut two, &mut one, 1);
    }
    (one, two)
}

fn exchange(from: &mut Node, to: &mut Node, id: u64) {
    let mut datagram = from.seal_for(id, &BODY).expect("a datagram");
    if let Opened::Reply(mut reply) = to.open(&mut datagram) {
        from.open(&mut reply);
    }
}

/// How many datagrams go one way before one comes back: a node that hears nothing says in each of them who it is.
const HEARTBEATS: usize = 7;

/// What it takes to seal one datagram, and to open one.
fn measure_seal(one: &mut Node, two: &mut Node, buffers: &mut [Vec<u8>; HEARTBEATS]) -> (Duration, Duration) {
    exchange(two, one, 1);
    let start = Instant::now();
    for buffer in &mut *buffers {
        one.seal_for_into(2, black_box(&BODY), buffer).expect("a datagram");
    }
    let sealed = start.elapsed();
    let start = Instant::now();
    for buffer in &mut *buffers {
        assert!(matches!(two.open(buffer), Opened::Datagram { .. }));
    }
    let heartbeats = u32::try_from(HEARTBEATS).expect("a few");
    (sealed / heartbeats, start.elapsed() / heartbeats)
}

/// One cipher, with a datagram to seal and one to open.
struct Candidate {
    name: &'static str,
    act: Box<dyn FnMut(bool)>,
    sealing: Vec<Duration>,
    opening: Vec<Duration>,
}

const CALLS: u32 = 200;

fn candidate<C: AeadInOut + KeyInit + KeySizeUser + 'static>(name: &'static str) -> Candidate {
    let cipher = C::new_from_slice(&vec![7; C::key_size()]).expect("a key");
    let (nonce, head, mut sealed) = (Nonce::<C>::default(), [3; HEAD], [5; PLAIN]);
    let tag: Tag<C> =
        cipher.encrypt_inout_detached(&nonce, &head, (&mut sealed[..]).into()).expect("encrypted");
    let act = Box::new(move |seals: bool| {
        let mut bytes = black_box(sealed);
        if seals {
            black_box(
                cipher.encrypt_inout_detached(&nonce, &head, (&mut bytes[..]).into()).expect("encrypted"),
            );
        } else {
            cipher.decrypt_inout_detached(&nonce, &head, (&mut bytes[..]).into(), &tag).expect("decrypted");
        }
        black_box(bytes);
    });
    Candidate { name, act, sealing: Vec::new(), opening: Vec::new() }
}

impl Candidate {
    fn measure(&mut self, seals: bool) {
        let start = Instant::now();
        (0..CALLS).for_each(|_| (self.act)(seals));
        let times = if seals { &mut self.sealing } else { &mut self.opening };
        times.push(start.elapsed() / CALLS);
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Not by criterion, which measures one thing after the other.
fn ciphers(_: &mut Criterion) {
    let mut candidates = [
        candidate::<XChaCha20Poly1305>("XChaCha20-Poly1305"),
        candidate::<ChaCha20Poly1305>("ChaCha20-Poly1305"),
        candidate::<Aes256GcmSiv>("AES-256-GCM-SIV"),
        candidate::<Aes256Gcm>("AES-256-GCM"),
        candidate::<AsconAead128>("Ascon-AEAD128"),
    ];
    // A run that only shows that everything still works gives no names of benchmarks to criterion.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { 300 } else { 1 };
    let ((mut one, mut two), mut buffers) = (pair(), [const { Vec::new() }; HEARTBEATS]);
    let (mut sealing, mut opening) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        for candidate in &mut candidates {
            candidate.measure(true);
            candidate.measure(false);
        }
        for _ in 0..30 {
            let (seal, open) = measure_seal(&mut one, &mut two, &mut buffers);
            sealing.push(seal);
            opening.push(open);
        }
    }
    let [Some(length), ..] = buffers.map(|buffer| Some(buffer.len())) else { return };
    println!("a body of {} bytes, sealed in {length}, medians:", BODY.len());
    println!(
        "  the whole seal       seal {:>5} ns, open {:>5} ns",
        median(&mut sealing).as_nanos(),
        median(&mut opening).as_nanos()
    );
    println!("medians of {rounds} rounds, {HEAD} bytes authenticated and {PLAIN} encrypted:");
    for Candidate { name, sealing, opening, .. } in &mut candidates {
        println!(
            "  {name:20} seal {:>5} ns, open {:>5} ns",
            median(sealing).as_nanos(),
            median(opening).as_nanos()
        );
    }
}

criterion_group!(benches, ciphers);
criterion_main!(benches);
