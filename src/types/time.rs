//! Instants and lengths of time.

use core::fmt;
use core::time::Duration;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// An instant of one host's clock, in nanoseconds since that clock's origin.
///
/// A host makes a `Timestamp` of each reading of its clock, and gets instants of the same clock back: the next
/// deadline, the end of a lease. A [`Duration`] is a length of time and an instant is none, so that a host
/// cannot sleep *for* a deadline where it has to sleep *until* the deadline. Instants of two hosts' clocks
/// cannot be compared.
///
/// ```
/// use quorate::Timestamp;
/// use std::time::{Duration, Instant};
///
/// let origin = Instant::now();
/// let now = || Timestamp::from(origin.elapsed());
///
/// let deadline = now().saturating_add(Duration::from_millis(5));
/// while now() < deadline {
///     std::thread::sleep(deadline.saturating_duration_since(now()));
/// }
/// assert!(now().since_origin() >= Duration::from_millis(5));
/// ```
///
/// The last `Timestamp` is 584 years after the origin. An [`Election`](crate::Election) accepts readings of up
/// to 292 years.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Timestamp(u64);

impl Timestamp {
    /// The origin of the clock.
    pub const ORIGIN: Timestamp = Timestamp(0);

    /// The time between the clock's origin and this instant.
    #[must_use]
    #[inline]
    pub const fn since_origin(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// The instant `length` after this one; the last `Timestamp` if that is later.
    #[must_use]
    #[inline]
    pub const fn saturating_add(self, length: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(nanos(length)))
    }

    /// The instant `length` before this one; the origin if that is earlier.
    #[must_use]
    #[inline]
    pub const fn saturating_sub(self, length: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(nanos(length)))
    }

    /// The time from `earlier` to this instant; zero if `earlier` is in fact later.
    #[must_use]
    #[inline]
    pub const fn saturating_duration_since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The instant `length` after this one; the last `Timestamp` if that is later.
    #[inline]
    pub(crate) const fn after(self, length: Nanos) -> Timestamp {
        Timestamp(self.0.saturating_add(length.0))
    }

    /// The instant `length` before this one; the origin if that is earlier.
    #[inline]
    pub(crate) const fn before(self, length: Nanos) -> Timestamp {
        Timestamp(self.0.saturating_sub(length.0))
    }

    /// The length of time from `earlier` to this instant; zero if `earlier` is in fact later.
    #[inline]
    pub(crate) const fn since(self, earlier: Timestamp) -> Nanos {
        Nanos(self.0.saturating_sub(earlier.0))
    }
}

impl From<Duration> for Timestamp {
    /// The instant that long after the clock's origin; the last `Timestamp` if that is later.
    #[inline]
    fn from(since_origin: Duration) -> Self {
        Timestamp(nanos(since_origin))
    }
}

impl fmt::Display for Timestamp {
    /// The time since the clock's origin.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.since_origin(), f)
    }
}

/// The latest instant at which an election can be ticked: 292 years after the origin. Any length of time can
/// still be added to an instant that early.
pub(crate) const CLOCK_END: Timestamp = Timestamp(u64::MAX / 2);

/// The instant at which a timer that never fires is due.
pub(crate) const NEVER: Timestamp = Timestamp(u64::MAX);

/// A length of time in nanoseconds, as a message carries it.
///
/// ```
/// use quorate::Nanos;
/// use std::time::Duration;
///
/// let length = Nanos::from(Duration::from_millis(5));
/// assert_eq!(length, Nanos(5_000_000));
/// assert_eq!(length.as_duration(), Duration::from_millis(5));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Nanos(pub u64);

impl Nanos {
    /// No time at all.
    pub const ZERO: Nanos = Nanos(0);

    /// The same length as a [`Duration`].
    #[must_use]
    #[inline]
    pub const fn as_duration(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    #[inline]
    pub(crate) const fn saturating_add(self, other: Nanos) -> Nanos {
        Nanos(self.0.saturating_add(other.0))
    }

    #[inline]
    pub(crate) const fn saturating_sub(self, other: Nanos) -> Nanos {
        Nanos(self.0.saturating_sub(other.0))
    }

    #[inline]
    pub(crate) const fn saturating_mul(self, factor: u64) -> Nanos {
        Nanos(self.0.saturating_mul(factor))
    }

    /// One of that many equal parts, rounded down.
    #[inline]
    pub(crate) const fn part(self, parts: u64) -> Nanos {
        match self.0.checked_div(parts) {
            Some(part) => Nanos(part),
            None => self,
        }
    }
}

impl From<Duration> for Nanos {
    /// The same length, or 584 years if it is longer.
    #[inline]
    fn from(length: Duration) -> Self {
        Nanos(nanos(length))
    }
}

impl From<Nanos> for Duration {
    #[inline]
    fn from(length: Nanos) -> Self {
        length.as_duration()
    }
}

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_duration(), f)
    }
}

/// The nanoseconds of a length of time, or as many as there can be.
const fn nanos(length: Duration) -> u64 {
    let whole = length.as_secs().saturating_mul(1_000_000_000);
    whole.saturating_add(length.subsec_nanos() as u64)
}
