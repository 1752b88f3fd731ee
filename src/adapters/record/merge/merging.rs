//! Replays all records at once, in the order in which things happened.

use std::boxed::Box;
use std::collections::{BTreeMap, BinaryHeap};
use std::io::BufRead;
use std::prelude::rust_2024::*;
use std::{format, vec};

use core::cmp::Reverse;
use core::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::survey::{Process, nanos};
use super::{Deed, MergeError, Merged, MergedProcess, MessageCounts, RecordSource, Seen};
use crate::adapters::record::line::Line;
use crate::adapters::record::replay::{Ending, Moment, Replay};
use crate::adapters::record::timeline::{MessageNumber, Timeline};
use crate::io::{Input, Output};
use crate::message::Message;
use crate::types::{NodeId, Timestamp};

/// The replay of a record, whose next moment waits for its turn.
pub(super) struct Lane<I> {
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
    pub(super) fn open(record: usize, source: &RecordSource) -> Result<Self, MergeError> {
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

pub(super) struct Merging<'a, I> {
    processes: Vec<Process<I>>,
    /// Of each arrival, the message that arrived.
    origins: Vec<Option<usize>>,
    /// Of each message, how often it will arrive yet.
    awaited: Vec<u32>,
    sent: Vec<Option<Sent>>,
    pub(super) timeline: Timeline<I>,
    deeds: Vec<&'a (i64, Deed<I>)>,
    next_deed: usize,
    /// Messages that get lost, and when.
    losses: BinaryHeap<Reverse<(i64, MessageNumber)>>,
    /// When each process of a node was up, and whether it may have run on.
    known: BTreeMap<I, Vec<(i64, i64, bool)>>,
    counts: MessageCounts,
    zero: i64,
    pub(super) now: i64,
}

impl<'a, I: NodeId + Serialize + DeserializeOwned> Merging<'a, I> {
    pub(super) fn new(
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
    pub(super) fn run(
        &mut self,
        lanes: &mut [Lane<I>],
        sources: &[RecordSource],
        watch: &mut impl FnMut(&Seen<'_, I>),
    ) {
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

    pub(super) fn since_zero(&self, at: i64) -> Duration {
        length(at.saturating_sub(self.zero))
    }

    pub(super) fn finish(self, sources: &[RecordSource], failures: Vec<MergeError>) -> Merged<I> {
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
