//! A preferred node that leads for a short time only, again and again: it costs few elections, and leads once it
//! has been well for long.

use quorate_sim::{Cluster, Options};

use crate::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

/// What befalls node 1.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// Its process stalls.
    Stall,
    /// Its process crashes and is started again, with its quarantine.
    Crash,
    /// Its network fails.
    Isolation,
}

impl Trouble {
    fn set(self, cluster: &mut Cluster, begins: bool) {
        let others = || 2..=cluster.nodes().count() as u64;
        match (self, begins) {
            (Trouble::Stall, true) => cluster.freeze(1),
            (Trouble::Stall, false) => cluster.thaw(1),
            (Trouble::Crash, true) => cluster.crash(1),
            (Trouble::Crash, false) => cluster.restart(1),
            (Trouble::Isolation, true) => others().for_each(|other| cluster.cut(1, other)),
            (Trouble::Isolation, false) => cluster.heal(),
        }
    }
}

/// Elections, and milliseconds without a leader.
type Cost = (u64, u32);

/// `nodes` nodes, led by node 1, which has this priority; the others have 1.
fn group(nodes: usize, priority: u8) -> Cluster {
    let replay = Some("cargo test --test scenarios flapping".to_owned());
    let mut cluster = Cluster::new(1, nodes, Options { replay, ..Options::default() });
    cluster.set_priority(1, Priority(priority));
    cluster.run_for(8 * SECOND);
    cluster
}

fn run_counting(cluster: &mut Cluster, length: Duration, leaderless: &mut u32) {
    let end = cluster.now() + length;
    while cluster.now() < end {
        cluster.run_for(MS);
        *leaderless += u32::from(cluster.leader().is_none());
    }
}

/// Lets node 1 have trouble for 300 ms in each of these periods, for five minutes.
fn flap(cluster: &mut Cluster, trouble: Trouble, period: Duration) -> Cost {
    let (before, mut leaderless) = (cluster.counts().elections, 0);
    for _ in 0..(300 * SECOND).as_millis() / period.as_millis() {
        run_counting(cluster, period - 300 * MS, &mut leaderless);
        trouble.set(cluster, true);
        run_counting(cluster, 300 * MS, &mut leaderless);
        trouble.set(cluster, false);
    }
    (cluster.counts().elections - before, leaderless)
}

/// Rule 6.6. Leadership is handed to node 1 after 5, 10, 20, 40 seconds and so on of good time, of
/// which there is less than the period.
#[test]
fn a_preferred_node_that_flaps_costs_few_elections() {
    for trouble in [Trouble::Stall, Trouble::Crash, Trouble::Isolation] {
        for (nodes, period) in [(3, 6), (3, 8), (5, 6), (3, 15), (3, 30)] {
            let mut cluster = group(nodes, 9);
            let cost = flap(&mut cluster, trouble, period * SECOND);
            let equal = flap(&mut group(nodes, 1), trouble, period * SECOND);
            println!(
                "{trouble:?} of one of {nodes} every {period} s: {cost:?}, with equal priorities {equal:?}"
            );
            assert!(cost.0 <= 8, "{trouble:?} of one of {nodes} every {period} s: {} elections", cost.0);
        }
    }
}

/// Rule 6.6: the delay is no veto.
#[test]
fn a_preferred_node_that_has_been_well_for_long_leads_again() {
    let mut cluster = group(3, 9);
    flap(&mut cluster, Trouble::Stall, 6 * SECOND);
    let longest = 32 * Timing::lan().takeover_delay;
    let leads = |cluster: &Cluster| cluster.leader().is_some_and(|(leader, _)| leader == 1);
    assert!(cluster.run_till(longest + 10 * SECOND, leads).is_some());
    let elections = cluster.counts().elections;
    cluster.run_for(600 * SECOND);
    assert_eq!((leads(&cluster), cluster.counts().elections), (true, elections));
}
