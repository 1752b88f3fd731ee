//! How long a group is without a leader when its leader crashes.

use crate::clock::{Drift, MS, SECOND};
use crate::conditions::{Conditions, Range, Writes};
use crate::rng::{Dice, Ppm};
use crate::group::Group;
use crate::rival::{Pace, Place, Rival};

/// Who is not elected by then is not waited for.
pub const PATIENCE: u64 = 30 * SECOND;
/// A leader crashes that has led for that long at least.
const STEADY: u64 = SECOND;
/// For so long its messages are counted.
const REST: u64 = SECOND;

/// Where it is measured.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub nodes: usize,
    /// One way.
    pub delay: Range,
    pub loss: Ppm,
    pub writes: Writes,
    pub pace: Pace,
    /// Whether the data of each node reach further than those of the next. The first leads then.
    pub ranked: bool,
    /// How many followers are down before the leader crashes.
    pub down: usize,
}

/// One crash of a leader. Lengths are nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trial {
    /// Until somebody else took itself for the leader.
    pub elected: u64,
    /// Who that was.
    pub new: Place,
    /// Until all that run took one for the leader that did so itself.
    pub known: u64,
    /// Terms, or ballots, from the old leader's to the new one's. More than one, and votes were split.
    pub terms: u64,
    /// Messages sent until all knew.
    pub sent: u64,
    /// Messages sent in a second before, while all was well.
    pub at_rest: u64,
}

/// What became of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Replaced(Trial),
    /// Nobody was elected in [`PATIENCE`], or not all came to know of it.
    Never,
    /// No leader has ever led for long enough to be crashed.
    Unsteady,
}

impl Setting {
    /// `nodes` in a data centre: one way of 60 to 140 % of `delay`, disks that take no time.
    #[must_use]
    pub fn new(nodes: usize, delay: u64, loss: Ppm) -> Self {
        Setting {
            nodes,
            delay: (delay * 6 / 10, delay * 14 / 10),
            loss,
            writes: Writes::of((0, 0)),
            pace: Pace::LAN,
            ranked: false,
            down: 0,
        }
    }

    fn conditions(&self) -> Conditions {
        Conditions {
            delay: self.delay,
            loss: self.loss,
            duplicates: 0,
            writes: self.writes,
            drift: Drift::Within,
            drift_ppm: 500,
            pace: self.pace,
            ranked: self.ranked,
        }
    }
}

/// Lets a leader lead for a while and crash, at any moment between two of its heartbeats.
#[must_use]
pub fn trial<R: Rival>(setting: &Setting, seed: u64) -> Outcome {
    let mut group = Group::<R>::under(seed, setting.nodes, setting.conditions());
    let mut dice = Dice::new(!seed);
    if setting.ranked {
        first_leads(&mut group);
    }
    for _ in 0..setting.down {
        stop_a_follower(&mut group);
    }
    let phase = dice.below(4 * setting.pace.heartbeat.as_nanos() as u64);
    let Some((old, at_rest)) = steady(&mut group, phase) else { return Outcome::Unsteady };
    replace(&mut group, old, at_rest)
}

/// Only the first, whose data reach furthest, hears and is heard until it leads.
fn first_leads<R: Rival>(group: &mut Group<R>) {
    let others = |group: &mut Group<R>, up| {
        let pairs = group.nodes().flat_map(|a| (0..a).map(move |b| (a, b))).filter(|&(_, b)| b > 0);
        for (a, b) in pairs {
            group.link(a, b, up);
            group.link(b, a, up);
        }
    };
    others(group, false);
    group.run_until(group.now + PATIENCE, |group| known(group).is_some());
    others(group, true);
}

fn stop_a_follower<R: Rival>(group: &mut Group<R>) {
    group.run_until(group.now + PATIENCE, |group| known(group).is_some());
    let leader = known(group).unwrap_or_default();
    let follower = group.nodes().find(|&node| node != leader && group.process(node).is_some());
    follower.into_iter().for_each(|follower| group.crash(follower));
}

/// A leader that all have followed for a while, and how many messages that took in the last of it.
fn steady<R: Rival>(group: &mut Group<R>, phase: u64) -> Option<(Place, u64)> {
    let end = group.now + 4 * PATIENCE;
    while group.run_until(end, |group| known(group).is_some()) {
        let leader = known(group)?;
        let fell = |group: &Group<R>| group.claims(leader).is_none();
        if group.run_until(group.now + STEADY, fell) {
            continue;
        }
        let before = group.sent;
        if group.run_until(group.now + REST, fell) {
            continue;
        }
        let at_rest = group.sent - before;
        if !group.run_until(group.now + phase, fell) && group.leaders().eq([leader]) {
            return Some((leader, at_rest));
        }
    }
    None
}

fn replace<R: Rival>(group: &mut Group<R>, old: Place, at_rest: u64) -> Outcome {
    let term = group.claims(old).unwrap_or_default();
    let (crash, before) = (group.now, group.sent);
    group.crash(old);
    if !group.run_until(crash + PATIENCE, |group| group.leaders().next().is_some()) {
        return Outcome::Never;
    }
    let elected = group.now - crash;
    let new = group.leaders().next().unwrap_or_default();
    let terms = group
        .leaders()
        .filter_map(|leader| group.claims(leader))
        .max()
        .unwrap_or_default()
        .saturating_sub(term);
    if !group.run_until(crash + PATIENCE, |group| known(group).is_some()) {
        return Outcome::Never;
    }
    Outcome::Replaced(Trial {
        new,
        elected,
        known: group.now - crash,
        terms,
        sent: group.sent - before,
        at_rest,
    })
}

/// Whom all that run take for the leader, if it does so itself.
fn known<R: Rival>(group: &Group<R>) -> Option<Place> {
    let mut views =
        group.nodes().filter_map(|node| group.process(node)).map(|process| process.rival.leader());
    let (leader, _) = views.next()??;
    let agreed = views.all(|view| view.is_some_and(|(other, _)| other == leader));
    (agreed && group.claims(leader).is_some()).then_some(leader)
}

impl<R: Rival> Group<R> {
    /// The term in which `node` acts as leader.
    fn claims(&self, node: Place) -> Option<u64> {
        Some(self.process(node)?.acts(self.now)?.term)
    }

    /// Who act as leader.
    fn leaders(&self) -> impl Iterator<Item = Place> {
        self.nodes().filter(|&node| self.claims(node).is_some())
    }
}

/// A whole number of milliseconds would hide what happens between.
#[must_use]
pub fn millis(length: u64) -> f64 {
    length as f64 / MS as f64
}
