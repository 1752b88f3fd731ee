//! The rows of the table, and their targets.

use std::time::Duration;

use clap::ValueEnum;

use super::library::{GROUPS, Library, Subject};
use super::measure::{self, Measured, Sample};
use super::table::{Row, Target};

/// Members of the groups.
const SIZES: [usize; 5] = [3, 5, 7, 21, 101];

/// Measures row by row, and keeps the figures that depend on the number of members.
pub(crate) struct Report {
    length: Duration,
    by_size: Vec<(Library, usize, &'static str, f64)>,
}

type Cell = fn(&Measured) -> Sample;

const TIME: Cell = |measured| measured.sample;
const MICROSECONDS: Cell = |measured| measured.sample / 1000.0;
const MESSAGES: Cell = |measured| Sample::exact(measured.messages as f64);
const ALLOCATIONS: Cell = |measured| Sample::exact(measured.allocations);

impl Report {
    pub(crate) fn new(length: Duration) -> Self {
        Report { length, by_size: Vec::new() }
    }

    /// The rows of all subjects, or of one, for each size of group where that matters.
    pub(crate) fn rows(&mut self, only: Option<Subject>) -> impl Iterator<Item = Row> {
        let subjects = Subject::value_variants().iter().copied();
        let wanted = subjects.filter(move |&subject| only.is_none_or(|only| only == subject));
        let sized = wanted.flat_map(|subject| {
            let sizes = if subject.has_sizes() { &SIZES[..] } else { &SIZES[..1] };
            sizes.iter().map(move |&members| (subject, members))
        });
        sized.flat_map(|(subject, members)| self.rows_of(subject, members))
    }

    fn rows_of(&mut self, subject: Subject, members: usize) -> Vec<Row> {
        match subject {
            Subject::Follower => self.follower(members),
            Subject::Broadcast => self.broadcast(members),
            Subject::Answers => self.answers(members),
            Subject::Failover => self.failover(members),
            Subject::Idle => self.idle(subject, "all ticked"),
            Subject::IdleWhenDue => self.idle(subject, "quorate ticked when due"),
            Subject::Bytes => vec![bytes()],
        }
    }

    fn measure(&self, subject: Subject, members: usize) -> Vec<Measured> {
        let libraries = Library::value_variants().iter();
        let works = libraries.filter_map(|&library| Some((library, library.work(subject, members)?)));
        measure::alternately(subject, works.collect(), self.length)
    }

    fn follower(&mut self, members: usize) -> Vec<Row> {
        let measured = self.measure(Subject::Follower, members);
        self.keep(&measured, members, "heartbeat_ns", TIME);
        let row = |what, cell| row(format!("follower, {members} nodes: {what}"), &measured, cell);
        vec![
            row("heartbeat and answer, ns", TIME)
                .target(Target::Ratio(Library::RaftRs, 1.0 / 5.0))
                .target(Target::Ratio(Library::Omnipaxos, 1.0 / 2.0)),
            row("allocations", ALLOCATIONS).target(Target::Value(0.0)),
        ]
    }

    fn broadcast(&mut self, members: usize) -> Vec<Row> {
        let measured = self.measure(Subject::Broadcast, members);
        self.keep(&measured, members, "broadcast_ns", TIME);
        let others = members as f64 - 1.0;
        let each = measured.iter().map(|measured| (measured.library, measured.sample / others)).collect();
        let row = |what, cell| row(format!("broadcast, {members} nodes: {what}"), &measured, cell);
        vec![
            row("round, ns", TIME),
            Row::new(format!("broadcast, {members} nodes: message, ns"), each)
                .target(Target::Ratio(Library::RaftRs, 1.0 / 3.0)),
            row("allocations", ALLOCATIONS),
        ]
    }

    fn answers(&mut self, members: usize) -> Vec<Row> {
        let measured = self.measure(Subject::Answers, members);
        vec![row(format!("all answers read, {members} nodes: ns"), &measured, TIME)]
    }

    fn failover(&mut self, members: usize) -> Vec<Row> {
        let measured = self.measure(Subject::Failover, members);
        self.keep(&measured, members, "failover_us", MICROSECONDS);
        self.keep(&measured, members, "failover_messages", MESSAGES);
        self.keep(&measured, members, "failover_allocations", ALLOCATIONS);
        let row = |what, cell| row(format!("failover, {members} nodes: {what}"), &measured, cell);
        vec![
            row("µs", MICROSECONDS).target(Target::Ratio(Library::RaftRs, 1.0 / 4.0)),
            row("messages", MESSAGES).target(Target::Ratio(Library::RaftRs, 1.0)),
            row("allocations", ALLOCATIONS),
        ]
    }

    fn idle(&mut self, subject: Subject, how: &str) -> Vec<Row> {
        let measured = self.measure(subject, 3);
        let full = format!("at rest, {GROUPS} groups, {how}: second of a group, µs");
        let quiet = format!("at rest, {GROUPS} groups, {how}: group and tick between heartbeats, ns");
        let quiet = Row::new(quiet, measure::between_heartbeats(subject, self.length));
        let quiet = match subject {
            Subject::IdleWhenDue => quiet.target(Target::Ratio(Library::RaftRs, 1.0 / 50.0)),
            _ => quiet,
        };
        vec![quiet, row(full, &measured, MICROSECONDS)]
    }

    fn keep(&mut self, measured: &[Measured], members: usize, metric: &'static str, cell: Cell) {
        let value = |measured: &Measured| (measured.library, members, metric, cell(measured).median);
        self.by_size.extend(measured.iter().map(value));
    }

    /// The figures that depend on the number of members.
    pub(crate) fn csv(&self) -> String {
        let line = |(library, members, metric, value): &(Library, usize, &str, f64)| {
            format!("{},{members},{metric},{value}\n", library.key())
        };
        "library,members,metric,value\n".to_owned() + &self.by_size.iter().map(line).collect::<String>()
    }
}

fn bytes() -> Row {
    let libraries = Library::value_variants().iter();
    let cells = libraries.map(|&library| (library, Sample::exact(library.bytes().round()))).collect();
    let row = Row::new("instance, 3 nodes: bytes".to_owned(), cells);
    row.target(Target::Ratio(Library::RaftRs, 1.0 / 6.0))
}

fn row(what: String, measured: &[Measured], cell: Cell) -> Row {
    Row::new(what, measured.iter().map(|measured| (measured.library, cell(measured))).collect())
}
