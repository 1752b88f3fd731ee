//! The one source of chance.

use std::collections::VecDeque;
use std::convert::Infallible;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng, TryRng};

/// Everything that is left to chance is decided by one of these, so that a seed is a whole run.
#[derive(Clone, Debug)]
pub struct Dice {
    generator: ChaCha8Rng,
    /// What is thrown first.
    loaded: VecDeque<u8>,
}

/// Parts in a million.
pub type Ppm = u32;

impl Dice {
    /// The same seed throws the same numbers.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Dice { generator: ChaCha8Rng::seed_from_u64(seed), loaded: VecDeque::new() }
    }

    /// The next throws are these, one byte each: 0 is the lowest, and what is unlikely happens. Then
    /// the seed decides again.
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

    /// True `ppm` times in a million.
    pub fn chance(&mut self, ppm: Ppm) -> bool {
        ppm > 0 && self.below(1_000_000) < u64::from(ppm)
    }

    /// One of `choices`, which must not be empty.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// A generator for a node to own.
    pub fn generator(&mut self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.generator.next_u64())
    }
}

/// A generator that has no choice, where each delay is exact, or all are explored.
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
