//! A leader at index 0, and what it makes of answers that come as they are told to. Times are in nanoseconds.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a test that panics has found something"
)]

use super::*;
use crate::config::Timing;
use crate::types::MembershipVersion;
use alloc::vec::Vec;
use core::time::Duration;

const MS: u64 = 1_000_000;
const SHORTEST: u64 = 25 * MS;
const LONGEST: u64 = 150 * MS;
/// How long the worst is remembered at least.
const LONG: u64 = WINDOW * LONGEST;

fn at(nanos: u64) -> Timestamp {
    Timestamp::ORIGIN.after(Nanos(nanos))
}

struct Lab {
    tuning: Box<Tuning>,
    timing: CheckedTiming,
    members: Membership<u8>,
    now: u64,
}

impl Lab {
    fn new(members: u8, clock_drift_ppm: u32) -> Self {
        let bounds = Timing::tuned(Duration::from_nanos(SHORTEST), Duration::from_nanos(LONGEST));
        let timing = CheckedTiming::new(&Timing { clock_drift_ppm, ..bounds }).unwrap();
        let voters: Vec<u8> = (0..members).collect();
        let quorum = voters.len() / 2 + 1;
        let members = Membership::new(MembershipVersion::default(), voters, Vec::new(), quorum).unwrap();
        Lab { tuning: Tuning::new(members.members().len(), &timing, at(0)), timing, members, now: 0 }
    }

    fn promise(&self) -> u64 {
        self.tuning.promise().0
    }

    fn interval(&self) -> u64 {
        self.tuning.interval().0
    }

    /// The next heartbeat, `late`; the others answer it after so long, or not.
    fn template(&mut self, late: u64, rtts: &[Option<u64>]) {
        self.now += self.interval() + late;
        self.tuning.retune(&self.members, MemberIndex::FIRST, Nanos(late), at(self.now), &self.timing);
        for (index, rtt) in MemberIndex::all().skip(1).zip(rtts) {
            if let Some(rtt) = rtt {
                self.tuning.on_reply(index, at(self.now), at(self.now + rtt), &self.timing);
            }
        }
    }

    fn heartbeats_needed(&mut self, length: u64, rtts: &[Option<u64>]) {
        let end = self.now + length;
        while self.now < end {
            self.template(0, rtts);
        }
    }

    /// Has led for long on a quiet network.
    fn settled(members: u8) -> Self {
        let mut lab = Lab::new(members, 0);
        lab.heartbeats_needed(2 * LONG, &[Some(MS / 2); 4][..usize::from(members) - 1]);
        assert_eq!(lab.promise(), SHORTEST);
        lab
    }
}

#[test]
fn a_round_trip_is_estimated_as_rfc_6298_does() {
    let mut rtt = RttEstimate::new(at(0));
    rtt.observe(Nanos(8 * MS));
    assert_eq!((rtt.smoothed, rtt.deviation, rtt.bound()), (8_000, 4_000, Micros(24_000)));
    rtt.observe(Nanos(16 * MS));
    assert_eq!((rtt.smoothed, rtt.deviation), (9_000, 5_000));
}

#[test]
fn room_for_as_many_heartbeats_as_are_not_lost_in_a_row_in_a_billion() {
    let rooms = [0, 1_000, 1_001, 5_600, 10_000, 100_000, 300_000, 1_000_000].map(heartbeats_needed);
    assert_eq!(rooms, [3, 3, 4, 4, 5, 9, 18, 20]);
}

#[test]
fn losses_are_counted_over_the_last_few_hundred_heartbeats() {
    let mut lab = Lab::new(2, 0);
    let loss = |lab: &Lab| lab.tuning.rtts[1].loss;
    lab.template(0, &[Some(MS)]);
    assert_eq!(loss(&lab), 500_000, "one was lost before the first");
    (0..62).for_each(|_| lab.template(0, &[Some(MS)]));
    assert!(loss(&lab).abs_diff(15_625) < 100, "one of 64: {}", loss(&lab));
    for _ in 0..1_000 {
        (0..3).for_each(|_| lab.template(0, &[Some(MS)]));
        lab.template(0, &[None]);
    }
    assert!(loss(&lab).abs_diff(250_000) < 5_000, "{}", loss(&lab));
    assert!(lab.interval() * 15 < lab.promise(), "one in four, never 15 in a row");
}

#[test]
fn of_a_heartbeat_one_answer_counts_and_of_those_overtaken_none() {
    let mut lab = Lab::settled(2);
    let answered = lab.now;
    lab.template(0, &[None]);
    lab.template(0, &[Some(MS / 2)]);
    let before = lab.tuning.clone();
    for sent in [answered, lab.now - 1, lab.now] {
        let second = MemberIndex::new(1).unwrap();
        lab.tuning.on_reply(second, at(sent), at(lab.now + 100 * MS), &lab.timing);
    }
    assert_eq!(lab.tuning, before);
}

#[test]
fn the_longest_promise_is_asked_for_until_the_network_has_been_watched_for_long() {
    let mut lab = Lab::new(3, 0);
    assert_eq!((lab.promise(), lab.interval()), (LONGEST, 25 * MS));
    lab.heartbeats_needed(LONG - 30 * MS, &[Some(MS / 2); 2]);
    assert_eq!(lab.promise(), LONGEST);
    lab.heartbeats_needed(60 * MS, &[Some(MS / 2); 2]);
    assert_eq!(lab.promise(), SHORTEST);
}

#[test]
fn a_promise_outlasts_twice_the_worst_round_trip_and_remembers_it() {
    let mut lab = Lab::settled(3);
    (0..2).for_each(|_| lab.template(0, &[Some(MS / 2), Some(20 * MS)]));
    let raised = lab.promise();
    assert!((40 * MS..60 * MS).contains(&raised), "{raised}");
    lab.heartbeats_needed(LONG - MS, &[Some(MS / 2); 2]);
    assert!(lab.promise() >= raised);
    lab.heartbeats_needed(LONG + 60 * MS, &[Some(MS / 2); 2]);
    assert_eq!(lab.promise(), SHORTEST);
}

#[test]
fn a_promise_stays_within_the_bounds() {
    let mut lab = Lab::settled(2);
    lab.heartbeats_needed(LONG, &[Some(100 * MS)]);
    assert_eq!(lab.promise(), LONGEST);
    assert!(lab.interval() <= LONGEST / 3);
}

#[test]
fn a_promise_outlasts_the_silence_of_a_quorum_and_not_of_one() {
    let mut lab = Lab::settled(3);
    (0..4).for_each(|_| lab.template(0, &[None, Some(MS / 2)]));
    assert_eq!(lab.promise(), SHORTEST);
    let silent_since = lab.now;
    (0..4).for_each(|_| lab.template(0, &[None, None]));
    let quorum_gap = lab.now - silent_since;
    assert!(lab.promise() > quorum_gap * 7 / 5, "{} for {quorum_gap}", lab.promise());
}

#[test]
fn a_leader_that_is_late_to_send_makes_up_for_it() {
    let mut lab = Lab::settled(3);
    (0..20).for_each(|_| lab.template(9 * MS, &[Some(MS / 2); 2]));
    assert!(lab.promise() > SHORTEST + 15 * MS, "{}", lab.promise());
}

#[test]
fn who_is_not_known_well_does_not_count_nor_who_is_gone() {
    let mut lab = Lab::settled(3);
    lab.heartbeats_needed(LONGEST * 2, &[Some(MS / 2), None]);
    assert_eq!(lab.promise(), SHORTEST, "it is gone");
    (0..ENOUGH).for_each(|_| lab.template(0, &[Some(MS / 2), Some(40 * MS)]));
    assert_eq!(lab.promise(), SHORTEST, "it has just come back");
    lab.template(0, &[Some(MS / 2), Some(40 * MS)]);
    assert!(lab.promise() > 80 * MS, "{}", lab.promise());
}

#[test]
fn so_many_heartbeats_fit_into_a_promise_on_the_slowest_clock() {
    for (drift, rtt) in [(0, MS), (200_000, MS), (500_000, 5 * MS), (500, 30 * MS)] {
        let mut lab = Lab::new(3, drift);
        lab.heartbeats_needed(3 * LONG, &[Some(rtt); 2]);
        let promise_end = binding_length(Nanos(lab.promise()), drift).0;
        assert!(promise_end >= 2 * rtt && lab.promise() < LONGEST, "{promise_end}");
        assert!(3 * lab.interval() + rtt <= promise_end, "{} {promise_end}", lab.interval());
        assert!(4 * lab.interval() + rtt > promise_end - rtt, "no more often than that");
    }
}
