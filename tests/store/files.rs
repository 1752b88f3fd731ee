//! The files themselves: to whom they belong, who may read them, and what is not taken for one.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Makes a pipe, if the system has the program for it.
fn make_pipe(path: &Path) -> bool {
    Command::new("mkfifo").arg(path).status().is_ok_and(|status| status.success())
}

#[test]
fn new_files_are_readable_by_their_owner_alone() {
    let (_folder, path) = folder();
    let mut store = Store::create(&path, &first()).unwrap();
    assert_eq!((mode(&path), mode(&beside(&path, ".lock"))), (0o600, 0o600));
    store.save(&at_term(1)).unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn permissions_that_an_operator_gave_outlast_a_save_and_an_open() {
    let (_folder, path) = folder();
    let mut store = Store::create(&path, &first()).unwrap();
    for given in [0o640, 0o400, 0o644, 0o600] {
        set_mode(&path, given);
        store.save(&at_term(1)).unwrap();
        assert_eq!(mode(&path), given);
    }
    set_mode(&path, 0o440);
    drop(store);
    drop(Store::<u64>::open(&path).unwrap());
    assert_eq!(mode(&path), 0o440);
}

/// Root looks at a node's file, or recovers a group: the node's own user must be able to open it afterwards.
/// Only root may give a file away, so the test checks nothing as another user.
#[test]
fn the_owner_of_a_file_outlasts_a_save_by_root() {
    let (_folder, path) = folder();
    let mut store = Store::create(&path, &first()).unwrap();
    if chown(&path, Some(12_345), Some(54_321)).is_err() {
        return;
    }
    store.save(&at_term(1)).unwrap();
    let file = fs::metadata(&path).unwrap();
    assert_eq!((file.uid(), file.gid(), mode(&path)), (12_345, 54_321, 0o600));
}

/// After a failed sync the file may be in the system's memory alone, and another sync of the same file would
/// say that all is well.
#[test]
fn open_stores_the_state_anew() {
    let (_folder, path) = folder();
    drop(Store::create(&path, &at_term(3)).unwrap());
    let (before, bytes) = (fs::metadata(&path).unwrap(), fs::read(&path).unwrap());
    // It keeps the number of the old file from being used again.
    let _old = fs::File::open(&path).unwrap();
    let (_store, saved) = Store::<u64>::open(&path).unwrap();
    assert_eq!((saved, fs::read(&path).unwrap()), (at_term(3), bytes));
    assert_ne!(fs::metadata(&path).unwrap().ino(), before.ino(), "the file is another one");
}

#[test]
fn a_file_that_cannot_be_used_is_left_as_it_is() {
    let (_folder, path) = folder();
    fs::write(&path, "rubbish").unwrap();
    let before = fs::metadata(&path).unwrap().ino();
    assert!(Store::<u64>::open(&path).is_err());
    assert_eq!((fs::metadata(&path).unwrap().ino(), fs::read(&path).unwrap()), (before, b"rubbish".to_vec()));
}

/// To open a pipe is to wait for another process, so the test would not end if one were opened.
#[test]
fn a_pipe_or_a_folder_in_the_place_of_a_file_is_refused_at_once() {
    let (_folder, path) = folder();
    drop(Store::create(&path, &first()).unwrap());
    let lock = beside(&path, ".lock");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    let check_lock = || {
        let error = Store::<u64>::open(&path).unwrap_err();
        assert!(matches!(&error, StoreError::Io { path, .. } if *path == lock), "{error}");
        assert!(error.to_string().contains("remove what is there"), "{error}");
    };
    check_lock();
    fs::remove_dir(&lock).unwrap();
    if !make_pipe(&lock) {
        return;
    }
    check_lock();
    fs::remove_file(&lock).unwrap();
    // A pipe in the place of an unfinished write is removed.
    assert!(make_pipe(&beside(&path, ".tmp")));
    drop(Store::<u64>::open(&path).unwrap());
    fs::remove_file(&path).unwrap();
    assert!(make_pipe(&path));
    let refused = Store::<u64>::open(&path);
    assert!(matches!(refused, Err(StoreError::Unreadable { fault: Fault::Foreign, .. })), "{refused:?}");
}
