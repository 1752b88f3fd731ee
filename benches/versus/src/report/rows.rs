//! What is measured, row by row, and what is aimed at.

use std::time::Duration;

use clap::ValueEnum;

use super::measure::{self, Measured, Sample};
use super::table::{Row, Target};
use super::{GROUPS, Library, SIZES, Subject};

/// The rows so far.
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
    length: Duration,
    /// By library and members.
    by_size: Vec<(Library, usize, &'static str, f64)>,
}

type Cell = fn(&Measured) -> Sample;

const TIME: Cell = |measured| measured.sample;
const MICROSECONDS: Cell = |measured| measured.sample / 1000.0;
const MESSAGES: Cell = |measured| Sample::exact(measured.messages as f64);
const ALLOCATIONS: Cell = |measured| Sample::exact(measured.allocations);

impl Report {
    pub(crate) fn new(length: Duration) -> Self {
        Report { rows: Vec::new(), length, by_size: Vec::new() }
    }

    pub(crate) fn add(&mut self, subject: Subject) {
        match subject {
            Subject::Follower => SIZES.into_iter().for_each(|members| self.add_follower(members)),
            Subject::Broadcast => SIZES.into_iter().for_each(|members| self.add_broadcast(members)),
            Subject::Answers => SIZES.into_iter().for_each(|members| self.add_answers(members)),
            Subject::Failover => SIZES.into_iter().for_each(|members| self.add_failover(members)),
            Subject::Idle => self.add_idle(subject, "all ticked"),
            Subject::IdleWhenDue => self.add_idle(subject, "quorate ticked when due"),
            Subject::Bytes => self.add_bytes(),
        }
    }

    fn measure(&self, subject: Subject, members: usize) -> Vec<Measured> {
        let libraries = Library::value_variants().iter();
        let works = libraries.filter_map(|&library| Some((library, library.work(subject, members)?)));
        measure::alternately(subject, works.collect(), self.length)
    }

    fn add_follower(&mut self, members: usize) {
        let measured = self.measure(Subject::Follower, members);
        self.remember(&measured, members, "heartbeat_ns", TIME);
        let row = row(format!("follower, {members} nodes: heartbeat and answer, ns"), &measured, TIME);
        let row = row.target(Target::Ratio(Library::RaftRs, 1.0 / 5.0));
        self.rows.push(row.target(Target::Ratio(Library::Omnipaxos, 1.0 / 2.0)));
        let row = self::row(format!("follower, {members} nodes: allocations"), &measured, ALLOCATIONS);
        self.rows.push(row.target(Target::Value(0.0)));
    }

    fn add_broadcast(&mut self, members: usize) {
        let measured = self.measure(Subject::Broadcast, members);
        self.remember(&measured, members, "broadcast_ns", TIME);
        self.rows.push(row(format!("broadcast, {members} nodes: round, ns"), &measured, TIME));
        let others = members as f64 - 1.0;
        let cells = measured.iter().map(|measured| (measured.library, measured.sample / others)).collect();
        let row = Row::new(format!("broadcast, {members} nodes: message, ns"), cells);
        self.rows.push(row.target(Target::Ratio(Library::RaftRs, 1.0 / 3.0)));
        self.rows.push(self::row(format!("broadcast, {members} nodes: allocations"), &measured, ALLOCATIONS));
    }

    fn add_answers(&mut self, members: usize) {
        let measured = self.measure(Subject::Answers, members);
        self.rows.push(row(format!("all answers read, {members} nodes: ns"), &measured, TIME));
    }

    fn add_failover(&mut self, members: usize) {
        let measured = self.measure(Subject::Failover, members);
        self.remember(&measured, members, "failover_us", MICROSECONDS);
        self.remember(&measured, members, "failover_messages", MESSAGES);
        self.remember(&measured, members, "failover_allocations", ALLOCATIONS);
        let row = |what, cell| row(format!("failover, {members} nodes: {what}"), &measured, cell);
        self.rows.push(row("µs", MICROSECONDS).target(Target::Ratio(Library::RaftRs, 1.0 / 4.0)));
        self.rows.push(row("messages", MESSAGES).target(Target::Ratio(Library::RaftRs, 1.0)));
        self.rows.push(row("allocations", ALLOCATIONS));
    }

    fn add_idle(&mut self, subject: Subject, how: &str) {
        let measured = self.measure(subject, 3);
        let what = format!("at rest, {GROUPS} groups, {how}: second of a group, µs");
        let full = row(what, &measured, MICROSECONDS);
        let cells = measure::quiet(subject, self.length);
        let quiet = Row::new(format!("at rest, {how}: group and tick between heartbeats, ns"), cells);
        let quiet = match subject {
            Subject::IdleWhenDue => quiet.target(Target::Ratio(Library::RaftRs, 1.0 / 50.0)),
            _ => quiet,
        };
        self.rows.extend([quiet, full]);
    }

    fn add_bytes(&mut self) {
        let libraries = Library::value_variants().iter();
        let cells = libraries.map(|&library| (library, Sample::exact(library.bytes().round()))).collect();
        let row = Row::new("instance, 3 nodes: bytes".to_owned(), cells);
        self.rows.push(row.target(Target::Ratio(Library::RaftRs, 1.0 / 6.0)));
    }

    fn remember(&mut self, measured: &[Measured], members: usize, metric: &'static str, cell: Cell) {
        let value = |measured: &Measured| (measured.library, members, metric, cell(measured).median);
        self.by_size.extend(measured.iter().map(value));
    }

    /// What depends on the number of members.
    pub(crate) fn csv(&self) -> String {
        let line = |(library, members, metric, value): &(Library, usize, &str, f64)| {
            format!("{},{members},{metric},{value}\n", library.key())
        };
        "library,members,metric,value\n".to_owned() + &self.by_size.iter().map(line).collect::<String>()
    }
}

fn row(what: String, measured: &[Measured], cell: Cell) -> Row {
    Row::new(what, measured.iter().map(|measured| (measured.library, cell(measured))).collect())
}
