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
    pub(super) fn cookie<I: Serialize>(&self, id: I, address: SocketAddr) -> Option<Cookie> {
        let named = postcard::to_allocvec(&(id, address)).ok()?;
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
