//! The host's clock: monotonic, and counting the time the machine sleeps.
//!
//! A leader whose machine was suspended must find its lease gone when it wakes, so the clock must
//! go on while nothing runs. [`std::time::Instant`] does not on Linux and Apple systems, which is
//! why [`BootClock`] asks the system itself:
//!
//! | system | clock | counts suspend |
//! |---|---|---|
//! | Linux, Android, Fuchsia | `CLOCK_BOOTTIME` | yes |
//! | OpenBSD | `CLOCK_BOOTTIME` | yes |
//! | macOS, iOS and kin | `CLOCK_MONOTONIC` (`CLOCK_UPTIME_RAW`, behind `Instant`, would not) | yes |
//! | FreeBSD | `CLOCK_MONOTONIC` | yes, by its manual |
//! | other Unix | `CLOCK_MONOTONIC` | unspecified |
//! | Windows | `QueryPerformanceCounter`, through `Instant` | yes |
//! | anything else | `Instant` | unspecified |
//!
//! Where it is unspecified, keep the machine from suspending while it takes part.
//! A virtual machine that is paused, or restored from a snapshot, is beyond any clock inside it.

use crate::types::Timestamp;

/// A monotonic clock that counts suspend, where the system has one: see the table of the
/// [module](self).
///
/// On Linux a reading is `CLOCK_BOOTTIME` itself, the time since the machine started: readings of
/// several processes of one machine compare (outside of time namespaces). Elsewhere a reading is
/// comparable only with readings of the same `BootClock` and its copies.
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

#[cfg(all(unix, not(target_os = "espidf")))]
mod system {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    #[cfg(any(target_os = "linux", target_os = "android", target_os = "fuchsia", target_os = "openbsd"))]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "fuchsia",
        target_os = "openbsd"
    )))]
    const CLOCK: ClockId = ClockId::Monotonic;

    #[derive(Clone, Copy, Debug)]
    pub(super) struct Clock;

    impl Clock {
        pub(super) fn new() -> Self {
            Clock
        }

        /// These clocks always exist, so reading them cannot fail; nor are they ever negative.
        pub(super) fn now(self) -> Duration {
            let reading = clock_gettime(CLOCK);
            let seconds = u64::try_from(reading.tv_sec).unwrap_or(0);
            let nanos = u64::try_from(reading.tv_nsec).unwrap_or(0);
            Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos))
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
        assert!(readings.iter().all(|&now| now >= start.saturating_add(Duration::from_millis(20))));
        assert!(readings.is_sorted());
    }

    /// `/proc/uptime` is `CLOCK_BOOTTIME` too, in hundredths of a second.
    #[cfg(target_os = "linux")]
    #[test]
    fn on_linux_the_reading_is_the_time_since_the_machine_started() {
        let seconds = || -> f64 {
            let text = std::fs::read_to_string("/proc/uptime").unwrap();
            text.split(' ').next().unwrap().parse().unwrap()
        };
        let (before, now, after) =
            (seconds(), BootClock::new().now().since_origin().as_secs_f64(), seconds());
        assert!((before - 0.02..after + 0.02).contains(&now), "{before} {now} {after}");
    }
}
