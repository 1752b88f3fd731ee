//! Every reachable state of small groups, within the bounds that each instance states, and no
//! property falls in any. `cargo run -p quorate-model --release -- --large` goes further.

#![allow(clippy::expect_used, reason = "a test that fails should panic")]

use quorate_model::{Search, check, small};

/// Searches the instance of that name.
#[track_caller]
fn stands(name: &str) {
    let instance = small().into_iter().find(|instance| instance.name == name);
    let found = check(instance.expect("an instance of that name"), Search::DepthFirst, 1);
    println!("{found}");
    assert!(found.is_well(), "{found}");
}

#[test]
fn split_votes_elect_one_or_none() {
    stands("split votes");
}

#[test]
fn a_crash_between_any_two_outputs_elects_nobody_twice() {
    stands("crashes");
}

#[test]
fn a_restarted_voter_and_a_late_message_make_no_second_lease() {
    stands("leases");
}

#[test]
fn clocks_that_drift_make_no_second_lease() {
    stands("drift");
}

#[test]
fn a_group_shrinks_by_committed_steps_alone() {
    stands("shrink");
}

#[test]
fn a_lease_of_an_earlier_membership_is_outwaited() {
    stands("grow");
}

#[test]
fn two_leaders_that_both_step_leave_one_group() {
    stands("rival steps");
}

#[test]
fn no_commit_is_lost_whatever_the_clocks_do() {
    stands("free clocks");
}

#[test]
fn a_group_forms_once() {
    stands("forming");
}

#[test]
fn a_handover_makes_no_second_lease() {
    stands("handover");
}
