//! What a sealed datagram looks like from outside.
//!
//! ```text
//! "qs"  version  key id  nonce  sealed bytes  tag
//!  2       1       8      24        any        16
//! ```
//! All before the nonce is authenticated with the rest.

use std::prelude::rust_2024::*;

use chacha20poly1305::{AeadInOut, XNonce};
use rand_core::TryCryptoRng;
use serde::Serialize;

use super::key::{Key, Keyring};
use super::{MAX_SEALED, Refusal, SealError, VERSION};

const MAGIC: &[u8] = b"qs";
const NONCE: usize = 24;
const TAG: usize = 16;
const HEAD: usize = 11;

impl Keyring {
    /// Encrypts `contents` and `body` into one datagram.
    pub(super) fn encrypt(
        &self,
        contents: &impl Serialize,
        body: &[u8],
        rng: &mut impl TryCryptoRng,
    ) -> Result<Vec<u8>, SealError> {
        let key = self.first().ok_or(SealError::Unsealable)?;
        // The nonce is random, not counted: it must not repeat after a restart either.
        let mut nonce = XNonce::default();
        rng.try_fill_bytes(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let head = head(key);
        let mut datagram = [head.as_slice(), nonce.as_slice()].concat();
        let start = datagram.len();
        datagram = postcard::to_extend(contents, datagram).map_err(|_| SealError::BadId)?;
        datagram.extend_from_slice(body);
        if datagram.len().saturating_add(TAG) > MAX_SEALED {
            return Err(SealError::TooLong);
        }
        let plain = datagram.get_mut(start..).unwrap_or_default();
        let tag = key.cipher.encrypt_inout_detached(&nonce, &head, plain.into());
        datagram.extend_from_slice(&tag.map_err(|_| SealError::Unsealable)?);
        Ok(datagram)
    }

    /// Decrypts a datagram, in its place. One without a known key is told by its length and its first bytes
    /// where possible, which costs next to nothing.
    pub(super) fn decrypt<'a>(&self, datagram: &'a mut [u8]) -> Result<&'a [u8], Refusal> {
        if datagram.len() > MAX_SEALED {
            return Err(Refusal::TooLong);
        }
        let (head, rest) = datagram.split_first_chunk_mut::<HEAD>().ok_or(Refusal::Truncated)?;
        let key = self.key(head)?;
        let (nonce, rest) = rest.split_first_chunk_mut::<NONCE>().ok_or(Refusal::Truncated)?;
        let (plain, tag) = rest.split_last_chunk_mut::<TAG>().ok_or(Refusal::Truncated)?;
        let (nonce, tag) = ((*nonce).into(), (*tag).into());
        let opened = key.cipher.decrypt_inout_detached(&nonce, head, (&mut *plain).into(), &tag);
        opened.map(|()| &*plain).map_err(|_| Refusal::Forged)
    }

    fn key(&self, head: &[u8]) -> Result<&Key, Refusal> {
        let (&found, id) = head.strip_prefix(MAGIC).and_then(<[u8]>::split_first).ok_or(Refusal::Unsealed)?;
        if found != VERSION {
            return Err(Refusal::UnknownVersion { found });
        }
        id.first_chunk().and_then(|id| self.find(id)).ok_or(Refusal::UnknownKey)
    }
}

fn head(key: &Key) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    let bytes = MAGIC.iter().chain(&[VERSION]).chain(&key.id);
    head.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    head
}
