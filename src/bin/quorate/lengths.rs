//! Lengths of time.

use std::time::Duration;

/// One of so many equal parts of a length.
pub(crate) fn part(length: Duration, parts: u32) -> Duration {
    length.checked_div(parts).unwrap_or_default()
}
