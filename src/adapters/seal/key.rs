//! Keys: where they come from, and what is never shown of them.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::prelude::rust_2024::*;
use std::str::FromStr;
use std::sync::Arc;

use blake2::digest::Mac;
use blake2::digest::consts::U24;
use blake2::{Blake2bMac, Blake2bMac512};
use chacha20poly1305::{AeadInOut, KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::adapters::random::{self, RandomError};

/// How long a key is, in bytes.
const LENGTH: usize = 32;

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

/// Why there are no keys.
///
/// Non-exhaustive: a later version may check more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A key is not written as 64 hexadecimal digits.
    #[error("a key is written as 64 hexadecimal digits")]
    NotHex,
    /// Anybody may read the file, or anybody may write to it.
    #[error("{} is open to all users of the machine (mode {mode:o}): chmod o= it", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// No keys at all, more than four, or the same one twice.
    #[error("a keyring holds one to {MOST} keys, all different, and not {0}")]
    Number(usize),
    /// The file cannot be read or written.
    #[error("cannot read or write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
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

    /// The keys in a file: one on a line, the one to seal with first. Lines that are empty or begin
    /// with `#` do not count.
    ///
    /// # Errors
    /// [`KeyError`], also if all users of the machine may read the file or write to it.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        let failed = |source| KeyError::File { path: path.into(), source };
        let mode = mode(&fs::metadata(path).map_err(failed)?);
        if mode & 0o007 != 0 {
            return Err(KeyError::Exposed { path: path.into(), mode });
        }
        Zeroizing::new(fs::read_to_string(path).map_err(failed)?).parse()
    }

    /// Draws a key and writes it to a new file, which only its owner may read.
    ///
    /// # Errors
    /// [`KeyError`], also if there is such a file already.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        let mut bytes = Zeroizing::new([0; LENGTH]);
        random::fill(bytes.as_mut_slice())?;
        let mut line = Zeroizing::new([b'\n'; 2 * LENGTH + 1]);
        let _all_but_the_last = base16ct::lower::encode(bytes.as_slice(), line.as_mut_slice());
        let written = create(path).and_then(|mut file| {
            file.write_all(line.as_slice())?;
            file.sync_all()
        });
        written.map_err(|source| KeyError::File { path: path.into(), source })?;
        Keyring::new([Key::new(&bytes)])
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

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o777
}

/// Elsewhere it is up to the folder that the file is in.
#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> u32 {
    0
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
