//! What the rest of the crate never asks, and must not be told wrong all the same.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that panics has found something"
)]

use super::*;

#[test]
fn where_nobody_votes_there_is_no_quorum() {
    assert!(!Membership::<u8>::joining().is_quorum(|_| true));
}

#[test]
fn a_quorum_reaches_the_value_that_sorting_finds() {
    for size in 1..=40_u8 {
        let members = Membership::bootstrap(0..size).unwrap();
        let value = |index: MemberIndex| (u64::from(index) * 7) % u64::from(size);
        let mut values: Vec<u64> = MemberIndex::below(size).map(value).collect();
        values.sort_unstable();
        let reached = values[values.len() - members.quorum()];
        assert_eq!(members.quorum_value(0, value), reached);
        assert_eq!(members.quorum_value(reached + 1, value), reached + 1, "the floor is more");
    }
}
