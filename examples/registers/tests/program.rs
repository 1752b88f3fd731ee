//! The program `quorate-register`, from outside: a line in, a line out.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails should panic"
)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use quorate_register::{MAX_LINE, open};

struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Program {
    fn start(url: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_quorate-register"))
            .arg(url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Program { child, input, output }
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    fn end(mut self) -> bool {
        drop(self.input.take());
        self.child.wait().unwrap().success()
    }
}

#[test]
fn each_line_is_answered_by_a_line_and_the_end_of_the_input_is_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("registers.db").display());
    let mut program = Program::start(&url);
    let (one, two, three) = ("0000000000000001", "0000000000000002", "0000000000000003");

    assert_eq!(program.ask(r#"{"read":{}}"#), r#"{"missing":{}}"#);
    assert_eq!(program.ask(r#"{"create":{"bytes":"00ff"}}"#), format!(r#"{{"swapped":{{"tag":"{one}"}}}}"#));
    assert_eq!(program.ask(r#"{"create":{"bytes":"00ff"}}"#), r#"{"refused":{}}"#);
    assert_eq!(program.ask(r#"{"read":{}}"#), format!(r#"{{"found":{{"tag":"{one}","bytes":"00ff"}}}}"#));
    let swap = |tag: &str, bytes: &str| format!(r#"{{"swap":{{"tag":"{tag}","bytes":"{bytes}"}}}}"#);
    assert_eq!(program.ask(&swap(one, "AB")), format!(r#"{{"swapped":{{"tag":"{two}"}}}}"#));
    assert_eq!(program.ask(&swap(one, "cd")), r#"{"refused":{}}"#);

    // The longest content there is, and one byte more.
    let longest = "5a".repeat(quorate::adapters::register::MAX_CONTENT);
    assert_eq!(program.ask(&swap(two, &longest)), format!(r#"{{"swapped":{{"tag":"{three}"}}}}"#));
    for rubbish in [
        swap(three, &format!("{longest}00")),
        swap(three, "abc"),
        swap(three, "xy"),
        "x".repeat(3 * MAX_LINE),
        String::new(),
        "null".to_owned(),
        "[".repeat(10_000),
        r#"{"read":{},"swap":{}}"#.to_owned(),
        r#"{"read":{"more":1}}"#.to_owned(),
        r#"{"delete":{}}"#.to_owned(),
    ] {
        let answer = program.ask(&rubbish);
        assert!(answer.starts_with(r#"{"not_done":{"error":""#), "{answer}");
        assert!(answer.len() < 1000, "{answer}");
    }
    assert_eq!(
        program.ask(r#"{"read":{}}"#),
        format!(r#"{{"found":{{"tag":"{three}","bytes":"{longest}"}}}}"#)
    );
    assert!(program.end());
}

#[test]
fn what_the_store_says_is_an_answer_and_not_the_end() {
    let mut program = Program::start("postgres://nobody@127.0.0.1:1/none?sslmode=disable");
    for _ in 0..2 {
        let answer = program.ask(r#"{"swap":{"tag":"0000000000000001","bytes":""}}"#);
        assert!(answer.starts_with(r#"{"not_done":{"error":"error connecting to server"#), "{answer}");
    }
    assert!(program.end());
}

#[test]
fn the_help_lists_the_form_of_each_url() {
    let output = Command::new(env!("CARGO_BIN_EXE_quorate-register")).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    for scheme in ["sqlite:", "postgres://", "nats://", "s3://", "gs://", "az://", "kubernetes://"] {
        assert!(help.contains(&format!("\n  {scheme}")), "{scheme} is missing: {help}");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_quorate-register")).output().unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()));
}

#[test]
fn a_url_that_is_none_is_refused_by_one_line() {
    for (url, said) in [
        ("", "begins with"),
        ("register", "begins with"),
        ("redis://localhost/1", "begins with"),
        ("sqlite:", "sqlite:PATH#NAME"),
        ("sqlite:a.db#", "sqlite:PATH#NAME"),
        ("postgres://host/db?register=", "register"),
        ("postgres://host/db?register=a&register=b", "register"),
        ("postgres://host/db?no_such_option=1", "no_such_option"),
        ("nats://host:4222", "nats://HOST:PORT/BUCKET/KEY"),
        ("nats://host:4222/bucket", "nats://HOST:PORT/BUCKET/KEY"),
        ("nats://host:4222/bucket/", "nats://HOST:PORT/BUCKET/KEY"),
        ("s3://bucket", "s3://BUCKET/KEY"),
        ("gs:///key", "gs://BUCKET/KEY"),
        ("az://bucket/", "az://CONTAINER/KEY"),
        ("s3://bucket/a//b", "s3://BUCKET/KEY"),
        ("kubernetes://namespace", "kubernetes://NAMESPACE/CONFIGMAP"),
        ("kubernetes://namespace/a/b", "kubernetes://NAMESPACE/CONFIGMAP"),
    ] {
        let error = open(url, Duration::from_secs(1)).err().unwrap_or_else(|| panic!("{url} is taken"));
        let text = error.to_string();
        assert!(text.contains(said) && !text.contains('\n'), "{url}: {text}");
        let output = Command::new(env!("CARGO_BIN_EXE_quorate-register")).arg(url).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&output.stderr), format!("quorate-register: {text}\n"));
    }
}
