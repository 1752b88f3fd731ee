//! What a sealed datagram looks like from outside.
//!
//! ```text
//! "qs"  version  key id  cluster  nonce  sealed bytes  tag
//!  2       1       8        8      24        any        16
//! ```
//! All before the nonce is authenticated with the rest. So a datagram of another group is told apart from a forged
//! one, and is never opened, also where two groups share a key.

use std::prelude::rust_2024::*;

use chacha20poly1305::{AeadInOut, XNonce};
use rand_core::TryCryptoRng;
use serde::Serialize;

use super::key::{Key, Keyring};
use super::{MAX_SEALED, Refusal, SealError, VERSION};
use crate::types::ClusterId;

const MAGIC: &[u8] = b"qs";
const NONCE: usize = 24;
const TAG: usize = 16;
const HEAD: usize = 19;

/// What was sealed, and the group that the datagram is of.
pub(super) struct Decrypted<'a> {
    pub(super) cluster: ClusterId,
    pub(super) plain: &'a [u8],
}

impl Keyring {
    /// Encrypts `contents` and `body` into one datagram of group `cluster`.
    pub(super) fn encrypt(
        &self,
        cluster: ClusterId,
        contents: &impl Serialize,
        body: &[u8],
        rng: &mut impl TryCryptoRng,
    ) -> Result<Vec<u8>, SealError> {
        let key = self.first().ok_or(SealError::Unsealable)?;
        let mut drawn = XNonce::default();
        rng.try_fill_bytes(&mut drawn).map_err(|_| SealError::NoRandomness)?;
        let head = head(key, cluster);
        let mut datagram = [head.as_slice(), drawn.as_slice()].concat();
        datagram = postcard::to_extend(contents, datagram).map_err(|_| SealError::BadId)?;
        datagram.extend_from_slice(body);
        if datagram.len().saturating_add(TAG) > MAX_SEALED {
            return Err(SealError::TooLong);
        }
        let (nonce, plain) = datagram
            .get_mut(HEAD..)
            .and_then(<[u8]>::split_first_chunk_mut::<NONCE>)
            .ok_or(SealError::Unsealable)?;
        *nonce = key.nonce(&drawn, &head, plain).into();
        let tag = key.cipher.encrypt_inout_detached(&(*nonce).into(), &head, plain.into());
        datagram.extend_from_slice(&tag.map_err(|_| SealError::Unsealable)?);
        Ok(datagram)
    }

    /// Decrypts a datagram, in its place. One without a known key is told by its length and its first bytes
    /// where possible, which costs next to nothing. A datagram of another group than `cluster` is decrypted too if
    /// its key is known: it was not forged.
    pub(super) fn decrypt<'a>(
        &self,
        cluster: ClusterId,
        datagram: &'a mut [u8],
    ) -> Result<Decrypted<'a>, Refusal> {
        if datagram.len() > MAX_SEALED {
            return Err(Refusal::TooLong);
        }
        check_format(datagram)?;
        let (head, rest) = datagram.split_first_chunk_mut::<HEAD>().ok_or(Refusal::Truncated)?;
        let (key, named) = self.read_head(head);
        let key = key.ok_or(match named {
            _ if named == cluster => Refusal::UnknownKey,
            cluster => Refusal::ForeignCluster { cluster },
        })?;
        let (nonce, rest) = rest.split_first_chunk_mut::<NONCE>().ok_or(Refusal::Truncated)?;
        let (plain, tag) = rest.split_last_chunk_mut::<TAG>().ok_or(Refusal::Truncated)?;
        let (nonce, tag) = ((*nonce).into(), (*tag).into());
        let opened = key.cipher.decrypt_inout_detached(&nonce, head, (&mut *plain).into(), &tag);
        opened.map(|()| Decrypted { cluster: named, plain }).map_err(|_| Refusal::Forged)
    }

    /// The key that a head names, if it is known, and the group.
    fn read_head(&self, head: &[u8; HEAD]) -> (Option<&Key>, ClusterId) {
        let [_, _, _, id @ .., a, b, c, d, e, f, g, h] = head;
        (self.find(id), ClusterId(u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h])))
    }
}

/// Tells by its first bytes whether a datagram may be sealed, and in this version.
fn check_format(datagram: &[u8]) -> Result<(), Refusal> {
    match datagram.strip_prefix(MAGIC).map(<[u8]>::first) {
        Some(Some(&VERSION)) => Ok(()),
        Some(Some(&found)) => Err(Refusal::UnknownVersion { found }),
        None if datagram.len() > MAGIC.len() => Err(Refusal::Unsealed),
        Some(None) | None => Err(Refusal::Truncated),
    }
}

fn head(key: &Key, cluster: ClusterId) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    let cluster = cluster.0.to_be_bytes();
    let bytes = MAGIC.iter().chain(&[VERSION]).chain(&key.id).chain(&cluster);
    head.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    head
}
