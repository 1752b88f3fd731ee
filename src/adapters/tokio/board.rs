//! Who leads, as others see it, and what they may do by it. For everybody but the election itself a
//! lease ends a margin early.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::select;
use tokio::sync::watch;
use tokio::time::sleep;

use super::Stopped;
use crate::io::Lease;
use crate::types::{Leader, Term};

/// The longest and the shortest sleep. The timers of tokio stand still while the machine is
/// suspended, the clock does not; and they know no less than a millisecond.
const LONGEST_NAP: Duration = Duration::from_millis(50);
const SHORTEST_NAP: Duration = Duration::from_micros(100);

pub(super) type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// Who leads, as far as a node knows. A `watch::Receiver` of it is woken when another node leads or
/// nobody does, when this node's lease begins or ends, and when the node stops; not each time the
/// lease grows.
///
/// Non-exhaustive: a later version may show more. Only nodes make one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Leadership<I> {
    /// The node that says so.
    pub me: I,
    /// The leader that the node knows of.
    pub leader: Option<Leader<I>>,
    /// This node's lease, if it leads. It is taken away some margin before it ends.
    pub lease: Option<Lease>,
    /// How often `leader`, or whether there is a lease, has changed so far. Who sees this grow by
    /// more than one has slept through something.
    pub changes: u64,
    /// Why the node has stopped, if it has. Nothing follows.
    pub stopped: Option<Stopped>,
    /// The latest end of any lease that was shown.
    until: Duration,
}

impl<I> Leadership<I> {
    /// Whether this node leads. Before each piece of work ask [`lease`](super::Handle::lease), which
    /// reads a fresh clock, or leave that to
    /// [`run_while_leader`](super::Handle::run_while_leader).
    #[must_use]
    pub fn is_mine(&self) -> bool {
        self.lease.is_some()
    }

    /// The term in which somebody leads.
    #[must_use]
    pub fn term(&self) -> Option<Term> {
        self.leader.as_ref().map(|leader| leader.term)
    }
}

pub(super) struct Board<I> {
    clock: Clock,
    margin: Duration,
    leadership: watch::Sender<Leadership<I>>,
    /// How much guarded work is not dropped yet.
    working: watch::Sender<usize>,
}

impl<I: Copy + Eq> Board<I> {
    pub(super) fn new(me: I, clock: Clock, margin: Duration) -> Self {
        let (leader, lease, stopped) = (None, None, None);
        let none = Leadership { me, leader, lease, changes: 0, stopped, until: Duration::ZERO };
        let (leadership, working) = (watch::Sender::new(none), watch::Sender::new(0));
        Board { clock, margin, leadership, working }
    }

    pub(super) fn now(&self) -> Duration {
        (self.clock)()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Leadership<I>> {
        let mut receiver = self.leadership.subscribe();
        // Whoever waits for a change hears at once how things stand.
        receiver.mark_changed();
        receiver
    }

    /// The lease, if its holder may still act by it.
    pub(super) fn lease(&self) -> Option<Lease> {
        let lease = self.leadership.borrow().lease;
        lease.filter(|lease| self.now() < self.end_of(lease))
    }

    pub(super) fn holds(&self, term: Term) -> bool {
        self.lease().is_some_and(|lease| lease.term == term)
    }

    /// When the lease that is shown has to be taken away.
    pub(super) fn end(&self) -> Option<Duration> {
        self.leadership.borrow().lease.map(|lease| self.end_of(&lease))
    }

    fn end_of(&self, lease: &Lease) -> Duration {
        lease.until.saturating_sub(self.margin)
    }

    /// Shows what is true after all outputs so far were acted on.
    pub(super) fn publish(&self, leader: Option<Leader<I>>, lease: Option<Lease>) {
        self.expire();
        let now = self.now();
        self.show(leader, lease.filter(|lease| now < self.end_of(lease)));
    }

    /// Takes a lease away that has ended.
    pub(super) fn expire(&self) {
        if self.end().is_some_and(|end| end <= self.now()) {
            self.dethrone();
        }
    }

    fn dethrone(&self) {
        let Leadership { leader, .. } = *self.leadership.borrow();
        self.show(leader, None);
    }

    fn show(&self, leader: Option<Leader<I>>, lease: Option<Lease>) {
        self.leadership.send_if_modified(|shown| {
            let leader = leader.filter(|leader| leader.id != shown.me || lease.is_some());
            let term = |lease: Lease| lease.term;
            let edge = shown.leader != leader || shown.lease.map(term) != lease.map(term);
            shown.leader = leader;
            shown.lease = lease;
            shown.until = lease.map_or(shown.until, |lease| lease.until.max(shown.until));
            shown.changes = shown.changes.saturating_add(edge.into());
            edge
        });
    }

    /// Takes the lease away, and returns when all guarded work is dropped; at the latest when the
    /// lease would have ended anyway, for work that nobody polls cannot be dropped.
    pub(super) async fn withdraw(&self) {
        self.dethrone();
        let until = self.leadership.borrow().until;
        let mut working = self.working.subscribe();
        while self.now() < until {
            select! {
                biased;
                _ = working.wait_for(|&working| working == 0) => return,
                () = self.nap(until) => {}
            }
        }
    }

    /// The end of the node: no lease, and the reason known.
    pub(super) fn stop(&self, reason: Stopped) {
        self.show(None, None);
        self.leadership.send_modify(|shown| shown.stopped = Some(reason));
    }

    /// Counts work as guarded until it is dropped.
    pub(super) fn begin(&self) -> Working<'_> {
        self.working.send_modify(|working| *working = working.saturating_add(1));
        Working(&self.working)
    }

    /// Sleeps until the clock reads `due`, or for less.
    pub(super) async fn nap(&self, due: Duration) {
        let left = due.saturating_sub(self.now());
        sleep(left.clamp(SHORTEST_NAP, LONGEST_NAP)).await;
    }
}

impl<I: fmt::Debug> fmt::Debug for Board<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").field("leadership", &*self.leadership.borrow()).finish_non_exhaustive()
    }
}

pub(super) struct Working<'a>(&'a watch::Sender<usize>);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|working| *working = working.saturating_sub(1));
    }
}
