//! Durable state: what is written, and when. `persist` is the only function that emits `Persist`.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::config::Memory;
use crate::io::Output;
use crate::types::{NodeId, Term};

/// How the state on disk relates to the state in memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Durability {
    /// The two are the same, but for a commit that was learned since.
    Current,
    /// The disk holds the next term and this node's vote for itself in it; the node still acts in the present
    /// term. Rule 4.10.
    VoteReserved,
    /// A new leader has yet to write the version that its term gave to the membership. Rule 4.6.
    VersionUnwritten,
}

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 1.2: this node takes part in a higher term, whose vote is free unless this node has reserved it. The
    /// caller persists that together with what else changes.
    pub(super) fn raise_term(&mut self, term: Term) {
        let reserved = self.has_reserved_vote() && self.hard.term.next() == Some(term);
        if self.has_reserved_vote() {
            self.durability = Durability::Current;
        }
        self.hard.begin_term(term, reserved.then_some(self.id), self.id);
    }

    /// Emits the durable state, before anything that follows from it. Rule 2.4: the longest promise is made
    /// durable by a write that is needed anyway. A node without storage has nothing to write.
    pub(super) fn persist(&mut self, out: &mut Vec<Output<I>>) {
        self.hard.promised = self.hard.promised.max(self.timing.promise_limit());
        if self.memory == Memory::Durable {
            let (term, voted_for) = self.durable_vote();
            out.push(Output::Persist(self.hard.to_state(term, voted_for)));
        }
        if self.durability == Durability::VersionUnwritten {
            self.durability = Durability::Current;
            out.push(self.membership_event());
        }
    }

    /// The term and the vote on disk.
    pub(super) fn durable_vote(&self) -> (Term, Option<I>) {
        match self.hard.term.next() {
            Some(next) if self.has_reserved_vote() => (next, Some(self.id)),
            _ => (self.hard.term, self.hard.voted_for()),
        }
    }

    pub(super) fn has_reserved_vote(&self) -> bool {
        self.durability == Durability::VoteReserved
    }

    /// Rule 4.10: persists this node's vote for itself in the next term in advance, so that its candidacy waits
    /// for no disk. Until then the node acts in the present term; after a restart it is in the next one, and
    /// that vote is given. The vote of the present term must have been used, since no later write could record
    /// it.
    pub(super) fn reserve_vote(&mut self, out: &mut Vec<Output<I>>) {
        let is_vote_used = self.hard.voted_for().is_some();
        let has_disk = self.memory == Memory::Durable;
        if has_disk && is_vote_used && !self.has_reserved_vote() && self.hard.term.next().is_some() {
            self.durability = Durability::VoteReserved;
            self.persist(out);
        }
    }
}
