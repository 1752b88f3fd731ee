//! What is done to a node's durable file.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use quorate::adapters::store::Store;
use quorate::{HardState, Term};

pub(crate) type Id = u64;
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Makes `survivors` a group of their own, as far as this file is concerned. Gives back the new state
/// and where a copy of the old file is.
///
/// The lock on the file keeps a node that runs from being changed under its feet.
pub(crate) fn recover_unsafely(
    file: &Path,
    survivors: &[Id],
    above: Term,
) -> Result<(HardState<Id>, PathBuf), Failure> {
    let (mut store, old) = Store::<Id>::open(file)?;
    let new = old.recover_unsafely(survivors.iter().copied(), above)?;
    let copy = copy(store.path())?;
    store.save(&new)?;
    Ok((new, copy))
}

/// A copy that never replaces an earlier one, and is durable before the file is changed. It is for
/// the eyes of whoever has to find out what went wrong: no node may ever start from it.
fn copy(file: &Path) -> Result<PathBuf, Failure> {
    let mut name = file.as_os_str().to_owned();
    name.push(".before-recovery");
    let path = PathBuf::from(name);
    let mut copy = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .map_err(|error| format!("cannot keep a copy of the old file in {}: {error}", path.display()))?;
    io::copy(&mut File::open(file)?, &mut copy)?;
    copy.sync_all()?;
    Ok(path)
}
