//! The cost of building a program that runs one node: crates, seconds, bytes.
//!
//! The programs are built without the network, from what cargo has fetched for this crate.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use tempfile::TempDir;

use super::library::Library;
use super::measure::Sample;
use super::table::{Row, Target};

const RUNS: usize = 2;
const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// A program, and the lines of its manifest that name its dependencies.
struct Program {
    main: &'static str,
    dependencies: String,
}

struct Built {
    crates: usize,
    seconds: f64,
    kibibytes: f64,
}

pub(crate) fn rows() -> Vec<Row> {
    let empty = Site::new(&Program { main: "fn main() {}\n", dependencies: String::new() });
    empty.build();
    let libraries = [Library::Quorate, Library::RaftRs, Library::Omnipaxos, Library::AlmostRaft];
    let sites = libraries.map(|library| Site::new(&program(library)));
    // The programs are built in turns, so that a disturbance of the machine affects all alike.
    let runs: Vec<[f64; 4]> = (0..RUNS).map(|_| sites.each_ref().map(Site::build)).collect();
    let built: Vec<(Library, Built)> = libraries
        .iter()
        .zip(&sites)
        .enumerate()
        .map(|(at, (&library, site))| {
            let seconds = runs.iter().map(|run| run[at]).fold(f64::INFINITY, f64::min);
            let kibibytes = (site.bytes() - empty.bytes()) / 1024.0;
            (library, Built { crates: site.crates(), seconds, kibibytes })
        })
        .collect();
    let row = |what: &str, value: &dyn Fn(&Built) -> f64| {
        let cell = |(library, built): &(Library, Built)| (*library, Sample::exact(value(built)));
        Row::new(what.to_owned(), built.iter().map(cell).collect())
    };
    vec![
        row("a program of one node: crates it depends on", &|built| built.crates as f64),
        row("a program of one node: clean build, s", &|built| built.seconds)
            .target(Target::Ratio(Library::RaftRs, 1.0 / 4.0)),
        row("a program of one node: KiB more than an empty one", &|built| built.kibibytes.round())
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

/// The directory in which a program is built.
struct Site(TempDir);

impl Site {
    fn new(program: &Program) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path();
        let manifest = format!(
            "[package]\nname = \"node\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [profile.release]\nstrip = true\n\n[dependencies]\n{}\n",
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
