//! What becomes of a message.

use crate::clock::{MS, SECOND};
use crate::harness::Links;
use crate::rng::{Dice, Ppm};

/// How bad the network is.
#[derive(Clone, Copy, Debug)]
pub struct NetOptions {
    /// The shortest and the longest way, in nanoseconds. Each message draws its own, so they
    /// overtake each other.
    pub delay: (u64, u64),
    /// Lost.
    pub loss: Ppm,
    /// Delivered twice.
    pub duplicates: Ppm,
    /// Delivered long after anybody expects it.
    pub late: Ppm,
    /// How long that is.
    pub lateness: (u64, u64),
}

impl Default for NetOptions {
    /// One data centre on a good day: 2 to 8 ms, nothing lost.
    fn default() -> Self {
        NetOptions {
            delay: (2 * MS, 8 * MS),
            loss: 0,
            duplicates: 0,
            late: 0,
            lateness: (SECOND, 10 * SECOND),
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
    /// Whether it arrives in good time.
    pub(crate) fn is_prompt(&self, options: &NetOptions) -> bool {
        self.arrivals.iter().flatten().any(|&delay| delay <= options.delay.1)
    }

    /// After which delay nothing of it is under way any more.
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
