//! How long it takes to make something durable.

use crate::clock::{MS, SECOND};
use crate::rng::{Dice, Ppm};

/// How slow the disks are.
#[derive(Clone, Copy, Debug)]
pub struct DiskOptions {
    /// The quickest and the slowest write, in nanoseconds.
    pub write: (u64, u64),
    /// Writes that stall.
    pub stalls: Ppm,
    /// For how long.
    pub stall: (u64, u64),
}

impl Default for DiskOptions {
    /// A disk that takes no time.
    fn default() -> Self {
        DiskOptions { write: (0, 0), stalls: 0, stall: (300 * MS, 2 * SECOND) }
    }
}

impl DiskOptions {
    /// How long the next write takes, and whether it stalls.
    pub fn next(&self, dice: &mut Dice) -> (u64, bool) {
        let stalls = dice.chance(self.stalls);
        (dice.between(if stalls { self.stall } else { self.write }), stalls)
    }
}
