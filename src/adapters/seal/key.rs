//! Keys: where they come from, and what is never shown of them.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::prelude::rust_2024::*;
use std::str::FromStr;
use std::sync::Arc;

use blake2::digest::Mac;
use blake2::digest::consts::U24;
use blake2::{Blake2bMac, Blake2bMac512};
use chacha20poly1305::{AeadInOut, KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::adapters::files::advice;
use crate::adapters::random::RandomError;

/// How long a key is, in bytes.
pub(super) const LENGTH: usize = 32;

/// How many keys a keyring holds at most: the more, the longer a forgery is looked at.
const MOST: usize = 4;

/// What of a key is told to everybody: whoever has the key sees by it which one is meant.
pub(super) type KeyId = [u8; 8];

/// A secret of 32 random bytes that all nodes of a group have.
///
/// It is written as 64 hexadecimal digits. Its bytes are wiped when it is dropped, and nothing prints
/// them: [`Debug`](fmt::Debug) shows what every datagram shows, which key it is.
#[derive(Clone)]
pub struct Key {
    pub(super) cipher: XChaCha20Poly1305,
    pub(super) id: KeyId,
    /// Keyed hash that makes nonces, under a key of its own.
    nonces: Blake2bMac<U24>,
}

/// A few keys: a group seals with the first of them, and opens with any.
///
/// To **rotate** without a pause, give every node the new key behind the old one, then every node the
/// new key before the old one, then every node the new key alone. Each step waits until every node
/// has taken the one before.
#[derive(Clone)]
pub struct Keyring(Arc<[Key]>);

/// Why there are no keys. Each says what to do; what caused it is its [`source`](std::error::Error::source).
///
/// Non-exhaustive: a later version may check more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A key is not written as 64 hexadecimal digits.
    #[error("a key is written as 64 hexadecimal digits on a line of its own, as `openssl rand -hex 32` does")]
    NotHex,
    /// Anybody may read the file, or anybody may write to it.
    #[error(
        "{} is open to all users of the machine (mode {mode:o}): chmod o= it; in a container, mount the secret \
         with mode 0440, which is defaultMode in Kubernetes, and with a group of this program's, which is fsGroup",
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// No keys at all, more than four, or the same one twice.
    #[error("a keyring holds one to {MOST} keys, all different, and not {0}")]
    Number(usize),
    /// The file is far longer than one that holds keys.
    #[error("it is too long for a file of keys")]
    TooLong,
    /// The file was read, and holds no keys.
    #[error("{} holds no keys that can be used", path.display())]
    Contents {
        /// The file.
        path: PathBuf,
        /// What is wrong with what it holds.
        source: Box<KeyError>,
    },
    /// The operating system refused, or what is there is no file.
    #[error("cannot {action} {}{}", path.display(), advice(source))]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The system has no randomness to give.
    #[error("cannot draw a key")]
    Random(#[from] RandomError),
}

impl Key {
    /// The key of these bytes, which must be random: a password is no key.
    #[must_use]
    pub fn new(bytes: &[u8; LENGTH]) -> Self {
        let cipher = XChaCha20Poly1305::new(bytes.into());
        // The tag of nothing: it says nothing of the key. No datagram has this nonce.
        let tag = cipher.encrypt_inout_detached(
            &XNonce::default(),
            b"quorate: id of the key",
            (&mut [][..]).into(),
        );
        let tag = tag.unwrap_or_default();
        let id = tag.first_chunk().copied().unwrap_or_default();
        Key { cipher, id, nonces: nonce_hash(bytes) }
    }

    /// The nonce of a datagram with this clear head and these sealed bytes: a keyed hash of both and of `drawn`
    /// randomness. Should the same randomness be drawn twice, as by two copies of one virtual machine, then two
    /// datagrams that differ still have different nonces.
    pub(super) fn nonce(&self, drawn: &XNonce, head: &[u8], plain: &[u8]) -> XNonce {
        let hash = self.nonces.clone().chain_update(drawn).chain_update(head).chain_update(plain);
        hash.finalize().into_bytes()
    }
}

/// The hash that makes nonces. Its key is a hash of the group's key: the cipher and this hash have none in common.
fn nonce_hash(bytes: &[u8; LENGTH]) -> Blake2bMac<U24> {
    let mut padded = Zeroizing::new([0; 2 * LENGTH]);
    padded.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    let derived =
        Blake2bMac512::new((&*padded).into()).chain_update(b"quorate: nonces").finalize().into_bytes();
    Blake2bMac::new(&derived)
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        match base16ct::mixed::decode(text.trim(), bytes.as_mut_slice()) {
            Ok(decoded) if decoded.len() == LENGTH => Ok(Key::new(&bytes)),
            Ok(_) | Err(_) => Err(KeyError::NotHex),
        }
    }
}

impl Keyring {
    /// These keys: seals with the first, opens with any.
    ///
    /// # Errors
    /// [`KeyError::Number`] unless there are one to four, all different.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self, KeyError> {
        let keys: Arc<[Key]> = keys.into_iter().take(MOST.saturating_add(1)).collect();
        let mut ids: Vec<KeyId> = keys.iter().map(|key| key.id).collect();
        ids.sort_unstable();
        ids.dedup();
        match ids.len() {
            number @ 1..=MOST if number == keys.len() => Ok(Keyring(keys)),
            _ => Err(KeyError::Number(keys.len())),
        }
    }

    /// The key to seal with. There always is one.
    pub(super) fn first(&self) -> Option<&Key> {
        self.0.first()
    }

    pub(super) fn find(&self, id: &KeyId) -> Option<&Key> {
        self.0.iter().find(|key| key.id == *id)
    }
}

impl FromStr for Keyring {
    type Err = KeyError;

    /// Reads what is in a file of keys: see [`Keyring::read`].
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Keyring::new(lines.map(Key::from_str).collect::<Result<Vec<_>, _>>()?)
    }
}

/// Keyrings are equal that hold the same keys in the same order.
impl PartialEq for Keyring {
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().map(|key| key.id).eq(other.0.iter().map(|key| key.id))
    }
}

impl Eq for Keyring {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:016x})", u64::from_be_bytes(self.id))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter()).finish()
    }
}
