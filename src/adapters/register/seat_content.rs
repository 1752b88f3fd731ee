//! What the register of a seat holds.

use alloc::vec::Vec;
use core::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::content::WriteId;
use super::format::{ContentError, parse_any_seat, render_seat};
use crate::types::{ClusterId, Nanos, Term, Timestamp};

/// The process that holds a seat, or held it last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Holder<N> {
    pub(super) name: N,
    /// The number that the process has drawn.
    pub(super) process: u64,
}

/// All that is known of a seat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct SeatContent<N> {
    pub(super) group: ClusterId,
    /// How often the seat was taken.
    pub(super) term: Term,
    pub(super) holder: Option<Holder<N>>,
    /// For how long the seat is held, from when a process has first seen that; zero if it was given back.
    pub(super) length: Nanos,
    pub(super) sequence: u64,
    pub(super) written_by: WriteId,
}

/// What the operator writes into the register of a seat, once: nobody has held it. Write it under the condition that there
/// is no such object yet. If the register is lost, later terms begin at 1 again: then let whatever checks fencing tokens
/// forget the highest one, or give the group another number.
#[must_use]
pub fn create_seat(group: ClusterId) -> Vec<u8> {
    let (term, holder, length, written_by) = (Term(0), None, Nanos::ZERO, WriteId::default());
    let content = SeatContent::<()> { group, term, holder, length, sequence: 1, written_by };
    render_seat(&content).unwrap_or_default()
}

/// What the register of a seat holds, as it shows itself to operators and tests. See [`inspect_seat`].
///
/// Non-exhaustive: a later version may show more.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SeatInspection<N> {
    /// The group of all that contend for the seat.
    pub group: ClusterId,
    /// How often the seat was taken.
    pub term: Term,
    /// The name of the process that holds the seat, or held it last; `None` if it was never taken.
    pub holder: Option<N>,
    /// For how long the seat is held from the last write on; zero if it was given back.
    pub length: Duration,
    /// The number of the last write.
    pub sequence: u64,
}

/// Shows what the register of a seat holds, of whatever group it is.
///
/// # Errors
/// [`ContentError`] if the bytes are not the content of such a register, or have names of another type.
pub fn inspect_seat<N: DeserializeOwned>(bytes: &[u8]) -> Result<SeatInspection<N>, ContentError> {
    let SeatContent { group, term, holder, length, sequence, .. } = parse_any_seat(bytes)?;
    let holder = holder.map(|holder: Holder<N>| holder.name);
    Ok(SeatInspection { group, term, holder, length: length.as_duration(), sequence })
}

/// What a contender has seen of a seat, and since when.
#[derive(Clone, Debug)]
pub(super) struct SeatSight<N> {
    pub(super) tag: super::Tag,
    pub(super) content: SeatContent<N>,
    /// When the call returned that was the first to show this content.
    pub(super) since: Timestamp,
}

impl<N> SeatSight<N> {
    /// When the seat is free, for another process than its holder. Rule 10.4.
    pub(super) fn free_at(&self, resolution: Nanos) -> Timestamp {
        match self.content.length {
            Nanos::ZERO => self.since,
            length => self.since.after(length).after(resolution),
        }
    }
}
