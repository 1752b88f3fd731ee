//! A leader at place 0, and what it makes of answers that come as they are told to.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a test that panics has found something"
)]

use super::*;
use crate::config::Timing;
use crate::types::Version;
use alloc::vec::Vec;
use core::time::Duration;

const MS: Nanos = 1_000_000;
const SHORTEST: Nanos = 25 * MS;
const LONGEST: Nanos = 150 * MS;
/// How long the worst is remembered at least.
const LONG: Nanos = WINDOW * LONGEST;

struct Lab {
    tuning: Box<Tuning>,
    lengths: Lengths,
    members: Membership<u8>,
    now: Nanos,
}

impl Lab {
    fn new(members: u8, clock_drift_ppm: u32) -> Self {
        let bounds = Timing::tuned(Duration::from_nanos(SHORTEST), Duration::from_nanos(LONGEST));
        let lengths = Lengths::new(&Timing { clock_drift_ppm, ..bounds }).unwrap();
        let voters: Vec<u8> = (0..members).collect();
        let quorum = voters.len() / 2 + 1;
        let members = Membership::new(Version::default(), voters, Vec::new(), quorum).unwrap();
        Lab { tuning: Tuning::new(members.members().len(), &lengths, 0), lengths, members, now: 0 }
    }

    /// The next heartbeat, `late`; the others answer it after so long, or not.
    fn beat(&mut self, late: Nanos, trips: &[Option<Nanos>]) {
        self.now += self.tuning.interval() + late;
        self.tuning.reckon(&self.members, 0, late, self.now, &self.lengths);
        for (place, trip) in (1..).zip(trips) {
            if let Some(trip) = trip {
                self.tuning.answers(place, self.now, self.now + trip, &self.lengths);
            }
        }
    }

    fn beats(&mut self, length: Nanos, trips: &[Option<Nanos>]) {
        let end = self.now + length;
        while self.now < end {
            self.beat(0, trips);
        }
    }

    /// Has led for long on a quiet network.
    fn settled(members: u8) -> Self {
        let mut lab = Lab::new(members, 0);
        lab.beats(2 * LONG, &[Some(MS / 2); 4][..usize::from(members) - 1]);
        assert_eq!(lab.tuning.promise(), SHORTEST);
        lab
    }
}

#[test]
fn a_round_trip_is_estimated_as_rfc_6298_does() {
    let mut trip = Trip::new(0);
    trip.measure(8 * MS);
    assert_eq!((trip.smoothed, trip.deviation, trip.reach()), (8_000, 4_000, 24_000));
    trip.measure(16 * MS);
    assert_eq!((trip.smoothed, trip.deviation), (9_000, 5_000));
}

#[test]
fn room_for_as_many_heartbeats_as_are_not_lost_in_a_row_in_a_billion() {
    let rooms = [0, 1_000, 1_001, 5_600, 10_000, 100_000, 300_000, 1_000_000].map(beats);
    assert_eq!(rooms, [3, 3, 4, 4, 5, 9, 18, 20]);
}

#[test]
fn losses_are_counted_over_the_last_few_hundred_heartbeats() {
    let mut lab = Lab::new(2, 0);
    let loss = |lab: &Lab| lab.tuning.trips[1].loss;
    lab.beat(0, &[Some(MS)]);
    assert_eq!(loss(&lab), 500_000, "one was lost before the first");
    (0..62).for_each(|_| lab.beat(0, &[Some(MS)]));
    assert!(loss(&lab).abs_diff(15_625) < 100, "one of 64: {}", loss(&lab));
    for _ in 0..1_000 {
        (0..3).for_each(|_| lab.beat(0, &[Some(MS)]));
        lab.beat(0, &[None]);
    }
    assert!(loss(&lab).abs_diff(250_000) < 5_000, "{}", loss(&lab));
    assert!(lab.tuning.interval() * 15 < lab.tuning.promise(), "one in four, never 15 in a row");
}

#[test]
fn of_a_heartbeat_one_answer_counts_and_of_those_overtaken_none() {
    let mut lab = Lab::settled(2);
    let answered = lab.now;
    lab.beat(0, &[None]);
    lab.beat(0, &[Some(MS / 2)]);
    let before = lab.tuning.clone();
    for at in [answered, lab.now - 1, lab.now] {
        lab.tuning.answers(1, at, lab.now + 100 * MS, &lab.lengths);
    }
    assert_eq!(lab.tuning, before);
}

#[test]
fn the_longest_promise_is_asked_for_until_the_network_has_been_watched_for_long() {
    let mut lab = Lab::new(3, 0);
    assert_eq!((lab.tuning.promise(), lab.tuning.interval()), (LONGEST, 25 * MS));
    lab.beats(LONG - 30 * MS, &[Some(MS / 2); 2]);
    assert_eq!(lab.tuning.promise(), LONGEST);
    lab.beats(60 * MS, &[Some(MS / 2); 2]);
    assert_eq!(lab.tuning.promise(), SHORTEST);
}

#[test]
fn a_promise_outlasts_twice_the_worst_round_trip_and_remembers_it() {
    let mut lab = Lab::settled(3);
    (0..2).for_each(|_| lab.beat(0, &[Some(MS / 2), Some(20 * MS)]));
    let raised = lab.tuning.promise();
    assert!((40 * MS..60 * MS).contains(&raised), "{raised}");
    lab.beats(LONG - MS, &[Some(MS / 2); 2]);
    assert!(lab.tuning.promise() >= raised);
    lab.beats(LONG + 60 * MS, &[Some(MS / 2); 2]);
    assert_eq!(lab.tuning.promise(), SHORTEST);
}

#[test]
fn a_promise_stays_within_the_bounds() {
    let mut lab = Lab::settled(2);
    lab.beats(LONG, &[Some(100 * MS)]);
    assert_eq!(lab.tuning.promise(), LONGEST);
    assert!(lab.tuning.interval() <= LONGEST / 3);
}

#[test]
fn a_promise_outlasts_the_silence_of_a_quorum_and_not_of_one() {
    let mut lab = Lab::settled(3);
    (0..4).for_each(|_| lab.beat(0, &[None, Some(MS / 2)]));
    assert_eq!(lab.tuning.promise(), SHORTEST);
    let silent_since = lab.now;
    (0..4).for_each(|_| lab.beat(0, &[None, None]));
    let silence = lab.now - silent_since;
    assert!(lab.tuning.promise() > silence * 7 / 5, "{} for {silence}", lab.tuning.promise());
}

#[test]
fn a_leader_that_is_late_to_send_makes_up_for_it() {
    let mut lab = Lab::settled(3);
    (0..20).for_each(|_| lab.beat(9 * MS, &[Some(MS / 2); 2]));
    assert!(lab.tuning.promise() > SHORTEST + 15 * MS, "{}", lab.tuning.promise());
}

#[test]
fn who_is_not_known_well_does_not_count_nor_who_is_gone() {
    let mut lab = Lab::settled(3);
    lab.beats(LONGEST * 2, &[Some(MS / 2), None]);
    assert_eq!(lab.tuning.promise(), SHORTEST, "it is gone");
    (0..ENOUGH).for_each(|_| lab.beat(0, &[Some(MS / 2), Some(40 * MS)]));
    assert_eq!(lab.tuning.promise(), SHORTEST, "it has just come back");
    lab.beat(0, &[Some(MS / 2), Some(40 * MS)]);
    assert!(lab.tuning.promise() > 80 * MS, "{}", lab.tuning.promise());
}

#[test]
fn so_many_heartbeats_fit_into_a_promise_on_the_slowest_clock() {
    for (drift, trip) in [(0, MS), (200_000, MS), (500_000, 5 * MS), (500, 30 * MS)] {
        let mut lab = Lab::new(3, drift);
        lab.beats(3 * LONG, &[Some(trip); 2]);
        let bond = bound_until(0, lab.tuning.promise(), drift);
        assert!(bond >= 2 * trip && lab.tuning.promise() < LONGEST, "{bond}");
        assert!(3 * lab.tuning.interval() + trip <= bond, "{} {bond}", lab.tuning.interval());
        assert!(4 * lab.tuning.interval() + trip > bond - trip, "no more often than that");
    }
}
