//! The lengths of time of a node, checked: whether each is in range, and whether they fit together.

use core::time::Duration;

use super::{ConfigError, Timing};
use crate::types::Nanos;

const MILLION: u64 = 1_000_000;
const MICROSECOND: Nanos = Nanos(1_000);
const HOUR: Duration = Duration::from_secs(3_600);
const MAX_DRIFT_PPM: u32 = 500_000;
/// How many heartbeats, or requests to one voter, a promise has room for at most.
const MOST_PER_PROMISE: u32 = 1_000;
/// The share of a promise that must be left of a lease when the next heartbeat is sent, for a round trip.
const LEAST_ROUND_TRIP: u64 = 20;
const SHORTEST_TUNED: Duration = Duration::from_millis(3);

/// [`Timing`], checked, and half the size: microseconds in 32 bits.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct CheckedTiming {
    promise: u32,
    /// `promise`, unless that is tuned.
    shortest_promise: u32,
    promise_limit: u32,
    heartbeat_interval: u32,
    retry_interval: u32,
    stagger: u32,
    takeover_delay: u32,
    pub(crate) clock: ClockBounds,
}

/// How far the clocks of nodes may be from the time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ClockBounds {
    /// How much faster than this node's the clock of another may run.
    pub(crate) drift_ppm: u32,
    /// How far a reading of this node's clock may be behind the time, in microseconds.
    pub(crate) resolution_micros: u32,
}

impl ClockBounds {
    /// How long, on the clock of the node that asked, a promise of `granted` binds the voter at least. Rule 3.1.
    #[inline]
    pub(crate) fn binding_length(self, granted: Nanos) -> Nanos {
        let rate = MILLION.saturating_add(self.drift_ppm.into());
        granted.saturating_mul(MILLION).part(rate).saturating_sub(self.resolution())
    }

    #[inline]
    pub(crate) fn resolution(self) -> Nanos {
        widen(self.resolution_micros)
    }
}

impl CheckedTiming {
    pub(crate) fn new(timing: &Timing) -> Result<Self, ConfigError> {
        let checked = CheckedTiming {
            promise: micros("promise", timing.promise)?,
            shortest_promise: micros("tuned_from", timing.tuned_from.unwrap_or(timing.promise))?,
            promise_limit: micros("promise_limit", timing.promise_limit)?,
            heartbeat_interval: micros("heartbeat_interval", timing.heartbeat_interval)?,
            retry_interval: micros("retry_interval", timing.retry_interval)?,
            stagger: micros("stagger", timing.stagger)?,
            takeover_delay: micros("takeover_delay", timing.takeover_delay)?,
            clock: ClockBounds {
                drift_ppm: timing.clock_drift_ppm,
                resolution_micros: u32::try_from(timing.clock_resolution.as_nanos().div_ceil(1_000))
                    .map_err(|_| ConfigError::ClockTooCoarse)?,
            },
        };
        if checked.promise > checked.promise_limit {
            return Err(ConfigError::PromiseAboveLimit);
        }
        if checked.shortest_promise > checked.promise {
            return Err(ConfigError::TunedAbovePromise);
        }
        if timing.tuned_from.is_some_and(|shortest| shortest < SHORTEST_TUNED) {
            return Err(ConfigError::TunedTooShort);
        }
        if checked.heartbeat_interval > checked.promise / 2 {
            return Err(ConfigError::HeartbeatTooRare);
        }
        if checked.clock.drift_ppm > MAX_DRIFT_PPM {
            return Err(ConfigError::DriftTooLarge);
        }
        if checked.clock.resolution_micros > checked.shortest_promise / 10 {
            return Err(ConfigError::ClockTooCoarse);
        }
        let least = checked.promise / MOST_PER_PROMISE;
        if checked.heartbeat_interval < least {
            return Err(ConfigError::HeartbeatTooOften);
        }
        if checked.retry_interval < least {
            return Err(ConfigError::RetryTooOften);
        }
        if checked.lease_left_for_replies() < checked.promise().part(LEAST_ROUND_TRIP) {
            return Err(ConfigError::LeaseTooShort);
        }
        Ok(checked)
    }

    /// How long the replies to a heartbeat may take, if the leader's clock shows late that the heartbeat is due. Rule
    /// 3.1.
    fn lease_left_for_replies(&self) -> Nanos {
        let late = self.heartbeat_interval().saturating_add(self.clock.resolution());
        self.clock.binding_length(self.promise()).saturating_sub(late)
    }

    /// The longest a leader asks for in a heartbeat that makes nobody write.
    pub(crate) fn promise(&self) -> Nanos {
        widen(self.promise)
    }

    pub(crate) fn shortest_promise(&self) -> Nanos {
        widen(self.shortest_promise)
    }

    /// Whether a leader chooses, by what it measures. Rule 3.6.
    pub(crate) fn are_tuned(&self) -> bool {
        self.shortest_promise < self.promise
    }

    pub(crate) fn promise_limit(&self) -> Nanos {
        widen(self.promise_limit)
    }

    pub(crate) fn heartbeat_interval(&self) -> Nanos {
        widen(self.heartbeat_interval)
    }

    pub(crate) fn retry_interval(&self) -> Nanos {
        widen(self.retry_interval)
    }

    pub(crate) fn stagger(&self) -> Nanos {
        widen(self.stagger)
    }

    pub(crate) fn takeover_delay(&self) -> Nanos {
        widen(self.takeover_delay)
    }
}

/// The durable promise, if it can be one.
pub(crate) fn check_promised(promised: Duration) -> Result<Nanos, ConfigError> {
    if promised > HOUR {
        return Err(ConfigError::PromisedTooLong(promised));
    }
    Ok(promised.into())
}

fn micros(name: &'static str, length: Duration) -> Result<u32, ConfigError> {
    if length > HOUR {
        return Err(ConfigError::LengthOutOfRange(name));
    }
    match u32::try_from(length.as_micros()) {
        Ok(micros) if micros > 0 => Ok(micros),
        _ => Err(ConfigError::LengthOutOfRange(name)),
    }
}

fn widen(micros: u32) -> Nanos {
    MICROSECOND.saturating_mul(micros.into())
}
