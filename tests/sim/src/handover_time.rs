//! Measures how long a group has no leader in a handover.

use std::time::Duration;

use quorate::{Input, Timing, Urgency};

use crate::clock::Drift;
use crate::cluster::Cluster;
use crate::disk::DiskOptions;
use crate::net::NetOptions;
use crate::options::Options;

/// The measured group, in which every message takes the same time, and so does every write.
#[derive(Clone, Copy, Debug)]
pub struct HandoverSettings {
    /// How many nodes.
    pub nodes: usize,
    /// The delay of a message.
    pub delay: Duration,
    /// The time until a write is durable.
    pub write: Duration,
}

impl HandoverSettings {
    /// The longest allowed time without a leader in a handover: the order, a vote request and its reply,
    /// and the write of the voters.
    #[must_use]
    pub fn bound(&self) -> Duration {
        3 * self.delay + self.write
    }

    /// The time without a leader in a handover by the leader of a steady group.
    ///
    /// # Panics
    /// If the handover does not succeed within a second.
    #[must_use]
    pub fn planned(&self, seed: u64) -> Duration {
        let (mut cluster, leader) = self.steady(seed);
        cluster.step(leader, Input::Resign { successor: None, urgency: Urgency::WhenReady });
        let leaderless = watch(&mut cluster, Duration::from_secs(1));
        assert!(cluster.leader().is_some_and(|(other, _)| other != leader), "seed {seed}");
        leaderless
    }

    /// The time without a leader if the named successor reaches only the leader, in a group in which the
    /// two are no quorum.
    #[must_use]
    pub fn hopeless(&self, seed: u64) -> Duration {
        let (mut cluster, leader) = self.steady(seed);
        let successor = cluster.nodes().find(|&node| node != leader).unwrap_or(leader);
        for other in cluster.nodes().filter(|&other| other != leader && other != successor) {
            cluster.cut(successor, other);
        }
        cluster.step(leader, Input::Resign { successor: Some(successor), urgency: Urgency::WhenReady });
        watch(&mut cluster, Duration::from_secs(1))
    }

    /// The time without a leader while every node in turn is stopped for two seconds. If `graceful`, a
    /// leader hands over before it is stopped.
    #[must_use]
    pub fn rolling_restart(&self, seed: u64, graceful: bool) -> Duration {
        let (mut cluster, _) = self.steady(seed);
        let mut leaderless = Duration::ZERO;
        for node in cluster.nodes() {
            if graceful && cluster.leads(node) {
                cluster.step(node, Input::Resign { successor: None, urgency: Urgency::WhenReady });
                leaderless += watch(&mut cluster, Duration::from_secs(1));
            }
            cluster.crash(node);
            leaderless += watch(&mut cluster, Duration::from_secs(2));
            cluster.restart(node);
            leaderless += watch(&mut cluster, Duration::from_secs(2));
        }
        leaderless
    }

    fn steady(&self, seed: u64) -> (Cluster, u64) {
        let nanos = |length: Duration| length.as_nanos() as u64;
        let (delay, write) = (nanos(self.delay), nanos(self.write));
        let options = Options {
            timing: Timing::lan(),
            net: NetOptions { delay: (delay, delay), ..NetOptions::default() },
            disk: DiskOptions { write: (write, write), ..DiskOptions::default() },
            drift: Drift::Within,
            lost_attempts: None,
            ..Options::default()
        };
        let mut cluster = Cluster::new(seed, self.nodes, options);
        cluster.run_for(Duration::from_millis(2_000 + seed % 50));
        while cluster.leader().is_none() {
            cluster.run_for(Duration::from_millis(50));
        }
        let leader = cluster.leader().map_or(0, |(leader, _)| leader);
        (cluster, leader)
    }
}

/// Lets `length` pass, and returns for how long of it there was no leader.
fn watch(cluster: &mut Cluster, length: Duration) -> Duration {
    let mut since = cluster.leader().is_none().then(|| cluster.now());
    let mut total = Duration::ZERO;
    let _ = cluster.run_till(length, |cluster| {
        match (cluster.leader(), since) {
            (None, None) => since = Some(cluster.now()),
            (Some(_), Some(start)) => {
                total += cluster.now() - start;
                since = None;
            }
            _ => {}
        }
        false
    });
    total + since.map_or(Duration::ZERO, |start| cluster.now() - start)
}
