//! What a host shows to the threads of its program.

use std::fmt;
use std::net::SocketAddr;
use std::prelude::rust_2024::*;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::node::{Node, Snapshot, lock};
use super::{DatagramCounters, Events, HostFailure, LeaderAddress};
use crate::adapters::clock::BootClock;
use crate::adapters::counters::ElectionCounters;
use crate::adapters::host_end::HostEnd;
use crate::adapters::lease_watch::LeaseWatch;
use crate::adapters::pulse::Pulse;
use crate::adapters::write_view::{WriteView, hide_leadership};
use crate::io::Lease;
use crate::status::Status;
use crate::types::NodeId;

/// What a host's thread shows. What changes with each message is read where it is, by the thread that asks for it.
pub(super) struct Shared<I: NodeId> {
    pub(super) clock: BootClock,
    pub(super) leases: LeaseWatch,
    pub(super) pulse: Pulse,
    pub(super) events: Events<I>,
    node: Arc<Mutex<Node<I>>>,
    view: Mutex<View<I>>,
    pub(super) end: HostEnd,
}

/// What changes seldom.
#[derive(Debug)]
pub(super) struct View<I> {
    pub(super) addresses: Vec<(I, SocketAddr)>,
    pub(super) failure: Option<HostFailure>,
    pub(super) pending_write: Option<WriteView<I>>,
    /// What became of the writes so far.
    pub(super) writes: ElectionCounters,
    pub(super) has_ended: bool,
}

impl<I: NodeId> Shared<I> {
    pub(super) fn new(clock: BootClock, margin: Duration, node: Arc<Mutex<Node<I>>>) -> Self {
        let view = View {
            addresses: Vec::new(),
            failure: None,
            pending_write: None,
            writes: ElectionCounters::new(clock.now()),
            has_ended: false,
        };
        Shared {
            clock,
            leases: LeaseWatch::new(clock, margin),
            pulse: Pulse::new(clock.now()),
            events: Events::new(),
            node,
            view: Mutex::new(view),
            end: HostEnd::default(),
        }
    }

    /// The status as of the last step of the node. The age of its pending write is that of this moment.
    pub(super) fn status(&self) -> Status<I> {
        self.snapshot().status
    }

    pub(super) fn snapshot(&self) -> Snapshot<I> {
        let mut snapshot = lock(&self.node).snapshot();
        // A lease that is not shown yet waits for a write, and one that was withdrawn is no lease any more. Another one may
        // have been shown since the snapshot.
        let (id, own) = (snapshot.status.id, snapshot.status.lease);
        let is_own = |shown: &Lease| own.is_some_and(|own| own.term == shown.term);
        snapshot.status.lease = self.leases.published().filter(is_own);
        if snapshot.status.lease.is_none() {
            hide_leadership(&mut snapshot.status);
            snapshot.leader.take_if(|leader| leader.id == id);
        }
        let (now, view) = (self.clock.now(), self.view());
        if let Some(write) = &view.pending_write {
            write.show(&mut snapshot.status, now);
            snapshot.leader = snapshot.leader.filter(|_| snapshot.status.leader.is_some());
        }
        (snapshot.election.refused_writes, snapshot.election.persists) =
            (view.writes.refused_writes, view.writes.persists);
        if view.has_ended {
            (snapshot.status.leader, snapshot.leader) = (None, None);
        }
        snapshot
    }

    /// The leader, as far as the node knows. A host that has ended knows none, and a node leads once its lease is shown.
    pub(super) fn leader(&self) -> Option<LeaderAddress<I>> {
        let (leader, leads) = {
            let node = lock(&self.node);
            (node.leader(), node.leads())
        };
        leader.filter(|_| !self.view().has_ended && (!leads || self.leases.published().is_some()))
    }

    /// Looks at the node between its steps.
    #[cfg(feature = "register")]
    pub(super) fn with_node<T>(&self, look: impl FnOnce(&Node<I>) -> T) -> T {
        look(&lock(&self.node))
    }

    /// The record of the node, if there is one, ends with the host.
    pub(super) fn record_end(&self, failure: Option<&HostFailure>) {
        let now = self.clock.now();
        let why = failure.map_or_else(|| "told".into(), ToString::to_string);
        lock(&self.node).actions.record_end(&why, now);
    }

    pub(super) fn datagrams(&self) -> DatagramCounters {
        lock(&self.node).endpoint.counters()
    }

    /// Every change of the view is whole, so a poisoned lock does no harm.
    pub(super) fn view(&self) -> MutexGuard<'_, View<I>> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<I: NodeId> fmt::Debug for Shared<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("view", &self.view).finish_non_exhaustive()
    }
}
