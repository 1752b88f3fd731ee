//! A delay that doubles with each failure and halves with time.

use crate::types::{Nanos, Timestamp};

/// A delay that doubles with each failure, and halves whenever no failure happens for as long as the longest
/// delay.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Backoff {
    length: Nanos,
    /// When the last failure happened.
    since: Timestamp,
}

/// The longest delay, as a multiple of the shortest.
const LONGEST: u64 = 16;

impl Backoff {
    /// Whether there is a delay, as of the last call of [`settle`](Self::settle) or [`double`](Self::double).
    pub(crate) fn is_active(&self) -> bool {
        self.length > Nanos::ZERO
    }

    /// Forgets the failures if their delay is over, so that a node that had trouble long ago is in the same state
    /// as one that never had. Returns the delay at `now`.
    pub(crate) fn settle(&mut self, now: Timestamp, unit: Nanos) -> Nanos {
        let delay = self.delay(now, unit);
        if delay == Nanos::ZERO {
            *self = Backoff::default();
        }
        delay
    }

    /// The trouble goes on at `now`: the time without a failure begins again.
    pub(crate) fn postpone_decay(&mut self, now: Timestamp, unit: Nanos) {
        self.length = self.delay(now, unit);
        self.since = now;
    }

    /// The delay at `now`. `unit` is the shortest delay that counts.
    pub(crate) fn delay(&self, now: Timestamp, unit: Nanos) -> Nanos {
        if !self.is_active() {
            return Nanos::ZERO;
        }
        let half_life = unit.saturating_mul(LONGEST);
        let halvings = now.since(self.since).0.checked_div(half_life.0).unwrap_or(0);
        let left = u32::try_from(halvings).ok().and_then(|by| self.length.0.checked_shr(by));
        left.map(Nanos).filter(|&left| left >= unit).unwrap_or(Nanos::ZERO)
    }

    /// Another failure happened at `now`.
    pub(crate) fn double(&mut self, now: Timestamp, unit: Nanos) {
        let next = self.delay(now, unit).saturating_mul(2).max(unit);
        self.length = next.min(unit.saturating_mul(LONGEST));
        self.since = now;
    }
}
