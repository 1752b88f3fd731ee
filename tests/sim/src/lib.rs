//! The deterministic simulator: nodes, clocks, disks and a network in virtual time, all determined by one
//! seed. After every event it checks that the guarantees of `quorate` hold.
//!
//! Tests drive a [`Cluster`], a [`Scenario`] drives one through faults, and a [`ManualNetwork`] is a few
//! nodes whose messages a test delivers by hand. [`checked`] checks every step of a single election.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod actions;
mod amnesia;
pub mod checked;
mod churn;
mod clock;
mod clock_faults;
mod cluster;
mod disk;
#[cfg(feature = "endpoints")]
mod endpoints;
mod evidence;
mod failover_time;
mod fast_cluster;
mod faults;
mod forgetting_time;
mod handover_time;
pub mod harness;
mod host_loop;
mod host_view;
mod interleaving;
mod lengths;
mod liveness;
mod lost_groups;
mod manual_network;
mod membership_safety;
mod net;
mod news_audit;
mod old_messages;
mod options;
mod process;
mod records;
#[cfg(feature = "register")]
mod register;
mod replication;
mod request_audit;
mod rest;
mod rng;
mod safety;
mod scenario;
mod schedule;
mod timeline;
mod trace;
mod wishes;

pub use clock::{Clock, Drift, Instant, MS, SECOND};
pub use clock_faults::{ClockFault, Overlaps};
pub use cluster::Cluster;
pub use disk::DiskOptions;
#[cfg(feature = "endpoints")]
pub use endpoints::{AddressCounts, EndpointOutcome, EndpointScenario};
pub use failover_time::{Failover, Setting, Summary, cold_start, failover, handover};
pub use fast_cluster::{FastCluster, Tally as FastClusterTally, Traffic};
pub use faults::Faults;
pub use forgetting_time::ForgettingSetting;
pub use handover_time::HandoverSettings;
pub use interleaving::Interleaving;
pub use liveness::leaderless_bound;
pub use manual_network::{Mail, ManualNetwork};
pub use net::NetOptions;
pub use options::{Options, Start};
pub use records::{Counts, LeadershipChange, MembershipEvent};
#[cfg(feature = "register")]
pub use register::{
    Profile as RegisterProfile, RegisterFault, RegisterOutcome, RegisterScenario, RegisterTrial, SeatScenario,
};
pub use rest::rest_after_trouble;
pub use rng::{Dice, Ppm, Zero};
pub use safety::{Violation, ViolationKind};
pub use scenario::{Outcome, Scenario};
pub use schedule::Schedule;
pub use trace::Trace;
