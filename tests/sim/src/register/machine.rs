//! A machine: a node, the agent beside it, and what survives a crash.

use quorate::adapters::register::Agent;
use quorate::{Election, HardState, Lease};
use rand_chacha::ChaCha8Rng;

use crate::clock::{Clock, Instant};

#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) id: u64,
    pub(super) durable: HardState<u64>,
    /// The number that the agent has last asked to remember.
    pub(super) remembered: u64,
    pub(super) process: Option<Process>,
    /// The number of processes so far: an event that is meant for one never reaches the next.
    pub(super) processes: u32,
    /// Whether its calls reach the register.
    pub(super) reaches_register: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) election: Election<u64, ChaCha8Rng>,
    pub(super) agent: Agent<u64>,
    pub(super) clock: Clock,
    pub(super) is_frozen: bool,
    /// The call that is under way.
    pub(super) call: u64,
    /// When the process is woken next.
    pub(super) wake: Instant,
}

impl Process {
    /// The lease under which a worker of this process may act at `now`, as its clock shows. A frozen process does nothing,
    /// but a worker of it may.
    pub(super) fn acts_under(&self, now: Instant) -> Option<Lease> {
        self.election.lease().filter(|lease| lease.holds_at(self.clock.read(now)))
    }

    /// When the election or the agent is due.
    pub(super) fn due(&self, now: Instant) -> Instant {
        let due =
            self.election.deadline().map_or(self.agent.deadline(), |due| due.min(self.agent.deadline()));
        self.clock.when(due, now)
    }
}
