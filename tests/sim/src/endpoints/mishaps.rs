//! What befalls nodes and their addresses.

use quorate::{Force, Input, Target};

use super::world::World;
use crate::faults::Faults;
use crate::rng::Dice;
use crate::scenario;

/// The founders start, each told the address of one that started before.
pub(crate) fn begin(world: &mut World, dice: &mut Dice) {
    let founders = world.nodes() - super::POOL;
    for node in 0..founders {
        let guides: Vec<usize> = (0..node).filter(|&guide| world.addresses.is_reachable(guide)).collect();
        let others: Vec<usize> =
            (node + 1..founders).filter(|&guide| world.addresses.is_reachable(guide)).collect();
        world.start(node, false, Some(dice.pick(if guides.is_empty() { &others } else { &guides })));
    }
}

/// All nodes that have ever run run again, with what they saved, and some with the address of another one.
pub(crate) fn start_all(world: &mut World, dice: &mut Dice) {
    for node in 0..world.nodes() {
        if world.cluster.has_run(node as u64 + 1) && !world.cluster.is_up(node as u64 + 1) {
            come_back(world, dice, node);
        }
    }
}

fn running(world: &World) -> Vec<usize> {
    (0..world.nodes()).filter(|&node| world.cluster.is_running(node as u64 + 1)).collect()
}

/// The leader more often than chance would have it.
fn victim(world: &World, dice: &mut Dice) -> usize {
    let leader = world.cluster.leader().map(|(leader, _)| leader as usize - 1);
    let any = dice.below(world.nodes() as u64) as usize;
    leader.filter(|_| dice.chance(300_000)).unwrap_or(any)
}

/// One mishap.
pub(crate) fn strike(world: &mut World, dice: &mut Dice) {
    let node = victim(world, dice);
    match dice.below(16) {
        0 | 1 => relocate(world, dice, node),
        2..=4 => rebind(world, node),
        5 | 6 => world.cluster.crash(node as u64 + 1),
        7 | 8 => start_all(world, dice),
        9 | 10 => take_over(world, dice),
        11 => scenario::inject(&mut world.cluster, dice, Faults::Partitions),
        12 => scenario::inject(&mut world.cluster, dice, Faults::Frozen),
        13 => scenario::inject(&mut world.cluster, dice, Faults::Requests),
        14 => replace(world, dice),
        _ => restart_all_at_once(world, dice),
    }
    world.settle();
}

/// The node stops and starts again at another address. It remembers the others, or is told where one is.
fn relocate(world: &mut World, dice: &mut Dice, node: usize) {
    if !world.cluster.has_run(node as u64 + 1) {
        return;
    }
    world.cluster.crash(node as u64 + 1);
    world.settle();
    world.addresses.relocate(node, dice);
    world.counts.moves += 1;
    come_back(world, dice, node);
}

/// The node gets another address while it runs, and does not notice.
fn rebind(world: &mut World, node: usize) {
    if !world.cluster.is_up(node as u64 + 1) {
        return;
    }
    world.addresses.rebind(node);
    world.counts.moves += 1;
    let address = world.addresses.of(node).public;
    world.cluster.log(node as u64 + 1, || format!("REBIND to {address}"));
    world.cluster.liveness.mark_disturbed(world.cluster.now);
}

/// The node remembers the others, or is told where one of them is, or both: it may have moved.
fn come_back(world: &mut World, dice: &mut Dice, node: usize) {
    let others = guides(world, node);
    let guide = (!others.is_empty() && dice.chance(500_000)).then(|| dice.pick(&others));
    let remembers = guide.is_none() || dice.chance(500_000);
    world.start(node, remembers, guide);
}

/// The members other than `node` that run and that are reached at an address.
fn guides(world: &World, node: usize) -> Vec<usize> {
    let leader = world.cluster.leader().map(|(leader, _)| leader);
    let is_member = |other: usize| {
        leader.is_none_or(|id| world.cluster.durable(id).membership.contains(other as u64 + 1))
    };
    let can_guide = |&other: &usize| other != node && world.addresses.is_reachable(other) && is_member(other);
    running(world).into_iter().filter(can_guide).collect()
}

/// The newcomer needs no address of another node, unless none can reach it.
fn start_newcomer(world: &mut World, dice: &mut Dice, node: usize) {
    let guides = guides(world, node);
    let needs_guide = !guides.is_empty() && !world.addresses.is_reachable(node);
    let guide = needs_guide.then(|| dice.pick(&guides));
    world.start(node, false, guide);
}

fn restart_all_at_once(world: &mut World, dice: &mut Dice) {
    let all = running(world);
    all.iter().for_each(|&node| world.cluster.crash(node as u64 + 1));
    world.settle();
    for node in all {
        let moves = dice.chance(200_000);
        if moves {
            world.addresses.relocate(node, dice);
            world.counts.moves += 1;
        }
        world.start(node, true, None);
    }
}

/// A newcomer starts at the address of a node that is lost, and takes its place in the group. The lost one may
/// come back later, elsewhere.
fn take_over(world: &mut World, dice: &mut Dice) {
    let fresh = (0..world.nodes()).find(|&node| !world.cluster.has_run(node as u64 + 1));
    let Some(heir) = fresh else { return relocate_to_lost(world, dice) };
    let Some(lost) = lost(world, dice) else { return };
    inherit(world, heir, lost);
    start_newcomer(world, dice, heir);
    admit(world, dice, heir, Some(lost));
}

/// A node that ran before starts again at the address of another one that is lost.
fn relocate_to_lost(world: &mut World, dice: &mut Dice) {
    let Some(lost) = lost(world, dice) else { return };
    let others: Vec<usize> = running(world).into_iter().filter(|&node| node != lost).collect();
    if others.is_empty() {
        return;
    }
    let heir = dice.pick(&others);
    world.cluster.crash(heir as u64 + 1);
    world.settle();
    inherit(world, heir, lost);
    come_back(world, dice, heir);
}

fn inherit(world: &mut World, heir: usize, lost: usize) {
    world.addresses.take_over(heir, lost);
    world.counts.moves += 1;
    world.counts.takeovers += 1;
    world.cluster.log(heir as u64 + 1, || format!("INHERIT the address of {}", lost + 1));
    world.cluster.liveness.mark_disturbed(world.cluster.now);
}

/// A node that is down: one that is, or one that is stopped for it.
fn lost(world: &mut World, dice: &mut Dice) -> Option<usize> {
    let down: Vec<usize> = (0..world.nodes())
        .filter(|&node| world.cluster.has_run(node as u64 + 1) && !world.cluster.is_up(node as u64 + 1))
        .collect();
    if !down.is_empty() {
        return Some(dice.pick(&down));
    }
    let running = running(world);
    if running.is_empty() {
        return None;
    }
    let lost = dice.pick(&running);
    world.cluster.crash(lost as u64 + 1);
    world.settle();
    Some(lost)
}

/// The leader is asked to let `newcomer` in, as a voter or a learner, perhaps in the place of another member.
fn admit(world: &mut World, dice: &mut Dice, newcomer: usize, former: Option<usize>) {
    let Some((leader, _)) = world.cluster.leader() else { return };
    let members = &world.cluster.durable(leader).membership;
    let is_former = |id: u64| former.is_some_and(|former| id == former as u64 + 1);
    let newcomer = newcomer as u64 + 1;
    let stays = |&id: &u64| id != newcomer && !is_former(id);
    let mut voters: Vec<u64> = members.voters().iter().copied().filter(stays).collect();
    let mut learners: Vec<u64> = members.learners().iter().copied().filter(stays).collect();
    if dice.chance(700_000) { &mut voters } else { &mut learners }.push(newcomer);
    let Ok(target) = Target::new(voters, learners) else { return };
    world.order(leader as usize - 1, Input::Reconfigure { target, force: Force::Never }, &[newcomer]);
}

/// A node that is not in the group, running or started for it, is let in, or a member is removed.
fn replace(world: &mut World, dice: &mut Dice) {
    let Some((leader, _)) = world.cluster.leader() else { return };
    let members = world.cluster.durable(leader).membership.members().to_vec();
    let outside: Vec<usize> =
        (0..world.nodes()).filter(|&node| !members.contains(&(node as u64 + 1))).collect();
    if !outside.is_empty() && dice.chance(700_000) {
        let newcomer = dice.pick(&outside);
        if !world.cluster.is_up(newcomer as u64 + 1) {
            start_newcomer(world, dice, newcomer);
        }
        return admit(world, dice, newcomer, None);
    }
    if members.len() < 3 {
        return;
    }
    let former = dice.pick(&members);
    let membership = &world.cluster.durable(leader).membership;
    let stays = |&id: &u64| id != former;
    let voters: Vec<u64> = membership.voters().iter().copied().filter(stays).collect();
    let learners: Vec<u64> = membership.learners().iter().copied().filter(stays).collect();
    let Ok(target) = Target::new(voters, learners) else { return };
    world.order(leader as usize - 1, Input::Reconfigure { target, force: Force::Never }, &[]);
}
