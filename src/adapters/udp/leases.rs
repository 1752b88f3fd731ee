//! The lease as others see it: readable at any time, and watched by a thread of its own, so that a
//! slow disk delays neither.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::prelude::rust_2024::*;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::HostFailure;
use crate::adapters::clock::BootClock;
use crate::io::Lease;
use crate::types::{Term, Timestamp};

/// Told of each lease as it begins and grows, and `None` when it ends.
pub(super) type Watcher = Box<dyn FnMut(Option<Lease>) + Send>;

/// The longest sleep while a lease is held. The timers of threads stand still while the machine is
/// suspended; the clock does not.
const NAP: Duration = Duration::from_millis(50);

/// How often a host that waits for work to stop looks whether its lease has ended.
const NAP_OF_WORK: Duration = Duration::from_millis(5);

/// Holds the lease for those who ask and those who watch.
pub(super) struct Leases {
    clock: BootClock,
    margin: Duration,
    state: Mutex<State>,
    changed: Condvar,
    told: Condvar,
}

#[derive(Default)]
struct State {
    lease: Option<Lease>,
    newcomers: Vec<Watcher>,
    /// How often the lease was withdrawn, and how many of those times all watchers know of.
    withdrawn: u64,
    acknowledged: u64,
    closing: bool,
    watching: bool,
    /// How many threads work by a lease, and the latest end of any lease so far.
    working: usize,
    until: Timestamp,
}

impl Leases {
    /// Watchers are told of a lease's end `margin` before it.
    pub(super) fn new(clock: BootClock, margin: Duration) -> Self {
        let state = Mutex::new(State { watching: true, ..State::default() });
        Leases { clock, margin, state, changed: Condvar::new(), told: Condvar::new() }
    }

    /// The lease, if one holds at this moment.
    pub(super) fn get(&self) -> Option<Lease> {
        let lease = self.lock().lease;
        lease.filter(|lease| lease.holds_at(self.clock.now()))
    }

    /// Fails if a watcher panicked: the others are told of no lease any more.
    pub(super) fn publish(&self, lease: Option<Lease>) -> Result<(), HostFailure> {
        let mut state = self.lock();
        if !state.watching && !state.closing {
            return Err(HostFailure::Watcher);
        }
        if state.lease != lease {
            state.lease = lease;
            state.until = lease.map_or(state.until, |lease| lease.until.max(state.until));
            self.changed.notify_all();
        }
        Ok(())
    }

    /// Waits for a lease, and counts its caller as working by it; `None` when the host ends.
    pub(super) fn begin_work(&self) -> Option<Working<'_>> {
        let mut state = self.lock();
        while !state.closing {
            if let Some(lease) = state.lease.filter(|lease| self.may_work_by(lease)) {
                state.working = state.working.saturating_add(1);
                return Some(Working { leases: self, term: lease.term });
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    fn may_work_by(&self, lease: &Lease) -> bool {
        self.clock.now() < lease.until.saturating_sub(self.margin)
    }

    /// Ends the lease, and returns when all watchers know and nobody works by it; for work it waits
    /// no longer than the lease would have lasted.
    pub(super) fn withdraw(&self) -> Result<(), HostFailure> {
        let mut state = self.lock();
        state.lease = None;
        state.withdrawn = state.withdrawn.saturating_add(1);
        let this = state.withdrawn;
        self.changed.notify_all();
        while state.watching && state.acknowledged < this {
            state = self.told.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        while state.working > 0 && self.clock.now() < state.until {
            state = self.told.wait_timeout(state, NAP_OF_WORK).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.acknowledged < this { Err(HostFailure::Watcher) } else { Ok(()) }
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
            let now = self.clock.now();
            let (published, withdrawn) = (state.lease, state.withdrawn);
            let lease = published.filter(|lease| now < lease.until.saturating_sub(self.margin));
            let newcomers = mem::take(&mut state.newcomers);
            if lease != known || !newcomers.is_empty() {
                drop(state);
                let mut well = lease == known || tell_all(&mut watchers, lease);
                for mut watcher in newcomers {
                    well &= lease.is_none() || tell(&mut watcher, lease);
                    watchers.push(watcher);
                }
                if !well {
                    // None of them may go on under a lease whose end it would not hear of.
                    let _panics_again = tell_all(&mut watchers, None);
                    return;
                }
                known = lease;
                state = self.lock();
            }
            if state.acknowledged < withdrawn {
                state.acknowledged = withdrawn;
                self.told.notify_all();
            }
            if state.lease != published || state.withdrawn != withdrawn || !state.newcomers.is_empty() {
                continue;
            }
            if state.closing {
                return;
            }
            state = self.sleep(state, lease);
        }
    }

    fn sleep<'a>(&self, state: MutexGuard<'a, State>, lease: Option<Lease>) -> MutexGuard<'a, State> {
        let Some(lease) = lease else {
            return self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        let end = lease.until.saturating_sub(self.margin);
        let left = end.saturating_duration_since(self.clock.now()).min(NAP);
        self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
    }

    /// No code of others runs under this lock, and every change under it is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether none of them panicked.
fn tell_all(watchers: &mut [Watcher], lease: Option<Lease>) -> bool {
    watchers.iter_mut().map(|watcher| tell(watcher, lease)).filter(|&well| !well).count() == 0
}

/// Whether it did not panic.
fn tell(watcher: &mut Watcher, lease: Option<Lease>) -> bool {
    catch_unwind(AssertUnwindSafe(|| watcher(lease))).is_ok()
}

/// Says that nobody watches any more, also if a watcher panicked.
struct Watching<'a>(&'a Leases);

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.0.lock().watching = false;
        self.0.told.notify_all();
    }
}

/// A thread that works by a lease.
pub(super) struct Working<'a> {
    leases: &'a Leases,
    pub(super) term: Term,
}

impl Working<'_> {
    /// Whether it may go on.
    pub(super) fn holds(&self) -> bool {
        let lease = self.leases.lock().lease;
        lease.is_some_and(|lease| lease.term == self.term && self.leases.may_work_by(&lease))
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        let mut state = self.leases.lock();
        state.working = state.working.saturating_sub(1);
        self.leases.told.notify_all();
    }
}
