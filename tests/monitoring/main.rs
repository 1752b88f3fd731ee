//! What monitoring sees of nodes: their metrics, and the answers to probes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that panics has found something"
)]

mod exposition;
mod parser;
mod probes;
mod requests;
mod snapshots;
mod spans;
