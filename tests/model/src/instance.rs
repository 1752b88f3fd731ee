//! What is searched: the instances and their bounds.

use std::fmt;
use std::time::Duration;

use quorate::{Config, Limits, Priority, Timing};

/// A group and the bounds of its search.
#[derive(Clone, Debug)]
pub struct Instance {
    /// What it is about.
    pub name: &'static str,
    /// All nodes that there are, named from 1 on; at most eight.
    pub nodes: u8,
    /// Where it begins.
    pub start: Start,
    /// How the clocks go.
    pub clocks: Clocks,
    /// How writes go.
    pub disks: Disks,
    /// How pre-votes go.
    pub canvass: PreVoteRound,
    /// Those that may lead, a bit for each.
    pub leaders: u8,
    /// A host takes in messages and wishes while fewer outputs than this wait for its disk; 1 for
    /// none.
    pub backlog: usize,
    /// A promise ends when the clocks have moved so often.
    pub promise: u8,
    /// The same of the longest promise of each node.
    pub limits: [u8; 4],
    /// The messages of one kind between two nodes that the network keeps.
    pub capacity: usize,
    /// How often the clocks move.
    pub passes: u8,
    /// The highest term that is entered.
    pub terms: u64,
    /// How many crashes there are.
    pub crashes: u8,
    /// How many messages arrive twice.
    pub copies: u8,
    /// Each comes true at most once, on that node or on any.
    pub wishes: &'static [(Option<u8>, Wish)],
    /// What the search must come upon, or it is of no use.
    pub reaches: &'static [Reach],
}

/// Where the search begins.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// At the start of the first nodes; the others join.
    Cold {
        /// How many.
        voters: u8,
    },
    /// Later: node 1 has been elected, and all have acknowledged it.
    Led {
        /// How many.
        voters: u8,
    },
    /// Later still: the leader has stored a step and told nobody, and all promises are over.
    Stepped {
        /// How many.
        voters: u8,
        /// Who votes then.
        to: &'static [u8],
    },
    /// Node 1 has been elected by itself, and told to take in others: it has gone as far as it
    /// could at once.
    Grown {
        /// Who shall vote.
        to: &'static [u8],
    },
    /// At the start of nodes that form a group.
    Forming {
        /// Its limits.
        limits: Limits,
        /// They know each other.
        told: bool,
    },
}

/// How the clocks go.
#[derive(Clone, Copy, Debug)]
pub enum Clocks {
    /// All alike; no drift is allowed for.
    Alike,
    /// Each time they move, one of these sets of nodes (a bit for each node) moves half as far again
    /// as the others, which is the drift that is allowed for.
    Drifting(&'static [u8]),
    /// As they like. S2 is not asked for.
    Free,
}

/// How writes go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disks {
    /// At once: no crash in between.
    Instant,
    /// They take time. So does it to stop acting as leader.
    Slow,
}

/// How pre-votes go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PreVoteRound {
    /// Like all messages.
    Real,
    /// A voter that asks for pre-votes is granted them by the network, at once, whatever the others
    /// think of it: safety does not hang on them, and they are half of all messages.
    Granted,
}

/// What a host may wish.
#[derive(Clone, Copy, Debug)]
pub enum Wish {
    /// To hand over, to that node or to any.
    Resign(Option<u8>),
    /// To give up at once.
    ResignNow,
    /// These voters.
    Reconfigure(&'static [u8]),
    /// To be removed.
    Leave,
    /// That node is there.
    Discover(u8),
    /// That node is gone.
    Lose(u8),
}

/// What a search must come upon.
#[derive(Clone, Copy, Debug)]
pub enum Reach {
    /// A leader, besides the one of the start.
    Elected,
    /// A committed change of the members.
    Committed,
    /// A leader that was elected after such a change.
    Followed,
    /// A node that is told that it is out.
    Removed,
}

const MICROSECOND: Duration = Duration::from_micros(1);

impl Instance {
    /// Three nodes of which nothing is asked, within the narrowest bounds.
    pub(super) const fn plain(name: &'static str) -> Self {
        Instance {
            name,
            nodes: 3,
            start: Start::Cold { voters: 3 },
            clocks: Clocks::Alike,
            disks: Disks::Slow,
            canvass: PreVoteRound::Granted,
            leaders: u8::MAX,
            backlog: 1,
            promise: 2,
            limits: [2; 4],
            capacity: 1,
            passes: 0,
            terms: 1,
            crashes: 0,
            copies: 0,
            wishes: &[],
            reaches: &[Reach::Elected],
        }
    }

    pub(super) fn config(&self, node: u8) -> Config<u8> {
        let leads = self.leaders & (1 << (node - 1)) != 0;
        let priority = if leads { Priority::default() } else { Priority::NEVER_LEADS };
        Config { timing: self.timing(node), priority, ..Config::new(node) }
    }

    /// Deadlines are told apart by microseconds: they are all due at the same reading.
    fn timing(&self, node: u8) -> Timing {
        let pace = self.clocks.pace(true);
        let promise = |passes: u8| pace * passes.into() - 10 * MICROSECOND;
        let slowest = if matches!(self.clocks, Clocks::Drifting(_)) { self.clocks.pace(false) } else { pace };
        let shortest = promise(self.promise);
        Timing {
            promise: shortest,
            tuned_from: None,
            promise_limit: promise(self.limits[usize::from(node) - 1]),
            heartbeat_interval: (shortest / 2).min(slowest - 5 * MICROSECOND),
            retry_interval: MICROSECOND,
            stagger: MICROSECOND,
            takeover_delay: Duration::from_secs(3_600),
            clock_drift_ppm: if matches!(self.clocks, Clocks::Drifting(_)) { 500_000 } else { 0 },
        }
    }

    /// When a free clock stops.
    pub(super) fn end(&self) -> Duration {
        self.clocks.pace(true) * self.passes.into()
    }

    pub(super) fn elected_at_start(&self) -> usize {
        match self.start {
            Start::Cold { .. } | Start::Forming { .. } => 0,
            Start::Led { .. } | Start::Stepped { .. } | Start::Grown { .. } => 1,
        }
    }
}

impl Clocks {
    /// How far a clock moves.
    pub(super) fn pace(self, fast: bool) -> Duration {
        match (self, fast) {
            (Clocks::Alike, _) | (Clocks::Free, true) => 100 * MICROSECOND,
            (Clocks::Drifting(_), true) => 300 * MICROSECOND,
            (Clocks::Drifting(_), false) => 200 * MICROSECOND,
            (Clocks::Free, false) => Duration::ZERO,
        }
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} nodes from {:?}, clocks {:?}, disks {:?} (backlog {}), \
             pre-votes {:?}, leaders {:#b}, promise {} (limits {:?}), {} per \
             channel; clocks move {} times, terms to {}, {} crashes, {} copies, wishes {:?}",
            self.nodes,
            self.start,
            self.clocks,
            self.disks,
            self.backlog,
            self.canvass,
            self.leaders,
            self.promise,
            self.limits,
            self.capacity,
            self.passes,
            self.terms,
            self.crashes,
            self.copies,
            self.wishes
        )
    }
}
