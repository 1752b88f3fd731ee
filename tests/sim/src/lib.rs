//! The deterministic cluster: nodes, clocks, disks and a network in virtual time, all decided by one
//! seed, and checks after every event that what `quorate` promises holds.
//!
//! [`Cluster`] is driven by tests, [`Scenario`] drives one through faults, and [`Desk`] is a handful of
//! nodes whose messages a test delivers by hand.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod act;
mod check;
mod clock;
mod cluster;
mod desk;
mod dice;
mod disk;
mod host;
mod live;
mod measure;
mod net;
mod scenario;
mod serve;
mod trace;

pub use check::{Kind, Violation};
pub use clock::{Clock, Drift, Instant, MS, SECOND};
pub use cluster::{Cluster, Counts, News, Options};
pub use desk::{Desk, Mail};
pub use dice::{Dice, Ppm};
pub use disk::DiskOptions;
pub use live::leaderless_bound;
pub use measure::{Failover, Setting, Summary, cold_start, failover, handover};
pub use net::NetOptions;
pub use scenario::{Faults, Outcome, Scenario};
pub use trace::{Trace, message as describe};
