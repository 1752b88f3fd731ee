//! What goes wrong in a run.

use std::fmt;
use std::str::FromStr;

use crate::check::{LEADERLESS, Watch};
use crate::clock::{MS, SECOND};
use crate::rng::Dice;
use crate::group::Group;
use crate::rival::{Place, Rival};

/// One kind of trouble.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A message in five is lost.
    Loss,
    /// A message in five comes twice.
    Duplicates,
    /// Ways are cut, one way or both, and mended.
    Partitions,
    /// Processes die, also during a write, and start again.
    Crashes,
    /// Every clock is as fast or as slow as the bound allows.
    Drift,
    /// Writes take up to 100 ms, and some stall for seconds.
    SlowDisks,
    /// Processes freeze, and go on as if nothing had been.
    Frozen,
    /// Voters become followers and voters again.
    Churn,
}

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mix {
    Clean,
    Only(Fault),
    All,
}

impl Mix {
    /// In the order of the table.
    pub const ALL: [Mix; 10] = [
        Mix::Clean,
        Mix::Only(Fault::Loss),
        Mix::Only(Fault::Duplicates),
        Mix::Only(Fault::Partitions),
        Mix::Only(Fault::Crashes),
        Mix::Only(Fault::Drift),
        Mix::Only(Fault::SlowDisks),
        Mix::Only(Fault::Frozen),
        Mix::Only(Fault::Churn),
        Mix::All,
    ];

    /// Whether `fault` is among what goes wrong. Drift harms nobody by itself.
    #[must_use]
    pub fn has(self, fault: Fault) -> bool {
        match self {
            Mix::Clean => false,
            Mix::Only(Fault::Drift) => matches!(fault, Fault::Drift | Fault::Partitions),
            Mix::Only(only) => only == fault,
            Mix::All => true,
        }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Mix::Clean => "clean",
            Mix::Only(Fault::Loss) => "loss",
            Mix::Only(Fault::Duplicates) => "duplicates",
            Mix::Only(Fault::Partitions) => "partitions",
            Mix::Only(Fault::Crashes) => "crashes",
            Mix::Only(Fault::Drift) => "drift",
            Mix::Only(Fault::SlowDisks) => "slow-disks",
            Mix::Only(Fault::Frozen) => "frozen",
            Mix::Only(Fault::Churn) => "churn",
            Mix::All => "all",
        })
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Mix::ALL.into_iter().find(|mix| mix.to_string() == name);
        found.ok_or_else(|| format!("one of {}", Mix::ALL.map(|mix| mix.to_string()).join(", ")))
    }
}

/// Runs `nodes` of `R` for so many virtual seconds: storms of mishaps, and calms between them.
#[must_use]
pub fn run<R: Rival>(seed: u64, nodes: usize, mix: Mix, seconds: u64) -> Watch {
    let mut group = Group::<R>::new(seed, nodes, mix);
    let mut dice = Dice::new(!seed);
    while group.now < seconds * SECOND {
        storm(&mut group, &mut dice, mix);
        calm(&mut group, &mut dice);
    }
    group.watch
}

/// Mishaps close together.
fn storm<R: Rival>(group: &mut Group<R>, dice: &mut Dice, mix: Mix) {
    let pace = dice.pick(&[20 * MS, 100 * MS, 500 * MS]);
    let end = group.now + dice.between((2 * SECOND, 12 * SECOND));
    while group.now < end {
        group.run_for(dice.between((0, 2 * pace)));
        let fault = dice.pick(&[Fault::Partitions, Fault::Crashes, Fault::Frozen, Fault::Churn]);
        if mix.has(fault) {
            strike(group, dice, fault);
        }
    }
}

/// Everything is mended, or left as it is but not touched.
fn calm<R: Rival>(group: &mut Group<R>, dice: &mut Dice) {
    if dice.chance(700_000) {
        heal(group);
        group.nodes().for_each(|node| group.thaw(node));
        group.restart_all();
    }
    let long = LEADERLESS + dice.between((SECOND, 4 * SECOND));
    let length = if dice.chance(400_000) { long } else { dice.below(2 * SECOND) };
    group.run_for(length);
}

fn strike<R: Rival>(group: &mut Group<R>, dice: &mut Dice, fault: Fault) {
    // Leaders are struck more often than chance would have it.
    let any = dice.below(group.nodes().len() as u64) as Place;
    let node = leader(group).filter(|_| dice.chance(300_000)).unwrap_or(any);
    match fault {
        Fault::Partitions => partition(group, dice, node),
        Fault::Crashes => crash(group, dice, node),
        Fault::Frozen => freeze(group, dice, node),
        Fault::Churn => churn(group, dice),
        Fault::Loss | Fault::Duplicates | Fault::Drift | Fault::SlowDisks => {}
    }
}

fn leader<R: Rival>(group: &Group<R>) -> Option<Place> {
    group.nodes().find(|&node| group.process(node).is_some_and(|process| process.claim.is_some()))
}

fn pairs<R: Rival>(group: &Group<R>) -> Vec<(Place, Place)> {
    let from = |a| group.nodes().filter(move |&b| a != b).map(move |b| (a, b));
    group.nodes().flat_map(from).collect()
}

fn heal<R: Rival>(group: &mut Group<R>) {
    pairs(group).into_iter().for_each(|(a, b)| group.link(a, b, true));
}

fn partition<R: Rival>(group: &mut Group<R>, dice: &mut Dice, node: Place) {
    let others: Vec<Place> = group.nodes().filter(|&other| other != node).collect();
    let other = dice.pick(&others);
    let (to, from) = match dice.below(8) {
        0 => (vec![other], vec![other]),
        1 => (vec![other], Vec::new()),
        2 => (others.clone(), others),
        3 => (others, Vec::new()),
        4 => (Vec::new(), others),
        5 => return split(group, dice),
        6 => {
            group.link(node, other, true);
            return group.link(other, node, true);
        }
        _ => return heal(group),
    };
    to.into_iter().for_each(|other| group.link(node, other, false));
    from.into_iter().for_each(|other| group.link(other, node, false));
}

/// Two groups that cannot talk, or any graph at all.
fn split<R: Rival>(group: &mut Group<R>, dice: &mut Dice) {
    let sides: Vec<bool> = group.nodes().map(|_| dice.chance(500_000)).collect();
    let random = dice.chance(500_000);
    for (a, b) in pairs(group) {
        let up = if random { dice.chance(600_000) } else { sides[a] == sides[b] };
        group.link(a, b, up);
    }
}

fn crash<R: Rival>(group: &mut Group<R>, dice: &mut Dice, node: Place) {
    match dice.below(6) {
        0 => bounce(group, node),
        1 | 2 => group.crash(node),
        3 => {
            group.crash(node);
            group.restart(node);
        }
        _ => group.restart_all(),
    }
}

/// All but `node` start anew at once.
fn bounce<R: Rival>(group: &mut Group<R>, node: Place) {
    for other in group.nodes().filter(|&other| other != node) {
        group.crash(other);
        group.restart(other);
    }
}

fn freeze<R: Rival>(group: &mut Group<R>, dice: &mut Dice, node: Place) {
    match dice.below(3) {
        0 => group.freeze(node, None),
        1 => group.freeze(node, Some(dice.between((10 * MS, 2 * SECOND)))),
        _ => group.nodes().for_each(|node| group.thaw(node)),
    }
}

/// The leader is told to lead any three or more, itself among them.
fn churn<R: Rival>(group: &mut Group<R>, dice: &mut Dice) {
    let Some(leader) = leader(group).filter(|_| R::CHURNS) else { return };
    let mut voters: Vec<Place> = group.nodes().collect();
    for _ in 0..dice.below(3).min(voters.len() as u64 - 1) {
        let leaving: Vec<Place> = voters.iter().copied().filter(|&voter| voter != leader).collect();
        let leaving = dice.pick(&leaving);
        voters.retain(|&voter| voter != leaving);
    }
    group.reconfigure(leader, &voters);
}
