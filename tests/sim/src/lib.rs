//! The deterministic cluster: nodes, clocks, disks and a network in virtual time, all decided by one
//! seed, and checks after every event that what `quorate` promises holds.
//!
//! [`Cluster`] is driven by tests, [`Scenario`] drives one through faults, and [`Desk`] is a handful of
//! nodes whose messages a test delivers by hand.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod act;
mod check;
mod churn;
mod clock;
mod cluster;
mod desk;
mod dice;
mod disk;
mod faults;
mod handing;
mod host;
mod lean;
mod learn;
mod live;
mod measure;
mod members;
pub mod model;
mod net;
mod options;
mod scenario;
mod schedule;
mod serve;
mod trace;

pub use check::{Kind, Violation};
pub use clock::{Clock, Drift, Instant, MS, SECOND};
pub use cluster::{Change, Cluster, Counts, News};
pub use desk::{Desk, Mail};
pub use dice::{Dice, Ppm, Zero};
pub use disk::DiskOptions;
pub use faults::Faults;
pub use handing::Handing;
pub use lean::{Lean, Tally as LeanTally, Traffic};
pub use live::leaderless_bound;
pub use measure::{Failover, Setting, Summary, cold_start, failover, handover};
pub use net::NetOptions;
pub use options::{Options, Start};
pub use scenario::{Outcome, Scenario};
pub use schedule::Schedule;
pub use trace::{Trace, message as describe};
