//! How long a promise a leader asks for, and how often, by the round trips that it measures.
//! Rule 3.6. After Dynatune (arXiv 2507.15154); a round trip is estimated as TCP does (RFC 6298).

use alloc::boxed::Box;

use crate::config::CheckedTiming;
use crate::lease::binding_length;
use crate::membership::Membership;
use crate::types::{MemberIndex, Nanos, NodeId, Timestamp};

const MILLION: u64 = 1_000_000;
/// So many answers tell enough of a member.
const ENOUGH: u8 = 16;
/// What is known of losses reaches so many heartbeats back.
const MEMORY: u16 = 512;
/// At least one heartbeat in a thousand counts as lost, so that three of them fit into a promise.
const LEAST_LOSS: u64 = 1_000;
/// Chances in 10^12 that all heartbeats of a promise are lost, at the most: one in a billion.
const UNLIKELY: u64 = 1_000;
const CERTAIN: u64 = 1_000_000_000_000;
/// Who loses more than a third is not waited for.
const MAX_HEARTBEATS: u64 = 20;
/// The shortest promise has room for so many heartbeats before it grows.
const HEARTBEATS_IN_SHORTEST: u64 = 6;
/// The worst is remembered for so many of the longest promises, 19 s at 150 ms, and up to twice that.
const WINDOW: u64 = 128;

/// A length of time in microseconds, which is as exact as measurements are kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
struct Micros(u64);

/// What a leader measures, and what it makes of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Tuning {
    /// One for each member, in the order of the membership. The leader's own tells how late it is to
    /// send.
    rtts: Box<[RttEstimate]>,
    /// The round trip that a promise has to outlast twice.
    rtt_bound: WindowMax,
    /// The longest time that went by without a quorum's answers: losses come in bursts.
    quorum_gap: WindowMax,
    /// Since when both are measured anew.
    since: Timestamp,
    promise: Micros,
    interval: Micros,
}

/// The most of late: it rises at once, and falls when it has not come back for long.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct WindowMax {
    recent: Micros,
    before: Micros,
}

/// The way to a member and back.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct RttEstimate {
    /// When the newest heartbeat that was answered was sent.
    at: Timestamp,
    /// The round trip and its mean deviation, in microseconds.
    smoothed: u32,
    deviation: u32,
    on_reply: u8,
    /// Heartbeats sent, up to [`MEMORY`].
    sent: u16,
    /// How many of a million are not answered.
    loss: u32,
}

impl Tuning {
    /// Nothing is known yet.
    pub(crate) fn new(members: usize, timing: &CheckedTiming, now: Timestamp) -> Box<Self> {
        let rtts = core::iter::repeat_n(RttEstimate::new(now), members).collect();
        let longest = Micros::from(timing.promise());
        Box::new(Tuning {
            rtts,
            // Whatever disturbs the network now and then is met before promises are shorter than that.
            rtt_bound: WindowMax { recent: Micros::ZERO, before: longest.part(2) },
            quorum_gap: WindowMax { recent: Micros::ZERO, before: Micros::ZERO },
            since: now,
            promise: longest,
            // What is to be known soon is asked for twice as often as usual.
            interval: Micros::from(timing.heartbeat_interval().part(2)).max(Micros(1)),
        })
    }

    pub(crate) fn promise(&self) -> Nanos {
        self.promise.as_nanos()
    }

    pub(crate) fn interval(&self) -> Nanos {
        self.interval.as_nanos()
    }

    /// The member at `index` writes no more before it answers: only what is sent from now on counts.
    pub(crate) fn restart_member(&mut self, index: MemberIndex, now: Timestamp) {
        if let Some(rtt) = self.rtts.get_mut(index.as_usize()) {
            *rtt = RttEstimate::new(now);
        }
    }

    /// A heartbeat goes to the member at `index`, and counts as lost until it is answered.
    pub(crate) fn on_send(&mut self, index: MemberIndex) {
        if let Some(rtt) = self.rtts.get_mut(index.as_usize()) {
            rtt.sent = rtt.sent.saturating_add(1).min(MEMORY);
            let rest = 1_000_000_u32.saturating_sub(rtt.loss);
            rtt.loss = rtt.loss.saturating_add(rest.checked_div(rtt.sent.into()).unwrap_or(0));
        }
    }

    /// The member at `index` answers a heartbeat sent at `at`. Each counts once, and of those that
    /// overtake each other the newer.
    pub(crate) fn on_reply(
        &mut self,
        index: MemberIndex,
        at: Timestamp,
        now: Timestamp,
        timing: &CheckedTiming,
    ) {
        let rtt = self.rtts.get_mut(index.as_usize());
        let Some(rtt) = rtt.filter(|rtt| at > rtt.at) else { return };
        rtt.at = at;
        let share = 1_000_000_u32.checked_div(rtt.sent.into()).unwrap_or(0);
        rtt.loss = rtt.loss.saturating_sub(share);
        rtt.observe(now.since(at).min(timing.promise()));
    }

    /// Reckons anew, before each heartbeat to all. The leader, at `own`, is `late` to send it.
    pub(crate) fn retune<I: NodeId>(
        &mut self,
        members: &Membership<I>,
        own: MemberIndex,
        late: Nanos,
        now: Timestamp,
        timing: &CheckedTiming,
    ) {
        let longest = timing.promise();
        // Who has not answered for long does not count, and is measured anew when it comes back.
        let gone = |rtt: &&mut RttEstimate| now.since(rtt.at) > longest;
        self.rtts.iter_mut().filter(gone).for_each(|rtt| *rtt = RttEstimate::new(rtt.at));
        if now.since(self.since) >= longest.saturating_mul(WINDOW) {
            self.since = now;
            self.rtt_bound.rotate();
            self.quorum_gap.rotate();
        }
        let last = self.rtts.get(own.as_usize()).map_or(now, |rtt| rtt.at);
        if let Some(rtt) = self.rtts.get_mut(own.as_usize()) {
            rtt.at = now;
            rtt.observe(late.min(longest));
        }
        self.observe_gap(members, last, now, longest);
        let known = |index: MemberIndex| {
            index == own || self.rtts.get(index.as_usize()).is_some_and(RttEstimate::is_known)
        };
        if members.is_quorum(known) {
            self.choose(own, timing);
        }
        let all = MemberIndex::all().take(self.rtts.len());
        all.filter(|&index| index != own).for_each(|index| self.on_send(index));
    }

    /// How long a quorum has been silent, if it has not answered the `last` heartbeat. It is what the
    /// lease needs; a promise that one member alone lets end disturbs nobody for long.
    fn observe_gap<I: NodeId>(
        &mut self,
        members: &Membership<I>,
        last: Timestamp,
        now: Timestamp,
        longest: Nanos,
    ) {
        let newest =
            |index: MemberIndex| self.rtts.get(index.as_usize()).map_or(Timestamp::ORIGIN, |rtt| rtt.at);
        let answered = members.quorum_value(Timestamp::ORIGIN, newest);
        if answered < last {
            self.quorum_gap.observe(now.since(answered).min(longest).into());
        }
    }

    /// Every member that answers is to be served, learners too, not just a quorum: whose promise ends
    /// between two heartbeats disturbs the others, and could not be promoted.
    fn choose(&mut self, own: MemberIndex, timing: &CheckedTiming) {
        let others = MemberIndex::all().zip(&self.rtts);
        let others = others.filter(|(index, rtt)| *index != own && rtt.is_known());
        let (rtt_bound, loss) = others.fold((Micros::ZERO, 0), |(rtt_bound, loss), (_, rtt)| {
            (rtt.rtt_bound().max(rtt_bound), rtt.loss.max(loss))
        });
        let late = self.rtts.get(own.as_usize()).map_or(Micros::ZERO, RttEstimate::rtt_bound);
        self.rtt_bound.observe(rtt_bound.saturating_add(late));
        let (rtt_bound, quorum_gap, heartbeats_needed) =
            (self.rtt_bound.max(), self.quorum_gap.max(), heartbeats_needed(loss));
        let (shortest, longest) = (timing.shortest_promise().into(), timing.promise().into());
        let least = Micros::part(shortest, HEARTBEATS_IN_SHORTEST);
        let needed = rtt_bound.saturating_mul(2).saturating_add(least.saturating_mul(heartbeats_needed));
        let outlasted = quorum_gap.saturating_add(quorum_gap.part(2));
        self.promise = stretch(needed.max(outlasted), timing.drift_ppm).max(shortest).min(longest);
        // What it is worth on the leader's clock, and what of that is left to repeat heartbeats in.
        let promise_end = Micros::from(binding_length(self.promise(), timing.drift_ppm));
        let left = promise_end.saturating_sub(rtt_bound.max(quorum_gap)).max(promise_end.part(3));
        self.interval = left.part(heartbeats_needed).max(least).max(Micros(1));
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
    fn new(at: Timestamp) -> Self {
        RttEstimate { at, smoothed: 0, deviation: 0, on_reply: 0, sent: 1, loss: 1_000_000 }
    }

    fn is_known(&self) -> bool {
        self.on_reply >= ENOUGH
    }

    /// RFC 6298, section 2.
    fn observe(&mut self, length: Nanos) {
        let sample = u32::try_from(Micros::from(length).0).unwrap_or(u32::MAX);
        if self.on_reply == 0 {
            (self.smoothed, self.deviation) = (sample, sample / 2);
        } else {
            self.deviation = blend(self.deviation, self.smoothed.abs_diff(sample), 4);
            self.smoothed = blend(self.smoothed, sample, 8);
        }
        self.on_reply = self.on_reply.saturating_add(1);
    }

    /// What a round trip hardly ever exceeds.
    fn rtt_bound(&self) -> Micros {
        Micros(u64::from(self.deviation).saturating_mul(4).saturating_add(self.smoothed.into()))
    }
}

/// `old`, and one part in `parts` of `new`.
fn blend(old: u32, new: u32, parts: u64) -> u32 {
    let kept = u64::from(old).saturating_mul(parts.saturating_sub(1));
    let sum = kept.saturating_add(new.into()).checked_div(parts).unwrap_or(0);
    u32::try_from(sum).unwrap_or(u32::MAX)
}

/// So much that `length` is left of it on the slowest clock.
fn stretch(length: Micros, drift_ppm: u32) -> Micros {
    let rate = MILLION.saturating_add(drift_ppm.into());
    length.saturating_mul(rate).part(MILLION)
}

/// How many heartbeats a promise must have room for: so many in a row are not lost.
fn heartbeats_needed(loss: u32) -> u64 {
    let loss = u64::from(loss).max(LEAST_LOSS);
    let (mut heartbeats_needed, mut chances) = (0_u64, CERTAIN);
    while chances > UNLIKELY && heartbeats_needed < MAX_HEARTBEATS {
        chances = chances.saturating_mul(loss) / MILLION;
        heartbeats_needed = heartbeats_needed.saturating_add(1);
    }
    heartbeats_needed
}

#[cfg(test)]
mod tests;
