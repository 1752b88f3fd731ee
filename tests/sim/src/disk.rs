//! The disks: how long a write takes.

use crate::clock::{MS, SECOND};
use crate::rng::{Dice, Ppm};

/// How long writes take.
#[derive(Clone, Copy, Debug)]
pub struct DiskOptions {
    /// The shortest and the longest write, in nanoseconds.
    pub write: (u64, u64),
    /// How many of a million writes stall.
    pub stalls: Ppm,
    /// The shortest and the longest stall, in nanoseconds.
    pub stall: (u64, u64),
}

impl Default for DiskOptions {
    /// A disk that takes no time.
    fn default() -> Self {
        DiskOptions { write: (0, 0), stalls: 0, stall: (300 * MS, 2 * SECOND) }
    }
}

impl DiskOptions {
    /// Draws how long the next write takes, and whether it stalls.
    pub fn draw(&self, dice: &mut Dice) -> (u64, bool) {
        let stalls = dice.chance(self.stalls);
        (dice.between(if stalls { self.stall } else { self.write }), stalls)
    }
}
