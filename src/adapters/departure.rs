//! How a node that is shut down gives leadership up: it hands over, and stays until another node leads.
//!
//! The decisions are here, without a clock and without waiting, so that both hosts make the same ones.

use core::time::Duration;

use rand_core::Rng;

use crate::config::Timing;
use crate::election::Election;
use crate::event::Event;
use crate::rejection::{Rejection, Unfit};
use crate::types::{NodeId, Timestamp};

/// The way of a node that is shut down, from the command to its last step.
///
/// The former leader stays until it has heard of the next one, because the successor may need its vote: of
/// three voters, one of which has restarted a moment ago and is in quarantine, the other two have to vote.
#[derive(Debug)]
pub(super) struct Departure {
    /// When the node leaves at the latest.
    end: Timestamp,
    /// How long to wait from an attempt that failed to the next one.
    pause: Duration,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// A handover is to be attempted, at this time or later.
    Due(Timestamp),
    /// A handover has begun.
    HandingOver,
    /// No other node will be able to lead, so there is nothing to wait for.
    Hopeless,
}

/// What a host does for a node that is shut down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Farewell {
    /// Step `Resign` once the successor is [ready](crate::Urgency::WhenReady), and report a rejection.
    HandOver,
    /// Go on as before, and ask again after the next step, or at this time.
    Stay(Timestamp),
    /// Resign [now](crate::Urgency::Now), in case the node leads, and stop.
    Leave,
}

impl Departure {
    /// For how long a node that is shut down waits at most until another one leads, unless told otherwise: a
    /// voter that has restarted a moment ago is in quarantine for half of it.
    pub(super) fn patience(timing: &Timing) -> Duration {
        timing.promise_limit.saturating_mul(2)
    }

    /// The departure of a node that is told to stop at `now`.
    pub(super) fn new(timing: &Timing, patience: Duration, now: Timestamp) -> Self {
        Departure {
            end: now.saturating_add(patience),
            pause: timing.heartbeat_interval,
            stage: Stage::Due(now),
        }
    }

    /// When the node leaves at the latest.
    pub(super) fn end(&self) -> Timestamp {
        self.end
    }

    /// What is to be done for the node at `now`.
    pub(super) fn next<I: NodeId, R: Rng>(&mut self, election: &Election<I, R>, now: Timestamp) -> Farewell {
        let leader = election.leader().map(|leader| leader.id);
        if leader.is_some_and(|leader| leader != election.id()) || now >= self.end {
            return Farewell::Leave;
        }
        let leads = leader.is_some();
        match self.stage {
            Stage::Due(at) if leads && now >= at => {
                self.stage = Stage::HandingOver;
                Farewell::HandOver
            }
            Stage::Due(at) if leads => Farewell::Stay(at.min(self.end)),
            Stage::HandingOver => Farewell::Stay(self.end),
            // The group is without a leader, perhaps because this node has resigned, and may need its vote.
            Stage::Due(_) if has_other_voters(election) => Farewell::Stay(self.end),
            Stage::Due(_) | Stage::Hopeless => Farewell::Leave,
        }
    }

    /// Takes note that the handover was rejected at `now`. It is attempted again if time could mend the reason.
    pub(super) fn reject<I>(&mut self, reason: &Rejection<I>, now: Timestamp) {
        let is_hopeless = match reason {
            Rejection::NoSuccessor { unfit } => unfit.iter().all(|(_, lack)| is_lasting(*lack)),
            _ => false,
        };
        self.stage = if is_hopeless { Stage::Hopeless } else { self.next_attempt(now) };
    }

    /// Takes note of an event at `now`: a handover that failed is attempted again. The failure may be that of an attempt
    /// which the operator had begun before, and which ended in the moment of this one: then the next attempt takes the
    /// place of this one a little later.
    pub(super) fn observe<I>(&mut self, event: &Event<I>, now: Timestamp) {
        if matches!(event, Event::HandoverFailed { .. }) && self.stage == Stage::HandingOver {
            self.stage = self.next_attempt(now);
        }
    }

    fn next_attempt(&self, now: Timestamp) -> Stage {
        Stage::Due(now.saturating_add(self.pause))
    }
}

/// Whether the node is one of several voters, so that the others may need its vote.
fn has_other_voters<I: NodeId, R: Rng>(election: &Election<I, R>) -> bool {
    let voters = election.membership().voters();
    voters.len() > 1 && voters.contains(&election.id())
}

/// Whether a voter that lacks this will lack it also in a moment.
fn is_lasting(lack: Unfit) -> bool {
    match lack {
        Unfit::AlreadyLeads | Unfit::NotAVoter | Unfit::NeverLeads | Unfit::Leaving => true,
        Unfit::Silent | Unfit::Behind | Unfit::Unsteady => false,
    }
}
