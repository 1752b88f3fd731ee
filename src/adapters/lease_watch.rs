//! The lease as other threads see it: readable at any time, and watched by a thread of its own, so that a slow
//! disk delays neither. The [gate](LeaseGate) decides, and here is the waiting.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::prelude::rust_2024::*;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::clock::BootClock;
use super::lease_gate::LeaseGate;
use super::pulse::Pulse;
use super::timer::Precision;
use crate::io::Lease;
use crate::types::Term;

/// A watcher of the lease panicked, and all watchers were told that there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct WatcherPanicked;

/// Told of each lease as it begins, and `None` when it ends.
pub(super) struct Watcher {
    /// Whether it is told of each growth too.
    wants_growth: bool,
    tell: Box<dyn FnMut(Option<Lease>) + Send>,
}

impl Watcher {
    /// A watcher that is told of leases in other terms, and of their ends.
    pub(super) fn of_terms(tell: impl FnMut(Option<Lease>) + Send + 'static) -> Self {
        Watcher { wants_growth: false, tell: Box::new(tell) }
    }

    /// A watcher that is told of each growth too.
    pub(super) fn of_growth(tell: impl FnMut(Option<Lease>) + Send + 'static) -> Self {
        Watcher { wants_growth: true, tell: Box::new(tell) }
    }
}

/// Holds the lease for the threads that ask for it or watch it.
pub(super) struct LeaseWatch {
    clock: BootClock,
    state: Mutex<State>,
    /// Wakes the thread that tells the watchers.
    changed: Condvar,
    /// Wakes threads that wait for a lease to work by.
    grown: Condvar,
    told: Condvar,
}

struct State {
    gate: LeaseGate,
    newcomers: Vec<Watcher>,
    /// Whether there is any watcher, or will be.
    is_watched: bool,
    /// Whether any of them is told of growth.
    is_growth_watched: bool,
    /// How many threads wait for a lease to work by.
    waiting: usize,
    closing: bool,
    /// Whether the thread runs that tells the watchers.
    watching: bool,
    /// How often that thread was woken before its time.
    #[cfg(test)]
    wakes: u64,
}

impl State {
    /// Whether the watchers are to hear that the lease has changed, or their thread has to sleep for a shorter time.
    fn concerns_watchers(&self, before: Option<Lease>, now: Option<Lease>) -> bool {
        let shortens = before.is_some_and(|before| now.is_none_or(|now| now.until < before.until));
        self.is_watched && (self.is_growth_watched || shortens || has_other_term(before, now))
    }
}

/// Whether these are leases of two terms, or one of them is none.
fn has_other_term(one: Option<Lease>, other: Option<Lease>) -> bool {
    let term = |lease: Lease| lease.term;
    one.map(term) != other.map(term)
}

impl LeaseWatch {
    /// Watchers are told of a lease's end `margin` before it.
    pub(super) fn new(clock: BootClock, margin: Duration) -> Self {
        let gate = LeaseGate::new(margin);
        let state = Mutex::new(State {
            gate,
            newcomers: Vec::new(),
            is_watched: false,
            is_growth_watched: false,
            waiting: 0,
            closing: false,
            watching: true,
            #[cfg(test)]
            wakes: 0,
        });
        LeaseWatch { clock, state, changed: Condvar::new(), grown: Condvar::new(), told: Condvar::new() }
    }

    /// The lease, if one holds at this moment.
    pub(super) fn get(&self) -> Option<Lease> {
        let lease = self.lock().gate.published();
        lease.filter(|lease| lease.holds_at(self.clock.now()))
    }

    /// The lease that was shown last, to its very end.
    pub(super) fn published(&self) -> Option<Lease> {
        self.lock().gate.published()
    }

    /// Shows the lease, and wakes the threads that it concerns. Fails if a watcher panicked: the others are told of no lease
    /// any more.
    pub(super) fn publish(&self, lease: Option<Lease>) -> Result<(), WatcherPanicked> {
        let mut state = self.lock();
        if !state.watching && !state.closing {
            return Err(WatcherPanicked);
        }
        let before = state.gate.published();
        if !state.gate.publish(lease) {
            return Ok(());
        }
        if state.concerns_watchers(before, lease) {
            self.changed.notify_all();
        }
        if state.waiting > 0 {
            self.grown.notify_all();
        }
        Ok(())
    }

    /// Waits for a lease of which more than `notice` is left, and counts its caller as working by it; `None` when the host
    /// ends.
    fn begin_work(&self, notice: Duration) -> Option<Working<'_>> {
        let mut state = self.lock();
        while !state.closing {
            if let Some(term) = state.gate.begin_work(self.clock.now().saturating_add(notice)) {
                return Some(Working { leases: self, term });
            }
            state.waiting = state.waiting.saturating_add(1);
            state = self.grown.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting = state.waiting.saturating_sub(1);
        }
        None
    }

    /// Runs `work` on this thread whenever there is a lease of which more than `notice` is left, until it returns something;
    /// `None` when the host ends. What work is given, the hosts say.
    pub(super) fn run_while_leader<T>(
        &self,
        notice: Duration,
        mut work: impl FnMut(Term, &dyn Fn() -> bool) -> Option<T>,
    ) -> Option<T> {
        loop {
            let working = self.begin_work(notice)?;
            let output = work(working.term, &|| working.holds_for(notice));
            if output.is_some() {
                return output;
            }
        }
    }

    /// Ends the lease, and returns when all watchers know and no work runs by it; for work it waits no longer
    /// than the lease would have lasted. Until then the host rests, and is not stuck.
    pub(super) fn withdraw(&self, pulse: &Pulse) -> Result<(), WatcherPanicked> {
        let mut state = self.lock();
        pulse.rest_until(state.gate.latest_end());
        let withdrawal = state.gate.withdraw();
        if state.is_watched {
            self.changed.notify_all();
        } else {
            state.gate.acknowledge(withdrawal);
        }
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
        if state.gate.is_acknowledged(withdrawal) { Ok(()) } else { Err(WatcherPanicked) }
    }

    pub(super) fn add(&self, watcher: Watcher) {
        let mut state = self.lock();
        state.is_watched = true;
        state.is_growth_watched |= watcher.wants_growth;
        state.newcomers.push(watcher);
        self.changed.notify_all();
    }

    /// Lets [`watch`](Self::watch) return.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.changed.notify_all();
        self.grown.notify_all();
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

    /// Sleeps until the watchers may have to be told something.
    fn sleep<'a>(&self, state: MutexGuard<'a, State>, holds: bool) -> MutexGuard<'a, State> {
        let end = state.gate.end().filter(|_| holds && state.is_watched);
        let (state, is_in_time) = match end {
            None => (self.changed.wait(state).unwrap_or_else(PoisonError::into_inner), false),
            Some(end) => {
                let left = Precision::THREAD.leg(end.saturating_duration_since(self.clock.now()));
                let slept = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
                (slept.0, slept.1.timed_out())
            }
        };
        count_wake(state, is_in_time)
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
    let grows = !has_other_term(known, lease);
    let concerned = |watcher: &Watcher| !grows || (watcher.wants_growth && lease != known);
    let mut well = tell_all(watchers.iter_mut().filter(|watcher| concerned(watcher)), lease);
    for mut watcher in newcomers {
        well &= lease.is_none() || tell(&mut watcher, lease);
        watchers.push(watcher);
    }
    if !well {
        let _panics_again = tell_all(watchers.iter_mut(), None);
    }
    well
}

/// Returns whether none of them panicked.
fn tell_all<'a>(watchers: impl Iterator<Item = &'a mut Watcher>, lease: Option<Lease>) -> bool {
    watchers.map(|watcher| tell(watcher, lease)).filter(|&well| !well).count() == 0
}

/// Returns whether it did not panic.
fn tell(watcher: &mut Watcher, lease: Option<Lease>) -> bool {
    catch_unwind(AssertUnwindSafe(|| (watcher.tell)(lease))).is_ok()
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
struct Working<'a> {
    leases: &'a LeaseWatch,
    term: Term,
}

impl Working<'_> {
    /// Whether it may go on for so long.
    fn holds_for(&self, notice: Duration) -> bool {
        let state = self.leases.lock();
        state.gate.holds(self.term, self.leases.clock.now().saturating_add(notice))
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.leases.lock().gate.end_work();
        self.leases.told.notify_all();
    }
}

#[cfg(test)]
fn count_wake(mut state: MutexGuard<'_, State>, is_in_time: bool) -> MutexGuard<'_, State> {
    state.wakes = state.wakes.saturating_add(u64::from(!is_in_time));
    state
}

#[cfg(not(test))]
fn count_wake(state: MutexGuard<'_, State>, _: bool) -> MutexGuard<'_, State> {
    state
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, channel};
    use std::thread;

    use super::*;

    /// Lets the thread run that tells the watchers, has a lease of term 1 grow 100 times, each time after the thread has
    /// slept again if it was woken, then renews it in term 2 and withdraws it. Returns how often the thread slept while the
    /// lease grew, and what `watcher` was told of after that, which is told of the first growth if it `hears_of_growth`.
    fn grow(watcher: Option<fn(Told) -> Watcher>, hears_of_growth: bool) -> (u64, Vec<Option<Term>>) {
        let clock = BootClock::new();
        let watch = Arc::new(LeaseWatch::new(clock, Duration::ZERO));
        let (told, hears) = channel();
        watcher.into_iter().for_each(|watcher| watch.add(watcher(told.clone())));
        let (watched, start) = (Arc::clone(&watch), clock.now());
        let watchers = thread::spawn(move || watched.watch());
        let lease = |term, growth| {
            let until = start.saturating_add(Duration::from_secs(1_000_u64.saturating_add(growth)));
            Some(Lease { term: Term(term), until })
        };
        watch.publish(lease(1, 0)).unwrap();
        settle(&watch, &hears, watcher.is_some());
        let before = watch.lock().wakes;
        for growth in 1..=100 {
            watch.publish(lease(1, growth)).unwrap();
            settle(&watch, &hears, hears_of_growth && growth == 1);
        }
        let wakes = watch.lock().wakes.saturating_sub(before);
        watch.publish(lease(2, 100)).unwrap();
        let pulse = Pulse::new(start);
        watch.withdraw(&pulse).unwrap();
        let end = start.saturating_add(Duration::from_secs(1_099));
        assert_eq!(
            pulse.age(end),
            Duration::ZERO,
            "it waited for its program, which had the lease until then"
        );
        watch.close();
        watchers.join().unwrap();
        drop(told);
        (wakes, hears.iter().collect())
    }

    type Told = std::sync::mpsc::Sender<Option<Term>>;

    /// Gives the thread an occasion to sleep, after it has told a watcher if that `is_told`.
    fn settle(watch: &LeaseWatch, hears: &Receiver<Option<Term>>, is_told: bool) {
        if is_told {
            assert_eq!(hears.recv_timeout(Duration::from_secs(60)), Ok(Some(Term(1))));
        }
        let _sleeps_or_is_about_to = watch.lock();
        thread::yield_now();
    }

    #[test]
    fn the_growth_of_a_lease_wakes_no_thread_unless_a_watcher_wants_to_hear_of_it() {
        let (wakes, told) = grow(None, false);
        assert!(wakes <= 1 && told.is_empty(), "nobody watches: {wakes}, {told:?}");
        let of_terms: fn(Told) -> Watcher =
            |told| Watcher::of_terms(move |lease| told.send(lease.map(|lease| lease.term)).unwrap());
        let (wakes, told) = grow(Some(of_terms), false);
        assert!(wakes <= 1, "the system may wake a thread for no reason, but hardly twice: {wakes}");
        assert!([&[Some(Term(2)), None][..], &[None]].contains(&&told[..]), "{told:?}");
        let of_growth: fn(Told) -> Watcher =
            |told| Watcher::of_growth(move |lease| told.send(lease.map(|lease| lease.term)).unwrap());
        let (_, told) = grow(Some(of_growth), true);
        assert_eq!(told.last(), Some(&None), "the withdrawal");
    }
}
