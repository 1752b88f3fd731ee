//! The program and the examples where nobody reads any more what they print. The reader of a log goes away, or `head` has seen
//! enough: a node runs on, any other program ends with an error, and none panics.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{self, Read, Write};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Once;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long the machine may take for a few seconds' work.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a panic ends a process with.
const PANICKED: i32 = 101;

/// The example of this name. `cargo test --test` builds no examples by itself.
fn example(name: &str) -> Command {
    static BUILT: Once = Once::new();
    // Where the tests are in a folder `deps`, the examples are beside it.
    let folder: PathBuf = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().into();
    BUILT.call_once(|| {
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--offline", "--examples"]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        build.arg("--target-dir").arg(folder.parent().unwrap());
        assert!(build.status().unwrap().success());
    });
    Command::new(folder.join("examples").join(name))
}

/// The program, asked for this.
fn quorate(command: &str) -> Command {
    let mut quorate = Command::new(env!("CARGO_BIN_EXE_quorate"));
    quorate.arg(command);
    quorate
}

/// Makes the command of this name.
type Start = fn(&str) -> Command;

/// A pipe without a reader.
fn unread() -> Stdio {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// A process that does not outlive its test.
struct Process(Child);

impl Process {
    /// The end of the process, by itself.
    fn end(mut self) -> ExitStatus {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            sleep(Duration::from_millis(20));
        }
        panic!("the process goes on");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended_by_itself = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[test]
fn a_program_whose_output_nobody_reads_ends_without_a_panic() {
    let examples = ["almost_raft", "event_loop", "mio_loop"].map(|name| (name, example as Start, &[][..]));
    let tasks = [
        ("demo", &["--rounds", "1"][..]),
        ("recover", &["demo"]),
        ("recover", &["--help"]),
        ("node", &["--help"]),
        ("completions", &["bash"]),
        ("man", &[]),
        ("--version", &[]),
        ("nonsense", &[]),
    ];
    let tasks = tasks.map(|(name, args)| (name, quorate as Start, args));
    for (name, command, args) in examples.into_iter().chain(tasks) {
        let start = |errors: Stdio| {
            let mut command = command(name);
            Process(command.args(args).stdin(Stdio::null()).stdout(unread()).stderr(errors).spawn().unwrap())
        };
        let (mut complaints, errors) = io::pipe().unwrap();
        let status = start(errors.into()).end();
        let mut said = String::new();
        complaints.read_to_string(&mut said).unwrap();
        assert!(!said.contains("panicked"), "{name}: {said}");
        assert!(status.code().is_some_and(|code| code != PANICKED), "{name}: {status}, {said}");

        let status = start(unread()).end();
        assert!(status.code().is_some_and(|code| code != PANICKED), "{name}: {status}, also of its errors");
    }
}

#[test]
fn a_node_runs_on_when_the_reader_of_its_output_is_gone() {
    let folder = TempDir::new().unwrap();
    // A port that is free now.
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let common = ["--group", "pipes", "--unsealed"];
    let mut node = quorate("node");
    node.args(common).args(["--id", "1", "--first-rollout=1", "--listen", &port.to_string(), "--data"]);
    let child = node.arg(folder.path()).stdin(Stdio::piped()).stdout(unread()).stderr(unread()).spawn();
    let mut node = Process(child.unwrap());
    let began = Instant::now();
    let leader = || {
        let asked = quorate("status").args(common).arg(port.to_string()).output().unwrap();
        String::from_utf8(asked.stdout).unwrap()
    };
    while !leader().starts_with("node 1 in term ") {
        assert!(began.elapsed() < PATIENCE && node.0.try_wait().unwrap().is_none(), "the node has ended");
    }
    // It prints more, and obeys.
    let mut input = node.0.stdin.take().unwrap();
    input.write_all(b"status\nnonsense\nleader\nresign\n").unwrap();
    input.flush().unwrap();
    assert!(leader().starts_with("node 1 in term "), "it leads on: no other voter could");
    assert_eq!(node.0.try_wait().unwrap(), None, "it runs on");
    input.write_all(b"quit\n").unwrap();
    let status = node.end();
    assert!(status.success(), "{status}");
}
