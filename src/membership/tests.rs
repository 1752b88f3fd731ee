//! Cases of quorums that the rest of the crate never asks about.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that panics has found something"
)]

use super::*;
use crate::quorum_oracle;

#[test]
fn without_voters_there_is_no_quorum() {
    assert!(!Membership::<u8>::joining().is_quorum(|_| true));
}

#[test]
fn the_value_that_a_quorum_reaches_is_that_of_the_oracle() {
    for size in 1..=40_u8 {
        let members = Membership::bootstrap(0..size).unwrap();
        let value = |index: MemberIndex| (u64::from(index) * 7) % u64::from(size);
        let values: Vec<u64> = MemberIndex::below(size).map(value).collect();
        let reached = quorum_oracle::reached(&values, members.quorum()).unwrap();
        assert_eq!(members.quorum_value(0, value), reached);
        assert_eq!(members.quorum_value(reached + 1, value), reached + 1, "the floor is higher");
    }
}
