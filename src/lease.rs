//! How long a leader may act.

use crate::types::{Nanos, Timestamp};

const MILLION: u64 = 1_000_000;

/// Until when, on the asker's clock, a voter is bound that promised `granted` in answer to a
/// request of `at`. Rule 3.1.
///
/// The voter counts from the receipt, which is later than `at`; its clock may run faster, by
/// `drift_ppm` at most. One division covers both clocks.
#[inline]
pub(crate) fn bound_until(at: Timestamp, granted: Nanos, drift_ppm: u32) -> Timestamp {
    at.after(binding_length(granted, drift_ppm))
}

/// How long, on the asker's clock, a promise of `granted` binds the voter at least.
#[inline]
pub(crate) fn binding_length(granted: Nanos, drift_ppm: u32) -> Nanos {
    let rate = MILLION.saturating_add(drift_ppm.into());
    granted.saturating_mul(MILLION).part(rate)
}
