//! The trace of a run, to be read by a person.

use quorate::{HardState, Input, Output};

use crate::clock::{Instant, SECOND};

/// The lines of a trace, if it is kept.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(kept: bool) -> Self {
        Trace { lines: kept.then(Vec::new) }
    }

    pub(crate) fn log(&mut self, now: Instant, text: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            let (whole, rest) = (now / SECOND, now % SECOND);
            lines.push(format!("{whole:>5}.{rest:09} {}", text()));
        }
    }

    /// All lines so far; none if the trace is not kept.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }

    /// The last `count` lines.
    #[must_use]
    pub fn tail(&self, count: usize) -> String {
        let lines = self.lines();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }
}

pub(crate) fn input(input: &Input<u64>) -> String {
    match input {
        Input::Receive { from, message } => format!("<- {from} {message}"),
        request => format!("request {request:?}"),
    }
}

pub(crate) fn output(output: &Output<u64>) -> String {
    match output {
        Output::Persist(state) => format!("persist {}", hard_state(state)),
        Output::Send { to, message } => format!("-> {to} {message}"),
        Output::Event(event) => format!("** {event}"),
        Output::Rejected(reason) => format!("rejected: {reason}"),
    }
}

pub(crate) fn hard_state(state: &HardState<u64>) -> String {
    let vote = state.voted_for.map_or("-".into(), |vote| vote.to_string());
    let (members, promised) = (&state.membership, state.promised);
    let (version, quorum) = (members.version(), members.quorum());
    let (voters, learners) = (members.voters(), members.learners());
    let lists = format!("{version} {voters:?} and {learners:?}, {quorum} elect");
    format!("term {} vote {vote} promised {promised:?} membership {lists}", state.term)
}
