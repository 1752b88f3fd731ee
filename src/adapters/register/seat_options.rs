//! What a host of a seat is configured with, what it tells, and what can go wrong with it.

use core::time::Duration;
use std::io;

use super::seat_status::{SeatConfig, SeatError};
use super::status::Silence;
use crate::adapters::RandomError;
use crate::event::Event;

/// What a host of a seat is configured with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeatHostConfig<N> {
    /// The seat.
    pub seat: SeatConfig<N>,
    /// How long before its end a lease is taken away, so that no part of the program acts by it when it ends. Less than half
    /// of [`SeatConfig::length`].
    pub margin: Duration,
    /// How long a call of the register may take. What comes of it later is dropped, and the register is asked what became of
    /// it. A third of [`SeatConfig::length`] at most: a holder renews when a third is over, and asks again if that call hangs.
    pub call_timeout: Duration,
}

impl<N> SeatHostConfig<N> {
    /// A margin of a tenth of the length, and calls that take a sixth of it at most.
    #[must_use]
    pub fn new(seat: SeatConfig<N>) -> Self {
        let part = |parts| seat.length.checked_div(parts).unwrap_or_default();
        SeatHostConfig { margin: part(10), call_timeout: part(6), seat }
    }

    /// How long a shutdown waits for the register at most: for the call that is under way, for the question what became of
    /// it, and for the call that gives the seat up.
    pub(in crate::adapters) fn patience(&self) -> Duration {
        self.call_timeout.saturating_mul(3)
    }

    /// The seat itself is checked where it is made.
    pub(super) fn check(&self) -> Result<(), SeatStartError> {
        let (length, margin, call_timeout) = (self.seat.length, self.margin, self.call_timeout);
        if margin >= length.checked_div(2).unwrap_or_default() {
            return Err(SeatStartError::Margin { margin, length });
        }
        if !(Duration::from_millis(1)..=length.checked_div(3).unwrap_or_default()).contains(&call_timeout) {
            return Err(SeatStartError::CallTimeout { call_timeout, length });
        }
        Ok(())
    }
}

impl<N> From<SeatConfig<N>> for SeatHostConfig<N> {
    fn from(seat: SeatConfig<N>) -> Self {
        SeatHostConfig::new(seat)
    }
}

/// What a host of a seat tells its program.
///
/// Non-exhaustive: a later version may say more, and a program that does not know of it can print it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SeatNotice<N> {
    /// `Elected`, `SteppedDown` or `LeaderChanged`. When `SteppedDown` is told, nobody acts by that lease any more.
    Event(Event<N>),
    /// Why the register is of no use from now on; `None`: it is again.
    Silent(Option<Silence<N>>),
    /// So many notices were dropped here, because they had not been read.
    Missed(u64),
    /// The host has stopped, for this reason. Nothing follows.
    Failed(SeatFailure),
}

#[cfg(feature = "tracing")]
impl<N: crate::types::NodeId> SeatNotice<N> {
    /// Tells the crate `tracing` of it.
    pub(in crate::adapters) fn trace(&self, name: N) {
        use ::tracing::{info, warn};
        match self {
            SeatNotice::Event(event) => crate::adapters::trace::trace_event(name, event),
            SeatNotice::Silent(Some(silence)) => warn!(node = ?name, "{silence}"),
            SeatNotice::Silent(None) => info!(node = ?name, "the register is of use"),
            SeatNotice::Missed(_) | SeatNotice::Failed(_) => {}
        }
    }
}

/// Why a host of a seat did not start.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeatStartError {
    /// The lengths of time do not fit together.
    #[error(transparent)]
    Seat(#[from] SeatError),
    /// The margin leaves too little of the length.
    #[error(
        "a margin of {margin:?} leaves too little of the {length:?} for which the seat is held: take less than half"
    )]
    Margin {
        /// The margin of the configuration.
        margin: Duration,
        /// For how long the seat is held at a time.
        length: Duration,
    },
    /// A call may take longer than the holder of the seat can wait, or no time at all.
    #[error(
        "calls that may take {call_timeout:?} do not suit a seat that is held for {length:?}: take 1 ms to a third of it"
    )]
    CallTimeout {
        /// The time-out of the configuration.
        call_timeout: Duration,
        /// For how long the seat is held at a time.
        length: Duration,
    },
    /// The operating system has no randomness to give.
    #[error("no randomness to start with")]
    Seed(#[source] RandomError),
    /// The operating system has no thread to give.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// A task of tokio was not started from within a runtime.
    #[error("there is no tokio runtime here")]
    NoRuntime,
}

/// Why a host of a seat stopped.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeatFailure {
    /// The client of the register panicked.
    #[error("the client of the register panicked")]
    Cell,
    /// A lease watcher panicked.
    #[error("a watcher of the lease panicked")]
    Watcher,
    /// The host itself panicked, which is a bug of this crate.
    #[error("the host of the seat panicked")]
    Panicked,
}
