//! The end of a host, for threads that wait for it.

use std::prelude::rust_2024::*;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::shared::Shared;
use super::{Host, HostFailure};
use crate::types::NodeId;

/// The end of a host: see [`Host::closed`].
#[derive(Clone, Debug)]
pub struct Closed<I: NodeId>(Arc<Shared<I>>);

/// Whether the host has ended.
#[derive(Debug, Default)]
pub(super) struct End {
    ended: Mutex<bool>,
    changed: Condvar,
}

impl<I: NodeId> Host<I> {
    /// What a thread needs to wait for the end of the host, without keeping it. No other thread of the program is
    /// involved, so the end of a host is noticed also if the thread that reads its [`events`](Host::events) has
    /// died.
    #[must_use]
    pub fn closed(&self) -> Closed<I> {
        Closed(Arc::clone(&self.shared))
    }
}

impl<I: NodeId> Closed<I> {
    /// Returns when the host has ended.
    ///
    /// # Errors
    /// [`HostFailure`] if it ended by itself.
    pub fn wait(&self) -> Result<(), HostFailure> {
        while !self.0.end.wait(Duration::MAX) {}
        self.failure()
    }

    /// As [`wait`](Self::wait), but for `timeout` at most; `None` if the host has not ended by then.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<Result<(), HostFailure>> {
        self.0.end.wait(timeout).then(|| self.failure())
    }

    fn failure(&self) -> Result<(), HostFailure> {
        self.0.view().failure.clone().map_or(Ok(()), Err)
    }
}

impl End {
    pub(super) fn set(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    #[cfg(feature = "metrics")]
    pub(super) fn is_set(&self) -> bool {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the host has ended within `timeout`.
    fn wait(&self, timeout: Duration) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(ended, timeout, |ended| !*ended);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
