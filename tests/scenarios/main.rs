//! Scenarios of a whole group: its members change, leadership is handed over, links stay broken, a
//! quorum is lost. Most of them run on a network whose messages the test delivers by hand, the others in
//! a simulated cluster.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that fails should panic"
)]

mod connectivity;
mod counterexamples;
mod flapping;
mod forgetting;
mod fresh_starts;
mod handovers;
mod membership_changes;
mod no_quorum;
mod prelude;
mod slow_disks;
mod split_votes;
