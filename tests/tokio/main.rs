//! Nodes as tokio tasks, in paused time on a network in memory, where nothing depends on how fast
//! the machine is; and a few over UDP.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod diagnoses;
mod elections;
mod graceful;
mod guarded;
mod ids;
mod losses;
mod names;
mod parity;
mod support;
mod udp;
mod without_storage;
