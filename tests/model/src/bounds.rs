//! The instances of the model: a group and the bounds of its search.

use std::fmt;
use std::time::Duration;

use quorate::{Config, Limits, Position, Priority, Timestamp, Timing};

/// A group and the bounds of its search.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The name of the instance.
    pub name: &'static str,
    /// The number of nodes, at most eight. Their ids begin with 1.
    pub nodes: u8,
    /// Where the search begins.
    pub start: Start,
    /// How the clocks move.
    pub clocks: Clocks,
    /// How long writes take.
    pub disks: Disks,
    /// Whether pre-votes are real messages.
    pub pre_votes: PreVotes,
    /// The nodes that may lead, with a bit for each.
    pub leaders: u8,
    /// A host takes messages and requests while fewer outputs than this wait for its disk. With 1 it takes
    /// none meanwhile.
    pub backlog: usize,
    /// A promise ends after the clocks have moved this many times.
    pub promise: u8,
    /// The longest promise of each node ends after the clocks have moved this many times.
    pub limits: [u8; 4],
    /// How many messages of one kind between two nodes the network keeps.
    pub capacity: usize,
    /// How many times the clocks move.
    pub passes: u8,
    /// The highest term that is entered; in a life that blank nodes found, counted from before its first term.
    pub terms: u64,
    /// How many crashes there are.
    pub crashes: u8,
    /// How many crashes there are in which the disk is lost.
    pub forgets: u8,
    /// How many messages are delivered twice.
    pub copies: u8,
    /// How many times an old reply arrives, which may belong to any attempt, record or term of the past. All
    /// replies are kept that say more than that their sender follows.
    pub old_replies: u8,
    /// Whether the first voters hold data. Then no node without them may be elected.
    pub data: bool,
    /// The requests. Each is made at most once, by the host of that node or of any node.
    pub requests: &'static [(Option<u8>, Request)],
    /// The states that the search must reach to be of use.
    pub goals: &'static [Goal],
}

/// Where the search begins.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// The first nodes start, and the others are joining.
    Cold {
        /// The number of voters.
        voters: u8,
    },
    /// Node 1 has been elected, and all nodes have acknowledged it.
    Led {
        /// The number of voters.
        voters: u8,
    },
    /// The leader has stored a step that no other node knows, and all promises are over.
    Stepped {
        /// The number of voters.
        voters: u8,
        /// The voters after the step.
        to: &'static [u8],
    },
    /// Node 1 has been elected alone, and was asked for more voters. It has taken the steps that it could
    /// take at once.
    Grown {
        /// The voters of the target.
        to: &'static [u8],
    },
    /// As [`Led`](Self::Led). Then the last voter has asked to be removed and has been removed, of which it has not
    /// heard.
    Left {
        /// The number of voters before that.
        voters: u8,
    },
    /// All nodes are blank, have the same list, and have waited.
    Blank,
    /// Nodes that form a group start.
    Forming {
        /// The limits of the group.
        limits: Limits,
        /// Whether the nodes know each other.
        introduced: bool,
    },
}

/// How the clocks move.
#[derive(Clone, Copy, Debug)]
pub enum Clocks {
    /// All clocks move together, and the timing allows for no drift.
    Alike,
    /// Each time the clocks move, those of one of these sets of nodes (a bit for each node) move by half as
    /// much again as the others, which is the drift that the timing allows for.
    Drifting(&'static [u8]),
    /// Each clock moves by itself. S2 is not checked.
    Free,
}

/// How long writes take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disks {
    /// Writes take no time, and no crash comes in between.
    Instant,
    /// Writes take time, and so does the end of a leader's work.
    Slow,
}

/// Whether pre-votes are real messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PreVotes {
    /// Pre-votes are messages like all others.
    Real,
    /// A voter that asks for pre-votes gets all grants at once, whatever the state of the others. Safety
    /// does not depend on pre-votes, and they are half of all messages.
    Granted,
}

/// A request of a host.
#[derive(Clone, Copy, Debug)]
pub enum Request {
    /// Hand over, to this node or to any.
    Resign(Option<u8>),
    /// Step down at once.
    ResignNow,
    /// Change the members to these voters.
    Reconfigure(&'static [u8]),
    /// Leave the group.
    Leave,
    /// This node was discovered.
    Discover(u8),
    /// This node is lost.
    Lose(u8),
    /// The host has copied the data.
    Copy,
}

/// A state that a search must reach.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// A leader besides the one at the beginning.
    Elected,
    /// A committed change of the members.
    Committed,
    /// A leader that was elected after such a change.
    Followed,
    /// A node that knows that it is removed.
    Removed,
    /// A node that came back after it had forgotten.
    Recovered,
    /// A second group that blank nodes found, which has elected a leader as the first one has.
    FoundedAgain,
}

const MICROSECOND: Duration = Duration::from_micros(1);

impl Instance {
    /// Three nodes without requests, within the narrowest bounds.
    pub(super) const fn plain(name: &'static str) -> Self {
        Instance {
            name,
            nodes: 3,
            start: Start::Cold { voters: 3 },
            clocks: Clocks::Alike,
            disks: Disks::Slow,
            pre_votes: PreVotes::Granted,
            leaders: u8::MAX,
            backlog: 1,
            promise: 2,
            limits: [2; 4],
            capacity: 1,
            passes: 0,
            terms: 1,
            crashes: 0,
            forgets: 0,
            copies: 0,
            old_replies: 0,
            data: false,
            requests: &[],
            goals: &[Goal::Elected],
        }
    }

    /// How far the data of `node` reach at first.
    pub(super) fn first_position(&self, node: u8) -> Position {
        let holds_data = self.data && matches!(self.start, Start::Led { voters } if node <= voters);
        Position { term: 0, index: holds_data.into() }
    }

    pub(super) fn config(&self, node: u8) -> Config<u8> {
        let leads = self.leaders & (1 << (node - 1)) != 0;
        let priority = if leads { Priority::default() } else { Priority::NEVER_LEADS };
        Config { timing: self.timing(node), priority, ..Config::new(node) }
    }

    /// Deadlines differ by microseconds only, so that all are due at the same reading.
    fn timing(&self, node: u8) -> Timing {
        let step = self.clocks.step(true);
        let promise = |passes: u8| step * passes.into() - 10 * MICROSECOND;
        let slowest = if matches!(self.clocks, Clocks::Drifting(_)) { self.clocks.step(false) } else { step };
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
            clock_resolution: Duration::ZERO,
        }
    }

    /// The time at which a free clock stops.
    pub(super) fn end(&self) -> Timestamp {
        (self.clocks.step(true) * self.passes.into()).into()
    }

    pub(super) fn elected_at_start(&self) -> usize {
        match self.start {
            Start::Cold { .. } | Start::Blank | Start::Forming { .. } => 0,
            Start::Led { .. } | Start::Stepped { .. } | Start::Grown { .. } | Start::Left { .. } => 1,
        }
    }
}

impl Clocks {
    /// How far a clock moves at once.
    pub(super) fn step(self, fast: bool) -> Duration {
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
             channel; clocks move {} times, terms to {}, {} crashes, {} lost disks, {} copies, {} old replies, data {}, \
             requests {:?}",
            self.nodes,
            self.start,
            self.clocks,
            self.disks,
            self.backlog,
            self.pre_votes,
            self.leaders,
            self.promise,
            self.limits,
            self.capacity,
            self.passes,
            self.terms,
            self.crashes,
            self.forgets,
            self.copies,
            self.old_replies,
            self.data,
            self.requests
        )
    }
}
