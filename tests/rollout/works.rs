//! When the command ran on which node, as the journals of all pods show.

use std::fs;
use std::time::Duration;

use crate::journal_audit::{Audit, Record};
use crate::pod::Files;
use crate::worker::{LINE_END, id};
use crate::{Failure, Id};

/// The command ran on a node, in a term. Times are nanoseconds of the boot clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) node: Id,
    pub(crate) term: u64,
    pub(crate) from: u64,
    pub(crate) until: u64,
}

/// All records so far, node by node.
fn records(files: &Files) -> Result<Vec<(Id, Record)>, Failure> {
    let mut records = Vec::new();
    for entry in fs::read_dir(files.journals())? {
        let entry = entry?;
        let node = entry.file_name().to_str().and_then(id).ok_or("not the journal of a node")?;
        let text = fs::read_to_string(entry.path())?;
        // The process may have died in the middle of a line, or be writing it.
        let lines = text.lines().filter_map(|line| line.strip_suffix(LINE_END));
        for line in lines {
            records.push((node, Record::parse(line).ok_or(format!("no record: {line:?}"))?));
        }
    }
    Ok(records)
}

/// The runs of the command so far, in the order in which they began.
pub(crate) fn runs(files: &Files) -> Result<Vec<Run>, Failure> {
    let mut runs: Vec<Run> = Vec::new();
    for (node, record) in records(files)? {
        let Record::Lease { term, from, until } = record else { continue };
        match runs.last_mut() {
            Some(last) if (last.node, last.term, last.until) == (node, term, from) => last.until = until,
            _ => runs.push(Run { node, term, from, until }),
        }
    }
    runs.sort_unstable_by_key(|run| run.from);
    Ok(runs)
}

/// The audit of all records so far.
pub(crate) fn audit(files: &Files) -> Result<Audit, Failure> {
    let mut audit = Audit::default();
    records(files)?.iter().for_each(|(node, record)| audit.add(*node, record));
    Ok(audit)
}

/// Until when the command has run, as far as is known, in the term that began last.
pub(crate) fn runs_until(files: &Files) -> Result<u64, Failure> {
    let last = runs(files)?.last().map(|run| run.term);
    Ok(audit(files)?.until(last.unwrap_or_default()))
}

/// For how long nothing ran before each run that began after `since`.
pub(crate) fn gaps(runs: &[Run], since: u64) -> Vec<Duration> {
    let later = runs.iter().enumerate().filter(|(_, run)| run.from > since);
    let before = |index: usize| index.checked_sub(1).map_or(since, |last| runs[last].until);
    later.map(|(index, run)| Duration::from_nanos(run.from.saturating_sub(before(index)))).collect()
}
