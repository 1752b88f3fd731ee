//! How long it takes to have a leader (again).

use std::time::Duration;

use quorate::{Input, Timing, Urgency};

use crate::clock::{Drift, MS};
use crate::cluster::Cluster;
use crate::net::NetOptions;
use crate::options::Options;
use crate::rng::{Dice, Ppm};

/// Where it is measured: promise 150 ms, heartbeat 50 ms, one way 2 to 8 ms, disks that take no time.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// How many.
    pub nodes: usize,
    /// Messages lost.
    pub loss: Ppm,
    /// Between the turns of two successors.
    pub stagger: Duration,
}

/// One trial.
#[derive(Clone, Copy, Debug)]
pub struct Failover {
    /// From the mishap to the instant at which somebody else may act.
    pub length: Duration,
    /// Terms in which votes were asked for, more than one of them an election that split.
    pub candidacies: u64,
}

/// Figures of many trials.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// All in milliseconds.
    pub mean: f64,
    /// Half took longer.
    pub median: f64,
    /// One in a hundred took longer.
    pub p99: f64,
    /// One in a thousand took longer.
    pub p999: f64,
    /// None took longer.
    pub max: f64,
    /// Parts in a hundred that needed more than one term.
    pub split: f64,
}

impl Summary {
    /// The figures of `trials`.
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

const PATIENCE: Duration = Duration::from_secs(30);

impl Setting {
    fn options(&self) -> Options {
        Options {
            timing: Timing { stagger: self.stagger, ..Timing::lan() },
            net: NetOptions { loss: self.loss, delay: (2 * MS, 8 * MS), ..NetOptions::default() },
            drift: Drift::Within,
            patience: (self.loss == 0).then_some(2),
            ..Options::default()
        }
    }

    /// A cluster whose leader has led for a while, at some moment between two heartbeats.
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

/// The leader of a steady group crashes.
///
/// # Panics
/// If nobody is elected within 30 s.
#[must_use]
pub fn failover(setting: &Setting, seed: u64) -> Failover {
    let (mut cluster, leader) = setting.steady(seed);
    cluster.crash(leader);
    wait(&mut cluster, leader)
}

/// The leader of a steady group resigns when its successor is ready.
///
/// # Panics
/// If nobody is elected within 30 s.
#[must_use]
pub fn handover(setting: &Setting, seed: u64) -> Failover {
    let (mut cluster, leader) = setting.steady(seed);
    cluster.step(leader, Input::Resign { successor: None, urgency: Urgency::WhenReady });
    wait(&mut cluster, leader)
}

/// All nodes start at once.
///
/// # Panics
/// If nobody is elected within 30 s.
#[must_use]
pub fn cold_start(setting: &Setting, seed: u64) -> Failover {
    let mut cluster = Cluster::new(seed, setting.nodes, setting.options());
    wait(&mut cluster, 0)
}

fn wait(cluster: &mut Cluster, former: u64) -> Failover {
    let before = cluster.counts().candidacies;
    let length = cluster
        .run_till(PATIENCE, |cluster| cluster.leader().is_some_and(|(leader, _)| leader != former))
        .unwrap_or_else(|| panic!("seed {}: nobody was elected within {PATIENCE:?}", cluster.seed));
    Failover { length, candidacies: cluster.counts().candidacies - before }
}
