//! The storage of a node's durable state.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::adapters::SaveError;
use crate::adapters::disk::{Disk, Written};
use crate::hard_state::HardState;

/// Stores a node's state. It is called on a thread of its own, one call at a time.
pub trait Storage<I>: Send + 'static {
    /// Returns when `state` would survive a crash. It may be the state that was saved last.
    ///
    /// # Errors
    /// [`SaveError`] if it could not be stored. If the state before is [untouched](SaveError::is_untouched), `save` is
    /// called again after a pause, with the same state; otherwise the node stops.
    fn save(&mut self, state: &HardState<I>) -> Result<(), SaveError>;
}

/// Saves on a thread of its own.
pub(super) fn on_thread<I: Send + 'static>(
    mut storage: impl Storage<I>,
    report: mpsc::Sender<Written>,
) -> io::Result<Disk<I>> {
    Disk::on_thread(
        move |state: &HardState<I>| storage.save(state),
        move |written| {
            let _task_has_ended = report.try_send(written);
        },
    )
}

/// Saves on the runtime's pool for blocking work.
pub(super) fn on_blocking_pool<I: Send + 'static>(
    storage: impl Storage<I>,
    report: mpsc::Sender<Written>,
) -> Disk<I> {
    let shared = Arc::new(Mutex::new(Some(storage)));
    Disk::elsewhere(move |state: HardState<I>| {
        let (shared, report) = (Arc::clone(&shared), report.clone());
        spawn_blocking(move || {
            let mut storage = shared.lock().unwrap_or_else(PoisonError::into_inner).take();
            let save = || storage.as_mut().map(|storage| storage.save(&state));
            let saved = catch_unwind(AssertUnwindSafe(save));
            let written = match saved {
                Ok(Some(Ok(()))) => Written::Durable,
                Ok(Some(Err(error))) => Written::Failed(error),
                Ok(None) | Err(_) => Written::Panicked,
            };
            // Where a node ends with its write, its storage is dropped before the end becomes known.
            match written {
                Written::Panicked => drop(storage),
                Written::Durable | Written::Failed(_) => {
                    *shared.lock().unwrap_or_else(PoisonError::into_inner) = storage;
                }
            }
            drop(shared);
            let _task_has_ended = report.try_send(written);
        });
    })
}

#[cfg(feature = "store")]
mod store {
    use serde::Serialize;

    use super::Storage;
    use crate::adapters::SaveError;
    use crate::adapters::store::Store;
    use crate::hard_state::HardState;
    use crate::types::NodeId;

    impl<I: NodeId + Serialize + Send + 'static> Storage<I> for Store<I> {
        fn save(&mut self, state: &HardState<I>) -> Result<(), SaveError> {
            Ok(Store::save(self, state)?)
        }
    }
}

/// Keeps the state in the memory of this process, for tests: clones share what was saved. A node whose machine has no
/// disk is started by [`Handle::start_volatile`](super::Handle::start_volatile) instead.
pub struct MemoryStorage<I>(Arc<Mutex<Option<HardState<I>>>>);

impl<I> MemoryStorage<I> {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        MemoryStorage(Arc::new(Mutex::new(None)))
    }
}

impl<I: Clone> MemoryStorage<I> {
    /// What was saved last.
    #[must_use]
    pub fn saved(&self) -> Option<HardState<I>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<I: Clone + Send + 'static> Storage<I> for MemoryStorage<I> {
    fn save(&mut self, state: &HardState<I>) -> Result<(), SaveError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(state.clone());
        Ok(())
    }
}

impl<I> Default for MemoryStorage<I> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I> Clone for MemoryStorage<I> {
    fn clone(&self) -> Self {
        MemoryStorage(Arc::clone(&self.0))
    }
}

impl<I> fmt::Debug for MemoryStorage<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStorage").finish_non_exhaustive()
    }
}
