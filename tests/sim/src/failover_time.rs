//! Measures how long a group takes to get a leader after a crash, a handover or a cold start.

use std::time::Duration;

use quorate::{Input, Timing, Urgency};

use crate::clock::{Drift, MS};
use crate::cluster::Cluster;
use crate::disk::DiskOptions;
use crate::net::NetOptions;
use crate::options::Options;
use crate::rng::{Dice, Ppm};

/// The measured group: promise 150 ms, heartbeat 50 ms, message delays 2 to 8 ms. A host that writes does
/// nothing else meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// How many nodes.
    pub nodes: usize,
    /// The shortest and the longest time until a write is durable.
    pub write: (Duration, Duration),
    /// How many of a million messages are lost.
    pub loss: Ppm,
    /// The time between the election deadlines of two successors.
    pub stagger: Duration,
}

/// The result of one trial.
#[derive(Clone, Copy, Debug)]
pub struct Failover {
    /// The time from the fault until another node may act as leader.
    pub length: Duration,
    /// The number of terms in which votes were requested. More than one means a failed candidacy.
    pub candidacies: u64,
}

/// The statistics of many trials.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// The mean. All lengths are in milliseconds.
    pub mean: f64,
    /// The length that half of the trials exceed.
    pub median: f64,
    /// The length that one trial in a hundred exceeds.
    pub p99: f64,
    /// The length that one trial in a thousand exceeds.
    pub p999: f64,
    /// The length that no trial exceeds.
    pub max: f64,
    /// The percentage of trials that needed more than one term.
    pub split: f64,
}

impl Summary {
    /// The statistics of `trials`.
    #[must_use]
    pub fn of(trials: &[Failover]) -> Self {
        let mut lengths: Vec<f64> = trials.iter().map(|trial| trial.length.as_secs_f64() * 1e3).collect();
        lengths.sort_by(f64::total_cmp);
        let at = |share: f64| lengths.get(((lengths.len() as f64 - 1.0) * share).round() as usize).copied();
        let count = trials.len().max(1) as f64;
        let split = trials.iter().filter(|trial| trial.candidacies > 1).count();
        Summary {
            mean: lengths.iter().sum::<f64>() / count,
            median: at(0.5).unwrap_or(0.0),
            p99: at(0.99).unwrap_or(0.0),
            p999: at(0.999).unwrap_or(0.0),
            max: at(1.0).unwrap_or(0.0),
            split: split as f64 * 100.0 / count,
        }
    }
}

const LIMIT: Duration = Duration::from_secs(30);

impl Setting {
    /// The longest allowed time without a leader after a crash, if no message is lost: the promise, the write
    /// of the candidate, the write of the voters, a stagger, and 10 ms for messages; with `Timing::lan()` the
    /// promise, two writes and 30 ms.
    #[must_use]
    pub fn bound(&self) -> Duration {
        Timing::lan().promise + 2 * self.write.1 + self.stagger + Duration::from_millis(10)
    }

    fn options(&self) -> Options {
        let nanos = |length: Duration| length.as_nanos() as u64;
        Options {
            timing: Timing { stagger: self.stagger, ..Timing::lan() },
            net: NetOptions { loss: self.loss, delay: (2 * MS, 8 * MS), ..NetOptions::default() },
            disk: DiskOptions { write: (nanos(self.write.0), nanos(self.write.1)), ..DiskOptions::default() },
            drift: Drift::Within,
            lost_attempts: (self.loss == 0).then_some(2),
            ..Options::default()
        }
    }

    /// A cluster whose leader has led for a while, at a random time between two heartbeats.
    fn steady(&self, seed: u64) -> (Cluster, u64) {
        let mut cluster = Cluster::new(seed, self.nodes, self.options());
        let mut phase = Dice::new(!seed);
        let settled = Duration::from_secs(2) + Duration::from_nanos(phase.below(100 * MS));
        cluster.run_for(settled);
        while cluster.leader().is_none() {
            cluster.run_for(Duration::from_millis(10));
        }
        let (leader, _) = cluster.leader().expect("just seen");
        (cluster, leader)
    }
}

/// Measures a crash of the leader.
///
/// # Panics
/// If no node is elected within 30 s.
#[must_use]
pub fn failover(setting: &Setting, seed: u64) -> Failover {
    let (mut cluster, leader) = setting.steady(seed);
    cluster.crash(leader);
    wait(&mut cluster, leader)
}

/// Measures a handover by the leader.
///
/// # Panics
/// If no node is elected within 30 s.
#[must_use]
pub fn handover(setting: &Setting, seed: u64) -> Failover {
    let (mut cluster, leader) = setting.steady(seed);
    cluster.step(leader, Input::Resign { successor: None, urgency: Urgency::WhenReady });
    wait(&mut cluster, leader)
}

/// Measures a start of all nodes at once.
///
/// # Panics
/// If no node is elected within 30 s.
#[must_use]
pub fn cold_start(setting: &Setting, seed: u64) -> Failover {
    let mut cluster = Cluster::new(seed, setting.nodes, setting.options());
    wait(&mut cluster, 0)
}

fn wait(cluster: &mut Cluster, former: u64) -> Failover {
    let before = cluster.counts().candidacies;
    let length = cluster
        .run_till(LIMIT, |cluster| cluster.leader().is_some_and(|(leader, _)| leader != former))
        .unwrap_or_else(|| panic!("seed {}: no node was elected within {LIMIT:?}", cluster.seed));
    Failover { length, candidacies: cluster.counts().candidacies - before }
}
