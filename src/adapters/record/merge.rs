//! Brings the records of the nodes of a group together on one line of time.

use std::boxed::Box;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::fmt;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::prelude::rust_2024::*;

use core::cmp::Reverse;
use core::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::align::{Delays, offsets};
use super::line::{Line, Start};
use super::replay::{Ending, Moment, Replay, ReplayError};
use super::timeline::{MessageNumber, Source, Timeline};
use crate::io::{Input, Output};
use crate::message::Message;
use crate::types::{NodeId, Timestamp};

/// The records of the nodes of a group, to be merged.
///
/// Each process has its own clock, and the wall clock of its machine. They are moved until no message arrives before it was
/// sent, and then all that the processes did is told in one order.
///
/// ```no_run
/// use quorate::adapters::record::Records;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let records = Records::new("Last night").file("node-1.record").file("node-2.record").file("node-3.record");
/// let merged = records.merge::<u32>(|seen| println!("{seen}"))?;
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

/// What is known of a process before the records are merged.
struct Process<I> {
    record: usize,
    line: u64,
    node: I,
    name: String,
    release: String,
    lines: u64,
    /// What the wall clock showed, in nanoseconds since 1970, when the clock showed `at`.
    wall: i64,
    at: Timestamp,
    last: Timestamp,
    promise: Duration,
    /// What was sent when, by its wall clock, and what arrived.
    sent: Vec<(u64, i64)>,
    arrived: Vec<(u64, i64)>,
    ending: Option<Ending>,
    offset: i64,
    /// By how much it was moved since.
    shift: i64,
    /// The number of its first message among all.
    first_message: usize,
    first_arrival: usize,
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

/// What makes a message the same as another one.
fn key<I: NodeId>(from: I, to: I, message: &Message<I>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (from, to, message).hash(&mut hasher);
    hasher.finish()
}

/// Replays a record, and adds what is to be known of its processes. Returns why it cannot be replayed to its end, if it
/// cannot.
fn survey<I: NodeId + Serialize + DeserializeOwned>(
    record: usize,
    source: &RecordSource,
    processes: &mut Vec<Process<I>>,
) -> Result<Option<ReplayError>, MergeError> {
    let before = processes.len();
    for moment in source.replay::<I>()? {
        let moment = match moment {
            Ok(moment) => moment,
            // What begins like no record of such nodes is a mistake of the caller.
            Err(error) if processes.len() == before => return Err(source.fails(error)),
            Err(error) => return Ok(Some(error)),
        };
        match moment {
            Moment::Line { line: Line::Start(start), number, .. } => {
                processes.push(Process::new(record, number, &start));
            }
            Moment::Line { line, acted, .. } => {
                if let Some(process) = processes.last_mut() {
                    process.survey(&line, &acted);
                }
            }
            Moment::Ending { ending, .. } => {
                if let Some(process) = processes.get_mut(before..).and_then(<[_]>::last_mut) {
                    process.ending = Some(ending);
                }
            }
        }
    }
    if processes.len() == before { Err(source.fails(ReplayError::Empty)) } else { Ok(None) }
}

impl<I: NodeId> Process<I> {
    fn new(record: usize, line: u64, start: &Start<I>) -> Self {
        Process {
            record,
            line,
            node: start.config.id,
            name: start.name.clone(),
            release: start.release.clone(),
            lines: 1,
            wall: nanos(Duration::from_nanos(start.wall)),
            at: start.at,
            last: start.at,
            promise: start.config.timing.promise,
            sent: Vec::new(),
            arrived: Vec::new(),
            ending: None,
            offset: 0,
            shift: 0,
            first_message: 0,
            first_arrival: 0,
        }
    }

    fn survey(&mut self, line: &Line<I>, acted: &[Output<I>]) {
        self.lines = self.lines.saturating_add(1);
        self.last = line.at().unwrap_or(self.last);
        let now = self.wall_at(self.last);
        if let Line::Step { input: Input::Receive { from, message }, .. } = line {
            self.arrived.push((key(*from, self.node, message), now));
        }
        for output in acted {
            if let Output::Send { to, message } = output {
                self.sent.push((key(self.node, *to, message), now));
            }
        }
    }

    /// What its wall clock showed at a reading.
    fn wall_at(&self, reading: Timestamp) -> i64 {
        self.wall.saturating_add(nanos(reading.saturating_duration_since(self.at)))
    }

    /// The time of a reading on the line of time of all.
    fn time(&self, reading: Timestamp) -> i64 {
        self.wall_at(reading).saturating_add(self.offset).saturating_add(self.shift)
    }
}

fn nanos(length: Duration) -> i64 {
    i64::try_from(length.as_nanos()).unwrap_or(i64::MAX)
}

/// Finds the message of each arrival, and numbers both. The copies of a message that was sent more than once arrive in the
/// order in which they were sent, and those that the network doubles are copies of the last.
fn match_messages<I>(processes: &mut [Process<I>]) -> Vec<Option<usize>> {
    let mut messages: HashMap<u64, (Vec<usize>, usize)> = HashMap::new();
    let mut count = 0_usize;
    for process in processes.iter_mut() {
        process.first_message = count;
        for &(key, _) in &process.sent {
            messages.entry(key).or_default().0.push(count);
            count = count.saturating_add(1);
        }
    }
    let mut origins = Vec::new();
    for process in processes.iter_mut() {
        process.first_arrival = origins.len();
        for (key, _) in &process.arrived {
            origins.push(messages.get_mut(key).and_then(|(sent, next)| {
                let origin = sent.get(*next).or(sent.last()).copied();
                *next = next.saturating_add(1);
                origin
            }));
        }
    }
    origins
}

/// The shortest time that each process took to hear of another one; and to follow the one before it in its record.
fn delays<I: NodeId>(processes: &[Process<I>], origins: &[Option<usize>]) -> Delays {
    let mut delays = Delays::new();
    let mut shorten = |pair, delay: i64| {
        let shortest = delays.entry(pair).or_insert(delay);
        *shortest = delay.min(*shortest);
    };
    let sender_of = |message: usize| {
        let after = processes.partition_point(|process| process.first_message <= message);
        let sender = after.checked_sub(1)?;
        let process = processes.get(sender)?;
        let (_, sent) = process.sent.get(message.checked_sub(process.first_message)?)?;
        Some((sender, *sent))
    };
    for (receiver, process) in processes.iter().enumerate() {
        for (place, (_, arrived)) in process.arrived.iter().enumerate() {
            let origin = origins.get(process.first_arrival.saturating_add(place)).copied().flatten();
            if let Some((sender, sent)) = origin.and_then(sender_of)
                && sender != receiver
            {
                shorten((sender, receiver), arrived.saturating_sub(sent));
            }
        }
    }
    for (before, (process, next)) in processes.iter().zip(processes.iter().skip(1)).enumerate() {
        if process.record == next.record {
            shorten(
                (before, before.saturating_add(1)),
                next.wall.saturating_sub(process.wall_at(process.last)),
            );
        }
    }
    delays
}

/// The replay of a record, whose next moment waits for its turn.
struct Lane<I> {
    record: usize,
    replay: Replay<Box<dyn BufRead>, I>,
    next: Option<Moment<I>>,
    /// The process of the next moment.
    process: Option<usize>,
    /// How many messages of the process were sent and have arrived.
    sent: usize,
    arrived: usize,
    /// When the last moment was.
    last: i64,
}

impl<I: NodeId + Serialize + DeserializeOwned> Lane<I> {
    fn open(record: usize, source: &RecordSource) -> Result<Self, MergeError> {
        let replay = source.replay()?;
        Ok(Lane { record, replay, next: None, process: None, sent: 0, arrived: 0, last: i64::MIN })
    }

    /// Replays the next moment, of the process that it finds among all.
    fn advance(&mut self, processes: &[Process<I>]) {
        // What is wrong with it is known since the records were surveyed.
        self.next = self.replay.next().and_then(Result::ok);
        if let Some(Moment::Line { line: Line::Start(_), number, .. }) = &self.next {
            let is_it = |process: &Process<I>| process.record == self.record && process.line == *number;
            self.process = processes.iter().position(is_it);
            (self.sent, self.arrived) = (0, 0);
        }
    }
}

/// What is known of a message that was sent.
#[derive(Clone, Copy)]
struct Sent {
    number: MessageNumber,
    at: i64,
    has_arrived: bool,
    promise: Duration,
}

struct Merging<'a, I> {
    processes: Vec<Process<I>>,
    /// Of each arrival, the message that arrived.
    origins: Vec<Option<usize>>,
    /// Of each message, how often it will arrive yet.
    awaited: Vec<u32>,
    sent: Vec<Option<Sent>>,
    timeline: Timeline<I>,
    deeds: Vec<&'a (i64, Deed<I>)>,
    next_deed: usize,
    /// Messages that get lost, and when.
    losses: BinaryHeap<Reverse<(i64, MessageNumber)>>,
    /// When each process of a node was up, and whether it may have run on.
    known: BTreeMap<I, Vec<(i64, i64, bool)>>,
    counts: MessageCounts,
    zero: i64,
    now: i64,
}

impl<'a, I: NodeId + Serialize + DeserializeOwned> Merging<'a, I> {
    fn new(
        processes: Vec<Process<I>>,
        origins: Vec<Option<usize>>,
        timeline: Timeline<I>,
        deeds: &'a [(i64, Deed<I>)],
    ) -> Self {
        let zero = processes.iter().map(|process| process.time(process.at)).min().unwrap_or(0);
        let count = processes.iter().map(|process| process.sent.len()).sum();
        let mut awaited = vec![0_u32; count];
        for &origin in origins.iter().flatten() {
            if let Some(awaited) = awaited.get_mut(origin) {
                *awaited = awaited.saturating_add(1);
            }
        }
        let mut known = BTreeMap::<I, Vec<(i64, i64, bool)>>::new();
        for process in &processes {
            let runs_on = matches!(process.ending, Some(Ending::Dropped(_) | Ending::Full));
            let span = (process.time(process.at), process.time(process.last), runs_on);
            known.entry(process.node).or_default().push(span);
        }
        known.values_mut().for_each(|spans| spans.sort_unstable());
        let mut deeds: Vec<_> = deeds.iter().collect();
        deeds.sort_by_key(|(at, _)| *at);
        Merging {
            processes,
            origins,
            awaited,
            sent: vec![None; count],
            timeline,
            deeds,
            next_deed: 0,
            losses: BinaryHeap::new(),
            known,
            counts: MessageCounts::default(),
            zero,
            now: zero,
        }
    }

    /// Takes the moments of all records, each when those that it follows from were taken, and the earliest first.
    fn run(&mut self, lanes: &mut [Lane<I>], sources: &[RecordSource], watch: &mut impl FnMut(&Seen<'_, I>)) {
        for lane in lanes.iter_mut() {
            lane.advance(&self.processes);
        }
        loop {
            let dues = lanes.iter().enumerate().filter_map(|(place, lane)| {
                let due = self.due(lane)?;
                // If all wait for each other, the records cannot be of one run. Then the earliest goes on.
                Some((!self.has_cause(lane), due.max(lane.last), due, place))
            });
            let Some((_, _, due, place)) = dues.min() else { break };
            let Some(lane) = lanes.get_mut(place) else { break };
            let Some(moment) = lane.next.take() else { break };
            let source = sources.get(lane.record).map_or("", |source| source.name.as_str());
            self.take(lane, &moment, due, source, watch);
            lane.advance(&self.processes);
        }
        self.pass(i64::MAX);
    }

    /// When the next moment of a record is due, by its clock.
    fn due(&self, lane: &Lane<I>) -> Option<i64> {
        let process = self.processes.get(lane.process?)?;
        match lane.next.as_ref()? {
            Moment::Line { line, .. } => Some(line.at().map_or(lane.last, |at| process.time(at))),
            Moment::Ending { ending: Ending::Open | Ending::Cut, .. } => {
                Some(self.killed_at(process, lane.last).unwrap_or(lane.last))
            }
            Moment::Ending { .. } => Some(lane.last),
        }
    }

    /// When a process was killed after that time, and before the next one of its node.
    fn killed_at(&self, process: &Process<I>, after: i64) -> Option<i64> {
        let spans = self.known.get(&process.node)?;
        let next = spans.iter().map(|&(start, ..)| start).find(|&start| start > after).unwrap_or(i64::MAX);
        let is_it = |deed: &&&(i64, Deed<I>)| deed.1 == Deed::Killed(process.node) && deed.0 >= after;
        self.deeds.iter().find(is_it).map(|deed| deed.0).filter(|&at| at < next)
    }

    /// Whether all that the next moment of a record follows from was taken.
    fn has_cause(&self, lane: &Lane<I>) -> bool {
        self.origin(lane).is_none_or(|origin| self.sent.get(origin).is_none_or(Option::is_some))
    }

    /// The message that arrives in the next moment of a record, if one does that was recorded.
    fn origin(&self, lane: &Lane<I>) -> Option<usize> {
        let Moment::Line { line: Line::Step { input: Input::Receive { .. }, .. }, .. } =
            lane.next.as_ref()?
        else {
            return None;
        };
        let process = self.processes.get(lane.process?)?;
        self.origins.get(process.first_arrival.saturating_add(lane.arrived)).copied().flatten()
    }

    fn take(
        &mut self,
        lane: &mut Lane<I>,
        moment: &Moment<I>,
        due: i64,
        record: &str,
        watch: &mut impl FnMut(&Seen<'_, I>),
    ) {
        let Some(place) = lane.process else { return };
        let at = due.max(self.now);
        if let Some(process) = self.processes.get_mut(place)
            && moment_has_reading(moment)
        {
            process.shift = process.shift.saturating_add(at.saturating_sub(due));
        }
        self.pass(at);
        (self.now, lane.last) = (at, at);
        match moment {
            Moment::Line { line, acted, .. } => self.take_line(lane, place, line, acted, at),
            Moment::Ending { ending, .. } => {
                let node = self.processes.get(place).map(|process| process.node);
                let at = self.since_zero(at);
                if let Some(node) = node {
                    if !matches!(ending, Ending::Open | Ending::Cut) {
                        self.timeline.note(at, Some(node), &format!("its record ends: {ending}"));
                    }
                    self.timeline.end(at, node);
                }
            }
        }
        if let Some(start) = lane.replay.start() {
            watch(&Seen { at: self.since_zero(at), record, start, moment });
        }
    }

    fn take_line(&mut self, lane: &mut Lane<I>, place: usize, line: &Line<I>, acted: &[Output<I>], now: i64) {
        let (at, zero) = (self.since_zero(now), self.zero);
        let Some(process) = self.processes.get(place) else { return };
        let (node, promise) = (process.node, process.promise);
        let (base, first) = (process.time(process.at), process.at);
        // An instant of the past, too, is one of this clock.
        let to_true_time = |reading: Timestamp| {
            let since = nanos(reading.saturating_duration_since(first));
            let until = nanos(first.saturating_duration_since(reading));
            length(base.saturating_add(since).saturating_sub(until).saturating_sub(zero))
        };
        let Some(election) = lane.replay.election() else { return };
        match line {
            Line::Start(_) => self.timeline.start(at, election, to_true_time),
            Line::Tick { out, .. } => self.timeline.step(at, None, out, election, to_true_time),
            Line::Step { input, out, .. } => {
                if let Input::Receive { from, message } = input {
                    let arrival = self.processes.get(place).map(|process| process.first_arrival);
                    let arrival = arrival.unwrap_or_default().saturating_add(lane.arrived);
                    lane.arrived = lane.arrived.saturating_add(1);
                    self.receive(arrival, (*from, node), message, now);
                }
                self.timeline.step(at, Some(input), out, election, to_true_time);
            }
            Line::Writing { .. } => self.timeline.begin_write(at, node),
            Line::Durable { .. } => self.timeline.finish_write(at, node),
            Line::Withdrawn { .. } | Line::Dropped { .. } | Line::Stopped { .. } => {}
            Line::End { .. } => self.timeline.end(at, node),
        }
        for output in acted {
            let Output::Send { to, message } = output else { continue };
            let first = self.processes.get(place).map(|process| process.first_message);
            let sent = first.unwrap_or_default().saturating_add(lane.sent);
            lane.sent = lane.sent.saturating_add(1);
            self.send(sent, (node, *to), message, promise, now);
        }
    }

    fn send(&mut self, place: usize, (from, to): (I, I), message: &Message<I>, promise: Duration, now: i64) {
        let number = self.timeline.send(self.since_zero(now), from, to, message);
        self.counts.sent = self.counts.sent.saturating_add(1);
        if let Some(sent) = self.sent.get_mut(place) {
            *sent = Some(Sent { number, at: now, has_arrived: false, promise });
        }
        if self.awaited.get(place) == Some(&0) && self.would_have_arrived(to, now) {
            self.counts.lost = self.counts.lost.saturating_add(1);
            self.losses.push(Reverse((now.saturating_add(LOSS), number)));
        }
    }

    /// Whether the record of a node would say that a message has arrived that was sent at `now`.
    fn would_have_arrived(&self, node: I, now: i64) -> bool {
        let Some(spans) = self.known.get(&node) else { return false };
        let began = spans.partition_point(|&(start, ..)| start <= now);
        let is_up_later = began < spans.len();
        match began.checked_sub(1).and_then(|before| spans.get(before)) {
            None => is_up_later,
            Some(&(_, end, runs_on)) => now < end || (is_up_later && !runs_on),
        }
    }

    fn receive(&mut self, arrival: usize, (from, to): (I, I), message: &Message<I>, now: i64) {
        let at = self.since_zero(now);
        let origin = self.origins.get(arrival).copied().flatten();
        let sent = origin.and_then(|origin| self.sent.get_mut(origin)).and_then(Option::as_mut);
        let counts = &mut self.counts;
        let number = match sent {
            Some(sent) => {
                let count = if core::mem::replace(&mut sent.has_arrived, true) {
                    &mut counts.doubled
                } else {
                    &mut counts.arrived
                };
                *count = count.saturating_add(1);
                let is_late = now.saturating_sub(sent.at) > nanos(sent.promise);
                counts.late = counts.late.saturating_add(is_late.into());
                sent.number
            }
            None => {
                counts.unmatched = counts.unmatched.saturating_add(1);
                self.timeline.send(at, from, to, message)
            }
        };
        self.timeline.receive(at, number);
    }

    /// Time passes up to `until`: what gets lost until then is lost, and what was done from outside is done.
    fn pass(&mut self, until: i64) {
        loop {
            let loss = self.losses.peek().map(|Reverse((at, _))| *at).filter(|&at| at <= until);
            let deed = self.deeds.get(self.next_deed).map(|deed| deed.0).filter(|&at| at <= until);
            match (loss, deed) {
                (Some(loss), deed) if deed.is_none_or(|deed| loss <= deed) => {
                    if let Some(Reverse((at, number))) = self.losses.pop() {
                        self.timeline.lose(self.since_zero(at), number);
                    }
                }
                (_, Some(_)) => self.do_next_deed(),
                (_, None) => break,
            }
        }
    }

    fn do_next_deed(&mut self) {
        let Some((at, deed)) = self.deeds.get(self.next_deed).copied() else { return };
        self.next_deed = self.next_deed.saturating_add(1);
        let at = self.since_zero((*at).max(self.now));
        match deed {
            Deed::Killed(node) => self.timeline.note(at, Some(*node), "its process is killed"),
            Deed::Frozen(node) => self.timeline.freeze(at, *node),
            Deed::Thawed(node) => self.timeline.thaw(at, *node),
            Deed::Other(text) => self.timeline.note(at, None, text),
        }
    }

    fn since_zero(&self, at: i64) -> Duration {
        length(at.saturating_sub(self.zero))
    }

    fn finish(self, sources: &[RecordSource], failures: Vec<MergeError>) -> Merged<I> {
        let Merging { processes, timeline, counts, .. } = self;
        let processes = processes.into_iter().map(|process| MergedProcess {
            record: sources.get(process.record).map(|source| source.name.clone()).unwrap_or_default(),
            line: process.line,
            node: process.name,
            release: process.release,
            lines: process.lines,
            moved: process.offset,
            drifted: process.shift,
            ending: process.ending,
        });
        Merged { timeline, processes: processes.collect(), messages: counts, failures }
    }
}

/// For how long a message that gets lost is drawn on its way.
const LOSS: i64 = 500_000;

fn moment_has_reading<I>(moment: &Moment<I>) -> bool {
    matches!(moment, Moment::Line { line, .. } if line.at().is_some())
}

fn length(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}
