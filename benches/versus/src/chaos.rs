//! A run under faults: storms of mishaps, and calms between them.

use quorate_sim::harness::{self, FaultyGroup};
use quorate_sim::{Dice, Faults, SECOND};

use crate::check::{Checker, LEADERLESS};
use crate::conditions::Conditions;
use crate::group::Group;
use crate::library::SimulatedNode;
use crate::node_set::NodeIndex;

/// Runs a group of `nodes` under `faults` for so many virtual seconds, and returns what was found.
#[must_use]
pub fn run<N: SimulatedNode>(seed: u64, nodes: usize, faults: Faults, seconds: u64) -> Checker {
    let mut group = Group::<N>::new(seed, nodes, Conditions::new(faults, seed));
    let mut dice = Dice::new(!seed);
    while group.now < seconds * SECOND {
        harness::storm(&mut group, &mut dice, |group, dice| mishap(group, dice, faults));
        harness::calm(&mut group, &mut dice, LEADERLESS, mend);
    }
    group.checker
}

fn mishap<N: SimulatedNode>(group: &mut Group<N>, dice: &mut Dice, faults: Faults) {
    let fault = dice.pick(&[Faults::Partitions, Faults::Crashes, Faults::Frozen, Faults::Churn]);
    if faults.has(fault) {
        strike(group, dice, fault);
    }
}

/// Lets every link, process and node work again.
fn mend<N: SimulatedNode>(group: &mut Group<N>) {
    harness::heal(group);
    group.nodes().for_each(|node| group.thaw(node));
    group.restart_all();
}

fn strike<N: SimulatedNode>(group: &mut Group<N>, dice: &mut Dice, fault: Faults) {
    let node = harness::choose_victim(group, dice);
    match fault {
        Faults::Partitions => harness::partition(group, dice, node),
        Faults::Crashes => crash(group, dice, node),
        Faults::Frozen => freeze(group, dice, node),
        Faults::Churn => churn(group, dice),
        // The others last for the whole run, or need a host that asks for them, or nodes that may forget.
        Faults::Clean
        | Faults::Loss
        | Faults::Duplicates
        | Faults::Drift
        | Faults::Clocks
        | Faults::SlowDisks
        | Faults::Requests
        | Faults::OldMessages
        | Faults::Amnesia
        | Faults::Lengths
        | Faults::All => {}
    }
}

fn crash<N: SimulatedNode>(group: &mut Group<N>, dice: &mut Dice, node: NodeIndex) {
    match dice.below(6) {
        0 => restart_all_but(group, node),
        1 | 2 => group.crash(node),
        3 => {
            group.crash(node);
            group.restart(node);
        }
        _ => group.restart_all(),
    }
}

/// All nodes but `node` crash and restart at once.
fn restart_all_but<N: SimulatedNode>(group: &mut Group<N>, node: NodeIndex) {
    for other in group.nodes().filter(|&other| other != node) {
        group.crash(other);
        group.restart(other);
    }
}

fn freeze<N: SimulatedNode>(group: &mut Group<N>, dice: &mut Dice, node: NodeIndex) {
    match dice.below(3) {
        0 => group.freeze(node, None),
        1 => group.freeze(node, Some(harness::freeze_length(dice))),
        _ => group.nodes().for_each(|node| group.thaw(node)),
    }
}

/// The leader is asked to make all nodes voters but up to two, which follow. It stays a voter itself.
fn churn<N: SimulatedNode>(group: &mut Group<N>, dice: &mut Dice) {
    let Some(leader) = group.acting_leader().filter(|_| N::CAN_RECONFIGURE) else { return };
    let mut voters: Vec<NodeIndex> = group.nodes().collect();
    for _ in 0..dice.below(3).min(voters.len() as u64 - 1) {
        let others: Vec<NodeIndex> = voters.iter().copied().filter(|&voter| voter != leader).collect();
        let leaving = dice.pick(&others);
        voters.retain(|&voter| voter != leaving);
    }
    group.reconfigure(leader, &voters);
}
