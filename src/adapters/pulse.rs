//! When a host did something last, for a program that wants to know whether it is stuck.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use crate::types::{Nanos, Timestamp};

/// The time of the last turn of a host's loop. A host takes a turn many times a second, also while it waits for a disk.
#[derive(Debug)]
pub(super) struct Pulse(AtomicU64);

impl Pulse {
    pub(super) fn new(now: Timestamp) -> Self {
        Pulse(AtomicU64::new(nanos(now)))
    }

    /// The host takes a turn at `now`.
    pub(super) fn beat(&self, now: Timestamp) {
        self.0.store(nanos(now), Ordering::Relaxed);
    }

    /// The host waits for its program, which has the right to go on until `end`: until then it is not stuck.
    pub(super) fn rest_until(&self, end: Timestamp) {
        self.0.fetch_max(nanos(end), Ordering::Relaxed);
    }

    /// How long ago the last turn was, at `now`, or the end of a rest.
    pub(super) fn age(&self, now: Timestamp) -> Duration {
        Nanos(nanos(now).saturating_sub(self.0.load(Ordering::Relaxed))).as_duration()
    }
}

fn nanos(instant: Timestamp) -> u64 {
    Nanos::from(instant.since_origin()).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_waits_for_its_program_is_stuck_only_after_the_end_of_the_lease() {
        let at = |seconds| Timestamp::from(Duration::from_secs(seconds));
        let pulse = Pulse::new(at(100));
        pulse.rest_until(at(160));
        assert_eq!((pulse.age(at(159)), pulse.age(at(170))), (Duration::ZERO, Duration::from_secs(10)));
        pulse.rest_until(at(50));
        assert_eq!(pulse.age(at(170)), Duration::from_secs(10), "a lease that ended before changes nothing");
        pulse.beat(at(120));
        assert_eq!(pulse.age(at(123)), Duration::from_secs(3), "it goes on");
    }
}
