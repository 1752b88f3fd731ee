//! The events to come, in order.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::clock::Instant;

/// Events in the order of their instants. Events of the same instant keep the order in which they were
/// scheduled, so that a run depends on its seed alone.
#[derive(Clone, Debug)]
pub struct EventQueue<E> {
    heap: BinaryHeap<Reverse<Scheduled<E>>>,
    scheduled: u64,
}

#[derive(Clone, Debug)]
struct Scheduled<E> {
    at: Instant,
    sequence: u64,
    event: E,
}

impl<E> EventQueue<E> {
    /// A queue without events.
    #[must_use]
    pub fn new() -> Self {
        EventQueue { heap: BinaryHeap::new(), scheduled: 0 }
    }

    /// Lets `event` happen at `at`.
    pub fn schedule(&mut self, at: Instant, event: E) {
        self.scheduled += 1;
        self.heap.push(Reverse(Scheduled { at, sequence: self.scheduled, event }));
    }

    /// The instant of the next event.
    #[must_use]
    pub fn next_time(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(next)| next.at)
    }

    /// Takes the next event and its instant, unless that is after `end`.
    pub fn pop_until(&mut self, end: Instant) -> Option<(Instant, E)> {
        let Reverse(next) = self.heap.peek()?;
        if next.at > end {
            return None;
        }
        self.heap.pop().map(|Reverse(next)| (next.at, next.event))
    }
}

impl<E> Default for EventQueue<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> Ord for Scheduled<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl<E> PartialOrd for Scheduled<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Scheduled<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<E> Eq for Scheduled<E> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_instant_and_then_in_the_order_of_scheduling() {
        let mut queue = EventQueue::new();
        for (at, event) in [(5, "c"), (3, "a"), (5, "d"), (3, "b"), (9, "e")] {
            queue.schedule(at, event);
        }
        let taken: Vec<_> = std::iter::from_fn(|| queue.pop_until(8)).collect();
        assert_eq!(taken, [(3, "a"), (3, "b"), (5, "c"), (5, "d")]);
    }

    #[test]
    fn an_event_after_the_end_stays_in_the_queue() {
        let mut queue = EventQueue::new();
        queue.schedule(9, "late");
        assert_eq!(queue.pop_until(8), None);
        assert_eq!(queue.pop_until(9), Some((9, "late")));
    }
}
