//! The tables of costs.

use std::time::Duration;

use clap::{Args, ValueEnum};

use quorate_versus::cost::Contender;
use quorate_versus::cost::omnipaxos::Omni;
use quorate_versus::cost::quorate::Quorate;
use quorate_versus::cost::raft_rs::{Checked, Plain};
use quorate_versus::cost::work::{Beats, Failovers, Part, Work};

mod machine;
mod measure;
mod table;

use measure::{Measured, Sample};
use table::{Row, Target};

/// Members of the groups.
const SIZES: [usize; 5] = [3, 5, 7, 21, 101];

/// The libraries, in the order of the columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Library {
    Quorate,
    /// With pre-vote and check-quorum.
    RaftRs,
    RaftRsPlain,
    Omnipaxos,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Subject {
    /// A heartbeat in, its answer out.
    Follower,
    /// A leader's heartbeats to all others.
    Broadcast,
    /// All their answers, read.
    Answers,
    /// From the first timeout until all survivors know the new leader.
    Failover,
}

impl Library {
    fn name(self) -> &'static str {
        match self {
            Library::Quorate => Quorate::NAME,
            Library::RaftRs => Checked::NAME,
            Library::RaftRsPlain => Plain::NAME,
            Library::Omnipaxos => Omni::<1>::NAME,
        }
    }

    fn work(self, subject: Subject, members: usize) -> Box<dyn Work> {
        match self {
            Library::Quorate => work::<Quorate>(subject, members),
            Library::RaftRs => work::<Checked>(subject, members),
            Library::RaftRsPlain => work::<Plain>(subject, members),
            Library::Omnipaxos => work::<Omni<1>>(subject, members),
        }
    }
}

fn work<C: Contender + 'static>(subject: Subject, members: usize) -> Box<dyn Work> {
    match subject {
        Subject::Follower => Box::new(Beats::<C>::new(members, Part::Follower)),
        Subject::Broadcast => Box::new(Beats::<C>::new(members, Part::Broadcast)),
        Subject::Answers => Box::new(Beats::<C>::new(members, Part::Answers)),
        Subject::Failover => Box::new(Failovers::<C>::new(members)),
    }
}

/// What each library costs on the same work.
#[derive(Args)]
pub(crate) struct Cost {
    /// Only this, again and again, for a profiler to look at. Needs a library.
    #[arg(long, value_enum, requires = "library")]
    only: Option<Subject>,
    /// The library of `--only`.
    #[arg(long, value_enum)]
    library: Option<Library>,
    /// Members of the groups of `--only`.
    #[arg(long, default_value_t = 3)]
    members: usize,
    /// How long to measure each row, and `--only`.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
}

impl Cost {
    pub(crate) fn run(&self) -> bool {
        if let (Some(subject), Some(library)) = (self.only, self.library) {
            self.repeat(subject, library);
            return true;
        }
        println!("{}\n", machine::description());
        let subjects = [Subject::Follower, Subject::Broadcast, Subject::Answers, Subject::Failover];
        let rows: Vec<Row> = subjects.into_iter().flat_map(|subject| self.rows(subject)).collect();
        table::print(&rows)
    }

    fn length(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// One library, as long as it is wanted.
    fn repeat(&self, subject: Subject, library: Library) {
        let works = vec![(library, library.work(subject, self.members))];
        for Measured { sample, messages, allocations, .. } in measure::alternately(works, self.length()) {
            println!("{}, {} members: {sample} ns", library.name(), self.members);
            println!("{messages} messages, {allocations} allocations");
        }
    }

    fn rows(&self, subject: Subject) -> Vec<Row> {
        let sizes = if subject == Subject::Follower { &SIZES[..1] } else { &SIZES };
        sizes.iter().flat_map(|&members| self.rows_of(subject, members)).collect()
    }

    fn rows_of(&self, subject: Subject, members: usize) -> Vec<Row> {
        let works =
            Library::value_variants().iter().map(|&library| (library, library.work(subject, members)));
        let measured = measure::alternately(works.collect(), self.length());
        let row = |what: &str, cell: fn(&Measured, f64) -> Sample, others: f64| {
            let cells = measured.iter().map(|measured| (measured.library, cell(measured, others)));
            Row::new(format!("{what}, {members} nodes"), cells.collect())
        };
        let others = members as f64 - 1.0;
        let time = |m: &Measured, _: f64| m.sample;
        let thousandth = |m: &Measured, _: f64| m.sample / 1000.0;
        let each = |m: &Measured, others: f64| m.sample / others;
        let allocations = |m: &Measured, _: f64| Sample::exact(m.allocations);
        let messages = |m: &Measured, _: f64| Sample::exact(m.messages as f64);
        match subject {
            Subject::Follower => vec![
                row("follower: heartbeat and answer, ns", time, others)
                    .target(Target::Ratio(Library::RaftRs, 1.0 / 5.0))
                    .target(Target::Ratio(Library::Omnipaxos, 1.0 / 2.0)),
                row("follower: allocations", allocations, others).target(Target::Value(0.0)),
            ],
            Subject::Broadcast => vec![
                row("broadcast, ns", time, others),
                row("broadcast, ns per message", each, others)
                    .target(Target::Ratio(Library::RaftRs, 1.0 / 3.0)),
                row("broadcast: allocations", allocations, others),
            ],
            Subject::Answers => vec![row("answers read, ns", time, others)],
            Subject::Failover => vec![
                row("failover, us", thousandth, others).target(Target::Ratio(Library::RaftRs, 1.0 / 4.0)),
                row("failover: messages", messages, others).target(Target::Ratio(Library::RaftRs, 1.0)),
                row("failover: allocations", allocations, others),
            ],
        }
    }
}
