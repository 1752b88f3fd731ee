//! The news of a host, in a queue of bounded length.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::prelude::rust_2024::*;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::HostFailure;
#[cfg(feature = "register")]
use crate::adapters::register::RegisterEvent;
use crate::event::Event;

/// How many notices are kept for a reader that does not come.
const KEPT: usize = 1_024;

/// What a host has to say.
///
/// Non-exhaustive: a later version may say more, and a program that does not know of it can print it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Notice<I> {
    /// News of the election.
    Event(Event<I>),
    /// A member has another address than before. These are all known addresses of the other members; give
    /// them as peers at the next start, beside those that are configured. Such notices come eight at once at most, and
    /// twice a minute in the long run, so a program may write a file for each.
    Addresses(Vec<(I, SocketAddr)>),
    /// News of the agent of the voter in a register.
    #[cfg(feature = "register")]
    Register(RegisterEvent<I>),
    /// So many notices were dropped here, because they had not been read.
    Missed(u64),
    /// The host has stopped, for this reason. Nothing follows.
    Failed(HostFailure),
}

/// The notices of a host. Clones share them: each notice goes to one reader.
#[derive(Debug)]
pub struct Events<I>(Arc<Queue<I>>);

impl<I> Clone for Events<I> {
    fn clone(&self) -> Self {
        Events(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Queue<I> {
    state: Mutex<State<I>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<I> {
    notices: VecDeque<Notice<I>>,
    missed: u64,
    closed: bool,
}

impl<I> Events<I> {
    pub(super) fn new() -> Self {
        let state = State { notices: VecDeque::new(), missed: 0, closed: false };
        Events(Arc::new(Queue { state: Mutex::new(state), changed: Condvar::new() }))
    }

    /// The next notice, as soon as there is one; `None` when the host has stopped.
    #[must_use]
    pub fn recv(&self) -> Option<Notice<I>> {
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
    ///
    /// # Errors
    /// As the receiver of a channel: timed out, or disconnected when the host has stopped.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Notice<I>, RecvTimeoutError> {
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
    #[must_use]
    pub fn try_recv(&self) -> Option<Notice<I>> {
        self.lock().next()
    }

    pub(super) fn push(&self, notice: Notice<I>) {
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

    fn lock(&self) -> MutexGuard<'_, State<I>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<I> State<I> {
    fn next(&mut self) -> Option<Notice<I>> {
        if self.missed > 0 {
            return Some(Notice::Missed(core::mem::take(&mut self.missed)));
        }
        self.notices.pop_front()
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn unread_notices_do_not_pile_up_and_the_newest_are_kept() {
        let events = Events::<u8>::new();
        for number in 0..=KEPT as u64 + 9 {
            events.push(Notice::Missed(number));
        }
        events.close();
        assert!(matches!(events.recv(), Some(Notice::Missed(10))), "says how many are gone");
        assert!(matches!(events.recv(), Some(Notice::Missed(10))), "the oldest that is left");
        assert_eq!(std::iter::from_fn(|| events.recv()).count(), KEPT - 1);
    }
}
