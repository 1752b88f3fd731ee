//! Keys: their text form, their files, and that no output shows them.

use std::fs;
use std::path::Path;

use quorate::adapters::seal::KeyError;

use super::*;

#[test]
fn no_debug_output_shows_a_key() {
    let hex = "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210";
    let keys: Keyring = hex.parse().unwrap();
    let seal = Seal::new(1_u16, GROUP, keys.clone(), rng()).unwrap();
    let bytes: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    let key = Key::new(bytes.as_slice().try_into().unwrap());
    for shown in [format!("{keys:?}"), format!("{key:#?}"), format!("{seal:#?}"), format!("{seal:?}")] {
        let digits: String = shown.to_lowercase().chars().filter(char::is_ascii_hexdigit).collect();
        for part in (0..=hex.len() - 6).map(|at| &hex[at..at + 6]) {
            assert!(!digits.contains(part), "{shown} shows {part}");
        }
        for part in bytes.windows(3) {
            let part = format!("{part:?}");
            assert!(!shown.contains(part.trim_matches(['[', ']'])), "{shown} shows {part}");
        }
    }
    assert!(format!("{keys:?}").contains("Key("), "the id of the key is shown");
}

#[test]
fn keys_are_read_from_text_and_other_text_is_refused() {
    let (one, two) = ("1".repeat(64), "aB".repeat(32));
    let both: Keyring = format!("# the group's keys\n{one}\n\n  {two}  \n").parse().unwrap();
    let first: Keyring = one.parse().unwrap();
    assert_eq!(format!("{both:?}"), format!("[{:?}, {:?}]", key(0x11), key(0xab)));
    let sealed = both.seal_broadcast(GROUP, b"x", &mut rng()).unwrap();
    assert!(first.open_broadcast(GROUP, &mut sealed.clone()).is_ok(), "the first key seals");
    for wrong in ["1".repeat(62), "1".repeat(66), "1".repeat(63), "x".repeat(64), format!("{one} {two}")] {
        assert!(matches!(wrong.parse::<Keyring>(), Err(KeyError::NotHex)), "{wrong}");
    }
    for (wrong, number) in [("# nothing".into(), 0), (format!("{one}\n{one}"), 2)] {
        assert!(matches!(wrong.parse::<Keyring>(), Err(KeyError::Number(found)) if found == number));
    }
    assert!(matches!(Keyring::new((1..=5).map(key)), Err(KeyError::Number(5))));
    assert!(Keyring::new((1..=4).map(key)).is_ok());
}

#[test]
fn the_file_of_a_new_key_is_readable_by_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let drawn = Keyring::create(&path).unwrap();
    let read = Keyring::read(&path).unwrap();
    assert_eq!(
        read.open_broadcast(GROUP, &mut drawn.seal_broadcast(GROUP, b"x", &mut rng()).unwrap()),
        Ok(&b"x"[..])
    );
    assert!(matches!(Keyring::create(&path), Err(KeyError::File { .. })), "a file is never replaced");
    assert!(matches!(Keyring::read(folder.path().join("none")), Err(KeyError::File { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no other file is left");
    assert_eq!(drawn, read);
}

#[test]
fn keyrings_are_equal_that_hold_the_same_keys_in_the_same_order() {
    let ring = |keys: &[u8]| Keyring::new(keys.iter().map(|&byte| key(byte))).unwrap();
    assert_eq!(ring(&[1, 2]), ring(&[1, 2]));
    for other in [&[2, 1][..], &[1], &[1, 2, 3], &[1, 3]] {
        assert_ne!(ring(&[1, 2]), ring(other));
    }
}

/// The message names the file, and the source what is wrong with it.
fn check_contents(path: &Path, contents: &[u8], wrong: &str) {
    fs::write(path, contents).unwrap();
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let error = Keyring::read(path).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        error.to_string().contains(path.to_str().unwrap()) && source.contains(wrong),
        "{error}: {source}"
    );
}

#[test]
fn a_file_that_holds_no_keys_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    check_contents(&path, b"password", "openssl rand -hex 32");
    check_contents(&path, b"", "one to 4 keys");
    check_contents(&path, &[0xff; 64], "64 hexadecimal digits");
    check_contents(&path, &[b'#'; 200_000], "too long");
    let error = Keyring::read(folder.path()).unwrap_err();
    assert!(matches!(&error, KeyError::File { path, .. } if path == folder.path()), "{error}");
}

#[cfg(unix)]
mod on_unix {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_that_all_users_can_open_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        Keyring::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for (mode, fine) in [(0o644, false), (0o602, false), (0o640, true), (0o400, true)] {
            set_mode(&path, mode);
            let read = Keyring::read(&path);
            assert_eq!(read.is_ok(), fine, "{mode:o}: {read:?}");
            assert!(fine || matches!(read, Err(KeyError::Exposed { mode: found, .. }) if found == mode));
        }
    }

    /// As Kubernetes lays a Secret out: the file is a link into a folder whose name is a link too. Unless told
    /// otherwise the mode is 0644, which is refused; `defaultMode: 0440` with an `fsGroup` is 0440.
    #[test]
    fn a_secret_of_kubernetes_is_read_through_its_links() {
        let volume = tempfile::tempdir().unwrap();
        let data = volume.path().join("..2026_01_02");
        fs::create_dir(&data).unwrap();
        let drawn = Keyring::create(data.join("group.key")).unwrap();
        symlink("..2026_01_02", volume.path().join("..data")).unwrap();
        let path = volume.path().join("group.key");
        symlink("..data/group.key", &path).unwrap();
        set_mode(&data.join("group.key"), 0o440);
        assert_eq!(Keyring::read(&path).unwrap(), drawn);
        set_mode(&data.join("group.key"), 0o644);
        let error = Keyring::read(&path).unwrap_err().to_string();
        assert!(["644", "defaultMode", "0440", "fsGroup"].iter().all(|word| error.contains(word)), "{error}");
    }

    /// A pipe without a writer would be waited for.
    #[test]
    fn a_pipe_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        if !Command::new("mkfifo").arg(&path).status().is_ok_and(|status| status.success()) {
            return;
        }
        let error = Keyring::read(&path).unwrap_err();
        assert!(matches!(&error, KeyError::File { path: named, .. } if *named == path), "{error}");
        let error = Keyring::read("/dev/zero").unwrap_err();
        assert!(matches!(&error, KeyError::File { .. }), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn no_file_is_left_of_a_key_for_which_there_is_no_room() {
        let name = "keys::on_unix::no_file_is_left_of_a_key_for_which_there_is_no_room";
        crate::own_mounts::in_own_mounts(name, |folder| {
            let disk = crate::own_mounts::Mount::small_disk(&folder.join("disk"));
            disk.fill();
            let path = folder.join("disk/key");
            let error = Keyring::create(&path).unwrap_err();
            assert!(error.to_string().contains("make room on the disk"), "{error}");
            let files: Vec<_> = fs::read_dir(folder.join("disk")).unwrap().collect();
            assert_eq!(files.len(), 1, "only what fills the disk is there: {files:?}");
            disk.make_room();
            assert_eq!(Keyring::create(&path).unwrap(), Keyring::read(&path).unwrap());
        });
    }
}
