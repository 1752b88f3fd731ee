//! Work on a thread of the program's own, for as long as this node leads.

use std::sync::Arc;
use std::time::Duration;

use super::shared::Shared;
use super::{Host, HostStopped, LeaderAddress};
use crate::types::{NodeId, Term};

/// Runs work under a host's lease, without keeping the host.
#[derive(Clone, Debug)]
pub struct Worker<I: NodeId>(Arc<Shared<I>>);

impl<I: NodeId> Host<I> {
    /// What a thread needs to [`run_while_leader`](Worker::run_while_leader) and leave the host to
    /// its owner.
    #[must_use]
    pub fn worker(&self) -> Worker<I> {
        Worker(Arc::clone(&self.shared))
    }

    /// As [`Worker::run_while_leader`].
    ///
    /// # Errors
    /// [`HostStopped`] when the host has.
    pub fn run_while_leader<T>(
        &self,
        work: impl FnMut(Term, &dyn Fn() -> bool) -> Option<T>,
    ) -> Result<T, HostStopped> {
        self.worker().run_while_leader(work)
    }

    /// As [`Worker::run_while_leader_gracefully`].
    ///
    /// # Errors
    /// [`HostStopped`] when the host has.
    pub fn run_while_leader_gracefully<T>(
        &self,
        notice: Duration,
        work: impl FnMut(Term, &dyn Fn() -> bool) -> Option<T>,
    ) -> Result<T, HostStopped> {
        self.worker().run_while_leader_gracefully(notice, work)
    }
}

impl<I: NodeId> Worker<I> {
    /// The leader, as far as this node knows: as [`Host::leader`].
    #[must_use]
    pub fn leader(&self) -> Option<LeaderAddress<I>> {
        self.0.leader()
    }

    /// Runs `work` on this thread whenever the node leads, until it returns something.
    ///
    /// A thread cannot be stopped from outside. `work` is given its term, and a question to ask
    /// **before each piece of the work**: whether it may go on. The answer reads a fresh clock,
    /// waits for no disk, and is `false` from [`HostConfig::margin`](super::HostConfig::margin)
    /// before the end of the lease, or from the moment that leadership is handed over; a piece must be
    /// shorter than that margin. Work that is told `false` returns `None`, and is called again when
    /// the node leads again, or when its lease is renewed after all, then in the same term.
    ///
    /// Until the work has returned, no other node is let in, but not beyond the end of the lease: work that
    /// does not ask, or a piece that takes too long, goes on beside the next leader's work. Let whatever
    /// it writes to refuse its term then: [`guide::fencing`](crate::guide::fencing).
    ///
    /// # Errors
    /// [`HostStopped`] when the host has.
    pub fn run_while_leader<T>(
        &self,
        work: impl FnMut(Term, &dyn Fn() -> bool) -> Option<T>,
    ) -> Result<T, HostStopped> {
        self.run_while_leader_gracefully(Duration::ZERO, work)
    }

    /// As [`run_while_leader`](Self::run_while_leader), for pieces of work that take up to `notice`, which may be longer than
    /// the margin: the answer is `false` that long before the margin begins, so a piece that was begun before has
    /// ended by then. `notice` has to be well below a promise, less the margin and a heartbeat interval: work begins only
    /// while more than that is left. If leadership is handed over, a piece that has begun is waited for, as there, to the
    /// end of the lease at the latest.
    ///
    /// # Errors
    /// [`HostStopped`] when the host has.
    pub fn run_while_leader_gracefully<T>(
        &self,
        notice: Duration,
        work: impl FnMut(Term, &dyn Fn() -> bool) -> Option<T>,
    ) -> Result<T, HostStopped> {
        self.0.leases.run_while_leader(notice, work).ok_or(HostStopped)
    }
}
