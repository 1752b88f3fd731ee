//! Any file gives a clear error, or the state that was stored in it. A node starts from that state, or is
//! refused.
//!
//! `cargo +nightly fuzz run store`, or on stable
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none store`.
#![no_main]

use std::cell::LazyCell;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use quorate::adapters::store::{Store, StoreError};
use quorate::{Config, Election, HardState, Output, Timestamp};
use quorate_fuzz::{AnyId, state};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;

thread_local! {
    /// A folder in memory, if there is one, so that syncing takes no time.
    static FOLDER: LazyCell<TempDir> = LazyCell::new(|| {
        tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
    });
}

/// The first bytes of a file, the formats that are read (the one that is written first), and the length of its header.
const MAGIC: &[u8] = b"quorate\x1a";
const FORMATS: [u8; 2] = [7, 2];
const HEADER: usize = 20;

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    let kind = u.arbitrary::<u8>().unwrap_or(0);
    // The bytes of a state may not be enough for one.
    let _ = match kind % 3 {
        0 => play::<u64>(kind / 3, u),
        1 => play::<[u8; 16]>(kind / 3, u),
        _ => play::<SocketAddr>(kind / 3, u),
    };
});

fn play<I: AnyId>(kind: u8, mut u: Unstructured<'_>) -> Result<()> {
    let path = FOLDER.with(|folder| folder.path().join("node"));
    match kind % 3 {
        0 => check_file::<I>(&path, u.take_rest()),
        1 => {
            let format = *u.choose(&FORMATS)?;
            check_file::<I>(&path, &sealed(format, u.take_rest()));
        }
        _ => check_damage::<I>(&path, &mut u)?,
    }
    Ok(())
}

/// A file of this format around `body`, with a valid length and checksum.
fn sealed(format: u8, body: &[u8]) -> Vec<u8> {
    let format = [format, 0, 0, 0];
    let length = u32::try_from(body.len()).unwrap_or(0).to_le_bytes();
    let mut hasher = crc32fast::Hasher::new();
    [MAGIC, &format, &length, body].into_iter().for_each(|part| hasher.update(part));
    [MAGIC, &format, &length, &hasher.finalize().to_le_bytes(), body].concat()
}

/// Checks that the state read from `file` is the same after it was saved and read again.
fn check_file<I: AnyId>(path: &Path, file: &[u8]) {
    let Some((mut store, read)) = open::<I>(path, file) else { return };
    store.save(&read).expect("what was read can be saved");
    drop(store);
    let (_, again) = Store::<I>::open(path).expect("what was saved can be read");
    assert_eq!(read, again);
    start(&read);
}

/// Checks that a saved state is read, and a damaged one is refused.
fn check_damage<I: AnyId>(path: &Path, u: &mut Unstructured<'_>) -> Result<()> {
    let state = state::<I>(u)?;
    // A file of an earlier input may exist.
    let _ = fs::remove_file(path);
    drop(Store::create(path, &state).expect("any state can be stored"));
    let good = fs::read(path).expect("what was stored");
    assert!(good.starts_with(&[MAGIC, &[FORMATS[0], 0, 0, 0]].concat()), "another format is written");
    let (_, read) = Store::<I>::open(path).expect("what was stored can be read");
    assert_eq!(read, state);

    let bad = damaged(&good, u)?;
    let read = open::<I>(path, &bad).map(|(_, state)| state);
    assert!(read.is_none() == (bad != good), "{bad:02x?} was stored as {good:02x?}, and is {read:?}");
    Ok(())
}

/// A damaged copy of `file`: cut off, extended, or with other bytes in a row. It has no more damage than
/// the checksum is sure to detect, and not both in the checksum and after it.
fn damaged(file: &[u8], u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut bad = file.to_vec();
    match u.int_in_range(0..=3)? {
        0 => bad.truncate(u.int_in_range(0..=file.len())?),
        1 => bad.extend_from_slice(u.bytes(1)?),
        _ => {
            let start = u.int_in_range(0..=file.len())?;
            let end = if start < HEADER { HEADER } else { file.len() };
            for byte in bad[start..end].iter_mut().take(4) {
                *byte = u.arbitrary()?;
            }
        }
    }
    Ok(bad)
}

/// Opens a file with these bytes. If `Store` refuses it, the error must name the file.
fn open<I: AnyId>(path: &Path, file: &[u8]) -> Option<(Store<I>, HardState<I>)> {
    fs::write(path, file).expect("a file");
    match Store::open(path) {
        Ok(read) => Some(read),
        Err(error @ StoreError::Unreadable { .. }) => {
            assert!(error.to_string().contains(&path.display().to_string()));
            None
        }
        Err(other) => panic!("the error {other} does not fit {file:02x?}"),
    }
}

/// Starts a node from any state. The node must not panic, and must keep its term and its promise.
fn start<I: AnyId>(state: &HardState<I>) {
    let id = state.voted_for.or(state.membership.members().first().copied());
    let Some(id) = id else { return };
    let rng = ChaCha8Rng::seed_from_u64(0);
    let Ok(mut election) = Election::new(Config::new(id), state.clone(), Timestamp::ORIGIN, rng) else {
        return;
    };
    for _ in 0..4 {
        let Some(due) = election.deadline() else { break };
        for output in election.tick(due) {
            let Output::Persist(next) = output else { continue };
            assert!(next.term >= state.term && next.promised >= state.promised);
        }
    }
    assert!(election.term() >= state.term);
}
