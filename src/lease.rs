//! How long a leader may act.

use crate::types::Nanos;

const MILLION: u64 = 1_000_000;

/// Until when, on the asker's clock, a voter is bound that promised `granted` in answer to a
/// request of `at`. Rule 3.1.
///
/// The voter counts from the receipt, which is later than `at`; its clock may run faster, by
/// `drift_ppm` at most. One division covers both clocks.
pub(crate) fn bound_until(at: Nanos, granted: Nanos, drift_ppm: u32) -> Nanos {
    let rate = MILLION.saturating_add(drift_ppm.into());
    let slowest = granted.saturating_mul(MILLION).checked_div(rate).unwrap_or(0);
    at.saturating_add(slowest)
}
