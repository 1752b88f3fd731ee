//! What the page `guide::register` says of the time without a leader and of calls, on fewer runs.

use std::time::Duration;

use quorate_sim::{RegisterFault, RegisterProfile, RegisterTrial};

const TRIALS: u64 = 60;
const PROFILES: [RegisterProfile; 4] = [
    RegisterProfile::ALWAYS,
    RegisterProfile::SPARE,
    RegisterProfile::SPARE_SLOW,
    RegisterProfile::SPARE_QUICK,
];

/// The times without a leader, in order.
fn times(profile: RegisterProfile, fault: RegisterFault) -> Vec<Duration> {
    let mut times: Vec<_> =
        (0..TRIALS).map(|seed| RegisterTrial { seed, profile }.leaderless(fault)).collect();
    times.sort_unstable();
    times
}

fn median(times: &[Duration]) -> u128 {
    times[times.len() / 2].as_millis()
}

/// A spare register binds its voter to nobody, and the early pre-vote is answered before the promise of the dead leader ends.
#[test]
fn the_other_machine_leads_soon_after_a_crash_of_the_leader() {
    for (profile, most) in PROFILES.into_iter().zip([4_000, 1_250, 1_550, 550]) {
        let median = median(&times(profile, RegisterFault::LeaderCrashes));
        assert!(median <= most, "{profile}: {median} ms");
    }
}

#[test]
fn the_other_machine_takes_over_from_a_leader_that_reaches_nobody() {
    for (profile, most) in PROFILES.into_iter().zip([1_200, 150, 500, 110]) {
        let median = median(&times(profile, RegisterFault::LeaderCutOff));
        assert!(median <= most, "{profile}: {median} ms");
    }
}

/// Each message of the handover takes 9 ms at most, and the register is not needed.
#[test]
fn a_handover_takes_three_messages_and_no_call() {
    for profile in PROFILES {
        let longest = times(profile, RegisterFault::Handover).pop();
        assert!(longest <= Some(Duration::from_millis(28)), "{profile}: {longest:?}");
    }
}

/// A call may fail at the wrong moment, which is rare.
#[test]
fn a_leader_stays_when_it_loses_the_other_machine_or_the_register() {
    for fault in [RegisterFault::FollowerCrashes, RegisterFault::Partition, RegisterFault::RegisterDown] {
        for profile in PROFILES {
            let kept = times(profile, fault).iter().filter(|time| time.is_zero()).count() as u64;
            assert!(kept >= TRIALS - 3, "{profile}: {kept} of {TRIALS} leaders stay when {fault}");
        }
    }
}

#[test]
fn two_machines_that_restart_wait_for_the_longest_promise() {
    for (profile, limit) in PROFILES.into_iter().zip([3_600, 3_600, 3_600, 3_000]) {
        let median = median(&times(profile, RegisterFault::BothRestart));
        assert!((limit..limit + 200).contains(&median), "{profile}: {median} ms");
    }
}

#[test]
fn a_spare_register_is_written_only_while_one_machine_is_down() {
    for seed in 0..3 {
        let spare = RegisterTrial { seed, profile: RegisterProfile::SPARE };
        let (reads, writes) = spare.calls_at_rest();
        assert!((330..=400).contains(&reads) && writes == 0, "at rest: {reads} reads, {writes} writes");
        let (reads, writes) = spare.calls_while_one_is_down();
        assert!(reads < 50 && (2_300..=2_550).contains(&writes), "alone: {reads} reads, {writes} writes");
    }
}
