//! What a node remembers of trouble ends when the trouble is over, so that a node at rest is in the same state as one
//! that never had any.
//!
//! | what | ends |
//! |---|---|
//! | promise, quarantine, lease | at its end |
//! | pre-vote round, candidacy, attempt to hand over, order to campaign that is repeated | at its end, or with the role |
//! | candidacies lost (4.4) | when a leader is followed, or the node leads |
//! | delay after a lapsed lease (4.8) | it halves until it is below its unit |
//! | handovers that were tried, and the delay of the leader's own next one (6.4) | likewise |
//! | a leadership on trial, an unsteady member (6.6) | 32 takeover delays after the handover; likewise |
//! | what the host was told of trouble | when the trouble has not been seen for twice the present pause |
//! | denial, term with two leaders, node outside the membership | see `RareState` of `peer_log.rs` |
//! | target, steps, removed members, position to carry over | with the reconfiguration, and with the leadership |
//! | wish to leave | with the removal, a target that calls the leader back, or a restart |
//! | what a node that has forgotten has learned so far | with its recovery |
//! | `Removed` | never: the process has to end |

use rand_core::Rng;

use super::Election;
use crate::succession::Takeover;
use crate::types::{Nanos, NodeId};

/// How soon the host is told again of trouble that lasts, in long promises: 4.5 s at 450 ms.
const SHORTEST_NEWS_PAUSE: u64 = 10;

impl<I: NodeId, R: Rng> Election<I, R> {
    /// The pause after which the host is told again of trouble that lasts. It grows up to 256 times that.
    pub(super) fn shortest_news_pause(&self) -> Nanos {
        self.timing.promise_limit().saturating_mul(SHORTEST_NEWS_PAUSE)
    }

    /// What this node knows of takeovers, which is to be forgotten later.
    pub(super) fn takeover_mut(&mut self) -> &mut Takeover<I> {
        if self.trouble.takeover().is_none() {
            self.peer_log.schedule_review();
        }
        self.trouble.begin_takeover()
    }

    /// Forgets what is over, if it is time to look for that. Most nodes have nothing to forget.
    pub(super) fn forget_what_is_over(&mut self) {
        if !self.peer_log.is_review_due(self.now) {
            return;
        }
        let (now, oldest_denial) = (self.now, self.oldest_denial());
        let (unit, delay) = (self.takeover_backoff_unit(), self.timing.takeover_delay());
        if let Some(takeover) = self.trouble.takeover_mut() {
            takeover.forget_what_is_over(now, delay);
        }
        if self.trouble.takeover().is_some_and(|takeover| takeover.is_over(now, unit)) {
            self.trouble.end_takeover();
        }
        let is_delayed = self.trouble.settle_lapses(now, self.lapse_backoff_unit()) > Nanos::ZERO;
        let is_more_left = is_delayed || self.trouble.takeover().is_some();
        let next = now.after(self.shortest_news_pause());
        self.peer_log.forget_what_is_over(now, self.hard.term, oldest_denial, is_more_left, next);
    }
}
