//! Counts instructions, where a clock is too coarse or the machine too busy. Each kind of work runs in a
//! process of its own, under valgrind.

use std::env;
use std::process::Command;

use clap::ValueEnum;

use super::library::{Library, Subject};
use super::measure::Sample;
use super::table::Row;

const SIZES: [usize; 2] = [3, 7];
const SUBJECTS: [Subject; 4] = [Subject::Follower, Subject::Broadcast, Subject::Answers, Subject::Failover];
/// Enough rounds for lists to reach their final size.
const ROUNDS: usize = 8;

pub(crate) fn rows() -> impl Iterator<Item = Row> {
    SUBJECTS.into_iter().flat_map(|subject| SIZES.map(move |members| (subject, members))).map(row)
}

fn row((subject, members): (Subject, usize)) -> Row {
    let count = |&library: &Library| Some((library, Sample::exact(count(subject, library, members)?)));
    let cells = Library::value_variants().iter().filter_map(count).collect();
    Row::new(format!("{subject:?}, {members} nodes: instructions"), cells)
}

/// Counts the instructions of one repetition; `None` if there is no valgrind.
fn count(subject: Subject, library: Library, members: usize) -> Option<f64> {
    let subject = subject.to_possible_value()?;
    let out = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg("--toggle-collect=quorate_versus::cost::work::measured*")
        .arg(env::current_exe().ok()?)
        .args(["cost", "--only", subject.get_name(), "--library", &library.key()])
        .args(["--members", &members.to_string(), "--rounds", &ROUNDS.to_string()])
        .output()
        .ok()?;
    let repetitions: f64 = String::from_utf8_lossy(&out.stdout).trim().parse().ok()?;
    let log = String::from_utf8_lossy(&out.stderr);
    let collected = log.lines().find_map(|line| line.split_once("Collected : "))?.1;
    Some((collected.trim().parse::<f64>().ok()? / repetitions).round())
}
