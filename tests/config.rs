//! The limits of a node's configuration.
#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::time::Duration;

use quorate::{
    ClusterId, Config, ConfigError, Election, HardState, Membership, MembershipVersion, Term, Timing,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const HOUR: Duration = Duration::from_secs(3_600);
const NANOSECOND: Duration = Duration::from_nanos(1);
const MICROSECOND: Duration = Duration::from_micros(1);
const MILLISECOND: Duration = Duration::from_millis(1);
/// The latest reading of a clock, half the largest number of 64 bits.
const CLOCK_END: Duration = Duration::from_nanos(u64::MAX / 2);

fn saved() -> HardState<u8> {
    HardState::bootstrap(ClusterId(1), [1, 2, 3]).unwrap()
}

fn start(timing: Timing, saved: HardState<u8>, now: Duration) -> Result<(), ConfigError> {
    let config = Config { timing, ..Config::new(1) };
    Election::new(config, saved, now.into(), ChaCha8Rng::seed_from_u64(0)).map(drop)
}

fn with(timing: Timing) -> Result<(), ConfigError> {
    start(timing, saved(), Duration::ZERO)
}

/// The longest valid lengths: an hour, except for the heartbeat interval. The lease of such a promise lasts for 2,040
/// seconds, of which a resolution and a twentieth of the promise must be left at the next heartbeat.
const LONGEST: Timing = Timing {
    promise: HOUR,
    tuned_from: None,
    promise_limit: HOUR,
    heartbeat_interval: Duration::from_secs(1_500),
    retry_interval: HOUR,
    stagger: HOUR,
    takeover_delay: HOUR,
    clock_drift_ppm: 500_000,
    clock_resolution: Duration::from_secs(360),
};

/// The shortest valid lengths.
const SHORTEST: Timing = Timing {
    promise: Duration::from_micros(2),
    tuned_from: None,
    promise_limit: Duration::from_micros(2),
    heartbeat_interval: MICROSECOND,
    retry_interval: MICROSECOND,
    stagger: MICROSECOND,
    takeover_delay: MICROSECOND,
    clock_drift_ppm: 0,
    clock_resolution: Duration::ZERO,
};

/// A length, with its name.
type Length = (&'static str, fn(&mut Timing) -> &mut Duration);

const LENGTHS: [Length; 6] = [
    ("promise", |timing| &mut timing.promise),
    ("promise_limit", |timing| &mut timing.promise_limit),
    ("heartbeat_interval", |timing| &mut timing.heartbeat_interval),
    ("retry_interval", |timing| &mut timing.retry_interval),
    ("stagger", |timing| &mut timing.stagger),
    ("takeover_delay", |timing| &mut timing.takeover_delay),
];

#[test]
fn each_length_is_from_a_microsecond_to_an_hour() {
    assert_eq!(with(SHORTEST), Ok(()));
    assert_eq!(with(LONGEST), Ok(()));
    for (name, length) in LENGTHS {
        for (mut timing, other) in [(SHORTEST, MICROSECOND - NANOSECOND), (LONGEST, HOUR + NANOSECOND)] {
            *length(&mut timing) = other;
            assert_eq!(with(timing), Err(ConfigError::LengthOutOfRange(name)), "{other:?}");
        }
    }
}

#[test]
fn lengths_that_do_not_fit_together_are_refused() {
    let mut timing = LONGEST;
    timing.promise_limit -= MICROSECOND;
    assert_eq!(with(timing), Err(ConfigError::PromiseAboveLimit));
    let steady = Timing { clock_drift_ppm: 0, clock_resolution: Duration::ZERO, ..LONGEST };
    let rare = |excess| with(Timing { heartbeat_interval: HOUR / 2 + excess, ..steady });
    assert_eq!((rare(Duration::ZERO), rare(MICROSECOND)), (Ok(()), Err(ConfigError::HeartbeatTooRare)));
    let mut timing = LONGEST;
    timing.clock_drift_ppm += 1;
    assert_eq!(with(timing), Err(ConfigError::DriftTooLarge));
    for (mut timing, excess) in
        [(LONGEST, NANOSECOND), (LONGEST, Duration::MAX - HOUR), (SHORTEST, NANOSECOND)]
    {
        timing.clock_resolution += excess;
        assert_eq!(with(timing), Err(ConfigError::ClockTooCoarse), "{excess:?}");
    }
    let tuned = Timing::tuned(25 * MILLISECOND, 150 * MILLISECOND);
    let coarse = |micros| with(Timing { clock_resolution: Duration::from_micros(micros), ..tuned });
    assert_eq!((coarse(2_500), coarse(2_501)), (Ok(()), Err(ConfigError::ClockTooCoarse)));
}

/// A heartbeat each microsecond keeps no leader better than one in a thousandth of a promise, and a node that repeats
/// its requests so often floods those that do not answer.
#[test]
fn a_promise_has_room_for_a_thousand_heartbeats_or_requests_at_most() {
    let lan = Timing::lan();
    let often = |micros| with(Timing { heartbeat_interval: Duration::from_micros(micros), ..lan });
    assert_eq!((often(150), often(149)), (Ok(()), Err(ConfigError::HeartbeatTooOften)));
    let often = |micros| with(Timing { retry_interval: Duration::from_micros(micros), ..lan });
    assert_eq!((often(150), often(149)), (Ok(()), Err(ConfigError::RetryTooOften)));
}

/// A promise of 300 ms gives a lease of 200 ms if clocks may differ by half, less the resolution. The clock may show
/// one resolution late that the next heartbeat is due, and the replies take a while.
#[test]
fn a_lease_lasts_until_the_replies_to_the_next_heartbeat_on_the_worst_clocks_that_are_declared() {
    let worst = Timing {
        promise: 300 * MILLISECOND,
        promise_limit: 300 * MILLISECOND,
        heartbeat_interval: 150 * MILLISECOND,
        clock_drift_ppm: 500_000,
        clock_resolution: Duration::from_micros(17_500),
        ..Timing::lan()
    };
    assert_eq!(with(worst), Ok(()));
    for coarser in [MICROSECOND, 12 * MILLISECOND] {
        let timing = Timing { clock_resolution: worst.clock_resolution + coarser, ..worst };
        assert_eq!(with(timing), Err(ConfigError::LeaseTooShort));
        let heartbeat_interval = worst.heartbeat_interval - 2 * coarser;
        assert_eq!(with(Timing { heartbeat_interval, ..timing }), Ok(()));
    }
    assert_eq!(with(Timing { clock_drift_ppm: 0, ..worst }), Ok(()));
}

#[test]
fn a_tuned_promise_is_from_three_milliseconds_to_the_longest() {
    let tuned = |micros, longest| with(Timing::tuned(Duration::from_micros(micros), longest));
    let longest = Duration::from_millis(3);
    assert_eq!(tuned(3_000, longest), Ok(()));
    assert_eq!(tuned(3_001, longest), Err(ConfigError::TunedAbovePromise));
    assert_eq!(tuned(2_999, longest), Err(ConfigError::TunedTooShort));
    assert_eq!(tuned(0, longest), Err(ConfigError::LengthOutOfRange("tuned_from")));
    assert_eq!(tuned(3_000, HOUR / 100), Ok(()));
}

#[test]
fn tuned_timing_is_in_proportion_to_its_longest_promise_as_the_preset_is_to_its_promise() {
    let lan = Timing::lan();
    let Timing { takeover_delay, tuned_from, .. } = Timing::tuned(25 * MILLISECOND, lan.promise);
    assert_eq!((takeover_delay, tuned_from), (lan.takeover_delay, Some(25 * MILLISECOND)));
    assert_eq!(Timing::tuned(25 * MILLISECOND, lan.promise), Timing { tuned_from, ..lan });
}

#[test]
fn a_durable_promise_is_no_longer_than_the_longest_valid_one() {
    let promised = |promised| start(LONGEST, HardState { promised, ..saved() }, Duration::ZERO);
    assert_eq!(promised(HOUR), Ok(()));
    let long = HOUR + NANOSECOND;
    assert_eq!(promised(long), Err(ConfigError::PromisedTooLong(long)));
}

#[test]
fn the_clock_ends_while_there_is_still_room_for_any_length() {
    assert_eq!(start(LONGEST, saved(), CLOCK_END), Ok(()));
    let late = CLOCK_END + NANOSECOND;
    assert_eq!(start(LONGEST, saved(), late), Err(ConfigError::ClockOutOfRange(late.into())));
}

#[test]
fn a_term_below_that_of_its_membership_is_refused() {
    let version = MembershipVersion { term: Term(2), number: 1 };
    let membership = Membership::new(version, vec![1, 2, 3], vec![], 2).unwrap();
    let state = |term| HardState { term: Term(term), membership: membership.clone(), ..saved() };
    assert_eq!(start(LONGEST, state(2), Duration::ZERO), Ok(()));
    let refused = start(LONGEST, state(1), Duration::ZERO);
    assert_eq!(refused, Err(ConfigError::TermBelowMembership { term: Term(1), version }));
}
