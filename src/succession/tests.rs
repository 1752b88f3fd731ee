//! The order of succession.
#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use super::*;
use crate::types::{MembershipVersion, Nanos, Term};
use alloc::vec;
use alloc::vec::Vec;

const NOW: Timestamp = Timestamp::ORIGIN.after(Nanos(10));
const SOON: Timestamp = NOW.after(Nanos(1));
const LATER: Timestamp = NOW.after(Nanos(2));

fn follower(until: Timestamp, leaving: bool, priority: u8, index: u64) -> Progress {
    let position = Position { term: 1, index };
    Progress { bound_until: until, leaving, priority: Priority(priority), position, ..Progress::default() }
}

/// A membership in which the ids 0 to `voters - 1` are voters and the next `learners` ids are learners.
fn members(voters: u8, learners: u8) -> Membership<u8> {
    let version = MembershipVersion { term: Term(1), number: 1 };
    let learners = (voters..voters.saturating_add(learners)).collect();
    Membership::new(version, (0..voters).collect(), learners, crate::membership::majority(voters.into()))
        .unwrap()
}

fn ranks(
    mut progress: Vec<Progress>,
    members: &Membership<u8>,
    me: u8,
    first: Option<u8>,
) -> Vec<Option<u8>> {
    rank(&mut progress, members, me, first, NOW);
    progress.into_iter().map(|follower| follower.rank).collect()
}

/// Rule 4.1. Each follower is better than the one before it in exactly one respect, and no better in any
/// respect that counts for less.
#[test]
fn bound_followers_come_first_then_staying_ones_then_priority_position_and_freshness() {
    let from_last_to_first = vec![
        follower(NOW, false, 9, 9),
        follower(SOON, true, 8, 8),
        follower(SOON, false, 1, 3),
        follower(LATER, false, 1, 3),
        follower(SOON, false, 1, 4),
        follower(SOON, false, 2, 1),
    ];
    let order = ranks(from_last_to_first, &members(6, 0), 7, None);
    assert_eq!(order, [Some(5), Some(4), Some(3), Some(2), Some(1), Some(0)]);
}

#[test]
fn equal_followers_are_in_the_order_of_the_membership_except_for_the_named_one() {
    let equals = vec![follower(SOON, false, 1, 1); 3];
    assert_eq!(ranks(equals.clone(), &members(3, 0), 7, None), [Some(0), Some(1), Some(2)]);
    assert_eq!(ranks(equals, &members(3, 0), 7, Some(2)), [Some(1), Some(2), Some(0)]);
}

#[test]
fn the_leader_itself_a_witness_and_a_learner_have_no_rank() {
    let mut equals = vec![follower(SOON, false, 1, 1); 5];
    equals.get_mut(1).unwrap().priority = Priority::NEVER_LEADS;
    assert_eq!(ranks(equals, &members(3, 2), 0, None), [None, None, Some(0), None, None]);
}
