//! The randomness of the operating system.

use getrandom::SysRng;

/// The operating system has no randomness to give, which its text explains. Nothing is safe without: start
/// the process again once that is mended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the operating system gives no randomness: {0}")]
pub struct RandomError(getrandom::Error);

/// Fills `bytes` with random ones.
#[cfg(feature = "seal")]
pub(in crate::adapters) fn fill(bytes: &mut [u8]) -> Result<(), RandomError> {
    use getrandom::rand_core::TryRng;
    SysRng.try_fill_bytes(bytes).map_err(RandomError)
}

/// The generator of an election. What it draws separates the deadlines of nodes, and their starts, and is no secret; it
/// draws one number now and then. So 8 bytes of state do, seeded by the operating system, where ChaCha has 304. Keys
/// and nonces are drawn elsewhere.
#[cfg(any(feature = "udp", feature = "tokio", feature = "seat"))]
pub(in crate::adapters) type JitterRng = rand_xoshiro::SplitMix64;

/// A generator with a random seed.
#[cfg(any(feature = "seat", all(feature = "register", any(feature = "udp", feature = "tokio"))))]
pub(in crate::adapters) fn generator() -> Result<JitterRng, RandomError> {
    use rand_xoshiro::rand_core::SeedableRng;
    seed().map(JitterRng::seed_from_u64)
}

/// A random seed, which is all the state that a generator begins with.
#[cfg(any(feature = "udp", feature = "tokio", feature = "seat"))]
pub(in crate::adapters) fn seed() -> Result<u64, RandomError> {
    use getrandom::rand_core::TryRng;
    SysRng.try_next_u64().map_err(RandomError)
}
