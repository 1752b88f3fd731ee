//! Work that runs only while its node leads.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use tokio::select;

use super::board::Board;
use super::{Handle, Stopped};
use crate::io::Lease;
use crate::types::{NodeId, Term};

impl<I: NodeId> Handle<I> {
    /// Runs `work` while this node leads, and gives back what comes of it.
    ///
    /// The future that `work` makes is polled under the lease of the term it is given, and dropped
    /// before anybody else can hold one: the [margin](super::Options::margin) before the lease ends,
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
            let lease = self.board.next_lease().await?;
            let _counted_until_dropped = self.board.begin();
            if let Some(output) = self.board.run_under(lease.term, &mut work).await {
                return Ok(output);
            }
        }
    }
}

impl<I: Copy + Eq> Board<I> {
    async fn next_lease(&self) -> Result<Lease, Stopped> {
        let mut leadership = self.subscribe();
        loop {
            if let Some(reason) = &leadership.borrow_and_update().stopped {
                return Err(reason.clone());
            }
            if let Some(lease) = self.lease() {
                return Ok(lease);
            }
            let _never_closed = leadership.changed().await;
        }
    }

    /// Each poll begins under the lease; `None` if that ends first.
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
                () = self.nap(end) => {}
            }
        }
    }
}
