//! What the host's thread does while a state is written: all that need not wait for it.

use std::sync::mpsc::RecvTimeoutError;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::host_thread::{End, HostThread};
use super::{Command, HostFailure, Notice};
use crate::adapters::disk::Written;
use crate::adapters::upkeep::DiskFailure;
use crate::hard_state::HardState;
use crate::io::Input;
use crate::types::{NodeId, Timestamp};

impl<I: NodeId + Serialize + DeserializeOwned> HostThread<I> {
    /// Returns when `state` is durable. Until then nothing is sent and no message is received, but commands are
    /// stepped and answered; what follows from them is acted on afterwards, in order.
    pub(super) fn persist(&mut self, state: HardState<I>) -> Result<(), End> {
        self.upkeep.persist(state, self.shared.clock.now());
        self.answer();
        self.show_write();
        while self.upkeep.is_writing() {
            self.wait_for_disk()?;
        }
        self.show_write();
        Ok(())
    }

    /// Waits until the disk answers or anything else is due, and does what is.
    fn wait_for_disk(&mut self) -> Result<(), End> {
        let now = self.shared.clock.now();
        let last = [self.ending, self.departure.as_ref().map(|departure| departure.end())];
        let last = last.into_iter().flatten().min();
        if last.is_some_and(|last| last <= now) {
            return Err(End::Told);
        }
        let due = last.map_or(self.upkeep.deadline(), |last| last.min(self.upkeep.deadline()));
        match self.commands.recv_timeout(due.saturating_duration_since(now)) {
            Ok(command) => self.obey_at_once(command)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(End::Told),
        }
        self.advance_health();
        self.report_write();
        Ok(())
    }

    /// Tells of a state that waits for the disk, and of its end.
    fn report_write(&mut self) {
        while let Some(event) = self.upkeep.poll_event(self.shared.clock.now()) {
            self.shared.events.push(Notice::Event(event));
        }
    }

    /// Gives a write that is under way the time to end, so that the store is dropped before the end of the host becomes
    /// known; but no longer than until `last`.
    pub(super) fn wait_for_idle_disk(&mut self, last: Timestamp) {
        while self.upkeep.is_disk_busy() {
            let left = last.saturating_duration_since(self.shared.clock.now());
            match self.commands.recv_timeout(left) {
                // A state may have waited for that write: then its own write begins now.
                Ok(Command::Written(written)) => {
                    let _too_late_to_matter = self.finish_write(written);
                }
                // The host stops, and says so.
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }

    pub(super) fn finish_write(&mut self, written: Written) -> Result<(), End> {
        let finished = self.upkeep.finish(written, self.shared.clock.now());
        finished.map_err(|failure| match failure {
            DiskFailure::Final(error) => HostFailure::Persist(error.into_source().into()),
            DiskFailure::Panicked => HostFailure::Panicked,
        })?;
        self.show_write();
        Ok(())
    }

    /// Looks after the health of the node, and steps what follows from it. Returns whether anything was stepped.
    pub(super) fn advance_health(&mut self) -> bool {
        let leads = self.election.leader().is_some_and(|leader| leader.id == self.election.id());
        let priority = self.upkeep.poll(leads, self.shared.clock.now());
        if let Some(priority) = priority {
            self.advance(Some(Input::SetPriority(priority)));
        }
        priority.is_some()
    }

    fn show_write(&self) {
        let write = self.upkeep.pending_write().cloned();
        let refused = self.upkeep.refused_writes();
        self.shared.update(|view| {
            view.pending_write = write;
            view.election.refused_writes = refused;
        });
    }
}
