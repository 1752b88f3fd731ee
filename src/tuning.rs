//! How long a promise a leader asks for, and how often, by the round trips that it measures.
//! Rule 3.6. After Dynatune (arXiv 2507.15154); a round trip is estimated as TCP does (RFC 6298).

use alloc::boxed::Box;

use crate::config::Lengths;
use crate::lease::bound_until;
use crate::membership::Membership;
use crate::types::{Nanos, NodeId};

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
const MOST_BEATS: u64 = 20;
/// The shortest promise has room for so many heartbeats before it grows.
const BEATS_OF_SHORTEST: u64 = 6;
/// The worst is remembered for so many of the longest promises, 19 s at 150 ms, and up to twice that.
const WINDOW: u64 = 128;

/// What a leader measures, and what it makes of it. In microseconds.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Tuning {
    /// One for each member, in the order of the membership. The leader's own tells how late it is to
    /// send.
    trips: Box<[Trip]>,
    /// The round trip that a promise has to outlast twice.
    reach: Peak,
    /// The longest time that went by without a quorum's answers: losses come in bursts.
    silence: Peak,
    /// Since when both are measured anew.
    since: Nanos,
    promise: u64,
    interval: u64,
}

/// The most of late: it rises at once, and falls when it has not come back for long.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Peak {
    recent: u64,
    before: u64,
}

/// The way to a member and back.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Trip {
    /// When the newest heartbeat that was answered was sent.
    at: Nanos,
    smoothed: u32,
    deviation: u32,
    answers: u8,
    /// Heartbeats sent, up to [`MEMORY`].
    sent: u16,
    /// How many of a million are not answered.
    loss: u32,
}

impl Tuning {
    /// Nothing is known yet.
    pub(crate) fn new(members: usize, lengths: &Lengths, now: Nanos) -> Box<Self> {
        let trips = core::iter::repeat_n(Trip::new(now), members).collect();
        let longest = micros(lengths.promise());
        Box::new(Tuning {
            trips,
            // Whatever disturbs the network now and then is met before promises are shorter than that.
            reach: Peak { recent: 0, before: longest / 2 },
            silence: Peak { recent: 0, before: 0 },
            since: now,
            promise: longest,
            // What is to be known soon is asked for twice as often as usual.
            interval: micros(lengths.heartbeat_interval() / 2).max(1),
        })
    }

    pub(crate) fn promise(&self) -> Nanos {
        self.promise.saturating_mul(1_000)
    }

    pub(crate) fn interval(&self) -> Nanos {
        self.interval.saturating_mul(1_000)
    }

    /// The member at `place` writes no more before it answers: only what is sent from now on counts.
    pub(crate) fn begins(&mut self, place: usize, now: Nanos) {
        if let Some(trip) = self.trips.get_mut(place) {
            *trip = Trip::new(now);
        }
    }

    /// A heartbeat goes to the member at `place`, and counts as lost until it is answered.
    pub(crate) fn sends(&mut self, place: usize) {
        if let Some(trip) = self.trips.get_mut(place) {
            trip.sent = trip.sent.saturating_add(1).min(MEMORY);
            let rest = 1_000_000_u32.saturating_sub(trip.loss);
            trip.loss = trip.loss.saturating_add(rest.checked_div(trip.sent.into()).unwrap_or(0));
        }
    }

    /// The member at `place` answers a heartbeat sent at `at`. Each counts once, and of those that
    /// overtake each other the newer.
    pub(crate) fn answers(&mut self, place: usize, at: Nanos, now: Nanos, lengths: &Lengths) {
        let Some(trip) = self.trips.get_mut(place).filter(|trip| at > trip.at) else { return };
        trip.at = at;
        let share = 1_000_000_u32.checked_div(trip.sent.into()).unwrap_or(0);
        trip.loss = trip.loss.saturating_sub(share);
        trip.measure(now.saturating_sub(at).min(lengths.promise()));
    }

    /// Reckons anew, before each heartbeat to all. The leader, at `own`, is `late` to send it.
    pub(crate) fn reckon<I: NodeId>(
        &mut self,
        members: &Membership<I>,
        own: usize,
        late: Nanos,
        now: Nanos,
        lengths: &Lengths,
    ) {
        let longest = lengths.promise();
        // Who has not answered for long does not count, and is measured anew when it comes back.
        let gone = |trip: &&mut Trip| now.saturating_sub(trip.at) > longest;
        self.trips.iter_mut().filter(gone).for_each(|trip| *trip = Trip::new(trip.at));
        if now.saturating_sub(self.since) >= longest.saturating_mul(WINDOW) {
            self.since = now;
            self.reach.fade();
            self.silence.fade();
        }
        let last = self.trips.get(own).map_or(now, |trip| trip.at);
        if let Some(trip) = self.trips.get_mut(own) {
            trip.at = now;
            trip.measure(late.min(longest));
        }
        self.listen(members, last, now, longest);
        let known = |place| place == own || self.trips.get(place).is_some_and(Trip::is_known);
        if members.is_quorum(known) {
            self.choose(own, lengths);
        }
        (0..self.trips.len()).filter(|&place| place != own).for_each(|place| self.sends(place));
    }

    /// How long a quorum has been silent, if it has not answered the `last` heartbeat. It is what the
    /// lease needs; a promise that one member alone lets end disturbs nobody for long.
    fn listen<I: NodeId>(&mut self, members: &Membership<I>, last: Nanos, now: Nanos, longest: Nanos) {
        let answered = members.quorum_value(0, |place| self.trips.get(place).map_or(0, |trip| trip.at));
        if answered < last {
            self.silence.meet(micros(now.saturating_sub(answered).min(longest)));
        }
    }

    /// Every member that answers is to be served, learners too, not just a quorum: whose promise ends
    /// between two heartbeats disturbs the others, and could not be promoted.
    fn choose(&mut self, own: usize, lengths: &Lengths) {
        let others = self.trips.iter().enumerate().filter(|(place, trip)| *place != own && trip.is_known());
        let (reach, loss) =
            others.fold((0, 0), |(reach, loss), (_, trip)| (trip.reach().max(reach), trip.loss.max(loss)));
        let late = self.trips.get(own).map_or(0, Trip::reach);
        self.reach.meet(reach.saturating_add(late));
        let (reach, silence, beats) = (self.reach.most(), self.silence.most(), beats(loss));
        let (shortest, longest) = (micros(lengths.shortest_promise()), micros(lengths.promise()));
        let least = shortest / BEATS_OF_SHORTEST;
        let needed = reach.saturating_mul(2).saturating_add(beats.saturating_mul(least));
        let outlasted = silence.saturating_add(silence / 2);
        self.promise = stretch(needed.max(outlasted), lengths.drift_ppm).max(shortest).min(longest);
        // What it is worth on the leader's clock, and what of that is left to repeat heartbeats in.
        let bond = bound_until(0, self.promise, lengths.drift_ppm);
        let left = bond.saturating_sub(reach.max(silence)).max(bond / 3);
        self.interval = left.checked_div(beats).unwrap_or(left).max(least).max(1);
    }
}

impl Peak {
    fn meet(&mut self, value: u64) {
        self.recent = self.recent.max(value);
    }

    fn most(&self) -> u64 {
        self.recent.max(self.before)
    }

    fn fade(&mut self) {
        self.before = core::mem::take(&mut self.recent);
    }
}

impl Trip {
    fn new(at: Nanos) -> Self {
        Trip { at, smoothed: 0, deviation: 0, answers: 0, sent: 1, loss: 1_000_000 }
    }

    fn is_known(&self) -> bool {
        self.answers >= ENOUGH
    }

    /// RFC 6298, section 2.
    fn measure(&mut self, length: Nanos) {
        let sample = u32::try_from(micros(length)).unwrap_or(u32::MAX);
        if self.answers == 0 {
            (self.smoothed, self.deviation) = (sample, sample / 2);
        } else {
            self.deviation = blend(self.deviation, self.smoothed.abs_diff(sample), 4);
            self.smoothed = blend(self.smoothed, sample, 8);
        }
        self.answers = self.answers.saturating_add(1);
    }

    /// What a round trip hardly ever exceeds.
    fn reach(&self) -> u64 {
        u64::from(self.deviation).saturating_mul(4).saturating_add(self.smoothed.into())
    }
}

/// `old`, and one part in `parts` of `new`.
fn blend(old: u32, new: u32, parts: u64) -> u32 {
    let kept = u64::from(old).saturating_mul(parts.saturating_sub(1));
    let sum = kept.saturating_add(new.into()).checked_div(parts).unwrap_or(0);
    u32::try_from(sum).unwrap_or(u32::MAX)
}

/// So much that `length` is left of it on the slowest clock.
fn stretch(length: u64, drift_ppm: u32) -> u64 {
    let rate = MILLION.saturating_add(drift_ppm.into());
    length.saturating_mul(rate) / MILLION
}

/// How many heartbeats a promise must have room for: so many in a row are not lost.
fn beats(loss: u32) -> u64 {
    let loss = u64::from(loss).max(LEAST_LOSS);
    let (mut beats, mut chances) = (0_u64, CERTAIN);
    while chances > UNLIKELY && beats < MOST_BEATS {
        chances = chances.saturating_mul(loss) / MILLION;
        beats = beats.saturating_add(1);
    }
    beats
}

fn micros(length: Nanos) -> u64 {
    length / 1_000
}

#[cfg(test)]
mod tests;
