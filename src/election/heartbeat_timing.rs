//! The interval of heartbeats, and the measurements that tune it together with the promise. Rule 3.6.

use rand_core::Rng;

use super::Election;
use crate::role::Role;
use crate::tuning::Tuning;
use crate::types::{MemberIndex, Nanos, NodeId, Timestamp};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// The heartbeat interval in force: tuned, or as configured.
    pub(super) fn heartbeat_interval(&self) -> Nanos {
        self.tuning().map_or(self.timing.heartbeat_interval(), Tuning::interval)
    }

    pub(super) fn tuning(&self) -> Option<&Tuning> {
        match &self.role {
            Role::Leader(leading) => leading.tasks.tuning(),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) | Role::Recovering(_) => None,
        }
    }

    /// Rule 3.6: chooses promise and interval anew, before a broadcast.
    pub(super) fn tune(&mut self) {
        let (members, own, now) = (&self.hard.membership, self.own_index, self.now);
        let Role::Leader(leading) = &mut self.role else { return };
        if let Some(tuning) = leading.tasks.tuning_mut()
            && let Some(own) = own
        {
            let late = now.since(leading.next_heartbeat);
            tuning.retune(members, own, late, now, &self.timing);
        }
    }

    /// Rule 3.6: the membership is committed, so followers answer without writing from now on.
    pub(super) fn begin_tuning(&mut self) {
        let members = self.hard.membership.members().len();
        if let Role::Leader(leading) = &mut self.role
            && self.timing.are_tuned()
            && members > 1
        {
            leading.tasks.begin_tuning(Tuning::new(members, &self.timing, self.now));
        }
    }

    /// Rule 3.6: measures the reply of the member at `index` to a heartbeat sent at `sent_at`. A reply that
    /// `acknowledges` the membership has waited for a write, so only later replies are measured.
    pub(super) fn observe_reply(&mut self, index: MemberIndex, sent_at: Timestamp, acknowledges: bool) {
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(tuning) = leading.tasks.tuning_mut() else { return };
        if acknowledges {
            tuning.restart_member(index, self.now);
        } else if leading.progress.get(index.as_usize()).is_some_and(|follower| follower.acknowledged) {
            tuning.on_reply(index, sent_at, self.now, &self.timing);
        }
    }
}
