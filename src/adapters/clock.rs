//! The host's clock: monotonic, at a rate that is not steered, and counting the time the machine sleeps.
//!
//! A leader whose machine was suspended must find its lease gone when it wakes, so the clock must
//! go on while nothing runs. And leases are safe only while the *rates* of two clocks differ by no more than
//! [`clock_drift_ppm`](crate::Timing::clock_drift_ppm). A clock that an NTP daemon slews runs faster or slower by
//! what the daemon likes: chrony slews by up to 83,333 ppm as it is shipped. So [`BootClock`] reads:
//!
//! | system | clock | counts suspend | slewed |
//! |---|---|---|---|
//! | Linux, Android | `CLOCK_MONOTONIC_RAW`, plus the time suspended: `CLOCK_BOOTTIME` less `CLOCK_MONOTONIC` | yes | no |
//! | Fuchsia | `CLOCK_BOOTTIME` | yes | no |
//! | macOS, iOS and kin | `CLOCK_MONOTONIC` (`CLOCK_UPTIME_RAW`, behind `Instant`, would stop) | yes | yes, as `adjtime` does |
//! | FreeBSD | `CLOCK_MONOTONIC` | yes, by its manual | yes, by up to 5,000 ppm |
//! | OpenBSD | `CLOCK_BOOTTIME` | yes | yes, by up to 5,000 ppm |
//! | other Unix | `CLOCK_MONOTONIC` | unspecified | unspecified |
//! | Windows | `QueryPerformanceCounter`, through `Instant` | yes | no |
//! | WASI, others with an `Instant` | `Instant` | unspecified | unspecified |
//! | `wasm32-unknown-unknown` | none: the feature `clock` does not compile. Bring a clock of your own | | |
//!
//! Where suspend is unspecified, keep the machine from suspending while it takes part. Where the clock is slewed,
//! tell the NTP daemon to slew no faster than `clock_drift_ppm` allows, or raise that. What is checked: Linux, by the
//! tests of this crate; the others are compiled only.
//!
//! A microsecond is enough as [`clock_resolution`](crate::Timing::clock_resolution) for each of them.
//!
//! A virtual machine that is paused, or restored from a snapshot, is beyond any clock inside it. NTP, containers and
//! virtual machines have a page of their own: [`guide::clocks`](crate::guide::clocks).

use crate::types::Timestamp;

/// A monotonic clock that counts suspend and is not slewed, where the system has one: see the table of the
/// [module](self).
///
/// On Linux the readings of all processes of one machine compare, to within a few microseconds and outside of time
/// namespaces. Elsewhere a reading is comparable only with readings of the same `BootClock` and its copies.
///
/// ```
/// use quorate::adapters::clock::BootClock;
///
/// let clock = BootClock::new();
/// let before = clock.now();
/// assert!(clock.now() >= before);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BootClock(system::Clock);

impl BootClock {
    /// The clock of this machine.
    #[must_use]
    pub fn new() -> Self {
        BootClock(system::Clock::new())
    }

    /// What the clock reads. It never runs backwards.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.now().into()
    }
}

impl Default for BootClock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod suspended;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    use super::suspended::{Bracket, Suspended};

    /// One for the process, so that no copy of the clock is behind another.
    static SUSPENDED: Suspended = Suspended::new();

    #[derive(Clone, Copy, Debug)]
    pub(super) struct Clock;

    impl Clock {
        pub(super) fn new() -> Self {
            Clock
        }

        /// The raw clock is read first. A machine that is suspended after that has the reading of the moment at
        /// which it went on.
        pub(super) fn now(self) -> Duration {
            let raw = read(ClockId::MonotonicRaw);
            let suspended = SUSPENDED.update(|| Bracket {
                before: read(ClockId::Monotonic),
                boot: read(ClockId::Boottime),
                after: read(ClockId::Monotonic),
            });
            Duration::from_nanos(u64::try_from(raw.saturating_add(suspended)).unwrap_or(0))
        }
    }

    /// These clocks always exist, so reading them cannot fail; nor are they ever negative.
    fn read(clock: ClockId) -> i64 {
        let reading = Duration::try_from(clock_gettime(clock)).unwrap_or_default();
        i64::try_from(reading.as_nanos()).unwrap_or(i64::MAX)
    }
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android", target_os = "espidf"))))]
mod system {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    #[cfg(any(target_os = "fuchsia", target_os = "openbsd"))]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(any(target_os = "fuchsia", target_os = "openbsd")))]
    const CLOCK: ClockId = ClockId::Monotonic;

    #[derive(Clone, Copy, Debug)]
    pub(super) struct Clock;

    impl Clock {
        pub(super) fn new() -> Self {
            Clock
        }

        /// These clocks always exist, so reading them cannot fail; nor are they ever negative.
        pub(super) fn now(self) -> Duration {
            Duration::try_from(clock_gettime(CLOCK)).unwrap_or_default()
        }
    }
}

#[cfg(not(all(unix, not(target_os = "espidf"))))]
mod system {
    use std::time::{Duration, Instant};

    #[derive(Clone, Copy, Debug)]
    pub(super) struct Clock {
        origin: Instant,
    }

    impl Clock {
        pub(super) fn new() -> Self {
            Clock { origin: Instant::now() }
        }

        pub(super) fn now(self) -> Duration {
            self.origin.elapsed()
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::BootClock;
    use std::time::Duration;

    #[test]
    fn it_advances_with_time_and_never_runs_backwards() {
        let clock = BootClock::new();
        let start = clock.now();
        std::thread::sleep(Duration::from_millis(20));
        let readings: std::vec::Vec<_> = (0..1000).map(|_| clock.now()).collect();
        // NTP may slow the sleep down, or hurry it, by a tenth.
        assert!(readings.iter().all(|&now| now >= start.saturating_add(Duration::from_millis(18))));
        assert!(readings.is_sorted());
    }

    #[test]
    fn a_reading_that_is_taken_later_by_another_thread_is_no_earlier() {
        let latest = std::sync::Mutex::new(BootClock::new().now());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let mut latest = latest.lock().unwrap();
                        let now = BootClock::new().now();
                        assert!(now >= *latest, "{now} after {latest}");
                        *latest = now;
                    }
                });
            }
        });
    }

    /// A process that is started later finds the same offset, to within a few microseconds.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn on_linux_the_reading_is_the_raw_clock_and_the_time_suspended() {
        use rustix::time::{ClockId, clock_gettime};
        let read = |clock| Duration::try_from(clock_gettime(clock)).unwrap();
        let expected = || {
            let suspended = read(ClockId::Boottime).saturating_sub(read(ClockId::Monotonic));
            read(ClockId::MonotonicRaw).saturating_add(suspended)
        };
        let close = Duration::from_millis(10);
        let (before, now, after) = (expected(), BootClock::new().now().since_origin(), expected());
        assert!(
            (before.saturating_sub(close)..after.saturating_add(close)).contains(&now),
            "{before:?} {now:?} {after:?}"
        );
    }
}
