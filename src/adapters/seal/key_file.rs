//! Files of keys.

use std::format;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::prelude::rust_2024::*;

use zeroize::Zeroizing;

use super::key::{Key, KeyError, Keyring, LENGTH};
use crate::adapters::files::{self, Folder};
use crate::adapters::random;

/// The longest file of keys that is read, in bytes: enough for the keys and a page of comments.
const MAX_FILE: usize = 16 * 1024;

impl Keyring {
    /// The keys in a file: one on a line, the one to seal with first. Lines that are empty or begin
    /// with `#` do not count. A symbolic link is followed, as to a Secret of Kubernetes.
    ///
    /// # Errors
    /// [`KeyError`], also if all users of the machine may read the file or write to it.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        // A buffer that grew would leave a copy of the keys behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE.saturating_add(1)));
        let metadata = files::read(path, MAX_FILE, &mut bytes).map_err(file_error("read", path))?;
        let mode = mode(&metadata);
        if mode & 0o007 != 0 {
            return Err(KeyError::Exposed { path: path.into(), mode });
        }
        let text = if bytes.len() > MAX_FILE { Err(KeyError::TooLong) } else { text(&bytes) };
        let keys = text.and_then(str::parse);
        keys.map_err(|source| KeyError::Contents { path: path.into(), source: Box::new(source) })
    }

    /// Draws a key and writes it to a new file, which only its owner may read. If that fails, there is no file.
    ///
    /// # Errors
    /// [`KeyError`], also if there is such a file already.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        let mut bytes = Zeroizing::new([0; LENGTH]);
        random::fill(bytes.as_mut_slice())?;
        let mut line = Zeroizing::new([b'\n'; 2 * LENGTH + 1]);
        let _all_but_the_last = base16ct::lower::encode(bytes.as_slice(), line.as_mut_slice());
        let key = Key::new(&bytes);
        // The name bears the id of the key, so that it is no other process's file.
        let temporary = beside(path, &format!(".{:016x}.tmp", u64::from_be_bytes(key.id)));
        let written = write_new(&temporary, line.as_slice()).and_then(|()| publish(&temporary, path));
        // The link, or the attempt, leaves this name behind.
        let _already_renamed = fs::remove_file(&temporary);
        written.and_then(|()| Folder::open(folder(path))?.sync()).map_err(file_error("create", path))?;
        Keyring::new([key])
    }
}

fn text(bytes: &[u8]) -> Result<&str, KeyError> {
    str::from_utf8(bytes).map_err(|_| KeyError::NotHex)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = files::private().create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Gives a whole file its name, unless there is one of that name.
fn publish(temporary: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(temporary, path) {
        // Some file systems, as those of memory cards, have no links.
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => {
            match fs::symlink_metadata(path) {
                Ok(_) => Err(ErrorKind::AlreadyExists.into()),
                Err(error) if error.kind() == ErrorKind::NotFound => fs::rename(temporary, path),
                Err(error) => Err(error),
            }
        }
        linked => linked,
    }
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o777
}

/// Elsewhere it is up to the folder that the file is in.
#[cfg(not(unix))]
fn mode(_: &Metadata) -> u32 {
    0
}

fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeyError {
    move |source| KeyError::File { action, path: path.into(), source }
}
