//! A voter in a register: each rule of section 10, on agents whose calls a test answers by hand; and machines that share
//! a register, under faults in virtual time.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails should panic"
)]

mod bench;
mod contents;
mod liveness;
mod outcomes;
mod seat_hosts;
mod seat_memory;
mod seat_tasks;
mod seats;
mod simulation;
mod usage;
mod watches;
