//! The change of a node's durable file.

use std::error::Error;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use quorate::adapters::store::Store;
use quorate::{HardState, NodeId, Term};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

type Failure = Box<dyn Error + Send + Sync>;

/// Makes `survivors` a group of their own, as far as this file is concerned. Returns the new state and the
/// path of a copy of the old file.
///
/// The lock on the file prevents a change of a running node's file.
pub(crate) fn recover_unsafely<I: NodeId + Serialize + DeserializeOwned>(
    file: &Path,
    survivors: &[I],
    above: Term,
) -> Result<(HardState<I>, PathBuf), Failure> {
    let (mut store, old) = Store::<I>::open(file)?;
    let new = old.recover_unsafely(survivors.iter().copied(), above)?;
    let copy = copy(store.path())?;
    store.save(&new)?;
    Ok((new, copy))
}

/// Makes a copy that never replaces an earlier one, and is durable before the file is changed. The copy
/// helps the operator to find out what went wrong; no node may ever start from it.
fn copy(file: &Path) -> Result<PathBuf, Failure> {
    let mut name = file.as_os_str().to_owned();
    name.push(".before-recovery");
    let path = PathBuf::from(name);
    let folder = file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let mut copy = NamedTempFile::new_in(folder)?;
    io::copy(&mut File::open(file)?, &mut copy)?;
    copy.as_file().sync_all()?;
    // There is a whole copy or none, so that what failed can be tried again.
    copy.persist_noclobber(&path)
        .map_err(|error| format!("cannot keep a copy of the old file in {}: {error}", path.display()))?;
    if cfg!(not(windows)) {
        File::open(folder)?.sync_all()?;
    }
    Ok(path)
}
