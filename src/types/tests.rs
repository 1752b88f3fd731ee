//! Instants and lengths at the ends of their ranges, and the indices of the largest group.

extern crate std;

use super::*;
use crate::membership::MAX_MEMBERS;
use core::time::Duration;
use std::string::ToString;

const LAST: Timestamp = NEVER;

#[test]
fn an_instant_is_as_long_after_the_origin_as_the_clock_reads() {
    let reading = Duration::new(7, 5);
    assert_eq!(Timestamp::from(reading).since_origin(), reading);
    assert_eq!(Timestamp::from(reading).to_string(), "7.000000005s");
    assert_eq!(Timestamp::from(Duration::MAX), LAST);
    assert_eq!(Timestamp::default(), Timestamp::ORIGIN);
}

#[test]
fn instants_saturate_at_the_origin_and_at_the_last() {
    let second = Duration::from_secs(1);
    let early = Timestamp::from(second);
    assert_eq!(early.saturating_add(second).saturating_sub(second), early);
    assert_eq!(LAST.saturating_add(second), LAST);
    assert_eq!(early.saturating_add(Duration::MAX), LAST);
    assert_eq!(Timestamp::ORIGIN.saturating_sub(second), Timestamp::ORIGIN);
    assert_eq!((LAST.after(Nanos(1)), Timestamp::ORIGIN.before(Nanos(1))), (LAST, Timestamp::ORIGIN));
}

#[test]
fn the_time_since_a_later_instant_is_zero() {
    let (earlier, later) = (Timestamp::from(Duration::from_secs(1)), Timestamp::from(Duration::from_secs(3)));
    assert_eq!(later.saturating_duration_since(earlier), Duration::from_secs(2));
    assert_eq!(earlier.saturating_duration_since(later), Duration::ZERO);
    assert_eq!(later.since(earlier), Duration::from_secs(2).into());
    assert_eq!(earlier.since(later), Nanos::ZERO);
}

#[test]
fn a_length_is_the_same_as_a_duration_or_the_longest_that_there_is() {
    let length = Duration::new(2, 1);
    assert_eq!(Nanos::from(length), Nanos(2_000_000_001));
    assert_eq!(Duration::from(Nanos::from(length)), length);
    assert_eq!(Nanos::from(Duration::MAX), Nanos(u64::MAX));
    assert_eq!(Nanos(1_500_000).to_string(), "1.5ms");
}

#[test]
fn every_member_of_the_largest_group_has_an_index() {
    let indices = MemberIndex::all().map(MemberIndex::as_usize);
    assert!(indices.eq(0..MAX_MEMBERS));
    assert!(MemberIndex::all().is_sorted());
    assert_eq!(MemberIndex::new(MAX_MEMBERS.saturating_sub(1)), MemberIndex::all().last());
}

/// The values that FNV-1a is published with: a name must mean the same group in every release.
#[test]
fn the_number_of_a_named_group_is_the_hash_of_its_name() {
    assert_eq!(ClusterId::from_name(""), ClusterId(0xcbf2_9ce4_8422_2325));
    assert_eq!(ClusterId::from_name("a"), ClusterId(0xaf63_dc4c_8601_ec8c));
    assert_eq!(ClusterId::from_name("foobar"), ClusterId(0x8594_4171_f739_67e8));
}
