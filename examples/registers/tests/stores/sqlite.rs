use std::time::Duration;

use quorate::adapters::register::CellError;
use quorate_register::open;
use rusqlite::Connection;

use crate::contract::{self, PATIENCE};

#[test]
fn a_register_in_sqlite_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}#of-group-7", folder.path().join("registers.db").display());
    contract::keep(&|| open(&url, PATIENCE).unwrap());
}

#[test]
fn two_registers_in_one_file_do_not_know_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registers.db");
    let named = |name: &str| open(&format!("sqlite:{}#{name}", path.display()), PATIENCE).unwrap();
    named("a").create(b"a").unwrap().unwrap();
    assert_eq!(named("b").read().unwrap(), None);
    named("b").create(b"b").unwrap().unwrap();
    assert_eq!(named("a").read().unwrap().unwrap().1, b"a");
}

/// A lock that another process holds, and a file that cannot be written, leave the register as it was.
#[test]
fn a_write_that_sqlite_refuses_is_not_done() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registers.db");
    let mut cell = open(&format!("sqlite:{}", path.display()), Duration::from_millis(50)).unwrap();
    let tag = cell.create(b"first").unwrap().unwrap();

    let holder = Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(cell.swap(&tag, b"second"), Err(CellError::NotDone(_))));
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!(cell.read().unwrap().unwrap(), (tag.clone(), b"first".to_vec()));
    assert!(cell.swap(&tag, b"second").unwrap().is_some());

    let garbage = folder.path().join("garbage.db");
    std::fs::write(&garbage, [7; 4096]).unwrap();
    let mut cell = open(&format!("sqlite:{}", garbage.display()), PATIENCE).unwrap();
    assert!(matches!(cell.create(b"first"), Err(CellError::NotDone(_))));
    assert!(cell.read().is_err());
}
