//! How work is told that it is to stop soon.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::select;

use super::leadership_watch::LeadershipWatch;
use crate::types::Term;

/// Tells work that it is to stop soon: to finish the item that it has begun, and to begin no other. See
/// [`run_while_leader_gracefully`](super::Handle::run_while_leader_gracefully).
///
/// Clones are the same token. Once it is set it stays so, also if the lease is renewed after all.
pub struct StopToken<I> {
    watch: Arc<LeadershipWatch<I>>,
    term: Term,
    /// How long before its lease ends the work is told.
    notice: Duration,
    requested: Arc<AtomicBool>,
}

impl<I: Copy + Eq> StopToken<I> {
    pub(super) fn new(watch: Arc<LeadershipWatch<I>>, term: Term, notice: Duration) -> Self {
        StopToken { watch, term, notice, requested: Arc::default() }
    }

    /// Whether the work is to stop. Reads a fresh clock: ask before each item.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed) || self.set_if_due()
    }

    /// Returns as soon as the work is to stop.
    pub async fn requested(&self) {
        let mut leadership = self.watch.subscribe();
        while !self.is_requested() {
            let due = self.watch.end().map(|end| end.saturating_sub(self.notice));
            select! {
                _ = leadership.changed() => {}
                () = self.watch.clock.nap(due.unwrap_or_default()) => {}
            }
        }
    }

    fn set_if_due(&self) -> bool {
        let lease = self.watch.lease_with_notice(self.notice);
        let is_due = lease.is_none_or(|lease| lease.term != self.term);
        self.requested.fetch_or(is_due, Ordering::Relaxed) || is_due
    }
}

impl<I> Clone for StopToken<I> {
    fn clone(&self) -> Self {
        let (watch, requested) = (Arc::clone(&self.watch), Arc::clone(&self.requested));
        StopToken { watch, term: self.term, notice: self.notice, requested }
    }
}

impl<I> fmt::Debug for StopToken<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopToken")
            .field("term", &self.term)
            .field("notice", &self.notice)
            .field("requested", &self.requested)
            .finish_non_exhaustive()
    }
}
