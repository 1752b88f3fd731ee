//! The storage of a node's durable state.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::hard_state::HardState;

/// Stores a node's state. It is called on a thread that may block, one call at a time.
pub trait Storage<I>: Send + 'static {
    /// Returns when `state` would survive a crash.
    ///
    /// # Errors
    /// If it could not be stored; the node stops then.
    fn save(&mut self, state: &HardState<I>) -> io::Result<()>;
}

#[cfg(feature = "store")]
mod store {
    use std::io;

    use serde::Serialize;

    use super::Storage;
    use crate::adapters::store::{Store, StoreError};
    use crate::hard_state::HardState;
    use crate::types::NodeId;

    impl<I: NodeId + Serialize + 'static> Storage<I> for Store<I> {
        fn save(&mut self, state: &HardState<I>) -> io::Result<()> {
            Store::save(self, state).map_err(|error| match error {
                StoreError::Io { ref source, .. }
                | StoreError::NotBegun { ref source, .. }
                | StoreError::NotReplaceable { ref source, .. } => io::Error::new(source.kind(), error),
                error => io::Error::other(error),
            })
        }
    }
}

/// Forgets everything with the process: for tests. Clones share what was saved.
pub struct Memory<I>(Arc<Mutex<Option<HardState<I>>>>);

impl<I> Memory<I> {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Memory(Arc::new(Mutex::new(None)))
    }
}

impl<I: Clone> Memory<I> {
    /// What was saved last.
    #[must_use]
    pub fn saved(&self) -> Option<HardState<I>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<I: Clone + Send + 'static> Storage<I> for Memory<I> {
    fn save(&mut self, state: &HardState<I>) -> io::Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(state.clone());
        Ok(())
    }
}

impl<I> Default for Memory<I> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I> Clone for Memory<I> {
    fn clone(&self) -> Self {
        Memory(Arc::clone(&self.0))
    }
}

impl<I> fmt::Debug for Memory<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}
