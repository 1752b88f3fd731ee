//! The timeline of a run, to be drawn. Keeping one changes nothing of the run: it throws no dice and schedules nothing.

use std::time::Duration;

use quorate::adapters::record::{MessageNumber, Source, Timeline};
use quorate::{Input, Message, Output};

use crate::clock::SECOND;
use crate::cluster::Cluster;
use crate::net::Fate;
use crate::process::Process;

/// The timeline of a run with that title, in which nothing has happened yet.
pub(crate) fn of_a_run(title: &str) -> Timeline<u64> {
    Timeline::new(Source::Simulation, title, [])
}

/// The timeline that a cluster of `n` nodes keeps.
pub(crate) fn of_nodes(timeline: Option<&Timeline<u64>>, n: usize) -> Option<Timeline<u64>> {
    let mut timeline = timeline?.clone();
    timeline.list(1..=n as u64);
    Some(timeline)
}

impl Cluster {
    /// The timeline so far, if one is kept.
    #[must_use]
    pub fn timeline(&self) -> Option<&Timeline<u64>> {
        self.timeline.as_ref()
    }

    /// The timeline so far, if one is kept: to take chunks from it, or to add what is done to the cluster.
    pub fn timeline_mut(&mut self) -> Option<&mut Timeline<u64>> {
        let now = self.now();
        let timeline = self.timeline.as_mut()?;
        timeline.pass(now);
        Some(timeline)
    }

    /// Tells the timeline something, if one is kept.
    pub(crate) fn tell(&mut self, tell: impl FnOnce(&mut Timeline<u64>, Duration)) {
        let now = self.now();
        if let Some(timeline) = &mut self.timeline {
            tell(timeline, now);
        }
    }

    /// Something is done to `node`, or to all if there is none.
    pub(crate) fn note(&mut self, node: Option<u64>, text: impl FnOnce() -> String) {
        self.tell(|timeline, now| timeline.note(now, node, &text()));
    }

    /// A process of the node at index `node` has started.
    pub(crate) fn tell_start(&mut self, node: usize) {
        let now = self.now();
        let (Some(timeline), Some(process)) = (&mut self.timeline, &self.hosts[node].process) else { return };
        timeline.start(now, &process.election, to_true_time(process));
        timeline.set_clock_rate(now, node as u64 + 1, rate_ppm(process));
    }

    /// The clock of the node at index `node` runs at another rate, or shows something else.
    pub(crate) fn tell_clock(&mut self, node: usize) {
        let now = self.now();
        let (Some(timeline), Some(process)) = (&mut self.timeline, &self.hosts[node].process) else { return };
        timeline.set_clock_rate(now, node as u64 + 1, rate_ppm(process));
        timeline.step(now, None, &[], &process.election, to_true_time(process));
    }

    /// The process of the node at index `node` has stepped `input`, or ticked.
    pub(crate) fn tell_step(&mut self, node: usize, input: Option<&Input<u64>>, outputs: &[Output<u64>]) {
        let now = self.now();
        let (Some(timeline), Some(process)) = (&mut self.timeline, &self.hosts[node].process) else { return };
        timeline.step(now, input, outputs, &process.election, to_true_time(process));
    }

    /// The number of the message that is sent next; the default one if no timeline is kept.
    pub(crate) fn next_message(&self) -> MessageNumber {
        self.timeline.as_ref().map_or_else(MessageNumber::default, Timeline::next_message)
    }

    /// A message is sent. `fate` is not known if there is no network here.
    pub(crate) fn tell_sending(&mut self, node: usize, to: u64, message: &Message<u64>, fate: Option<Fate>) {
        self.tell(|timeline, now| {
            let from = node as u64 + 1;
            let Some(fate) = fate else {
                timeline.send(now, from, to, message);
                return;
            };
            let due = |delay: u64| now + Duration::from_nanos(delay);
            let arrivals: Vec<Duration> = fate.arrivals.into_iter().flatten().map(due).collect();
            let number = timeline.send_arriving(now, from, to, message, &arrivals);
            if arrivals.is_empty() {
                timeline.lose(now, number);
            }
        });
    }
}

/// At which true time the clock of a process shows a reading, at its present rate.
fn to_true_time(process: &Process) -> impl Fn(quorate::Timestamp) -> Duration + use<> {
    let clock = process.clock;
    move |reading| Duration::from_nanos(clock.shows_at(reading))
}

/// How many millionths the clock of a process is fast.
fn rate_ppm(process: &Process) -> i64 {
    (process.clock.rate() as i64 - SECOND as i64) / 1_000
}
