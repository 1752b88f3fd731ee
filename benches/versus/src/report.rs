//! The tables of costs.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use quorate_versus::cost::Contender;
use quorate_versus::cost::group::Group;
use quorate_versus::cost::idle::{Due, Idle, Ticked};
use quorate_versus::cost::omnipaxos::Omni;
use quorate_versus::cost::quorate::Quorate;
use quorate_versus::cost::raft_rs::{Checked, Plain};
use quorate_versus::cost::work::{Beats, Failovers, Part, Seconds, Work, repeated};

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

impl Library {
    fn name(self) -> &'static str {
        match self {
            Library::Quorate => Quorate::NAME,
            Library::RaftRs => Checked::NAME,
            Library::RaftRsPlain => Plain::NAME,
            Library::Omnipaxos => Omni::<1>::NAME,
        }
    }

    /// In a command, and in a file.
    fn key(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn work(self, subject: Subject, members: usize) -> Box<dyn Work> {
        match self {
            _ if matches!(subject, Subject::Idle | Subject::IdleWhenDue) => {
                Box::new(Seconds::new(self.host(subject), GROUPS))
            }
            Library::Quorate => work::<Quorate>(subject, members),
            Library::RaftRs => work::<Checked>(subject, members),
            Library::RaftRsPlain => work::<Plain>(subject, members),
            Library::Omnipaxos => work::<Omni<1>>(subject, members),
        }
    }

    /// Of many groups at rest.
    fn host(self, subject: Subject) -> Box<dyn Idle> {
        match self {
            Library::Quorate if subject == Subject::IdleWhenDue => Box::new(Due::new(GROUPS)),
            Library::Quorate => Box::new(Ticked::<Quorate>::new(GROUPS)),
            Library::RaftRs => Box::new(Ticked::<Checked>::new(GROUPS)),
            Library::RaftRsPlain => Box::new(Ticked::<Plain>::new(GROUPS)),
            Library::Omnipaxos => Box::new(Ticked::<Omni<5>>::new(GROUPS)),
        }
    }

    fn bytes(self) -> f64 {
        match self {
            Library::Quorate => Group::<Quorate>::settled(3).bytes(),
            Library::RaftRs => Group::<Checked>::settled(3).bytes(),
            Library::RaftRsPlain => Group::<Plain>::settled(3).bytes(),
            Library::Omnipaxos => Group::<Omni<1>>::settled(3).bytes(),
        }
    }
}

fn work<C: Contender + 'static>(subject: Subject, members: usize) -> Box<dyn Work> {
    match subject {
        Subject::Follower => Box::new(Beats::<C>::new(members, Part::Follower)),
        Subject::Broadcast => Box::new(Beats::<C>::new(members, Part::Broadcast)),
        Subject::Answers => Box::new(Beats::<C>::new(members, Part::Answers)),
        Subject::Failover => Box::new(Failovers::<C>::new(members)),
        Subject::Idle | Subject::IdleWhenDue | Subject::Bytes => unreachable!("no work of one group"),
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
    /// Also counts instructions, with valgrind.
    #[arg(long)]
    instructions: bool,
    /// Writes what depends on the number of members: `library,members,metric,value`.
    #[arg(long)]
    csv: Option<PathBuf>,
}

impl Cost {
    pub(crate) fn run(&self) -> bool {
        let length = Duration::from_secs(self.seconds);
        match (self.only, self.library, self.rounds) {
            (Some(subject), Some(library), Some(rounds)) => {
                println!("{}", repeated(&mut *library.work(subject, self.members), rounds));
                true
            }
            (Some(subject), Some(library), None) => {
                measure::print(subject, library, self.members, length);
                true
            }
            _ => self.report(length),
        }
    }

    fn report(&self, length: Duration) -> bool {
        println!("{}\n", machine::description());
        let mut report = Report::new(length);
        for &subject in Subject::value_variants() {
            if self.only.is_none_or(|only| only == subject) {
                report.add(subject);
            }
        }
        if self.instructions {
            report.rows.extend(instructions::rows());
        }
        let met = table::print(&report.rows);
        if let Some(path) = &self.csv {
            std::fs::write(path, report.csv()).expect("a file that can be written");
        }
        met
    }
}
