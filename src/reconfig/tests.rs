//! Overlap, against all quorums there are; and walks, taken as if everybody answered at once.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test that panics has found something"
)]

use super::*;
use alloc::vec;
use std::collections::BTreeSet;

extern crate std;

type Members = Membership<u8>;

fn members(voters: &[u8], learners: &[u8]) -> Members {
    let version = MembershipVersion { term: Term(1), number: 1 };
    Members::new(version, voters.to_vec(), learners.to_vec(), majority(voters.len())).unwrap()
}

/// All that are sizeable enough, as bit sets.
fn quorums(voters: &[u8], quorum: usize) -> Vec<BTreeSet<u8>> {
    (0_u32..1 << voters.len())
        .map(|bits| {
            voters.iter().copied().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, v)| v).collect()
        })
        .filter(|set: &BTreeSet<u8>| set.len() >= quorum)
        .collect()
}

/// Memberships of one to four of these voters, with every quorum that is one.
fn all(of: u8) -> impl Iterator<Item = Members> {
    let lists = (1_u32..1 << of).map(move |bits| (0..of).filter(|i| bits >> i & 1 == 1).collect::<Vec<u8>>());
    lists.flat_map(|voters| {
        let version = MembershipVersion { term: Term(1), number: 1 };
        let needed = majority(voters.len())..=voters.len();
        needed.map(move |quorum| Members::new(version, voters.clone(), vec![], quorum).unwrap())
    })
}

#[test]
fn quorums_overlap_just_when_no_two_of_them_are_disjoint() {
    for (old, new) in all(4).flat_map(|old| all(4).map(move |new| (old.clone(), new))) {
        let (these, those) = (quorums(old.voters(), old.quorum()), quorums(new.voters(), new.quorum()));
        let disjoint = these.iter().any(|this| those.iter().any(|that| this.is_disjoint(that)));
        assert_eq!(quorums_overlap(&old, &new), !disjoint, "{old:?} {new:?}");
    }
}

/// Walks as if everybody answered at once, and says how many steps that took.
fn walk(mut current: Members, target: &Target<u8>) -> usize {
    let mut steps = 0;
    while let Some(next) = next_step(&current, target, |_| MemberHealth::Ready, |_| true) {
        assert!(quorums_overlap(&current, &next), "{current:?} to {next:?}");
        let newcomers = next.voters().iter().filter(|id| !current.is_voter(**id));
        assert!(newcomers.into_iter().all(|id| current.contains(*id)), "nobody votes who did not follow");
        assert!(next.voters().len() >= current.voters().len().min(target.voters().len()));
        current = next;
        steps += 1;
        assert!(steps < 600, "it never arrives");
    }
    assert!(target.is_reached(&current), "{current:?} is not {target:?}");
    steps
}

#[test]
fn a_walk_reaches_any_target_by_overlapping_steps() {
    for (from, to, steps) in [
        (1..=3, 1..=4, 2),
        (1..=3, 1..=5, 3),
        (1..=5, 1..=3, 2),
        (1..=3, 1..=2, 1),
        (1..=1, 1..=3, 3),
        (1..=3, 3..=5, 4),
        (1..=255, 1..=100, 78),
        (1..=130, 130..=255, 127),
    ] {
        let target = Target::new(to.clone(), []).unwrap();
        assert_eq!(
            walk(members(&from.clone().collect::<Vec<_>>(), &[]), &target),
            steps,
            "{from:?} to {to:?}"
        );
    }
    let demoted = Target::new([1, 2], [3, 9]).unwrap();
    assert_eq!(walk(members(&[1, 2, 3], &[7]), &demoted), 1);
}

#[test]
fn a_group_keeps_its_size_while_a_newcomer_is_not_ready_yet() {
    let target = Target::new([1, 2, 4], []).unwrap();
    let current = members(&[1, 2, 3], &[4]);
    let step = |ready: bool, dead: bool| {
        let standing = |id| match id {
            3 if dead => MemberHealth::Silent,
            4 if ready => MemberHealth::Ready,
            _ => MemberHealth::Answering,
        };
        next_step(&current, &target, standing, |_| true).map(|next| next.voters().to_vec())
    };
    assert_eq!(step(false, false), None, "3 stays until 4 can take its place");
    assert_eq!(step(true, false), Some(vec![1, 2, 3, 4]));
    assert_eq!(step(false, true), Some(vec![1, 2]), "a voter that does not answer helps nobody");
}

#[test]
fn who_can_be_removed_alone_is_found_though_the_first_can_not() {
    let alone = Target::new([3], []).unwrap();
    let answers = |next: &Members| next.voters().iter().filter(|&&id| id != 2).count() >= next.quorum();
    let standing = |id| match id {
        1 => MemberHealth::Leaving,
        2 => MemberHealth::Silent,
        _ => MemberHealth::Ready,
    };
    let next = next_step(&members(&[1, 2, 3], &[]), &alone, standing, answers).unwrap();
    assert_eq!(next.voters(), [1, 3], "with 1 gone and 2 silent, 3 would lose its lease");
}
