//! Mishaps of a run: when they come, which node they strike, and how links fail.

use crate::clock::{Instant, MS, SECOND};
use crate::rng::Dice;

/// A group of nodes, indexed from 0, to which a run of mishaps can happen.
pub trait FaultyGroup {
    /// How many nodes there are.
    fn size(&self) -> usize;

    /// True time.
    fn true_time(&self) -> Instant;

    /// The node that acts as leader.
    fn acting_leader(&self) -> Option<usize>;

    /// Lets true time pass.
    fn pass(&mut self, length: u64);

    /// Opens or cuts the link from `from` to `to`.
    fn set_link(&mut self, from: usize, to: usize, up: bool);

    /// Whether the run has ended before its time.
    fn has_ended(&self) -> bool {
        false
    }
}

/// What the calm after a storm was like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Calm {
    /// Everything was mended before it.
    pub is_mended: bool,
    /// It lasted long enough for an election.
    pub is_long: bool,
}

/// Lets mishaps happen close together for a while.
pub fn storm<G: FaultyGroup>(group: &mut G, dice: &mut Dice, mut mishap: impl FnMut(&mut G, &mut Dice)) {
    let interval = dice.pick(&[20 * MS, 100 * MS, 500 * MS]);
    let end = group.true_time() + dice.between((2 * SECOND, 12 * SECOND));
    while group.true_time() < end && !group.has_ended() {
        group.pass(dice.between((0, 2 * interval)));
        mishap(group, dice);
    }
}

/// Mends everything, or leaves it as it is, and lets time pass without mishaps. A group that can elect a
/// leader has one after `bound`; a long calm lasts longer than that.
pub fn calm<G: FaultyGroup>(group: &mut G, dice: &mut Dice, bound: u64, mend: impl FnOnce(&mut G)) -> Calm {
    let is_mended = dice.chance(700_000);
    if is_mended {
        mend(group);
    }
    let long = bound + dice.between((SECOND, 4 * SECOND));
    let is_long = dice.chance(400_000);
    let length = if is_long { long } else { dice.below(2 * SECOND) };
    group.pass(length);
    Calm { is_mended, is_long }
}

/// The node that a mishap strikes. Leaders are struck more often than chance would have it.
pub fn choose_victim(group: &impl FaultyGroup, dice: &mut Dice) -> usize {
    let any = dice.below(group.size() as u64) as usize;
    group.acting_leader().filter(|_| dice.chance(300_000)).unwrap_or(any)
}

/// How long a process stays frozen.
pub fn freeze_length(dice: &mut Dice) -> u64 {
    dice.between((10 * MS, 2 * SECOND))
}

/// Cuts or mends links of `node`, or of all nodes.
pub fn partition(group: &mut impl FaultyGroup, dice: &mut Dice, node: usize) {
    let others: Vec<usize> = (0..group.size()).filter(|&other| other != node).collect();
    if others.is_empty() {
        return;
    }
    let other = dice.pick(&others);
    match dice.below(8) {
        0 => set_both_ways(group, node, other, false),
        1 => group.set_link(node, other, false),
        2 => others.into_iter().for_each(|other| set_both_ways(group, node, other, false)),
        3 => others.into_iter().for_each(|other| group.set_link(node, other, false)),
        4 => others.into_iter().for_each(|other| group.set_link(other, node, false)),
        5 => split(group, dice),
        6 => set_both_ways(group, node, other, true),
        _ => heal(group),
    }
}

/// Mends all links.
pub fn heal(group: &mut impl FaultyGroup) {
    pairs(group.size()).for_each(|(from, to)| group.set_link(from, to, true));
}

/// Splits the group into two that cannot talk, or draws each link anew.
fn split(group: &mut impl FaultyGroup, dice: &mut Dice) {
    let sides: Vec<bool> = (0..group.size()).map(|_| dice.chance(500_000)).collect();
    let is_random = dice.chance(500_000);
    for (from, to) in pairs(group.size()) {
        let up = if is_random { dice.chance(600_000) } else { sides[from] == sides[to] };
        group.set_link(from, to, up);
    }
}

fn set_both_ways(group: &mut impl FaultyGroup, a: usize, b: usize, up: bool) {
    group.set_link(a, b, up);
    group.set_link(b, a, up);
}

/// Every sender with every other node as receiver.
fn pairs(nodes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..nodes).flat_map(move |a| (0..nodes).filter(move |&b| b != a).map(move |b| (a, b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Links;

    /// A group of nodes that do nothing.
    struct Still {
        now: Instant,
        links: Links,
        size: usize,
        leader: Option<usize>,
    }

    impl Still {
        fn new(size: usize) -> Self {
            Still { now: 0, links: Links::new(size), size, leader: None }
        }

        fn cut_links(&self) -> usize {
            pairs(self.size).filter(|&(from, to)| !self.links.is_up(from, to)).count()
        }
    }

    impl FaultyGroup for Still {
        fn size(&self) -> usize {
            self.size
        }

        fn true_time(&self) -> Instant {
            self.now
        }

        fn acting_leader(&self) -> Option<usize> {
            self.leader
        }

        fn pass(&mut self, length: u64) {
            self.now += length;
        }

        fn set_link(&mut self, from: usize, to: usize, up: bool) {
            self.links.set(from, to, up);
        }
    }

    #[test]
    fn partitions_cut_links_and_healing_mends_them_all() {
        let mut dice = Dice::new(1);
        let mut seen = [false; 21];
        for _ in 0..1_000 {
            let mut group = Still::new(5);
            let node = choose_victim(&group, &mut dice);
            partition(&mut group, &mut dice, node);
            seen[group.cut_links()] = true;
            heal(&mut group);
            assert_eq!(group.cut_links(), 0);
        }
        // One way to one node, both ways, one way to all, both ways to all.
        assert!(seen[1] && seen[2] && seen[4] && seen[8]);
    }

    #[test]
    fn a_leader_is_struck_more_often_than_another_node() {
        let mut dice = Dice::new(2);
        let group = Still { leader: Some(3), ..Still::new(5) };
        let struck = (0..10_000).filter(|_| choose_victim(&group, &mut dice) == 3).count();
        // Three times in ten on purpose, and one in five of the rest by chance.
        assert!((4_100..4_700).contains(&struck), "{struck}");
    }

    #[test]
    fn a_storm_has_mishaps_until_its_end_and_a_long_calm_outlasts_the_bound() {
        let mut dice = Dice::new(3);
        for _ in 0..50 {
            let mut group = Still::new(3);
            let mut mishaps = 0;
            storm(&mut group, &mut dice, |_, _| mishaps += 1);
            assert!(mishaps > 1 && (2 * SECOND..14 * SECOND).contains(&group.now));
            let before = group.now;
            let calm = calm(&mut group, &mut dice, 3 * SECOND, |_| {});
            assert_eq!(calm.is_long, group.now - before >= 4 * SECOND, "{calm:?}");
        }
    }
}
