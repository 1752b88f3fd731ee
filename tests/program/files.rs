//! Files of keys, durable files, pages of the manual.

use std::fs;

use quorate::adapters::seal::Keyring;
use tempfile::TempDir;

use crate::printed;

#[test]
fn the_ids_of_keys_are_shown_and_never_the_keys() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let ids = [path("one"), path("two")].map(|file| printed(&["keygen", &file]));
    for (name, id) in [("one", &ids[0]), ("two", &ids[1])] {
        assert!(id.len() == 17 && id.ends_with('\n'), "{id:?}");
        assert_eq!(printed(&["keys", &path(name)]), **id);
        let keys = Keyring::read(path(name)).unwrap();
        assert!(format!("{keys:?}").contains(id.trim_end()), "{keys:?}");
    }
    let secrets = ["one", "two"].map(|name| fs::read_to_string(path(name)).unwrap());
    let both = path("one");
    fs::write(&both, secrets.concat()).unwrap();
    assert_eq!(printed(&["keys", &both]), ids.concat(), "the key that seals is the first");
    assert!(secrets.iter().all(|secret| !ids.concat().contains(secret.trim_end())));
}

#[test]
fn a_page_of_the_manual_is_written_for_each_command() {
    let folder = TempDir::new().unwrap();
    assert_eq!(printed(&["man", folder.path().to_str().unwrap()]), "");
    let page = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(page("quorate.1").starts_with(".ie") && printed(&["man"]).contains("quorate\\-run(1)"));
    for (command, says) in [("run", "QUORATE_TERM"), ("demo", "rounds"), ("recover-unsafely", "survivors")] {
        assert!(page(&format!("quorate-{command}.1")).contains(says), "{command}");
    }
}

#[test]
fn the_demonstration_of_a_recovery_ends_with_a_leader() {
    let said = printed(&["recover", "demo"]);
    assert!(said.contains("Node 1 leads itself in term "), "{said}");
}
