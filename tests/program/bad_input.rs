//! Bad input ends the program with one line that says what is wrong and what to do, and with exit code 2.

use std::fs;
use std::path::Path;

use quorate::adapters::seal::Keyring;
use quorate::adapters::store::{Deployment, Store};
use quorate::{ClusterId, HardState, Name};
use tempfile::TempDir;

use crate::run;

/// What every node has to be told, besides the file of its state.
const NODE: [&str; 6] = ["--group", "test", "--id", "1", "--listen", "127.0.0.1:0"];

/// The only line that the program writes. It ends with exit code 2.
#[track_caller]
fn complaint(args: &[&str]) -> String {
    let output = run(args);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {errors}");
    assert_eq!(output.stdout, b"", "{args:?}");
    assert!(errors.ends_with('\n') && errors.lines().count() == 1, "{args:?}: {errors:?}");
    errors
}

/// Both commands that start a node, with these arguments.
fn nodes<'a>(args: &[&'a str]) -> [Vec<&'a str>; 2] {
    let node = |first: &[&'a str], last: &[&'a str]| [first, args, last].concat();
    [node(&["node"], &[]), node(&["run"], &["--", "true"])]
}

#[test]
fn a_wrong_command_line_is_a_line_that_says_what_to_do() {
    let cases: [(&[&str], &[&str]); 41] = [
        (&[], &["'quorate' requires a subcommand", "demo", "'quorate --help'"]),
        (&["start"], &["unrecognized subcommand 'start'", "'quorate --help'"]),
        (&["stat"], &["'stat'", "similar", "'status'"]),
        (&["run", "--gruop", "x"], &["'--gruop'", "'--group'", "'quorate run --help'"]),
        (
            &["run"],
            &[
                "--group <NAME>",
                "--id <ID>",
                "--first-rollout",
                "the same name on all its machines",
                "quorate run --help",
            ],
        ),
        (&["node", "--group", "g"], &["--id <ID>", "--listen <ADDRESS>", "'quorate node --help'"]),
        (&["node", "--group", ""], &["--group"]),
        (&["node", "--id", ""], &["--id"]),
        (&["node", "--id", "a b"], &["'a b'", "must not contain ' '"]),
        (&["node", "--id", &"a".repeat(64)], &["64 bytes is too long"]),
        (&["node", "--listen", "localhost"], &["'localhost' for '--listen <ADDRESS>'"]),
        (&["node", "--peer", "2"], &["'2' for '--peer", "write it as ID=", "for example 2=10.0.0.2:7000"]),
        (&["node", "--peer", "=10.0.0.2:7000"], &["--peer", "must not be empty"]),
        (&["node", "--peer", "2=10.0.0.2"], &["--peer", "10.0.0.2", "a port is missing", "write it as ID="]),
        (&["node", "--key", "a", "--unsealed"], &["'--key <FILE>' cannot be used with '--unsealed'"]),
        (&["node", "--advertise", "a text with blanks"], &["--advertise", "must not contain ' '"]),
        (&["run", "--promise-ms", "99"], &["99 is not in 100..=60000"]),
        (&["run", "--grace-ms", "-1"], &["'-1'"]),
        (&["run", "--seat", "u", "--group", "g"], &["<COMMAND>...", "'quorate run --help'"]),
        (
            &["run", "--seat", "u", "--group", "g", "--listen", "127.0.0.1:1", "--", "true"],
            &["'--seat", "--listen"],
        ),
        (
            &["run", "--seat", "u", "--group", "g", "--seat-ms", "1", "--", "true"],
            &["1 is not in 500..=3600000"],
        ),
        (
            &["run", "--group", "g", "--id", "1", "--", "true"],
            &["--listen", "--data", "--first-rollout", "--seat"],
        ),
        (&["node", "--register", "u"], &["--register-voter <ID>"]),
        (&["register"], &["create-seat, create, inspect", "'quorate register --help'"]),
        (&["register", "create-seat", "u"], &["--group <NAME>"]),
        (&["register", "create", "u", "--group", "g"], &["--voter <ID>"]),
        (&["demo", "--nodes", "2"], &["2 is not in 3..=99"]),
        (&["demo", "--rounds", "many"], &["'many'", "'quorate demo --help'"]),
        (&["demo", "two\nlines"], &["'two lines'"]),
        (&["status", "--group", "g", "here"], &["'here' for '[HOST:PORT]...'", "a port is missing"]),
        (&["watch", "--group", "g"], &["--key <FILE>", "'quorate watch --help'"]),
        (&["watch", "--interval-ms", "0"], &["0 is not in 100..=3600000"]),
        (&["members"], &["add, add-register, remove, replace, promote"]),
        (
            &["members", "add", "--group", "g", "--key", "k"],
            &["<ID=HOST:PORT>", "'quorate members add --help'"],
        ),
        (&["members", "replace", "a", "b"], &["'b' for '<ID=HOST:PORT>'", "write it as ID="]),
        (&["resign", "--to", ""], &["--to"]),
        (&["recover"], &["show", "unsafely", "'quorate recover --help'"]),
        (
            &["recover", "unsafely", "--above", "1", "f"],
            &["--survivors <IDS>", "'quorate recover unsafely --help'"],
        ),
        (&["keygen"], &["<FILE>", "'quorate keygen --help'"]),
        (&["completions", "csh"], &["'csh'", "bash", "fish"]),
        (&["man", "/nowhere/at/all"], &["/nowhere/at/all is no folder", "create it"]),
    ];
    for (args, parts) in cases {
        let said = complaint(args);
        for part in parts {
            assert!(said.contains(part), "{args:?} has to say {part:?}: {said}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (key, text, none, state) = (path("key"), path("text"), path("none"), path("state"));
    Keyring::create(&key).unwrap();
    fs::write(&text, "no key").unwrap();
    make_private(Path::new(&text));
    let other = HardState::bootstrap(ClusterId::from_name("other"), [Name::<63>::try_from("1").unwrap()]);
    drop(Store::create(&state, &other.unwrap()).unwrap());

    let cases: [(&[&str], &[&str]); 11] = [
        (&["keys", &none], &["none", "create it, or correct the path"]),
        (&["keys", &text], &["holds no keys", "64 hexadecimal digits"]),
        (&["keygen", &key], &["key", "choose another path"]),
        (&["keygen", "/nowhere/at/all"], &["/nowhere/at/all"]),
        (&["status", "--group", "g", "--key", &none, "127.0.0.1:1"], &["none", "correct the path"]),
        (&["resign", "--group", "g", "--key", &none], &["none", "correct the path"]),
        (&["watch", "--group", "g", "--key", &text], &["holds no keys"]),
        (&["recover", "show", &none], &["none does not exist"]),
        (&["recover", "show", &text], &["cannot be used"]),
        (&["recover", "unsafely", "--survivors", "1", "--above", "1", &none], &["none does not exist"]),
        (&["recover", "unsafely", "--survivors", "1", "--above", "0", &text], &["cannot be used"]),
    ];
    for (args, parts) in cases {
        let said = complaint(args);
        for part in parts {
            assert!(said.contains(part), "{args:?} has to say {part:?}: {said}");
        }
    }
    assert!(!Path::new(&none).exists());
}

#[test]
fn a_node_that_must_not_start_says_why_and_stores_nothing() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [none, empty, other_group, other_node, broken, text] =
        ["none", "empty", "other_group", "other_node", "broken", "text"].map(path);
    [&empty, &other_group, &other_node, &broken]
        .into_iter()
        .for_each(|folder| fs::create_dir(folder).unwrap());
    fs::write(&text, "no key").unwrap();
    make_private(Path::new(&text));
    fs::write(format!("{broken}/state"), "no state").unwrap();
    let id = |name: &str| Name::<63>::try_from(name).unwrap();
    for (group, name, folder) in [("other", "1", &other_group), ("test", "2", &other_node)] {
        drop(
            Deployment::first_rollout(ClusterId::from_name(group), [id(name)])
                .open(id(name), folder)
                .unwrap(),
        );
    }
    let first = "--first-rollout=1";
    for (options, parts) in [
        (vec!["--data", &none, first], vec!["none", "create it, or correct the path"]),
        (vec!["--data", &text, first], vec!["text"]),
        (vec!["--data", &other_group, first], vec!["is of another group than \"test\"", "--group or --data"]),
        (vec!["--data", &other_node, first], vec!["is the folder of node 2", "--id or --data", "never copy"]),
        (vec!["--data", &broken, first], vec!["cannot be used"]),
        (vec!["--data", &empty], vec!["--first-rollout", "--joins", "--may-have-forgotten", "--forms"]),
        (vec!["--data", &empty, first, "--joins"], vec!["cannot be used with"]),
        (vec!["--data", &empty, first, "--first-start"], vec!["--first-start", "cannot be used with"]),
        (vec!["--data", &empty, "--first-rollout=1,2,1"], vec!["listed twice"]),
        (vec!["--data", &empty, "--first-rollout=1,"], vec!["must not be empty"]),
        (vec!["--data", &empty, "--first-rollout"], vec!["there is no --peer", "--first-rollout=1 if"]),
        (vec!["--data", &empty, "--first-rollout", "--peer", "1=127.0.0.1:9"], vec!["there is no --peer"]),
        (vec!["--no-disk", "--joins=1,2"], vec!["--first-rollout"]),
        (vec!["--no-disk", "--data", &empty, first], vec!["cannot be used with"]),
        (vec!["--data", &empty, "--forms", "3/5"], vec!["--first-start", "--may-have-forgotten"]),
        (vec!["--data", &empty, "--forms", "3/2", "--first-start"], vec!["members"]),
        (vec!["--data", &empty, "--forms", "3"], vec!["MIN/MAX, for example 3/5"]),
        (vec!["--data", &empty, first, "--key", &text], vec!["holds no keys"]),
    ] {
        for args in nodes(&[&NODE, &options[..]].concat()) {
            let said = complaint(&args);
            for part in &parts {
                assert!(said.contains(part), "{args:?} has to say {part:?}: {said}");
            }
        }
        assert_eq!(fs::read_dir(&empty).unwrap().count(), 0, "{options:?} stores nothing");
    }
    let exposed = ["--group", "test", "--id", "1", "--listen", "0.0.0.0:0", "--data", &empty, first];
    for args in nodes(&exposed) {
        let said = complaint(&args);
        assert!(said.contains("no key") && said.contains("--key FILE, or --unsealed"), "{said}");
    }
}

#[cfg(unix)]
fn make_private(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn make_private(_file: &Path) {}
