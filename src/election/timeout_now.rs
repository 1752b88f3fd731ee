//! The former leader: it repeats its order to campaign, Raft's TimeoutNow (thesis §3.10), until the successor
//! has followed it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::io::Output;
use crate::message::Order;
use crate::role::{Role, TimeoutNowRetry};
use crate::types::{NodeId, Term};

/// How often the order to campaign is sent, the first time included.
const TIMEOUT_NOW_ATTEMPTS: u8 = 5;

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Rule 6.3: the last heartbeat ordered `successor` to campaign, and may be lost.
    pub(super) fn start_timeout_now_retry(&mut self, successor: I, term: Term) {
        let next_retry = self.now.after(self.timing.retry_interval());
        if let Role::Follower(following) = &mut self.role {
            let attempts_left = TIMEOUT_NOW_ATTEMPTS.saturating_sub(1);
            let retry = TimeoutNowRetry { successor, term, attempts_left, next_retry };
            following.timeout_now_retry = Some(Box::new(retry));
        }
    }

    /// Rule 6.3: sends the order to campaign again when the retry is due.
    pub(super) fn tick_timeout_now_retry(&mut self, out: &mut Vec<Output<I>>) {
        let next_retry = self.now.after(self.timing.retry_interval());
        let Role::Follower(following) = &mut self.role else { return };
        let due = following.timeout_now_retry.as_mut().filter(|retry| self.now >= retry.next_retry);
        let Some(retry) = due else { return };
        let (to, term) = (retry.successor, retry.term);
        retry.next_retry = next_retry;
        retry.attempts_left = retry.attempts_left.saturating_sub(1);
        if retry.attempts_left == 0 {
            following.timeout_now_retry = None;
        }
        if self.hard.term == term {
            let round = self.next_round();
            let message = self.last_heartbeat(term, round, Some(0), Order::Campaign);
            out.push(Output::Send { to, message });
        }
    }

    /// A reply shows a higher term: the successor has followed the order.
    pub(super) fn end_timeout_now_retry(&mut self, seen: Term) {
        if let Role::Follower(following) = &mut self.role
            && following.timeout_now_retry.as_ref().is_some_and(|retry| seen > retry.term)
        {
            following.timeout_now_retry = None;
        }
    }
}
