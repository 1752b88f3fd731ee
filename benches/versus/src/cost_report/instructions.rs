//! Counts instructions, which do not depend on what else the machine does. Each kind of work runs in a process
//! of its own, under valgrind.

use std::env;
use std::process::Command;

use clap::ValueEnum;
use rayon::prelude::*;

use super::figure::Sample;
use super::library::{Library, Subject};

/// The libraries whose instructions are counted.
const LIBRARIES: [Library; 3] = [Library::Quorate, Library::RaftRs, Library::Omnipaxos];
const ROUNDS: &str = "1";
const GROUPS: &str = "2";

/// Counts the instructions of all libraries at all these sizes.
pub(crate) fn count_all(sizes: &[usize]) -> Vec<(Subject, usize, Library, Sample)> {
    let mut cases = Vec::new();
    for subject in Subject::TIMED {
        for &members in sizes {
            cases.extend(LIBRARIES.map(|library| (subject, members, library)));
        }
    }
    let count = |(subject, members, library)| {
        Some((subject, members, library, Sample::exact(count(subject, library, members)?)))
    };
    cases.into_par_iter().filter_map(count).collect()
}

/// Counts the instructions of one repetition; `None` if valgrind fails.
fn count(subject: Subject, library: Library, members: usize) -> Option<f64> {
    let subject = subject.to_possible_value()?;
    let out = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg("--toggle-collect=quorate_versus::cost::work::measured*")
        .arg(env::current_exe().ok()?)
        .args(["cost", "--only", subject.get_name(), "--library", &library.key()])
        .args(["--members", &members.to_string(), "--groups", GROUPS, "--rounds", ROUNDS])
        .output()
        .ok()?;
    let repetitions: f64 = String::from_utf8_lossy(&out.stdout).trim().parse().ok()?;
    let log = String::from_utf8_lossy(&out.stderr);
    let collected = log.lines().find_map(|line| line.split_once("Collected : "))?.1;
    Some((collected.trim().parse::<f64>().ok()? / repetitions).round())
}
