//! The wall clock. It is read once for a node that starts with nothing stored, and shown to operators.

use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::hard_state::{BlankError, HardState};
use crate::types::{ClusterId, NodeId};

/// The state of a node that has nothing stored, and starts now.
pub(super) fn blank_now<I: NodeId>(
    cluster: ClusterId,
    members: impl IntoIterator<Item = I>,
) -> Result<HardState<I>, BlankError> {
    HardState::blank(cluster, members, wall_clock())
}

/// What the wall clock shows, since 1970.
pub(super) fn wall_clock() -> Duration {
    since_1970(SystemTime::now())
}

/// A clock that shows a time before 1970 was never set either.
fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_1970_is_refused_as_one_that_was_never_set() {
        let early = UNIX_EPOCH.checked_sub(Duration::from_secs(5)).unwrap();
        let refused = HardState::blank(ClusterId(1), [1_u8], since_1970(early)).unwrap_err();
        assert_eq!(refused, BlankError::ClockNotSet(Duration::ZERO));
        assert!(blank_now(ClusterId(1), [1_u8]).unwrap().blank.is_some());
    }
}
