//! This program as `quorate-register`: a register in a folder, and the faults that a test asks for by files in it.
//!
//! `hang-N` lets the program hang that contender N has started, and `no-answer-N` has it make a write and never say so.

use std::env;
use std::fs::{self, File};
use std::io::{self, BufRead};
use std::path::Path;
use std::process::{self, Command};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Failure;

/// Has a supervisor use the register in this folder, by this option.
pub(crate) fn connect(command: &mut Command, option: &str, folder: &Path, supervisor: usize) {
    let own = env::current_exe().expect("a path");
    command.env("QUORATE_REGISTER", own).env("QUORATE_DOUBLE", supervisor.to_string());
    command.arg(option).arg(format!("double:{}", folder.display()));
}

/// Creates the register in this folder, as an operator does.
pub(crate) fn create(folder: &Path, kind: &str, options: &[&str]) -> Result<(), Failure> {
    let mut command = Command::new(crate::QUORATE);
    command.env("QUORATE_REGISTER", env::current_exe()?);
    command.args(["register", kind, "--group", "test"]).args(options);
    let output = command.arg(format!("double:{}", folder.display())).output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8(output.stderr)?.into()) }
}

/// Answers requests, until the input ends.
pub(crate) fn main(folder: &Path) -> ! {
    let name = env::var("QUORATE_DOUBLE").unwrap_or_default();
    let (hang, no_answer) = (folder.join(format!("hang-{name}")), folder.join(format!("no-answer-{name}")));
    for line in io::stdin().lock().lines() {
        wait_while_there_is(&hang);
        let answer = answer(folder, &serde_json::from_str(&line.unwrap()).unwrap());
        wait_while_there_is(&no_answer);
        println!("{answer}");
    }
    process::exit(0)
}

fn wait_while_there_is(file: &Path) {
    while fs::exists(file).unwrap() {
        thread::sleep(Duration::from_millis(5));
    }
}

/// The file has the tag and the content, in hexadecimal digits.
fn answer(folder: &Path, request: &Value) -> Value {
    let lock = File::create(folder.join("register.lock")).unwrap();
    lock.lock().unwrap();
    let (file, next) = (folder.join("register"), folder.join("register.next"));
    let held = fs::read_to_string(&file).ok();
    let held = held.as_deref().and_then(|held| held.split_once(' '));
    let write = |number: u64, bytes: &Value| {
        let tag = format!("{number:08x}");
        fs::write(&next, format!("{tag} {}", bytes.as_str().unwrap())).unwrap();
        // Whoever kills this program leaves the old content or the new one.
        fs::rename(&next, &file).unwrap();
        json!({ "swapped": { "tag": tag } })
    };
    match (held, request) {
        (Some((tag, bytes)), Value::Object(read)) if read.contains_key("read") => {
            json!({ "found": { "tag": tag, "bytes": bytes } })
        }
        (None, Value::Object(read)) if read.contains_key("read") => json!({ "missing": {} }),
        (Some((tag, _)), request) if request["swap"]["tag"] == tag => {
            write(u64::from_str_radix(tag, 16).unwrap() + 1, &request["swap"]["bytes"])
        }
        (None, request) if request["create"].is_object() => write(1, &request["create"]["bytes"]),
        _ => json!({ "refused": {} }),
    }
}
