//! The calls of a register: one at a time, and none for longer than a time-out.

use alloc::vec::Vec;
use core::time::Duration;

use super::cell::Cell;
use super::status::{Outcome, Tag};
use crate::types::{NEVER, Timestamp};

/// What the register is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::adapters) enum Request {
    Read,
    Swap { tag: Tag, bytes: Vec<u8> },
}

impl Request {
    /// Makes the call, and waits for what comes of it.
    pub(in crate::adapters) fn make(&self, cell: &mut dyn Cell) -> Outcome {
        match self {
            Request::Read => Outcome::of_read(cell.read()),
            Request::Swap { tag, bytes } => Outcome::of_swap(cell.swap(tag, bytes)),
        }
    }
}

/// A call, as it is passed to the client of the register.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::adapters) struct Call {
    /// Calls are numbered, so that what comes of one too late is known for that.
    pub(in crate::adapters) number: u64,
    pub(in crate::adapters) request: Request,
}

/// The call that an agent or a seat waits for, and whether the client is free. A client that hangs is not free, whatever is
/// waited for.
#[derive(Debug)]
pub(super) struct Calls {
    timeout: Duration,
    /// The number of the call that was passed on last.
    number: u64,
    under_way: Option<UnderWay>,
    is_client_busy: bool,
}

#[derive(Debug)]
struct UnderWay {
    since: Timestamp,
    is_read: bool,
    /// What was not passed on yet, as the client was not free.
    waiting: Option<Request>,
}

impl Calls {
    pub(super) fn new(timeout: Duration) -> Self {
        Calls { timeout, number: 0, under_way: None, is_client_busy: false }
    }

    /// Whether no call is waited for.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_none()
    }

    #[cfg(feature = "seat")]
    pub(super) fn is_client_free(&self) -> bool {
        !self.is_client_busy
    }

    /// This call is waited for from now on.
    pub(super) fn begin(&mut self, request: Request, now: Timestamp) {
        let is_read = request == Request::Read;
        self.under_way = Some(UnderWay { since: now, is_read, waiting: Some(request) });
    }

    /// The call that waits, if the client is free. Its time begins.
    pub(super) fn pass_on(&mut self, now: Timestamp) -> Option<Call> {
        let under_way = self.under_way.as_mut().filter(|_| !self.is_client_busy)?;
        let request = under_way.waiting.take()?;
        under_way.since = now;
        self.number = self.number.saturating_add(1);
        self.is_client_busy = true;
        Some(Call { number: self.number, request })
    }

    /// The client has ended call `number`, and is free. Returns whether what came of it is still waited for.
    pub(super) fn end(&mut self, number: u64) -> bool {
        self.is_client_busy = false;
        let is_awaited = self.under_way.as_ref().is_some_and(|under_way| under_way.waiting.is_none());
        let is_last = number == self.number && is_awaited;
        if is_last {
            self.under_way = None;
        }
        is_last
    }

    /// What counts as the outcome of a call that has taken too long: it is not waited for any more.
    pub(super) fn expire(&mut self, now: Timestamp) -> Option<Outcome> {
        if now < self.deadline() {
            return None;
        }
        let UnderWay { is_read, waiting, .. } = self.under_way.take()?;
        // A call that was never begun was not done, and a read changes nothing.
        Some(if is_read || waiting.is_some() { Outcome::Failed } else { Outcome::Unknown })
    }

    /// When the call has taken too long.
    pub(super) fn deadline(&self) -> Timestamp {
        self.under_way.as_ref().map_or(NEVER, |under_way| under_way.since.saturating_add(self.timeout))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Duration::from_millis(millis).into()
    }

    fn swap() -> Request {
        Request::Swap { tag: Tag::from(1), bytes: Vec::new() }
    }

    #[test]
    fn what_comes_of_a_call_after_its_time_is_dropped_and_the_next_call_waits_until_the_client_is_free() {
        let mut calls = Calls::new(Duration::from_millis(100));
        calls.begin(swap(), at(0));
        let first = calls.pass_on(at(10)).unwrap();
        assert_eq!(calls.expire(at(109)), None);
        assert_eq!(calls.expire(at(110)), Some(Outcome::Unknown), "it may be done, and may be done yet");
        calls.begin(Request::Read, at(110));
        assert_eq!(calls.pass_on(at(110)), None, "the client hangs");
        assert!(!calls.end(first.number), "it comes too late");
        let second = calls.pass_on(at(150)).unwrap();
        assert_eq!(calls.deadline(), at(250), "its time begins when it is passed on");
        assert!(calls.end(second.number) && calls.is_idle());
    }

    #[test]
    fn a_swap_that_was_never_passed_on_was_not_done() {
        let mut calls = Calls::new(Duration::from_millis(100));
        calls.begin(Request::Read, at(0));
        let read = calls.pass_on(at(0)).unwrap();
        assert_eq!(calls.expire(at(100)), Some(Outcome::Failed));
        calls.begin(swap(), at(100));
        assert_eq!((calls.pass_on(at(120)), calls.expire(at(200))), (None, Some(Outcome::Failed)));
        assert!(!calls.end(read.number) && calls.pass_on(at(300)).is_none(), "nothing waits any more");
    }
}
