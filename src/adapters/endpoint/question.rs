//! The question who leads, without a socket: any program may ask any node of a group.

use core::net::SocketAddr;
use std::fmt;
use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::LeaderAddress;
use super::datagram::{self, Datagram, Nonce};
use super::sealed_datagram;
use crate::adapters::seal::{Keyring, SealError};
use crate::types::{ClusterId, NodeId};

/// Asks who leads: send [`bytes`](Self::bytes) to the address of any node of the group, and give what comes back to
/// [`read_answer`](Self::read_answer). Datagrams get lost, so repeat the question.
///
/// The answer is news, not a promise: the leader may have changed when it arrives. An answer to another question is told
/// apart, but not one to an earlier copy of the same: ask a new question where an old answer would mislead.
#[derive(Clone)]
pub struct Question {
    cluster: ClusterId,
    asked: SocketAddr,
    nonce: Nonce,
    keys: Option<Keyring>,
    bytes: Vec<u8>,
}

impl Question {
    /// A question to the node at `asked` of group `cluster`, which has `keys`, or none. Nodes of another group do not
    /// answer it. A leader confirms the address only if the leader knows it to be its own: where keys are used, nobody
    /// without them can make the asker believe that the leader is where it is not.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`], if the generator has none to give.
    pub fn new(
        cluster: ClusterId,
        asked: SocketAddr,
        keys: Option<&Keyring>,
        rng: &mut impl TryCryptoRng,
    ) -> Result<Self, SealError> {
        let nonce = rng.try_next_u64().map_err(|_| SealError::NoRandomness)?.to_be_bytes();
        let mut bytes = datagram::encode_question(cluster, asked, nonce);
        if let Some(keys) = keys {
            sealed_datagram::strip(&mut bytes);
            bytes = keys.seal_broadcast(cluster, &bytes, rng)?;
        }
        Ok(Question { cluster, asked, nonce, keys: keys.cloned(), bytes })
    }

    /// The datagram to send. No answer is longer.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads a datagram that came in, in its place. `None`: the datagram does not answer this question;
    /// `Some(None)`: the node that answers knows no leader.
    #[must_use]
    pub fn read_answer<I: NodeId + Serialize + DeserializeOwned>(
        &self,
        bytes: &mut [u8],
    ) -> Option<Option<LeaderAddress<I>>> {
        let datagram = match &self.keys {
            Some(keys) => {
                let body = keys.open_broadcast(self.cluster, bytes).ok()?;
                sealed_datagram::decode(self.cluster, None, body).ok()?
            }
            None => datagram::decode(self.cluster, bytes).ok()?,
        };
        let Datagram::Answer(nonce, report) = datagram else { return None };
        (nonce == self.nonce).then(|| report.leader(self.cluster, self.asked))
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("nonce", &self.nonce).finish_non_exhaustive()
    }
}
