//! How long a promise a leader asks for, and how often.

use rand_core::Rng;

use super::Election;
use crate::role::Role;
use crate::tuning::Tuning;
use crate::types::{MemberIndex, Nanos, NodeId, Timestamp};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 3.5: the long promise of whoever has to write before it can answer.
    pub(super) fn requested_promise(&self) -> Nanos {
        let long = match &self.role {
            Role::Leader(leading) => {
                let steps = leading
                    .reconfiguration
                    .as_ref()
                    .is_some_and(|reconfiguration| reconfiguration.preparing.is_some());
                !self.hard.committed || leading.renewal.is_some() || steps
            }
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => false,
        };
        match self.tuning() {
            _ if long => self.timing.promise_limit(),
            Some(tuning) => tuning.promise(),
            None => self.timing.promise(),
        }
    }

    /// The one in force: tuned, or as configured.
    pub(super) fn heartbeat_interval(&self) -> Nanos {
        self.tuning().map_or(self.timing.heartbeat_interval(), Tuning::interval)
    }

    fn tuning(&self) -> Option<&Tuning> {
        match &self.role {
            Role::Leader(leading) => leading.tuning.as_deref(),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => None,
        }
    }

    /// Rule 3.6: promise and interval, by what was measured so far.
    pub(super) fn tune(&mut self) {
        let (members, now) = (&self.hard.membership, self.now);
        let Role::Leader(leading) = &mut self.role else { return };
        if let Some(tuning) = &mut leading.tuning
            && let Some(own) = members.index_of(self.id)
        {
            let late = now.since(leading.next_heartbeat);
            tuning.retune(members, own, late, now, &self.timing);
        }
    }

    /// Rule 3.6: from now on followers answer without writing.
    pub(super) fn begin_tuning(&mut self) {
        let members = self.hard.membership.members().len();
        if let Role::Leader(leading) = &mut self.role
            && self.timing.are_tuned()
            && members > 1
        {
            leading.tuning = Some(Tuning::new(members, &self.timing, self.now));
        }
    }

    /// Rule 3.6: what the answer of the member at `index` to a heartbeat of `at` tells. One that
    /// `acknowledges` the membership has waited for a write; those that follow are measured.
    pub(super) fn observe_reply(&mut self, index: MemberIndex, at: Timestamp, acknowledges: bool) {
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(tuning) = &mut leading.tuning else { return };
        if acknowledges {
            tuning.restart_member(index, self.now);
        } else if leading.progress.get(index.as_usize()).is_some_and(|follower| follower.acknowledged) {
            tuning.on_reply(index, at, self.now, &self.timing);
        }
    }
}
