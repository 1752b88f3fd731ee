//! Which process has the path of a socket: the one that holds the lock on a file beside the socket.
//!
//! Without the lock two processes that start at the same instant could both find the socket of a dead one, and the second
//! would remove the socket that the first has just made.

use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::failure::BadInput;

/// The right to make and to remove the socket at a path, until it is dropped.
pub(super) struct Owner {
    lock: File,
    file: PathBuf,
}

impl Owner {
    /// Takes the path. Fails if another process has it.
    pub(super) fn of(path: &Path) -> Result<Owner, BadInput> {
        let file = lock_file(path);
        let cannot = |error| {
            BadInput::new(format_args!(
                "cannot make the socket {}: cannot lock the file {} beside it: {error}",
                path.display(),
                file.display()
            ))
        };
        loop {
            let options = File::options().create(true).write(true).truncate(false).mode(0o600).clone();
            let lock = options.open(&file).map_err(cannot)?;
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(taken(path)),
                Err(TryLockError::Error(error)) => return Err(cannot(error)),
            }
            // A process that has ended meanwhile may have removed the file that this one had opened before.
            if is_at(&lock.metadata().map_err(cannot)?, &file) {
                return Ok(Owner { lock, file });
            }
        }
    }
}

impl Drop for Owner {
    /// The file is removed while it is locked: a process that has opened it meanwhile sees that it is gone.
    fn drop(&mut self) {
        if self.lock.metadata().is_ok_and(|lock| is_at(&lock, &self.file)) {
            let _removed_by_somebody = fs::remove_file(&self.file);
        }
    }
}

/// The file beside the socket.
fn lock_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Whether what was found is still what has this path.
pub(super) fn is_at(found: &Metadata, path: &Path) -> bool {
    let now: io::Result<Metadata> = fs::symlink_metadata(path);
    now.is_ok_and(|now| (now.dev(), now.ino()) == (found.dev(), found.ino()))
}

/// The refusal of a path that another process has.
pub(super) fn taken(path: &Path) -> BadInput {
    BadInput::new(format_args!(
        "a process that is running listens on {}: stop it, or give --socket another path",
        path.display()
    ))
}
