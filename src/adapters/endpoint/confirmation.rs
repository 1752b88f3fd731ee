//! Whether a program receives at the address that it seems to send from.
//!
//! Anybody can write any source on a datagram. So a source of which nothing else is known is sent no more bytes than
//! came from there, until it has echoed a *challenge*: eight bytes that only a receiver at that address can know.

use core::net::SocketAddr;
use core::time::Duration;
use std::prelude::rust_2024::*;

use blake2::Blake2bMac;
use blake2::digest::consts::U8;
use blake2::digest::{KeyInit, Mac};
use rand_core::TryCryptoRng;
use serde::Serialize;

use crate::types::Timestamp;

/// What is to be echoed.
pub(super) type Cookie = [u8; 8];

/// For how long a challenge is the same one. It may be echoed until the end of the following period, so that an echo
/// which somebody has kept proves nothing about the node that has the address later.
const PERIOD: Duration = Duration::from_secs(30);

/// For how long a stranger that has echoed a challenge is answered in full, and how many of them.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);
const REMEMBERED: usize = 64;

/// The challenges of an endpoint. No state is kept for one that is not echoed.
pub(super) struct Confirmation {
    hash: Blake2bMac<U8>,
    /// Strangers that have echoed a challenge, and until when this counts.
    strangers: Vec<(SocketAddr, Timestamp)>,
}

impl Confirmation {
    pub(super) fn new<R: TryCryptoRng>(rng: &mut R) -> Result<Self, R::Error> {
        let mut key = [0; 64];
        rng.try_fill_bytes(&mut key)?;
        Ok(Confirmation { hash: Blake2bMac::new(&key.into()), strangers: Vec::new() })
    }

    /// The challenge for node `id` at `address`; `None` if the id cannot be serialized.
    pub(super) fn cookie<I: Serialize>(&self, id: I, address: SocketAddr, now: Timestamp) -> Option<Cookie> {
        self.cookie_of(id, address, period(now))
    }

    /// Whether `cookie` is a challenge that node `id` at `address` was given of late.
    pub(super) fn is_recent<I: Serialize + Copy>(
        &self,
        cookie: Cookie,
        id: I,
        address: SocketAddr,
        now: Timestamp,
    ) -> bool {
        let periods = [Some(period(now)), period(now).checked_sub(1)].into_iter().flatten();
        periods.into_iter().any(|period| self.cookie_of(id, address, period) == Some(cookie))
    }

    fn cookie_of<I: Serialize>(&self, id: I, address: SocketAddr, period: u64) -> Option<Cookie> {
        let named = postcard::to_allocvec(&(id, address, period)).ok()?;
        Some(self.hash.clone().chain_update(named).finalize().into_bytes().into())
    }

    /// A stranger has shown to receive at `address`.
    pub(super) fn confirm(&mut self, address: SocketAddr, now: Timestamp) {
        self.strangers.retain(|&(known, until)| known != address && until > now);
        if self.strangers.len() >= REMEMBERED {
            self.strangers.remove(0);
        }
        self.strangers.push((address, now.saturating_add(REMEMBERED_FOR)));
    }

    pub(super) fn is_confirmed(&self, address: SocketAddr, now: Timestamp) -> bool {
        self.strangers.iter().any(|&(known, until)| known == address && until > now)
    }
}

/// The codes of tickets, each for one command and for a minute at most.
pub(super) struct Tickets {
    hash: Blake2bMac<U8>,
    /// How many were used.
    used: u64,
}

impl Tickets {
    pub(super) fn new<R: TryCryptoRng>(rng: &mut R) -> Result<Self, R::Error> {
        let mut key = [0; 64];
        rng.try_fill_bytes(&mut key)?;
        Ok(Tickets { hash: Blake2bMac::new(&key.into()), used: 0 })
    }

    /// The code that is good now.
    pub(super) fn current(&self, now: Timestamp) -> Cookie {
        self.code(period(now))
    }

    /// Whether `code` is good. If so, it is good no longer.
    pub(super) fn redeem(&mut self, code: Cookie, now: Timestamp) -> bool {
        let mut periods = [Some(period(now)), period(now).checked_sub(1)].into_iter().flatten();
        let is_good = periods.any(|period| self.code(period) == code);
        if is_good {
            self.used = self.used.saturating_add(1);
        }
        is_good
    }

    fn code(&self, period: u64) -> Cookie {
        let hash = self.hash.clone().chain_update(self.used.to_be_bytes()).chain_update(period.to_be_bytes());
        hash.finalize().into_bytes().into()
    }
}

/// The number of the period that `now` is in.
fn period(now: Timestamp) -> u64 {
    now.since_origin().as_secs().checked_div(PERIOD.as_secs()).unwrap_or(0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn a_challenge_may_be_echoed_for_a_minute_at_most_by_its_receiver_and_to_its_sender() {
        let of = |seed| {
            let Ok(confirmation) = Confirmation::new(&mut ChaCha20Rng::seed_from_u64(seed));
            confirmation
        };
        let at = |second| Timestamp::from(Duration::from_secs(second));
        let (one, here) = (of(1), SocketAddr::from(([127, 0, 0, 1], 7)));
        for given in [0, 29, 30, 1_000] {
            let cookie = one.cookie(3_u8, here, at(given)).unwrap();
            let echoed = |second| one.is_recent(cookie, 3_u8, here, at(second));
            assert!(echoed(given) && echoed(given + 30), "given at {given}");
            assert!(!echoed(given + 60), "given at {given}");
            assert!(!one.is_recent(cookie, 4_u8, here, at(given)), "another node");
            assert!(!one.is_recent(cookie, 3_u8, SocketAddr::from(([127, 0, 0, 2], 7)), at(given)));
            assert!(!of(2).is_recent(cookie, 3_u8, here, at(given)), "a later process");
        }
    }
}
