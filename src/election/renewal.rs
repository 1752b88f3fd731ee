//! Renewal: a leader that needs a higher term wins it without giving up its lease.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::role::{Renewal, Role};
use crate::tally::{Ballot, Tally};
use crate::types::{NEVER, NodeId, Term};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 5.1: a member holds a term above this leader's. Other roles ignore that.
    pub(super) fn start_renewal(&mut self, above: Term, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &self.role else { return };
        let preparation = self.new_preparation(leading.lease);
        let Role::Leader(leading) = &mut self.role else { return };
        match leading.tasks.renewal_mut() {
            Some(Renewal::Preparing { above: known, .. }) => *known = above.max(*known),
            Some(Renewal::Asking(_)) => self.request_renewal_votes(above, out),
            None => {
                leading.tasks.begin_renewal(Renewal::Preparing { above, preparation });
                // Rule 6.1: the attempt to hand over starts again in the new term.
                if let Some(handover) = leading.tasks.handover_mut() {
                    handover.attempt = None;
                    handover.until = NEVER;
                }
                self.broadcast(out);
                self.advance_renewal();
            }
        }
    }

    /// Rule 3.5: before it writes, a leader asks for the long promise. It goes on once its lease is long, or
    /// when it has waited long enough.
    pub(super) fn advance_renewal(&mut self) {
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(Renewal::Preparing { preparation, .. }) = leading.tasks.renewal_mut() else { return };
        preparation.observe(self.now, leading.lease);
        if self.prepared_renewal().is_some() {
            self.write_at_next_tick();
        }
    }

    /// Begins to ask for votes if all is prepared.
    pub(super) fn renew_if_prepared(&mut self, out: &mut Vec<Output<I>>) {
        if let Some(above) = self.prepared_renewal() {
            self.request_renewal_votes(above, out);
        }
    }

    /// The term above which this leader may take a term now. Before the commit all of its heartbeats have asked
    /// for the long promise anyway.
    fn prepared_renewal(&self) -> Option<Term> {
        let Role::Leader(leading) = &self.role else { return None };
        let Some(Renewal::Preparing { above, preparation }) = leading.tasks.renewal() else { return None };
        let has_waited = preparation.is_over(self.now, leading.lease);
        let is_prepared = self.is_lease_long() || !self.hard.committed || has_waited;
        is_prepared.then_some(*above)
    }

    /// Takes the term after `above` and asks for its votes. Lease and work stay with the old term until the new
    /// one is won.
    pub(super) fn request_renewal_votes(&mut self, above: Term, out: &mut Vec<Output<I>>) {
        let next = self.hard.term.max(above).next();
        let own = self.now.after(self.timing.promise_limit());
        let timer = self.new_request_timer();
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(term) = next else {
            leading.tasks.end_renewal();
            return;
        };
        let tally = Tally::new(&self.hard.membership, self.id, own);
        let ballot = Ballot::new(tally, timer, self.timing.promise_limit());
        leading.tasks.begin_renewal(Renewal::Asking(ballot));
        self.raise_term(term);
        self.hard.vote_for(self.id);
        self.persist(out);
        self.request_votes(out);
        self.count_votes(out);
    }
}
