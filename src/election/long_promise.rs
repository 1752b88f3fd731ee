//! The long promise: who has to write before it can answer is asked for a promise that outlasts the write. Rule
//! 3.5.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::event::Event;
use crate::io::Output;
use crate::lease::Preparation;
use crate::peer_log::Anomaly;
use crate::role::Role;
use crate::tuning::Tuning;
use crate::types::{MemberIndex, Nanos, NodeId, Timestamp};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// The promise that heartbeats ask for now: the long one while members write, or the leader is about to.
    pub(super) fn requested_promise(&self) -> Nanos {
        let needs_long_promise = match &self.role {
            Role::Leader(leading) => {
                let prepares_step =
                    leading.tasks.reconfiguration().is_some_and(|change| change.is_preparing());
                !self.hard.committed || leading.tasks.renewal().is_some() || prepares_step
            }
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) | Role::Recovering(_) => false,
        };
        if needs_long_promise {
            return self.timing.promise_limit();
        }
        self.tuning().map_or(self.timing.promise(), Tuning::promise)
    }

    /// Rule 3.5 (d): the voter at `index` grants less than any heartbeat asks for.
    #[cold]
    pub(super) fn report_short_promise(
        &mut self,
        voter: I,
        index: MemberIndex,
        granted: Nanos,
        out: &mut Vec<Output<I>>,
    ) {
        if self.hard.membership.is_voter_at(index) {
            let (granted, requested) = (granted.as_duration(), self.timing.shortest_promise().as_duration());
            let event = Event::ShortPromise { voter, granted, requested };
            self.report_anomaly(voter, Anomaly::ShortPromise, event, out);
        }
    }

    /// Rule 3.5 (b): what this leader was about to write it writes at the next tick, which is due at once. The
    /// host asks for the lease after it has acted on the outputs of this step, and so sees it first.
    pub(super) fn write_at_next_tick(&mut self) {
        if let Role::Leader(leading) = &mut self.role {
            leading.is_write_due = true;
        }
    }

    /// Writes what was prepared before this tick: a higher term, or a step to another membership.
    pub(super) fn write_prepared(&mut self, out: &mut Vec<Output<I>>) {
        let Role::Leader(leading) = &mut self.role else { return };
        if core::mem::take(&mut leading.is_write_due) {
            self.renew_if_prepared(out);
            self.take_step_if_prepared(out);
        }
    }

    /// Whether the lease is long enough to write on.
    pub(super) fn is_lease_long(&self) -> bool {
        let enough = self.now.after(self.sufficient_lease());
        matches!(&self.role, Role::Leader(leading) if leading.lease >= enough)
    }

    /// The lease that a leader wants before it writes: three quarters of what a long promise gives.
    pub(super) fn sufficient_lease(&self) -> Nanos {
        self.binding_length(self.timing.promise_limit()).saturating_mul(3).part(4)
    }

    /// The lease with which a node that has a quorum takes office at once: two thirds of what the long promises of
    /// its voters give, of which the shortest is `shortest_grant`.
    pub(super) fn sufficient_first_lease(&self, shortest_grant: Nanos) -> Nanos {
        self.binding_length(shortest_grant).saturating_mul(2).part(3)
    }

    /// How long a promise is certain to bind, on this node's clock.
    pub(super) fn binding_length(&self, promise: Nanos) -> Nanos {
        self.timing.clock.binding_length(promise)
    }

    /// The wait for a longer lease than this one, of a leader that is about to write.
    pub(super) fn new_preparation(&self, lease: Timestamp) -> Preparation {
        Preparation::new(self.now, self.timing.promise(), self.timing.promise_limit(), lease)
    }
}
