//! What is made durable, and when.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::types::{NodeId, Term};

/// How what is durable stands to what a node goes by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Durability {
    Current,
    /// The vote of the next term is its own; it has not taken part in that term yet. Rule 4.10.
    VoteReserved,
    /// A new leader has yet to write the version of its membership. Rule 4.6.
    VersionUnwritten,
}

impl<I: NodeId, R: Rng> Election<I, R> {
    /// A higher term is known: the vote of it is free. Rule 1.2. Recorded by the caller, together
    /// with what else changes.
    pub(super) fn raise_term(&mut self, term: Term) {
        let reserved = self.has_reserved_vote() && self.hard.term.next() == Some(term);
        if self.has_reserved_vote() {
            self.durability = Durability::Current;
        }
        self.hard.term = term;
        self.hard.voted_for = reserved.then_some(self.id);
    }

    /// The durable state has changed: it goes out before anything that follows from it. Rule 2.4:
    /// the longest promise is made durable by a write that is needed anyway.
    pub(super) fn persist(&mut self, out: &mut Vec<Output<I>>) {
        let limit = self.timing.promise_limit().as_duration();
        self.hard.promised = self.hard.promised.max(limit);
        let mut state = self.hard.clone();
        if let (true, Some(next)) = (self.has_reserved_vote(), state.term.next()) {
            (state.term, state.voted_for) = (next, Some(self.id));
        }
        out.push(Output::Persist(state));
        if self.durability == Durability::VersionUnwritten {
            self.durability = Durability::Current;
            out.push(self.membership_event());
        }
    }

    pub(super) fn has_reserved_vote(&self) -> bool {
        self.durability == Durability::VoteReserved
    }
}
