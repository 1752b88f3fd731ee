//! One client: its request, the response, and the end.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::prelude::rust_2024::*;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::Answer;
use super::room::{Held, Source};
use crate::adapters::probes::request::{LONGEST_REQUEST, respond};

/// How long a client may take until its request is whole. A probe sends it at once.
const PATIENCE_FOR_REQUEST: Duration = Duration::from_secs(1);

/// How long a client may take for all of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much of what a client sends beyond its request is read, so that it reads the response before it learns that the
/// connection is closed.
const MOST_DISCARDED: usize = 64 * 1_024;

const CHUNK: usize = 1_024;

pub(super) struct Connection {
    stream: TcpStream,
    source: Source,
    accepted_at: Instant,
    stage: Stage,
}

enum Stage {
    Reading { request: Vec<u8> },
    Writing { response: Vec<u8>, written: usize },
    Draining { discarded: usize },
}

/// What a client made of a try to read or to write.
enum Progress {
    /// The next stage, or the same.
    Made(Stage),
    /// There is nothing to be done before the client does something.
    None(Stage),
    Ended,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, source: Source, now: Instant) -> Self {
        Connection { stream, source, accepted_at: now, stage: Stage::Reading { request: Vec::new() } }
    }

    /// When it ends at the latest, unless it comes to its next stage.
    pub(super) fn deadline(&self) -> Instant {
        let patience = if self.is_idle() { PATIENCE_FOR_REQUEST } else { PATIENCE };
        self.accepted_at.checked_add(patience).unwrap_or(self.accepted_at)
    }

    /// What decides whether it makes room for another one.
    pub(super) fn held(&self) -> Held {
        Held { source: self.source, is_idle: self.is_idle() }
    }

    /// Whether the request is not whole yet.
    fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Reading { .. })
    }

    /// What it waits for.
    pub(super) fn interest(&self) -> PollFd<'_> {
        let flags = match self.stage {
            Stage::Reading { .. } | Stage::Draining { .. } => PollFlags::IN,
            Stage::Writing { .. } => PollFlags::OUT,
        };
        PollFd::new(&self.stream, flags)
    }

    /// Does what can be done without waiting. Returns whether the connection goes on.
    pub(super) fn advance(&mut self, answer: &Answer, now: Instant) -> bool {
        if now >= self.deadline() {
            return false;
        }
        loop {
            let stage = std::mem::replace(&mut self.stage, Stage::Draining { discarded: 0 });
            match self.try_stage(stage, answer) {
                Progress::Made(stage) => self.stage = stage,
                Progress::None(stage) => {
                    self.stage = stage;
                    return true;
                }
                Progress::Ended => return false,
            }
        }
    }

    fn try_stage(&mut self, stage: Stage, answer: &Answer) -> Progress {
        match stage {
            Stage::Reading { request } => self.read(request, answer),
            Stage::Writing { response, written } => self.write(response, written),
            Stage::Draining { discarded } => self.drain(discarded),
        }
    }

    fn read(&mut self, mut request: Vec<u8>, answer: &Answer) -> Progress {
        let mut chunk = [0; CHUNK];
        let room = LONGEST_REQUEST.saturating_sub(request.len()).min(CHUNK);
        match self.stream.read(chunk.get_mut(..room).unwrap_or_default()) {
            Ok(0) => Progress::Ended,
            Ok(length) => {
                request.extend_from_slice(chunk.get(..length).unwrap_or_default());
                Progress::Made(match respond(&request, answer) {
                    Some(response) => Stage::Writing { response, written: 0 },
                    None => Stage::Reading { request },
                })
            }
            Err(error) => unless_broken(&error, Stage::Reading { request }),
        }
    }

    fn write(&mut self, response: Vec<u8>, written: usize) -> Progress {
        let left = response.get(written..).unwrap_or_default();
        if left.is_empty() {
            // The client sees the end of the response, and closes.
            let _closed_already = self.stream.shutdown(Shutdown::Write);
            return Progress::Made(Stage::Draining { discarded: 0 });
        }
        match self.stream.write(left) {
            Ok(0) => Progress::Ended,
            Ok(length) => {
                Progress::Made(Stage::Writing { response, written: written.saturating_add(length) })
            }
            Err(error) => unless_broken(&error, Stage::Writing { response, written }),
        }
    }

    fn drain(&mut self, discarded: usize) -> Progress {
        let mut chunk = [0; CHUNK];
        match self.stream.read(&mut chunk) {
            Ok(0) => Progress::Ended,
            Ok(_) if discarded >= MOST_DISCARDED => Progress::Ended,
            Ok(length) => Progress::Made(Stage::Draining { discarded: discarded.saturating_add(length) }),
            Err(error) => unless_broken(&error, Stage::Draining { discarded }),
        }
    }
}

fn unless_broken(error: &io::Error, stage: Stage) -> Progress {
    match error.kind() {
        ErrorKind::WouldBlock => Progress::None(stage),
        ErrorKind::Interrupted => Progress::Made(stage),
        _ => Progress::Ended,
    }
}
