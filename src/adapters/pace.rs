//! How often one thing is said that goes on.

use core::time::Duration;

use crate::types::Timestamp;

/// The growing time between two reports of one thing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    first: Duration,
    longest: Duration,
    pause: Duration,
    /// Until when the thing is not said again; `None` before it is said for the first time.
    quiet_until: Option<Timestamp>,
}

impl Pace {
    /// The pauses begin with `first`, and double up to `longest`.
    pub(super) const fn new(first: Duration, longest: Duration) -> Self {
        Pace { first, longest, pause: first, quiet_until: None }
    }

    /// Whether the thing may be said at `now`.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.quiet_until.is_none_or(|quiet_until| now >= quiet_until)
    }

    /// Takes note that the thing is said at `now`. A thing that comes back after a pause in which it could have been
    /// said again is as good as new.
    pub(super) fn pause(&mut self, now: Timestamp) {
        self.pause = match self.quiet_until {
            Some(quiet_until) if now.saturating_duration_since(quiet_until) <= self.pause => {
                self.pause.saturating_mul(2).min(self.longest)
            }
            Some(_) | None => self.first,
        };
        self.quiet_until = Some(now.saturating_add(self.pause));
    }

    /// When the thing may be said again; the origin before it is said for the first time.
    pub(super) fn quiet_until(&self) -> Timestamp {
        self.quiet_until.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_again_after_a_silence() {
        let mut pace = Pace::new(Duration::from_secs(10), Duration::from_secs(60));
        let mut said_in = |seconds: core::ops::Range<u64>| -> Vec<u64> {
            let mut say = |&second: &u64| {
                let now = Timestamp::from(Duration::from_secs(second));
                let is_due = pace.is_due(now);
                if is_due {
                    pace.pause(now);
                }
                is_due
            };
            seconds.filter(|second| say(second)).collect()
        };
        assert_eq!(said_in(0..200), [0, 10, 30, 70, 130, 190]);
        assert_eq!(said_in(311..340), [311, 321], "twice the pause has passed");
    }
}
