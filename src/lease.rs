//! What a promise is worth to the node that asked for it, and how long a leader waits for a long lease.

use crate::config::ClockBounds;
use crate::types::{Nanos, Timestamp};

/// The time on the requester's clock until which a voter is certainly bound that promised `granted` in reply to a
/// request sent at `sent_at`. Rule 3.1.
///
/// The voter counts from the receipt, which is later than `sent_at`; its clock may run faster, by the drift at
/// most. One division covers both clocks. The two readings of the requester's clock may differ by one resolution
/// more than the time between them.
#[inline]
pub(crate) fn bound_until(sent_at: Timestamp, granted: Nanos, clock: ClockBounds) -> Timestamp {
    sent_at.after(clock.binding_length(granted))
}

/// The wait of a leader for a long lease, before it writes. Rule 3.5 (b).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Preparation {
    /// Until when the leader waits for a lease that is long by its own `promise_limit`.
    patient_until: Timestamp,
    /// When the leader stops waiting.
    until: Timestamp,
    /// The latest end of the lease so far.
    lease: Timestamp,
    /// The most that was left of the lease when a reply had lengthened it; zero if none has.
    longest: Nanos,
}

impl Preparation {
    /// A wait that begins at `now`, with this `lease`, of two promises and a long promise at most.
    pub(crate) fn new(now: Timestamp, promise: Nanos, promise_limit: Nanos, lease: Timestamp) -> Self {
        let patient_until = now.after(promise.saturating_mul(2));
        Preparation { patient_until, until: patient_until.after(promise_limit), lease, longest: Nanos::ZERO }
    }

    /// Takes account of a lease that may have become longer. What is left of the lease with which the wait began does
    /// not show what the voters grant now.
    pub(crate) fn observe(&mut self, now: Timestamp, lease: Timestamp) {
        if lease > self.lease {
            self.lease = lease;
            self.longest = self.longest.max(lease.since(now));
        }
    }

    /// Whether the leader waits for no longer a lease than the one it has now.
    ///
    /// A asks for 450, and B grants 150, its own limit. The lease of A is never longer than 140, and just before the
    /// next reply it is 70. A that wrote then, for 50, would lose it while B writes for as long.
    pub(crate) fn is_over(self, now: Timestamp, lease: Timestamp) -> bool {
        let is_lengthened = self.longest > Nanos::ZERO;
        let is_at_its_longest = lease.since(now) >= self.longest.saturating_mul(3).part(4);
        now >= self.until || (now >= self.patient_until && is_lengthened && is_at_its_longest)
    }

    /// Whether the leader still waits at `now`.
    pub(crate) fn goes_on(self, now: Timestamp) -> bool {
        now < self.until
    }
}
