//! A notice: what the host is told of trouble that lasts. The host is told at once, and again at ever longer
//! intervals.

use crate::types::{Nanos, Timestamp};

/// The longest pause between two tellings, as a multiple of the shortest.
const LONGEST: u64 = 256;

/// What the host was told of one kind of trouble, with particulars such as the nodes that are concerned.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Notice<P> {
    /// The particulars, as the host was told them last.
    particulars: P,
    told: Timestamp,
    /// When the trouble was seen last.
    seen: Timestamp,
    /// How long after `told` the host is told again.
    pause: Nanos,
}

impl<P: PartialEq> Notice<P> {
    /// The host is told at `now` for the first time, and not again for a `pause`.
    pub(crate) fn new(particulars: P, now: Timestamp, pause: Nanos) -> Self {
        Notice { particulars, told: now, seen: now, pause }
    }

    /// Sees the trouble at `now`. Returns whether the host was told of it less than the shortest pause ago, so that
    /// it is not told again, whatever the particulars are.
    pub(crate) fn see(&mut self, now: Timestamp, shortest: Nanos) -> bool {
        self.seen = now;
        now.since(self.told) < shortest
    }

    /// Sees the trouble at `now`, and returns whether the host is told again: after a pause that doubles each time, and
    /// after the shortest one if the particulars are others.
    pub(crate) fn tell_again(&mut self, particulars: P, now: Timestamp, shortest: Nanos) -> bool {
        self.seen = now;
        let pause = if particulars == self.particulars { self.pause } else { shortest };
        if now.since(self.told) < pause {
            return false;
        }
        self.pause = pause.saturating_mul(2).min(shortest.saturating_mul(LONGEST));
        (self.particulars, self.told) = (particulars, now);
        true
    }

    /// Whether the trouble has not been seen for so long that it is over: twice the present pause.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.seen) > self.pause.saturating_mul(2)
    }
}

/// The trouble is seen at `now`. Returns whether the host is told of it.
pub(crate) fn tell<P: PartialEq>(
    notice: &mut Option<Notice<P>>,
    particulars: P,
    now: Timestamp,
    shortest: Nanos,
) -> bool {
    match notice.as_mut().filter(|notice| !notice.is_over(now)) {
        Some(notice) => notice.tell_again(particulars, now, shortest),
        None => {
            *notice = Some(Notice::new(particulars, now, shortest));
            true
        }
    }
}

#[cfg(test)]
mod tests;
