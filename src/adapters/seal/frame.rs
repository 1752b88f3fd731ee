//! What a sealed datagram looks like from outside.
//!
//! ```text
//! "qs"  version  key id  cluster  life  nonce  sealed bytes  tag
//!  2       1       4        8      8     12        any        16
//! ```
//! All before the nonce is authenticated with the rest. So a datagram of another group is told apart from a forged
//! one, and is never opened, also where two groups share a key. The life is that of the node that sealed the datagram,
//! all zeros if the node belongs to none. Integers have their highest byte first. `number.rs` describes the nonce, and
//! `contents.rs` what is sealed.

use std::mem;
use std::prelude::rust_2024::*;

use aes_gcm_siv::aead::AeadInOut;
use serde::Serialize;

use super::key::{Key, Keyring, ShortId};
use super::number::{NONCE, Nonce};
use super::{MAX_SEALED, Refusal, SealError, VERSION};
use crate::types::{ClusterId, Life};

const MAGIC: &[u8] = b"qs";
const TAG: usize = 16;
const HEAD: usize = 23;

/// How much longer a datagram is than what is sealed in it.
pub(super) const FRAME: usize = HEAD + NONCE + TAG;

/// What a sealed datagram says in the clear: the group that it is of, and which of the groups that ever had this number.
///
/// A receiver knows that this is true once it has opened the datagram. Before that, it is what the datagram claims: of use
/// to an operator who looks at datagrams and has no key.
///
/// ```
/// use quorate::adapters::seal::{ClearHead, Key, Keyring, Seal};
/// use quorate::{ClusterId, HardState};
/// # use rand_chacha::rand_core::SeedableRng;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
/// let state = HardState::bootstrap(ClusterId(7), [1_u32, 2])?;
/// let mut seal = Seal::new(1_u32, state.cluster, Keyring::new([Key::new(&[9; 32])])?, rng)?;
/// seal.set_life(state.life);
/// let datagram = seal.handshake(2)?;
/// assert_eq!(ClearHead::read(&datagram), Some(ClearHead { cluster: state.cluster, life: state.life }));
/// assert_eq!(ClearHead::read(b"GET / HTTP/1.1\r\n\r\n"), None);
/// # Ok(())
/// # }
/// ```
///
/// Exhaustive: a format with another head has another version.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ClearHead {
    /// The group.
    pub cluster: ClusterId,
    /// The life of the node that sealed the datagram, as of then.
    pub life: Life,
}

impl ClearHead {
    /// The head of a datagram that is sealed in this [version](VERSION), or looks like it.
    #[must_use]
    pub fn read(datagram: &[u8]) -> Option<Self> {
        check_format(datagram).ok()?;
        datagram.first_chunk().map(|head| parse_head(head).1)
    }
}

/// What was sealed, behind which head, and with which nonce.
pub(super) struct Decrypted<'a> {
    pub(super) clear: ClearHead,
    pub(super) nonce: Nonce,
    pub(super) plain: &'a [u8],
}

impl Keyring {
    /// Encrypts `contents` and `body` into `datagram`, in the place of all that it holds, behind a head in the clear.
    /// Nothing is allocated if it has the room.
    pub(super) fn encrypt(
        &self,
        (clear, nonce): (ClearHead, Nonce),
        contents: &impl Serialize,
        body: &[u8],
        datagram: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let key = self.first().ok_or(SealError::Unsealable)?;
        let head = head(key, clear);
        let mut bytes = mem::take(datagram);
        bytes.clear();
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(&nonce);
        let mut bytes = postcard::to_extend(contents, bytes).map_err(|_| SealError::BadId)?;
        bytes.extend_from_slice(body);
        if bytes.len().saturating_add(TAG) > MAX_SEALED {
            return Err(SealError::TooLong);
        }
        let plain = bytes.get_mut(HEAD + NONCE..).ok_or(SealError::Unsealable)?;
        let tag = key.cipher.encrypt_inout_detached(&nonce.into(), &head, plain.into());
        bytes.extend_from_slice(&tag.map_err(|_| SealError::Unsealable)?);
        *datagram = bytes;
        Ok(())
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
        let (id, clear) = parse_head(head);
        let unknown = match clear.cluster {
            named if named == cluster => Refusal::UnknownKey,
            cluster => Refusal::ForeignCluster { cluster },
        };
        let mut keys = self.find(id).peekable();
        keys.peek().ok_or(unknown)?;
        let (nonce, rest) = rest.split_first_chunk_mut::<NONCE>().ok_or(Refusal::Truncated)?;
        let (plain, tag) = rest.split_last_chunk_mut::<TAG>().ok_or(Refusal::Truncated)?;
        let (nonce, tag) = (*nonce, (*tag).into());
        // Two keys that have one short id are both tried. A key that does not fit leaves the bytes as they were.
        let opens = |key: &Key| {
            key.cipher.decrypt_inout_detached(&nonce.into(), head, (&mut *plain).into(), &tag).is_ok()
        };
        if keys.any(opens) { Ok(Decrypted { clear, nonce, plain }) } else { Err(Refusal::Forged) }
    }
}

/// The key that a head names, and the rest of what it says.
fn parse_head(head: &[u8; HEAD]) -> (ShortId, ClearHead) {
    let [_, _, _, k0, k1, k2, k3, c0, c1, c2, c3, c4, c5, c6, c7, l0, l1, l2, l3, l4, l5, l6, l7] = *head;
    let cluster = ClusterId(u64::from_be_bytes([c0, c1, c2, c3, c4, c5, c6, c7]));
    let life = Life(u64::from_be_bytes([l0, l1, l2, l3, l4, l5, l6, l7]));
    ([k0, k1, k2, k3], ClearHead { cluster, life })
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

fn head(key: &Key, clear: ClearHead) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    let (cluster, life) = (clear.cluster.0.to_be_bytes(), clear.life.0.to_be_bytes());
    let bytes = MAGIC.iter().chain(&[VERSION]).chain(&key.short_id).chain(&cluster).chain(&life);
    head.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    head
}
