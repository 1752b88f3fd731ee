//! What both hosts of a seat do, without a clock and without waiting: the steps of the seat in their order, and the calls
//! of its register.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::calls::{Call, Calls, Request};
use super::seat::Seat;
use super::seat_options::{SeatHostConfig, SeatNotice, SeatStartError};
use super::seat_status::{SeatStatus, SeatStep};
use super::status::Outcome;
use crate::adapters::random;
use crate::event::Event;
use crate::io::Lease;
use crate::types::{NEVER, NodeId, Timestamp};

/// A seat, and what its host has to do next.
pub(in crate::adapters) struct SeatRun<N> {
    seat: Seat<N>,
    steps: VecDeque<SeatStep<N>>,
    /// What the program is told once everything else is done.
    news: VecDeque<SeatNotice<N>>,
    calls: Calls,
    /// Whether the seat is being given up for good.
    is_departing: bool,
    /// When it is given up again, should the register not have been reached.
    depart_at: Timestamp,
    pause: Duration,
    scratch: Vec<SeatStep<N>>,
}

/// What a host does, in order.
#[derive(Debug)]
pub(in crate::adapters) enum SeatAction {
    /// The client of the register, which is free, carries out this call.
    Call(Call),
    /// The lease is taken away. Nothing follows before nobody acts by it any more.
    Withdraw,
}

impl<N: NodeId + Serialize + DeserializeOwned> SeatRun<N> {
    pub(in crate::adapters) fn new(config: SeatHostConfig<N>) -> Result<Self, SeatStartError> {
        config.check()?;
        let mut rng = random::generator().map_err(SeatStartError::Seed)?;
        Ok(SeatRun {
            seat: Seat::new(config.seat, &mut rng)?,
            steps: VecDeque::new(),
            news: VecDeque::new(),
            calls: Calls::new(config.call_timeout),
            is_departing: false,
            depart_at: NEVER,
            pause: config.call_timeout.checked_div(4).unwrap_or_default(),
            scratch: Vec::new(),
        })
    }

    /// Lets time pass.
    pub(in crate::adapters) fn tick(&mut self, now: Timestamp) {
        if let Some(outcome) = self.calls.expire(now) {
            self.step(|seat, steps| seat.complete(outcome, now, steps));
        }
        if self.is_departing && now >= self.depart_at && self.calls.is_idle() && self.seat.may_hold() {
            self.depart(now);
        }
        self.step(|seat, steps| seat.tick(now, steps));
    }

    /// The client of the register has ended call `number`. `now` is read after that.
    pub(in crate::adapters) fn complete(&mut self, number: u64, outcome: Outcome, now: Timestamp) {
        if self.calls.end(number) {
            self.step(|seat, steps| seat.complete(outcome, now, steps));
        }
    }

    /// Gives the seat up, and leaves it to others for two lengths.
    pub(in crate::adapters) fn resign(&mut self, now: Timestamp) {
        self.step(|seat, steps| seat.resign(now, steps));
    }

    /// Gives the seat up for good, again and again until the register has it.
    pub(in crate::adapters) fn depart(&mut self, now: Timestamp) {
        self.is_departing = true;
        self.depart_at = now.saturating_add(self.pause);
        self.resign(now);
    }

    /// Whether the seat was given up for good, and the register says so.
    pub(in crate::adapters) fn has_departed(&self) -> bool {
        self.is_departing && self.steps.is_empty() && !self.seat.may_hold()
    }

    /// The next thing to do, if there is any. Called again until there is none. Then the host shows what is true now, and
    /// [tells the news](Self::next_notice): a program that is told that it holds the seat finds the lease.
    pub(in crate::adapters) fn next(&mut self, now: Timestamp) -> Option<SeatAction> {
        while let Some(step) = self.steps.pop_front() {
            match step {
                SeatStep::Read => self.calls.begin(Request::Read, now),
                SeatStep::Swap { tag, bytes } => self.calls.begin(Request::Swap { tag, bytes }, now),
                SeatStep::Event(event @ Event::SteppedDown { .. }) => {
                    self.news.push_back(SeatNotice::Event(event));
                    return Some(SeatAction::Withdraw);
                }
                SeatStep::Event(event) => self.news.push_back(SeatNotice::Event(event)),
                SeatStep::Silent(silence) => self.news.push_back(SeatNotice::Silent(silence)),
                // The status shows it.
                SeatStep::Remember(_) => {}
            }
        }
        self.calls.pass_on(now).map(SeatAction::Call)
    }

    /// What the program is told next, once there is nothing else to do.
    pub(in crate::adapters) fn next_notice(&mut self) -> Option<SeatNotice<N>> {
        self.news.pop_front()
    }

    /// The latest instant for the next tick.
    pub(in crate::adapters) fn deadline(&self) -> Timestamp {
        let depart_at = if self.is_departing && self.calls.is_idle() { self.depart_at } else { NEVER };
        self.seat.deadline().min(self.calls.deadline()).min(depart_at)
    }

    /// The lease, once everything so far was done.
    pub(in crate::adapters) fn lease(&self) -> Option<Lease> {
        self.seat.lease()
    }

    /// Whether the client of the register is in no call.
    #[cfg(feature = "seat")]
    pub(in crate::adapters) fn is_client_free(&self) -> bool {
        self.calls.is_client_free()
    }

    /// The name under which the process holds the seat.
    #[cfg(feature = "tracing")]
    pub(in crate::adapters) fn name(&self) -> N {
        self.seat.name()
    }

    /// The process that holds the seat, as far as is known.
    #[cfg(feature = "tokio")]
    pub(in crate::adapters) fn leader(&self) -> Option<crate::types::Leader<N>> {
        self.seat.status().leader
    }

    pub(in crate::adapters) fn status(&self) -> SeatStatus<N> {
        self.seat.status()
    }

    fn step(&mut self, step: impl FnOnce(&mut Seat<N>, &mut Vec<SeatStep<N>>)) {
        let mut steps = mem::take(&mut self.scratch);
        step(&mut self.seat, &mut steps);
        self.steps.extend(steps.drain(..));
        self.scratch = steps;
    }
}
