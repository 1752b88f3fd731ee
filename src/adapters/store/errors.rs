//! Why durable state could not be read or written.

use std::io;
use std::path::PathBuf;
use std::prelude::rust_2024::*;

use super::format::FORMAT;
use crate::adapters::files::advice;
use crate::hard_state::BlankError;

/// Why durable state could not be read or written. Each names the file and what to do; what caused it is its
/// [`source`](std::error::Error::source).
///
/// Non-exhaustive, like [`Fault`]: a later version may tell more apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// [`Store::create`](super::Store::create) found a file: the node was started before, so
    /// [`Store::open`](super::Store::open) it.
    #[error("{} exists already: this node has a state, open it", path.display())]
    AlreadyExists {
        /// The file.
        path: PathBuf,
    },
    /// [`Store::open`](super::Store::open) found no file. If there was one, the node has forgotten what it took part in:
    /// [`Store::open_or_blank`](super::Store::open_or_blank) lets it recover that from the others.
    #[error("{} does not exist: if this node ever ran, let it start as blank", path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// [`Store::open_or_blank`](super::Store::open_or_blank) found no file, and the node cannot start as blank either.
    #[error("{} does not exist, and this node cannot start as blank", path.display())]
    Blank {
        /// The file.
        path: PathBuf,
        /// Why it cannot.
        #[source]
        source: BlankError,
    },
    /// Another `Store`, in this process or another, uses the file.
    #[error("{} is in use by another process: stop that one first, or give this node a file of its own", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is not one that was stored. Unless the fault names something that can be mended, treat it as
    /// lost: see the [module](super).
    #[error("{} cannot be used", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        fault: Fault,
    },
    /// The state cannot be written: an id's `Serialize` fails, or the ids are too large.
    #[error("the state for {} cannot be written: its ids cannot be serialized, or are too large", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
    },
    /// A save ended before it had written a byte that a start would read: no descriptor was left, or no room on the
    /// disk. The file is what it was before. The same `Store` can save again, as [`StoreError::is_retryable`] says.
    #[error("cannot write {}{}", path.display(), advice(source))]
    NotBegun {
        /// The new file, beside the one that it would have replaced.
        path: PathBuf,
        /// Why it could not be opened or written.
        source: io::Error,
    },
    /// The file cannot be replaced, most likely because it is mounted by itself, or may not be changed.
    #[error(
        "{} cannot be replaced by a new file: mount the folder that it is in, and not the file, and let the \
         user that this program runs as rename files there",
        path.display()
    )]
    NotReplaceable {
        /// The file.
        path: PathBuf,
        /// Why it cannot be replaced.
        source: io::Error,
    },
    /// A save failed before, so what the file holds is not known: drop the `Election` and this
    /// `Store`, then start again.
    #[error("an earlier save to {} failed: start this node again", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} {}{}", path.display(), advice(source))]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl StoreError {
    /// Whether the same save can be tried again with the same [`Store`](super::Store), because not a byte of it
    /// was written: no descriptor was left, for example. After any other failed save the state that the disk
    /// holds is unknown until the file has been opened again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, StoreError::NotBegun { .. })
    }
}

/// What is wrong with a file.
#[derive(Clone, PartialEq, Eq, Hash, Debug, thiserror::Error)]
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
    /// It is whole, and was written by another release.
    #[error("it has format {found}, not {FORMAT}: run this node with the release that wrote it")]
    UnknownFormat {
        /// The format it says.
        found: u32,
    },
    /// Its bytes are not those that were written.
    #[error("its checksum is wrong: it is damaged")]
    Checksum,
    /// It is whole, and its ids are of another type. The text is that of the type's form when it is
    /// serialized, as in `u32` or `[u8; 16]`, and empty if the file holds no id.
    #[error("its ids were stored as {stored}, and this program reads {expected}")]
    IdType {
        /// The type in the file.
        stored: String,
        /// The type that the file was opened with.
        expected: String,
    },
    /// Its bytes are as they were written, but no state.
    #[error("it holds no state")]
    Malformed,
}
