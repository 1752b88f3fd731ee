//! The command of the pods: it writes down when it runs, and ends at once when it is told to.

use std::convert::Infallible;
use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use quorate::adapters::clock::BootClock;

use crate::journal_audit::Record;
use crate::{Failure, Id};

/// What starts the command.
pub(crate) const WORK: &str = "work";

/// The end of every complete line of a journal.
pub(crate) const LINE_END: &str = " .";

const PAUSE: Duration = Duration::from_millis(1);

pub(crate) fn main() -> ExitCode {
    let Err(failure) = work();
    eprintln!("{failure}");
    ExitCode::FAILURE
}

fn work() -> Result<Infallible, Failure> {
    let path = env::args().nth(2).ok_or("no journal")?;
    let term = env::var("QUORATE_FENCING_TOKEN")?.parse()?;
    let mut journal = OpenOptions::new().create(true).append(true).open(path)?;
    // The process before may have died in the middle of a line.
    writeln!(journal, "\n{}{LINE_END}", Record::Blank { stores: false })?;
    let mut from = now()?;
    loop {
        let until = now()?;
        let record = Record::Lease { term, from, until };
        journal.write_all(format!("{record}{LINE_END}\n").as_bytes())?;
        from = until;
        thread::sleep(PAUSE);
    }
}

/// A reading of the clock that all pods share.
pub(crate) fn now() -> Result<u64, Failure> {
    Ok(BootClock::new().now().since_origin().as_nanos().try_into()?)
}

/// The number of the node of this name.
pub(crate) fn id(node: &str) -> Option<Id> {
    node.rsplit('-').next()?.parse().ok()
}
