//! How long the machine has been suspended, from the difference of two clocks that cannot be read at once.
//!
//! `CLOCK_BOOTTIME` is `CLOCK_MONOTONIC` plus the time suspended, and NTP slews both alike. The time suspended lies
//! between `boot - after` and `boot - before`, where `before` and `after` are readings of the monotonic clock before
//! and after that of the boot clock. A process that is kept from running between the readings widens that range and
//! nothing else. So the lower end is taken: it never moves the clock ahead of the time.

/// How many nanoseconds a bracket may be wide, to tell that the machine was not suspended again: far less than any
/// suspend, and far more than three readings take.
const CLOSE: i64 = 50_000;

/// How often a wide bracket is read again.
const ATTEMPTS: u32 = 8;

/// How often the brackets are read that measure a suspend. One of them is a microsecond wide, or less.
const MEASUREMENTS: u32 = 64;

/// Readings of the monotonic clock before and after a reading of the boot clock, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bracket {
    pub(super) before: i64,
    pub(super) boot: i64,
    pub(super) after: i64,
}

impl Bracket {
    /// How long the machine has been suspended for certain.
    fn suspended(self) -> i64 {
        self.boot.saturating_sub(self.after)
    }

    fn is_close(self) -> bool {
        self.after.saturating_sub(self.before) <= CLOSE
    }
}

/// The time suspended, as far as it is known. It only grows, and only when the machine was suspended again, so that
/// the clock does not jitter in between.
#[derive(Debug)]
pub(super) struct Suspended(cell::Cell);

impl Suspended {
    pub(super) const fn new() -> Self {
        Suspended(cell::Cell::new(i64::MIN))
    }

    /// The time suspended until now, in nanoseconds.
    pub(super) fn update(&self, mut read: impl FnMut() -> Bracket) -> i64 {
        let known = self.0.get();
        let mut least = i64::MIN;
        for _ in 0..ATTEMPTS {
            let bracket = read();
            least = least.max(bracket.suspended());
            if bracket.is_close() {
                break;
            }
        }
        if least <= known.saturating_add(CLOSE) {
            return known;
        }
        let measured = (0..MEASUREMENTS).map(|_| read().suspended()).max().unwrap_or(least);
        self.0.raise(least.max(measured))
    }
}

#[cfg(target_has_atomic = "64")]
mod cell {
    use core::sync::atomic::{AtomicI64, Ordering};

    #[derive(Debug)]
    pub(super) struct Cell(AtomicI64);

    impl Cell {
        pub(super) const fn new(value: i64) -> Self {
            Cell(AtomicI64::new(value))
        }

        /// A value that was raised before, in the order of the program, is seen whatever the ordering.
        pub(super) fn get(&self) -> i64 {
            self.0.load(Ordering::Relaxed)
        }

        /// Returns the higher of both values.
        pub(super) fn raise(&self, value: i64) -> i64 {
            self.0.fetch_max(value, Ordering::Relaxed).max(value)
        }
    }
}

/// On processors without atomic numbers of 64 bits.
#[cfg(not(target_has_atomic = "64"))]
mod cell {
    use std::sync::{Mutex, MutexGuard, PoisonError};

    #[derive(Debug)]
    pub(super) struct Cell(Mutex<i64>);

    impl Cell {
        pub(super) const fn new(value: i64) -> Self {
            Cell(Mutex::new(value))
        }

        fn lock(&self) -> MutexGuard<'_, i64> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(super) fn get(&self) -> i64 {
            *self.lock()
        }

        /// Returns the higher of both values.
        pub(super) fn raise(&self, value: i64) -> i64 {
            let mut highest = self.lock();
            *highest = highest.max(value);
            *highest
        }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test that overflows has found something")]
mod tests {
    use std::vec::Vec;

    use super::*;

    const MS: i64 = 1_000_000;
    const SECOND: i64 = 1_000 * MS;

    /// A machine whose monotonic clock is slewed to `rate` parts in a thousand, and whose processes are kept from
    /// running for the lengths in `pauses`, in turn, before each reading.
    struct Machine {
        raw: i64,
        monotonic: i64,
        suspended: i64,
        rate: i64,
        pauses: Vec<i64>,
        readings: usize,
    }

    impl Machine {
        fn new(rate: i64, pauses: &[i64]) -> Self {
            Machine { raw: SECOND, monotonic: SECOND, suspended: 0, rate, pauses: pauses.into(), readings: 0 }
        }

        fn pass(&mut self, length: i64) {
            self.raw += length;
            self.monotonic += length * self.rate / 1_000;
        }

        fn read(&mut self) -> i64 {
            let pause = self.pauses.get(self.readings % self.pauses.len()).copied().unwrap_or(0);
            self.readings += 1;
            self.pass(25 + pause);
            self.monotonic
        }

        fn bracket(&mut self) -> Bracket {
            let before = self.read();
            let boot = self.read() + self.suspended;
            Bracket { before, boot, after: self.read() }
        }

        /// The reading of a clock that keeps what it knows in `known`, and how far it is behind the truth.
        fn now(&mut self, known: &Suspended) -> (i64, i64) {
            let (raw, suspended) = (self.raw, self.suspended);
            let reading = raw + known.update(|| self.bracket());
            (reading, raw + suspended - reading)
        }
    }

    #[test]
    fn no_pause_between_the_readings_moves_the_clock_ahead_or_back() {
        for rate in [900, 917, 1_000, 1_083, 1_100] {
            for pause in [0, MS / 100, 10 * MS, 3 * SECOND] {
                // Each reading may be the one that is late: three to a bracket, and five to a turn.
                for pauses in [[pause, 0, 0, 0, 0], [0, pause, 0, pause, 0], [pause; 5]] {
                    let (mut machine, known) = (Machine::new(rate, &pauses), Suspended::new());
                    let mut last = machine.now(&known).0;
                    for turn in 0..40 {
                        machine.pass(7 * MS);
                        let (reading, behind) = machine.now(&known);
                        assert!(reading >= last, "backwards, with {rate} and {pauses:?}");
                        assert!(behind >= 0, "ahead by {}, with {rate} and {pauses:?}", -behind);
                        let paused_always = pauses == [pause; 5];
                        assert!(
                            behind < 1_000 || paused_always,
                            "{turn}: {behind}, with {rate} and {pauses:?}"
                        );
                        assert!(behind <= 3 * (pause + 25) * rate / 1_000, "{behind}");
                        last = reading;
                    }
                }
            }
        }
    }

    #[test]
    fn time_suspended_counts_at_once_and_once() {
        for (rate, length) in [(1_000, MS), (900, SECOND), (1_100, 3_600 * SECOND)] {
            let (mut machine, known) = (Machine::new(rate, &[0, 0, 2 * MS, 0, 0]), Suspended::new());
            let before = machine.now(&known).0;
            machine.suspended += length;
            let raw = machine.raw;
            let (after, behind) = machine.now(&known);
            assert!((0..1_000).contains(&behind), "{behind}");
            assert!((after - before - (raw - SECOND) - length).abs() < 1_000, "{rate} {length}");
            machine.pass(SECOND);
            assert!((0..1_000).contains(&machine.now(&known).1));
        }
    }
}
