//! The deterministic cluster: nodes, clocks, disks and a network in virtual time, all decided by one
//! seed, and checks after every event that what `quorate` promises holds.
//!
//! [`Cluster`] is driven by tests, [`Scenario`] drives one through faults, and [`ManualNetwork`] is a handful of
//! nodes whose messages a test delivers by hand.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod actions;
mod check;
mod churn;
mod clock;
mod cluster;
mod disk;
mod fast_cluster;
mod faults;
mod handover_table;
mod host;
mod host_view;
mod liveness;
mod manual_network;
mod measure;
mod members;
mod net;
mod options;
mod rng;
mod scenario;
mod schedule;
mod serve;
mod trace;

pub use check::{Kind, Violation};
pub use clock::{Clock, Drift, Instant, MS, SECOND};
pub use cluster::{Change, Cluster, Counts, News};
pub use disk::DiskOptions;
pub use fast_cluster::{FastCluster, Tally as FastClusterTally, Traffic};
pub use faults::Faults;
pub use handover_table::HandoverSettings;
pub use liveness::leaderless_bound;
pub use manual_network::{Mail, ManualNetwork};
pub use measure::{Failover, Setting, Summary, cold_start, failover, handover};
pub use net::NetOptions;
pub use options::{Options, Start};
pub use rng::{Dice, Ppm, Zero};
pub use scenario::{Outcome, Scenario};
pub use schedule::Schedule;
pub use trace::{Trace, message as describe};
