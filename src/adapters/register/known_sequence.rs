//! The highest number of a content that a node has seen, beyond a restart. Rule 10.11.
//!
//! It is a line of text in a file: the group, the voter and the number. What cannot be read counts as nothing, because a
//! node without it is as safe as one that starts for the first time, and nothing waits until it is written.

use std::ffi::OsString;
use std::format;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::prelude::rust_2024::*;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::types::{ClusterId, NodeId};

/// The number that the file has for the register of this voter; 0 if it has none.
pub(super) fn read<I: NodeId>(path: &Path, cluster: ClusterId, voter: I) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let of_register = |line: &str| Some(line.strip_prefix(&head(cluster, voter))?.to_owned());
    text.lines().find_map(of_register).and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn head<I: NodeId>(cluster: ClusterId, voter: I) -> String {
    format!("group {} voter {voter:?} sequence ", cluster.0)
}

/// Writes numbers on a thread of its own, which ends after the last one once this is dropped. Nobody waits for it.
pub(super) struct KnownSequence {
    numbers: SyncSender<u64>,
    /// The number that is still to be written.
    next: Option<u64>,
}

impl KnownSequence {
    pub(super) fn in_file<I: NodeId>(path: PathBuf, cluster: ClusterId, voter: I) -> io::Result<Self> {
        let (numbers, writes) = sync_channel(1);
        let head = head(cluster, voter);
        let thread = thread::Builder::new().name("quorate-known".into());
        thread.spawn(move || write_all(writes, &path, &head))?;
        Ok(KnownSequence { numbers, next: None })
    }

    pub(super) fn remember(&mut self, number: u64) {
        self.next = Some(number);
        self.go_on();
    }

    /// Has the last number written, unless the one before is being written.
    pub(super) fn go_on(&mut self) {
        if let Some(number) = self.next {
            self.next = self.numbers.try_send(number).err().map(|_| number);
        }
    }
}

fn write_all(numbers: Receiver<u64>, path: &Path, head: &str) {
    for number in numbers {
        // The next number is another attempt.
        let _disk_refuses = replace(path, &format!("{head}{number}\n"));
    }
}

/// The file holds the text before or this one, whatever happens meanwhile.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut temporary = OsString::from(path);
    temporary.push(".tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    drop(file);
    fs::rename(&temporary, path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const GROUP: ClusterId = ClusterId(7);

    #[test]
    fn a_number_is_found_again_for_the_same_register_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("register");
        assert_eq!(read(&path, GROUP, 9_u8), 0);
        let mut known = KnownSequence::in_file(path.clone(), GROUP, 9_u8).unwrap();
        (1..=500).for_each(|number| known.remember(number));
        while read(&path, GROUP, 9_u8) < 500 {
            known.go_on();
            thread::yield_now();
        }
        assert_eq!(read(&path, GROUP, 9_u8), 500);
        assert_eq!((read(&path, GROUP, 10_u8), read(&path, ClusterId(8), 9_u8)), (0, 0));
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert_eq!(read(&path, GROUP, 9_u8), 0, "damaged");
    }
}
