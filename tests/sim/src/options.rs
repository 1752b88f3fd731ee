//! What a cluster is like from the start.

use quorate::{ClusterId, HardState, Limits, Timing};

use crate::clock::Drift;
use crate::cluster::place;
use crate::disk::DiskOptions;
use crate::net::NetOptions;

/// What a cluster is like from the start. Nodes are named 1, 2, 3, …
#[derive(Clone, Debug)]
pub struct Options {
    /// The same for all nodes.
    pub timing: Timing,
    /// Messages.
    pub net: NetOptions,
    /// Writes.
    pub disk: DiskOptions,
    /// Clocks.
    pub drift: Drift,
    /// How late a process may wake up, in nanoseconds.
    pub oversleep: u64,
    /// Whether a host that is told that it is behind catches up, after that many nanoseconds.
    pub catch_up: Option<u64>,
    /// Whether a trace is kept.
    pub traced: bool,
    /// Whether a violation ends the run with a panic, or is left in
    /// [`Cluster::violation`](crate::Cluster::violation).
    pub panics: bool,
    /// How often to allow for lost attempts in [`leaderless_bound`](crate::leaderless_bound); `None` looks
    /// only for what is unsafe.
    pub patience: Option<u64>,
    /// Whether chance may be malicious: then a message that is lost or late counts as a disturbance,
    /// after which the group may be without a leader again.
    pub rigged: bool,
    /// How to replay the run, for the message of the panic.
    pub replay: Option<String>,
    /// How each node starts, the first of them named 1. Those beyond the list are
    /// [`Start::Bootstrapped`].
    pub starts: Vec<Start>,
}

/// What a node has on its disk before it first runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// It is one of the first members, with all others that start so.
    Bootstrapped,
    /// It is one of a group that forms itself, and knows nobody yet.
    Forming(Limits),
    /// It is to be added later.
    Joining,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            timing: Timing::lan(),
            net: NetOptions::default(),
            disk: DiskOptions::default(),
            drift: Drift::Within,
            oversleep: 0,
            catch_up: None,
            traced: false,
            panics: true,
            patience: Some(0),
            rigged: false,
            replay: None,
            starts: Vec::new(),
        }
    }
}

impl Options {
    pub(crate) fn start(&self, node: u64) -> Start {
        self.starts.get(place(node)).copied().unwrap_or(Start::Bootstrapped)
    }

    /// The nodes up to `n` that start as `wanted`.
    pub(crate) fn starting(&self, n: usize, wanted: impl Fn(Start) -> bool) -> Vec<u64> {
        (1..=n as u64).filter(|&node| wanted(self.start(node))).collect()
    }

    /// What `node` has on its disk before it first runs.
    pub(crate) fn first(&self, node: u64, n: usize) -> HardState<u64> {
        let cluster = ClusterId(7);
        match self.start(node) {
            Start::Bootstrapped => {
                let voters = self.starting(n, |start| start == Start::Bootstrapped);
                HardState::bootstrap(cluster, voters).expect("a lawful number of nodes")
            }
            Start::Forming(limits) => HardState::forming(cluster, limits).expect("lawful limits"),
            Start::Joining => HardState::joining(cluster),
        }
    }
}
