//! What a host's thread shows, also to other threads.

use std::fmt;
use std::net::SocketAddr;
use std::prelude::rust_2024::*;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;

use super::closed::End;
use super::lease_watch::LeaseWatch;
use super::{DatagramCounters, Events, HostFailure, LeaderAddress};
use crate::adapters::clock::BootClock;
use crate::adapters::counters::ElectionCounters;
use crate::adapters::disk::PendingWrite;
use crate::election::Election;
use crate::status::Status;
use crate::types::{NodeId, Timestamp};

/// What a host's thread shows.
pub(super) struct Shared<I> {
    pub(super) clock: BootClock,
    pub(super) leases: LeaseWatch,
    pub(super) events: Events<I>,
    pub(super) view: Mutex<View<I>>,
    pub(super) end: End,
}

/// A node, as of the last thing it did.
#[derive(Clone, Debug)]
pub(super) struct View<I> {
    pub(super) status: Status<I>,
    pub(super) leader: Option<LeaderAddress<I>>,
    pub(super) addresses: Vec<(I, SocketAddr)>,
    pub(super) counters: DatagramCounters,
    pub(super) election: ElectionCounters,
    pub(super) failure: Option<HostFailure>,
    pub(super) pending_write: Option<PendingWrite>,
}

impl<I: NodeId> Shared<I> {
    pub(super) fn new(clock: BootClock, margin: Duration, election: &Election<I, ChaCha8Rng>) -> Self {
        Shared {
            clock,
            leases: LeaseWatch::new(clock, margin),
            events: Events::new(),
            view: Mutex::new(View::new(election, clock.now())),
            end: End::default(),
        }
    }

    pub(super) fn view(&self) -> View<I> {
        self.update(|view| view.clone())
    }

    /// Every change of the view is whole, so a poisoned lock does no harm.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut View<I>) -> T) -> T {
        change(&mut self.view.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<I: fmt::Debug> fmt::Debug for Shared<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("view", &self.view).finish_non_exhaustive()
    }
}

impl<I: NodeId> View<I> {
    fn new(election: &Election<I, ChaCha8Rng>, now: Timestamp) -> Self {
        View {
            status: election.status(),
            leader: None,
            addresses: Vec::new(),
            counters: DatagramCounters::default(),
            election: ElectionCounters::new(now),
            failure: None,
            pending_write: None,
        }
    }
}
