//! Work that runs only while its node leads.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::select;

use super::leadership_watch::{LeadershipWatch, Manner, Working};
use super::stop_token::StopToken;
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
    pub async fn run_while_leader<W, F>(&self, work: W) -> Result<F::Output, Stopped>
    where
        W: FnMut(Term) -> F,
        F: Future,
    {
        self.watch.run_while_leader(work).await
    }

    /// As [`run_while_leader`](Self::run_while_leader), for work that is done item by item: `work` is told to stop soon, by its
    /// [`StopToken`], and can finish the item that it has begun.
    ///
    /// - **A lease that is not renewed:** the token is set `notice` before the future is dropped, which
    ///   happens the [margin](super::Options::margin) before the lease ends. So `notice` is the time that an item takes.
    ///   It has to be well below a promise, less the margin and a heartbeat interval: work begins only while more than `notice` is left.
    /// - **Leadership that is handed over**, by [`resign`](Self::resign), [`shutdown`](Self::shutdown), a lower
    ///   priority or an operator: the token is set at once, and no other node leads before the future has completed or
    ///   was dropped, the margin before the end of the lease at the latest. Meanwhile [`lease`](Self::lease)
    ///   gives none, and the lease is not renewed.
    /// - **A renewal of leadership in another term:** likewise.
    ///
    /// A future that was told to stop completes with `None`, and is made again when the node leads again, or goes on leading.
    /// `Some` is the output. Whatever the work does with the token, it is dropped when its lease ends; and it needs a
    /// fence, as all work does: [`guide::fencing`](crate::guide::fencing).
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use quorate::adapters::tokio::{Handle, Stopped};
    /// # async fn take_one() -> u32 { 1 }
    /// # async fn carry_out(_job: u32, _term: quorate::Term) {}
    /// # async fn example(node: Handle<u64>) -> Result<(), Stopped> {
    /// let jobs = async |term, stop: quorate::adapters::tokio::StopToken<u64>| {
    ///     while !stop.is_requested() {
    ///         tokio::select! {
    ///             job = take_one() => carry_out(job, term).await, // never cut short if it takes 20 ms
    ///             () = stop.requested() => {}
    ///         }
    ///     }
    ///     None
    /// };
    /// let Err::<(), _>(stopped) = node.run_while_leader_gracefully(Duration::from_millis(20), jobs).await else {
    ///     return Ok(());
    /// };
    /// # Err(stopped)
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Stopped`] when the node has.
    pub async fn run_while_leader_gracefully<W, F, T>(&self, notice: Duration, work: W) -> Result<T, Stopped>
    where
        W: FnMut(Term, StopToken<I>) -> F,
        F: Future<Output = Option<T>>,
    {
        LeadershipWatch::run_while_leader_gracefully(&self.watch, notice, work).await
    }
}

impl<I: Copy + Eq> LeadershipWatch<I> {
    /// As [`Handle::run_while_leader`].
    pub(super) async fn run_while_leader<W, F>(&self, mut work: W) -> Result<F::Output, Stopped>
    where
        W: FnMut(Term) -> F,
        F: Future,
    {
        loop {
            let working = self.begin_work_under_lease(Duration::ZERO).await?;
            if let Some(output) = self.run_under(working.term, Manner::Drop, &mut work).await {
                return Ok(output);
            }
        }
    }

    /// As [`Handle::run_while_leader_gracefully`].
    pub(super) async fn run_while_leader_gracefully<W, F, T>(
        watch: &Arc<Self>,
        notice: Duration,
        mut work: W,
    ) -> Result<T, Stopped>
    where
        W: FnMut(Term, StopToken<I>) -> F,
        F: Future<Output = Option<T>>,
    {
        loop {
            let working = watch.begin_work_under_lease(notice).await?;
            let mut work = |term| work(term, StopToken::new(Arc::clone(watch), term, notice));
            if let Some(Some(output)) = watch.run_under(working.term, Manner::Finish, &mut work).await {
                return Ok(output);
            }
        }
    }

    /// Waits for a lease of which more than `notice` is left.
    async fn begin_work_under_lease(&self, notice: Duration) -> Result<Working<'_, I>, Stopped> {
        let mut leadership = self.subscribe();
        loop {
            if let Some(reason) = &leadership.borrow_and_update().stopped {
                return Err(reason.clone());
            }
            let (now, end) = (self.now(), self.end());
            // A lease that grows is no change of leadership, and one that is over is one soon.
            let end = end.filter(|&end| now < end);
            if end.is_some_and(|end| now.saturating_add(notice) < end)
                && let Some(working) = self.begin_work()
            {
                return Ok(working);
            }
            select! {
                _never_closed = leadership.changed() => {}
                () = self.clock.nap(end.unwrap_or_default()), if end.is_some() => {}
            }
        }
    }

    /// Each poll begins under the lease; `None` if the lease ends first.
    async fn run_under<W, F>(&self, term: Term, manner: Manner, work: &mut W) -> Option<F::Output>
    where
        W: FnMut(Term) -> F,
        F: Future,
    {
        self.end_of_work(term, manner)?;
        let mut work = pin!(work(term));
        let mut ended = pin!(self.ended(term, manner));
        let guarded = poll_fn(|context| {
            if ended.as_mut().poll(context).is_ready() || self.end_of_work(term, manner).is_none() {
                return Poll::Ready(None);
            }
            work.as_mut().poll(context).map(Some)
        });
        guarded.await
    }

    async fn ended(&self, term: Term, manner: Manner) {
        let mut leadership = self.subscribe();
        while let Some(end) = self.end_of_work(term, manner) {
            select! {
                _ = leadership.changed() => {}
                () = self.clock.nap(end) => {}
            }
        }
    }
}
