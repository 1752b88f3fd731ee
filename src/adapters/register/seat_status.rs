//! What a contender for a seat is told, asks its host for, and tells operators.

use alloc::vec::Vec;
use core::time::Duration;

use super::status::{CallCounters, Reads, Silence, Tag};
use crate::event::Event;
use crate::io::Lease;
use crate::types::{ClusterId, Leader, Timestamp};

/// What a contender is told at its start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeatConfig<N> {
    /// The name under which the process holds the seat, for others to see. Two processes may have the same.
    pub name: N,
    /// The group of all that contend for this seat.
    pub group: ClusterId,
    /// For how long the seat is held at a time: after a crash of its holder it is free as long after the last renewal, a
    /// look included. At least three times as long as a slow call of the register.
    pub length: Duration,
    /// How often a process that does not hold the seat looks at it.
    pub look: Duration,
    /// As [`Timing::clock_drift_ppm`](crate::Timing::clock_drift_ppm).
    pub clock_drift_ppm: u32,
    /// As [`Timing::clock_resolution`](crate::Timing::clock_resolution).
    pub clock_resolution: Duration,
    /// What the store promises of reads.
    pub reads: Reads,
    /// The last number of a [`SeatStep::Remember`], of an earlier process too; 0 if there was none.
    pub known_sequence: u64,
}

impl<N> SeatConfig<N> {
    /// A seat that is held for 15 s at a time and looked at each 2 s.
    #[must_use]
    pub fn new(name: N, group: ClusterId) -> Self {
        SeatConfig {
            name,
            group,
            length: Duration::from_secs(15),
            look: Duration::from_secs(2),
            clock_drift_ppm: 500,
            clock_resolution: Duration::from_micros(1),
            reads: Reads::Fresh,
            known_sequence: 0,
        }
    }
}

/// Why a contender cannot be started.
///
/// Non-exhaustive: a later version may check more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeatError {
    /// The length is not between 10 ms and an hour.
    #[error("a seat cannot be held for {0:?} at a time: take 10 ms to an hour")]
    Length(Duration),
    /// The pause between looks is not between 1 ms and the length.
    #[error("a seat cannot be looked at each {0:?}: take 1 ms to the length for which it is held")]
    Look(Duration),
    /// The bounds of the clock leave nothing of the length.
    #[error("the clock is too bad for such a length: see clock_drift_ppm and clock_resolution")]
    Clock,
}

/// What the host of a contender has to do, in order.
///
/// Exhaustive, like [`Output`](crate::Output).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SeatStep<N> {
    /// Read the register.
    Read,
    /// Replace what the register holds by `bytes`, if its tag still is `tag`.
    Swap {
        /// The tag of the content that is to be replaced.
        tag: Tag,
        /// The content that takes its place.
        bytes: Vec<u8>,
    },
    /// Store this number when there is time, for [`SeatConfig::known_sequence`]. Nothing waits for it.
    Remember(u64),
    /// `Elected`, `SteppedDown` or `LeaderChanged`, as of an [`Election`](crate::Election). What follows `SteppedDown`
    /// waits until the host has stopped acting as leader.
    Event(Event<N>),
    /// Why the register is of no use from now on; `None`: it is again. Reported when it changes.
    Silent(Option<Silence<N>>),
}

/// A contender, as it shows itself to operators.
///
/// Non-exhaustive: a later version may show more.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SeatStatus<N> {
    /// The process that holds the seat, as far as this one knows.
    pub leader: Option<Leader<N>>,
    /// The lease of this process.
    pub lease: Option<Lease>,
    /// When the seat is free for this process, as far as it knows.
    pub free_at: Option<Timestamp>,
    /// Why the register is of no use.
    pub silence: Option<Silence<N>>,
    /// The highest number of a content that was seen: [`SeatConfig::known_sequence`] of the next start.
    pub known_sequence: u64,
    /// How many calls there were, and what came of them.
    pub calls: CallCounters,
}
