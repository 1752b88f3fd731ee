//! Machines that share a voter in a register: agents, calls that fail, late writes and stale reads, in virtual time.

mod calls;
mod faults;
mod liveness;
mod machine;
mod profile;
mod seats;
mod store;
mod world;

pub use liveness::{RegisterFault, RegisterTrial};
pub use profile::{Profile, RegisterOutcome, RegisterScenario};
pub use seats::SeatScenario;
