//! The trace of a run, to be read by a person.

use std::fmt::Write as _;

use quorate::{Answer, Body, Claim, Denial, Event, HardState, Input, Message, Order, Output, Phase};

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
        Input::Receive { from, message: content } => format!("<- {from} {}", message(content)),
        request => format!("request {request:?}"),
    }
}

pub(crate) fn output(output: &Output<u64>) -> String {
    match output {
        Output::Persist(state) => format!("persist {}", hard_state(state)),
        Output::Send { to, message: content } => format!("-> {to} {}", message(content)),
        Output::Event(Event::Elected { term }) => format!("** elected in {term}"),
        Output::Event(event) => format!("** {event:?}"),
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

/// A message on one line.
#[must_use]
pub fn message(message: &Message<u64>) -> String {
    let header = &message.header;
    let mut line = match &message.body {
        Body::VoteRequest(ask) => {
            let mut line = format!("{} of {}", phase(ask.phase, "pre-vote?", "vote?"), header.term);
            match ask.claim {
                Claim::Own => {}
                Claim::Renewal => line += " renewal",
                Claim::Inquiry => line += " inquiry",
                Claim::Handover { leader, term } => {
                    let _ = write!(line, " after {leader} in {term}");
                }
            }
            let _ = write!(
                line,
                " for {} at position {}.{}",
                ms(ask.promise),
                ask.position.term,
                ask.position.index
            );
            line
        }
        Body::VoteReply(reply) => {
            let kind = phase(reply.phase, "pre-vote:", "vote:");
            format!("{kind} of {} {} (own term {})", reply.request_term, answer(&reply.answer), header.term)
        }
        Body::Heartbeat(beat) => {
            let order = match beat.order {
                Order::Follow => "",
                Order::Prepare => " PREPARE",
                Order::Campaign => " CAMPAIGN",
            };
            let rank = beat.rank.map_or("-".into(), |rank| rank.to_string());
            format!("heartbeat of {} for {} rank {rank}{order}", header.term, ms(beat.promise))
        }
        Body::HeartbeatReply(reply) => {
            let ready = if reply.ready { " READY" } else { "" };
            format!(
                "follow: of {} {} (own term {}){ready}",
                reply.request_term,
                answer(&reply.answer),
                header.term
            )
        }
    };
    let _ = write!(line, " v{} #{}", header.version, header.round.0);
    line
}

fn phase(phase: Phase, pre: &'static str, real: &'static str) -> &'static str {
    match phase {
        Phase::Pre => pre,
        Phase::Real => real,
    }
}

fn answer(answer: &Answer<u64>) -> String {
    match answer {
        Answer::Granted(promise) => format!("granted {}", ms(*promise)),
        Answer::Denied(Denial::Bound { to, remaining }) => {
            let to = to.map_or("an unknown node".into(), |(id, term)| format!("{id} in {term}"));
            format!("denied, bound to {to} for {}", ms(*remaining))
        }
        Answer::Denied(denial) => format!("denied, {denial:?}"),
    }
}

fn ms(nanos: u64) -> String {
    format!("{:.1} ms", nanos as f64 / 1e6)
}
