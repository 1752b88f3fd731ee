//! The command `cost`: the tables of costs.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use quorate_versus::cost::work::repeated;

mod build;
mod instructions;
mod library;
mod machine;
mod measure;
mod rows;
mod table;

use library::{Library, Subject};
use rows::Report;

/// The cost of each library on the same work.
#[derive(Args)]
pub(crate) struct Cost {
    /// Only this subject.
    #[arg(long, value_enum)]
    only: Option<Subject>,
    /// Only this library, again and again, for a profiler. Needs `--only`.
    #[arg(long, value_enum, requires = "only")]
    library: Option<Library>,
    /// Members of the groups, with `--library`.
    #[arg(long, default_value_t = 3)]
    members: usize,
    /// Seconds for each row, or for that library.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Repeats that library so often instead, and prints the number of repetitions.
    #[arg(long, requires = "library")]
    rounds: Option<usize>,
    /// Only the cost of building a program with each library.
    #[arg(long)]
    build: bool,
    /// Only instructions, as counted by valgrind.
    #[arg(long)]
    instructions: bool,
    /// Writes the figures that depend on the number of members to this file: `library,members,metric,value`.
    #[arg(long)]
    csv: Option<PathBuf>,
}

impl Cost {
    /// The command that measures all rows and writes the figures to a file.
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

    /// Repeats one subject of one library.
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
