//! The rules of the protocol, at least one test for each. A test gives one node its messages by hand and
//! compares the outputs. The numbers are those of the rules in the crate's documentation.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails should panic"
)]

mod campaign_orders;
mod damping;
mod early_pre_votes;
mod elections;
mod formation;
mod fresh_start;
mod handover;
mod leases;
mod leaving;
mod lives;
mod membership_versions;
mod news;
mod positions;
mod promises;
mod reconfiguration;
mod recovery;
mod renewal;
mod reply_order;
mod rivals;
mod silent_voters;
mod split_votes;
mod status;
mod support;
mod terms;
mod texts;
mod tuned_promises;
