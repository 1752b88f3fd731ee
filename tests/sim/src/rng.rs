//! Random numbers: the source of all chance in a run.

use std::collections::VecDeque;
use std::convert::Infallible;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng, TryRng};

/// The source of all chance in a run, so that a seed determines the whole run.
#[derive(Clone, Debug)]
pub struct Dice {
    generator: ChaCha8Rng,
    /// The next throws, before the generator decides again.
    loaded: VecDeque<u8>,
}

/// Parts in a million.
pub type Ppm = u32;

impl Dice {
    /// Dice that throw the same numbers for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Dice { generator: ChaCha8Rng::seed_from_u64(seed), loaded: VecDeque::new() }
    }

    /// Sets the next throws, one byte each. A byte of 0 gives the lowest number, with which unlikely things
    /// happen. After these throws the seed decides again.
    pub(crate) fn load(&mut self, throws: &[u8]) {
        self.loaded = throws.iter().copied().collect();
    }

    /// A number in `0..end`, or 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        let loaded = self.loaded.pop_front().map(|byte| u64::from(byte) << 56);
        let throw = loaded.unwrap_or_else(|| self.generator.next_u64());
        ((u128::from(throw) * u128::from(end)) >> 64) as u64
    }

    /// A number in `range.0..=range.1`.
    pub fn between(&mut self, range: (u64, u64)) -> u64 {
        range.0 + self.below(range.1.saturating_sub(range.0).saturating_add(1))
    }

    /// Returns true `ppm` times in a million.
    pub fn chance(&mut self, ppm: Ppm) -> bool {
        ppm > 0 && self.below(1_000_000) < u64::from(ppm)
    }

    /// One of `choices`, which must not be empty.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// A generator for a node.
    pub fn generator(&mut self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.generator.next_u64())
    }
}

/// A generator that returns only zero, for tests with exact delays, and for searches of all orders.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Zero;

impl TryRng for Zero {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(0);
        Ok(())
    }
}
