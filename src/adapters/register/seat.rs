//! A register and nothing else: any number of processes contend for one seat.

use alloc::vec::Vec;
use core::time::Duration;

use rand_core::Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::content::WriteId;
use super::format::{ContentError, parse_seat, render_seat};
use super::seat_content::{Holder, SeatContent, SeatSight};
use super::seat_status::{SeatConfig, SeatError, SeatStatus, SeatStep};
use super::status::{CallCounters, Outcome, Reads, Silence, Tag};
use crate::config::ClockBounds;
use crate::event::{Event, StepDown};
use crate::io::Lease;
use crate::lease::bound_until;
use crate::types::{Leader, NEVER, Nanos, NodeId, Term, Timestamp};

/// A contender for a seat: a process among any number that share nothing but a register. The one that holds the seat has a
/// [`Lease`], as a leader has.
///
/// The rules are those of a voter in a register, as far as they are about time and calls (10.2 to 10.4 and 10.7 to 10.11):
/// the seat is free once its length has passed since it was first seen to be held, and it is held once a swap is known to
/// be done, from when that was begun. Each time the seat is taken its term is one higher.
///
/// The host carries out [`Read`](SeatStep::Read) and [`Swap`](SeatStep::Swap), one at a time, and calls
/// [`tick`](Self::tick) no later than [`deadline`](Self::deadline).
#[derive(Clone, Debug)]
pub struct Seat<N> {
    config: SeatConfig<N>,
    clock: ClockBounds,
    last_write: WriteId,
    now: Timestamp,
    sight: Option<SeatSight<N>>,
    known_sequence: u64,
    /// The highest term that was ever seen. Terms never run backwards.
    known_term: Term,
    call: Option<Call<N>>,
    lease: Option<Lease>,
    renew_at: Timestamp,
    next_look: Timestamp,
    /// How long this process waits once the seat is free, so that not all take it at once.
    delay: Nanos,
    /// After a call that was in vain there is no other before.
    not_before: Timestamp,
    /// After a resignation the seat is not taken before.
    rest_until: Timestamp,
    is_resigning: bool,
    leader: Option<Leader<N>>,
    silence: Option<Silence<N>>,
    counters: CallCounters,
}

/// A call that is under way.
#[derive(Clone, Debug)]
enum Call<N> {
    Read,
    Swap(Write<N>),
    /// A read that is to show what became of a swap. Rule 10.8.
    Check(Write<N>),
}

#[derive(Clone, Debug)]
struct Write<N> {
    content: SeatContent<N>,
    asked_at: Timestamp,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Take,
    Renew,
    Release,
}

impl<N: NodeId + Serialize + DeserializeOwned> Seat<N> {
    /// A contender that is just being started. What `rng` gives has to differ from one process to the next.
    ///
    /// # Errors
    /// [`SeatError`] if the lengths of time do not fit together.
    pub fn new(config: SeatConfig<N>, rng: &mut impl Rng) -> Result<Self, SeatError> {
        let (length, look) = (config.length, config.look);
        if !(Duration::from_millis(10)..=Duration::from_secs(3600)).contains(&length) {
            return Err(SeatError::Length(length));
        }
        if !(Duration::from_millis(1)..=length).contains(&look) {
            return Err(SeatError::Look(look));
        }
        let resolution = u32::try_from(config.clock_resolution.as_nanos().div_ceil(1_000));
        let clock = ClockBounds {
            drift_ppm: config.clock_drift_ppm,
            resolution_micros: resolution.map_err(|_| SeatError::Clock)?,
        };
        if clock.binding_length(length.into()) < Nanos::from(length).part(2) {
            return Err(SeatError::Clock);
        }
        let chance = rng.next_u64();
        Ok(Seat {
            clock,
            last_write: WriteId { process: rng.next_u64(), write: 0 },
            now: Timestamp::ORIGIN,
            sight: None,
            known_sequence: config.known_sequence,
            known_term: Term(0),
            call: None,
            lease: None,
            renew_at: NEVER,
            next_look: Timestamp::ORIGIN,
            delay: Nanos(chance.checked_rem(Nanos::from(length).part(16).0.max(1)).unwrap_or_default()),
            not_before: Timestamp::ORIGIN,
            rest_until: Timestamp::ORIGIN,
            is_resigning: false,
            leader: None,
            silence: None,
            counters: CallCounters::default(),
            config,
        })
    }

    /// Lets time pass, and does what is due.
    pub fn tick(&mut self, now: Timestamp, out: &mut Vec<SeatStep<N>>) {
        self.now = self.now.max(now);
        self.proceed(out);
    }

    /// Takes the outcome of the call that is under way. It changes nothing if there is none.
    pub fn complete(&mut self, outcome: Outcome, now: Timestamp, out: &mut Vec<SeatStep<N>>) {
        self.now = self.now.max(now);
        // A lease that is over is over before anything else is found out.
        self.lapse_if_ended(out);
        match self.call.take() {
            Some(Call::Read) => self.look_at(outcome, out),
            Some(Call::Swap(write)) => self.end_swap(outcome, write, out),
            Some(Call::Check(write)) => {
                self.look_at(outcome, out);
                self.end_check(write, out);
            }
            None => return,
        }
        self.proceed(out);
    }

    /// Gives the seat up, if this process holds it, and leaves it to others for two lengths.
    pub fn resign(&mut self, now: Timestamp, out: &mut Vec<SeatStep<N>>) {
        self.now = self.now.max(now);
        if let Some(Lease { term, .. }) = self.lease.take() {
            let reason = StepDown::Resigned { successor: None };
            out.push(SeatStep::Event(Event::SteppedDown { term, reason }));
        }
        self.is_resigning = true;
        self.proceed(out);
    }

    /// The latest instant for the next tick.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        let lapse = self.lease.map_or(NEVER, |lease| lease.until);
        if self.call.is_some() {
            return lapse.min(self.leader_until());
        }
        let due = match (&self.lease, &self.sight) {
            (Some(_), Some(sight)) if self.is_mine(&sight.content) => self.renew_at.max(self.not_before),
            (Some(_), Some(_)) => NEVER,
            (Some(_), None) => self.next_look.max(self.not_before),
            (None, _) => self.next_look.min(self.take_at()).max(self.not_before),
        };
        lapse.min(due).min(self.leader_until()).max(self.now)
    }

    /// The permission to act as leader, to be checked against a fresh reading of the clock.
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        self.lease
    }

    /// The contender as operators see it.
    #[must_use]
    pub fn status(&self) -> SeatStatus<N> {
        SeatStatus {
            leader: self.leader,
            lease: self.lease,
            free_at: self.sight.as_ref().map(|sight| sight.free_at(self.clock.resolution())),
            silence: self.silence.clone(),
            known_sequence: self.known_sequence,
            calls: self.counters,
        }
    }

    /// Whether the register may say that this process holds the seat, so that others wait for it.
    #[cfg(any(feature = "seat", feature = "tokio"))]
    pub(super) fn may_hold(&self) -> bool {
        let sight = self.sight.as_ref().filter(|sight| self.is_mine(&sight.content));
        let is_writing = matches!(self.call, Some(Call::Swap(_) | Call::Check(_)));
        is_writing || sight.is_some_and(|sight| sight.content.length > Nanos::ZERO)
    }

    #[cfg(all(any(feature = "seat", feature = "tokio"), feature = "tracing"))]
    pub(super) fn name(&self) -> N {
        self.config.name
    }

    fn me(&self) -> Holder<N> {
        Holder { name: self.config.name, process: self.last_write.process }
    }

    fn is_mine(&self, content: &SeatContent<N>) -> bool {
        content.holder.is_some_and(|holder| holder.process == self.last_write.process)
    }

    /// When this process takes the seat, as far as it knows. A seat that it has held itself nobody else has taken.
    fn take_at(&self) -> Timestamp {
        match &self.sight {
            None => NEVER,
            Some(sight) if self.is_mine(&sight.content) => self.rest_until,
            // All that wait for the end of a length are there at one time. A seat that was given back is found by one look
            // or another.
            Some(sight) => {
                let delay = if sight.content.length == Nanos::ZERO { Nanos::ZERO } else { self.delay };
                sight.free_at(self.clock.resolution()).after(delay).max(self.rest_until)
            }
        }
    }

    fn leader_until(&self) -> Timestamp {
        let is_known = self.leader.is_some() && self.lease.is_none();
        let sight = self.sight.as_ref().filter(|_| is_known);
        sight.map_or(NEVER, |sight| sight.free_at(self.clock.resolution()))
    }

    fn proceed(&mut self, out: &mut Vec<SeatStep<N>>) {
        self.lapse_if_ended(out);
        self.report_leader(out);
        if self.call.is_some() {
            return;
        }
        if self.is_resigning {
            self.release(out);
        } else if let Some(Lease { term, .. }) = self.lease {
            // What another has taken meanwhile is not taken back: the lease runs out.
            let is_mine = self.sight.as_ref().is_some_and(|sight| self.is_mine(&sight.content));
            if is_mine && self.now >= self.renew_at.max(self.not_before) {
                self.write(Kind::Renew, term, out);
            }
        } else if self.now >= self.take_at().max(self.not_before) {
            let term = self.sight.as_ref().and_then(|sight| sight.content.term.next());
            if let Some(term) = term {
                self.write(Kind::Take, term, out);
            }
        }
        // A holder whose register was found to be of no use looks whether it is again.
        let needs_look = self.lease.is_none() || self.sight.is_none();
        if self.call.is_none() && needs_look && self.now >= self.next_look.max(self.not_before) {
            self.read(Call::Read, out);
        }
    }

    fn lapse_if_ended(&mut self, out: &mut Vec<SeatStep<N>>) {
        let now = self.now;
        if let Some(Lease { term, .. }) = self.lease.take_if(|lease| lease.until <= now) {
            out.push(SeatStep::Event(Event::SteppedDown { term, reason: StepDown::LeaseLapsed }));
        }
    }

    fn report_leader(&mut self, out: &mut Vec<SeatStep<N>>) {
        let (now, resolution) = (self.now, self.clock.resolution());
        let own = self.lease.map(|lease| Leader { id: self.config.name, term: lease.term });
        let other = self
            .sight
            .as_ref()
            .filter(|sight| now < sight.free_at(resolution) && !self.is_mine(&sight.content));
        let seen =
            other.and_then(|sight| Some(Leader { id: sight.content.holder?.name, term: sight.content.term }));
        let leader = own.or(seen);
        if leader != self.leader {
            self.leader = leader;
            out.push(SeatStep::Event(Event::LeaderChanged { leader }));
        }
    }

    /// Gives back what this process holds, so that others need not wait.
    fn release(&mut self, out: &mut Vec<SeatStep<N>>) {
        let held = self
            .sight
            .as_ref()
            .filter(|sight| self.is_mine(&sight.content) && sight.content.length > Nanos::ZERO);
        self.is_resigning = false;
        if let Some(term) = held.map(|sight| sight.content.term) {
            self.write(Kind::Release, term, out);
        }
        self.rest_until = self.now.after(Nanos::from(self.config.length).saturating_mul(2));
    }

    fn read(&mut self, call: Call<N>, out: &mut Vec<SeatStep<N>>) {
        self.counters.reads = self.counters.reads.saturating_add(1);
        self.next_look = self.now.saturating_add(self.config.look);
        self.call = Some(call);
        out.push(SeatStep::Read);
    }

    fn write(&mut self, kind: Kind, term: Term, out: &mut Vec<SeatStep<N>>) {
        let Some(sight) = &self.sight else { return };
        let Some(sequence) = sight.content.sequence.checked_add(1) else { return };
        let tag = sight.tag.clone();
        self.last_write.write = self.last_write.write.saturating_add(1);
        let length = if kind == Kind::Release { Nanos::ZERO } else { self.config.length.into() };
        let (group, written_by) = (self.config.group, self.last_write);
        let content = SeatContent { group, term, holder: Some(self.me()), length, sequence, written_by };
        let Some(bytes) = render_seat(&content) else { return };
        self.counters.swaps = self.counters.swaps.saturating_add(1);
        self.call = Some(Call::Swap(Write { content, asked_at: self.now, kind }));
        out.push(SeatStep::Swap { tag, bytes });
    }

    fn end_swap(&mut self, outcome: Outcome, write: Write<N>, out: &mut Vec<SeatStep<N>>) {
        match outcome {
            Outcome::Swapped(tag) => self.succeed(tag, write, out),
            Outcome::Refused | Outcome::Unknown => {
                self.counters.count_unsettled(&outcome);
                self.read(Call::Check(write), out);
            }
            Outcome::Failed | Outcome::Missing | Outcome::Found { .. } => self.note_failure(&outcome, out),
        }
    }

    /// Rule 10.8.
    fn end_check(&mut self, write: Write<N>, out: &mut Vec<SeatStep<N>>) {
        let found = self.sight.as_ref().filter(|sight| sight.content.written_by == write.content.written_by);
        match found.map(|sight| sight.tag.clone()) {
            Some(tag) => self.succeed(tag, write, out),
            None => self.pause(),
        }
    }

    /// The write was done. Rule 10.7: the lease counts from when it was begun. A term that was left is not led again.
    fn succeed(&mut self, tag: Tag, write: Write<N>, out: &mut Vec<SeatStep<N>>) {
        let Write { content, asked_at, kind } = write;
        let (term, until) = (content.term, bound_until(asked_at, content.length, self.clock));
        self.see(SeatSight { tag, content, since: self.now }, out);
        // A process that resigns while it takes the seat gives it back without having held it.
        let is_held = until > self.now && !self.is_resigning;
        match (kind, self.lease) {
            (Kind::Take, _) if is_held => {
                self.lease = Some(Lease { term, until });
                out.push(SeatStep::Event(Event::Elected { term }));
            }
            (Kind::Renew, Some(lease)) => self.lease = Some(Lease { term, until: until.max(lease.until) }),
            (Kind::Take | Kind::Renew | Kind::Release, _) => {}
        }
        if self.lease.is_none() && kind != Kind::Release {
            self.pause();
        }
        self.renew_at = asked_at.after(Nanos::from(self.config.length).part(3));
    }

    /// Takes what a read has shown. What cannot be used is not used; a lease runs out by itself.
    fn look_at(&mut self, outcome: Outcome, out: &mut Vec<SeatStep<N>>) {
        let Outcome::Found { tag, bytes } = outcome else { return self.note_failure(&outcome, out) };
        let content = match parse_seat::<N>(&bytes, self.config.group) {
            Ok(content) => content,
            Err(error) => return self.distrust(Silence::Unreadable(error), out),
        };
        let is_impossible = content.sequence == u64::MAX || content.term.next().is_none();
        let runs_backwards = content.sequence > self.known_sequence && content.term < self.known_term;
        if is_impossible || runs_backwards {
            return self.distrust(Silence::Unreadable(ContentError::Malformed), out);
        }
        let (known, found) = (self.known_sequence, content.sequence);
        let seen = self.sight.as_ref().filter(|seen| seen.content.sequence == found);
        if seen.is_some_and(|seen| seen.content != content)
            || (found < known && self.config.reads == Reads::Fresh)
        {
            return self.distrust(Silence::Older { known, found }, out);
        }
        if found >= known {
            let same = seen.filter(|seen| seen.tag == tag);
            let since = same.map_or(self.now, |same| same.since);
            self.see(SeatSight { tag, content, since }, out);
        }
    }

    fn see(&mut self, sight: SeatSight<N>, out: &mut Vec<SeatStep<N>>) {
        if sight.content.sequence > self.known_sequence {
            self.known_sequence = sight.content.sequence;
            out.push(SeatStep::Remember(self.known_sequence));
        }
        self.known_term = self.known_term.max(sight.content.term);
        self.sight = Some(sight);
        self.set_silence(None, out);
    }

    fn distrust(&mut self, reason: Silence<N>, out: &mut Vec<SeatStep<N>>) {
        self.sight = None;
        self.set_silence(Some(reason), out);
        self.pause();
    }

    fn note_failure(&mut self, outcome: &Outcome, out: &mut Vec<SeatStep<N>>) {
        self.counters.failed = self.counters.failed.saturating_add(1);
        if *outcome == Outcome::Missing {
            self.distrust(Silence::Missing, out);
        } else if self.silence.is_none() {
            self.set_silence(Some(Silence::Unreachable), out);
        }
        self.pause();
    }

    /// Calls in vain are not repeated at once.
    fn pause(&mut self) {
        self.not_before = self.not_before.max(self.now.after(Nanos::from(self.config.length).part(20)));
    }

    fn set_silence(&mut self, silence: Option<Silence<N>>, out: &mut Vec<SeatStep<N>>) {
        if self.silence != silence {
            self.silence.clone_from(&silence);
            out.push(SeatStep::Silent(silence));
        }
    }
}
