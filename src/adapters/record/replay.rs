//! Does again what a record says, and compares.

use std::collections::VecDeque;
use std::fmt;
use std::format;
use std::io::{BufRead, Read};
use std::mem;
use std::prelude::rust_2024::*;

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::SeedableRng;
use serde::de::DeserializeOwned;

use super::difference::{Difference, ReplayError};
use super::first_line::{BEGINNING, LONGEST_LINE, is_cut_start, read_head};
use super::line::{Line, Start};
use super::seen::words;
use crate::adapters::id_type::id_type;
use crate::election::Election;
use crate::event::Event;
use crate::io::{Input, Output};
use crate::types::{NodeId, Timestamp};

/// Reads a record, and does again what it says with an [`Election`] of its own. An iterator over its [`Moment`]s, which ends
/// after an error.
///
/// ```
/// use quorate::adapters::record::{Line, Moment, Replay};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let record = concat!(
///     r#"{"start":{"format":1,"release":"0.1.0","name":"a","id_type":"u32","wall":1764383412000000000,"at":0,"seed":7,"#,
///     r#""reconfiguration":true,"config":{"id":1,"position":{"term":0,"index":0},"priority":1,"timing":{"#,
///     r#""promise":{"secs":0,"nanos":150000000},"promise_limit":{"secs":0,"nanos":450000000},"#,
///     r#""tuned_from":null,"heartbeat_interval":{"secs":0,"nanos":50000000},"#,
///     r#""retry_interval":{"secs":0,"nanos":20000000},"stagger":{"secs":0,"nanos":20000000},"#,
///     r#""takeover_delay":{"secs":1,"nanos":0},"clock_drift_ppm":1000,"clock_resolution":{"secs":0,"nanos":0}},"#,
///     r#""memory":"Durable"},"state":{"cluster":7,"life":1,"term":0,"voted_for":null,"#,
///     r#""promised":{"secs":0,"nanos":0},"membership":{"version":{"term":0,"number":0},"voters":[1],"learners":[],"#,
///     r#""quorum":1,"origin":"Listed"},"committed":true,"position_floor":{"term":0,"index":0},"blank":null}}}"#,
///     "\n",
///     r#"{"step":{"at":5000,"in":{"SetPriority":3}}}"#,
///     "\n",
/// );
/// let mut replay = Replay::<_, u32>::new(record.as_bytes());
/// while let Some(moment) = replay.next() {
///     if let Moment::Line { line: Line::Step { input, .. }, .. } = moment? {
///         println!("after {input:?}: {:?}", replay.election().map(|election| election.status()));
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Replay<R, I> {
    input: R,
    /// The number of the line that was read last.
    number: u64,
    /// A line that was read and not looked at.
    peeked: Option<Vec<u8>>,
    process: Option<Process<I>>,
    /// Whether the lines up to the next start are of no use.
    skips: bool,
    has_ended: bool,
}

/// The replay of one process.
#[derive(Debug)]
struct Process<I> {
    start: Start<I>,
    election: Election<I, SplitMix64>,
    /// The reading at the last tick.
    now: Timestamp,
    waiting: Waiting<I>,
}

/// The outputs that a host has not acted on.
#[derive(Debug)]
struct Waiting<I> {
    outputs: VecDeque<Output<I>>,
    wait: Wait,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wait {
    No,
    /// A state is to be written.
    ToWrite,
    Writing,
    /// All that acts by the lease is to stop.
    Withdrawing,
}

/// A line that was done again, or the end of what can be.
#[derive(Clone, Debug)]
pub enum Moment<I> {
    /// A line, whose outputs are those that the election has put out again.
    Line {
        /// The number of the line, from 1.
        number: u64,
        /// What it says.
        line: Line<I>,
        /// What the host acted on at that reading: what came out, unless it waits, and what waited before.
        acted: Vec<Output<I>>,
    },
    /// A process whose record says no more.
    Ending {
        /// The number of the last line.
        number: u64,
        /// Why not.
        ending: Ending,
    },
}

/// Why the record of a process says no more, though it does not say that the process ended.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Ending {
    /// The process was killed, or goes on: the lines end.
    Open,
    /// The last line is not whole: the process was killed, or the file was copied while it grew.
    Cut,
    /// So many lines are missing, because they could not be written in time. What follows cannot be replayed.
    Dropped(u64),
    /// The record became as long as it may be.
    Full,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Open => f.write_str("the lines end: the process was killed, or it goes on"),
            Ending::Cut => {
                f.write_str("the last line is cut: the process was killed, or the file was copied as it grew")
            }
            Ending::Dropped(lines) => {
                write!(
                    f,
                    "{lines} lines are missing, because they could not be written in time; what follows is left out"
                )
            }
            Ending::Full => f.write_str("the record has become as long as it may be"),
        }
    }
}

impl<R: BufRead, I: NodeId + DeserializeOwned + serde::Serialize> Iterator for Replay<R, I> {
    type Item = Result<Moment<I>, ReplayError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let moment = self.advance().transpose();
        if !matches!(moment, Some(Ok(_))) {
            self.has_ended = true;
        }
        moment
    }
}

impl<R, I> Replay<R, I> {
    /// A replay of nothing yet. What is read is read in small pieces, so a file is worth a `BufReader`.
    pub fn new(input: R) -> Self {
        Replay { input, number: 0, peeked: None, process: None, skips: false, has_ended: false }
    }

    /// The election as of the last moment; `None` before the first line.
    #[must_use]
    pub fn election(&self) -> Option<&Election<I, SplitMix64>> {
        self.process.as_ref().map(|process| &process.election)
    }

    /// The first line of the process that is replayed.
    #[must_use]
    pub fn start(&self) -> Option<&Start<I>> {
        self.process.as_ref().map(|process| &process.start)
    }
}

impl<R: BufRead, I: NodeId + DeserializeOwned + serde::Serialize> Replay<R, I> {
    fn advance(&mut self) -> Result<Option<Moment<I>>, ReplayError> {
        loop {
            let Some(text) = self.read_line()? else { return Ok(self.end()) };
            let is_start = text.starts_with(BEGINNING);
            if text == b"\n" || (self.skips && !is_start) {
                continue;
            }
            if is_start && self.process.is_some() && !self.skips {
                // The process before was killed. Its end comes first.
                self.unread(text);
                return Ok(self.end_process(Ending::Open));
            }
            return match self.parse(&text)? {
                Some(line) => self.replay(line).map(Some),
                None => Ok(self.end_process(Ending::Cut)),
            };
        }
    }

    fn unread(&mut self, text: Vec<u8>) {
        self.number = self.number.saturating_sub(1);
        self.peeked = Some(text);
    }

    /// The end of the lines, which are those of a process that has said nothing of its end.
    fn end(&mut self) -> Option<Moment<I>> {
        if self.skips || self.process.is_none() { None } else { self.end_process(Ending::Open) }
    }

    fn end_process(&mut self, ending: Ending) -> Option<Moment<I>> {
        self.skips = true;
        Some(Moment::Ending { number: self.number, ending })
    }

    /// The next line, with its end if it has one.
    fn read_line(&mut self) -> Result<Option<Vec<u8>>, ReplayError> {
        let text = match self.peeked.take() {
            Some(text) => text,
            None => {
                let mut text = Vec::new();
                let most = LONGEST_LINE.saturating_add(1);
                let read = self.input.by_ref().take(most).read_until(b'\n', &mut text);
                read.map_err(ReplayError::Read)?;
                text
            }
        };
        if text.is_empty() {
            return Ok(None);
        }
        self.number = self.number.saturating_add(1);
        if text.len() as u64 > LONGEST_LINE {
            return Err(ReplayError::TooLong { line: self.number });
        }
        Ok(Some(text))
    }

    /// What a line says; `None` if it is cut.
    fn parse(&mut self, text: &[u8]) -> Result<Option<Line<I>>, ReplayError> {
        let line = self.number;
        if self.process.is_none() || text.starts_with(BEGINNING) {
            match read_head(text, line) {
                Err(_) if is_cut_start(text) => return Ok(None),
                head => head?,
            };
        }
        let error = match serde_json::from_slice(text) {
            Ok(said) => return Ok(Some(said)),
            Err(error) => error,
        };
        if !text.ends_with(b"\n") {
            return Ok(None);
        }
        // A process that was killed leaves a line that the next one ends.
        let next = self.read_line()?;
        let is_cut = next.as_ref().is_some_and(|next| next.starts_with(BEGINNING));
        if let Some(next) = next {
            self.unread(next);
        }
        if is_cut { Ok(None) } else { Err(ReplayError::Nonsense { line, why: error.to_string() }) }
    }

    /// Does again what a line says.
    fn replay(&mut self, line: Line<I>) -> Result<Moment<I>, ReplayError> {
        let number = self.number;
        let nonsense = |why: &str| ReplayError::Nonsense { line: number, why: why.into() };
        if let Line::Start(start) = &line {
            self.process = Some(Process::new((**start).clone(), number)?);
            self.skips = false;
            return Ok(Moment::Line { number, line, acted: Vec::new() });
        }
        let Some(process) = &mut self.process else { return Err(ReplayError::NotARecord { line: number }) };
        if line.at().is_some_and(|at| at < process.now) {
            return Err(nonsense("the clock runs backwards"));
        }
        match &line {
            Line::Start(_) => {}
            Line::Tick { at, out } => process.replay(number, *at, true, None, out)?,
            Line::Step { at, input, out } => {
                process.replay(number, *at, *at > process.now, Some(input.clone()), out)?;
            }
            Line::Writing { .. } => process.waiting.pass(Wait::ToWrite, Wait::Writing).map_err(nonsense)?,
            Line::Durable { .. } => process.waiting.pass(Wait::Writing, Wait::No).map_err(nonsense)?,
            Line::Withdrawn { .. } => process.waiting.pass(Wait::Withdrawing, Wait::No).map_err(nonsense)?,
            Line::End { .. } => self.skips = true,
            Line::Dropped { lines } => {
                self.skips = true;
                return Ok(Moment::Ending { number, ending: Ending::Dropped(*lines) });
            }
            Line::Stopped { .. } => {
                self.skips = true;
                return Ok(Moment::Ending { number, ending: Ending::Full });
            }
        }
        let acted = self.process.as_mut().map(|process| process.waiting.act()).unwrap_or_default();
        Ok(Moment::Line { number, line, acted })
    }
}

impl<I: NodeId + serde::Serialize> Process<I> {
    fn new(start: Start<I>, line: u64) -> Result<Self, ReplayError> {
        let expected = id_type(&start.config.id);
        if start.id_type != expected {
            return Err(ReplayError::OtherIdType { found: start.id_type, expected });
        }
        if start.reconfiguration != crate::reconfig::CAN_RECONFIGURE {
            return Err(ReplayError::OtherFeatures { line, feature: "reconfiguration" });
        }
        let rng = SplitMix64::seed_from_u64(start.seed);
        let election = Election::new(start.config, start.state.clone(), start.at, rng);
        #[cfg_attr(not(feature = "register"), allow(unused_mut, reason = "there is no register to tell of"))]
        let mut election = election.map_err(|source| ReplayError::Config { line, source })?;
        if start.register.is_some() {
            #[cfg(feature = "register")]
            election.expect_register_voter();
            #[cfg(not(feature = "register"))]
            return Err(ReplayError::OtherFeatures { line, feature: "register" });
        }
        let (now, waiting) = (start.at, Waiting { outputs: VecDeque::new(), wait: Wait::No });
        Ok(Process { start, election, now, waiting })
    }

    /// Ticks, if the record does, and steps. What comes out has to be what the record says.
    fn replay(
        &mut self,
        line: u64,
        at: Timestamp,
        ticks: bool,
        input: Option<Input<I>>,
        recorded: &[Output<I>],
    ) -> Result<(), ReplayError> {
        let mut outputs = Vec::new();
        if ticks {
            self.election.tick_into(at, &mut outputs);
            self.now = at;
        }
        if let Some(input) = input {
            self.election.step_into(input, &mut outputs);
        }
        self.compare(line, recorded, &outputs)?;
        self.waiting.outputs.extend(outputs);
        Ok(())
    }

    fn compare(&self, line: u64, recorded: &[Output<I>], replayed: &[Output<I>]) -> Result<(), ReplayError> {
        if recorded == replayed {
            return Ok(());
        }
        let both = recorded.iter().zip(replayed);
        let output = both.take_while(|(recorded, replayed)| recorded == replayed).count();
        let release = &self.start.release;
        // Two that differ in what is not worth a word otherwise are shown whole.
        let look_alike = match (recorded.get(output), replayed.get(output)) {
            (Some(recorded), Some(replayed)) => words(recorded) == words(replayed),
            _ => false,
        };
        let show = |output: &Output<I>| if look_alike { format!("{output:?}") } else { words(output) };
        Err(ReplayError::Differs(Box::new(Difference {
            line,
            node: self.start.name.clone(),
            after: self.now.saturating_duration_since(self.start.at),
            output,
            recorded: recorded.get(output).map(show),
            replayed: replayed.get(output).map(show),
            release: Some(release).filter(|&release| release != env!("CARGO_PKG_VERSION")).cloned(),
        })))
    }
}

impl<I> Waiting<I> {
    /// The host no longer waits in one way, but in another or not at all.
    fn pass(&mut self, from: Wait, to: Wait) -> Result<(), &'static str> {
        if mem::replace(&mut self.wait, to) == from {
            return Ok(());
        }
        Err(match from {
            Wait::ToWrite => "there is no state to write",
            Wait::Writing => "no state was being written",
            Wait::Withdrawing | Wait::No => "no lease was being withdrawn",
        })
    }

    /// Takes the outputs that are acted on now.
    fn act(&mut self) -> Vec<Output<I>> {
        let mut acted = Vec::new();
        while self.wait == Wait::No
            && let Some(output) = self.outputs.pop_front()
        {
            self.wait = match output {
                Output::Persist(_) => Wait::ToWrite,
                Output::Event(Event::SteppedDown { .. }) => Wait::Withdrawing,
                Output::Send { .. } | Output::Event(_) | Output::Rejected(_) => Wait::No,
            };
            acted.push(output);
        }
        acted
    }
}
