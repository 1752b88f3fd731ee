//! Each store by the same contract, the real ones while they are killed.
//!
//! Servers that cannot be started here are reported as `SKIPPED: …`.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails should panic"
)]

mod contract;
mod double;
mod faults;
mod kubernetes;
mod memory;
mod nats;
mod object;
mod postgres;
mod server;
mod sqlite;
mod two_machines;
