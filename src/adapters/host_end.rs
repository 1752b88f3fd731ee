//! Whether a host has ended, for threads that wait for it.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Whether a host has ended.
#[derive(Debug, Default)]
pub(super) struct HostEnd {
    ended: Mutex<bool>,
    changed: Condvar,
}

impl HostEnd {
    pub(super) fn set(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    #[cfg(all(feature = "udp", feature = "metrics"))]
    pub(super) fn is_set(&self) -> bool {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the host has ended within `timeout`.
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(ended, timeout, |ended| !*ended);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
