//! What the node's task does while a state is written: all that need not wait for it.

use std::io;
use std::sync::Arc;

use tokio::select;
use tokio::time::sleep;

use super::task::Task;
use super::{Stopped, Transport};
use crate::adapters::actions::Wait;
use crate::adapters::attendant::Attendant;
use crate::adapters::disk::Written;
use crate::adapters::upkeep::DiskFailure;
use crate::hard_state::HardState;
use crate::io::Input;
use crate::types::{NodeId, Timestamp};

#[cfg(feature = "endpoint")]
async fn recv_status_request<I>(transport: &mut impl Transport<I>) -> io::Result<()> {
    transport.recv_status_request().await
}

#[cfg(not(feature = "endpoint"))]
async fn recv_status_request<T>(_: &mut T) -> io::Result<()> {
    core::future::pending().await
}

impl<I, T> Task<I, T>
where
    I: NodeId + Send + Sync + 'static,
    T: Transport<I>,
{
    /// Returns when `state` is durable. Until then no message is sent or received, but commands of the program are
    /// stepped and answered; what follows from them is acted on afterwards, in order. Operators who ask for the status are
    /// answered too, since a disk that hangs is when they look. A lease that ends meanwhile is taken away in time.
    pub(super) async fn persist(&mut self, state: HardState<I>) -> Result<(), Stopped> {
        self.record(Wait::Writing);
        self.upkeep.persist(state, self.watch.now());
        self.answer();
        while self.upkeep.is_writing() {
            self.wait_for_disk().await?;
        }
        self.record(Wait::Durable);
        Ok(())
    }

    /// Waits until the disk answers or anything else is due, and does what is.
    async fn wait_for_disk(&mut self) -> Result<(), Stopped> {
        self.watch.pulse.beat(self.watch.now());
        let last = [self.ending, self.departure.as_ref().map(|departure| departure.end())];
        let last = last.into_iter().flatten().min();
        if last.is_some_and(|last| last <= self.watch.now()) {
            return Err(Stopped::Shutdown);
        }
        let register = self.register.as_ref().map(Attendant::deadline);
        let due = [last, self.watch.end(), self.upkeep.deadline(self.leads()), register];
        let leg = self.leg_to(due.into_iter().flatten().min());
        select! {
            biased;
            written = self.written.recv() => self.finish_write(written)?,
            Some(called) = self.called.recv(), if self.register.is_some() => self.complete_call(called),
            // The last handle may be gone already, if the node stops.
            command = self.commands.recv(), if self.ending.is_none() => self.obey_at_once(command)?,
            asked = recv_status_request(&mut self.transport) => {
                asked.map_err(|error| Stopped::Transport(Arc::new(error)))?;
                #[cfg(feature = "endpoint")]
                self.answer_status();
            }
            () = sleep(leg) => {}
        }
        self.watch.expire();
        self.tick_register();
        self.report_write();
        self.advance_health().map(drop)
    }

    /// Gives a write that is under way the time to end, so that the storage is dropped before the end of the node becomes
    /// known; but no longer than until `last`.
    pub(super) async fn wait_for_idle_disk(&mut self, last: Timestamp) {
        while self.upkeep.is_disk_busy() && self.watch.now() < last {
            select! {
                biased;
                // A state may have waited for that write: then its own write begins now.
                written = self.written.recv() => {
                    let _too_late_to_matter = self.finish_write(written);
                }
                () = self.watch.clock.nap(last) => {}
            }
        }
    }

    pub(super) fn finish_write(&mut self, written: Option<Written>) -> Result<(), Stopped> {
        let finished = self.upkeep.finish(written.unwrap_or(Written::Panicked), self.watch.now());
        finished.map_err(|failure| match failure {
            DiskFailure::Final(error) => Stopped::Storage(Arc::from(error.into_source())),
            DiskFailure::Panicked => Stopped::Panicked,
        })
    }

    /// Looks after the health of the node, and steps what follows from it. Returns whether anything was stepped.
    pub(super) fn advance_health(&mut self) -> Result<bool, Stopped> {
        let Some(priority) = self.upkeep.poll(self.leads(), self.watch.now()) else { return Ok(false) };
        self.tick()?;
        self.actions.step(&mut self.election, Input::SetPriority(priority));
        Ok(true)
    }
}
