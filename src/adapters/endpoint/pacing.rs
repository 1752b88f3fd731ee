//! How often a node is written to that does not answer.
//!
//! Datagrams to a machine that is gone from its subnet wait in the sender's system for seconds, until the address is
//! known to be dead, and take room in the one buffer that the datagrams to all others go through. So a node that is
//! asked and does not answer is written to seldom enough that all such nodes together fill half of that buffer at
//! most, each an equal share; and after the others. Until this is known of a node, it has had a quarter of the buffer
//! at most, together with all others. Two silent nodes of a small group notice nothing of it.

use core::time::Duration;

use crate::types::Timestamp;

/// For how long the system keeps a datagram to an address that does not resolve (Linux: three probes, a second each).
const HELD: Duration = Duration::from_secs(3);

/// How long a node may leave all that is sent to it unanswered until it is silent.
const SILENT_AFTER: Duration = Duration::from_secs(1);

/// How long a node may leave all that is sent to it unanswered until it may be somewhere else: some heartbeats.
const MISSING_AFTER: Duration = Duration::from_millis(250);

/// How many datagrams a node may leave unanswered at least until it is silent: a leader whose heartbeats these are does
/// not count on the node's promise any more.
const UNANSWERED: usize = 3;

/// A node that nothing was to be sent to for so long is not silent: it was not asked.
const PAUSE: Duration = Duration::from_secs(2);

/// What the system counts for a datagram beside its bytes, and how often it counts these.
const OVERHEAD: usize = 512;
const FACTOR: usize = 2;

/// The send buffer of a socket of which nothing else is known, in bytes: Linux's default.
const DEFAULT_BUFFER: usize = 212_992;

/// How much a socket holds, and how many nodes share it: all, and those that do not answer.
#[derive(Debug)]
pub(super) struct Pacing {
    buffer: usize,
    nodes: usize,
    silent: usize,
}

/// What has been sent to one node since it was heard.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// Since when something is sent to it that it has not answered, without a pause.
    since: Option<Timestamp>,
    /// When a datagram of it arrived last.
    heard: Option<Timestamp>,
    /// When something was to be sent to it last, and when something was sent.
    wanted: Timestamp,
    sent: Timestamp,
    /// What the system counts for the last datagram to it, at all addresses together, and for all that it has not
    /// answered.
    cost: usize,
    unanswered: usize,
    /// Whether it was counted as silent.
    counted: bool,
}

/// When a datagram goes out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    Now,
    /// After all that goes out now.
    Last,
    /// Not at all.
    Never,
}

impl Pacing {
    pub(super) fn new() -> Self {
        Pacing { buffer: DEFAULT_BUFFER, nodes: 0, silent: 0 }
    }

    pub(super) fn set_buffer(&mut self, bytes: usize) {
        self.buffer = bytes;
    }

    /// Counts the nodes that are silent.
    pub(super) fn count<'a>(&mut self, all: impl Iterator<Item = &'a mut Asked>, now: Timestamp) {
        let (mut nodes, mut silent) = (0_usize, 0_usize);
        for asked in all {
            asked.counted = self.is_silent(asked, now);
            (nodes, silent) = (nodes.saturating_add(1), silent.saturating_add(asked.counted.into()));
        }
        (self.nodes, self.silent) = (nodes, silent);
    }

    /// Whether the node is silent, and was not when the nodes were counted.
    pub(super) fn is_uncounted(&self, asked: &Asked, now: Timestamp) -> bool {
        !asked.counted && self.is_silent(asked, now)
    }

    /// Machines that are gone all at once have taken their part of the buffer before any of them has been silent for long.
    fn is_silent(&self, asked: &Asked, now: Timestamp) -> bool {
        let share = (self.buffer / 4).checked_div(self.nodes).unwrap_or(self.buffer);
        let share = share.max(asked.cost.saturating_mul(UNANSWERED));
        let is_late = |since: Timestamp| now.saturating_duration_since(since) >= SILENT_AFTER;
        asked.since.is_some_and(|since| is_late(since) || asked.unanswered >= share)
            && now.saturating_duration_since(asked.wanted) < PAUSE
    }

    /// How long to leave a silent node alone between two datagrams of this cost.
    fn interval(&self, cost: usize) -> Duration {
        let share = (self.buffer / 2).checked_div(self.silent.max(1)).unwrap_or(0).max(1);
        let held = u64::try_from(HELD.as_micros()).unwrap_or(u64::MAX);
        let cost = u64::try_from(cost).unwrap_or(u64::MAX);
        let share = u64::try_from(share).unwrap_or(1);
        Duration::from_micros(held.saturating_mul(cost).checked_div(share).unwrap_or(u64::MAX))
    }

    /// Whether a datagram to the node may go out at `now`.
    pub(super) fn turn(&self, asked: &mut Asked, now: Timestamp) -> Turn {
        if now.saturating_duration_since(asked.wanted) >= PAUSE {
            (asked.since, asked.unanswered) = (None, 0);
        }
        asked.since.get_or_insert(now);
        asked.wanted = now;
        if !self.is_silent(asked, now) {
            return Turn::Now;
        }
        let rested = now.saturating_duration_since(asked.sent) >= self.interval(asked.cost);
        if rested { Turn::Last } else { Turn::Never }
    }
}

impl Asked {
    /// A datagram of the node arrives.
    pub(super) fn answer(&mut self, now: Timestamp) {
        (self.since, self.heard, self.unanswered) = (None, Some(now), 0);
    }

    /// Whether datagrams of the node arrive, of which one that knows no leader sends two a second.
    pub(super) fn is_arriving(&self, now: Timestamp) -> bool {
        self.heard.is_some_and(|heard| now.saturating_duration_since(heard) < SILENT_AFTER)
    }

    /// Whether the node leaves unanswered what is sent to it, and may be somewhere else. A node that was heard before need
    /// not answer the first datagram: it has to be asked again.
    pub(super) fn is_missing(&self, now: Timestamp) -> bool {
        let last = if self.heard.is_some() { self.wanted } else { now };
        self.since.is_some_and(|since| last.saturating_duration_since(since) >= MISSING_AFTER)
            && now.saturating_duration_since(self.wanted) < PAUSE
    }

    /// The node may be at another address: the next datagram to it need not wait.
    pub(super) fn end_rest(&mut self) {
        self.sent = Timestamp::ORIGIN;
    }

    /// A datagram of `length` bytes goes out, to so many addresses of the node.
    pub(super) fn send(&mut self, length: usize, addresses: usize, now: Timestamp) {
        self.sent = now;
        self.cost = length.saturating_mul(FACTOR).saturating_add(OVERHEAD).saturating_mul(addresses);
        self.unanswered = self.unanswered.saturating_add(self.cost);
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn millis(millis: u64) -> Timestamp {
        Timestamp::ORIGIN.saturating_add(Duration::from_millis(millis))
    }

    /// How many datagrams of 300 bytes go out to each of so many silent nodes in a minute, of one every 20 ms. They have
    /// been silent for three seconds before.
    fn sent_in_a_minute(nodes: usize, buffer: usize) -> usize {
        let (mut pacing, mut all) = (Pacing::new(), std::vec![Asked::default(); nodes]);
        pacing.set_buffer(buffer);
        let mut sent: usize = 0;
        for now in (0..63_000).step_by(20).map(millis) {
            for asked in &mut all {
                if pacing.turn(asked, now) != Turn::Never {
                    asked.send(300, 1, now);
                    sent = sent.saturating_add((now >= millis(3_000)).into());
                }
            }
            pacing.count(all.iter_mut(), now);
        }
        sent.checked_div(nodes).unwrap_or(0)
    }

    #[test]
    fn the_silent_share_half_of_the_buffer_whatever_their_number() {
        assert_eq!(sent_in_a_minute(1, DEFAULT_BUFFER), 1_500, "every 40 ms");
        for nodes in [1, 5, 50, 250] {
            let in_three_seconds =
                (sent_in_a_minute(nodes, DEFAULT_BUFFER) - 1) * nodes * (2 * 300 + 512) * 3 / 60;
            assert!(in_three_seconds <= DEFAULT_BUFFER / 2, "{in_three_seconds} bytes of {nodes} nodes");
            assert!(sent_in_a_minute(nodes, 10 * DEFAULT_BUFFER) > sent_in_a_minute(nodes, DEFAULT_BUFFER));
        }
    }

    #[test]
    fn nodes_that_are_gone_all_at_once_leave_room_to_the_others_from_the_first_moment() {
        for (nodes, buffer) in [(8, DEFAULT_BUFFER), (20, DEFAULT_BUFFER), (120, 10 * DEFAULT_BUFFER)] {
            let (mut pacing, mut all) = (Pacing::new(), std::vec![Asked::default(); nodes]);
            pacing.set_buffer(buffer);
            pacing.count(all.iter_mut(), millis(0));
            let mut sent: Vec<(Timestamp, usize)> = Vec::new();
            for now in (0..20_000).step_by(20).map(millis) {
                for index in 0..nodes {
                    if pacing.turn(&mut all[index], now) != Turn::Never {
                        all[index].send(300, 1, now);
                        sent.push((now, all[index].cost));
                    }
                    if pacing.is_uncounted(&all[index], now) {
                        pacing.count(all.iter_mut(), now);
                    }
                }
                sent.retain(|&(at, _)| now.saturating_duration_since(at) < HELD);
                let held: usize = sent.iter().map(|&(_, cost)| cost).sum();
                assert!(held <= buffer * 3 / 4, "{held} bytes of {nodes} nodes at {now:?}");
            }
        }
    }

    #[test]
    fn a_node_that_answers_or_was_not_asked_is_not_silent() {
        let (mut pacing, mut asked) = (Pacing::new(), Asked::default());
        pacing.set_buffer(1);
        for tenth in 0..100 {
            assert_eq!(pacing.turn(&mut asked, millis(tenth * 100)), Turn::Now);
            asked.send(300, 1, millis(tenth * 100));
            asked.answer(millis(tenth * 100));
        }
        for pause in 5..50 {
            assert_eq!(pacing.turn(&mut asked, millis(pause * 2_000)), Turn::Now);
        }
        assert_eq!(pacing.turn(&mut asked, millis(49 * 2_000 + 999)), Turn::Now);
        asked.send(300, 1, millis(49 * 2_000 + 999));
        assert_eq!(pacing.turn(&mut asked, millis(49 * 2_000 + 1_000)), Turn::Never);
    }
}
