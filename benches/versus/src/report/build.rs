//! What it takes to build a program that runs one node: crates, seconds, bytes.
//!
//! Without the network: from what cargo has fetched for this crate.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::Library;
use super::measure::Sample;
use super::table::{Row, Target};

const RUNS: usize = 2;
const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// A program, and the lines of its manifest that name what it needs.
struct Program {
    main: &'static str,
    dependencies: String,
}

struct Built {
    crates: usize,
    seconds: f64,
    bytes: f64,
}

pub(crate) fn rows() -> Vec<Row> {
    let empty = Program { main: "fn main() {}\n", dependencies: String::new() }.build();
    let libraries = [Library::Quorate, Library::RaftRs, Library::Omnipaxos, Library::AlmostRaft];
    let built: Vec<(Library, Built)> =
        libraries.iter().map(|&library| (library, program(library).build())).collect();
    let row = |what: &str, value: &dyn Fn(&Built) -> f64| {
        let cell = |(library, built): &(Library, Built)| (*library, Sample::exact(value(built)));
        Row::new(what.to_owned(), built.iter().map(cell).collect())
    };
    vec![
        row("a program of one node: crates it depends on", &|built| built.crates as f64),
        row("a program of one node: clean build, s", &|built| built.seconds)
            .target(Target::Ratio(Library::RaftRs, 1.0 / 4.0)),
        row("a program of one node: KiB more than an empty one", &|built| {
            ((built.bytes - empty.bytes) / 1024.0).round()
        })
        .target(Target::Ratio(Library::RaftRs, 1.0 / 10.0)),
    ]
}

fn program(library: Library) -> Program {
    let (main, dependencies) = match library {
        Library::Quorate => (
            include_str!("programs/quorate.rs"),
            format!("quorate = {{ path = {:?} }}\nrand_chacha = \"0.10\"", format!("{HERE}/../..")),
        ),
        Library::RaftRs | Library::RaftRsPlain => (
            include_str!("programs/raft_rs.rs"),
            "raft = { version = \"0.7\", default-features = false, features = [\"protobuf-codec\"] }\n\
             slog = \"2\""
                .to_owned(),
        ),
        Library::Omnipaxos => (
            include_str!("programs/omnipaxos.rs"),
            "omnipaxos = { version = \"0.2\", default-features = false }\n\
             omnipaxos_storage = { version = \"0.2\", default-features = false }"
                .to_owned(),
        ),
        Library::AlmostRaft => (
            include_str!("programs/almost_raft.rs"),
            "almost-raft = \"0.4\"\nasync-trait = \"0.1\"\n\
             tokio = { version = \"1\", features = [\"rt\", \"sync\", \"time\"] }"
                .to_owned(),
        ),
    };
    Program { main, dependencies }
}

impl Program {
    /// In a directory of its own, from nothing.
    fn build(&self) -> Built {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path();
        let manifest = format!(
            "[package]\nname = \"node\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [profile.release]\nstrip = true\n\n[dependencies]\n{}\n",
            self.dependencies
        );
        fs::create_dir(path.join("src")).expect("an empty directory");
        fs::write(path.join("Cargo.toml"), manifest).expect("an empty directory");
        fs::write(path.join("src/main.rs"), self.main).expect("an empty directory");
        // The same versions as here.
        fs::copy(format!("{HERE}/Cargo.lock"), path.join("Cargo.lock")).expect("a lock file");
        let seconds = (0..RUNS).map(|_| build(path)).fold(f64::INFINITY, f64::min);
        let binary = fs::metadata(path.join("target/release/node")).expect("a program");
        Built { crates: crates(path), seconds, bytes: binary.len() as f64 }
    }
}

fn cargo(path: &Path, arguments: &[&str]) -> String {
    let out = Command::new("cargo")
        .args(arguments)
        .arg("--offline")
        .current_dir(path)
        .env("CARGO_TARGET_DIR", path.join("target"))
        .output()
        .expect("cargo runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn build(path: &Path) -> f64 {
    let _ = fs::remove_dir_all(path.join("target"));
    let start = Instant::now();
    cargo(path, &["build", "--release"]);
    start.elapsed().as_secs_f64()
}

/// What is linked or needed by what is; not what only builds or tests.
fn crates(path: &Path) -> usize {
    let tree = cargo(path, &["tree", "--edges", "normal", "--prefix", "none", "--no-dedupe"]);
    let mut lines: Vec<&str> = tree.lines().skip(1).collect();
    lines.sort_unstable();
    lines.dedup();
    lines.len()
}
