//! A leader that needs a higher term renews in place, and is never without its lease.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::lease::bound_until;
use crate::role::{Renewal, Role};
use crate::tally::Tally;
use crate::types::{NEVER, Nanos, NodeId, Term};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 5.1: a member holds a term higher than this leader's. Nothing happens on other roles.
    pub(super) fn renew(&mut self, above: Term, out: &mut Vec<Output<I>>) {
        let until = self.now.saturating_add(self.lengths.promise().saturating_mul(2));
        let Role::Leader(leading) = &mut self.role else { return };
        match leading.renewal.as_deref_mut() {
            Some(Renewal::Preparing { above: known, .. }) => *known = above.max(*known),
            Some(Renewal::Asking { .. }) => self.ask_renewal(above, out),
            None => {
                leading.renewal = Some(Box::new(Renewal::Preparing { above, until }));
                // Rule 6.1: the attempt to hand over starts again in the new term.
                if let Some(handover) = &mut leading.handover {
                    handover.attempt = None;
                    handover.until = NEVER;
                }
                self.broadcast(out);
                self.advance_renewal(out);
            }
        }
    }

    /// Rule 3.5: before it writes, a leader asks for the long promise. It goes on once three
    /// quarters of that are left, or when it has waited long enough. Before the commit all of its
    /// heartbeats have asked for it.
    pub(super) fn advance_renewal(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &self.role else { return };
        if let Some(Renewal::Preparing { above, until }) = leading.renewal.as_deref() {
            let ready = self.lease_is_long() || !self.hard.committed || self.now >= *until;
            if ready {
                self.ask_renewal(*above, out);
            }
        }
    }

    /// Whether the lease is one to write on. Rule 3.5.
    pub(super) fn lease_is_long(&self) -> bool {
        let enough = self.now.saturating_add(self.three_quarters());
        matches!(&self.role, Role::Leader(leading) if leading.lease >= enough)
    }

    /// Of the long promise: enough to write on.
    pub(super) fn three_quarters(&self) -> Nanos {
        self.long_bond().saturating_mul(3) / 4
    }

    /// How long the long promise binds, on this node's clock.
    pub(super) fn long_bond(&self) -> Nanos {
        bound_until(0, self.lengths.promise_limit(), self.lengths.drift_ppm)
    }

    /// Takes the term after `above` and asks for its votes. Lease and work stay with the old term
    /// until it is won.
    pub(super) fn ask_renewal(&mut self, above: Term, out: &mut Vec<Output<I>>) {
        let next = self.hard.term.max(above).next();
        let own = self.now.saturating_add(self.lengths.promise_limit());
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(term) = next else {
            leading.renewal = None;
            return;
        };
        let tally = Tally::new(&self.hard.membership, self.id, own);
        leading.renewal = Some(Box::new(Renewal::Asking { tally, next_retry: self.now }));
        self.raise_term(term);
        self.hard.voted_for = Some(self.id);
        self.record(out);
        self.ask_votes(out);
        self.count_votes(out);
    }
}
