//! Keys: their text form, their files, and that no output shows them.

use std::fs;

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
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for (mode, fine) in [(0o644, false), (0o602, false), (0o640, true), (0o400, true)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let read = Keyring::read(&path);
            assert_eq!(read.is_ok(), fine, "{mode:o}: {read:?}");
            assert!(fine || matches!(read, Err(KeyError::Exposed { mode: found, .. }) if found == mode));
        }
    }
}
