//! A tiny disk for each machine, and the faults of a disk.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::netns::{FOLDER, run};

/// The damage that is done to a state file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Damage {
    /// One bit is flipped.
    Flipped,
    Cut,
    Emptied,
    Overwritten,
    Lost,
}

pub(crate) struct Disk {
    folder: PathBuf,
    copy: PathBuf,
}

impl Disk {
    pub(crate) fn new(machine: usize) -> Result<Disk, Failure> {
        let (folder, copy) = (format!("{FOLDER}/disks/{machine}"), format!("{FOLDER}/copies/{machine}"));
        fs::create_dir(&folder)?;
        run("mount", &["-t", "tmpfs", "-o", "size=64k", "tmpfs", &folder], "")?;
        Ok(Disk { folder: folder.into(), copy: copy.into() })
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }

    /// Fills the disk until nothing more goes in.
    pub(crate) fn fill(&self) -> Result<(), Failure> {
        let mut ballast = File::create(self.ballast())?;
        loop {
            match ballast.write(&[0; 4_096]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(crate) fn make_room(&self) -> Result<(), Failure> {
        Ok(fs::remove_file(self.ballast())?)
    }

    /// Makes the folder read-only. Root ignores the permissions of a folder, so the folder is mounted over
    /// itself.
    pub(crate) fn forbid_writes(&self) -> Result<(), Failure> {
        let folder = text(&self.folder)?;
        run("mount", &["--bind", folder, folder], "")?;
        run("mount", &["-o", "remount,bind,ro", folder], "")
    }

    /// Undoes it, lazily, since the node may have the folder open.
    pub(crate) fn allow_writes(&self) -> Result<(), Failure> {
        run("umount", &["--lazy", text(&self.folder)?], "")
    }

    /// Damages the file of a node that is dead. A copy is kept, which is certainly the newest state.
    pub(crate) fn damage(&self, how: Damage) -> Result<(), Failure> {
        fs::copy(self.state(), &self.copy)?;
        let mut bytes = fs::read(self.state())?;
        match how {
            Damage::Flipped => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0x10;
            }
            Damage::Cut => bytes.truncate(bytes.len() - 1),
            Damage::Emptied => bytes.clear(),
            Damage::Overwritten => bytes.fill(0x20),
            Damage::Lost => return Ok(fs::remove_file(self.state())?),
        }
        Ok(fs::write(self.state(), bytes)?)
    }

    pub(crate) fn put_copy_back(&self) -> Result<(), Failure> {
        fs::copy(&self.copy, self.state())?;
        Ok(())
    }

    /// Removes everything from the disk.
    pub(crate) fn wipe(&self) -> Result<(), Failure> {
        for entry in fs::read_dir(&self.folder)? {
            fs::remove_file(entry?.path())?;
        }
        Ok(())
    }
}

fn text(path: &Path) -> Result<&str, Failure> {
    Ok(path.to_str().ok_or("the path is not valid UTF-8")?)
}
