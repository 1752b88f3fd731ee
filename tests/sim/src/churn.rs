//! Churn: requests to change the members, and crashes in the middle of such changes.

use std::time::Duration;

use quorate::{Force, Input, Limits, Target};

use crate::clock::{MS, SECOND};
use crate::cluster::{Cluster, ScheduledEvent, index_of};
use crate::options::{Options, Start};
use crate::rng::Dice;

/// How many nodes wait to be added to the group.
pub(crate) const POOL: usize = 4;

/// How the nodes of a run with churn start: the first `nodes` as one group, which with every third seed
/// forms itself, and the pool as joining nodes.
pub(crate) fn starts(seed: u64, nodes: usize) -> Vec<Start> {
    let mut dice = Dice::new(seed ^ 0xf0f0);
    let first = if seed.is_multiple_of(3) {
        let max_members = nodes as u8 + u8::from(nodes > 2 && dice.chance(500_000));
        let least = max_members / 2 + 1;
        let min_members = least + dice.below(u64::from(nodes as u8 - least) + 1) as u8;
        Start::Forming(Limits { min_members, max_members })
    } else {
        Start::Bootstrapped
    };
    let mut starts = vec![first; nodes];
    starts.resize(nodes + POOL, Start::Joining);
    starts
}

/// Starts the group. In a group that forms itself, nodes start and discover each other in a random order,
/// and some discoveries are left for later.
pub(crate) fn begin(cluster: &mut Cluster, dice: &mut Dice) {
    if cluster.options.replicates {
        cluster.schedule(0, ScheduledEvent::Grow);
    }
    let first = founders(cluster);
    if !forms_itself(&cluster.options) {
        return first.into_iter().for_each(|node| cluster.restart(node));
    }
    let mut discoveries: Vec<(u64, u64)> = cluster
        .pairs()
        .into_iter()
        .filter(|&(a, b)| first.contains(&a) && first.contains(&b) && dice.chance(900_000))
        .collect();
    shuffle(&mut discoveries, dice);
    let longest_pause = dice.pick(&[0, 5 * MS, 50 * MS, 300 * MS]);
    for (node, other) in discoveries {
        cluster.restart(node);
        cluster.step(node, Input::Discovered(other));
        cluster.run_for(Duration::from_nanos(dice.below(longest_pause + 1)));
    }
    first.into_iter().for_each(|node| cluster.restart(node));
}

fn forms_itself(options: &Options) -> bool {
    matches!(options.starts.first(), Some(Start::Forming(_)))
}

fn founders(cluster: &Cluster) -> Vec<u64> {
    let waits = |node: &u64| cluster.options.starts.get(index_of(*node)) == Some(&Start::Joining);
    cluster.nodes().filter(|node| !waits(node)).collect()
}

fn shuffle<T>(items: &mut [T], dice: &mut Dice) {
    for end in (1..items.len()).rev() {
        items.swap(end, dice.below(end as u64 + 1) as usize);
    }
}

/// Starts every node again that has ever run.
pub(crate) fn restart_all(cluster: &mut Cluster) {
    for node in cluster.nodes() {
        if cluster.has_run(node) {
            cluster.restart(node);
        }
    }
}

/// Tells the nodes that form a group of each other.
pub(crate) fn introduce_all(cluster: &mut Cluster) {
    if !forms_itself(&cluster.options) {
        return;
    }
    let first = founders(cluster);
    for (node, other) in cluster.pairs() {
        let formed = !cluster.durable(node).membership.is_forming();
        if !formed && first.contains(&node) && first.contains(&other) {
            cluster.step(node, Input::Discovered(other));
        }
    }
}

/// One request that changes the members, or one crash or restart.
pub(crate) fn churn(cluster: &mut Cluster, dice: &mut Dice, node: u64) {
    let others: Vec<u64> = cluster.nodes().filter(|&other| other != node).collect();
    let other = dice.pick(&others);
    match dice.below(16) {
        0..=5 => reconfigure(cluster, dice, node),
        6 | 7 => cluster.step(node, Input::Leave),
        8 if forms_itself(&cluster.options) => discover(cluster, node, other),
        9 if forms_itself(&cluster.options) => cluster.step(node, Input::Lost(other)),
        10 => cluster.crash(node),
        11 => cluster.fail_after_outputs(node, dice.below(20) as u32, None),
        12 | 13 => restart_all(cluster),
        14 => cluster.restart(other),
        _ => stop_removed(cluster),
    }
}

/// Announces `other` to `node`. A forming node must discover founders only, and no node of the pool.
fn discover(cluster: &mut Cluster, node: u64, other: u64) {
    if !cluster.durable(node).membership.is_forming() || founders(cluster).contains(&other) {
        cluster.restart(other);
        cluster.step(node, Input::Discovered(other));
    }
}

/// Stops the nodes that are not in their own membership, as an operator would.
fn stop_removed(cluster: &mut Cluster) {
    for node in cluster.nodes() {
        if !cluster.durable(node).membership.contains(node) && cluster.has_run(node) {
            cluster.crash(node);
        }
    }
}

/// Asks some node, the leader more often than not, for other members. The node may crash soon after.
fn reconfigure(cluster: &mut Cluster, dice: &mut Dice, node: u64) {
    let asked = cluster.leader().map(|(leader, _)| leader).filter(|_| dice.chance(850_000)).unwrap_or(node);
    let Some(target) = any_target(cluster, dice, asked) else { return };
    for &id in target.voters().iter().chain(target.learners()) {
        if dice.chance(900_000) {
            cluster.restart(id);
        }
    }
    // Force may cost data.
    let forced = dice.chance(100_000) && !cluster.options.replicates;
    let force = if forced { Force::IfNeeded } else { Force::Never };
    cluster.step(asked, Input::Reconfigure { target, force });
    if dice.chance(200_000) {
        cluster.fail_after_outputs(asked, dice.below(40) as u32, None);
    }
}

/// A target that differs from the membership of `asked`, a little or a lot.
fn any_target(cluster: &Cluster, dice: &mut Dice, asked: u64) -> Option<Target<u64>> {
    let members = &cluster.durable(asked).membership;
    let (mut voters, mut learners) = (members.voters().to_vec(), members.learners().to_vec());
    let mut others: Vec<u64> = cluster.nodes().filter(|&id| !members.contains(id)).collect();
    shuffle(&mut others, dice);
    match dice.below(6) {
        // One member more, as a learner or a voter.
        0 => if dice.chance(500_000) { &mut learners } else { &mut voters }.extend(others.first()),
        // One voter less.
        1 if voters.len() > 1 => drop(voters.remove(dice.below(voters.len() as u64) as usize)),
        // One voter in place of another, of a crashed one if there is one.
        2 | 3 => {
            let fallen = voters.iter().position(|&voter| !cluster.is_up(voter));
            let any = dice.below(voters.len() as u64) as usize;
            if let (Some(&new), Some(old)) = (others.first(), voters.get_mut(fallen.unwrap_or(any))) {
                *old = new;
            }
        }
        _ => {
            let mut all: Vec<u64> = cluster.nodes().collect();
            shuffle(&mut all, dice);
            // The target seldom lacks the node that is asked.
            if let Some(at) = all.iter().position(|&id| id == asked).filter(|_| dice.chance(700_000)) {
                all.swap(0, at);
            }
            let count = 1 + dice.below(6.min(all.len() as u64)) as usize;
            voters = all.drain(..count).collect();
            learners = all.into_iter().filter(|_| dice.chance(150_000)).collect();
        }
    }
    learners.retain(|id| !voters.contains(id));
    Target::new(voters, learners).ok()
}

/// While no fault happens, a leader that is asked for other members reaches the target, unless it loses
/// its leadership. Whether that was needless, other checks decide.
pub(crate) fn check_progress(cluster: &mut Cluster, dice: &mut Dice) {
    let Some((leader, _)) = cluster.leader() else { return };
    cluster.cancel_pending_faults();
    // The hosts would have caught up long ago.
    if let Some(most) = cluster.nodes().map(|node| cluster.position(node)).max() {
        cluster.nodes().for_each(|node| cluster.set_position(node, most));
    }
    let mut all: Vec<u64> =
        cluster.nodes().filter(|&node| cluster.is_running(node) && cluster.may_join(node, leader)).collect();
    shuffle(&mut all, dice);
    let count = 1 + dice.below(5.min(all.len() as u64)) as usize;
    let learners = all.split_off(count).into_iter().take(1);
    let Ok(target) = Target::new(all, learners) else { return };
    // A host that is to hand over writes nothing, so that its successor can catch up.
    let replicates = cluster.options.replicates;
    cluster.options.replicates &= target.contains(leader);
    let (refusals, changes) = (cluster.counts.refusals, cluster.leadership_changes.len());
    let start = cluster.membership_events.len();
    cluster.step(leader, Input::Reconfigure { target: target.clone(), force: Force::Never });
    let bound = Duration::from_nanos(cluster.liveness.bound + 3 * SECOND);
    let arrived = cluster.run_till(bound, |cluster| {
        let over = cluster.counts.refusals > refusals || cluster.leadership_changes.len() > changes;
        over || cluster.membership_events[start..].iter().any(|change| change.ends_reconfiguration_of(leader))
    });
    cluster.options.replicates = replicates;
    if arrived.is_none() && cluster.violation.is_none() && cluster.is_running(leader) {
        let members = &cluster.durable(leader).membership;
        let text = format!("{leader} has not reached {target:?}: it has {members:?}");
        cluster.fail(crate::safety::ViolationKind::Stuck, text);
    }
}
