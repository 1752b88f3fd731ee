//! Tests that run themselves once more in a mount namespace of their own, where they may mount what they like. That
//! needs Linux, the programs `unshare` and `mount`, and root or user namespaces; elsewhere such a test says that it
//! was skipped.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

const INSIDE: &str = "QUORATE_TEST_MOUNTS";

/// Runs `check` with a new folder, in a mount namespace of its own: `name` is the test that calls this.
pub(crate) fn in_own_mounts(name: &str, check: impl FnOnce(&Path)) {
    if std::env::var_os(INSIDE).is_some() {
        let folder = tempfile::tempdir().unwrap();
        return check(&folder.path().canonicalize().unwrap());
    }
    let unshare = |options: &[&str], program: &str| {
        let mut command = Command::new("unshare");
        command.args(options).args(["--mount", "--propagation", "private", program]);
        command
    };
    let ways: [&[&str]; 2] = [&[], &["--user", "--map-root-user"]];
    let usable = |way: &&&[&str]| {
        let tried = unshare(way, "mount").args(["-t", "tmpfs", "tmpfs", "/tmp"]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    let Some(way) = ways.iter().find(usable) else {
        println!("skipped: mounts of its own need Linux, unshare and mount, and root or user namespaces");
        return;
    };
    let exe = std::env::current_exe().unwrap();
    let mut inside = unshare(way, exe.to_str().unwrap());
    let output = inside.args([name, "--exact", "--nocapture"]).env(INSIDE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A mount that ends with this value.
pub(crate) struct Mount(pub(crate) PathBuf);

impl Mount {
    /// A disk of 64 kB on a new folder of this name.
    pub(crate) fn small_disk(folder: &Path) -> Mount {
        fs::create_dir(folder).unwrap();
        run("mount", &["-t", "tmpfs", "-o", "size=64k", "tmpfs", text(folder)]);
        Mount(folder.into())
    }

    /// Fills a disk until nothing more goes in.
    pub(crate) fn fill(&self) {
        let mut ballast = File::create(self.0.join("ballast")).unwrap();
        let full = std::iter::repeat_with(|| ballast.write(&[0; 4_096])).find_map(Result::err).unwrap();
        assert_eq!(full.kind(), ErrorKind::StorageFull);
    }

    pub(crate) fn make_room(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        run("umount", &["--lazy", text(&self.0)]);
    }
}

pub(crate) fn run(program: &str, arguments: &[&str]) {
    assert!(Command::new(program).args(arguments).status().unwrap().success(), "{program} {arguments:?}");
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
