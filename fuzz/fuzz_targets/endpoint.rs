//! Whatever comes from wherever and whenever, an endpoint does not panic, puts out no more than it documents,
//! and keeps no more memory than a constant for each node that it may have an address of.
//!
//! `cargo +nightly fuzz run endpoint`, or on stable
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none endpoint`.
#![no_main]

use std::iter;
use std::net::SocketAddr;
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use quorate::adapters::endpoint::{Endpoint, NodeView, PeerAddress, PeerName, Transmit};
use quorate::adapters::seal::{Key, Keyring, Seal};
use quorate::{ClusterId, Config, Election, HardState, Input, MAX_MEMBERS, Timestamp};
use quorate_fuzz::AnyId;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::{ChaCha8Rng, ChaCha20Rng};

type Id = u64;

/// The group has these members, of which the endpoint is the first, and node 9 is configured.
const MEMBERS: [Id; 3] = [1, 2, 3];
const CONFIGURED: Id = 9;

/// How many addresses a node may have, those of its names included.
const ADDRESSES: usize = 19;

/// How many names there are for the nodes: more than a node may have.
const NAMES: u8 = 8;

/// How many look-ups may be under way.
const MOST_LOOKUPS: usize = 4 * (NAMES as usize);

/// The memory of the seal's peers, the book and the buffers, which does not grow with what comes in.
const MEMORY: u64 = 512 * 1024;

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    let memory = allocation_counter::measure(|| {
        // The bytes may end anywhere.
        let _ = run(&mut u);
    });
    assert!(memory.bytes_max <= MEMORY + 16 * data.len() as u64, "{memory:?} for {} bytes", data.len());
});

fn keys() -> Keyring {
    Keyring::new([Key::new(&[7; 32])]).expect("one key")
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let sealed: bool = u.arbitrary()?;
    let cluster = ClusterId(1);
    let saved = HardState::bootstrap(cluster, MEMBERS).expect("three members");
    let mut now = Timestamp::from(Duration::from_nanos(u.arbitrary()?));
    let Ok(mut election) = Election::new(Config::new(1), saved, now, ChaCha8Rng::seed_from_u64(1)) else {
        return Ok(());
    };
    let keys = sealed.then(keys);
    let Ok(mut endpoint) = Endpoint::new(1, cluster, keys, ChaCha20Rng::seed_from_u64(2));
    let _unusable = endpoint.configure(CONFIGURED, SocketAddr::any(u)?);
    endpoint.observe(&NodeView::of(&election));
    let (mut out, mut lookups) = (Vec::new(), Vec::new());
    while !u.is_empty() {
        match u.arbitrary::<u8>()? % 11 {
            0 => now = now.saturating_add(Duration::from_nanos(u.arbitrary()?)),
            // An endpoint must bear a clock that runs backwards, too.
            1 => now = Timestamp::from(Duration::from_nanos(u.arbitrary()?)),
            2 => {
                let _unusable = endpoint.introduce(u.int_in_range(0..=9)?, SocketAddr::any(u)?, now);
            }
            3 => endpoint.handle_timeout(now, &mut out),
            4 => endpoint.configure_name(u.int_in_range(0..=9)?, name(u)?),
            5 => lookups.extend(iter::from_fn(|| endpoint.poll_lookup())),
            6 => complete_lookup(u, &mut lookups, &mut endpoint, now)?,
            _ => receive(u, sealed, &mut election, &mut endpoint, now, &mut out)?,
        }
        let book = endpoint.known_addresses();
        // A message may bring another membership, and a leader's target and removed members come on top of it.
        assert!(book.len() <= 4 * MAX_MEMBERS && book.iter().all(|&(id, _)| id != 1), "{book:?}");
        assert!(endpoint.addresses().iter().all(|&(id, _)| election.membership().contains(id)));
        assert!(out.len() <= 5 * ADDRESSES * (book.len() + 1), "{out:?}");
        // Of one name there is one look-up at a time.
        assert!(lookups.len() <= MOST_LOOKUPS, "{lookups:?}");
        assert!(out.iter().all(|transmit| transmit.bytes.len() < Endpoint::<Id, ChaCha20Rng>::BUFFER));
        let _ = endpoint.deadline();
        out.clear();
    }
    Ok(())
}

fn name(u: &mut Unstructured<'_>) -> Result<PeerName> {
    let number = u.arbitrary::<u8>()? % NAMES;
    match format!("n{number}.example:7000").parse() {
        Ok(PeerAddress::Name(name)) => Ok(name),
        other => panic!("{other:?} is no name"),
    }
}

/// Ends a look-up that is under way, or one that nobody asked for, with any addresses or in vain.
fn complete_lookup(
    u: &mut Unstructured<'_>,
    lookups: &mut Vec<PeerName>,
    endpoint: &mut Endpoint<Id, ChaCha20Rng>,
    now: Timestamp,
) -> Result<()> {
    let name =
        if lookups.is_empty() { name(u)? } else { lookups.swap_remove(u.choose_index(lookups.len())?) };
    let answer = match u.arbitrary::<bool>()? {
        true => Ok((0..u.int_in_range(0..=20)?).map(|_| SocketAddr::any(u)).collect::<Result<Vec<_>>>()?),
        false => Err(()),
    };
    endpoint.complete_lookup(&name, answer, now);
    Ok(())
}

/// Any datagram; a message in it is stepped, and its replies are sent.
fn receive(
    u: &mut Unstructured<'_>,
    sealed: bool,
    election: &mut Election<Id, ChaCha8Rng>,
    endpoint: &mut Endpoint<Id, ChaCha20Rng>,
    now: Timestamp,
    out: &mut Vec<Transmit>,
) -> Result<()> {
    let source = SocketAddr::any(u)?;
    let length = u.int_in_range(0..=u.len().min(4_096))?;
    let mut bytes = u.bytes(length)?.to_vec();
    match u.arbitrary::<u8>().unwrap_or(0) % 4 {
        // As the datagrams of this protocol begin.
        0 => drop(bytes.splice(..0, *b"qr\x08")),
        1 => bytes = broadcast(&[b"\x08", &bytes[..]].concat()),
        2 if sealed => bytes = handshake(&bytes),
        _ => {}
    }
    let Some((from, message)) = endpoint.handle_datagram(&mut bytes, source, now, out) else { return Ok(()) };
    assert!(out.len() <= 1, "a message is answered with a challenge at most: {out:?}");
    out.clear();
    let mut outputs = election.tick(now);
    outputs.extend(election.step(Input::Receive { from, message: message.clone() }));
    endpoint.observe(&NodeView::of(election));
    endpoint.send(from, &message, now, out);
    assert!(out.len() <= ADDRESSES, "{out:?}");
    Ok(())
}

/// What somebody with the key may send to all.
fn broadcast(bytes: &[u8]) -> Vec<u8> {
    keys().seal_broadcast(ClusterId(1), bytes, &mut ChaCha20Rng::seed_from_u64(3)).unwrap_or_default()
}

/// What a node with the key may send, whatever it is called.
fn handshake(bytes: &[u8]) -> Vec<u8> {
    let id = bytes.iter().fold(0_u64, |id, &byte| id.wrapping_mul(31).wrapping_add(byte.into()));
    let Ok(mut seal) = Seal::new(id % 12, ClusterId(1), keys(), ChaCha20Rng::seed_from_u64(id));
    seal.handshake(1).unwrap_or_default()
}
