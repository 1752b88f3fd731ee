//! Nodes that are recorded, and what becomes of their records.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::nodes::{Process, until};
use crate::{end, printed, quorate, run};

/// What the page draws.
fn picture(page: &str) -> Value {
    let (_, picture) = page.split_once("<script type=\"application/json\" id=\"timeline\">").unwrap();
    serde_json::from_str(picture.split_once("</script>").unwrap().0).unwrap()
}

fn count(picture: &Value, kind: &str) -> usize {
    picture["events"].as_array().unwrap().iter().filter(|event| event[1] == kind).count()
}

/// What a node has recorded that was alone, led and was told to quit.
fn record_of_one(folder: &TempDir) -> String {
    let (path, data) = (folder.path().join("record"), folder.path().join("data"));
    fs::create_dir(&data).unwrap();
    let [path, data] = [path, data].map(|path| path.to_str().unwrap().to_owned());
    let mut node = quorate(&["node", "--group", "records", "--id", "db-1", "--listen", "127.0.0.1:0"]);
    node.args(["--data", &data, "--first-rollout=db-1", "--record", &path]);
    let mut node = Process(node.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap());
    until("a leader", || fs::read_to_string(&path).ok().filter(|record| record.contains("Elected")));
    writeln!(node.0.stdin.as_mut().unwrap(), "quit").unwrap();
    assert!(node.0.wait().unwrap().success());
    path
}

#[test]
fn a_node_that_was_recorded_is_replayed_in_words_and_drawn() {
    let folder = TempDir::new().unwrap();
    let path = record_of_one(&folder);
    let [html, json] =
        ["page.html", "picture.json"].map(|name| folder.path().join(name).display().to_string());
    let said = printed(&["replay", &path, "--html", &html, "--json", &json]);
    for part in [
        "db-1 starts as node db-1 with term 0",
        "db-1 ** elected in term ",
        "db-1 ends: told",
        "no differences",
    ] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
    assert!(said.contains(&format!("{path}, line 1: node db-1, release ")), "{said}");
    let drawn = picture(&fs::read_to_string(html).unwrap());
    assert_eq!(drawn, serde_json::from_str::<Value>(&fs::read_to_string(json).unwrap()).unwrap());
    assert_eq!((&drawn["source"], &drawn["nodes"][0]), (&"record".into(), &"db-1".into()));
    let summary = printed(&["replay", "--quiet", &path]);
    assert!(said.ends_with(&summary) && summary.lines().count() == 3, "{summary}");
}

#[test]
fn a_record_that_says_something_else_is_named_by_line_and_node() {
    let folder = TempDir::new().unwrap();
    let path = record_of_one(&folder);
    let record = fs::read_to_string(&path).unwrap();
    let elected = "{\"Event\":{\"Elected\":{\"term\":";
    let line = record.lines().position(|line| line.contains(elected)).unwrap() + 1;
    fs::write(&path, record.replacen(elected, &format!("{elected}4"), 1)).unwrap();
    let output = run(&["replay", "--quiet", &path]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.starts_with(&format!("error: {path}: line {line}, node db-1, ")), "{errors}");
    assert!(
        errors.contains("the record says event: elected in term 4") && errors.lines().count() == 1,
        "{errors}"
    );
}

#[test]
fn files_that_are_no_records_are_bad_input() {
    let folder = TempDir::new().unwrap();
    let path = record_of_one(&folder);
    let record = fs::read_to_string(&path).unwrap();
    let other = |name: &str, text: &str| {
        let path = folder.path().join(name).display().to_string();
        fs::write(&path, text).unwrap();
        path
    };
    for (file, says) in [
        (other("foreign", "PNG\n"), "is not the beginning of a record"),
        (other("empty", ""), "there is no whole line in it"),
        (
            other("format", &record.replacen("\"format\":1", "\"format\":9", 1)),
            "is of format 9, and this release reads",
        ),
        (
            other("ids", &record.replacen("\"id_type\":\"str\"", "\"id_type\":\"[u8; 16]\"", 1)),
            "\"[u8; 16]\"",
        ),
        (folder.path().join("missing").display().to_string(), "cannot be read: No such file"),
    ] {
        let output = run(&["replay", &file]);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(says) && errors.lines().count() == 1, "{says}: {errors}");
    }
    // Of a killed process, half a line: no failure.
    let cut = other("cut", &record[..record.len() - 10]);
    assert!(printed(&["replay", "--quiet", &cut]).contains("the last line is cut"), "{record}");
    // A second file with other ids.
    let numbers = record.replacen("\"id_type\":\"str\"", "\"id_type\":\"u64\"", 1);
    let output = run(&["replay", &path, &other("numbers", &numbers)]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_record_that_cannot_be_begun_keeps_the_node_from_starting() {
    let mut node = quorate(&["node", "--group", "records", "--id", "1", "--listen", "127.0.0.1:0"]);
    node.args(["--no-disk", "--first-rollout=1", "--record", "/nowhere/record"]);
    let output = end(node);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("the record cannot be written to /nowhere/record: No such file"), "{errors}");
}

#[test]
fn the_demo_draws_all_that_it_does_to_its_processes() {
    let folder = TempDir::new().unwrap();
    let page = folder.path().join("demo.html");
    let mut demo = quorate(&["demo", "--nodes", "3", "--rounds", "2", "--kills", "1", "--html"]);
    demo.arg(&page);
    let output = end(demo);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.matches("  drawn in ").count(), 2, "{said}");
    let elections = picture(&fs::read_to_string(&page).unwrap());
    assert_eq!(elections["nodes"], serde_json::json!(["1", "2", "3"]));
    // Three starts, two kills of leaders that are started again, and all are killed in the end.
    assert_eq!((count(&elections, "u"), count(&elections, "d")), (5, 5), "{elections}");
    assert_eq!((count(&elections, "f"), count(&elections, "h")), (1, 1));
    let members = picture(&fs::read_to_string(folder.path().join("demo-members.html")).unwrap());
    assert_eq!(members["nodes"].as_array().unwrap().len(), 5);
    // Five starts, two kills on the way, two that are retired, a last leader, and the two that are left.
    assert_eq!((count(&members, "u"), count(&members, "d")), (7, 7), "{members}");
}
