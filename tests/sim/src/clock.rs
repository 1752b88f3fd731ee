//! The clocks of the nodes.

use std::time::Duration;

use quorate::Timestamp;

use crate::rng::Dice;

/// The true time, in nanoseconds since the start of the run. Nodes do not know it.
pub type Instant = u64;

/// One millisecond of true time.
pub const MS: u64 = 1_000_000;
/// One second of true time.
pub const SECOND: u64 = 1_000 * MS;

const BILLION: u128 = 1_000_000_000;

/// A monotonic clock with any origin, which runs a little fast or slow, and shows whole ticks.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    offset: u64,
    /// Nanoseconds of this clock in a second of true time.
    rate: u64,
    /// The nanoseconds of a tick.
    tick: u64,
}

/// How much the rates of clocks differ.
#[derive(Clone, Copy, Debug)]
pub enum Drift {
    /// All clocks run at the same rate.
    None,
    /// The rates are anywhere within the bound.
    Within,
    /// Each clock is as fast or as slow as the bound allows.
    AtTheBound,
}

impl Clock {
    /// The clock of a process that starts at `now`. Its first reading is random, and the ratio of any two
    /// clocks' rates is at most one plus `bound_ppm` millionths.
    pub fn start(now: Instant, drift: Drift, bound_ppm: u32, dice: &mut Dice) -> Self {
        let rate = drift.draw_rate(bound_ppm, dice);
        let offset = match dice.below(4) {
            0 => 0,
            1 => dice.below(SECOND),
            _ => dice.below(1_000_000 * SECOND),
        };
        Clock { origin: now, offset, rate, tick: 1 }
    }

    /// The same clock, which shows whole ticks of that many nanoseconds.
    #[must_use]
    pub fn counting(self, tick: u64) -> Self {
        Clock { tick: tick.max(1), ..self }
    }

    /// Lets the clock run at `rate` nanoseconds in a second from `now` on.
    pub fn slew(&mut self, now: Instant, rate: u64) {
        self.offset = self.exact(now);
        (self.origin, self.rate) = (now, rate);
    }

    /// Takes away the last `length` of true time: the clock stood still meanwhile.
    pub fn lose(&mut self, now: Instant, length: u64) {
        self.offset = self.exact(now.saturating_sub(length).max(self.origin));
        self.origin = now;
    }

    /// Steps the clock ahead.
    pub fn step_ahead(&mut self, length: u64) {
        self.offset += length;
    }

    fn exact(&self, now: Instant) -> u64 {
        let elapsed = u128::from(now - self.origin) * u128::from(self.rate) / BILLION;
        self.offset + elapsed as u64
    }

    /// The reading at `now`.
    #[must_use]
    pub fn read(&self, now: Instant) -> Timestamp {
        Duration::from_nanos(self.exact(now) / self.tick * self.tick).into()
    }

    /// The nanoseconds of this clock in a second of true time, from its last change on.
    #[must_use]
    pub fn rate(&self) -> u64 {
        self.rate
    }

    /// The time at which the reading is `reading`, at the present rate: also one that has passed.
    #[must_use]
    pub fn shows_at(&self, reading: Timestamp) -> Instant {
        let shown = reading.since_origin().as_nanos() as i128 - i128::from(self.offset);
        let elapsed = shown * BILLION as i128 / i128::from(self.rate);
        (i128::from(self.origin) + elapsed).clamp(0, i128::from(u64::MAX)) as Instant
    }

    /// The first time, not before `now`, at which the reading is `reading` or more.
    #[must_use]
    pub fn when(&self, reading: Timestamp, now: Instant) -> Instant {
        let tick = u128::from(self.tick);
        let shown = reading.since_origin().as_nanos().div_ceil(tick) * tick;
        let ahead = shown.saturating_sub(u128::from(self.offset));
        let elapsed = (ahead * BILLION).div_ceil(u128::from(self.rate));
        let at = u128::from(self.origin).saturating_add(elapsed);
        now.max(u64::try_from(at).unwrap_or(u64::MAX))
    }
}

impl Drift {
    /// The nanoseconds in a second of a clock that drifts so.
    pub fn draw_rate(self, bound_ppm: u32, dice: &mut Dice) -> u64 {
        // (1 + x) / (1 - x) <= 1 + d holds for x = d / (2 + d).
        let bound = u64::from(bound_ppm) * 1_000;
        let most = (u128::from(bound) * BILLION / (2 * BILLION + u128::from(bound))) as u64;
        let second = BILLION as u64;
        match self {
            Drift::None => second,
            Drift::Within => second - most + dice.below(2 * most + 1),
            Drift::AtTheBound => dice.pick(&[second - most, second + most]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_shows_a_reading_exactly_when_it_is_due() {
        let mut dice = Dice::new(1);
        for _ in 0..10_000 {
            let tick = dice.pick(&[1, 7, MS, 10 * MS]);
            let mut clock = Clock::start(5, Drift::Within, 500, &mut dice).counting(tick);
            let due = Duration::from_nanos(clock.offset + dice.below(SECOND)).into();
            let at = clock.when(due, 5);
            assert!(clock.read(at) >= due);
            assert!(at == 5 || clock.read(at - 1) < due);
            // A change of its rate leaves the reading as it is.
            let before = clock.read(at);
            clock.slew(at, SECOND / 2);
            assert_eq!(clock.read(at), before);
            clock.lose(at + MS, MS);
            assert_eq!(clock.read(at + MS), before);
        }
    }
}
