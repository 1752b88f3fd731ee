//! Brings the records of the nodes of a group together on one line of time.

mod merging;
mod survey;

use std::boxed::Box;
use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::prelude::rust_2024::*;

use core::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::merging::{Lane, Merging};
use self::survey::{delays, match_messages, nanos, survey};
use super::align::offsets;
use super::difference::ReplayError;
use super::line::Start;
use super::replay::{Ending, Moment, Replay};
use super::timeline::{Source, Timeline};
use crate::types::NodeId;

/// The records of the nodes of a group, to be merged.
///
/// Each process has its own clock, and the wall clock of its machine. They are moved until no message arrives before it was
/// sent, and then all that the processes did is told in one order.
///
/// ```no_run
/// use quorate::adapters::record::Records;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let records = Records::<u32>::new("Last night").file("node-1.record").file("node-2.record").file("node-3.record");
/// let merged = records.merge(|seen| println!("{seen}"))?;
/// println!("{}", merged.summary());
/// std::fs::write("last-night.html", merged.timeline.page())?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Records<I> {
    title: String,
    command: Option<String>,
    sources: Vec<RecordSource>,
    deeds: Vec<(i64, Deed<I>)>,
}

/// Where a record is. It is read twice.
struct RecordSource {
    name: String,
    open: Box<dyn Fn() -> io::Result<Box<dyn BufRead>>>,
}

impl fmt::Debug for RecordSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// What was done to the processes of a group from outside, which no record says.
///
/// Non-exhaustive: a later version may draw more.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Deed<I> {
    /// The process of a node was killed.
    Killed(I),
    /// The process of a node was frozen.
    Frozen(I),
    /// It goes on.
    Thawed(I),
    /// Something else.
    Other(String),
}

/// A record that cannot be merged, as it is none, or is one of other ids or of another format.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {error}")]
pub struct MergeError {
    /// The record.
    pub name: String,
    /// What is wrong with it.
    #[source]
    pub error: ReplayError,
}

/// What a process did, on the line of time of all.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a, I> {
    /// How long after the first process started.
    pub at: Duration,
    /// The record.
    pub record: &'a str,
    /// The first line of the process.
    pub start: &'a Start<I>,
    /// What it did.
    pub moment: &'a Moment<I>,
}

/// Merged records.
///
/// Non-exhaustive: a later version may tell more.
#[derive(Debug)]
#[non_exhaustive]
pub struct Merged<I> {
    /// What all nodes did, to be drawn.
    pub timeline: Timeline<I>,
    /// Each process, in the order of the records.
    pub processes: Vec<MergedProcess>,
    /// What became of the messages.
    pub messages: MessageCounts,
    /// The records that could not be replayed to their end, and why not.
    pub failures: Vec<MergeError>,
}

/// A process of merged records.
///
/// Non-exhaustive: a later version may tell more.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MergedProcess {
    /// The record.
    pub record: String,
    /// The line of its start.
    pub line: u64,
    /// The node.
    pub node: String,
    /// The release that it ran.
    pub release: String,
    /// How many of its lines were replayed.
    pub lines: u64,
    /// By how many nanoseconds its wall clock was moved: later, if this is above zero.
    pub moved: i64,
    /// By how many nanoseconds it was moved, besides, at the most, as its clock ran at another rate than others.
    pub drifted: i64,
    /// Why its lines end; `None` if it said why the process ended.
    pub ending: Option<Ending>,
}

/// What became of the messages of merged records.
///
/// Non-exhaustive: a later version may count more.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct MessageCounts {
    /// Messages that were sent.
    pub sent: u64,
    /// Those that arrived, each once.
    pub arrived: u64,
    /// Arrivals of a message that had arrived before.
    pub doubled: u64,
    /// Messages that took longer than the promise of their sender.
    pub late: u64,
    /// Messages that did not arrive, though the record of their receiver goes on.
    pub lost: u64,
    /// Arrivals of messages that no record says were sent: there is no record of their sender, or it has a gap there.
    pub unmatched: u64,
}

impl<I: NodeId + Serialize + DeserializeOwned> Records<I> {
    /// No records yet.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Records { title: title.into(), command: None, sources: Vec::new(), deeds: Vec::new() }
    }

    /// Adds the record in this file.
    #[must_use]
    pub fn file(self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.display().to_string();
        self.source(name, move || Ok(BufReader::with_capacity(1 << 16, File::open(&path)?)))
    }

    /// Adds a record that `open` opens, each time at its beginning.
    #[must_use]
    pub fn source<R: BufRead + 'static>(
        mut self,
        name: impl Into<String>,
        open: impl Fn() -> io::Result<R> + 'static,
    ) -> Self {
        let open = Box::new(move || open().map(|input| Box::new(input) as Box<dyn BufRead>));
        self.sources.push(RecordSource { name: name.into(), open });
        self
    }

    /// The picture shows this command, which draws it again.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// Adds what was done from outside, when the wall clock showed that time since 1970.
    #[must_use]
    pub fn deed(mut self, wall_clock: Duration, deed: Deed<I>) -> Self {
        self.deeds.push((nanos(wall_clock), deed));
        self
    }

    /// Replays all records, and merges them. What is seen is passed to `watch`, in order.
    ///
    /// # Errors
    /// [`MergeError`] if one is no record of nodes with such ids. A record that cannot be replayed to its end is merged up
    /// to there; then [`Merged::failures`] says why.
    pub fn merge(&self, mut watch: impl FnMut(&Seen<'_, I>)) -> Result<Merged<I>, MergeError> {
        let (mut processes, mut failures) = (Vec::new(), Vec::new());
        for (record, source) in self.sources.iter().enumerate() {
            let failure = survey(record, source, &mut processes)?;
            failures.extend(failure.map(|error| source.fails(error)));
        }
        let origins = match_messages(&mut processes);
        let offsets = offsets(processes.len(), &delays(&processes, &origins));
        for (process, offset) in processes.iter_mut().zip(offsets) {
            process.offset = offset;
        }
        let nodes: BTreeSet<I> = processes.iter().map(|process| process.node).collect();
        let timeline = Timeline::new(Source::Record, &self.title, nodes);
        let timeline = match &self.command {
            Some(command) => timeline.with_command(command),
            None => timeline,
        };
        let mut merging = Merging::new(processes, origins, timeline, &self.deeds);
        let mut lanes = Vec::new();
        for (record, source) in self.sources.iter().enumerate() {
            lanes.push(Lane::open(record, source)?);
        }
        merging.run(&mut lanes, &self.sources, &mut watch);
        for failure in &failures {
            merging.timeline.note(merging.since_zero(merging.now), None, &failure.to_string());
        }
        Ok(merging.finish(&self.sources, failures))
    }
}

impl RecordSource {
    fn fails(&self, error: ReplayError) -> MergeError {
        MergeError { name: self.name.clone(), error }
    }

    fn replay<I: NodeId + Serialize + DeserializeOwned>(
        &self,
    ) -> Result<Replay<Box<dyn BufRead>, I>, MergeError> {
        (self.open)().map(Replay::new).map_err(|error| self.fails(ReplayError::Read(error)))
    }
}
