//! What was seen in merged records, in words.

use std::fmt;
use std::format;
use std::prelude::rust_2024::*;

use super::line::Line;
use super::merge::{Merged, MergedProcess, MessageCounts, Seen};
use super::replay::Moment;
use crate::io::{Input, Output};
use crate::types::NodeId;

/// One line for each thing that a node took in or did: the time in seconds since the first start, the node, and what it was.
impl<I: NodeId> fmt::Display for Seen<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Lines { seen: self, is_first: true };
        match self.moment {
            Moment::Line { line, acted, .. } => {
                lines.line(f, line)?;
                for output in acted {
                    lines.output(f, output)?;
                }
                Ok(())
            }
            Moment::Ending { ending, .. } => lines.write(f, format_args!("{ending}")),
        }
    }
}

struct Lines<'a, I> {
    seen: &'a Seen<'a, I>,
    is_first: bool,
}

impl<I: NodeId> Lines<'_, I> {
    fn write(&mut self, f: &mut fmt::Formatter<'_>, what: fmt::Arguments<'_>) -> fmt::Result {
        let end = if core::mem::replace(&mut self.is_first, false) { "" } else { "\n" };
        write!(f, "{end}{:12.6} {} {what}", self.seen.at.as_secs_f64(), self.seen.start.name)
    }

    fn line(&mut self, f: &mut fmt::Formatter<'_>, line: &Line<I>) -> fmt::Result {
        match line {
            Line::Start(start) => {
                let (id, release, record) = (start.config.id, &start.release, self.seen.record);
                let state = words(&Output::Persist(start.state.clone()));
                let state = state.trim_start_matches("persist ");
                self.write(
                    f,
                    format_args!("starts as node {id:?} with {state} (release {release}, {record})"),
                )
            }
            Line::Step { input: Input::Receive { from, message }, .. } => {
                self.write(f, format_args!("<- {from:?}: {message}"))
            }
            Line::Step { input, .. } => self.write(f, format_args!("is told: {input:?}")),
            Line::Writing { .. } => self.write(f, format_args!("writes")),
            Line::Durable { .. } => self.write(f, format_args!("has written")),
            Line::Withdrawn { .. } => self.write(f, format_args!("has stopped all work of the leader")),
            Line::End { why, .. } => self.write(f, format_args!("ends: {why}")),
            Line::Tick { .. } | Line::Dropped { .. } | Line::Stopped { .. } => Ok(()),
        }
    }

    fn output(&mut self, f: &mut fmt::Formatter<'_>, output: &Output<I>) -> fmt::Result {
        match output {
            Output::Send { to, message } => self.write(f, format_args!("-> {to:?}: {message}")),
            Output::Event(event) => self.write(f, format_args!("** {event}")),
            output => self.write(f, format_args!("{}", words(output))),
        }
    }
}

impl<I> Merged<I> {
    /// What was merged, on a few lines: each process, by how much it was moved and where it ends; the messages; and what
    /// could not be replayed.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut lines: Vec<String> = self.processes.iter().map(ToString::to_string).collect();
        lines.push(self.messages.to_string());
        match self.failures.as_slice() {
            [] => lines.push("no differences".into()),
            failures => lines.extend(failures.iter().map(ToString::to_string)),
        }
        lines.join("\n")
    }
}

impl fmt::Display for MergedProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MergedProcess { record, line, node, release, lines, moved, drifted, ending } = self;
        write!(f, "{record}, line {line}: node {node}, release {release}, {lines} lines")?;
        if *moved != 0 {
            write!(f, ", moved by {} s", Seconds(*moved))?;
        }
        if *drifted != 0 {
            write!(f, ", and by {} s more as time went on", Seconds(*drifted))?;
        }
        ending.map_or(Ok(()), |ending| write!(f, "; {ending}"))
    }
}

impl fmt::Display for MessageCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MessageCounts { sent, arrived, doubled, late, lost, unmatched } = self;
        write!(
            f,
            "{sent} messages: {arrived} arrived, {late} of them late; {doubled} more copies arrived; {lost} were lost; {unmatched} arrived \
             that no record says were sent"
        )
    }
}

/// Nanoseconds, with their sign, in seconds.
struct Seconds(i64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        let micros = self.0.unsigned_abs() / 1_000;
        write!(f, "{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

/// An output on one line.
pub(super) fn words<I: NodeId>(output: &Output<I>) -> String {
    match output {
        Output::Persist(state) => {
            let (term, version) = (state.term, state.membership.version());
            match state.voted_for {
                Some(vote) => format!("persist term {term}, vote for {vote:?}, membership {version}"),
                None => format!("persist term {term}, no vote, membership {version}"),
            }
        }
        Output::Send { to, message } => format!("to {to:?}: {message}"),
        Output::Event(event) => format!("event: {event}"),
        Output::Rejected(rejection) => format!("rejected: {rejection}"),
    }
}
