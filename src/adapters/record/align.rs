//! By how much the clocks of processes have to be moved for no message to arrive before it was sent.

use alloc::collections::{BTreeMap, BinaryHeap};
use core::cmp::Reverse;
use std::prelude::rust_2024::*;
use std::vec;

/// More rounds than these are not made to move what is still in contradiction. What is left, drift for one, is moved while
/// the records are merged.
const ROUNDS: usize = 64;

/// The shortest times, in nanoseconds, that messages from one process to another took by their two clocks; below zero, if
/// one seems to have arrived before it was sent.
pub(super) type Delays = BTreeMap<(usize, usize), i64>;

/// What may lie between the offsets of two processes.
#[derive(Clone, Copy, Default)]
struct Bounds {
    least: Option<i64>,
    most: Option<i64>,
}

/// What to add to the clock of each of `count` processes. Nothing, if no delay is below zero. Otherwise, beginning at the
/// process that most others have to do with, each one is moved so that messages take as long one way as the other; and not
/// at all where nothing speaks against it.
pub(super) fn offsets(count: usize, delays: &Delays) -> Vec<i64> {
    let mut offsets = vec![0_i64; count];
    if delays.values().all(|&delay| delay >= 0) {
        return offsets;
    }
    let neighbours = neighbours(count, delays);
    let mut is_placed = vec![false; count];
    let mut by_degree: Vec<usize> = (0..count).collect();
    by_degree.sort_by_key(|&process| Reverse(neighbours.get(process).map_or(0, BTreeMap::len)));
    for first in by_degree {
        place(first, &neighbours, &mut offsets, &mut is_placed);
    }
    for _ in 0..ROUNDS.min(count) {
        if !delay_effects(delays, &mut offsets) {
            break;
        }
    }
    offsets
}

/// Of each process, those that have exchanged messages with it, and what may lie between the two offsets.
fn neighbours(count: usize, delays: &Delays) -> Vec<BTreeMap<usize, Bounds>> {
    let mut neighbours = vec![BTreeMap::<usize, Bounds>::new(); count];
    for (&(from, to), &delay) in delays {
        // offset(to) - offset(from) >= -delay
        if let Some(of_sender) = neighbours.get_mut(from) {
            of_sender.entry(to).or_default().least = Some(delay.saturating_neg());
        }
        if let Some(of_receiver) = neighbours.get_mut(to) {
            of_receiver.entry(from).or_default().most = Some(delay);
        }
    }
    neighbours
}

/// Places all that have to do with `first`, directly or not, those first whose place is known best.
fn place(first: usize, neighbours: &[BTreeMap<usize, Bounds>], offsets: &mut [i64], is_placed: &mut [bool]) {
    let mut open = BinaryHeap::from([Reverse((0_i64, first, 0_i64))]);
    while let Some(Reverse((_, process, offset))) = open.pop() {
        let Some(placed) = is_placed.get_mut(process) else { continue };
        if core::mem::replace(placed, true) {
            continue;
        }
        if let Some(own) = offsets.get_mut(process) {
            *own = offset;
        }
        for (&other, bounds) in neighbours.get(process).into_iter().flatten() {
            if is_placed.get(other) == Some(&false) {
                open.push(Reverse((bounds.width(), other, offset.saturating_add(bounds.difference()))));
            }
        }
    }
}

impl Bounds {
    /// How much is left open.
    fn width(self) -> i64 {
        match (self.least, self.most) {
            (Some(least), Some(most)) => most.saturating_sub(least).max(0),
            _ => i64::MAX,
        }
    }

    /// None, if nothing speaks against that.
    fn difference(self) -> i64 {
        let (least, most) = (self.least.unwrap_or(i64::MIN), self.most.unwrap_or(i64::MAX));
        match (self.least, self.most) {
            _ if least <= 0 && most >= 0 => 0,
            (Some(least), Some(most)) => (least / 2).saturating_add(most / 2),
            (Some(bound), None) | (None, Some(bound)) => bound,
            (None, None) => 0,
        }
    }
}

/// Moves each process that hears of something before it is said. Returns whether there was one.
fn delay_effects(delays: &Delays, offsets: &mut [i64]) -> bool {
    let mut has_moved = false;
    for (&(from, to), &delay) in delays {
        let Some(&cause) = offsets.get(from) else { continue };
        let Some(effect) = offsets.get_mut(to) else { continue };
        let least = cause.saturating_sub(delay);
        if *effect < least {
            *effect = least;
            has_moved = true;
        }
    }
    has_moved
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_contradict_nothing_are_left_alone() {
        let delays = Delays::from([((0, 1), 300), ((1, 0), 5), ((1, 2), 0)]);
        assert_eq!(offsets(3, &delays), [0, 0, 0]);
        assert!(offsets(0, &Delays::new()).is_empty());
    }

    #[test]
    fn two_clocks_are_moved_until_messages_take_as_long_both_ways() {
        // The clock of 1 is 1,000 behind; messages take 20 and 30.
        let delays = Delays::from([((0, 1), -980), ((1, 0), 1_030)]);
        let offsets = offsets(2, &delays);
        assert_eq!(offsets[1] - offsets[0], 1_005);
    }

    #[test]
    fn no_message_of_many_processes_arrives_before_it_was_sent() {
        let skews = [0, 5_000, -70_000, 123, 9_999, -1];
        let mut delays = Delays::new();
        for from in 0..skews.len() {
            for to in 0..skews.len() {
                if from != to {
                    let took = 10 + 7 * from as i64 + 13 * to as i64;
                    delays.insert((from, to), took + skews[to] - skews[from]);
                }
            }
        }
        let offsets = offsets(skews.len(), &delays);
        for (&(from, to), &delay) in &delays {
            let took = delay + offsets[to] - offsets[from];
            assert!((0..1_000).contains(&took), "{from} to {to}: {took}");
        }
    }

    #[test]
    fn clocks_that_no_offsets_make_agree_are_moved_for_a_while_and_no_longer() {
        let delays = Delays::from([((0, 1), -10), ((1, 0), -10), ((1, 2), i64::MIN), ((2, 1), i64::MAX)]);
        assert_eq!(offsets(3, &delays).len(), 3);
    }
}
