//! Any file is a clear error, or the state that was stored in it; a node starts from whatever is read,
//! or is refused.
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
use quorate::{Config, Election, HardState, Timestamp};
use quorate_fuzz::{AnyId, state};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;

thread_local! {
    /// Where syncing takes no time, if there is such a place.
    static FOLDER: LazyCell<TempDir> = LazyCell::new(|| {
        tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
    });
}

/// As the file begins, and how long that part is.
const MAGIC: &[u8] = b"quorate\x1a\x02\0\0\0";
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
        1 => check_file::<I>(&path, &sealed(u.take_rest())),
        _ => check_damage::<I>(&path, &mut u)?,
    }
    Ok(())
}

/// A file around `body` of which length and checksum are right.
fn sealed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(0).to_le_bytes();
    let mut hasher = crc32fast::Hasher::new();
    [MAGIC, &length, body].into_iter().for_each(|part| hasher.update(part));
    [MAGIC, &length, &hasher.finalize().to_le_bytes(), body].concat()
}

/// Whatever is read from `file` is what would be read again after it was saved.
fn check_file<I: AnyId>(path: &Path, file: &[u8]) {
    let Some((mut store, read)) = open::<I>(path, file) else { return };
    store.save(&read).expect("what was read can be saved");
    drop(store);
    let (_, again) = Store::<I>::open(path).expect("what was saved can be read");
    assert_eq!(read, again);
    start(&read);
}

/// What was saved is read; once it is damaged it is refused.
fn check_damage<I: AnyId>(path: &Path, u: &mut Unstructured<'_>) -> Result<()> {
    let state = state::<I>(u)?;
    // What was there before does not matter.
    let _ = fs::remove_file(path);
    drop(Store::create(path, &state).expect("any state can be stored"));
    let good = fs::read(path).expect("what was stored");
    let (_, read) = Store::<I>::open(path).expect("what was stored can be read");
    assert_eq!(read, state);

    let bad = damaged(&good, u)?;
    let read = open::<I>(path, &bad).map(|(_, state)| state);
    assert!(read.is_none() == (bad != good), "{bad:02x?} was stored as {good:02x?}, and is {read:?}");
    Ok(())
}

/// `file` cut off, with something behind it, or with other bytes in a row: no more than its checksum is
/// sure to notice, and not both in it and behind it.
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

/// What `Store` makes of a file with these bytes; if it refuses, it says which file and why.
fn open<I: AnyId>(path: &Path, file: &[u8]) -> Option<(Store<I>, HardState<I>)> {
    fs::write(path, file).expect("a file");
    match Store::open(path) {
        Ok(read) => Some(read),
        Err(error @ StoreError::Unreadable { .. }) => {
            assert!(error.to_string().contains(&path.display().to_string()));
            None
        }
        Err(other) => panic!("{other} is not what is wrong with {file:02x?}"),
    }
}

/// Whatever lay on the disk, a node that starts from it does not panic, nor does it forget any of it.
fn start<I: AnyId>(state: &HardState<I>) {
    let id = state.voted_for.or(state.membership.members().first().copied());
    let Some(id) = id else { return };
    let rng = ChaCha8Rng::seed_from_u64(0);
    let Ok(mut election) = Election::new(Config::new(id), state.clone(), Timestamp::ORIGIN, rng) else {
        return;
    };
    for _ in 0..4 {
        let Some(due) = election.deadline() else { break };
        let _ = election.tick(due);
    }
    let after = election.hard_state();
    assert!(after.term >= state.term && after.promised >= state.promised);
}
