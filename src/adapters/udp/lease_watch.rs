//! The lease as other threads see it: readable at any time, and watched by a thread of its own, so that a slow
//! disk delays neither. The [gate](LeaseGate) decides, and here is the waiting.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::prelude::rust_2024::*;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::HostFailure;
use crate::adapters::clock::BootClock;
use crate::adapters::lease_gate::LeaseGate;
use crate::adapters::timer::Precision;
use crate::io::Lease;
use crate::types::Term;

/// Told of each lease as it begins and grows, and `None` when it ends.
pub(super) type Watcher = Box<dyn FnMut(Option<Lease>) + Send>;

/// Holds the lease for the threads that ask for it or watch it.
pub(super) struct LeaseWatch {
    clock: BootClock,
    state: Mutex<State>,
    changed: Condvar,
    told: Condvar,
}

struct State {
    gate: LeaseGate,
    newcomers: Vec<Watcher>,
    closing: bool,
    /// Whether the thread runs that tells the watchers.
    watching: bool,
}

impl LeaseWatch {
    /// Watchers are told of a lease's end `margin` before it.
    pub(super) fn new(clock: BootClock, margin: Duration) -> Self {
        let gate = LeaseGate::new(margin);
        let state = Mutex::new(State { gate, newcomers: Vec::new(), closing: false, watching: true });
        LeaseWatch { clock, state, changed: Condvar::new(), told: Condvar::new() }
    }

    /// The lease, if one holds at this moment.
    pub(super) fn get(&self) -> Option<Lease> {
        let lease = self.lock().gate.published();
        lease.filter(|lease| lease.holds_at(self.clock.now()))
    }

    /// Fails if a watcher panicked: the others are told of no lease any more.
    pub(super) fn publish(&self, lease: Option<Lease>) -> Result<(), HostFailure> {
        let mut state = self.lock();
        if !state.watching && !state.closing {
            return Err(HostFailure::Watcher);
        }
        if state.gate.publish(lease) {
            self.changed.notify_all();
        }
        Ok(())
    }

    /// Waits for a lease, and counts its caller as working by it; `None` when the host ends.
    pub(super) fn begin_work(&self) -> Option<Working<'_>> {
        let mut state = self.lock();
        while !state.closing {
            if let Some(term) = state.gate.begin_work(self.clock.now()) {
                return Some(Working { leases: self, term });
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    /// Ends the lease, and returns when all watchers know and no work runs by it; for work it waits no longer
    /// than the lease would have lasted.
    pub(super) fn withdraw(&self) -> Result<(), HostFailure> {
        let mut state = self.lock();
        let withdrawal = state.gate.withdraw();
        self.changed.notify_all();
        while state.watching && !state.gate.is_acknowledged(withdrawal) {
            state = self.told.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        loop {
            let now = self.clock.now();
            if state.gate.is_idle(now) {
                break;
            }
            let left = Precision::THREAD.leg(state.gate.latest_end().saturating_duration_since(now));
            state = self.told.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.gate.is_acknowledged(withdrawal) { Ok(()) } else { Err(HostFailure::Watcher) }
    }

    pub(super) fn add(&self, watcher: Watcher) {
        self.lock().newcomers.push(watcher);
        self.changed.notify_all();
    }

    /// Lets [`watch`](Self::watch) return.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.changed.notify_all();
    }

    /// Tells the watchers, until [`close`](Self::close). Runs on a thread of its own.
    pub(super) fn watch(&self) {
        let _watching = Watching(self);
        let mut watchers: Vec<Watcher> = Vec::new();
        let mut known = None;
        let mut state = self.lock();
        loop {
            let (published, withdrawals) = (state.gate.published(), state.gate.withdrawals());
            let lease = state.gate.usable(self.clock.now());
            let newcomers = mem::take(&mut state.newcomers);
            if lease != known || !newcomers.is_empty() {
                drop(state);
                if !tell_all_and_newcomers(&mut watchers, newcomers, known, lease) {
                    return;
                }
                known = lease;
                state = self.lock();
            }
            if state.gate.acknowledge(withdrawals) {
                self.told.notify_all();
            }
            let same = state.gate.published() == published && state.gate.withdrawals() == withdrawals;
            if !same || !state.newcomers.is_empty() {
                continue;
            }
            if state.closing {
                return;
            }
            state = self.sleep(state, lease.is_some());
        }
    }

    fn sleep<'a>(&self, state: MutexGuard<'a, State>, holds: bool) -> MutexGuard<'a, State> {
        let Some(end) = state.gate.end().filter(|_| holds) else {
            return self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        let left = Precision::THREAD.leg(end.saturating_duration_since(self.clock.now()));
        self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
    }

    /// No code of the program runs under this lock, and every change under it is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the watchers of a change, and the newcomers of a lease. If any of them panics, tells all that there is
/// none and returns `false`: no watcher may go on under a lease whose end it would not hear of.
fn tell_all_and_newcomers(
    watchers: &mut Vec<Watcher>,
    newcomers: Vec<Watcher>,
    known: Option<Lease>,
    lease: Option<Lease>,
) -> bool {
    let mut well = lease == known || tell_all(watchers, lease);
    for mut watcher in newcomers {
        well &= lease.is_none() || tell(&mut watcher, lease);
        watchers.push(watcher);
    }
    if !well {
        let _panics_again = tell_all(watchers, None);
    }
    well
}

/// Returns whether none of them panicked.
fn tell_all(watchers: &mut [Watcher], lease: Option<Lease>) -> bool {
    watchers.iter_mut().map(|watcher| tell(watcher, lease)).filter(|&well| !well).count() == 0
}

/// Returns whether it did not panic.
fn tell(watcher: &mut Watcher, lease: Option<Lease>) -> bool {
    catch_unwind(AssertUnwindSafe(|| watcher(lease))).is_ok()
}

/// Shows, also if a watcher panicked, that the watchers are told nothing any more.
struct Watching<'a>(&'a LeaseWatch);

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.0.lock().watching = false;
        self.0.told.notify_all();
    }
}

/// A thread that works by a lease.
pub(super) struct Working<'a> {
    leases: &'a LeaseWatch,
    pub(super) term: Term,
}

impl Working<'_> {
    /// Whether it may go on.
    pub(super) fn holds(&self) -> bool {
        let state = self.leases.lock();
        state.gate.holds(self.term, self.leases.clock.now())
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.leases.lock().gate.end_work();
        self.leases.told.notify_all();
    }
}
