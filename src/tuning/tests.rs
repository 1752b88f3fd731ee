//! The tuning of a leader at index 0, whose followers reply as the test decides.
//! Times are in nanoseconds.
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
/// How long the largest measurements are remembered at least.
const LONG: u64 = WINDOW * LONGEST;
fn at(nanos: u64) -> Timestamp {
    Timestamp::ORIGIN.after(Nanos(nanos))
}

struct TunedLeader {
    tuning: Box<Tuning>,
    timing: CheckedTiming,
    members: Membership<u8>,
    now: u64,
}

impl TunedLeader {
    fn new(members: u8, clock_drift_ppm: u32) -> Self {
        let bounds = Timing::tuned(Duration::from_nanos(SHORTEST), Duration::from_nanos(LONGEST));
        let timing = CheckedTiming::new(&Timing { clock_drift_ppm, ..bounds }).unwrap();
        let voters: Vec<u8> = (0..members).collect();
        let quorum = voters.len() / 2 + 1;
        let members = Membership::new(MembershipVersion::default(), voters, Vec::new(), quorum).unwrap();
        TunedLeader { tuning: Tuning::new(members.members().len(), &timing, at(0)), timing, members, now: 0 }
    }

    fn promise(&self) -> u64 {
        self.tuning.promise().0
    }

    fn interval(&self) -> u64 {
        self.tuning.interval().0
    }

    /// Sends the next heartbeat, `late`. Each follower replies after its round trip, or not at all.
    fn heartbeat(&mut self, late: u64, rtts: &[Option<u64>]) {
        self.now += self.interval() + late;
        self.tuning.retune(&self.members, MemberIndex::FIRST, Nanos(late), at(self.now), &self.timing);
        for (index, rtt) in MemberIndex::all().skip(1).zip(rtts) {
            if let Some(rtt) = rtt {
                self.tuning.on_reply(index, at(self.now), at(self.now + rtt), &self.timing);
            }
        }
    }

    fn heartbeats_for(&mut self, length: u64, rtts: &[Option<u64>]) {
        let end = self.now + length;
        while self.now < end {
            self.heartbeat(0, rtts);
        }
    }

    /// A leader that has led for long on a quiet network.
    fn settled(members: u8) -> Self {
        let mut leader = TunedLeader::new(members, 0);
        leader.heartbeats_for(2 * LONG, &[Some(MS / 2); 4][..usize::from(members) - 1]);
        assert_eq!(leader.promise(), SHORTEST);
        leader
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
fn a_promise_has_room_for_so_many_heartbeats_that_a_loss_of_all_is_one_in_a_billion() {
    let rooms = [0, 1_000, 1_001, 5_600, 10_000, 100_000, 300_000, 1_000_000].map(heartbeats_needed);
    assert_eq!(rooms, [3, 3, 4, 4, 5, 9, 18, 20]);
}

#[test]
fn losses_are_counted_over_the_last_few_hundred_heartbeats() {
    let mut leader = TunedLeader::new(2, 0);
    let loss = |leader: &TunedLeader| leader.tuning.rtts[1].loss;
    leader.heartbeat(0, &[Some(MS)]);
    assert_eq!(loss(&leader), 500_000, "the estimate begins with one loss");
    (0..62).for_each(|_| leader.heartbeat(0, &[Some(MS)]));
    assert!(loss(&leader).abs_diff(15_625) < 100, "one of 64: {}", loss(&leader));
    for _ in 0..1_000 {
        (0..3).for_each(|_| leader.heartbeat(0, &[Some(MS)]));
        leader.heartbeat(0, &[None]);
    }
    assert!(loss(&leader).abs_diff(250_000) < 5_000, "{}", loss(&leader));
    assert!(leader.interval() * 15 < leader.promise(), "one in four, never 15 in a row");
}

#[test]
fn one_reply_to_each_heartbeat_counts_and_an_overtaken_one_does_not() {
    let mut leader = TunedLeader::settled(2);
    let answered = leader.now;
    leader.heartbeat(0, &[None]);
    leader.heartbeat(0, &[Some(MS / 2)]);
    let before = leader.tuning.clone();
    for sent in [answered, leader.now - 1, leader.now] {
        let second = MemberIndex::new(1).unwrap();
        leader.tuning.on_reply(second, at(sent), at(leader.now + 100 * MS), &leader.timing);
    }
    assert_eq!(leader.tuning, before);
}

#[test]
fn a_leader_asks_for_the_longest_promise_until_it_has_measured_for_long() {
    let mut leader = TunedLeader::new(3, 0);
    assert_eq!((leader.promise(), leader.interval()), (LONGEST, 25 * MS));
    leader.heartbeats_for(LONG - 30 * MS, &[Some(MS / 2); 2]);
    assert_eq!(leader.promise(), LONGEST);
    leader.heartbeats_for(60 * MS, &[Some(MS / 2); 2]);
    assert_eq!(leader.promise(), SHORTEST);
}

#[test]
fn a_promise_exceeds_twice_the_longest_round_trip_and_remembers_it() {
    let mut leader = TunedLeader::settled(3);
    (0..2).for_each(|_| leader.heartbeat(0, &[Some(MS / 2), Some(20 * MS)]));
    let raised = leader.promise();
    assert!((40 * MS..60 * MS).contains(&raised), "{raised}");
    leader.heartbeats_for(LONG - MS, &[Some(MS / 2); 2]);
    assert!(leader.promise() >= raised);
    leader.heartbeats_for(LONG + 60 * MS, &[Some(MS / 2); 2]);
    assert_eq!(leader.promise(), SHORTEST);
}

#[test]
fn a_promise_stays_within_the_bounds() {
    let mut leader = TunedLeader::settled(2);
    leader.heartbeats_for(LONG, &[Some(100 * MS)]);
    assert_eq!(leader.promise(), LONGEST);
    assert!(leader.interval() <= LONGEST / 3);
}

#[test]
fn a_promise_exceeds_the_silence_of_a_quorum_but_not_that_of_one_follower() {
    let mut leader = TunedLeader::settled(3);
    (0..4).for_each(|_| leader.heartbeat(0, &[None, Some(MS / 2)]));
    assert_eq!(leader.promise(), SHORTEST);
    let silent_since = leader.now;
    (0..4).for_each(|_| leader.heartbeat(0, &[None, None]));
    let quorum_gap = leader.now - silent_since;
    assert!(leader.promise() > quorum_gap * 7 / 5, "{} for {quorum_gap}", leader.promise());
}

#[test]
fn a_leader_that_sends_late_asks_for_longer_promises() {
    let mut leader = TunedLeader::settled(3);
    (0..20).for_each(|_| leader.heartbeat(9 * MS, &[Some(MS / 2); 2]));
    assert!(leader.promise() > SHORTEST + 15 * MS, "{}", leader.promise());
}

#[test]
fn a_follower_that_is_gone_or_has_just_come_back_does_not_count() {
    let mut leader = TunedLeader::settled(3);
    leader.heartbeats_for(LONGEST * 2, &[Some(MS / 2), None]);
    assert_eq!(leader.promise(), SHORTEST, "the second follower is gone");
    (0..ENOUGH).for_each(|_| leader.heartbeat(0, &[Some(MS / 2), Some(40 * MS)]));
    assert_eq!(leader.promise(), SHORTEST, "the second follower has just come back");
    leader.heartbeat(0, &[Some(MS / 2), Some(40 * MS)]);
    assert!(leader.promise() > 80 * MS, "{}", leader.promise());
}

#[test]
fn the_needed_heartbeats_fit_into_a_promise_on_the_slowest_clock() {
    for (drift, rtt) in [(0, MS), (200_000, MS), (500_000, 5 * MS), (500, 30 * MS)] {
        let mut leader = TunedLeader::new(3, drift);
        leader.heartbeats_for(3 * LONG, &[Some(rtt); 2]);
        let promise_end = leader.timing.clock.binding_length(Nanos(leader.promise())).0;
        assert!(promise_end >= 2 * rtt && leader.promise() < LONGEST, "{promise_end}");
        assert!(3 * leader.interval() + rtt <= promise_end, "{} {promise_end}", leader.interval());
        assert!(
            4 * leader.interval() + rtt > promise_end - rtt,
            "heartbeats are not more frequent than needed"
        );
    }
}
