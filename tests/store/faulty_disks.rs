//! Real mounts: a file that is mounted by itself, a full disk, a disk that is mounted read-only. Each test runs
//! itself once more in a mount namespace of its own, which needs Linux, the programs `unshare` and `mount`, and
//! root or user namespaces; elsewhere it says that it was skipped.
#![cfg(target_os = "linux")]

use std::io::{ErrorKind, Write};

use super::*;

const INSIDE: &str = "QUORATE_TEST_MOUNTS";

/// Runs `check` in a mount namespace of its own: `name` is the test that calls this.
fn in_own_mounts(name: &str, check: impl FnOnce(&Path)) {
    if std::env::var_os(INSIDE).is_some() {
        let (_folder, path) = folder();
        return check(&path);
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

fn mount(arguments: &[&str]) {
    assert!(Command::new("mount").args(arguments).status().unwrap().success(), "mount {arguments:?}");
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// As with `docker run -v ./node.state:/data/node.state`.
#[test]
fn a_state_file_that_is_mounted_by_itself_is_refused_when_it_is_opened() {
    in_own_mounts(
        "faulty_disks::a_state_file_that_is_mounted_by_itself_is_refused_when_it_is_opened",
        |path| {
            let outside = beside(path, "-outside");
            drop(Store::create(&outside, &at_term(3)).unwrap());
            fs::write(path, "").unwrap();
            mount(&["--bind", text(&outside), text(path)]);
            let error = Store::<u64>::open(path).unwrap_err();
            assert!(
                matches!(&error, StoreError::NotReplaceable { path: named, .. } if named == path),
                "{error}"
            );
            assert!(error.to_string().contains("mount the folder that it is in"), "{error}");
            assert!(!beside(path, ".tmp").exists());
            assert_eq!(Store::<u64>::open(&outside).unwrap().1, at_term(3), "the file is unchanged");
        },
    );
}

#[test]
fn a_disk_on_which_nothing_can_be_saved_is_noticed_when_a_file_is_opened() {
    in_own_mounts(
        "faulty_disks::a_disk_on_which_nothing_can_be_saved_is_noticed_when_a_file_is_opened",
        |path| {
            let disk = beside(path, "-disk");
            fs::create_dir(&disk).unwrap();
            mount(&["-t", "tmpfs", "-o", "size=64k", "tmpfs", text(&disk)]);
            let file = disk.join("state");
            drop(Store::create(&file, &at_term(3)).unwrap());

            let mut ballast = fs::File::create(disk.join("ballast")).unwrap();
            let full = std::iter::repeat_with(|| ballast.write(&[0; 4_096])).find_map(Result::err).unwrap();
            assert_eq!(full.kind(), ErrorKind::StorageFull);
            let error = Store::<u64>::open(&file).unwrap_err();
            assert!(error.to_string().contains("make room on the disk"), "{error}");
            let error = Store::create(disk.join("other"), &first()).unwrap_err();
            assert!(error.to_string().contains("make room on the disk"), "{error}");
            assert!(!disk.join("other").exists() && !disk.join("other.tmp").exists());
            drop(ballast);
            fs::remove_file(disk.join("ballast")).unwrap();
            assert_eq!(Store::<u64>::open(&file).unwrap().1, at_term(3));

            mount(&["-o", "remount,ro", text(&disk)]);
            let error = Store::<u64>::open(&file).unwrap_err();
            assert!(error.to_string().contains("can be written to"), "{error}");
            mount(&["-o", "remount,rw", text(&disk)]);
            assert_eq!(Store::<u64>::open(&file).unwrap().1, at_term(3));
        },
    );
}
