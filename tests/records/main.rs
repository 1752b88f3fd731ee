//! Records of real hosts: what was written while they ran is replayed, cut, changed and merged. Bounds are generous; no test
//! says how fast anything is.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails should panic"
)]

mod hosts;
mod lines;
mod merged;
mod recorders;
mod support;
mod tasks;
mod virtual_group;
