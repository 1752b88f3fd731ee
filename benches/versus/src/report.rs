//! The tables of costs.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use quorate_versus::cost::Contender;
use quorate_versus::cost::almost_raft;
use quorate_versus::cost::group::Group;
use quorate_versus::cost::idle::{Due, Idle, Ticked};
use quorate_versus::cost::omnipaxos::Omni;
use quorate_versus::cost::quorate::Quorate;
use quorate_versus::cost::raft_rs::{Checked, Plain};
use quorate_versus::cost::work::{Beats, Failovers, Part, Seconds, Work, repeated};

mod build;
mod instructions;
mod machine;
mod measure;
mod rows;
mod table;

use rows::Report;

/// Members of the groups.
const SIZES: [usize; 5] = [3, 5, 7, 21, 101];
/// Groups at rest.
const GROUPS: usize = 10_000;

/// The libraries, in the order of the columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Library {
    Quorate,
    /// With pre-vote and check-quorum.
    RaftRs,
    /// As it comes.
    RaftRsPlain,
    Omnipaxos,
    AlmostRaft,
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
    /// A second at rest, everybody ticked each time.
    Idle,
    /// A second at rest, of quorate with ticks at its deadlines only.
    IdleWhenDue,
    /// The size of an instance.
    Bytes,
}

impl Subject {
    /// Whether the number of members matters to it.
    fn has_sizes(self) -> bool {
        match self {
            Subject::Follower | Subject::Broadcast | Subject::Answers | Subject::Failover => true,
            Subject::Idle | Subject::IdleWhenDue | Subject::Bytes => false,
        }
    }
}

impl Library {
    fn name(self) -> &'static str {
        match self {
            Library::Quorate => Quorate::NAME,
            Library::RaftRs => Checked::NAME,
            Library::RaftRsPlain => Plain::NAME,
            Library::Omnipaxos => Omni::<1>::NAME,
            Library::AlmostRaft => "almost-raft",
        }
    }

    /// In a command, and in a file.
    fn key(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// `None` where it does no such thing.
    fn work(self, subject: Subject, members: usize) -> Option<Box<dyn Work>> {
        match (self, subject) {
            (_, Subject::Bytes) => None,
            (_, Subject::Idle | Subject::IdleWhenDue) => {
                Some(Box::new(Seconds::new(self.host(subject)?, GROUPS)))
            }
            (Library::Quorate, _) => work::<Quorate>(subject, members),
            (Library::RaftRs, _) => work::<Checked>(subject, members),
            (Library::RaftRsPlain, _) => work::<Plain>(subject, members),
            (Library::Omnipaxos, _) => work::<Omni<1>>(subject, members),
            (Library::AlmostRaft, Subject::Failover) => Some(Box::new(almost_raft::Failovers::new(members))),
            (Library::AlmostRaft, _) => None,
        }
    }

    /// Of many groups at rest.
    fn host(self, subject: Subject) -> Option<Box<dyn Idle>> {
        match self {
            Library::Quorate if subject == Subject::IdleWhenDue => Some(Box::new(Due::new(GROUPS))),
            Library::Quorate => Some(Box::new(Ticked::<Quorate>::new(GROUPS))),
            Library::RaftRs => Some(Box::new(Ticked::<Checked>::new(GROUPS))),
            Library::RaftRsPlain => Some(Box::new(Ticked::<Plain>::new(GROUPS))),
            Library::Omnipaxos => Some(Box::new(Ticked::<Omni<5>>::new(GROUPS))),
            Library::AlmostRaft => None,
        }
    }

    fn bytes(self) -> f64 {
        match self {
            Library::Quorate => Group::<Quorate>::settled(3).bytes(),
            Library::RaftRs => Group::<Checked>::settled(3).bytes(),
            Library::RaftRsPlain => Group::<Plain>::settled(3).bytes(),
            Library::Omnipaxos => Group::<Omni<1>>::settled(3).bytes(),
            Library::AlmostRaft => almost_raft::bytes(3),
        }
    }
}

fn work<C: Contender + 'static>(subject: Subject, members: usize) -> Option<Box<dyn Work>> {
    match subject {
        Subject::Follower => Some(Box::new(Beats::<C>::new(members, Part::Follower))),
        Subject::Broadcast => Some(Box::new(Beats::<C>::new(members, Part::Broadcast))),
        Subject::Answers => Some(Box::new(Beats::<C>::new(members, Part::Answers))),
        Subject::Failover => Some(Box::new(Failovers::<C>::new(members))),
        Subject::Idle | Subject::IdleWhenDue | Subject::Bytes => None,
    }
}

/// What each library costs on the same work.
#[derive(Args)]
pub(crate) struct Cost {
    /// Only this.
    #[arg(long, value_enum)]
    only: Option<Subject>,
    /// Of this library only, again and again, for a profiler to look at. Needs `--only`.
    #[arg(long, value_enum, requires = "only")]
    library: Option<Library>,
    /// Members of the groups, with `--library`.
    #[arg(long, default_value_t = 3)]
    members: usize,
    /// How long to measure each row, or that library.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// That library so often instead; prints what it did how many times.
    #[arg(long, requires = "library")]
    rounds: Option<usize>,
    /// Only what it takes to build a program with each.
    #[arg(long)]
    build: bool,
    /// Only instructions, which valgrind counts.
    #[arg(long)]
    instructions: bool,
    /// Writes what depends on the number of members: `library,members,metric,value`.
    #[arg(long)]
    csv: Option<PathBuf>,
}

impl Cost {
    /// All rows, into a file.
    pub(crate) fn into_file(path: PathBuf) -> Self {
        Cost {
            only: None,
            library: None,
            members: 3,
            seconds: 2,
            rounds: None,
            build: false,
            instructions: false,
            csv: Some(path),
        }
    }

    pub(crate) fn run(&self) -> bool {
        let length = Duration::from_secs(self.seconds);
        match (self.only, self.library) {
            (Some(subject), Some(library)) => self.repeat(subject, library, length),
            _ if self.build => table::print(build::rows()),
            _ if self.instructions => table::print(instructions::rows()),
            _ => self.report(length),
        }
    }

    /// One library, for whoever looks at it.
    fn repeat(&self, subject: Subject, library: Library, length: Duration) -> bool {
        let Some(mut work) = library.work(subject, self.members) else {
            eprintln!("{} does no such thing", library.name());
            return false;
        };
        match self.rounds {
            Some(rounds) => println!("{}", repeated(&mut *work, rounds)),
            None => measure::print(subject, library, work, length),
        }
        true
    }

    fn report(&self, length: Duration) -> bool {
        let mut report = Report::new(length);
        let met = table::print(report.rows(self.only));
        if let Some(path) = &self.csv {
            std::fs::write(path, report.csv()).expect("a file that can be written");
        }
        met
    }
}
