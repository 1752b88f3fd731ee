//! Durable state in a file.
//!
//! Each start of a node is [`Deployment::open`], which takes a folder and the statement what the deployment is. Or, step
//! by step: a node's first start is [`Store::create`], every other start is [`Store::open`]; or each start is
//! [`Store::open_or_blank`]. There is no "open or create" with a state of your own, on purpose: a node whose file is lost
//! does not know whom it voted for, and with a fresh file it could vote twice in one term and let two leaders be elected.
//!
//! - **A lost file, or a lost disk, is no first start.** [`Store::open_or_blank`] starts the node as
//!   [`HardState::blank`] then: it asks the others what it may have forgotten before it takes part again. Never start
//!   it with another first state.
//! - **Never restore an older copy of the file**, from a backup or a snapshot of the disk. That is
//!   the same as losing it, only nobody notices.
//! - **Name the type of the ids**, as in `Store::<u64>`: a bare `[1, 2, 3]` is of `i32`. A file whose ids
//!   were stored as one type is refused as another.
//! - The file `<path>.lock` beside it keeps a second process out. It is empty, and stays: never
//!   delete it while a node may be running. `<path>.tmp` is a write that did not finish: harmless.
//!
//! # What is on the disk
//!
//! ```text
//! magic "quorate\x1a" | format u32 | length u32 | CRC-32 u32 | type of the ids, id of the node or none, HardState in postcard
//! ```
//!
//! Integers are little-endian, `length` is that of the last part, the checksum covers everything
//! else. The file is never changed in place: a new one is written beside it, synced, renamed over it,
//! and the folder is synced. After a crash at any moment the file is the old one or the new one.
//! (On Windows a folder cannot be synced; there the rename is as durable as the file system makes it.)
//!
//! So a node needs a folder in which it may create, rename and delete files. A state file that is mounted by
//! itself, as with `docker run -v ./node.state:/data/node.state`, cannot be replaced: mount the folder. The files
//! are readable by their owner alone (mode 0600); an owner or permissions that an operator gives the state file
//! later are kept.
//!
//! Use a local file system: with network file systems, locks and syncs are often not what they seem.

mod deployment;
mod errors;
mod first_format;
mod format;
mod place;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::vec::Vec;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::place::{Lock, Place, io_error};
use crate::adapters::wall_clock::blank_now;
use crate::hard_state::HardState;
use crate::types::{ClusterId, NodeId};

pub use self::deployment::{Deployment, DeploymentError};
pub use self::errors::{Fault, StoreError};

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
    /// The node that the state is of, if the store was told.
    owner: Option<I>,
    /// Whether a save has failed: what the file holds is not known any more.
    failed: bool,
    /// The file of the last save, for its memory.
    buffer: Vec<u8>,
    _lock: Lock,
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
        Self::create_for(None, path.as_ref(), first)
    }

    fn create_for(owner: Option<I>, path: &Path, first: &HardState<I>) -> Result<Self, StoreError>
    where
        I: Serialize,
    {
        let place = Place::new(path)?;
        // Asked once more under the lock: here only so that nothing is left beside another's file.
        place.check_is_free()?;
        let lock = place.lock()?;
        place.check_is_free()?;
        let mut store = Self::locked(place, owner, lock);
        store.save(first)?;
        Ok(store)
    }

    /// Opens what an earlier run stored, stores it anew, and returns it.
    ///
    /// What is read may be in the system's memory alone, after a sync that failed; what has been stored anew is
    /// on the disk. A disk or a folder that a later [`save`](Self::save) could not use is noticed here too.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no file (it is never created),
    /// [`StoreError::InUse`] if another `Store` has it, [`StoreError::Unreadable`] if it is torn,
    /// damaged or something else, [`StoreError::Io`] if it cannot be read, and the errors of a save. The file
    /// is unchanged then.
    pub fn open(path: impl AsRef<Path>) -> Result<(Self, HardState<I>), StoreError>
    where
        I: Serialize + DeserializeOwned,
    {
        let path = path.as_ref();
        // The lock belongs beside the file itself, not beside a link to it.
        let real = fs::canonicalize(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => StoreError::NotFound { path: path.into() },
            _ => io_error("find", path)(error),
        })?;
        let place = Place::new(&real)?;
        place.check_is_a_file()?;
        let lock = place.lock()?;
        let bytes = place.read()?;
        let (owner, saved) = format::parse(&bytes).map_err(|fault| place.unreadable(fault))?;
        place.replace(&bytes)?;
        Ok((Self::locked(place, owner, lock), saved))
    }

    /// Opens what an earlier run stored, or stores the state of a node that has nothing, because it has forgotten or has
    /// never run: [`HardState::blank`], of the group `cluster` whose first nodes are `members`. The wall clock of the
    /// machine is read for that. Every later start finds what this one stored. The page
    /// [`guide::memory`](crate::guide::memory) says what has to hold.
    ///
    /// This is for groups that were founded so. In one that was started by [`HardState::bootstrap`] or
    /// [`HardState::forming`], [`create`](Self::create) the file of a node that has lost it with a blank state
    /// [`without_founding`](HardState::without_founding).
    ///
    /// Only a file that is missing makes a node blank. One that is damaged is refused, as by [`open`](Self::open): where
    /// you want the node to recover from the others instead, move that file away. The folder has to exist, so that a
    /// disk which is not mounted is noticed.
    ///
    /// ```
    /// use quorate::adapters::store::Store;
    /// use quorate::ClusterId;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("node-1");
    /// let (store, saved) = Store::<u64>::open_or_blank(&path, ClusterId(7), [1, 2, 3])?;
    /// assert!(saved.blank.is_some());
    /// drop(store);
    /// let (store, again) = Store::open_or_blank(&path, ClusterId(7), [1, 2, 3])?;
    /// assert_eq!(again, saved);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`open`](Self::open) and [`create`](Self::create), but for a missing file; [`StoreError::Blank`] if the
    /// wall clock was never set or the list of members is none. Nothing is stored then.
    pub fn open_or_blank(
        path: impl AsRef<Path>,
        cluster: ClusterId,
        members: impl IntoIterator<Item = I>,
    ) -> Result<(Self, HardState<I>), StoreError>
    where
        I: Serialize + DeserializeOwned,
    {
        let path = path.as_ref();
        match Self::open(path) {
            Err(StoreError::NotFound { .. }) => {}
            opened => return opened,
        }
        let blank =
            blank_now(cluster, members).map_err(|source| StoreError::Blank { path: path.into(), source })?;
        Ok((Self::create(path, &blank)?, blank))
    }

    /// Stores `state`; when this returns, it survives a crash of the process and of the machine.
    ///
    /// # Errors
    /// [`StoreError::NotBegun`] if not a byte was written: nothing has changed, and the same state can be saved
    /// again ([`StoreError::is_retryable`]). After any other error drop the `Election`: nothing it says may be
    /// acted on, and every later `save` fails with [`StoreError::Failed`].
    pub fn save(&mut self, state: &HardState<I>) -> Result<(), StoreError>
    where
        I: Serialize,
    {
        if self.failed {
            return Err(StoreError::Failed { path: self.place.file.clone() });
        }
        let saved = format::render(self.owner, state, &mut self.buffer)
            .ok_or_else(|| StoreError::Unwritable { path: self.place.file.clone() })
            .and_then(|()| self.place.replace(&self.buffer));
        self.failed = saved.as_ref().is_err_and(|error| !error.is_retryable());
        saved
    }

    /// The file, with links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.place.file
    }

    fn locked(place: Place, owner: Option<I>, lock: Lock) -> Self {
        Store { place, owner, failed: false, buffer: Vec::new(), _lock: lock }
    }
}
