//! One test for each rule of the protocol: a node or a few, messages delivered by hand, and what
//! must come out. The numbers are those of the rules in the crate's documentation.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)] // Tests.

mod campaign_orders;
mod early_pre_votes;
mod elections;
mod formation;
mod handover;
mod leases;
mod leaving;
mod membership_versions;
mod promises;
mod reconfiguration;
mod renewal;
mod rivals;
mod status;
mod support;
mod terms;
mod tuned_promises;
