//! Every reachable state of small groups, within the bounds of each instance: no property is violated.
//! `cargo run -p quorate-model --release -- --large` searches larger instances.

#![allow(clippy::expect_used, reason = "a test that fails should panic")]

use quorate_model::{Search, check, small};

/// Searches the instance of this name.
#[track_caller]
fn check_instance(name: &str) {
    let instance = small().into_iter().find(|instance| instance.name == name);
    let found = check(instance.expect("an instance of that name"), Search::DepthFirst, 1);
    println!("{found}");
    assert!(found.passed(), "{found}");
}

#[test]
fn split_votes_elect_one_or_none() {
    check_instance("split votes");
}

#[test]
fn a_crash_between_any_two_outputs_causes_no_second_winner_of_a_term() {
    check_instance("crashes");
}

#[test]
fn a_restarted_voter_and_a_late_message_cause_no_second_lease() {
    check_instance("leases");
}

#[test]
fn clocks_that_drift_cause_no_second_lease() {
    check_instance("drift");
}

#[test]
fn a_group_shrinks_by_committed_steps_alone() {
    check_instance("shrink");
}

#[test]
fn a_step_waits_for_the_end_of_a_lease_of_an_earlier_membership() {
    check_instance("grow");
}

#[test]
fn two_leaders_that_both_change_the_members_do_not_split_the_group() {
    check_instance("rival steps");
}

#[test]
fn no_commit_is_lost_with_arbitrary_clocks() {
    check_instance("free clocks");
}

#[test]
fn a_group_forms_once() {
    check_instance("forming");
}

#[test]
fn a_handover_causes_no_second_lease() {
    check_instance("handover");
}

#[test]
fn a_late_ready_of_an_earlier_attempt_ends_no_leadership() {
    check_instance("old replies: handover");
}

#[test]
fn a_late_wish_to_leave_removes_no_member_that_was_added_again() {
    check_instance("old replies: added again");
}

#[test]
fn a_newcomer_without_data_is_not_elected() {
    check_instance("empty newcomers");
}

#[test]
fn a_node_that_forgets_causes_no_second_winner_and_no_second_lease() {
    check_instance("lost disk");
}

#[test]
fn blank_nodes_that_forget_again_found_no_two_groups_that_both_elect() {
    check_instance("fresh start");
}
