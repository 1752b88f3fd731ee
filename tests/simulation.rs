//! Whole clusters in virtual time under every kind of fault: nothing that must not happen happens, and
//! a leader is there when it can be. A failure prints its seed and the command that replays it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails should panic"
)]

use std::time::Duration;

use quorate::{Event, Input, Limits, StepDown, Target};
use quorate_sim::{
    AddressCounts, Change, Cluster, Dice, DiskOptions, Drift, EndpointScenario, Faults, MS, NetOptions,
    Options, Scenario, Schedule, Start,
};

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
fn members_that_come_and_go_break_nothing() {
    run(5, Faults::Churn, 7000..7040);
    run(3, Faults::Churn, 7100..7120);
    run(1, Faults::Churn, 7200..7210);
}

/// What the fuzzer drives. It is worth nothing if bytes decide nothing.
#[test]
fn bytes_that_decide_everything_break_nothing_and_reach_everything() {
    let (mut elections, mut targets, mut removals) = (0, 0, 0);
    for seed in 0..200 {
        let mut dice = Dice::new(seed);
        let bytes: Vec<u8> = (0..800).map(|_| dice.below(256) as u8).collect();
        let counts = Schedule::new(&bytes).run();
        elections += counts.elections;
        targets += counts.targets;
        removals += counts.removals;
    }
    assert!(elections > 200 && targets > 50 && removals > 50, "{elections}, {targets}, {removals}");
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

/// From one node to another, always.
const ONE_WAY: u64 = 5 * MS;
const ROUND_TRIP: u64 = 2 * ONE_WAY;

/// `first` nodes as one group and `others` to be added, all running for three seconds, on disks that
/// take no time. Returns the leader too.
fn group(seed: u64, first: usize, others: usize) -> (Cluster, u64) {
    let mut starts = vec![Start::Bootstrapped; first];
    starts.resize(first + others, Start::Joining);
    let options = Options {
        net: NetOptions { delay: (ONE_WAY, ONE_WAY), ..NetOptions::default() },
        drift: Drift::None,
        starts,
        ..Options::default()
    };
    let mut cluster = Cluster::new(seed, first + others, options);
    cluster.run_for(Duration::from_secs(3));
    let (leader, _) = cluster.leader().expect("a leader after three seconds");
    (cluster, leader)
}

fn target(voters: impl IntoIterator<Item = u64>, learners: impl IntoIterator<Item = u64>) -> Target<u64> {
    Target::new(voters, learners).expect("lawful lists")
}

fn ask(cluster: &mut Cluster, leader: u64, target: &Target<u64>) {
    cluster.step(leader, Input::Reconfigure { target: target.clone(), force: false });
}

/// What `node` learnt after the first `before` changes, and is `wanted`.
fn learnt(
    cluster: &Cluster,
    before: usize,
    node: u64,
    wanted: impl Fn(&Event<u64>) -> bool,
) -> Option<&Change> {
    cluster.changes()[before..].iter().find(|change| change.node == node && wanted(&change.event))
}

fn commits(event: &Event<u64>) -> bool {
    matches!(event, Event::MembershipChanged { committed: true, .. })
}

fn arrives(event: &Event<u64>) -> bool {
    matches!(event, Event::TargetReached { .. })
}

fn is_out(event: &Event<u64>) -> bool {
    *event == Event::Removed
}

/// The voters and learners that all running members of `leader`'s group agree on.
fn agreed(cluster: &Cluster, leader: u64) -> (Vec<u64>, Vec<u64>) {
    let members = &cluster.durable(leader).membership;
    for &id in members.members() {
        assert_eq!(&cluster.durable(id).membership, members, "{id} holds another membership");
    }
    (members.voters().to_vec(), members.learners().to_vec())
}

#[test]
fn one_step_is_committed_within_two_round_trips() {
    for seed in 0..100 {
        let (mut cluster, leader) = group(seed, 3, 1);
        let others: Vec<u64> = (1..=3).filter(|&id| id != leader).collect();
        let (asked, before) = (cluster.now(), cluster.changes().len());
        let with_learner = target(1..=3, [4]);
        let without_voter = target([leader, others[0]], []);
        ask(&mut cluster, leader, if seed % 2 == 0 { &with_learner } else { &without_voter });
        cluster.run_for(Duration::from_secs(1));
        let committed = learnt(&cluster, before, leader, commits).expect("a commit");
        let took = Duration::from_nanos(committed.at) - asked;
        assert!(took <= Duration::from_nanos(2 * ROUND_TRIP), "seed {seed}: it took {took:?}");
        assert!(learnt(&cluster, before, leader, arrives).is_some(), "seed {seed}: the target is reached");
    }
}

/// Lets time pass until `done`, and says for how long at most nobody led meanwhile.
fn leaderless_till(cluster: &mut Cluster, limit: u64, done: impl Fn(&Cluster) -> bool) -> Option<Duration> {
    let (mut last, mut longest) = (cluster.now(), Duration::ZERO);
    cluster.run_till(Duration::from_secs(limit), |cluster| {
        longest = longest.max(cluster.now() - last);
        if cluster.leader().is_some() {
            last = cluster.now();
        }
        done(cluster)
    })?;
    Some(longest)
}

/// How often leadership was handed over after the first `news`. In no other way it ended.
fn only_handovers(cluster: &Cluster, news: usize, seed: u64) -> usize {
    let down: Vec<_> = cluster.news()[news..].iter().filter_map(|news| news.reason).collect();
    let handed_over = |reason: &StepDown<u64>| matches!(reason, StepDown::Resigned { successor: Some(_) });
    assert!(down.iter().all(handed_over), "seed {seed}: {down:?}");
    down.len()
}

#[test]
fn a_group_grows_and_shrinks_to_others_and_is_led_all_the_while() {
    for seed in 0..60 {
        let (mut cluster, leader) = group(seed, 3, 2);
        let news = cluster.news().len();
        ask(&mut cluster, leader, &target(1..=5, []));
        let grown =
            |cluster: &Cluster| (1..=5).all(|id| cluster.durable(id).membership.voters() == [1, 2, 3, 4, 5]);
        cluster.run_till(Duration::from_secs(3), grown).unwrap_or_else(|| panic!("seed {seed}: it grows"));
        cluster.run_for(Duration::from_secs(1));
        assert_eq!(only_handovers(&cluster, news, seed), 0, "seed {seed}: growing costs no leadership");

        ask(&mut cluster, leader, &target(3..=5, []));
        let shrunk =
            |cluster: &Cluster| (3..=5).all(|id| cluster.durable(id).membership.voters() == [3, 4, 5]);
        // Between two events of a leader lies less than a heartbeat interval.
        let longest =
            leaderless_till(&mut cluster, 5, shrunk).unwrap_or_else(|| panic!("seed {seed}: it shrinks"));
        assert!(longest <= Duration::from_millis(60), "seed {seed}: nobody led for {longest:?}");
        cluster.run_for(Duration::from_secs(1));
        let handovers = only_handovers(&cluster, news, seed);
        assert_eq!(handovers, usize::from(leader < 3), "seed {seed}: one if the leader has to go");
        for id in 1..=2 {
            assert!(learnt(&cluster, 0, id, is_out).is_some(), "seed {seed}: {id} is told");
        }
        let (now, _) = cluster.leader().expect("a leader");
        assert_eq!(agreed(&cluster, now), (vec![3, 4, 5], vec![]), "seed {seed}");
    }
}

#[test]
fn a_group_forms_whatever_the_order_of_discovery_and_takes_in_the_rest() {
    for seed in 0..150 {
        let mut dice = Dice::new(seed);
        let start = Start::Forming(Limits { min_members: 3, max_members: 5 });
        let options = Options { starts: vec![start; 5], ..Options::default() };
        let mut cluster = Cluster::asleep(seed, 5, options);
        let mut early: Vec<u64> = (1..=5).collect();
        for _ in 0..2 {
            let _ = early.remove(dice.below(early.len() as u64) as usize);
        }
        let mut pairs = cluster.pairs();
        pairs.retain(|(a, b)| early.contains(a) && early.contains(b));
        while !pairs.is_empty() {
            let (node, other) = pairs.remove(dice.below(pairs.len() as u64) as usize);
            cluster.restart(node);
            cluster.step(node, Input::Discovered(other));
            cluster.run_for(Duration::from_nanos(dice.below(20 * MS)));
        }
        let led = cluster.run_till(Duration::from_secs(2), |cluster| cluster.leader().is_some());
        assert!(led.is_some(), "seed {seed}: {early:?} know each other");
        // The others, to whoever cares, in any order.
        let mut pairs = cluster.pairs();
        pairs.retain(|(a, b)| !early.contains(a) || !early.contains(b));
        while !pairs.is_empty() {
            let (node, other) = pairs.remove(dice.below(pairs.len() as u64) as usize);
            cluster.restart(node);
            cluster.step(node, Input::Discovered(other));
            cluster.run_for(Duration::from_nanos(dice.below(20 * MS)));
        }
        let whole = |cluster: &Cluster| {
            (1..=5).all(|id| {
                let members = &cluster.durable(id).membership;
                members.voters() == [1, 2, 3, 4, 5] && members.quorum() == 3 && !members.is_forming()
            })
        };
        assert!(cluster.run_till(Duration::from_secs(5), whole).is_some(), "seed {seed}: all are in");
    }
}

#[test]
fn a_leader_that_leaves_hands_over_and_is_told_that_it_is_out() {
    for seed in 0..100 {
        let (mut cluster, leader) = group(seed, 3, 0);
        let news = cluster.news().len();
        cluster.step(leader, Input::Leave);
        let told = |cluster: &Cluster| learnt(cluster, 0, leader, is_out).is_some();
        assert!(cluster.run_till(Duration::from_secs(3), told).is_some(), "seed {seed}: it is told");
        assert_eq!(only_handovers(&cluster, news, seed), 1, "seed {seed}");
        cluster.run_for(Duration::from_secs(1));
        let (next, _) = cluster.leader().expect("a leader");
        assert_ne!(next, leader, "seed {seed}");
        let rest: Vec<u64> = (1..=3).filter(|&id| id != leader).collect();
        assert_eq!(agreed(&cluster, next), (rest, vec![]), "seed {seed}");
    }
}

#[test]
fn a_removed_follower_is_told_after_the_commit_and_one_way_later_at_most() {
    for seed in 0..100 {
        let (mut cluster, leader) = group(seed, 5, 0);
        let gone = leader % 5 + 1;
        let before = cluster.changes().len();
        ask(&mut cluster, leader, &target((1..=5).filter(|&id| id != gone), []));
        cluster.run_for(Duration::from_secs(1));
        let committed = learnt(&cluster, before, leader, commits).expect("a commit").at;
        let told = learnt(&cluster, before, gone, is_out).expect("it is told").at;
        assert!(told >= committed, "seed {seed}: told at {told}, committed at {committed}");
        assert!(told - committed <= ONE_WAY, "seed {seed}: told {} ns later", told - committed);
    }
}

#[test]
fn a_removed_node_may_be_added_again_with_the_disk_it_has() {
    for seed in 0..200 {
        let (mut cluster, leader) = group(seed, 3, 0);
        let other = leader % 3 + 1;
        ask(&mut cluster, leader, &target((1..=3).filter(|&id| id != other), []));
        cluster.run_for(Duration::from_secs(1));
        assert!(learnt(&cluster, 0, other, is_out).is_some(), "seed {seed}: it is told");
        if seed % 2 == 0 {
            cluster.crash(other);
            cluster.restart(other);
        }
        ask(&mut cluster, leader, &target(1..=3, []));
        cluster.run_for(Duration::from_secs(2));
        assert_eq!(agreed(&cluster, leader), (vec![1, 2, 3], vec![]), "seed {seed}");
        assert_eq!(cluster.leader().map(|(leader, _)| leader), Some(leader), "seed {seed}");
    }
}

#[test]
fn a_leader_to_whom_nothing_happens_gets_to_any_target() {
    for seed in 0..150 {
        let mut dice = Dice::new(seed);
        let (mut cluster, mut leader) = group(seed, 3, 4);
        for _ in 0..4 {
            let mut ids: Vec<u64> = (1..=7).collect();
            let mut draw = |count: u64| -> Vec<u64> {
                (0..count).map(|_| ids.remove(dice.below(ids.len() as u64) as usize)).collect()
            };
            let goal = target(draw(1 + seed % 5), draw(seed % 3));
            if goal.learners().contains(&leader) {
                continue;
            }
            let before = cluster.changes().len();
            ask(&mut cluster, leader, &goal);
            let there = |cluster: &Cluster| {
                let arrival = if goal.contains(leader) {
                    learnt(cluster, before, leader, arrives)
                } else {
                    learnt(cluster, before, leader, is_out)
                };
                arrival.is_some() && cluster.leader().is_some()
            };
            let took = cluster.run_till(Duration::from_secs(5), there);
            assert!(took.is_some(), "seed {seed}: {leader} does not get to {goal:?}");
            cluster.run_for(Duration::from_millis(500));
            leader = cluster.leader().expect("a leader").0;
            let lists = (goal.voters().to_vec(), goal.learners().to_vec());
            assert_eq!(agreed(&cluster, leader), lists, "seed {seed}");
        }
    }
}

/// Sealed and not, in turn.
#[test]
fn whole_endpoints_find_each_other_again_whatever_befalls_their_addresses() {
    let mut counts = AddressCounts::default();
    (1..=4).for_each(|seed| counts += EndpointScenario { seed, seconds: 60 }.run());
    assert!(counts.moves > 50 && counts.takeovers > 10 && counts.astray > 100, "{counts:?}");
}
