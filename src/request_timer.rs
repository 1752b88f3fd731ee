//! When a node repeats its requests for votes and pre-votes. Rule 4.11.

use crate::types::{NEVER, Nanos, Timestamp};

/// When requests are sent again: to voters that have not answered, and to those that were bound.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct RequestTimer {
    /// Until when requests are repeated at the retry interval; the clock's origin once that is over.
    urgent_until: Timestamp,
    /// When the requests that have no answer are repeated.
    repeat_at: Timestamp,
    /// When a bound voter becomes free.
    free_at: Timestamp,
}

impl RequestTimer {
    /// The timer of requests that are sent now, for the first time, and are urgent for a while.
    pub(crate) fn new(now: Timestamp, urgent_for: Nanos) -> Self {
        RequestTimer { urgent_until: now.after(urgent_for), repeat_at: now, free_at: NEVER }
    }

    /// The timer of another round of the same requests, all of which are sent now. What was no longer urgent does
    /// not become so again.
    pub(crate) fn next_round(&self, now: Timestamp) -> Self {
        let urgent_until = if now < self.urgent_until { self.urgent_until } else { Timestamp::ORIGIN };
        RequestTimer { urgent_until, repeat_at: now, free_at: NEVER }
    }

    /// The next timer.
    #[inline]
    pub(crate) fn due(&self) -> Timestamp {
        self.repeat_at.min(self.free_at)
    }

    /// Whether the requests that have no answer are repeated now. Otherwise only voters that were bound are asked
    /// again.
    pub(crate) fn repeats_now(&self, now: Timestamp) -> bool {
        now >= self.repeat_at
    }

    /// How long after `now` a request that is not answered is sent again. Until it is no longer urgent, that is the
    /// retry interval, since it may be lost; then the length of a promise.
    pub(crate) fn pause(&self, now: Timestamp, retry_interval: Nanos, promise: Nanos) -> Nanos {
        if now < self.urgent_until { retry_interval } else { retry_interval.max(promise) }
    }

    /// Sets when the requests that have no answer are repeated.
    pub(crate) fn schedule_repeat(&mut self, at: Timestamp) {
        self.repeat_at = at;
    }

    /// The requests that have no answer are repeated at `at`, unless they are repeated before.
    pub(crate) fn repeat_by(&mut self, at: Timestamp) {
        self.repeat_at = self.repeat_at.min(at);
    }

    /// Sets when the next bound voter becomes free.
    pub(crate) fn watch_bound(&mut self, at: Timestamp) {
        self.free_at = at;
    }
}
