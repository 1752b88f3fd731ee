//! Files as adapters read and write them: a read waits for nothing and is bounded, and a new file is its
//! owner's alone.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::prelude::rust_2024::*;

/// The permissions of a new file.
#[cfg(unix)]
const PRIVATE: u32 = 0o600;

/// Opens a file to read at most `limit` bytes, and one more, which shows that there are too many. The contents
/// and the metadata come from one opening. A folder, a pipe or a device is refused: a pipe without a writer
/// would be waited for, and a device may have no end.
pub(super) fn read(path: &Path, limit: usize, bytes: &mut Vec<u8>) -> io::Result<Metadata> {
    // Even the opening of a pipe waits, so the path is looked at before.
    check_is_regular(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    check_is_regular(&metadata)?;
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(bytes)?;
    Ok(metadata)
}

/// Refuses what is no file: see [`read`].
pub(super) fn check_is_regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() { Ok(()) } else { Err(not_regular()) }
}

fn not_regular() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "it is a folder, a pipe or a device, and not a file")
}

/// Options that open a file to write to. If that creates the file, only its owner may read it.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, PRIVATE);
    options
}

/// A folder that is open, so that a later sync needs no descriptor that might not be there.
pub(super) struct Folder(Option<File>);

impl Folder {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        if cfg!(windows) { Ok(Folder(None)) } else { File::open(folder).map(|file| Folder(Some(file))) }
    }

    /// Returns when the names of the files in the folder would survive a crash of the machine. (On Windows a
    /// folder cannot be synced; there a rename is as durable as the file system makes it.)
    pub(super) fn sync(&self) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), File::sync_all)
    }
}

/// What an operator can do about an error: the end of a message, or nothing.
pub(super) fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; make room on the disk",
        ErrorKind::PermissionDenied => {
            "; give the user that this program runs as access to the file and its folder"
        }
        ErrorKind::ReadOnlyFilesystem => "; mount the file system so that it can be written to",
        ErrorKind::NotFound => "; create it, or correct the path",
        ErrorKind::AlreadyExists => "; choose another path, or use the file that is there",
        ErrorKind::InvalidInput => "; remove what is there, or correct the path",
        _ => "",
    }
}
