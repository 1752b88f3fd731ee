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

/// What has not happened for this long, and for twice the last pause, is over, and new when it happens again.
const OVER_AFTER: Duration = Duration::from_secs(60 * 60);

/// Of how many events of one kind each is remembered by itself. All others of that kind are said as if they were one,
/// so that a flood of names makes few events, and the event that comes after it is said all the same.
const REMEMBERED: usize = 16;

/// How many events wait for the host at most.
const WAITING: usize = 64;

/// Events that wait for the host, and those that were said.
pub(super) struct News<I> {
    waiting: VecDeque<Event<I>>,
    said: Vec<Said<I>>,
}

struct Said<I> {
    /// The event; the last one that was said, if this entry `stands_for_others`.
    event: Event<I>,
    /// Whether this entry is for all events of its kind that have none of their own.
    stands_for_others: bool,
    /// When it happened last.
    seen: Timestamp,
    /// Until when it is not said again, and how long that was.
    quiet_until: Timestamp,
    pause: Duration,
}

impl<I: NodeId> Said<I> {
    fn new(event: Event<I>, stands_for_others: bool, now: Timestamp) -> Self {
        let quiet_until = now.saturating_add(FIRST_PAUSE);
        Said { event, stands_for_others, seen: now, quiet_until, pause: FIRST_PAUSE }
    }

    fn is_of_the_kind_of(&self, event: &Event<I>) -> bool {
        core::mem::discriminant(&self.event) == core::mem::discriminant(event)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now.saturating_duration_since(self.seen) > self.pause.saturating_mul(2).max(OVER_AFTER)
    }

    /// The event happens at `now`. Returns whether it is said again.
    fn repeat(&mut self, event: &Event<I>, now: Timestamp) -> bool {
        self.seen = now;
        if now < self.quiet_until {
            return false;
        }
        self.event = event.clone();
        self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
        self.quiet_until = now.saturating_add(self.pause);
        true
    }
}

impl<I: NodeId> News<I> {
    pub(super) fn new() -> Self {
        News { waiting: VecDeque::new(), said: Vec::new() }
    }

    /// Says `event`, unless it was said of late.
    pub(super) fn say(&mut self, event: Event<I>, now: Timestamp) {
        let is_said = self.record(&event, now);
        if is_said && self.waiting.len() < WAITING && !self.waiting.contains(&event) {
            self.waiting.push_back(event);
        }
    }

    /// `event` happens at `now`. Returns whether it is said.
    fn record(&mut self, event: &Event<I>, now: Timestamp) -> bool {
        self.said.retain(|said| !said.is_over(now));
        let of_its_kind = self.said.iter().filter(|said| said.is_of_the_kind_of(event));
        let is_full = of_its_kind.filter(|said| !said.stands_for_others).count() >= REMEMBERED;
        if let Some(said) = self.said.iter_mut().find(|said| said.event == *event) {
            // There is room for it again: it goes on with the pause that it has reached.
            said.stands_for_others &= is_full;
            return said.repeat(event, now);
        }
        let is_for_it = |said: &&mut Said<I>| said.stands_for_others && said.is_of_the_kind_of(event);
        if let Some(said) = self.said.iter_mut().find(is_for_it).filter(|_| is_full) {
            return said.repeat(event, now);
        }
        self.said.push(Said::new(event.clone(), is_full, now));
        true
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

    /// What is said in each of `minutes`, in which the nodes write that `happens` names.
    fn said_in(
        news: &mut News<u32>,
        minutes: core::ops::Range<u64>,
        mut happens: impl FnMut(u64) -> Vec<u32>,
    ) -> Vec<(u64, Event<u32>)> {
        let mut said = Vec::new();
        for minute in minutes {
            let now = Timestamp::ORIGIN.saturating_add(Duration::from_secs(minute.saturating_mul(60)));
            happens(minute).into_iter().for_each(|peer| news.say(foreign(peer), now));
            said.extend(core::iter::from_fn(|| news.take()).map(|event| (minute, event)));
        }
        said
    }

    #[test]
    fn no_flood_of_names_makes_more_than_a_few_events_or_hides_another_kind() {
        let mut news = News::new();
        (0..1_000).for_each(|peer| news.say(foreign(peer), Timestamp::ORIGIN));
        news.say(Event::TwoProcesses { peer: 3 }, Timestamp::ORIGIN);
        let said: Vec<_> = core::iter::from_fn(|| news.take()).collect();
        assert_eq!((said.len(), said.last()), (REMEMBERED + 2, Some(&Event::TwoProcesses { peer: 3 })));
        // A flood of ever other names for a week.
        let names = |minute: u64| {
            let first = u32::try_from(minute).unwrap_or(u32::MAX).saturating_mul(20);
            (first..first.saturating_add(20)).collect()
        };
        let said = said_in(&mut News::new(), 0..7 * 24 * 60, names).len();
        assert!(said < 7 * 24 * 20, "{said}");
    }

    #[test]
    fn an_event_is_said_however_many_of_its_kind_were_said_before() {
        let mut news = News::new();
        let said = said_in(&mut news, 0..1, |_| (0..40).collect());
        assert_eq!(said.len(), REMEMBERED + 1);
        let said = said_in(&mut news, 1..600, |_| vec![99]);
        assert_eq!(said.first(), Some(&(1, foreign(99))), "beside the flood");
        assert!((6..=12).contains(&said.len()), "{said:?}");
    }

    #[test]
    fn what_is_over_is_forgotten_and_new_when_it_happens_again() {
        let mut news = News::new();
        said_in(&mut news, 0..100, |_| (0..40).collect());
        let said = said_in(&mut news, 400..401, |_| vec![99, 1]);
        assert_eq!(said, [(400, foreign(99)), (400, foreign(1))]);
        assert_eq!(news.said.len(), 2);
    }
}
