//! Other elections beside `quorate`: each library is hosted as its documentation asks, all run in one
//! simulator under the same faults, and what each costs is measured without the simulator.
//!
//! A library comes in by implementing [`library::SimulatedNode`] in a file of its own under `library/`,
//! and [`cost::group::MeasuredNode`] in one under `cost/`.
//!
//! # The order of the files
//!
//! A file imports only files above it; `tests/imports.rs` checks that.
//!
//! - `node_set`: sets of nodes, and which nodes can talk to which.
//! - `library`: what the simulator asks of a library, and the timings of all.
//! - `library::quorate`, `library::raft_rs`, `library::omnipaxos`, `library::almost_raft`: the libraries.
//! - `conditions`: the network, disks, clocks and timings of a run.
//! - `process`: a host and the process on it.
//! - `check`: what must not happen, looked for after every event.
//! - `group`: a group in virtual time.
//! - `chaos`: a run under faults.
//! - `failover`: a run in which the leader crashes.
//! - `summary`: figures of many such runs.
//! - `setups`: the libraries, set up in each of the ways in which their failovers are measured.
//! - `cost::allocator`: counts allocations.
//! - `cost::group`: what is asked of a library whose cost is measured, and a group of its nodes.
//! - `cost::quorate`, `cost::raft_rs`, `cost::omnipaxos`: the libraries.
//! - `cost::timers`: ways in which a host of many groups keeps deadlines.
//! - `cost::fleet`: many groups at rest in one process.
//! - `cost::work`: the work that is measured.
//! - `cost::almost_raft`: the same work for a library that is a task.
//! - `cost`: names the files above, and imports none.
#![deny(unsafe_code)]

pub mod chaos;
pub mod check;
pub mod conditions;
pub mod cost;
pub mod failover;
pub mod group;
pub mod library;
pub mod node_set;
pub mod setups;
pub mod summary;

mod process;
