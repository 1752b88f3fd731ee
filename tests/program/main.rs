//! The program `quorate` from outside: what it prints, and what it ends with.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod bad_input;
mod files;
#[cfg(target_os = "linux")]
mod local_socket;
#[cfg(unix)]
mod nodes;
#[cfg(unix)]
mod operators;
#[cfg(unix)]
mod records;
#[cfg(target_os = "linux")]
mod registers;
#[cfg(target_os = "linux")]
mod stopping;
#[cfg(target_os = "linux")]
mod terminal;

use std::net::UdpSocket;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The program with these arguments, and without an input.
fn quorate(args: &[&str]) -> Command {
    let mut quorate = Command::new(env!("CARGO_BIN_EXE_quorate"));
    quorate.args(args).stdin(Stdio::null());
    quorate
}

/// How long a busy machine may take for what takes a second.
const PATIENCE: Duration = Duration::from_secs(60);

fn run(args: &[&str]) -> Output {
    end(quorate(args))
}

/// Runs a program to its end. One that goes on, as a node does that was to be refused, is a failure.
fn end(mut program: Command) -> Output {
    let child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (ended, ends) = mpsc::channel();
    let id = child.id();
    let watchdog = thread::spawn(move || {
        if ends.recv_timeout(PATIENCE).is_err() {
            let _ended_just_now = Command::new("kill").args(["-KILL", &id.to_string()]).status();
        }
    });
    let output = child.wait_with_output().unwrap();
    ended.send(()).unwrap();
    watchdog.join().unwrap();
    output
}

/// What the program prints if it succeeds.
#[track_caller]
fn printed(args: &[&str]) -> String {
    let output = run(args);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{args:?} ended with {}: {errors}", output.status);
    assert_eq!(errors, "", "{args:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// An address of this machine that is free now.
fn free_address() -> String {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn the_program_says_what_it_does() {
    let help = printed(&["--help"]);
    for command in [
        "demo",
        "run",
        "node",
        "status",
        "watch",
        "replay",
        "members",
        "resign",
        "recover",
        "register",
        "keygen",
        "keys",
        "completions",
        "man",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} in {help}");
        assert!(printed(&[command, "--help"]).contains("Usage: quorate"), "{command}");
    }
    assert_eq!(printed(&["--version"]), format!("quorate {}\n", env!("CARGO_PKG_VERSION")));
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&["completions", shell]);
        assert!(script.contains("keygen") && script.contains("group"), "{shell}");
        for stage in ["demo:node", "run:exec", "register:exec"] {
            assert!(!script.contains(stage), "{shell}");
        }
    }
}
