//! What monitoring sees of nodes: their metrics, the alerts that are made of them, and the answers to probes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that panics has found something"
)]

mod alerts;
mod dashboard;
mod exposition;
mod parser;
mod probes;
mod recordings;
mod requests;
mod snapshots;
mod spans;
