//! A leader that needs a higher term renews in place, and is never without its lease.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::lease::binding_length;
use crate::role::{Renewal, Role};
use crate::tally::Tally;
use crate::types::{NEVER, Nanos, NodeId, Term};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 5.1: a member holds a term higher than this leader's. Nothing happens on other roles.
    pub(super) fn start_renewal(&mut self, above: Term, out: &mut Vec<Output<I>>) {
        let until = self.now.after(self.timing.promise().saturating_mul(2));
        let Role::Leader(leading) = &mut self.role else { return };
        match leading.renewal.as_deref_mut() {
            Some(Renewal::Preparing { above: known, .. }) => *known = above.max(*known),
            Some(Renewal::Asking { .. }) => self.request_renewal_votes(above, out),
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
            let ready = self.is_lease_long() || !self.hard.committed || self.now >= *until;
            if ready {
                self.request_renewal_votes(*above, out);
            }
        }
    }

    /// Whether the lease is one to write on. Rule 3.5.
    pub(super) fn is_lease_long(&self) -> bool {
        let enough = self.now.after(self.sufficient_lease());
        matches!(&self.role, Role::Leader(leading) if leading.lease >= enough)
    }

    /// Of the long promise: enough to write on.
    pub(super) fn sufficient_lease(&self) -> Nanos {
        self.long_promise_bound().saturating_mul(3).part(4)
    }

    /// How long the long promise binds, on this node's clock.
    pub(super) fn long_promise_bound(&self) -> Nanos {
        binding_length(self.timing.promise_limit(), self.timing.drift_ppm)
    }

    /// Takes the term after `above` and asks for its votes. Lease and work stay with the old term
    /// until it is won.
    pub(super) fn request_renewal_votes(&mut self, above: Term, out: &mut Vec<Output<I>>) {
        let next = self.hard.term.max(above).next();
        let own = self.now.after(self.timing.promise_limit());
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(term) = next else {
            leading.renewal = None;
            return;
        };
        let tally = Tally::new(&self.hard.membership, self.id, own);
        leading.renewal = Some(Box::new(Renewal::Asking { tally, next_retry: self.now }));
        self.raise_term(term);
        self.hard.voted_for = Some(self.id);
        self.persist(out);
        self.request_votes(out);
        self.count_votes(out);
    }
}
