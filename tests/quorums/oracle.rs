//! Quorums by brute force: all subsets of the voters, one by one. The tests compare the arithmetic of the
//! crate with it.
//!
//! The unit tests of the crate include this file as well, so it uses nothing but `core`.
#![allow(clippy::arithmetic_side_effects, reason = "a test that overflows has found something")]

/// Every set of at least `quorum` of these voters, with a bit for each id. The ids are below 32.
pub(crate) fn quorums(voters: &[u8], quorum: usize) -> impl Iterator<Item = u32> {
    let members = |subset: u32| voters.iter().enumerate().filter(move |(i, _)| subset >> i & 1 == 1);
    (0..1_u32 << voters.len())
        .filter(move |subset| subset.count_ones() as usize >= quorum)
        .map(move |subset| members(subset).map(|(_, id)| 1 << id).sum())
}

/// Whether every quorum of one group shares a voter with every quorum of the other. A group is its
/// voters and the size of its quorums.
pub(crate) fn overlap(one: (&[u8], usize), other: (&[u8], usize)) -> bool {
    quorums(one.0, one.1).all(|a| quorums(other.0, other.1).all(|b| a & b != 0))
}

/// The largest of `values` that at least `quorum` of them reach.
pub(crate) fn reached<T: Ord + Copy>(values: &[T], quorum: usize) -> Option<T> {
    let support = |value: T| values.iter().filter(|&&other| other >= value).count();
    values.iter().copied().filter(|&value| support(value) >= quorum).max()
}
