//! What a simulator of a group needs, whatever library its nodes run: an event queue, links, the faults of
//! a run and how bad they are, and a record of what was disturbed when.
//!
//! [`Cluster`](crate::Cluster) is built on it, and so is the comparison with other libraries in
//! `benches/versus`. Nodes are named by their index, from 0.

mod disturbances;
mod event_queue;
mod links;
mod mishaps;
mod severity;

pub use disturbances::Disturbances;
pub use event_queue::EventQueue;
pub use links::Links;
pub use mishaps::{Calm, FaultyGroup, calm, choose_victim, freeze_length, heal, partition, storm};
pub use severity::Severity;
