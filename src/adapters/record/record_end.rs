//! Why there is no record, or no more of it.

use std::fmt;
use std::io;
use std::sync::Arc;

/// Why a recorder cannot be used.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecorderError {
    /// Another host records by it, or has. Give each host a recorder of its own.
    #[error("the recorder was given to another host before")]
    InUse,
    /// The operating system has no thread to give.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// An id or a configuration cannot be written as JSON.
    #[error("the node cannot be recorded")]
    Unserializable(#[source] io::Error),
}

/// Why a record has ended.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RecordEnd {
    /// The node has ended, and all its lines are written.
    Complete,
    /// The record is as long as it may be. The node runs on.
    Full {
        /// How many bytes that is.
        limit: u64,
    },
    /// The lines cannot be written. The node runs on.
    Failed(Arc<io::Error>),
}

impl fmt::Display for RecordEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordEnd::Complete => f.write_str("complete"),
            RecordEnd::Full { limit } => write!(f, "it has {limit} bytes, and may have no more"),
            RecordEnd::Failed(error) => write!(f, "it cannot be written: {error}"),
        }
    }
}
