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

/// A generator with a random seed.
#[cfg(any(feature = "udp", feature = "tokio"))]
pub(in crate::adapters) fn generator() -> Result<rand_chacha::ChaCha8Rng, RandomError> {
    use rand_chacha::rand_core::SeedableRng;
    rand_chacha::ChaCha8Rng::try_from_rng(&mut SysRng).map_err(RandomError)
}
