//! What a voter in a register needs of an election. Section 10.

use rand_core::Rng;

use super::Election;
use crate::config::{Config, ConfigError};
use crate::hard_state::HardState;
use crate::promise::{HeldPromise, Promise};
use crate::role::Role;
use crate::types::{NodeId, Timestamp};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Resumes a voter that has forgotten nothing: its last promise was kept beside its durable state, so there is no
    /// quarantine (rule 2.3).
    pub(crate) fn resume(
        config: Config<I>,
        saved: HardState<I>,
        promise: Option<HeldPromise<I>>,
        now: Timestamp,
        rng: R,
    ) -> Result<Self, ConfigError> {
        let mut election = Election::new(config, saved, now, rng)?;
        election.promise = Promise::resumed(promise);
        Ok(election)
    }

    /// Tells the node that a voter is in a register, so that a leader does not take it for silent while it asks it for
    /// nothing. Rule 10.13.
    pub fn expect_register_voter(&mut self) {
        self.has_register_voter = true;
    }

    /// The last promise that this voter gave, whether it lasts or not.
    pub(crate) fn held_promise(&self) -> Option<HeldPromise<I>> {
        self.promise.held()
    }

    /// Rule 10.13: whether this node leads, does not wait for a word of `voter`, and the promises of a quorum without it
    /// will last beyond the next round of heartbeats, also if that comes late by more than half of the interval.
    pub(crate) fn can_lead_without(&self, voter: I) -> bool {
        let Role::Leader(leading) = &self.role else { return false };
        let members = &self.hard.membership;
        let spare = members.index_of(voter);
        let record = spare.and_then(|index| leading.progress.get(index.as_usize()));
        let is_awaited = record.is_some_and(|record| !record.acknowledged);
        if is_awaited || leading.tasks.reconfiguration().is_some() || leading.tasks.renewal().is_some() {
            return false;
        }
        let until =
            members.quorum_value(Timestamp::ORIGIN, |index| match leading.progress.get(index.as_usize()) {
                Some(member) if Some(index) != spare => member.bound_until,
                Some(_) | None => Timestamp::ORIGIN,
            });
        let margin = self.heartbeat_interval().saturating_mul(8).part(5);
        until >= self.now.after(self.requested_promise().saturating_sub(margin))
    }
}
