//! What a host decides about its lease: who may act by it, when it ends, and when a withdrawal is complete.
//!
//! The decisions are here, without a clock and without waiting: a thread waits on a condition variable, a
//! task on a channel, and both ask the gate again when they are woken.

use core::time::Duration;

use crate::io::Lease;
use crate::types::{Term, Timestamp};

/// The lease of a node, as the rest of its program may use it.
#[derive(Debug)]
pub(super) struct LeaseGate {
    /// How long before its end a lease is taken away from work and watchers, so that they have stopped when it
    /// ends.
    margin: Duration,
    lease: Option<Lease>,
    /// The last lease that was withdrawn, or renewed in another term. Until its end work may finish what it has begun: while
    /// work is counted, nothing is sent that would let another node lead.
    #[cfg(feature = "tokio")]
    former: Option<Lease>,
    /// The latest end of any lease so far.
    latest_end: Timestamp,
    /// How many pieces of work run by a lease.
    working: usize,
    /// How often the lease was withdrawn.
    withdrawals: u64,
    /// How many of the withdrawals all watchers know of.
    #[cfg(any(feature = "udp", feature = "seat"))]
    acknowledged: u64,
}

impl LeaseGate {
    pub(super) fn new(margin: Duration) -> Self {
        LeaseGate {
            margin,
            lease: None,
            #[cfg(feature = "tokio")]
            former: None,
            latest_end: Timestamp::ORIGIN,
            working: 0,
            withdrawals: 0,
            #[cfg(any(feature = "udp", feature = "seat"))]
            acknowledged: 0,
        }
    }

    /// The lease that was published last, to its very end.
    pub(super) fn published(&self) -> Option<Lease> {
        self.lease
    }

    /// The lease, if work and watchers may act by it at `now`.
    pub(super) fn usable(&self, now: Timestamp) -> Option<Lease> {
        self.lease.filter(|lease| now < self.end_of(lease))
    }

    /// Whether work of `term` may go on at `now`.
    #[cfg(any(feature = "udp", feature = "seat", test))]
    pub(super) fn holds(&self, term: Term, now: Timestamp) -> bool {
        self.usable(now).is_some_and(|lease| lease.term == term)
    }

    /// When the published lease has to be taken away.
    pub(super) fn end(&self) -> Option<Timestamp> {
        self.lease.map(|lease| self.end_of(&lease))
    }

    /// When work of `term` that is dropped as soon as its lease ends has to be dropped; `None` if it has to be by now.
    #[cfg(feature = "tokio")]
    pub(super) fn end_of_work(&self, term: Term) -> Option<Timestamp> {
        self.lease.filter(|lease| lease.term == term).map(|lease| self.end_of(&lease))
    }

    /// The same for work that finishes what it has begun when its lease is given up early. A lease of another term does not
    /// let it run for longer than that lease lasts.
    #[cfg(feature = "tokio")]
    pub(super) fn end_of_last_work(&self, term: Term) -> Option<Timestamp> {
        let former = self.former.filter(|lease| lease.term == term).map(|lease| self.end_of(&lease));
        match self.lease {
            Some(lease) if lease.term == term => Some(self.end_of(&lease)),
            Some(lease) => former.map(|end| end.min(self.end_of(&lease))),
            None => former,
        }
    }

    fn end_of(&self, lease: &Lease) -> Timestamp {
        lease.until.saturating_sub(self.margin)
    }

    /// Shows what is true after all outputs so far were acted on. Returns whether this is another lease.
    pub(super) fn publish(&mut self, lease: Option<Lease>) -> bool {
        let changed = self.lease != lease;
        #[cfg(feature = "tokio")]
        if let (Some(old), Some(new)) = (self.lease, lease)
            && old.term != new.term
        {
            self.former = Some(old);
        }
        self.lease = lease;
        self.latest_end = lease.map_or(self.latest_end, |lease| lease.until.max(self.latest_end));
        changed
    }

    /// Takes the lease away, if work and watchers may not act by it any more at `now`. Returns whether it did.
    #[cfg(feature = "tokio")]
    pub(super) fn expire(&mut self, now: Timestamp) -> bool {
        let expired = self.end().is_some_and(|end| end <= now);
        if expired {
            self.lease = None;
        }
        expired
    }

    /// Ends the lease. Returns the number of this withdrawal, for [`is_withdrawn`](Self::is_withdrawn).
    pub(super) fn withdraw(&mut self) -> u64 {
        let _lease = self.lease.take();
        #[cfg(feature = "tokio")]
        if _lease.is_some() {
            self.former = _lease;
        }
        self.withdrawals = self.withdrawals.saturating_add(1);
        self.withdrawals
    }

    /// The number of the last withdrawal.
    #[cfg(any(feature = "udp", feature = "seat"))]
    pub(super) fn withdrawals(&self) -> u64 {
        self.withdrawals
    }

    /// All watchers know of this withdrawal, and of the earlier ones. Returns whether this is news.
    #[cfg(any(feature = "udp", feature = "seat"))]
    pub(super) fn acknowledge(&mut self, withdrawal: u64) -> bool {
        let news = self.acknowledged < withdrawal;
        self.acknowledged = self.acknowledged.max(withdrawal);
        news
    }

    /// Whether all watchers know of this withdrawal.
    #[cfg(any(feature = "udp", feature = "seat"))]
    pub(super) fn is_acknowledged(&self, withdrawal: u64) -> bool {
        self.acknowledged >= withdrawal
    }

    /// Whether no work runs any more by a lease that could still hold. Work that nothing can stop is waited
    /// for no longer than the lease would have lasted.
    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        self.working == 0 || now >= self.latest_end
    }

    /// Until when a withdrawal waits for work, at the latest.
    pub(super) fn latest_end(&self) -> Timestamp {
        self.latest_end
    }

    /// Counts a piece of work that begins at `now`, if it may. Returns its term.
    pub(super) fn begin_work(&mut self, now: Timestamp) -> Option<Term> {
        let lease = self.usable(now)?;
        self.working = self.working.saturating_add(1);
        Some(lease.term)
    }

    /// A piece of work that was counted has ended. Returns whether no other runs.
    pub(super) fn end_work(&mut self) -> bool {
        self.working = self.working.saturating_sub(1);
        self.working == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARGIN: Duration = Duration::from_millis(5);

    const fn at(millis: u64) -> Timestamp {
        Timestamp::ORIGIN.saturating_add(Duration::from_millis(millis))
    }

    fn lease(term: u64, until: u64) -> Option<Lease> {
        Some(Lease { term: Term(term), until: at(until) })
    }

    #[test]
    fn work_begins_and_goes_on_until_the_margin_before_the_end_of_the_lease() {
        let mut gate = LeaseGate::new(MARGIN);
        assert_eq!(gate.begin_work(at(0)), None, "there is no lease");
        assert!(gate.publish(lease(3, 100)));
        assert_eq!(gate.begin_work(at(94)), Some(Term(3)));
        assert_eq!(gate.end(), Some(at(95)));
        assert!(gate.holds(Term(3), at(94)) && !gate.holds(Term(3), at(95)));
        assert!(!gate.holds(Term(2), at(94)), "another term is another leadership");
        assert_eq!(gate.begin_work(at(95)), None);
        assert_eq!(gate.published(), lease(3, 100), "the lease itself lasts to its end");
    }

    #[test]
    fn a_lease_that_grows_is_news_and_the_same_one_is_none() {
        let mut gate = LeaseGate::new(MARGIN);
        assert!(!gate.publish(None));
        assert!(gate.publish(lease(1, 100)));
        assert!(!gate.publish(lease(1, 100)));
        assert!(gate.publish(lease(1, 200)));
        assert!(gate.publish(None));
    }

    #[cfg(feature = "tokio")]
    #[test]
    fn a_lease_expires_the_margin_before_its_end_and_once() {
        let mut gate = LeaseGate::new(MARGIN);
        assert!(!gate.expire(at(0)));
        gate.publish(lease(1, 100));
        assert!(!gate.expire(at(94)));
        assert!(gate.expire(at(95)) && !gate.expire(at(95)));
        assert_eq!((gate.end(), gate.latest_end()), (None, at(100)));
    }

    #[test]
    fn a_withdrawal_waits_for_work_but_not_beyond_the_latest_end_of_any_lease() {
        let mut gate = LeaseGate::new(MARGIN);
        gate.publish(lease(1, 300));
        gate.begin_work(at(0));
        gate.begin_work(at(0));
        gate.publish(lease(2, 200));
        gate.withdraw();
        assert_eq!(gate.usable(at(0)), None);
        assert!(!gate.is_idle(at(299)), "work of the first lease may still run");
        assert!(gate.is_idle(at(300)));
        assert!(!gate.end_work());
        assert!(!gate.is_idle(at(10)));
        assert!(gate.end_work());
        assert!(gate.is_idle(at(10)));
    }

    #[cfg(feature = "tokio")]
    #[test]
    fn work_that_finishes_may_run_to_the_end_of_a_lease_that_was_given_up_and_no_other_work_may() {
        let mut gate = LeaseGate::new(MARGIN);
        gate.publish(lease(3, 100));
        let ends = |gate: &LeaseGate| (gate.end_of_work(Term(3)), gate.end_of_last_work(Term(3)));
        assert_eq!(ends(&gate), (Some(at(95)), Some(at(95))));
        gate.withdraw();
        assert_eq!(ends(&gate), (None, Some(at(95))));
        gate.withdraw();
        assert_eq!(ends(&gate), (None, Some(at(95))), "there was no lease to withdraw");
        assert_eq!(gate.end_of_last_work(Term(2)), None, "no lease was its lease");
        gate.publish(lease(4, 200));
        assert_eq!(ends(&gate), (None, Some(at(95))));
        gate.publish(lease(5, 300));
        assert_eq!(ends(&gate), (None, None), "it has had its time");
        assert_eq!(gate.end_of_last_work(Term(4)), Some(at(195)), "leadership was renewed in another term");
        gate.publish(lease(5, 150));
        assert_eq!(gate.end_of_last_work(Term(4)), Some(at(145)), "the present lease is shorter");
        gate.publish(None);
        assert_eq!(gate.end_of_last_work(Term(5)), None, "a lease that has ended was not given up");
    }

    #[cfg(any(feature = "udp", feature = "seat"))]
    #[test]
    fn a_withdrawal_is_acknowledged_by_itself_and_by_every_later_one() {
        let mut gate = LeaseGate::new(MARGIN);
        let first = gate.withdraw();
        assert!(!gate.is_acknowledged(first));
        let second = gate.withdraw();
        assert!(gate.acknowledge(first));
        assert!(gate.is_acknowledged(first) && !gate.is_acknowledged(second));
        assert!(gate.acknowledge(second));
        assert!(!gate.acknowledge(first), "known before");
        assert!(gate.is_acknowledged(second));
    }
}
