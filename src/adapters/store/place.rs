//! The files of a store, and how one of them is replaced.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::prelude::rust_2024::*;

use super::format::MAX_FILE;
use super::{Fault, StoreError};
use crate::adapters::files;

/// The files of a store, and the folder they are in.
#[derive(Debug)]
pub(super) struct Place {
    folder: PathBuf,
    pub(super) file: PathBuf,
    temporary: PathBuf,
    lock: PathBuf,
}

impl Place {
    pub(super) fn new(path: &Path) -> Result<Self, StoreError> {
        let Some(name) = path.file_name() else {
            return Err(io_error("store to", path)(ErrorKind::InvalidInput.into()));
        };
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let folder = fs::canonicalize(parent).map_err(io_error("find the folder", parent))?;
        let beside = |suffix: &str| {
            let mut full = name.to_os_string();
            full.push(OsStr::new(suffix));
            folder.join(full)
        };
        let (file, temporary, lock) = (beside(""), beside(".tmp"), beside(".lock"));
        Ok(Place { folder, file, temporary, lock })
    }

    /// A link that leads nowhere counts as something.
    pub(super) fn check_is_free(&self) -> Result<(), StoreError> {
        match fs::symlink_metadata(&self.file) {
            Ok(_) => Err(StoreError::AlreadyExists { path: self.file.clone() }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(io_error("look for", &self.file)(error)),
        }
    }

    /// Asked before the lock is taken, so that nothing is left beside what is no state.
    pub(super) fn check_is_a_file(&self) -> Result<(), StoreError> {
        let metadata = fs::metadata(&self.file).map_err(io_error("look at", &self.file))?;
        files::check_is_regular(&metadata).map_err(|_| self.unreadable(Fault::Foreign))
    }

    /// The lock is on a file of its own, because the state file is another one after each save. It
    /// ends with the process, however that ends.
    pub(super) fn lock(&self) -> Result<Lock, StoreError> {
        let file = self.open_lock().map_err(io_error("open the lock", &self.lock))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: self.file.clone() }),
            Err(TryLockError::Error(error)) => Err(io_error("lock", &self.lock)(error)),
        }
    }

    /// The opening of a pipe without a reader would wait for one.
    fn open_lock(&self) -> io::Result<File> {
        match fs::metadata(&self.lock) {
            Ok(metadata) => files::check_is_regular(&metadata)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        files::private().create(true).truncate(false).open(&self.lock)
    }

    /// The bytes of the file, and one too many if they are more than any state's.
    pub(super) fn read(&self) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        files::read(&self.file, MAX_FILE, &mut bytes).map_err(|error| match error.kind() {
            ErrorKind::NotFound => StoreError::NotFound { path: self.file.clone() },
            _ => io_error("read", &self.file)(error),
        })?;
        Ok(bytes)
    }

    pub(super) fn unreadable(&self, fault: Fault) -> StoreError {
        StoreError::Unreadable { path: self.file.clone(), fault }
    }

    /// Only what fails before the first byte is written leaves no doubt about what the disk holds. So all descriptors
    /// are opened before that, also the one that is used last.
    pub(super) fn replace(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let not_begun = |source| StoreError::NotBegun { path: self.temporary.clone(), source };
        let folder = files::Folder::open(&self.folder).map_err(not_begun)?;
        let temporary = self.create_temporary().map_err(not_begun)?;
        self.write_and_rename(temporary, bytes).inspect_err(|_| {
            // It may take the room that the next start needs. Should it stay, the next save removes it.
            let _ = fs::remove_file(&self.temporary);
        })?;
        folder.sync().map_err(io_error("sync the folder", &self.folder))
    }

    fn create_temporary(&self) -> io::Result<File> {
        match fs::remove_file(&self.temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        files::private().create_new(true).open(&self.temporary)
    }

    fn write_and_rename(&self, mut temporary: File, bytes: &[u8]) -> Result<(), StoreError> {
        temporary
            .write_all(bytes)
            .and_then(|()| self.copy_permissions(&temporary))
            .and_then(|()| temporary.sync_all())
            .map_err(|error| self.write_error(error))?;
        fs::rename(&self.temporary, &self.file)
            .map_err(|source| StoreError::NotReplaceable { path: self.file.clone(), source })
    }

    /// A full disk leaves a part of the new file at most, which is removed, and which no start reads. After any other
    /// error the disk may be broken.
    fn write_error(&self, error: io::Error) -> StoreError {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                StoreError::NotBegun { path: self.temporary.clone(), source: error }
            }
            _ => io_error("write", &self.temporary)(error),
        }
    }

    /// The new file has the owner and the permissions that an operator gave the old one.
    #[cfg(unix)]
    fn copy_permissions(&self, temporary: &File) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

        let old = match fs::symlink_metadata(&self.file) {
            Ok(old) => old,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let new = temporary.metadata()?;
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            // Only root may give a file away. Anybody else has become the owner by replacing the file.
            let _ = fchown(temporary, Some(old.uid()), Some(old.gid()));
        }
        let mode = old.mode() & 0o777;
        if mode == new.mode() & 0o777 {
            return Ok(());
        }
        temporary.set_permissions(fs::Permissions::from_mode(mode))
    }

    #[cfg(not(unix))]
    fn copy_permissions(&self, _: &File) -> io::Result<()> {
        Ok(())
    }
}

/// A locked file.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    /// Closing would not do: a child that this process is just starting still has the file open, and
    /// with it the lock.
    fn drop(&mut self) {
        // If this fails, the lock ends a little later.
        let _ = self.0.unlock();
    }
}

pub(super) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io { action, path: path.into(), source }
}
