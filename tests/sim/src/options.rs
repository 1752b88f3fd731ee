//! The options of a cluster.

use quorate::adapters::record::Timeline;
use quorate::{ClusterId, HardState, Limits, Memory, Timing};

use crate::amnesia::RUN_BEGINS;
use crate::clock::Drift;
use crate::cluster::index_of;
use crate::disk::DiskOptions;
use crate::net::NetOptions;

/// The options of a cluster. Its nodes have the ids 1, 2, 3, …
#[derive(Clone, Debug)]
pub struct Options {
    /// The timing of all nodes, unless `timings` has another.
    pub timing: Timing,
    /// The timings of nodes that differ, beginning with node 1. Nodes beyond the list have `timing`.
    pub timings: Vec<Timing>,
    /// The network.
    pub net: NetOptions,
    /// The disks.
    pub disk: DiskOptions,
    /// The clocks.
    pub drift: Drift,
    /// The longest tick of a clock in nanoseconds. Each process has a clock of that tick, or a finer one, and declares
    /// it, unless the resolution of `timing` is below the tick.
    pub tick: u64,
    /// Whether leases that hold at once are measured, by [`Cluster::overlaps`](crate::Cluster::overlaps), instead of
    /// being a violation.
    pub measures_overlaps: bool,
    /// How late a process may wake up, in nanoseconds.
    pub oversleep: u64,
    /// After how many nanoseconds a host catches up that hears that its data are behind; never if `None`.
    pub catch_up: Option<u64>,
    /// Whether the hosts replicate data, which grow all the time.
    pub replicates: bool,
    /// Whether a trace is kept.
    pub traced: bool,
    /// A timeline without events, to which the run is told so that it can be drawn.
    pub timeline: Option<Timeline<u64>>,
    /// Whether a violation panics, or is left in `Cluster::violation`.
    pub panics: bool,
    /// How many attempts may fail because of lost messages, as in `leaderless_bound`. With `None` only
    /// safety is checked.
    pub lost_attempts: Option<u64>,
    /// Whether an adversary may choose which messages are lost. Then every lost or late message counts as a
    /// disturbance, after which the group may have no leader again.
    pub adversarial: bool,
    /// How to replay the run, for the panic message.
    pub replay: Option<String>,
    /// How each node starts, beginning with node 1. Nodes beyond the list are [`Start::Bootstrapped`].
    pub starts: Vec<Start>,
    /// Whether each node has storage, beginning with node 1. Nodes beyond the list have. One that has none starts with
    /// nothing, or, in a group that does not begin so, loses its storage with its first process.
    pub memories: Vec<Memory>,
    /// Whether messages are kept so that [`Cluster::repeat_old_messages`](crate::Cluster::repeat_old_messages) can deliver
    /// them again, also if the network by itself never does.
    pub keeps_messages: bool,
    /// Whether so many nodes may forget that a group is over, if it was not founded by blank nodes: the others are no
    /// quorum, or there are none. Then blank nodes may found no other one (rule 9.6 (c)).
    pub may_end: bool,
}

/// The state on a node's disk before its first start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// The node is one of the first members, with all others that start so.
    Bootstrapped,
    /// The node is in a group that forms itself, and knows no other node yet.
    Forming(Limits),
    /// The node has nothing, and is one of the list of all that start so.
    Blank,
    /// The node is to be added later.
    Joining,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            timing: Timing::lan(),
            timings: Vec::new(),
            net: NetOptions::default(),
            disk: DiskOptions::default(),
            drift: Drift::Within,
            tick: 1,
            measures_overlaps: false,
            oversleep: 0,
            catch_up: None,
            replicates: false,
            traced: false,
            timeline: None,
            panics: true,
            lost_attempts: Some(0),
            adversarial: false,
            replay: None,
            starts: Vec::new(),
            memories: Vec::new(),
            keeps_messages: false,
            may_end: false,
        }
    }
}

impl Options {
    /// The timing of `node`.
    pub(crate) fn timing_of(&self, node: u64) -> Timing {
        self.timings.get(index_of(node)).copied().unwrap_or(self.timing)
    }

    /// The longest of each length among the nodes, by which the bounds of the whole group are computed.
    pub(crate) fn longest_timing(&self) -> Timing {
        self.timings.iter().copied().reduce(longest_of_both).unwrap_or(self.timing)
    }

    /// The least drift that a node declares: all clocks keep to it, so that each declaration is true.
    pub(crate) fn least_drift_ppm(&self) -> u32 {
        let declared = self.timings.iter().map(|timing| timing.clock_drift_ppm);
        declared.min().unwrap_or(self.timing.clock_drift_ppm)
    }

    /// Whether `node` has storage, after its first process.
    pub(crate) fn memory(&self, node: u64) -> Memory {
        self.memories.get(index_of(node)).copied().unwrap_or_default()
    }

    pub(crate) fn start(&self, node: u64) -> Start {
        self.starts.get(index_of(node)).copied().unwrap_or(Start::Bootstrapped)
    }

    /// The nodes up to `n` that start as `wanted`.
    pub(crate) fn starting(&self, n: usize, wanted: impl Fn(Start) -> bool) -> Vec<u64> {
        (1..=n as u64).filter(|&node| wanted(self.start(node))).collect()
    }

    /// The state on the disk of `node` before its first start.
    pub(crate) fn first(&self, node: u64, n: usize) -> HardState<u64> {
        let cluster = ClusterId(7);
        match self.start(node) {
            Start::Bootstrapped => {
                let voters = self.starting(n, |start| start == Start::Bootstrapped);
                HardState::bootstrap(cluster, voters).expect("a valid number of nodes")
            }
            Start::Forming(limits) => HardState::forming(cluster, limits).expect("valid limits"),
            Start::Joining if !self.begins_blank() || self.memory(node) == Memory::Durable => {
                HardState::joining(cluster)
            }
            Start::Blank | Start::Joining => {
                HardState::blank(cluster, self.list(n), RUN_BEGINS).expect("a list of nodes, and a set clock")
            }
        }
    }

    /// Whether the group begins with nothing.
    pub(crate) fn begins_blank(&self) -> bool {
        self.starts.contains(&Start::Blank)
    }

    /// The nodes that a blank node asks: the first ones.
    pub(crate) fn list(&self, n: usize) -> Vec<u64> {
        self.starting(n, |start| start != Start::Joining)
    }
}

fn longest_of_both(a: Timing, b: Timing) -> Timing {
    Timing {
        promise: a.promise.max(b.promise),
        tuned_from: a.tuned_from.max(b.tuned_from),
        promise_limit: a.promise_limit.max(b.promise_limit),
        heartbeat_interval: a.heartbeat_interval.max(b.heartbeat_interval),
        retry_interval: a.retry_interval.max(b.retry_interval),
        stagger: a.stagger.max(b.stagger),
        takeover_delay: a.takeover_delay.max(b.takeover_delay),
        clock_drift_ppm: a.clock_drift_ppm.max(b.clock_drift_ppm),
        clock_resolution: a.clock_resolution.max(b.clock_resolution),
    }
}
