//! What a host does for its node besides the election: it stores states, and looks after the node's health.
//!
//! The decisions are here, without a clock and without waiting, so that both hosts make the same ones.

use core::time::Duration;
use std::prelude::rust_2024::*;

use super::SaveError;
use super::counters::{ElectionCounters, Histogram};
use super::disk::{Disk, PendingWrite, Written};
use super::health::{Health, HealthConfig};
use super::pace::Pace;
use super::write_view::WriteView;
use crate::config::Config;
use crate::diagnosis::Problem;
use crate::event::Event;
use crate::hard_state::HardState;
use crate::io::Input;
use crate::types::{Priority, Timestamp};

/// How long it is not said again that a state waits for the disk, the first time and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// The disk and the health of a node.
pub(super) struct Upkeep<I> {
    /// A node without storage has none, and is never told to store anything.
    disk: Option<Disk<I>>,
    /// The state that was stored last.
    durable: HardState<I>,
    /// The state that the election waits for.
    pending: Option<Pending<I>>,
    probe: Probe,
    write_bound: Duration,
    health: Health,
    refused_writes: u64,
    /// How long it took to make states durable.
    persists: Histogram,
    /// How often the operator is told of a write that takes long.
    pace: Pace,
    /// The end of a write that the operator was told of.
    ended: Option<Duration>,
}

/// A state that is to be durable.
struct Pending<I> {
    state: HardState<I>,
    write: PendingWrite,
    /// Whether the operator was told of it.
    told: bool,
    /// When the next attempt is due; `None` while one is under way.
    due: Option<Timestamp>,
}

/// The writes by which a leader at rest finds out whether its disk works.
#[derive(Default)]
struct Probe {
    interval: Option<Duration>,
    /// Since when one is under way.
    since: Option<Timestamp>,
    next: Timestamp,
    /// Since when they are refused, if the last one was.
    refused_since: Option<Timestamp>,
}

/// Why no state can be stored any more.
#[derive(Debug)]
pub(super) enum DiskFailure {
    /// A state may have reached the disk in part.
    Final(SaveError),
    /// What stores states has panicked.
    Panicked,
}

impl<I: Clone> Upkeep<I> {
    pub(super) fn new(
        disk: Option<Disk<I>>,
        durable: HardState<I>,
        config: &Config<I>,
        health: HealthConfig,
        now: Timestamp,
    ) -> Self {
        let HealthConfig { write_bound, probe_interval, check } = health;
        let next = now.saturating_add(probe_interval.unwrap_or_default());
        Upkeep {
            disk,
            durable,
            pending: None,
            probe: Probe { interval: probe_interval, next, ..Probe::default() },
            write_bound,
            health: Health::new(check, config.priority),
            refused_writes: 0,
            persists: Histogram::default(),
            pace: Pace::new(FIRST_PAUSE, LONGEST_PAUSE),
            ended: None,
        }
    }

    /// Begins to make `state` durable, as soon as the disk is free.
    pub(super) fn persist(&mut self, state: HardState<I>, now: Timestamp) {
        debug_assert!(self.disk.is_some(), "a node without storage persists nothing");
        self.pending = Some(Pending { state, write: PendingWrite::new(now), told: false, due: Some(now) });
        self.begin_write(now);
    }

    /// Takes note of what became of a write. Whether the election still waits, [`is_writing`](Self::is_writing) says.
    pub(super) fn finish(&mut self, written: Written, now: Timestamp) -> Result<(), DiskFailure> {
        self.disk.iter_mut().for_each(Disk::end);
        let probed_since = self.probe.since.take();
        let refusal = match written {
            Written::Durable => None,
            Written::Failed(error) if error.is_untouched() => Some(error),
            Written::Failed(error) => return Err(DiskFailure::Final(error)),
            Written::Panicked => return Err(DiskFailure::Panicked),
        };
        self.refused_writes = self.refused_writes.saturating_add(refusal.is_some().into());
        if let Some(since) = probed_since {
            self.finish_probe(since, refusal.is_some(), now);
            return Ok(());
        }
        match (refusal, &mut self.pending) {
            (Some(error), Some(pending)) => pending.due = Some(pending.write.refuse(&error, now)),
            (None, pending) => {
                self.probe.refused_since = None;
                if let Some(Pending { state, write, told, .. }) = pending.take() {
                    self.durable = state;
                    self.persists.add(write.age(now));
                    self.ended = told.then(|| write.age(now));
                }
            }
            (Some(_), None) => {}
        }
        Ok(())
    }

    /// Takes note of what became of a probe, and begins the write that may have waited for its end.
    fn finish_probe(&mut self, since: Timestamp, is_refused: bool, now: Timestamp) {
        self.probe.refused_since = is_refused.then(|| self.probe.refused_since.unwrap_or(now));
        if !is_refused {
            self.persists.add(now.saturating_duration_since(since));
        }
        self.begin_write(now);
    }

    /// Whether the election waits for a state to be durable.
    pub(super) fn is_writing(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether a write is under way, also one that the election does not wait for.
    pub(super) fn is_disk_busy(&self) -> bool {
        self.disk.as_ref().is_some_and(Disk::is_busy)
    }

    /// The write that the election waits for, if there is one.
    fn pending_write(&self) -> Option<&PendingWrite> {
        self.pending.as_ref().map(|pending| &pending.write)
    }

    /// What the status shows of the write that the election waits for, if there is one.
    pub(super) fn write_view(&self) -> Option<WriteView<I>> {
        let write = self.pending_write()?.clone();
        Some(WriteView { write, durable: self.durable.clone() })
    }

    /// Adds what became of the writes to what the election shows.
    pub(super) fn count_writes(&self, counters: &mut ElectionCounters) {
        counters.refused_writes = self.refused_writes;
        counters.persists = self.persists;
    }

    /// Takes what the operator is to be told: that a state waits for the disk, at growing intervals, and the end of that.
    pub(super) fn poll_event(&mut self, now: Timestamp) -> Option<Event<I>> {
        if let Some(lasted) = self.ended.take() {
            return Some(Event::Resolved { problem: Problem::StatePending, lasted });
        }
        let pending = self.pending.as_mut()?;
        let diagnosis = pending.write.diagnosis(now).filter(|_| self.pace.is_due(now))?;
        self.pace.pause(now);
        pending.told = true;
        Some(Event::Diagnosed(Box::new(diagnosis)))
    }

    /// What the host is to step instead of `input`, a command of the program.
    pub(super) fn translate(&mut self, input: Input<I>) -> Input<I> {
        match input {
            Input::SetPriority(priority) => Input::SetPriority(self.health.want(priority)),
            other => other,
        }
    }

    /// Takes note of what the program says of its health.
    pub(super) fn declare_health(&mut self, is_healthy: bool) {
        self.health.declare(is_healthy);
    }

    /// When [`poll`](Self::poll) is due, if the node leads or not; `None` if nothing is to be done before something else
    /// happens.
    pub(super) fn deadline(&self, leads: bool) -> Option<Timestamp> {
        let retry = self.pending.as_ref().and_then(|pending| pending.due);
        // How long a write takes is looked at from time to time.
        let written = self.is_disk_doubtful().then(|| self.health.next_poll());
        let probe = self.is_probe_wanted(leads).then_some(self.probe.next);
        [retry, written, probe, self.health.deadline()].into_iter().flatten().min()
    }

    /// Whether a write is under way or was refused, so that the disk may be found to be ill.
    fn is_disk_doubtful(&self) -> bool {
        self.pending.is_some() || self.probe.since.is_some() || self.probe.refused_since.is_some()
    }

    fn is_probe_wanted(&self, leads: bool) -> bool {
        let is_idle = self.disk.as_ref().is_some_and(|disk| !disk.is_busy()) && self.pending.is_none();
        let is_asked_for = leads || self.probe.refused_since.is_some();
        is_idle && is_asked_for && self.probe.interval.is_some()
    }

    /// Does what is due at `now`: begins writes, and looks after the health of the node, which leads or not. Returns
    /// the priority that the node is to have from now on, if that is another one.
    pub(super) fn poll(&mut self, leads: bool, now: Timestamp) -> Option<Priority> {
        self.begin_write(now);
        self.begin_probe(leads, now);
        if !self.health.is_due(now) {
            return None;
        }
        let is_disk_well = self.is_disk_well(now);
        self.health.poll(is_disk_well, now)
    }

    /// Whether the disk takes what it is given in time.
    fn is_disk_well(&self, now: Timestamp) -> bool {
        let probed_for = self.probe.since.map(|since| now.saturating_duration_since(since));
        let written_for = self.pending_write().map(|write| write.age(now));
        let refused_for = self.probe.refused_since.map(|since| now.saturating_duration_since(since));
        [probed_for, written_for, refused_for].into_iter().flatten().all(|age| age < self.write_bound)
    }

    fn begin_write(&mut self, now: Timestamp) {
        let (Some(disk), Some(pending)) = (&mut self.disk, &mut self.pending) else { return };
        if !disk.is_busy() && pending.due.is_some_and(|due| due <= now) {
            pending.due = None;
            disk.begin(pending.state.clone());
        }
    }

    fn begin_probe(&mut self, leads: bool, now: Timestamp) {
        let is_due = self.is_probe_wanted(leads) && now >= self.probe.next;
        let (Some(disk), Some(interval)) = (&mut self.disk, self.probe.interval) else { return };
        if is_due {
            self.probe.since = Some(now);
            self.probe.next = now.saturating_add(interval);
            disk.begin(self.durable.clone());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;
    use crate::types::{ClusterId, Term};

    fn at(millis: u64) -> Timestamp {
        Duration::from_millis(millis).into()
    }

    fn state(term: u64) -> HardState<u8> {
        HardState { term: Term(term), ..HardState::bootstrap(ClusterId(1), [1]).unwrap() }
    }

    /// The upkeep of a leader at rest in term 1, whose disk is probed each second, and the writes that it begins.
    fn upkeep() -> (Upkeep<u8>, Receiver<Term>) {
        let (begin, begun) = channel();
        let save = move |state: &HardState<u8>| {
            let _nobody_waits = begin.send(state.term);
            Ok(())
        };
        let disk = Disk::on_thread(save, |_| {}).unwrap();
        let health = HealthConfig { probe_interval: Some(Duration::from_secs(1)), ..HealthConfig::default() };
        (Upkeep::new(Some(disk), state(1), &Config::new(1), health, at(0)), begun)
    }

    fn refused() -> Written {
        Written::Failed(SaveError::untouched(io::Error::other("no descriptor is left")))
    }

    #[test]
    fn the_result_of_a_probe_is_not_taken_for_that_of_the_state_that_waits_behind_it() {
        for probe in [Written::Durable, refused()] {
            let is_durable = matches!(probe, Written::Durable);
            let (mut upkeep, begun) = upkeep();
            upkeep.poll(true, at(1_000));
            assert_eq!(begun.recv(), Ok(Term(1)), "the probe");
            upkeep.persist(state(2), at(1_010));
            upkeep.finish(probe, at(1_020)).unwrap();
            assert!(upkeep.is_writing() && upkeep.is_disk_busy(), "the state is not durable yet");
            assert_eq!(begun.recv(), Ok(Term(2)));
            upkeep.finish(Written::Durable, at(1_030)).unwrap();
            assert!(!upkeep.is_writing() && !upkeep.is_disk_busy());
            let (mut counters, probe_counts) = (ElectionCounters::new(at(0)), u64::from(is_durable));
            upkeep.count_writes(&mut counters);
            assert_eq!(counters.persists.count, 1 + probe_counts, "a probe is as long as any write");
            // From now on the disk is probed with the state that is durable.
            upkeep.poll(true, at(2_100));
            assert_eq!(begun.recv(), Ok(Term(2)));
        }
    }

    #[test]
    fn a_state_that_was_refused_waits_for_the_result_of_its_own_next_attempt() {
        let (mut upkeep, begun) = upkeep();
        upkeep.persist(state(2), at(0));
        for attempt in 1..5 {
            assert_eq!(begun.recv(), Ok(Term(2)));
            upkeep.finish(refused(), at(attempt * 1_000)).unwrap();
            assert!(upkeep.is_writing() && !upkeep.is_disk_busy(), "a pause");
            // The leader's disk is due for a probe meanwhile, which would not tell that state from the one before.
            upkeep.poll(true, at(attempt * 1_000 + 1));
            assert!(!upkeep.is_disk_busy());
            upkeep.poll(true, at(attempt * 1_000 + 999));
        }
        assert_eq!(begun.recv(), Ok(Term(2)));
        upkeep.finish(Written::Durable, at(6_000)).unwrap();
        assert!(!upkeep.is_writing());
        let mut counters = ElectionCounters::new(at(0));
        upkeep.count_writes(&mut counters);
        assert_eq!((counters.refused_writes, counters.persists.count), (4, 1));
        assert_eq!(counters.persists.last, Duration::from_secs(6), "from the first attempt on");
    }
}
