//! Whole clusters in virtual time under every kind of fault: nothing that must not happen happens, and
//! a leader is there when it can be. A failure prints its seed and the command that replays it.

use std::time::Duration;

use quorate_sim::{Cluster, DiskOptions, Faults, MS, Options, Scenario};

fn run(nodes: usize, faults: Faults, seeds: std::ops::Range<u64>) {
    let elections: u64 =
        seeds.map(|seed| Scenario { seed, nodes, faults, seconds: 30 }.run().elections).sum();
    assert!(elections > 0, "nobody was ever elected");
}

#[test]
fn three_nodes_bear_each_kind_of_fault() {
    for faults in Faults::ALL {
        run(3, faults, 1000..1010);
    }
}

#[test]
fn five_nodes_bear_each_kind_of_fault() {
    for faults in Faults::ALL {
        run(5, faults, 2000..2006);
    }
}

#[test]
fn three_nodes_bear_mixed_faults() {
    run(3, Faults::All, 3000..3060);
}

#[test]
fn five_nodes_bear_mixed_faults() {
    run(5, Faults::All, 4000..4040);
}

#[test]
fn an_even_number_of_nodes_bears_mixed_faults() {
    run(4, Faults::All, 5000..5020);
}

#[test]
fn a_node_alone_leads_itself() {
    run(1, Faults::Clean, 6000..6005);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let scenario = Scenario { seed: 7, nodes: 5, faults: Faults::All, seconds: 20 };
    assert_eq!(scenario.watch(true).lines, scenario.watch(true).lines);
}

#[test]
fn slow_writes_cost_a_new_leader_nothing() {
    let disk = DiskOptions { write: (0, 100 * MS), ..DiskOptions::default() };
    for seed in 0..200 {
        let mut cluster = Cluster::new(seed, 5, Options { disk, ..Options::default() });
        cluster.run_for(Duration::from_secs(3));
        let step_downs = cluster.counts().step_downs;
        assert_eq!(step_downs, 0, "seed {seed}: a leader fell because a disk was slow");
        assert!(cluster.leader().is_some(), "seed {seed}: nobody leads");
    }
}
