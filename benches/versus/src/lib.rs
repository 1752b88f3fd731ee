//! Other elections beside `quorate`: each hosted as its documentation asks, all in one simulator,
//! under the same faults.
//!
//! A library comes in by implementing [`rival::Rival`] in a file of its own under `rival/`. What each
//! costs is measured without the simulator: [`cost`].
#![deny(unsafe_code)]

pub mod check;
pub mod competitor;
pub mod conditions;
pub mod cost;
pub mod failover;
pub mod faults;
pub mod group;
pub mod rival;
pub mod summary;

mod links;
mod process;

// The dice and the clocks of the simulator that tests quorate. As files: the crate would bring its
// model checker along.
#[path = "../../../tests/sim/src/clock.rs"]
pub mod clock;
#[allow(dead_code, reason = "loaded dice are for its fuzzers")]
#[path = "../../../tests/sim/src/rng.rs"]
pub mod rng;
