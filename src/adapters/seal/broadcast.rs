//! Datagrams for every node with the key, of a program that is no node.

use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;

use super::contents::{Contents, decode};
use super::frame::{ClearHead, Decrypted};
use super::key::Keyring;
use super::number::Nonce;
use super::{Refusal, SealError};
use crate::types::{ClusterId, Life};

impl Keyring {
    /// Seals `body` for everybody in group `cluster` with the key, without a sender, and so without a life. It is opened
    /// as often as it arrives. Its nonce is drawn: do so now and then, for a question of a program, and not at the rate of
    /// heartbeats.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal_broadcast(
        &self,
        cluster: ClusterId,
        body: &[u8],
        rng: &mut impl TryCryptoRng,
    ) -> Result<Vec<u8>, SealError> {
        let (clear, mut nonce) = (ClearHead { cluster, life: Life::NONE }, Nonce::default());
        rng.try_fill_bytes(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let mut datagram = Vec::new();
        self.encrypt((clear, nonce), &Contents::<()>::Broadcast, body, &mut datagram)?;
        Ok(datagram)
    }

    /// Opens what [`seal_broadcast`](Self::seal_broadcast), or [`Seal::seal_broadcast`](super::Seal::seal_broadcast), has sealed.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn open_broadcast<'a>(
        &self,
        cluster: ClusterId,
        datagram: &'a mut [u8],
    ) -> Result<&'a [u8], Refusal> {
        let Decrypted { clear, plain, .. } = self.decrypt(cluster, datagram)?;
        if clear.cluster != cluster {
            return Err(Refusal::ForeignCluster { cluster: clear.cluster });
        }
        match decode::<()>(plain)? {
            (Contents::Broadcast, body) => Ok(body),
            (
                Contents::Request { .. } | Contents::Reply { .. } | Contents::Full(_) | Contents::Short(_),
                _,
            ) => Err(Refusal::Misdirected),
        }
    }
}
