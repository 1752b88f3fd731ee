//! The cost of building a program that runs one node: crates, seconds, bytes.
//!
//! The programs are built without the network, from what cargo has fetched for this crate.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use tempfile::TempDir;

use super::figure::{Figures, Metric, Profile, Row, Sample};
use super::library::{Library, Subject};
use super::machine;

const RUNS: usize = 2;
const HERE: &str = env!("CARGO_MANIFEST_DIR");
const LIBRARIES: [Library; 4] = [Library::Quorate, Library::RaftRs, Library::Omnipaxos, Library::AlmostRaft];

/// A program, and the lines of its manifest that name its dependencies.
struct Program {
    main: &'static str,
    dependencies: String,
}

pub(crate) fn figures() -> Figures {
    let before = machine::load();
    let mut all = Vec::new();
    for profile in [Profile::Release, Profile::Small] {
        let empty = Site::new(&Program { main: "fn main() {}\n", dependencies: String::new() }, profile);
        empty.build();
        let row = |subject, metric| Row { profile, subject, members: 3, metric };
        let kibibytes = |site: &Site| Sample::exact(((site.bytes() - empty.bytes()) / 1024.0).round());
        let sites = LIBRARIES.map(|library| Site::new(&program(library), profile));
        // The programs are built in turns, so that a disturbance of the machine affects all alike.
        let runs = if profile == Profile::Release { RUNS } else { 1 };
        let seconds: Vec<[f64; 4]> = (0..runs).map(|_| sites.each_ref().map(Site::build)).collect();
        for (at, (&library, site)) in LIBRARIES.iter().zip(&sites).enumerate() {
            if profile == Profile::Release {
                let crates = Sample::exact(site.crates() as f64);
                all.push(row(Subject::Program, Metric::Crates).figure(library, crates));
                let seconds = Sample::of(seconds.iter().map(|run| run[at]).collect());
                all.push(row(Subject::Program, Metric::BuildSeconds).figure(library, seconds));
            }
            all.push(row(Subject::Program, Metric::Kibibytes).figure(library, kibibytes(site)));
        }
        let fixed = Site::new(&quorate("default-features = false, "), profile);
        fixed.build();
        all.push(row(Subject::FixedGroup, Metric::Kibibytes).figure(Library::Quorate, kibibytes(&fixed)));
    }
    let load = machine::load_between(before, machine::load());
    Figures { machine: format!("{}, {load}", machine::description()), all }
}

fn quorate(options: &str) -> Program {
    Program {
        main: include_str!("programs/quorate.rs"),
        dependencies: format!(
            "quorate = {{ {options}path = {:?} }}\nrand_xoshiro = \"0.8\"",
            format!("{HERE}/../..")
        ),
    }
}

fn program(library: Library) -> Program {
    let (main, dependencies) = match library {
        Library::Quorate => return quorate(""),
        Library::RaftRs | Library::RaftRsPlain => (
            include_str!("programs/raft_rs.rs"),
            "raft = { version = \"0.7\", default-features = false, features = [\"protobuf-codec\"] }\n\
             slog = \"2\"",
        ),
        Library::Omnipaxos => (
            include_str!("programs/omnipaxos.rs"),
            "omnipaxos = { version = \"0.2\", default-features = false }\n\
             omnipaxos_storage = { version = \"0.2\", default-features = false }",
        ),
        Library::AlmostRaft => (
            include_str!("programs/almost_raft.rs"),
            "almost-raft = \"0.4\"\nasync-trait = \"0.1\"\n\
             tokio = { version = \"1\", features = [\"rt\", \"sync\", \"time\"] }",
        ),
    };
    Program { main, dependencies: dependencies.to_owned() }
}

/// The directory in which a program is built.
struct Site(TempDir);

impl Site {
    fn new(program: &Program, profile: Profile) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path();
        let level = if profile == Profile::Small { "opt-level = \"s\"\n" } else { "" };
        let manifest = format!(
            "[package]\nname = \"node\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [profile.release]\nstrip = true\n{level}\n[dependencies]\n{}\n",
            program.dependencies
        );
        fs::create_dir(path.join("src")).expect("an empty directory");
        fs::write(path.join("Cargo.toml"), manifest).expect("an empty directory");
        fs::write(path.join("src/main.rs"), program.main).expect("an empty directory");
        // The program is built with the versions that this crate uses.
        fs::copy(format!("{HERE}/Cargo.lock"), path.join("Cargo.lock")).expect("a lock file");
        Site(directory)
    }

    fn cargo(&self, arguments: &[&str]) -> String {
        let out = Command::new("cargo")
            .args(arguments)
            .arg("--offline")
            .current_dir(&self.0)
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_TARGET_DIR", self.target())
            .output()
            .expect("cargo runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    fn target(&self) -> PathBuf {
        self.0.path().join("target")
    }

    /// Builds the program from nothing, and returns the seconds.
    fn build(&self) -> f64 {
        // The directory does not exist before the first build.
        let _ = fs::remove_dir_all(self.target());
        let start = Instant::now();
        self.cargo(&["build", "--release"]);
        start.elapsed().as_secs_f64()
    }

    fn bytes(&self) -> f64 {
        fs::metadata(self.target().join("release/node")).expect("a program").len() as f64
    }

    /// The number of crates that are linked, or needed to build one that is.
    fn crates(&self) -> usize {
        let tree = self.cargo(&["tree", "--edges", "normal", "--prefix", "none", "--no-dedupe"]);
        tree.lines().skip(1).collect::<BTreeSet<_>>().len()
    }
}
