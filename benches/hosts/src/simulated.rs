//! The same crashes in virtual time.

use std::time::Duration;

use quorate_sim::{Cluster, DiskOptions, Failover, NetOptions, Options, Summary};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::timing;

/// How long a message takes, and a write, on loopback and in memory.
const DELAY: (u64, u64) = (200_000, 300_000);
const WRITE: (u64, u64) = (20_000, 120_000);

const TRIALS: u64 = 1_000;

/// How long five nodes are without a leader after a crash of theirs.
pub(crate) fn summary(promise: Duration) -> Summary {
    let trials: Vec<Failover> = (0..TRIALS).map(|seed| trial(promise, seed)).collect();
    Summary::of(&trials)
}

fn trial(promise: Duration, seed: u64) -> Failover {
    let options = Options {
        timing: timing(promise),
        net: NetOptions { delay: DELAY, ..NetOptions::default() },
        disk: DiskOptions { write: WRITE, ..DiskOptions::default() },
        ..Options::default()
    };
    let mut cluster = Cluster::new(seed, 5, options);
    let phase = ChaCha8Rng::seed_from_u64(!seed).random_range(0..1_000_000_000);
    cluster.run_for(Duration::from_secs(2) + Duration::from_nanos(phase));
    while cluster.leader().is_none() {
        cluster.run_for(Duration::from_millis(1));
    }
    let former = cluster.leader().map_or(0, |(leader, _)| leader);
    let before = cluster.counts().candidacies;
    cluster.crash(former);
    let leads = |cluster: &Cluster| cluster.leader().is_some_and(|(leader, _)| leader != former);
    let length = cluster.run_till(Duration::from_secs(30), leads).unwrap_or(Duration::MAX);
    Failover { length, candidacies: cluster.counts().candidacies - before }
}
