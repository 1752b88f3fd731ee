//! The randomness that a program brings to a seal.

use std::prelude::rust_2024::*;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use blake2::Blake2bMac512;
use blake2::digest::{KeyInit, Mac};
use getrandom::SysRng;
use rand_core::{TryCryptoRng, TryRng};
use zeroize::Zeroizing;

/// The randomness of the operating system, mixed with what tells processes and moments apart.
///
/// The operating system alone is trusted for secrecy. But two virtual machines that are resumed from one snapshot may
/// both be given the same bytes by it. So each draw is a keyed hash (BLAKE2b) of fresh bytes of the system, the number
/// of the process, both of its clocks and a counter.
pub struct SystemRng {
    key: Zeroizing<[u8; 64]>,
    created: Instant,
}

/// Counts draws, of all generators of the process.
static DRAWS: AtomicU64 = AtomicU64::new(0);

impl SystemRng {
    /// A generator of its own.
    ///
    /// # Errors
    /// The operating system's own, if it has no randomness to give.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut key = Zeroizing::new([0; 64]);
        SysRng.try_fill_bytes(key.as_mut_slice())?;
        Ok(SystemRng { key, created: Instant::now() })
    }

    fn draw(&self) -> Result<Zeroizing<[u8; 64]>, getrandom::Error> {
        let mut fresh = Zeroizing::new([0; 32]);
        SysRng.try_fill_bytes(fresh.as_mut_slice())?;
        let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let mixed = Blake2bMac512::new((&*self.key).into())
            .chain_update(fresh.as_slice())
            .chain_update(process::id().to_be_bytes())
            .chain_update(since_epoch.as_nanos().to_be_bytes())
            .chain_update(self.created.elapsed().as_nanos().to_be_bytes())
            .chain_update(DRAWS.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        Ok(Zeroizing::new(mixed.finalize().into_bytes().into()))
    }
}

impl TryRng for SystemRng {
    type Error = getrandom::Error;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.try_next_u64().map(|drawn| u32::try_from(drawn & u64::from(u32::MAX)).unwrap_or_default())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for part in bytes.chunks_mut(64) {
            let drawn = self.draw()?;
            part.iter_mut().zip(drawn.iter()).for_each(|(place, byte)| *place = *byte);
        }
        Ok(())
    }
}

impl TryCryptoRng for SystemRng {}

impl core::fmt::Debug for SystemRng {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SystemRng").finish_non_exhaustive()
    }
}
