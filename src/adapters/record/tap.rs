//! What a host tells its recorder.

use std::format;
use std::io;
use std::prelude::rust_2024::*;

use serde::Serialize;

use super::line::{FORMAT, Line, Start};
use super::record_end::RecorderError;
use super::recorder::{Recorder, Stream};
use crate::adapters::id_type::id_type;
use crate::adapters::wall_clock::wall_clock;
use crate::config::Config;
use crate::hard_state::HardState;
use crate::io::{Input, Output};
use crate::reconfig::CAN_RECONFIGURE;
use crate::types::{NodeId, Timestamp};

/// How the parts of lines become JSON, for hosts that do not know whether ids can be serialised.
#[derive(Debug)]
struct Codec<I> {
    start: fn(Start<I>, &mut Vec<u8>) -> serde_json::Result<()>,
    input: fn(&Input<I>, &mut Vec<u8>) -> serde_json::Result<()>,
    outputs: fn(&[Output<I>], &mut Vec<u8>) -> serde_json::Result<()>,
    id_type: fn(&I) -> String,
}

impl<I> Clone for Codec<I> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I> Copy for Codec<I> {}

/// A recorder that was given to a host.
#[derive(Clone, Debug)]
pub(in crate::adapters) struct Attachment<I> {
    recorder: Recorder,
    codec: Codec<I>,
}

/// What a host knows of its node when it starts.
pub(in crate::adapters) struct Beginning<'a, I> {
    pub(in crate::adapters) config: &'a Config<I>,
    pub(in crate::adapters) state: &'a HardState<I>,
    /// The reading that the election was started with.
    pub(in crate::adapters) now: Timestamp,
    /// A reading of this moment.
    pub(in crate::adapters) reading: Timestamp,
    pub(in crate::adapters) seed: u64,
    pub(in crate::adapters) register: Option<I>,
}

/// Where a host's actions are recorded.
#[derive(Debug)]
pub(in crate::adapters) struct Tap<I> {
    stream: Stream,
    codec: Codec<I>,
    /// The line that is made.
    line: Vec<u8>,
    /// The reading at the last tick.
    now: Timestamp,
}

impl<I: NodeId + Serialize> Attachment<I> {
    pub(in crate::adapters) fn new(recorder: Recorder) -> Self {
        let codec = Codec {
            start: |start, line| serde_json::to_writer(line, &Line::Start(Box::new(start))),
            input: |input, line| serde_json::to_writer(line, input),
            outputs: |outputs, line| serde_json::to_writer(line, outputs),
            id_type: |id| id_type(id),
        };
        Attachment { recorder, codec }
    }
}

impl<I: NodeId> Attachment<I> {
    /// Begins the record of a node.
    pub(in crate::adapters) fn begin(&self, beginning: Beginning<'_, I>) -> Result<Tap<I>, RecorderError> {
        let Beginning { config, state, now, reading, seed, register } = beginning;
        let since = reading.saturating_duration_since(now);
        let wall = wall_clock().saturating_sub(since);
        let start = Start {
            format: FORMAT,
            release: env!("CARGO_PKG_VERSION").into(),
            name: self.recorder.name().map_or_else(|| format!("{:?}", config.id), Into::into),
            id_type: (self.codec.id_type)(&config.id),
            wall: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
            at: now,
            seed,
            reconfiguration: CAN_RECONFIGURE,
            register,
            config: *config,
            state: state.clone(),
        };
        let mut line = Vec::new();
        let written = (self.codec.start)(start, &mut line);
        written.map_err(|error| RecorderError::Unserializable(error.into()))?;
        line.push(b'\n');
        let stream = self.recorder.begin()?;
        stream.push(&line);
        Ok(Tap { stream, codec: self.codec, line: Vec::new(), now })
    }
}

impl<I> Tap<I> {
    /// The election was ticked.
    pub(in crate::adapters) fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// The election was ticked when something was due.
    pub(in crate::adapters) fn tick(&mut self, outputs: &[Output<I>]) {
        self.begin_line("{\"tick\":{\"at\":");
        self.end_line(outputs);
    }

    /// The election is about to be stepped.
    pub(in crate::adapters) fn input(&mut self, input: &Input<I>) {
        self.begin_line("{\"step\":{\"at\":");
        self.line.extend_from_slice(b",\"in\":");
        let written = (self.codec.input)(input, &mut self.line);
        self.check(written);
    }

    /// The election was stepped.
    pub(in crate::adapters) fn step(&mut self, outputs: &[Output<I>]) {
        self.end_line(outputs);
    }

    pub(in crate::adapters) fn writing(&mut self, now: Timestamp) {
        self.mark("writing", now);
    }

    pub(in crate::adapters) fn durable(&mut self, now: Timestamp) {
        self.mark("durable", now);
    }

    pub(in crate::adapters) fn withdrawn(&mut self, now: Timestamp) {
        self.mark("withdrawn", now);
    }

    /// The node has ended.
    pub(in crate::adapters) fn end(&mut self, now: Timestamp, why: &str, left: usize) {
        let (why, left) = (why.into(), left as u64);
        let end: Line<()> = Line::End { at: now, why, left };
        self.line.clear();
        let written = serde_json::to_writer(&mut self.line, &end);
        self.check(written);
        self.line.push(b'\n');
        self.stream.close(&self.line);
        self.line.clear();
    }

    fn mark(&mut self, what: &str, now: Timestamp) {
        let at = now.since_origin().as_nanos();
        self.stream.push(format!("{{\"{what}\":{{\"at\":{at}}}}}\n").as_bytes());
    }

    fn begin_line(&mut self, beginning: &str) {
        self.line.clear();
        self.line.extend_from_slice(beginning.as_bytes());
        let written = serde_json::to_writer(&mut self.line, &self.now);
        self.check(written);
    }

    fn end_line(&mut self, outputs: &[Output<I>]) {
        if !outputs.is_empty() {
            self.line.extend_from_slice(b",\"out\":");
            let written = (self.codec.outputs)(outputs, &mut self.line);
            self.check(written);
        }
        self.line.extend_from_slice(b"}}\n");
        self.stream.push(&self.line);
        self.line.clear();
    }

    fn check(&self, written: serde_json::Result<()>) {
        if let Err(error) = written {
            self.stream.fail(io::Error::other(error));
        }
    }
}

impl<I> Drop for Tap<I> {
    /// An input that was not dealt with is what made the node panic.
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.line.extend_from_slice(b"}}\n");
            self.stream.push(&self.line);
        }
    }
}
