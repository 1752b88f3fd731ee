//! Checks rule 4.11 in every run: a node that asks in vain for pre-votes sends no more than a leader at rest would.

use std::time::Duration;

use quorate::message::{Body, Phase};
use quorate::{Output, Timestamp, Timing};

/// How many requests to each voter are urgent for other reasons: a round begins, and the voter has become free.
const SPARE: u128 = 3;

/// The pre-votes that one process has asked for since it last was in another role.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestAudit {
    /// When the first of them was sent, on the node's clock.
    since: Option<Timestamp>,
    /// How many were sent once they were no longer urgent.
    sent: u128,
}

impl RequestAudit {
    /// The node is in another role: its next requests are urgent.
    pub(crate) fn reset(&mut self) {
        *self = RequestAudit::default();
    }

    /// Takes note of what the node sends to so many `voters`. Returns what is too much.
    pub(crate) fn check(
        &mut self,
        outputs: &[Output<u64>],
        voters: usize,
        timing: &Timing,
    ) -> Option<String> {
        for output in outputs {
            let Output::Send { message, .. } = output else { continue };
            let is_pre_vote =
                matches!(&message.body(), Body::VoteRequest(request) if request.phase == Phase::Pre);
            if !is_pre_vote {
                continue;
            }
            let at = message.header().sent_at;
            let elapsed = at.saturating_duration_since(*self.since.get_or_insert(at));
            // The first of them may be sent again at the retry interval for one promise, and once more.
            let urgent = timing.promise + timing.promise.max(timing.retry_interval);
            let Some(rare) = elapsed.checked_sub(urgent).filter(|rare| *rare > Duration::ZERO) else {
                continue;
            };
            self.sent += 1;
            let rounds = rare.as_nanos() / timing.heartbeat_interval.as_nanos();
            let most = (rounds + SPARE) * voters as u128;
            if self.sent > most {
                return Some(format!("{} pre-votes in {rare:?}, a leader at rest {most}", self.sent));
            }
        }
        None
    }
}
