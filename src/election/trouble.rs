//! What a node remembers of trouble of its own: nothing, at most nodes.

use alloc::boxed::Box;

use super::lost_quorum::QuorumCheck;
use crate::backoff::Backoff;
use crate::succession::Takeover;
use crate::types::{Nanos, NodeId, Timestamp};

/// One pointer, and memory only while there is something to remember. `expiry.rs` says when each part ends.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Trouble<I>(Option<Box<Memories<I>>>);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Memories<I> {
    /// The delay of candidacies after a lapsed lease. Rule 4.8.
    lapse_backoff: Backoff,
    takeover: Option<Box<Takeover<I>>>,
    /// What is asked of others if there has been no leader for long. Rule 9.10.
    quorum_check: Option<Box<QuorumCheck<I>>>,
}

impl<I: NodeId> Trouble<I> {
    pub(super) fn none() -> Self {
        Trouble(None)
    }

    /// Whether a lapsed lease delays candidacies, as of the last call of
    /// [`settle_lapses`](Self::settle_lapses).
    pub(super) fn delays_candidacies(&self) -> bool {
        self.0.as_ref().is_some_and(|memories| memories.lapse_backoff.is_active())
    }

    /// Rule 4.8: a lease has lapsed at `now`. `unit` is the shortest delay.
    pub(super) fn record_lapse(&mut self, now: Timestamp, unit: Nanos) {
        self.memories().lapse_backoff.double(now, unit);
    }

    /// Forgets the lapses if their delay is over, and returns the delay at `now`.
    pub(super) fn settle_lapses(&mut self, now: Timestamp, unit: Nanos) -> Nanos {
        let Some(memories) = &mut self.0 else { return Nanos::ZERO };
        let delay = memories.lapse_backoff.settle(now, unit);
        self.forget_if_empty();
        delay
    }

    pub(super) fn takeover(&self) -> Option<&Takeover<I>> {
        self.0.as_ref()?.takeover.as_deref()
    }

    pub(super) fn takeover_mut(&mut self) -> Option<&mut Takeover<I>> {
        self.0.as_mut()?.takeover.as_deref_mut()
    }

    /// What the node knows of takeovers, from now on if it knew nothing.
    pub(super) fn begin_takeover(&mut self) -> &mut Takeover<I> {
        self.memories().takeover.get_or_insert_with(Takeover::new)
    }

    pub(super) fn end_takeover(&mut self) {
        if let Some(memories) = &mut self.0 {
            memories.takeover = None;
        }
        self.forget_if_empty();
    }

    pub(super) fn quorum_check(&self) -> Option<&QuorumCheck<I>> {
        self.0.as_ref()?.quorum_check.as_deref()
    }

    pub(super) fn quorum_check_mut(&mut self) -> Option<&mut QuorumCheck<I>> {
        self.0.as_mut()?.quorum_check.as_deref_mut()
    }

    pub(super) fn begin_quorum_check(&mut self, check: QuorumCheck<I>) {
        self.memories().quorum_check = Some(Box::new(check));
    }

    pub(super) fn end_quorum_check(&mut self) -> Option<Box<QuorumCheck<I>>> {
        let check = self.0.as_mut()?.quorum_check.take();
        self.forget_if_empty();
        check
    }

    fn memories(&mut self) -> &mut Memories<I> {
        self.0.get_or_insert_with(|| {
            Box::new(Memories { lapse_backoff: Backoff::default(), takeover: None, quorum_check: None })
        })
    }

    fn forget_if_empty(&mut self) {
        let is_empty = |memories: &Memories<I>| {
            !memories.lapse_backoff.is_active()
                && memories.takeover.is_none()
                && memories.quorum_check.is_none()
        };
        if self.0.as_deref().is_some_and(is_empty) {
            self.0 = None;
        }
    }
}
