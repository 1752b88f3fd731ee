//! What is to be known of all records before they are merged.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::prelude::rust_2024::*;

use core::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{MergeError, RecordSource};
use crate::adapters::record::align::Delays;
use crate::adapters::record::difference::ReplayError;
use crate::adapters::record::line::{Line, Start};
use crate::adapters::record::replay::{Ending, Moment};
use crate::io::{Input, Output};
use crate::message::Message;
use crate::types::{NodeId, Timestamp};

/// What is known of a process before the records are merged.
pub(super) struct Process<I> {
    pub(super) record: usize,
    pub(super) line: u64,
    pub(super) node: I,
    pub(super) name: String,
    pub(super) release: String,
    pub(super) lines: u64,
    /// What the wall clock showed, in nanoseconds since 1970, when the clock showed `at`.
    pub(super) wall: i64,
    pub(super) at: Timestamp,
    pub(super) last: Timestamp,
    pub(super) promise: Duration,
    /// What was sent when, by its wall clock, and what arrived.
    pub(super) sent: Vec<(u64, i64)>,
    pub(super) arrived: Vec<(u64, i64)>,
    pub(super) ending: Option<Ending>,
    pub(super) offset: i64,
    /// By how much it was moved since.
    pub(super) shift: i64,
    /// The number of its first message among all.
    pub(super) first_message: usize,
    pub(super) first_arrival: usize,
}

pub(super) fn nanos(length: Duration) -> i64 {
    i64::try_from(length.as_nanos()).unwrap_or(i64::MAX)
}

/// What makes a message the same as another one.
fn key<I: NodeId>(from: I, to: I, message: &Message<I>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (from, to, message).hash(&mut hasher);
    hasher.finish()
}

/// Replays a record, and adds what is to be known of its processes. Returns why it cannot be replayed to its end, if it
/// cannot.
pub(super) fn survey<I: NodeId + Serialize + DeserializeOwned>(
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
    pub(super) fn wall_at(&self, reading: Timestamp) -> i64 {
        self.wall.saturating_add(nanos(reading.saturating_duration_since(self.at)))
    }

    /// The time of a reading on the line of time of all.
    pub(super) fn time(&self, reading: Timestamp) -> i64 {
        self.wall_at(reading).saturating_add(self.offset).saturating_add(self.shift)
    }
}

/// Finds the message of each arrival, and numbers both. The copies of a message that was sent more than once arrive in the
/// order in which they were sent, and those that the network doubles are copies of the last.
pub(super) fn match_messages<I>(processes: &mut [Process<I>]) -> Vec<Option<usize>> {
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
pub(super) fn delays<I: NodeId>(processes: &[Process<I>], origins: &[Option<usize>]) -> Delays {
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
