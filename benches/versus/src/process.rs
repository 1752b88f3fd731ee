//! One node: what survives a crash, and the process that does not.

use std::collections::VecDeque;

use crate::clock::{Clock, Instant};
use crate::rival::{Claim, Effect, Place, Rival};

pub(crate) struct Host<R: Rival> {
    pub(crate) durable: R::Durable,
    pub(crate) process: Option<Process<R>>,
    /// Counts the processes, so that what was meant for one never reaches the next.
    pub(crate) life: u32,
}

/// A host of one thread, which waits for its disk.
pub(crate) struct Process<R: Rival> {
    pub(crate) rival: R,
    pub(crate) clock: Clock,
    pub(crate) effects: VecDeque<Effect<R::Durable, R::Message>>,
    pub(crate) inbox: VecDeque<(Place, R::Message)>,
    pub(crate) writing: Option<R::Durable>,
    pub(crate) stalled: bool,
    pub(crate) frozen: bool,
    /// As it was when last asked for.
    pub(crate) claim: Option<Claim>,
    /// The pending wake-up.
    pub(crate) wake: Option<Instant>,
}

impl<R: Rival> Process<R> {
    pub(crate) fn is_idle(&self) -> bool {
        !self.frozen && self.writing.is_none()
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.frozen && !self.stalled
    }

    /// Whether it acts as leader: under a lease as long as that holds, for its workers may run on;
    /// without one as long as it runs.
    pub(crate) fn acts(&self, now: Instant) -> Option<Claim> {
        self.claim.filter(|claim| match claim.until {
            Some(until) => self.clock.read(now).since_origin() < until,
            None => self.is_running(),
        })
    }
}
