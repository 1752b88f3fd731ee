//! The overlap of quorums, compared with an oracle; and whole reconfigurations, as if every node answered
//! at once.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test that panics has found something"
)]

use super::*;
use crate::quorum_oracle;
use alloc::vec;

type Members = Membership<u8>;

fn members(voters: &[u8], learners: &[u8]) -> Members {
    let version = MembershipVersion { term: Term(1), number: 1 };
    Members::new(version, voters.to_vec(), learners.to_vec(), majority(voters.len())).unwrap()
}

/// Every membership of voters below `ids`, with every possible quorum.
fn all_memberships(ids: u8) -> impl Iterator<Item = Members> {
    let lists =
        (1_u32..1 << ids).map(move |bits| (0..ids).filter(|i| bits >> i & 1 == 1).collect::<Vec<u8>>());
    lists.flat_map(|voters| {
        let version = MembershipVersion { term: Term(1), number: 1 };
        let needed = majority(voters.len())..=voters.len();
        needed.map(move |quorum| Members::new(version, voters.clone(), vec![], quorum).unwrap())
    })
}

#[test]
fn quorums_overlap_exactly_when_no_two_of_them_are_disjoint() {
    for (old, new) in all_memberships(4).flat_map(|old| all_memberships(4).map(move |new| (old.clone(), new)))
    {
        let overlap = quorum_oracle::overlap((old.voters(), old.quorum()), (new.voters(), new.quorum()));
        assert_eq!(quorums_overlap(&old, &new), overlap, "{old:?} {new:?}");
    }
}

/// Takes all steps to `target` as if every node answered at once, and returns their number.
fn reconfigure(mut current: Members, target: &Target<u8>) -> usize {
    let mut steps = 0;
    while let Some(next) = next_step(&current, target, |_| MemberHealth::Ready, |_| true) {
        assert!(quorums_overlap(&current, &next), "{current:?} to {next:?}");
        let newcomers = next.voters().iter().filter(|id| !current.is_voter(**id));
        assert!(newcomers.into_iter().all(|id| current.contains(*id)), "a new voter was no member before");
        assert!(next.voters().len() >= current.voters().len().min(target.voters().len()));
        current = next;
        steps += 1;
        assert!(steps < 600, "the target is never reached");
    }
    assert!(target.is_reached(&current), "{current:?} is not {target:?}");
    steps
}

#[test]
fn a_reconfiguration_reaches_any_target_by_overlapping_steps() {
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
            reconfigure(members(&from.clone().collect::<Vec<_>>(), &[]), &target),
            steps,
            "{from:?} to {to:?}"
        );
    }
    let demoted = Target::new([1, 2], [3, 9]).unwrap();
    assert_eq!(reconfigure(members(&[1, 2, 3], &[7]), &demoted), 1);
}

#[test]
fn a_group_keeps_its_size_while_a_newcomer_is_not_ready_yet() {
    let target = Target::new([1, 2, 4], []).unwrap();
    let current = members(&[1, 2, 3], &[4]);
    let step = |ready: bool, dead: bool| {
        let health = |id| match id {
            3 if dead => MemberHealth::Silent,
            4 if ready => MemberHealth::Ready,
            _ => MemberHealth::Answering,
        };
        next_step(&current, &target, health, |_| true).map(|next| next.voters().to_vec())
    };
    assert_eq!(step(false, false), None, "3 stays until 4 can take its place");
    assert_eq!(step(true, false), Some(vec![1, 2, 3, 4]));
    assert_eq!(step(false, true), Some(vec![1, 2]), "a voter that does not answer can go at once");
}

#[test]
fn a_voter_that_can_be_removed_alone_is_found_though_the_first_one_cannot_be() {
    let alone = Target::new([3], []).unwrap();
    let answers = |next: &Members| next.voters().iter().filter(|&&id| id != 2).count() >= next.quorum();
    let health = |id| match id {
        1 => MemberHealth::Leaving,
        2 => MemberHealth::Silent,
        _ => MemberHealth::Ready,
    };
    let next = next_step(&members(&[1, 2, 3], &[]), &alone, health, answers).unwrap();
    assert_eq!(next.voters(), [1, 3], "with 1 gone and 2 silent, 3 would lose its lease");
}

/// Rule 9.9: on the way from {1, 4} to {1, 3, 5}, in a group that 1, 2 and 3 have founded, 5 is ready and 3 is not. {4, 5}
/// would be a quorum of {1, 4, 5}.
#[test]
fn no_step_of_a_founded_group_leaves_a_quorum_without_a_founder() {
    let founded = members(&[1, 2, 3], &[]).founded();
    let current = founded.next_membership(vec![1, 4], vec![3, 5]).unwrap();
    let target = Target::new([1, 3, 5], []).unwrap();
    let health = |id| if id == 3 { MemberHealth::Answering } else { MemberHealth::Ready };
    let next = next_step(&current, &target, health, |_| true);
    assert!(next.as_ref().is_none_or(|next| next.voters() != [1, 4, 5]), "{next:?}");
    let unbound = members(&[1, 4], &[3, 5]);
    assert_eq!(next_step(&unbound, &target, health, |_| true).unwrap().voters(), [1, 4, 5]);
}
