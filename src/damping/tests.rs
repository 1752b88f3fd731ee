#![allow(clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

use super::*;

const DELAY: Nanos = Nanos(5_000);

/// Lets node 1 take over at `now` and lose leadership to node 2 a while later.
fn lose(damping: &mut Damping<u64>, now: u64, after: u64) {
    damping.begin_trial(1, Timestamp::ORIGIN.after(Nanos(now)));
    damping.end_trial(2, Timestamp::ORIGIN.after(Nanos(now.saturating_add(after))), DELAY, |_| true);
}

/// How long node 1 has to be fit from `now` on until it is no longer unsteady.
fn unsteady_for(damping: &Damping<u64>, now: u64) -> u64 {
    let mut damping = damping.clone();
    let at = |now: u64| Timestamp::ORIGIN.after(Nanos(now));
    damping.observe(at(now), DELAY, |_| true);
    let is_steady = |wait: &u64| !damping.is_unsteady(1, at(now.saturating_add(*wait)), DELAY);
    (0..1_000_000).step_by(100).find(is_steady).unwrap_or(u64::MAX)
}

#[test]
fn each_short_leadership_doubles_the_delay_up_to_a_bound() {
    let mut damping = Damping::new();
    assert_eq!(unsteady_for(&damping, 0), 0);
    let mut waits = Vec::new();
    for now in (1..=7).map(|number| number * 10_000) {
        lose(&mut damping, now, 1_000);
        waits.push(unsteady_for(&damping, now + 1_000));
    }
    assert_eq!(waits, [10_000, 20_000, 40_000, 80_000, 160_000, 160_000, 160_000]);
}

#[test]
fn a_long_leadership_is_no_reason_to_wait() {
    let mut damping = Damping::new();
    lose(&mut damping, 0, 32 * DELAY.0);
    assert_eq!((unsteady_for(&damping, 200_000), damping.is_over()), (0, true));
}

#[test]
fn a_leader_that_hands_over_or_leads_on_has_not_lost_leadership() {
    let mut damping = Damping::new();
    damping.begin_trial(1, Timestamp::ORIGIN);
    damping.end_trial(1, Timestamp::ORIGIN.after(Nanos(1_000)), DELAY, |_| true);
    assert_eq!(unsteady_for(&damping, 1_000), 0);
    damping.begin_trial(2, Timestamp::ORIGIN.after(Nanos(2_000)));
    damping.end_trial(2, Timestamp::ORIGIN.after(Nanos(3_000)), DELAY, |_| true);
    assert_eq!(unsteady_for(&damping, 3_000), 0);
}

#[test]
fn the_delay_decays_with_good_time_and_not_while_the_member_is_unfit() {
    let mut damping = Damping::new();
    lose(&mut damping, 0, 1_000);
    lose(&mut damping, 10_000, 1_000);
    assert_eq!(unsteady_for(&damping, 11_000), 20_000);
    assert_eq!(unsteady_for(&damping, 11_000 + 160_000), 10_000);
    assert_eq!(unsteady_for(&damping, 11_000 + 320_000), 0);
    for now in (11_000..400_000).step_by(10_000) {
        damping.observe(Timestamp::ORIGIN.after(Nanos(now)), DELAY, |_| false);
    }
    assert_eq!(unsteady_for(&damping, 400_000), 20_000);
}

#[test]
fn a_member_that_is_unfit_once_has_to_be_fit_for_the_whole_time_again() {
    let mut damping = Damping::new();
    lose(&mut damping, 0, 1_000);
    for (now, fit) in [(1_000, true), (5_000, false), (6_000, true)] {
        damping.observe(Timestamp::ORIGIN.after(Nanos(now)), DELAY, |_| fit);
    }
    assert!(damping.is_unsteady(1, Timestamp::ORIGIN.after(Nanos(15_999)), DELAY));
    assert!(!damping.is_unsteady(1, Timestamp::ORIGIN.after(Nanos(16_000)), DELAY));
}

#[test]
fn only_members_are_remembered() {
    let mut damping = Damping::new();
    damping.begin_trial(1, Timestamp::ORIGIN);
    damping.end_trial(2, Timestamp::ORIGIN.after(Nanos(1_000)), DELAY, |id| id != 1);
    assert!(damping.is_over());
    lose(&mut damping, 2_000, 1_000);
    damping.begin_trial(3, Timestamp::ORIGIN.after(Nanos(4_000)));
    damping.end_trial(2, Timestamp::ORIGIN.after(Nanos(5_000)), DELAY, |id| id > 1);
    assert_eq!(unsteady_for(&damping, 5_000), 0);
}
