//! The network: delays, losses and duplicates of messages.

use crate::clock::{MS, SECOND};
use crate::harness::Links;
use crate::rng::{Dice, Ppm};

/// The faults of the network.
#[derive(Clone, Copy, Debug)]
pub struct NetOptions {
    /// The shortest and the longest delay, in nanoseconds. Each message draws its own delay, so messages
    /// overtake each other.
    pub delay: (u64, u64),
    /// How many of a million messages are lost.
    pub loss: Ppm,
    /// How many of a million messages are delivered twice.
    pub duplicates: Ppm,
    /// How many of a million messages are delivered very late.
    pub late: Ppm,
    /// The shortest and the longest delay of a late message, in nanoseconds.
    pub lateness: (u64, u64),
    /// How many of a million messages bring an old one with them, of any age.
    pub old: Ppm,
    /// Whether bursts of old messages follow an election, a restart, an addition, or a new attempt to hand over.
    pub old_bursts: bool,
}

impl Default for NetOptions {
    /// A good network of one data centre: delays of 2 to 8 ms, and no losses.
    fn default() -> Self {
        NetOptions {
            delay: (2 * MS, 8 * MS),
            loss: 0,
            duplicates: 0,
            late: 0,
            lateness: (SECOND, 10 * SECOND),
            old: 0,
            old_bursts: false,
        }
    }
}

/// Links between nodes, and what becomes of the messages on them.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) options: NetOptions,
    pub(crate) links: Links,
}

/// The delays after which a message arrives: none, once or twice.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fate {
    pub(crate) arrivals: [Option<u64>; 2],
}

impl Fate {
    /// Whether the message arrives in time.
    pub(crate) fn is_prompt(&self, options: &NetOptions) -> bool {
        self.arrivals.iter().flatten().any(|&delay| delay <= options.delay.1)
    }

    /// The delay after which no copy of the message is under way any more.
    pub(crate) fn last(&self) -> u64 {
        self.arrivals.into_iter().flatten().max().unwrap_or(0)
    }
}

impl Network {
    pub(crate) fn new(nodes: usize, options: NetOptions) -> Self {
        Network { options, links: Links::new(nodes) }
    }

    pub(crate) fn fate(&self, from: usize, to: usize, dice: &mut Dice) -> Fate {
        if !self.links.is_up(from, to) || dice.chance(self.options.loss) {
            return Fate::default();
        }
        let mut delay = || {
            let late = dice.chance(self.options.late);
            dice.between(if late { self.options.lateness } else { self.options.delay })
        };
        let first = delay();
        let second = delay();
        let twice = dice.chance(self.options.duplicates);
        Fate { arrivals: [Some(first), twice.then_some(second)] }
    }
}
