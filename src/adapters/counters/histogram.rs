//! How lengths of time are distributed.

use core::time::Duration;

/// The upper ends of the classes, in microseconds, from what a loopback takes to what a broken disk does.
const BOUNDS: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

/// Lengths of time, counted in fixed classes from 0.1 ms to 10 s. Counting one takes no memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Histogram {
    /// How many there were.
    pub count: u64,
    /// All of them together.
    pub total: Duration,
    /// The last.
    pub last: Duration,
    /// The longest.
    pub longest: Duration,
    /// How many are in each class, and were in no class before it. Longer ones than the last bound are counted above alone.
    classes: [u64; BOUNDS.len()],
}

impl Histogram {
    /// Counts one more.
    pub fn add(&mut self, length: Duration) {
        self.count = self.count.saturating_add(1);
        self.total = self.total.saturating_add(length);
        self.last = length;
        self.longest = self.longest.max(length);
        let class =
            self.classes.iter_mut().zip(BOUNDS).find(|&(_, bound)| length <= Duration::from_micros(bound));
        if let Some((class, _)) = class {
            *class = class.saturating_add(1);
        }
    }

    /// The upper end of each class, in ascending order, and how many were no longer than that.
    pub fn cumulative(&self) -> impl Iterator<Item = (Duration, u64)> + use<'_> {
        let mut so_far = 0_u64;
        self.classes.iter().zip(BOUNDS).map(move |(class, bound)| {
            so_far = so_far.saturating_add(*class);
            (Duration::from_micros(bound), so_far)
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_length_is_counted_in_the_first_class_that_has_room_for_it() {
        let mut histogram = Histogram::default();
        for micros in [0, 100, 101, 250, 10_000_000, 10_000_001] {
            histogram.add(Duration::from_micros(micros));
        }
        let counts: Vec<u64> = histogram.cumulative().map(|(_, count)| count).collect();
        assert_eq!(
            (counts.first(), counts.get(1), counts.get(14), counts.last()),
            (Some(&2), Some(&4), Some(&4), Some(&5))
        );
        assert_eq!((histogram.count, histogram.last), (6, Duration::from_micros(10_000_001)));
        assert_eq!((histogram.longest, histogram.total), (histogram.last, Duration::from_micros(20_000_452)));
    }
}
