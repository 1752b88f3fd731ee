//! Groups whose messages take far longer than their staggers allow for.

use quorate_sim::{Cluster, NetOptions, Options};

use crate::prelude::*;

/// Rule 4.4 (e). With the same jitter after each lost candidacy, three nodes needed 57 candidacies and 13 s on average,
/// and up to 34 s.
#[test]
fn a_group_with_a_stagger_far_below_its_delays_elects_a_leader_within_a_few_candidacies() {
    let mut candidacies = 0;
    for (seed, nodes) in (0..30).zip([3, 5, 9].into_iter().cycle()) {
        let options = Options {
            timing: Timing { stagger: MS, ..Timing::lan() },
            net: NetOptions { delay: (60_000_000, 60_000_000), ..NetOptions::default() },
            lost_attempts: None,
            ..Options::default()
        };
        let mut cluster = Cluster::new(seed, nodes, options);
        let took = cluster.run_till(5_000 * MS, |cluster| cluster.leader().is_some());
        assert!(took.is_some(), "seed {seed}, {nodes} nodes");
        candidacies += cluster.counts().candidacies;
    }
    assert!(candidacies <= 30 * 12, "{candidacies}");
}
