//! What a promise is worth to the node that asked for it.

use crate::config::ClockBounds;
use crate::types::{Nanos, Timestamp};

const MILLION: u64 = 1_000_000;

/// The time on the requester's clock until which a voter is certainly bound that promised `granted` in reply to a
/// request sent at `sent_at`. Rule 3.1.
///
/// The voter counts from the receipt, which is later than `sent_at`; its clock may run faster, by the drift at
/// most. One division covers both clocks. The two readings of the requester's clock may differ by one resolution
/// more than the time between them.
#[inline]
pub(crate) fn bound_until(sent_at: Timestamp, granted: Nanos, clock: ClockBounds) -> Timestamp {
    sent_at.after(binding_length(granted, clock))
}

/// How long, on the requester's clock, a promise of `granted` binds the voter at least.
#[inline]
pub(crate) fn binding_length(granted: Nanos, clock: ClockBounds) -> Nanos {
    let rate = MILLION.saturating_add(clock.drift_ppm.into());
    granted.saturating_mul(MILLION).part(rate).saturating_sub(clock.resolution())
}
