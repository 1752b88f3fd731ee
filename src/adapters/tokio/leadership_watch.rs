//! The leadership as the rest of the program sees it, and what it may do by the lease. The
//! [gate](LeaseGate) decides, and here is the waiting.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::select;
use tokio::sync::watch;
use tokio::time::sleep;

use super::Stopped;
use crate::adapters::Advertised;
use crate::adapters::lease_gate::LeaseGate;
use crate::adapters::pulse::Pulse;
use crate::adapters::timer::Precision;
use crate::io::Lease;
use crate::types::{Leader, Term, Timestamp};

/// The shortest sleep. It becomes a millisecond of tokio's.
pub(super) const SHORTEST_NAP: Duration = Duration::from_micros(100);

/// The clock of a node. Clones are the same clock.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    pub(super) fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Clock(Arc::new(now))
    }

    /// A reading.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }

    /// Sleeps until the clock reads `due`, or for less.
    pub(super) async fn nap(&self, due: Timestamp) {
        let left = due.saturating_duration_since(self.now());
        sleep(Precision::TOKIO.leg(left).max(SHORTEST_NAP)).await;
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}

/// The leadership, as far as a node knows. A `watch::Receiver` of it is woken when another node leads or
/// none does, when this node's lease begins or ends, and when the node stops; not each time the
/// lease grows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Leadership<I> {
    /// The node that says so.
    pub me: I,
    /// The leader, and the term it leads.
    pub leader: Option<Leader<I>>,
    /// What the leader advertises, if this node knows that it does.
    pub advertised: Option<Advertised>,
    /// This node's lease, if it leads. It is taken away some margin before it ends.
    pub lease: Option<Lease>,
    /// How often `leader`, what it advertises, or whether there is a lease has changed so far. A reader that sees this grow by
    /// more than one has missed something.
    pub changes: u64,
    /// Why the node has stopped, if it has. Nothing follows.
    pub stopped: Option<Stopped>,
}

impl<I> Leadership<I> {
    /// Whether this node leads. Before each piece of work ask [`lease`](super::Handle::lease), which
    /// reads a fresh clock, or leave that to
    /// [`run_while_leader`](super::Handle::run_while_leader).
    #[must_use]
    pub fn is_mine(&self) -> bool {
        self.lease.is_some()
    }

    /// The term of the leader, if there is one.
    #[must_use]
    pub fn term(&self) -> Option<Term> {
        self.leader.as_ref().map(|leader| leader.term)
    }
}

/// What becomes of work whose lease is given up before its end, as in a handover.
#[derive(Clone, Copy, Debug)]
pub(super) enum Manner {
    /// It is dropped at once.
    Drop,
    /// It finishes what it has begun, and is dropped when the lease would have ended.
    Finish,
}

pub(super) struct LeadershipWatch<I> {
    pub(super) clock: Clock,
    pub(super) pulse: Pulse,
    gate: Mutex<LeaseGate>,
    leadership: watch::Sender<Leadership<I>>,
    /// Changes whenever a piece of guarded work ends.
    work_ended: watch::Sender<()>,
}

impl<I: Copy + Eq> LeadershipWatch<I> {
    pub(super) fn new(me: I, clock: Clock, margin: Duration) -> Self {
        let none = Leadership { me, leader: None, advertised: None, lease: None, changes: 0, stopped: None };
        let (leadership, work_ended) = (watch::Sender::new(none), watch::Sender::new(()));
        let pulse = Pulse::new(clock.now());
        LeadershipWatch { clock, pulse, gate: Mutex::new(LeaseGate::new(margin)), leadership, work_ended }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Leadership<I>> {
        let mut receiver = self.leadership.subscribe();
        // A program that waits for a change is told the present state at once.
        receiver.mark_changed();
        receiver
    }

    /// The end of the node, and why. Waiting for it does not keep the watch.
    pub(super) fn closed(&self) -> impl Future<Output = Stopped> + Send + use<I>
    where
        I: Send + Sync,
    {
        let mut leadership = self.subscribe();
        async move {
            loop {
                if let Some(reason) = &leadership.borrow_and_update().stopped {
                    return reason.clone();
                }
                if leadership.changed().await.is_err() {
                    return Stopped::Aborted;
                }
            }
        }
    }

    /// Why the node has stopped, if it has.
    #[cfg(feature = "probes")]
    pub(super) fn stopped(&self) -> Option<Stopped> {
        self.leadership.borrow().stopped.clone()
    }

    /// The lease, if the program may still act by it.
    pub(super) fn lease(&self) -> Option<Lease> {
        let now = self.now();
        self.gate().usable(now)
    }

    /// The lease, if the program may act by it for longer than this.
    pub(super) fn lease_with_notice(&self, notice: Duration) -> Option<Lease> {
        let then = self.now().saturating_add(notice);
        self.gate().usable(then)
    }

    /// When work of `term` has to be dropped; `None` if it has to be by now.
    pub(super) fn end_of_work(&self, term: Term, manner: Manner) -> Option<Timestamp> {
        let now = self.now();
        let end = match manner {
            Manner::Drop => self.gate().end_of_work(term),
            Manner::Finish => self.gate().end_of_last_work(term),
        };
        end.filter(|&end| now < end)
    }

    /// When the lease that is shown has to be taken away.
    pub(super) fn end(&self) -> Option<Timestamp> {
        self.gate().end()
    }

    /// Shows what is true after all outputs so far were acted on.
    pub(super) fn publish(
        &self,
        (leader, advertised): (Option<Leader<I>>, Option<Advertised>),
        lease: Option<Lease>,
    ) {
        // A lease that ended before it was renewed is taken away first: work by it was stopped.
        self.expire();
        let now = self.now();
        self.gate().publish(lease);
        self.gate().expire(now);
        self.show(leader, advertised);
    }

    /// Takes a lease away that has ended.
    pub(super) fn expire(&self) {
        let now = self.now();
        if self.gate().expire(now) {
            self.show_same_leader();
        }
    }

    fn show_same_leader(&self) {
        let Leadership { leader, advertised, .. } = *self.leadership.borrow();
        self.show(leader, advertised);
    }

    fn show(&self, leader: Option<Leader<I>>, advertised: Option<Advertised>) {
        let lease = self.gate().published();
        self.leadership.send_if_modified(|shown| {
            let leader = leader.filter(|leader| leader.id != shown.me || lease.is_some());
            let term = |lease: Lease| lease.term;
            let advertised = advertised.filter(|_| leader.is_some());
            let told = (leader, advertised, lease.map(term));
            let edge = (shown.leader, shown.advertised, shown.lease.map(term)) != told;
            (shown.leader, shown.advertised) = (leader, advertised);
            shown.lease = lease;
            shown.changes = shown.changes.saturating_add(edge.into());
            edge
        });
    }

    /// Takes the lease away, and returns when all guarded work is dropped; at the latest when the
    /// lease would have ended anyway, for work that is not polled cannot be dropped.
    pub(super) async fn withdraw(&self) {
        self.gate().withdraw();
        self.pulse.rest_until(self.gate().latest_end());
        self.show_same_leader();
        let mut work_ended = self.work_ended.subscribe();
        loop {
            let (now, latest_end) = (self.now(), self.gate().latest_end());
            if self.gate().is_idle(now) {
                return;
            }
            select! {
                biased;
                _ = work_ended.changed() => {}
                () = self.clock.nap(latest_end) => {}
            }
        }
    }

    /// The end of the node: there is no lease, and the reason is known.
    pub(super) fn stop(&self, reason: Stopped) {
        self.gate().withdraw();
        self.show(None, None);
        self.leadership.send_modify(|shown| shown.stopped = Some(reason));
    }

    /// Counts work as guarded until it is dropped, if there is a lease to do it by.
    pub(super) fn begin_work(&self) -> Option<Working<'_, I>> {
        let now = self.now();
        let term = self.gate().begin_work(now)?;
        Some(Working { watch: self, term })
    }
}

impl<I> LeadershipWatch<I> {
    /// Every change under this lock is whole, and no code of the program runs under it.
    fn gate(&self) -> MutexGuard<'_, LeaseGate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<I: fmt::Debug> fmt::Debug for LeadershipWatch<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeadershipWatch")
            .field("leadership", &*self.leadership.borrow())
            .finish_non_exhaustive()
    }
}

pub(super) struct Working<'a, I> {
    watch: &'a LeadershipWatch<I>,
    pub(super) term: Term,
}

impl<I> Drop for Working<'_, I> {
    fn drop(&mut self) {
        self.watch.gate().end_work();
        self.watch.work_ended.send_replace(());
    }
}
