//! Registers, by programs of a few lines in place of `quorate-register`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use quorate::adapters::register::{create_seat, inspect, inspect_seat};
use quorate::{ClusterId, Name};
use tempfile::TempDir;

use crate::{end, quorate};

/// A register in the file `register` of its folder, which is made by `create`, and whose tag is 01.
const FILE: &str = r#"
cd "$1" || { echo "quorate-register: there is no folder $1" >&2; exit 1; }
while read -r line; do
    case "$line" in
        *read*) test -e register && echo "{\"found\":{\"tag\":\"01\",\"bytes\":\"$(cat register)\"}}" || echo '{"missing":{}}' ;;
        *create*) test -e register && echo '{"refused":{}}' && continue
            bytes="${line#*bytes\":\"}" && printf %s "${bytes%%\"*}" > register && echo '{"swapped":{"tag":"01"}}' ;;
    esac
done
"#;

/// Runs the program with a shell script as `quorate-register`.
fn run(folder: &Path, script: &str, args: &[&str]) -> Output {
    let program = folder.join("program");
    fs::write(&program, format!("#!/bin/sh\n{script}")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let mut quorate = quorate(args);
    quorate.env("QUORATE_REGISTER", &program);
    end(quorate)
}

/// The only line on the standard error, and the exit code.
fn complaint(folder: &Path, script: &str, args: &[&str]) -> (String, Option<i32>) {
    let output = run(folder, script, args);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors.lines().count(), 1, "{args:?}: {errors}");
    (errors, output.status.code())
}

fn held(folder: &Path) -> Vec<u8> {
    let digits = fs::read_to_string(folder.join("register")).unwrap();
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

#[test]
fn a_register_is_created_once_and_shown() {
    let folder = TempDir::new().unwrap();
    let (folder, url) = (folder.path(), folder.path().to_str().unwrap());
    let group = ["--group", "reminders"];
    let inspect_it = [&["register", "inspect", url], &group[..]].concat();
    let (missing, code) = complaint(folder, FILE, &inspect_it);
    assert!(missing.contains("there is no register: create it") && code == Some(2), "{missing}");

    let create_it = [&["register", "create-seat", url], &group[..]].concat();
    assert!(run(folder, FILE, &create_it).status.success());
    assert_eq!(held(folder), create_seat(ClusterId::from_name("reminders")));
    assert_eq!(inspect_seat::<Name<63>>(&held(folder)).unwrap().holder, None);
    let shown = String::from_utf8(run(folder, FILE, &inspect_it).stdout).unwrap();
    assert!(shown.starts_with("the seat of group reminders, which nobody has held\n"), "{shown}");

    let (twice, code) = complaint(folder, FILE, &create_it);
    assert!(twice.contains("there is a register already") && code == Some(2), "{twice}");
    let (other, code) = complaint(folder, FILE, &["register", "inspect", url, "--group", "other"]);
    assert!(other.contains("not of \"other\": correct --group or the URL") && code == Some(2), "{other}");
}

#[test]
fn the_register_of_a_voter_is_created_for_a_new_group_or_one_that_runs() {
    let folder = TempDir::new().unwrap();
    let (folder, url) = (folder.path(), folder.path().to_str().unwrap());
    let create_it = ["register", "create", url, "--group", "db", "--voter", "bucket"];
    for bootstrap in [&["--bootstrap", "a,b,bucket"][..], &[]] {
        assert!(run(folder, FILE, &[&create_it, bootstrap].concat()).status.success());
        let voter = inspect::<Name<63>>(&held(folder)).unwrap();
        let voters: Vec<_> = voter.state.membership.voters().iter().map(ToString::to_string).collect();
        assert_eq!(voters.join(","), bootstrap.get(1).copied().unwrap_or_default());
        let shown = String::from_utf8(run(folder, FILE, &["register", "inspect", url]).stdout).unwrap();
        assert!(shown.starts_with("the voter bucket of the group number"), "{shown}");
        fs::remove_file(folder.join("register")).unwrap();
    }
    let (strange, code) = complaint(folder, FILE, &[&create_it[..], &["--bootstrap", "a,b"]].concat());
    assert!(strange.contains("lacks the voter") && code == Some(2), "{strange}");
}

#[test]
fn a_program_that_does_not_do_its_part_is_an_error_of_one_line() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let inspect_it = ["register", "inspect", "u"];
    let failing = r#"while read -r line; do echo '{"not_done":{"error":"permission denied"}}'; done"#;
    let foreign = r#"while read -r line; do echo '{"swapped":{"tag":"01"}}'; done"#;
    let odd = r#"while read -r line; do echo '{"found":{"tag":"01","bytes":"0"}}'; done"#;
    for (script, code, part) in [
        (
            "echo 'quorate-register: u is no URL' >&2; exit 1",
            2,
            "the register cannot be used: quorate-register has ended: u is no URL",
        ),
        ("read -r line; exit 0", 2, "quorate-register has ended"),
        (failing, 1, "permission denied"),
        ("read -r line; echo hello; sleep 60", 1, "has said what is no answer"),
        (foreign, 1, "has said what is no answer"),
        (odd, 1, "has said what is no answer"),
        ("exec cat /dev/zero", 2, "quorate-register has ended"),
    ] {
        let (said, ended) = complaint(folder, script, &inspect_it);
        assert!(said.contains(part) && ended == Some(code), "{script}: {said} {ended:?}");
    }
    let none = quorate(&inspect_it).env("QUORATE_REGISTER", folder.join("none")).output().unwrap();
    let said = String::from_utf8(none.stderr).unwrap();
    assert!(said.contains("QUORATE_REGISTER names") && none.status.code() == Some(2), "{said}");
    let none = quorate(&inspect_it).env_remove("QUORATE_REGISTER").env("PATH", folder).output().unwrap();
    let said = String::from_utf8(none.stderr).unwrap();
    assert!(said.contains("there is no quorate-register") && none.status.code() == Some(2), "{said}");
}

#[test]
fn a_supervisor_whose_register_cannot_be_used_ends_with_one_line() {
    let folder = TempDir::new().unwrap();
    let args = ["run", "--seat", "/nowhere", "--group", "g", "--id", "a", "--", "true"];
    let (said, code) = complaint(folder.path(), FILE, &args);
    assert!(said.contains("there is no folder /nowhere") && code == Some(2), "{said}");
}
