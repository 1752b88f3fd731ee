//! Work that runs only while its node leads.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use tokio::select;

use super::leadership_watch::{LeadershipWatch, Working};
use super::{Handle, Stopped};
use crate::types::{NodeId, Term};

impl<I: NodeId> Handle<I> {
    /// Runs `work` while this node leads, and returns its output.
    ///
    /// The future that `work` makes is polled under the lease of the term it is given, and dropped
    /// before another node can hold one: the [margin](super::Options::margin) before the lease ends,
    /// or at once when leadership is handed over. It is made again when this node leads again, in
    /// another term, or when a lease that was nearly over is renewed after all, then in the same term;
    /// until one of them completes.
    ///
    /// Dropping stops a future where it awaits. What it has asked of a disk, a database or another
    /// task goes on: let that carry the term, and be refused where a later one was seen
    /// ([`guide::fencing`](crate::guide::fencing)). A poll that blocks cannot be cut short: the node
    /// waits for it before it lets another lead, but not beyond the end of the lease.
    ///
    /// # Errors
    /// [`Stopped`] when the node has.
    pub async fn run_while_leader<W, F>(&self, mut work: W) -> Result<F::Output, Stopped>
    where
        W: FnMut(Term) -> F,
        F: Future,
    {
        loop {
            let working = self.watch.begin_work_under_lease().await?;
            if let Some(output) = self.watch.run_under(working.term, &mut work).await {
                return Ok(output);
            }
        }
    }
}

impl<I: Copy + Eq> LeadershipWatch<I> {
    async fn begin_work_under_lease(&self) -> Result<Working<'_, I>, Stopped> {
        let mut leadership = self.subscribe();
        loop {
            if let Some(reason) = &leadership.borrow_and_update().stopped {
                return Err(reason.clone());
            }
            if let Some(working) = self.begin_work() {
                return Ok(working);
            }
            let _never_closed = leadership.changed().await;
        }
    }

    /// Each poll begins under the lease; `None` if the lease ends first.
    async fn run_under<W, F>(&self, term: Term, work: &mut W) -> Option<F::Output>
    where
        W: FnMut(Term) -> F,
        F: Future,
    {
        if !self.holds(term) {
            return None;
        }
        let mut work = pin!(work(term));
        let mut ended = pin!(self.ended(term));
        let guarded = poll_fn(|context| {
            if ended.as_mut().poll(context).is_ready() || !self.holds(term) {
                return Poll::Ready(None);
            }
            work.as_mut().poll(context).map(Some)
        });
        guarded.await
    }

    async fn ended(&self, term: Term) {
        let mut leadership = self.subscribe();
        while self.holds(term)
            && let Some(end) = self.end()
        {
            select! {
                _ = leadership.changed() => {}
                () = self.clock.nap(end) => {}
            }
        }
    }
}
