//! What datagrams show that the election does not see, as events. Each is said at once and again at growing
//! intervals, however often it happens.

use core::time::Duration;
use std::collections::VecDeque;
use std::prelude::rust_2024::*;

use crate::event::Event;
use crate::types::{NodeId, Timestamp};

/// How long an event is not said again after the first time. Each time doubles it, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// Of how many events of one kind the last time is remembered. More are not said.
const REMEMBERED: usize = 16;

/// Events that wait for the host, and those that were said.
pub(super) struct News<I> {
    waiting: VecDeque<Event<I>>,
    said: Vec<Said<I>>,
}

struct Said<I> {
    event: Event<I>,
    /// Until when it is not said again, and how long that was.
    quiet_until: Timestamp,
    pause: Duration,
}

impl<I: NodeId> News<I> {
    pub(super) fn new() -> Self {
        News { waiting: VecDeque::new(), said: Vec::new() }
    }

    /// Says `event`, unless it was said of late.
    pub(super) fn say(&mut self, event: Event<I>, now: Timestamp) {
        let is_of_its_kind =
            |said: &&Said<I>| core::mem::discriminant(&said.event) == core::mem::discriminant(&event);
        let kind = self.said.iter().filter(is_of_its_kind).count();
        match self.said.iter_mut().find(|said| said.event == event) {
            Some(said) if now < said.quiet_until => return,
            Some(said) => {
                said.pause = said.pause.saturating_mul(2).min(LONGEST_PAUSE);
                said.quiet_until = now.saturating_add(said.pause);
            }
            None if kind >= REMEMBERED => return,
            None => {
                let quiet_until = now.saturating_add(FIRST_PAUSE);
                self.said.push(Said { event: event.clone(), quiet_until, pause: FIRST_PAUSE });
            }
        }
        if !self.waiting.contains(&event) {
            self.waiting.push_back(event);
        }
    }

    pub(super) fn take(&mut self) -> Option<Event<I>> {
        self.waiting.pop_front()
    }
}

/// How much news of one kind there may be at once, and how often one piece more.
const ALLOWED: u32 = 8;
const ALLOWED_EVERY: Duration = Duration::from_secs(30);

/// Bounds news that others can cause.
pub(super) struct Allowance {
    left: u32,
    /// When it grows next, unless it is whole.
    grows: Timestamp,
}

impl Allowance {
    pub(super) fn new() -> Self {
        Allowance { left: ALLOWED, grows: Timestamp::ORIGIN }
    }

    /// Takes a piece, if there is one left.
    pub(super) fn take(&mut self, now: Timestamp) -> bool {
        while self.left < ALLOWED && now >= self.grows {
            self.left = self.left.saturating_add(1);
            self.grows = self.grows.saturating_add(ALLOWED_EVERY);
        }
        if self.left == ALLOWED {
            self.grows = now.saturating_add(ALLOWED_EVERY);
        }
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ClusterId;

    fn foreign(peer: u32) -> Event<u32> {
        Event::ForeignCluster { peer, cluster: ClusterId(9) }
    }

    #[test]
    fn what_happens_all_the_time_is_said_at_growing_intervals() {
        let mut news = News::new();
        let mut said = Vec::new();
        for minute in 0..2_000 {
            let now = Timestamp::ORIGIN.saturating_add(Duration::from_secs(60 * minute));
            news.say(foreign(1), now);
            said.extend(core::iter::from_fn(|| news.take()).map(|_| minute));
        }
        assert_eq!(said, [0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1_023]);
    }

    #[test]
    fn an_allowance_is_used_up_and_grows_again() {
        let mut allowance = Allowance::new();
        let taken = |allowance: &mut Allowance, seconds: core::ops::Range<u64>| {
            let at = |second| Timestamp::ORIGIN.saturating_add(Duration::from_secs(second));
            seconds.filter(|&second| allowance.take(at(second))).count()
        };
        assert_eq!(taken(&mut allowance, 0..30), 8);
        assert_eq!(taken(&mut allowance, 30..630), 20);
        assert_eq!(taken(&mut allowance, 10_000..10_030), 8);
    }

    #[test]
    fn no_flood_of_names_makes_more_than_a_few_events_or_hides_another_kind() {
        let mut news = News::new();
        (0..1_000).for_each(|peer| news.say(foreign(peer), Timestamp::ORIGIN));
        news.say(Event::TwoProcesses { peer: 3 }, Timestamp::ORIGIN);
        let said: Vec<_> = core::iter::from_fn(|| news.take()).collect();
        assert_eq!((said.len(), said.last()), (REMEMBERED + 1, Some(&Event::TwoProcesses { peer: 3 })));
    }
}
