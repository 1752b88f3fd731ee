//! The durable file: after any damage a node gets back the state it stored, or an error that names the
//! file.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails should panic"
)]

mod deployments;
#[cfg(target_os = "linux")]
mod faulty_disks;
#[cfg(unix)]
mod files;
mod formats;
#[cfg(target_os = "linux")]
mod own_mounts;
#[path = "../formats/page.rs"]
mod page;

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use quorate::adapters::store::{Fault, Store, StoreError};
use quorate::{BlankError, ClusterId, Config, Election, HardState, Life, Limits, Name, Term, Timestamp};
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().join("node-1");
    (folder, path)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

fn first() -> HardState<u64> {
    HardState::bootstrap(ClusterId(7), [1, 2, 3]).unwrap()
}

fn at_term(term: u64) -> HardState<u64> {
    let promised = Duration::from_millis(450);
    HardState { term: Term(term), voted_for: Some(2), promised, ..first() }
}

/// The fault that `open` reports for a file with these bytes. The error must name the file.
fn fault_of(path: &Path, bytes: &[u8]) -> Fault {
    fs::write(path, bytes).unwrap();
    match Store::<u64>::open(path) {
        Err(StoreError::Unreadable { path: named, fault }) => {
            assert_eq!(named, path);
            fault
        }
        other => panic!("{bytes:02x?} was opened: {other:?}"),
    }
}

#[test]
fn open_returns_the_state_that_was_saved_last() {
    let (_folder, path) = folder();
    let mut store = Store::create(&path, &first()).unwrap();
    for term in 1..=20 {
        store.save(&at_term(term)).unwrap();
    }
    drop(store);
    let (mut store, saved) = Store::<u64>::open(&path).unwrap();
    assert_eq!(saved, at_term(20));
    store.save(&at_term(21)).unwrap();
    drop(store);
    assert_eq!(Store::<u64>::open(&path).unwrap().1, at_term(21));
}

#[test]
fn every_starting_point_is_read_as_it_was_stored() {
    let limits = Limits { min_members: 3, max_members: 5 };
    let forming = HardState::<u64>::forming(ClusterId(7), limits).unwrap();
    assert!(forming.membership.is_forming());
    for state in [HardState::joining(ClusterId(7)), forming, first()] {
        let (_folder, path) = folder();
        drop(Store::create(&path, &state).unwrap());
        assert_eq!(Store::open(&path).unwrap().1, state);
    }
}

#[test]
fn ids_may_be_integers_bytes_or_addresses() {
    fn round_trip<I>(ids: [I; 3])
    where
        I: quorate::NodeId + serde::Serialize + serde::de::DeserializeOwned,
    {
        let (_folder, path) = folder();
        let mut state = HardState::bootstrap(ClusterId(1), ids).unwrap();
        state.voted_for = Some(ids[2]);
        drop(Store::create(&path, &state).unwrap());
        assert_eq!(Store::<I>::open(&path).unwrap().1, state);
    }
    round_trip([1_u64, u64::MAX, 3]);
    round_trip([[1_u8; 16], [255; 16], [3; 16]]);
    let addresses = ["10.0.0.1:7000", "[2001:db8::1]:7000", "127.0.0.1:65535"];
    round_trip::<SocketAddr>(addresses.map(|address| address.parse().unwrap()));
}

#[test]
fn open_never_creates() {
    let (folder, path) = folder();
    for missing in [path.clone(), folder.path().join("no/such/folder/node-1")] {
        let error = Store::<u64>::open(&missing).unwrap_err();
        assert!(matches!(&error, StoreError::NotFound { path } if *path == missing), "{error}");
        assert!(error.to_string().contains(missing.to_str().unwrap()));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "not even a lock is left");
}

#[test]
fn only_a_missing_file_makes_a_node_blank_and_a_restart_finds_that_it_was() {
    let (folder, path) = folder();
    let open = |path: &Path| Store::<u64>::open_or_blank(path, ClusterId(7), [1, 2, 3]);
    let blank = open(&path).unwrap().1;
    assert_eq!((blank.cluster, blank.membership.voters()), (ClusterId(7), &[1, 2, 3][..]));
    assert!(blank.blank.is_some());
    assert_eq!(Store::<u64>::open(&path).unwrap().1, blank, "it was stored");
    let (mut store, again) = open(&path).unwrap();
    assert_eq!(again, blank, "a restart is no other start");
    store.save(&at_term(3)).unwrap();
    drop(store);
    assert_eq!(open(&path).unwrap().1, at_term(3));

    let damaged = b"quorate";
    fs::write(&path, damaged).unwrap();
    assert!(matches!(open(&path), Err(StoreError::Unreadable { .. })));
    assert_eq!(fs::read(&path).unwrap(), damaged);
    let not_mounted = folder.path().join("disk").join("node-1");
    assert!(matches!(open(&not_mounted), Err(StoreError::Io { .. })));
    let unlisted = folder.path().join("node-2");
    let refused = Store::<u64>::open_or_blank(&unlisted, ClusterId(7), []).unwrap_err();
    assert!(matches!(refused, StoreError::Blank { source: BlankError::Membership(_), .. }), "{refused:?}");
    assert!(!unlisted.exists());
}

#[test]
fn create_never_changes_an_existing_file() {
    let (_folder, path) = folder();
    fs::write(&path, "something else").unwrap();
    let error = Store::create(&path, &first()).unwrap_err();
    assert!(matches!(&error, StoreError::AlreadyExists { path: named } if *named == path), "{error}");
    assert!(error.to_string().contains(path.to_str().unwrap()));
    assert_eq!(fs::read(&path).unwrap(), b"something else");

    fs::remove_file(&path).unwrap();
    drop(Store::create(&path, &at_term(5)).unwrap());
    assert!(matches!(Store::create(&path, &first()), Err(StoreError::AlreadyExists { .. })));
    assert_eq!(Store::<u64>::open(&path).unwrap().1, at_term(5));
}

/// An interrupted `create` leaves only the temporary file and the lock before its rename.
#[test]
fn an_interrupted_create_leaves_no_state() {
    let (_folder, path) = folder();
    drop(Store::create(&path, &first()).unwrap());
    fs::rename(&path, beside(&path, ".tmp")).unwrap();
    assert!(matches!(Store::<u64>::open(&path), Err(StoreError::NotFound { .. })));
    drop(Store::create(&path, &at_term(1)).unwrap());
    assert_eq!(Store::<u64>::open(&path).unwrap().1, at_term(1));
}

#[test]
fn a_leftover_of_an_interrupted_save_is_harmless() {
    let (_folder, path) = folder();
    drop(Store::create(&path, &at_term(1)).unwrap());
    for leftover in [&b""[..], b"half a st", &[0xff; 100_000]] {
        fs::write(beside(&path, ".tmp"), leftover).unwrap();
        let (mut store, saved) = Store::<u64>::open(&path).unwrap();
        assert_eq!(saved, at_term(1));
        store.save(&at_term(1)).unwrap();
        assert!(!beside(&path, ".tmp").exists());
    }
}

#[test]
fn a_change_of_any_bit_is_detected() {
    let (_folder, path) = folder();
    drop(Store::create(&path, &at_term(3)).unwrap());
    let good = fs::read(&path).unwrap();
    for index in 0..good.len() {
        for change in (0..8).map(|bit| 1 << bit).chain([0xff]) {
            let mut bad = good.clone();
            bad[index] ^= change;
            fault_of(&path, &bad);
        }
    }
    fs::write(&path, good).unwrap();
    assert_eq!(Store::<u64>::open(&path).unwrap().1, at_term(3));
}

#[test]
fn a_file_cut_off_anywhere_is_detected() {
    let (_folder, path) = folder();
    drop(Store::create(&path, &at_term(3)).unwrap());
    let good = fs::read(&path).unwrap();
    for length in 0..good.len() {
        assert_eq!(fault_of(&path, &good[..length]), Fault::Truncated, "{length} bytes");
    }
}

#[test]
fn a_torn_file_is_detected() {
    let (_folder, path) = folder();
    drop(Store::create(&path, &at_term(3)).unwrap());
    let good = fs::read(&path).unwrap();
    for kept in 0..good.len() {
        let mut torn = good.clone();
        torn[kept..].fill(0);
        if torn != good {
            fault_of(&path, &torn);
        }
    }
}

#[test]
fn a_file_with_extra_bytes_is_detected() {
    let (_folder, path) = folder();
    drop(Store::create(&path, &at_term(3)).unwrap());
    let mut longer = fs::read(&path).unwrap();
    longer.push(0);
    assert_eq!(fault_of(&path, &longer), Fault::TooLong);
    longer.resize(3 * 1024 * 1024, 0);
    assert_eq!(fault_of(&path, &longer), Fault::TooLong);
}

#[test]
fn a_foreign_file_is_detected() {
    let (_folder, path) = folder();
    assert_eq!(fault_of(&path, b"SQLite format 3\0 and what follows it"), Fault::Foreign);
    assert_eq!(fault_of(&path, b"hello"), Fault::Foreign);
    assert_eq!(fault_of(&path, &[0; 4096]), Fault::Foreign);
    assert_eq!(fault_of(&path, b""), Fault::Truncated);
}

/// The file of another release, which has its format's number and a checksum.
fn with_format(file: &[u8], format: u8) -> Vec<u8> {
    let mut other = file.to_vec();
    other[8] = format;
    let mut hasher = crc32fast::Hasher::new();
    [&other[..16], &other[20..]].iter().for_each(|part| hasher.update(part));
    other[16..20].copy_from_slice(&hasher.finalize().to_le_bytes());
    other
}

/// A group of release 0.1 is upgraded by starting its nodes again: its files are read, and all nodes derive one life.
#[test]
fn open_reads_the_files_of_release_0_1_and_gives_the_group_a_life() {
    let (_folder, path) = folder();
    let file_of = |body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        with_format(&[b"quorate\x1a", &[0; 4][..], &length, &[0; 4], body].concat(), 2)
    };
    let open = |body: &[u8]| {
        fs::write(&path, file_of(body)).unwrap();
        Store::<u64>::open(&path).map(|(_, state)| state)
    };
    // Cluster, term, vote, promise; membership (2, 4) with the voters 1 to 3, the learner 9 and a quorum of 2; committed.
    let listed = |of: u8| {
        [&[7, 0xac, 0x02, 1, of, 0, 0x80, 0xe9, 0xc9, 0xd6, 1, 2, 4, 3, 1, 2, 3, 1, 9, 2, 0, 1][..]].concat()
    };
    let state = open(&listed(2)).unwrap();
    let promised = Duration::from_millis(450);
    assert_eq!((state.term, state.voted_for, state.promised), (Term(300), Some(2), promised));
    assert_eq!((state.membership.voters(), state.membership.learners()), (&[1, 2, 3][..], &[9][..]));
    assert!(state.committed && state.life != Life::NONE);
    assert_eq!(state.life, open(&listed(3)).unwrap().life, "whatever else differs");

    // A joining node belongs to no group yet; a forming one to what its nodes form.
    assert_eq!(open(&[7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap(), HardState::joining(ClusterId(7)));
    let limits = Limits { min_members: 3, max_members: 5 };
    let forming = HardState::forming(ClusterId(7), limits).unwrap();
    assert_eq!(open(&[7, 0, 0, 0, 0, 0, 0, 0, 0, 3, 1, 3, 5, 0]).unwrap(), forming);
    assert!(open(&[7, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 3, 5, 0]).is_err(), "an impossible quorum");

    // Version (2, 4) of a group that formed itself. With limits that no group can have, it could be stored once more,
    // and never be read again.
    let formed = |least: u8, most: u8| open(&[7, 3, 0, 0, 0, 2, 4, 1, 6, 0, 1, 1, least, most, 0]);
    assert_eq!(formed(3, 5).unwrap().membership.limits(), Some(limits));
    assert!(formed(3, 119).is_err(), "limits that contradict each other");
    assert_eq!(fault_of(&path, &file_of(&listed(2)[..8])), Fault::Malformed);
}

/// Damage is final, and the file of another release is not: an operator must be told which it is.
#[test]
fn damage_is_not_taken_for_the_file_of_another_release() {
    let (_folder, path) = folder();
    drop(Store::create(&path, &at_term(3)).unwrap());
    let good = fs::read(&path).unwrap();
    for format in [0, 1, 5, 6, 255] {
        assert_eq!(
            fault_of(&path, &with_format(&good, format)),
            Fault::UnknownFormat { found: format.into() }
        );
        let mut damaged = good.clone();
        damaged[8] = format;
        assert_eq!(fault_of(&path, &damaged), Fault::Checksum);
    }
    fs::write(&path, with_format(&good, 7)).unwrap();
    assert_eq!(Store::<u64>::open(&path).unwrap().1, at_term(3));
}

fn refused_type<I, Other>(ids: [I; 3]) -> String
where
    I: quorate::NodeId + serde::Serialize,
    Other: quorate::NodeId + serde::Serialize + serde::de::DeserializeOwned,
{
    let (_folder, path) = folder();
    drop(Store::create(&path, &HardState::bootstrap(ClusterId(7), ids).unwrap()).unwrap());
    let before = fs::read(&path).unwrap();
    let error = Store::<Other>::open(&path).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), before, "the file is unchanged");
    match error {
        StoreError::Unreadable { fault: Fault::IdType { stored, expected }, .. } => {
            assert_eq!(expected, std::any::type_name::<Other>());
            stored
        }
        other => panic!("{other:?}"),
    }
}

/// postcard gives an `i32` of 1 the byte that it gives a `u32` of 2, and most integers small numbers alike.
#[test]
fn a_file_with_ids_of_another_type_is_refused() {
    assert_eq!(refused_type::<i32, u32>([1, 2, 3]), "i32");
    assert_eq!(refused_type::<u32, i32>([1, 2, 3]), "u32");
    assert_eq!(refused_type::<u16, u64>([1, 2, 3]), "u16");
    assert_eq!(refused_type::<u64, wrapped::Narrow>([1, 2, 3]), "u64");
    assert_eq!(refused_type::<[u8; 16], u64>([[1; 16], [2; 16], [3; 16]]), "[u8; 16]");
    assert_eq!(refused_type::<[u8; 2], (u8, i8)>([[1; 2], [2; 2], [3; 2]]), "[u8; 2]");
    assert_eq!(refused_type::<(u8, u16), [u8; 2]>([(1, 1), (2, 2), (3, 3)]), "(u8, u16)");
    let addresses = ["10.0.0.1:7000", "10.0.0.2:7000", "10.0.0.3:7000"].map(|text| text.parse().unwrap());
    assert_eq!(refused_type::<SocketAddr, u64>(addresses), "SocketAddr::V4(([u8; 4], u16))");
    assert_eq!(refused_type::<Name<8>, [u8; 2]>(names(["a", "b", "c"])), "str");
    assert_eq!(refused_type::<[u8; 2], Name<8>>([*b"\x01a", *b"\x01b", *b"\x01c"]), "[u8; 2]");
    assert_eq!(refused_type::<Name<8>, Name<4>>(names(["web-0", "web-1", "web-2"])), "str");
}

/// The name of a type may change, and a state without ids cannot be misread.
#[test]
fn a_file_is_read_as_any_type_with_the_same_ids() {
    let (_folder, path) = folder();
    drop(Store::create(&path, &first()).unwrap());
    let (_, saved) = Store::<wrapped::Wide>::open(&path).unwrap();
    assert_eq!(saved.membership.voters(), [1, 2, 3].map(wrapped::Wide));
    let (_folder, path) = folder();
    drop(Store::create(&path, &HardState::<u64>::joining(ClusterId(7))).unwrap());
    assert_eq!(Store::<i32>::open(&path).unwrap().1, HardState::joining(ClusterId(7)));
    let (_folder, path) = folder();
    let state = HardState::bootstrap(ClusterId(7), names::<63>(["web-0", "web-1", "web-2"])).unwrap();
    drop(Store::create(&path, &state).unwrap());
    let saved = Store::<Name<8>>::open(&path).unwrap().1;
    assert_eq!(saved, HardState::bootstrap(ClusterId(7), names(["web-0", "web-1", "web-2"])).unwrap());
}

fn names<const N: usize>(texts: [&str; 3]) -> [Name<N>; 3] {
    texts.map(|text| text.parse().unwrap())
}

mod wrapped {
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
    pub(super) struct Wide(pub(super) u64);

    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
    pub(super) struct Narrow(pub(super) u32);
}

#[test]
fn a_folder_or_a_pipe_is_refused() {
    let (_folder, path) = folder();
    fs::create_dir(&path).unwrap();
    assert!(matches!(Store::<u64>::open(&path), Err(StoreError::Unreadable { fault: Fault::Foreign, .. })));
    assert!(matches!(Store::create(&path, &first()), Err(StoreError::AlreadyExists { .. })));
    fs::remove_dir(&path).unwrap();
    if cfg!(unix) && Command::new("mkfifo").arg(&path).status().is_ok_and(|status| status.success()) {
        let refused = Store::<u64>::open(&path);
        assert!(matches!(refused, Err(StoreError::Unreadable { fault: Fault::Foreign, .. })));
    }
}

#[test]
fn one_process_cannot_open_a_file_twice() {
    let (_folder, path) = folder();
    let store = Store::create(&path, &first()).unwrap();
    let error = Store::<u64>::open(&path).unwrap_err();
    assert!(matches!(&error, StoreError::InUse { path: named } if *named == path), "{error}");
    drop(store);
    let (mut store, _) = Store::<u64>::open(&path).unwrap();
    store.save(&at_term(1)).unwrap();
    assert!(matches!(Store::<u64>::open(&path), Err(StoreError::InUse { .. })), "after a save too");
    fs::remove_file(&path).unwrap();
    assert!(matches!(Store::create(&path, &first()), Err(StoreError::InUse { .. })));
}

#[cfg(unix)]
#[test]
fn a_link_to_a_file_has_the_same_lock() {
    let (folder, path) = folder();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(Store::<u64>::open(&link), Err(StoreError::NotFound { .. })));
    assert!(matches!(Store::create(&link, &first()), Err(StoreError::AlreadyExists { .. })));

    let store = Store::create(&path, &first()).unwrap();
    assert!(matches!(Store::<u64>::open(&link), Err(StoreError::InUse { .. })));
    drop(store);
    let (mut store, _) = Store::<u64>::open(&link).unwrap();
    store.save(&at_term(1)).unwrap();
    drop(store);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(Store::<u64>::open(&path).unwrap().1, at_term(1));
}

const CHILD: &str = "QUORATE_TEST_STORE_TO_HOLD";

/// The test runs itself in another process, which tries to open the file.
#[test]
fn a_second_process_is_refused() {
    if let Ok(path) = std::env::var(CHILD) {
        let refused = matches!(Store::<u64>::open(path), Err(StoreError::InUse { .. }));
        std::process::exit(if refused { 42 } else { 43 });
    }
    let (_folder, path) = folder();
    let other_process = || {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["a_second_process_is_refused", "--exact"]).env(CHILD, &path);
        child.stdout(Stdio::null()).status().unwrap().code()
    };
    let store = Store::create(&path, &first()).unwrap();
    assert_eq!(other_process(), Some(42));
    drop(store);
    assert_eq!(other_process(), Some(43));
}

/// Nothing was written, so nothing is in doubt. A host that was out of descriptors for a moment goes on.
#[test]
fn a_save_that_did_not_begin_can_be_repeated() {
    let (_folder, path) = folder();
    let mut store = Store::create(&path, &first()).unwrap();
    let obstacle = beside(&path, ".tmp");
    fs::create_dir(&obstacle).unwrap();
    for _ in 0..2 {
        let error = store.save(&at_term(1)).unwrap_err();
        assert!(matches!(&error, StoreError::NotBegun { path, .. } if *path == obstacle), "{error}");
        assert!(error.is_retryable());
    }
    fs::remove_dir(&obstacle).unwrap();
    store.save(&at_term(1)).unwrap();
    drop(store);
    assert_eq!(Store::<u64>::open(&path).unwrap().1, at_term(1));
}

#[test]
fn after_a_save_that_may_have_written_every_save_fails() {
    let (_folder, path) = folder();
    let mut store = Store::create(&path, &first()).unwrap();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = store.save(&at_term(1)).unwrap_err();
    assert!(matches!(&error, StoreError::NotReplaceable { path: named, .. } if *named == path), "{error}");
    assert!(!error.is_retryable());
    assert!(!beside(&path, ".tmp").exists(), "what was written takes no room");
    fs::remove_dir(&path).unwrap();
    let error = store.save(&at_term(1)).unwrap_err();
    assert!(matches!(&error, StoreError::Failed { path: named } if *named == path), "{error}");
    assert!(!error.is_retryable());
}

/// An error message does not repeat its cause, so that a program can print both.
#[test]
fn the_message_of_an_error_does_not_repeat_its_source() {
    let (_folder, path) = folder();
    fs::write(&path, "rubbish").unwrap();
    let unreadable = Store::<u64>::open(&path).unwrap_err();
    let nowhere = Store::create(path.join("node-1"), &first()).unwrap_err();
    for error in [unreadable, nowhere] {
        let source = error.source().unwrap().to_string();
        assert!(!error.to_string().contains(&source), "{error}: {source}");
    }
}

#[test]
fn a_missing_folder_is_a_clear_error() {
    let (folder, _) = folder();
    let missing = folder.path().join("missing");
    let error = Store::create(missing.join("node-1"), &first()).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert!(error.to_string().contains(missing.to_str().unwrap()), "{error}");
    for no_file in ["/", "..", ""] {
        let error = Store::create(no_file, &first()).unwrap_err();
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
    }
}

/// Root may write anywhere, so the test checks nothing as root.
#[cfg(unix)]
#[test]
fn a_read_only_folder_is_a_clear_error() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, path) = folder();
    let allow = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    let mut store = Store::create(&path, &first()).unwrap();
    allow(0o555);
    let privileged = fs::write(folder.path().join("probe"), "").is_ok();
    let (saved, created) = (store.save(&at_term(1)), Store::create(folder.path().join("node-2"), &first()));
    allow(0o755);
    if privileged {
        return;
    }
    for error in [saved.unwrap_err(), created.unwrap_err()] {
        let refused = matches!(error, StoreError::Io { .. } | StoreError::NotBegun { .. });
        assert!(refused, "{error}");
        assert!(error.to_string().contains(folder.path().to_str().unwrap()), "{error}");
    }
}

#[test]
fn a_path_without_a_folder_means_the_current_one() {
    let name = format!("quorate-test-{}", std::process::id());
    let store = Store::create(&name, &first()).unwrap();
    let path = store.path().to_path_buf();
    assert_eq!(path, std::env::current_dir().unwrap().canonicalize().unwrap().join(&name));
    drop(store);
    for file in [path.clone(), beside(&path, ".lock")] {
        fs::remove_file(file).unwrap();
    }
}
