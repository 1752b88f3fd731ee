//! The news of a host for the threads of its program, in a queue of bounded length.

use std::collections::VecDeque;
use std::prelude::rust_2024::*;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many notices are kept for a reader that does not come.
const KEPT: usize = 1_024;

/// A notice that can tell of others, which were dropped unread.
pub(super) trait TellsOfMissed {
    fn missed(count: u64) -> Self;
}

/// The notices of a host. Clones share them: each notice goes to one reader.
#[derive(Debug)]
pub(super) struct Notices<N>(Arc<Queue<N>>);

impl<N> Clone for Notices<N> {
    fn clone(&self) -> Self {
        Notices(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Queue<N> {
    state: Mutex<State<N>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<N> {
    notices: VecDeque<N>,
    missed: u64,
    closed: bool,
}

impl<N: TellsOfMissed> Notices<N> {
    pub(super) fn new() -> Self {
        let state = State { notices: VecDeque::new(), missed: 0, closed: false };
        Notices(Arc::new(Queue { state: Mutex::new(state), changed: Condvar::new() }))
    }

    /// The next notice, as soon as there is one; `None` when the queue is closed and empty.
    pub(super) fn recv(&self) -> Option<N> {
        let mut state = self.lock();
        loop {
            if let Some(notice) = state.next() {
                return Some(notice);
            }
            if state.closed {
                return None;
            }
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next notice, if there is one within `timeout`.
    pub(super) fn recv_timeout(&self, timeout: Duration) -> Result<N, RecvTimeoutError> {
        let began = Instant::now();
        let mut state = self.lock();
        loop {
            if let Some(notice) = state.next() {
                return Ok(notice);
            }
            if state.closed {
                return Err(RecvTimeoutError::Disconnected);
            }
            let left = timeout.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Err(RecvTimeoutError::Timeout);
            }
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The next notice, if there is one.
    pub(super) fn try_recv(&self) -> Option<N> {
        self.lock().next()
    }

    pub(super) fn push(&self, notice: N) {
        let mut state = self.lock();
        if state.notices.len() >= KEPT {
            state.notices.pop_front();
            state.missed = state.missed.saturating_add(1);
        }
        state.notices.push_back(notice);
        self.0.changed.notify_all();
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.0.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<N>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<N: TellsOfMissed> State<N> {
    fn next(&mut self) -> Option<N> {
        if self.missed > 0 {
            return Some(N::missed(core::mem::take(&mut self.missed)));
        }
        self.notices.pop_front()
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[derive(PartialEq, Debug)]
    enum News {
        Number(usize),
        Missed(u64),
    }

    impl TellsOfMissed for News {
        fn missed(count: u64) -> Self {
            News::Missed(count)
        }
    }

    #[test]
    fn unread_notices_do_not_pile_up_and_the_newest_are_kept() {
        let notices = Notices::new();
        (0..KEPT + 10).for_each(|number| notices.push(News::Number(number)));
        notices.close();
        assert_eq!(notices.recv(), Some(News::Missed(10)), "says how many are gone");
        assert_eq!(notices.recv(), Some(News::Number(10)), "the oldest that is left");
        assert_eq!(std::iter::from_fn(|| notices.recv()).count(), KEPT - 1);
    }
}
