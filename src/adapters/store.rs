//! Durable state in a file.
//!
//! A node's first start is [`Store::create`], every other start is [`Store::open`]. There is no
//! "open or create", on purpose: a node whose file is lost does not know whom it voted for, and
//! with a fresh file it could vote twice in one term and let two leaders be elected.
//!
//! - **A lost file, or a lost disk, is a lost node.** Let it join again under a *new id*.
//! - **Never restore an older copy of the file**, from a backup or a snapshot of the disk. That is
//!   the same as losing it, only nobody notices.
//! - **Name the type of the ids**, as in `Store::<u64>`: a bare `[1, 2, 3]` is of `i32`, and what was
//!   written as one type of integer may be read as another, with other numbers.
//! - The file `<path>.lock` beside it keeps a second process out. It is empty, and stays: never
//!   delete it while a node may be running. `<path>.tmp` is a write that did not finish: harmless.
//!
//! # What is on the disk
//!
//! ```text
//! magic "quorate\x1a" | format u32 | length u32 | CRC-32 u32 | HardState in postcard
//! ```
//!
//! Integers are little-endian, `length` is that of the last part, the checksum covers everything
//! else. The file is never changed in place: a new one is written beside it, synced, renamed over it,
//! and the folder is synced. After a crash at any moment the file is the old one or the new one.
//! (On Windows a folder cannot be synced; there the rename is as durable as the file system makes it.)
//!
//! Use a local file system: with network file systems, locks and syncs are often not what they seem.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::vec::Vec;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::hard_state::HardState;
use crate::types::NodeId;

const MAGIC: [u8; 8] = *b"quorate\x1a";
const FORMAT: u32 = 2;
const HEADER: usize = 20;

/// The longest file that is written or read, in bytes: far more than any membership needs, and
/// little enough to read whatever is found at the path.
const MAX_FILE: usize = 1024 * 1024;

/// A node's durable file, held under a lock for as long as this value lives.
///
/// ```
/// use quorate::adapters::store::Store;
/// use quorate::{ClusterId, HardState, Term};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("node-1");
/// // Once, when the node is set up:
/// let first = HardState::bootstrap(ClusterId(7), [1_u64, 2, 3])?;
/// let mut store = Store::create(&path, &first)?;
/// // For every `Output::Persist(state)`:
/// let state = HardState { term: Term(1), voted_for: Some(1), ..first };
/// store.save(&state)?;
/// drop(store);
///
/// // At every later start:
/// let (store, saved) = Store::open(&path)?;
/// assert_eq!(saved, state);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Store<I> {
    place: Place,
    /// Whether a save has failed: what the file holds is not known any more.
    failed: bool,
    /// The file of the last save, for its memory.
    buffer: Vec<u8>,
    _lock: Lock,
    _ids: PhantomData<fn(I) -> I>,
}

/// Why durable state could not be read or written. Each names the file; what caused it is its
/// [`source`](std::error::Error::source).
///
/// Non-exhaustive, like [`Fault`]: a later version may tell more apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// [`Store::create`] found a file: the node was started before, so [`Store::open`] it.
    #[error("{} exists already: this node has a state, open it", path.display())]
    AlreadyExists {
        /// The file.
        path: PathBuf,
    },
    /// [`Store::open`] found no file. If there was one, do not create another: see the
    /// [module](self).
    #[error("{} does not exist: if this node ever ran, it must not start again under its id", path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// Another `Store`, in this process or another, uses the file.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is not one that was stored. Treat it as lost: see the [module](self).
    #[error("{} cannot be used", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        fault: Fault,
    },
    /// The state cannot be written: an id's `Serialize` fails, or the ids are too large.
    #[error("the state for {} cannot be written", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
    },
    /// A save failed before, so what the file holds is not known: drop the `Election` and this
    /// `Store`, then start again.
    #[error("an earlier save to {} failed", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

/// What is wrong with a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It is empty or ends too early.
    #[error("it is cut off")]
    Truncated,
    /// It is longer than it says, or longer than any state.
    #[error("it is too long")]
    TooLong,
    /// It does not begin as such a file does.
    #[error("it is not a quorate state")]
    Foreign,
    /// It was written by another release.
    #[error("it has format {found}, not {FORMAT}")]
    UnknownFormat {
        /// The format it says.
        found: u32,
    },
    /// Its bytes are not those that were written.
    #[error("its checksum is wrong")]
    Checksum,
    /// Its bytes are as they were written, but no state, or one with another type of id.
    #[error("it holds no state with ids of this type")]
    Malformed,
}

impl<I: NodeId> Store<I> {
    /// Stores a node's very first state. The folder must exist.
    ///
    /// After a failed or interrupted `create` there is either no file, or the whole one.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] if there is anything at `path`; [`StoreError::InUse`],
    /// [`StoreError::Unwritable`] or [`StoreError::Io`] if it cannot be stored.
    pub fn create(path: impl AsRef<Path>, first: &HardState<I>) -> Result<Self, StoreError>
    where
        I: Serialize,
    {
        let place = Place::new(path.as_ref())?;
        // Asked once more under the lock: here only so that nothing is left beside another's file.
        place.check_is_free()?;
        let lock = place.lock()?;
        place.check_is_free()?;
        let mut store = Self::locked(place, lock);
        store.save(first)?;
        Ok(store)
    }

    /// Opens what an earlier run stored, and returns it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no file (it is never created),
    /// [`StoreError::InUse`] if another `Store` has it, [`StoreError::Unreadable`] if it is torn,
    /// damaged or something else, [`StoreError::Io`] if it cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<(Self, HardState<I>), StoreError>
    where
        I: DeserializeOwned,
    {
        let path = path.as_ref();
        // The lock belongs beside the file itself, not beside a link to it.
        let real = fs::canonicalize(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::NotFound { path: path.into() },
            _ => io_error("find", path)(error),
        })?;
        let place = Place::new(&real)?;
        place.check_is_a_file()?;
        let lock = place.lock()?;
        let saved = place.read()?;
        // The run before may have died between the rename and this.
        place.sync_folder()?;
        Ok((Self::locked(place, lock), saved))
    }

    /// Stores `state`; when this returns, it survives a crash of the process and of the machine.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`] or [`StoreError::Io`] if it could not be stored. Drop the
    /// `Election` then: nothing it says may be acted on, and every later `save` fails with
    /// [`StoreError::Failed`].
    pub fn save(&mut self, state: &HardState<I>) -> Result<(), StoreError>
    where
        I: Serialize,
    {
        if self.failed {
            return Err(StoreError::Failed { path: self.place.file.clone() });
        }
        self.failed = true;
        render(state, &mut self.buffer)
            .ok_or_else(|| StoreError::Unwritable { path: self.place.file.clone() })?;
        self.place.replace(&self.buffer)?;
        self.failed = false;
        Ok(())
    }

    /// The file, with links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.place.file
    }

    fn locked(place: Place, lock: Lock) -> Self {
        Store { place, failed: false, buffer: Vec::new(), _lock: lock, _ids: PhantomData }
    }
}

/// The files of a store, and the folder they are in.
#[derive(Debug)]
struct Place {
    folder: PathBuf,
    file: PathBuf,
    temporary: PathBuf,
    lock: PathBuf,
}

impl Place {
    fn new(path: &Path) -> Result<Self, StoreError> {
        let Some(name) = path.file_name() else {
            return Err(io_error("store to", path)(io::ErrorKind::InvalidInput.into()));
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
    fn check_is_free(&self) -> Result<(), StoreError> {
        match fs::symlink_metadata(&self.file) {
            Ok(_) => Err(StoreError::AlreadyExists { path: self.file.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(io_error("look for", &self.file)(error)),
        }
    }

    /// A folder cannot be read, and a pipe would be read for ever.
    fn check_is_a_file(&self) -> Result<(), StoreError> {
        let metadata = fs::metadata(&self.file).map_err(io_error("look at", &self.file))?;
        if !metadata.is_file() {
            return Err(StoreError::Unreadable { path: self.file.clone(), fault: Fault::Foreign });
        }
        Ok(())
    }

    /// The lock is on a file of its own, because the state file is another one after each save. It
    /// ends with the process, however that ends.
    fn lock(&self) -> Result<Lock, StoreError> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.lock)
            .map_err(io_error("create", &self.lock))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: self.file.clone() }),
            Err(TryLockError::Error(error)) => Err(io_error("lock", &self.lock)(error)),
        }
    }

    fn read<I: NodeId + DeserializeOwned>(&self) -> Result<HardState<I>, StoreError> {
        let file = File::open(&self.file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::NotFound { path: self.file.clone() },
            _ => io_error("open", &self.file)(error),
        })?;
        let mut bytes = Vec::new();
        let limit = u64::try_from(MAX_FILE).unwrap_or(u64::MAX).saturating_add(1);
        file.take(limit).read_to_end(&mut bytes).map_err(io_error("read", &self.file))?;
        parse(&bytes).map_err(|fault| StoreError::Unreadable { path: self.file.clone(), fault })
    }

    fn replace(&self, bytes: &[u8]) -> Result<(), StoreError> {
        self.write_temporary(bytes).map_err(io_error("write", &self.temporary))?;
        fs::rename(&self.temporary, &self.file).map_err(io_error("replace", &self.file))?;
        self.sync_folder()
    }

    fn write_temporary(&self, bytes: &[u8]) -> io::Result<()> {
        match fs::remove_file(&self.temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).open(&self.temporary)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    #[cfg(not(windows))]
    fn sync_folder(&self) -> Result<(), StoreError> {
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(io_error("sync the folder", &self.folder))
    }

    #[cfg(windows)]
    fn sync_folder(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A locked file.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    /// Closing would not do: a child that this process is just starting still has the file open, and
    /// with it the lock.
    fn drop(&mut self) {
        // If this fails, the lock ends a little later.
        let _ = self.0.unlock();
    }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io { action, path: path.into(), source }
}

/// The whole file for `state`, into `buffer`; `None` if there is none.
fn render<I: NodeId + Serialize>(state: &HardState<I>, buffer: &mut Vec<u8>) -> Option<()> {
    let body = postcard::to_allocvec(state).ok()?;
    let length = u32::try_from(body.len()).ok()?.to_le_bytes();
    let format = FORMAT.to_le_bytes();
    buffer.clear();
    for part in [&MAGIC[..], &format, &length, &checksum(format, length, &body), &body] {
        buffer.extend_from_slice(part);
    }
    (buffer.len() <= MAX_FILE).then_some(())
}

fn parse<I: NodeId + DeserializeOwned>(bytes: &[u8]) -> Result<HardState<I>, Fault> {
    let Some((header, body)) = bytes.split_first_chunk::<HEADER>() else {
        let begun = bytes.starts_with(&MAGIC) || MAGIC.starts_with(bytes);
        return Err(if begun { Fault::Truncated } else { Fault::Foreign });
    };
    let [magic @ .., f0, f1, f2, f3, l0, l1, l2, l3, c0, c1, c2, c3] = *header;
    let (format, length, check) = ([f0, f1, f2, f3], [l0, l1, l2, l3], [c0, c1, c2, c3]);
    if magic != MAGIC {
        return Err(Fault::Foreign);
    }
    if u32::from_le_bytes(format) != FORMAT {
        return Err(Fault::UnknownFormat { found: u32::from_le_bytes(format) });
    }
    match u32::try_from(body.len()).unwrap_or(u32::MAX).cmp(&u32::from_le_bytes(length)) {
        core::cmp::Ordering::Less => return Err(Fault::Truncated),
        core::cmp::Ordering::Greater => return Err(Fault::TooLong),
        core::cmp::Ordering::Equal => {}
    }
    if checksum(format, length, body) != check {
        return Err(Fault::Checksum);
    }
    match postcard::take_from_bytes(body) {
        Ok((state, [])) => Ok(state),
        Ok(_) | Err(_) => Err(Fault::Malformed),
    }
}

fn checksum(format: [u8; 4], length: [u8; 4], body: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    for part in [&MAGIC[..], &format, &length, body] {
        hasher.update(part);
    }
    hasher.finalize().to_le_bytes()
}
