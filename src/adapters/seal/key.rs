//! Keys: where they come from, and what is never shown of them.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::prelude::rust_2024::*;
use std::str::FromStr;
use std::sync::Arc;

use aes_gcm_siv::Aes256GcmSiv;
use aes_gcm_siv::aead::KeyInit;
use blake2::Blake2bMac512;
use blake2::digest::Mac;
use zeroize::Zeroizing;

use crate::adapters::files::advice;
use crate::adapters::random::RandomError;

/// How long a key is, in bytes.
pub(super) const LENGTH: usize = 32;

/// How many keys a keyring holds at most: the more, the longer a forgery is looked at.
const MOST: usize = 4;

/// What of a key is told to everybody: a holder of the key sees by it which one is meant.
pub(super) type KeyId = [u8; 8];

/// What of a key's id each datagram shows: its first bytes.
pub(super) type ShortId = [u8; 4];

/// A secret of 32 random bytes that all nodes of a group have.
///
/// It is written as 64 hexadecimal digits. Its bytes are wiped when it is dropped, and nothing prints
/// them: [`Debug`](fmt::Debug) shows its id, of which every datagram shows the first half.
#[derive(Clone)]
pub struct Key {
    pub(super) cipher: Aes256GcmSiv,
    pub(super) id: KeyId,
    pub(super) short_id: ShortId,
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
        let (secret, public) = (derive(bytes, b"quorate: seal 5"), derive(bytes, b"quorate: id of the key"));
        let secret = Zeroizing::new(secret.first_chunk::<LENGTH>().copied().unwrap_or_default());
        Key {
            cipher: Aes256GcmSiv::new((&*secret).into()),
            id: public.first_chunk().copied().unwrap_or_default(),
            short_id: public.first_chunk().copied().unwrap_or_default(),
        }
    }
}

/// A keyed hash (BLAKE2b with 64 bytes of output, under the key and 32 zeros) of a purpose. What is derived for one
/// purpose says nothing of what is derived for another, or of the key.
fn derive(bytes: &[u8; LENGTH], purpose: &[u8]) -> Zeroizing<[u8; 2 * LENGTH]> {
    let mut padded = Zeroizing::new([0; 2 * LENGTH]);
    padded.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    let derived = Blake2bMac512::new((&*padded).into()).chain_update(purpose).finalize().into_bytes();
    Zeroizing::new(derived.into())
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

    /// The ids of the keys, the one that seals first. An id is written as sixteen hexadecimal digits (`{:016x}`); every
    /// datagram shows the first eight digits of the id of its key.
    pub fn ids(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|key| u64::from_be_bytes(key.id))
    }

    /// The key to seal with. There always is one.
    pub(super) fn first(&self) -> Option<&Key> {
        self.0.first()
    }

    /// The keys with this short id: nearly always one, or none.
    pub(super) fn find(&self, id: ShortId) -> impl Iterator<Item = &Key> {
        self.0.iter().filter(move |key| key.short_id == id)
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
