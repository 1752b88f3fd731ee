//! Tuned promises: the leader chooses the promise of its heartbeats and their interval by the round trips and
//! losses that it measures. Rule 3.6; after Dynatune (arXiv 2507.15154). Round trips are estimated as TCP does
//! (RFC 6298).
//!
//! ```text
//! promise  = max(2 * rtt_bound + heartbeats_needed * shortest / 6, 1.5 * quorum_gap), between shortest and longest
//! interval = what is left of the promise after the longer of rtt_bound and quorum_gap, / heartbeats_needed
//! ```

use alloc::boxed::Box;

use crate::config::{CheckedTiming, ClockBounds};
use crate::membership::Membership;
use crate::types::{MemberIndex, Nanos, NodeId, Timestamp};

const MILLION: u64 = 1_000_000;
/// How many round trips must be measured before the estimate of a member counts.
const ENOUGH: u8 = 16;
/// Over how many heartbeats losses are averaged.
const MEMORY: u16 = 512;
/// The lowest loss that is assumed, in parts per million: one heartbeat in a thousand, so that at least three fit
/// into a promise.
const LEAST_LOSS: u64 = 1_000;
/// The accepted chance that all heartbeats of a promise are lost, in parts of [`CERTAIN`]: one in a billion.
const UNLIKELY: u64 = 1_000;
const CERTAIN: u64 = 1_000_000_000_000;
/// Upper bound on heartbeats per promise: a member that loses more than a third of them is not accommodated.
const MAX_HEARTBEATS: u64 = 20;
/// How many heartbeats the shortest promise has room for.
const HEARTBEATS_IN_SHORTEST: u64 = 6;
/// How long a maximum is remembered at least, in longest promises: 19 s at 150 ms, and up to twice that.
const WINDOW: u64 = 128;

/// A length of time in microseconds, which is as exact as measurements are kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
struct Micros(u64);

/// What a leader measures, and the promise and interval that it chooses.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Tuning {
    /// One estimate for each member, in the order of the membership. The leader's own measures how late it sends
    /// its heartbeats.
    rtts: Box<[RttEstimate]>,
    /// The round trip that a promise has to outlast twice: the bound of the slowest member.
    rtt_bound: WindowMax,
    /// The longest time without answers of a quorum, since losses come in bursts.
    quorum_gap: WindowMax,
    /// When the windows of both were last rotated.
    since: Timestamp,
    promise: Micros,
    interval: Micros,
}

/// The maximum of the last one to two windows: it rises at once, and falls when the value has not recurred for a
/// whole window.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct WindowMax {
    recent: Micros,
    before: Micros,
}

/// The round trip to a member, and how many heartbeats are lost on it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct RttEstimate {
    /// When the newest heartbeat that was answered had been sent.
    sent_at: Timestamp,
    /// The round trip and its mean deviation, in microseconds.
    smoothed: u32,
    deviation: u32,
    samples: u8,
    /// How many heartbeats were sent, up to [`MEMORY`].
    sent: u16,
    /// The share of heartbeats that were not answered, in parts per million.
    loss: u32,
}

impl Tuning {
    /// A leader that has measured nothing yet.
    pub(crate) fn new(members: usize, timing: &CheckedTiming, now: Timestamp) -> Box<Self> {
        let rtts = core::iter::repeat_n(RttEstimate::new(now), members).collect();
        let longest = Micros::from(timing.promise());
        Box::new(Tuning {
            rtts,
            // Rare disturbances of the network are met before promises become shorter than this.
            rtt_bound: WindowMax { recent: Micros::ZERO, before: longest.part(2) },
            quorum_gap: WindowMax { recent: Micros::ZERO, before: Micros::ZERO },
            since: now,
            promise: longest,
            // Twice as many heartbeats as usual, so that estimates are there soon.
            interval: Micros::from(timing.heartbeat_interval().part(2)).max(Micros(1)),
        })
    }

    pub(crate) fn promise(&self) -> Nanos {
        self.promise.as_nanos()
    }

    pub(crate) fn interval(&self) -> Nanos {
        self.interval.as_nanos()
    }

    /// The member at `index` answers without writing from now on, so only later heartbeats are measured.
    pub(crate) fn restart_member(&mut self, index: MemberIndex, now: Timestamp) {
        if let Some(rtt) = self.rtts.get_mut(index.as_usize()) {
            *rtt = RttEstimate::new(now);
        }
    }

    /// A heartbeat is sent to the member at `index`. It counts as lost until it is answered.
    pub(crate) fn on_send(&mut self, index: MemberIndex) {
        if let Some(rtt) = self.rtts.get_mut(index.as_usize()) {
            rtt.sent = rtt.sent.saturating_add(1).min(MEMORY);
            let rest = 1_000_000_u32.saturating_sub(rtt.loss);
            rtt.loss = rtt.loss.saturating_add(rest.checked_div(rtt.sent.into()).unwrap_or(0));
        }
    }

    /// The member at `index` answers a heartbeat sent at `sent_at`. Replies that arrive twice or out of order are
    /// dropped.
    pub(crate) fn on_reply(
        &mut self,
        index: MemberIndex,
        sent_at: Timestamp,
        now: Timestamp,
        timing: &CheckedTiming,
    ) {
        let rtt = self.rtts.get_mut(index.as_usize());
        let Some(rtt) = rtt.filter(|rtt| sent_at > rtt.sent_at) else { return };
        rtt.sent_at = sent_at;
        let share = 1_000_000_u32.checked_div(rtt.sent.into()).unwrap_or(0);
        rtt.loss = rtt.loss.saturating_sub(share);
        rtt.observe(now.since(sent_at).min(timing.promise()));
    }

    /// Chooses promise and interval anew, before each broadcast. The leader, at `own`, is `late` to send it.
    pub(crate) fn retune<I: NodeId>(
        &mut self,
        members: &Membership<I>,
        own: MemberIndex,
        late: Nanos,
        now: Timestamp,
        timing: &CheckedTiming,
    ) {
        let longest = timing.promise();
        // A member that has not answered for long does not count, and is measured anew when it comes back.
        let is_gone = |rtt: &&mut RttEstimate| now.since(rtt.sent_at) > longest;
        self.rtts.iter_mut().filter(is_gone).for_each(|rtt| *rtt = RttEstimate::new(rtt.sent_at));
        if now.since(self.since) >= longest.saturating_mul(WINDOW) {
            self.since = now;
            self.rtt_bound.rotate();
            self.quorum_gap.rotate();
        }
        let last = self.rtts.get(own.as_usize()).map_or(now, |rtt| rtt.sent_at);
        if let Some(rtt) = self.rtts.get_mut(own.as_usize()) {
            rtt.sent_at = now;
            rtt.observe(late.min(longest));
        }
        self.observe_gap(members, last, now, longest);
        let is_measured = |index: MemberIndex| {
            index == own || self.rtts.get(index.as_usize()).is_some_and(RttEstimate::is_known)
        };
        if members.is_quorum(is_measured) {
            self.choose(own, timing);
        }
        let all = MemberIndex::all().take(self.rtts.len());
        all.filter(|&index| index != own).for_each(|index| self.on_send(index));
    }

    /// Measures how long no quorum has answered, if none has answered the `last` heartbeat. The lease depends on a
    /// quorum; a single member whose promise ends disturbs the group only briefly.
    fn observe_gap<I: NodeId>(
        &mut self,
        members: &Membership<I>,
        last: Timestamp,
        now: Timestamp,
        longest: Nanos,
    ) {
        let newest =
            |index: MemberIndex| self.rtts.get(index.as_usize()).map_or(Timestamp::ORIGIN, |rtt| rtt.sent_at);
        let answered = members.quorum_value(Timestamp::ORIGIN, newest);
        if answered < last {
            self.quorum_gap.observe(now.since(answered).min(longest).into());
        }
    }

    /// Chooses promise and interval for every member that answers, learners too, not just for a quorum: a member
    /// whose promise ends between two heartbeats disturbs the others, and could not be promoted.
    ///
    /// A leads B (round trips up to 2 ms, 1 heartbeat in 1,000 lost) and C (10 ms, 1 in 10), with promises from
    /// 25 ms up. A and B are a quorum, but the promise of C must not end between heartbeats either. Nine in a row
    /// are hardly ever lost to C, so A asks for 2 * 10 + 9 * 25 / 6 = 57.5 ms, and sends every
    /// (57.5 - 10) / 9 = 5.3 ms.
    fn choose(&mut self, own: MemberIndex, timing: &CheckedTiming) {
        let others = MemberIndex::all().zip(&self.rtts);
        let others = others.filter(|(index, rtt)| *index != own && rtt.is_known());
        let (rtt_bound, loss) = others.fold((Micros::ZERO, 0), |(rtt_bound, loss), (_, rtt)| {
            (rtt.bound().max(rtt_bound), rtt.loss.max(loss))
        });
        let late = self.rtts.get(own.as_usize()).map_or(Micros::ZERO, RttEstimate::bound);
        self.rtt_bound.observe(rtt_bound.saturating_add(late));
        let (rtt_bound, quorum_gap) = (self.rtt_bound.max(), self.quorum_gap.max());
        let heartbeats = heartbeats_needed(loss);
        let (shortest, longest) = (timing.shortest_promise().into(), timing.promise().into());
        let least = Micros::part(shortest, HEARTBEATS_IN_SHORTEST);
        let needed = rtt_bound.saturating_mul(2).saturating_add(least.saturating_mul(heartbeats));
        let outlasted = quorum_gap.saturating_add(quorum_gap.part(2));
        self.promise = stretch(needed.max(outlasted), timing.clock).max(shortest).min(longest);
        // What the promise is worth on the leader's clock, and what is left of it for repeated heartbeats.
        let binding = Micros::from(timing.clock.binding_length(self.promise()));
        let left = binding.saturating_sub(rtt_bound.max(quorum_gap)).max(binding.part(3));
        self.interval = left.part(heartbeats).max(least).max(Micros(1));
    }
}

impl Micros {
    const ZERO: Micros = Micros(0);

    fn as_nanos(self) -> Nanos {
        Nanos(self.0.saturating_mul(1_000))
    }

    fn saturating_add(self, other: Micros) -> Micros {
        Micros(self.0.saturating_add(other.0))
    }

    fn saturating_sub(self, other: Micros) -> Micros {
        Micros(self.0.saturating_sub(other.0))
    }

    fn saturating_mul(self, factor: u64) -> Micros {
        Micros(self.0.saturating_mul(factor))
    }

    /// One of that many equal parts, rounded down.
    fn part(self, parts: u64) -> Micros {
        Micros(self.0.checked_div(parts).unwrap_or(self.0))
    }
}

impl From<Nanos> for Micros {
    fn from(length: Nanos) -> Self {
        Micros(length.0 / 1_000)
    }
}

impl WindowMax {
    fn observe(&mut self, value: Micros) {
        self.recent = self.recent.max(value);
    }

    fn max(&self) -> Micros {
        self.recent.max(self.before)
    }

    fn rotate(&mut self) {
        self.before = core::mem::take(&mut self.recent);
    }
}

impl RttEstimate {
    fn new(sent_at: Timestamp) -> Self {
        RttEstimate { sent_at, smoothed: 0, deviation: 0, samples: 0, sent: 1, loss: 1_000_000 }
    }

    fn is_known(&self) -> bool {
        self.samples >= ENOUGH
    }

    /// Takes a sample, as RFC 6298, section 2, does.
    fn observe(&mut self, length: Nanos) {
        let sample = u32::try_from(Micros::from(length).0).unwrap_or(u32::MAX);
        if self.samples == 0 {
            (self.smoothed, self.deviation) = (sample, sample / 2);
        } else {
            self.deviation = blend(self.deviation, self.smoothed.abs_diff(sample), 4);
            self.smoothed = blend(self.smoothed, sample, 8);
        }
        self.samples = self.samples.saturating_add(1);
    }

    /// A length that a round trip hardly ever exceeds.
    fn bound(&self) -> Micros {
        Micros(u64::from(self.deviation).saturating_mul(4).saturating_add(self.smoothed.into()))
    }
}

/// The weighted mean of `old` and `new`, in which `new` has one part in `parts`.
fn blend(old: u32, new: u32, parts: u64) -> u32 {
    let kept = u64::from(old).saturating_mul(parts.saturating_sub(1));
    let sum = kept.saturating_add(new.into()).checked_div(parts).unwrap_or(0);
    u32::try_from(sum).unwrap_or(u32::MAX)
}

/// Lengthens `length` so that it still covers `length` on the slowest and coarsest clock.
fn stretch(length: Micros, clock: ClockBounds) -> Micros {
    let rate = MILLION.saturating_add(clock.drift_ppm.into());
    length.saturating_add(clock.resolution().into()).saturating_mul(rate).part(MILLION)
}

/// How many heartbeats a promise must have room for, so that hardly ever all of them are lost.
fn heartbeats_needed(loss: u32) -> u64 {
    let loss = u64::from(loss).max(LEAST_LOSS);
    let (mut heartbeats, mut chance) = (0_u64, CERTAIN);
    while chance > UNLIKELY && heartbeats < MAX_HEARTBEATS {
        chance = chance.saturating_mul(loss) / MILLION;
        heartbeats = heartbeats.saturating_add(1);
    }
    heartbeats
}

#[cfg(test)]
mod tests;
