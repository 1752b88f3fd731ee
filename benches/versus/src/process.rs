//! One host: what survives a crash, and the process that does not.

use std::collections::VecDeque;

use quorate_sim::{Clock, Instant};

use crate::library::{Claim, Effect, SimulatedNode};
use crate::node_set::{NodeIndex, NodeSet};

/// A machine with a disk, on which a process may run.
pub(crate) struct Host<N: SimulatedNode> {
    pub(crate) durable: N::Durable,
    pub(crate) process: Option<Process<N>>,
    /// Counts the processes, so that an event meant for one never reaches the next.
    pub(crate) incarnation: u32,
}

/// A process of one thread, which waits for its disk.
pub(crate) struct Process<N: SimulatedNode> {
    pub(crate) node: N,
    pub(crate) clock: Clock,
    /// Effects that are not acted on yet.
    pub(crate) effects: VecDeque<Effect<N::Durable, N::Message>>,
    pub(crate) inbox: VecDeque<(NodeIndex, N::Message)>,
    pub(crate) writing: Option<N::Durable>,
    pub(crate) stalled: bool,
    pub(crate) frozen: bool,
    /// The claim as it was when the host last asked for it.
    pub(crate) claim: Option<Claim>,
    /// The pending wake-up.
    pub(crate) wake: Option<Instant>,
}

impl<N: SimulatedNode> Process<N> {
    pub(crate) fn is_idle(&self) -> bool {
        !self.frozen && self.writing.is_none()
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.frozen && !self.stalled
    }

    /// The claim under which the process acts as leader. It acts under a lease until that ends, since its
    /// workers may run on; under a claim without a lease it acts as long as it runs.
    pub(crate) fn acting_claim(&self, now: Instant) -> Option<Claim> {
        self.claim.filter(|claim| match claim.until {
            Some(until) => self.clock.read(now).since_origin() < until,
            None => self.is_running(),
        })
    }
}

/// The nodes that run.
pub(crate) fn running<N: SimulatedNode>(hosts: &[Host<N>]) -> NodeSet {
    let runs = |host: &Host<N>| host.process.as_ref().is_some_and(Process::is_running);
    (0..hosts.len()).filter(|&node| runs(&hosts[node])).collect()
}
