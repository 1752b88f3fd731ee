//! Any bytes decode to an error or to a message that encodes to itself, with memory of at most a constant
//! times their number. Any message decodes as it was encoded.
//!
//! `cargo +nightly fuzz run wire`, or on stable
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none wire`.
#![no_main]

use std::net::SocketAddr;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use quorate::adapters::wire::{DecodeError, MAX_DATAGRAM, decode, encode};
use quorate_fuzz::{AnyId, message};

/// The memory for each byte. Room is made for as many learners as a datagram claims to list, and has bytes for: each
/// is an address of 32 bytes, and the version of its addition of 16.
const BYTES_PER_BYTE: u64 = 48;
/// The memory of a message and a membership without members.
const BYTES_AT_LEAST: u64 = 256;

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    // The bytes of a message may not be enough for one.
    let _ = match u.arbitrary::<u8>().unwrap_or(0) % 6 {
        0 => read::<u64>(u.take_rest()),
        1 => read::<[u8; 16]>(u.take_rest()),
        2 => read::<SocketAddr>(u.take_rest()),
        3 => write::<u64>(&mut u),
        4 => write::<[u8; 16]>(&mut u),
        _ => write::<SocketAddr>(&mut u),
    };
});

/// Decodes a datagram.
fn read<I: AnyId>(datagram: &[u8]) -> Result<()> {
    let mut read = Err(DecodeError::Empty);
    let memory = allocation_counter::measure(|| read = decode::<I>(datagram));
    let allowed = BYTES_AT_LEAST + BYTES_PER_BYTE * datagram.len() as u64;
    assert!(memory.bytes_max <= allowed, "{memory:?} for {} bytes", datagram.len());
    if let Ok(message) = read {
        let again = encode(&message);
        assert!(again.len() <= datagram.len(), "{message:?} grows");
        assert_eq!(decode(&again), Ok(message));
    }
    Ok(())
}

/// Encodes a message, and decodes it again.
fn write<I: AnyId>(u: &mut Unstructured<'_>) -> Result<()> {
    let message = message::<I>(u)?;
    let datagram = encode(&message);
    assert!(!datagram.is_empty() && datagram.len() <= MAX_DATAGRAM);
    let (last, rest) = datagram.split_last().expect("a version at least");
    assert_eq!(
        decode::<I>(rest),
        Err(if rest.is_empty() { DecodeError::Empty } else { DecodeError::Truncated })
    );
    assert_eq!(decode::<I>(&[rest, &[*last, 0]].concat()), Err(DecodeError::TrailingBytes { extra: 1 }));
    assert_eq!(decode(&datagram), Ok(message));
    Ok(())
}
