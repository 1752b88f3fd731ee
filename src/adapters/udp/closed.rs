//! The end of a host, for threads that wait for it.

use std::prelude::rust_2024::*;
use std::sync::Arc;
use std::time::Duration;

use super::shared::Shared;
use super::{Host, HostFailure};
use crate::types::NodeId;

/// The end of a host: see [`Host::closed`].
#[derive(Clone, Debug)]
pub struct Closed<I: NodeId>(Arc<Shared<I>>);

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
