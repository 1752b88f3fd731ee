//! What the host's thread does while a state is written: all that need not wait for it.

use core::time::Duration;
use std::sync::mpsc::TryRecvError;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::host_thread::{End, HostThread};
use super::node::lock;
use super::waker::own_address;
use super::{Command, HostFailure, Notice};
use crate::adapters::actions::Wait;
use crate::adapters::disk::Written;
use crate::adapters::upkeep::DiskFailure;
use crate::hard_state::HardState;
use crate::io::Input;
use crate::types::{NodeId, Timestamp};

/// How long a host whose state is written waits at most until it looks whether the disk has answered. The disk wakes it;
/// this is for a wake-up that got lost.
const LONGEST_GLANCE: Duration = Duration::from_millis(20);

impl<I: NodeId + Serialize + DeserializeOwned> HostThread<I> {
    /// Returns when `state` is durable. Until then no message is sent or handled, but commands of the program are stepped and
    /// answered; what follows from them is acted on afterwards, in order. Operators who ask for the status are answered
    /// too, since a disk that hangs is when they look. All other datagrams wait.
    pub(super) fn persist(&mut self, state: HardState<I>) -> Result<(), End> {
        self.record(Wait::Writing);
        self.upkeep.persist(state, self.shared.clock.now());
        self.answer();
        self.show_write();
        while self.upkeep.is_writing() {
            self.wait_for_disk()?;
        }
        self.record(Wait::Durable);
        self.show_write();
        Ok(())
    }

    /// Waits until the disk answers or anything else is due, and does what is.
    fn wait_for_disk(&mut self) -> Result<(), End> {
        let now = self.shared.clock.now();
        self.shared.pulse.beat(now);
        let last = [self.ending, self.departure.as_ref().map(|departure| departure.end())];
        let last = last.into_iter().flatten().min();
        if last.is_some_and(|last| last <= now) {
            return Err(End::Told);
        }
        let latest = now.saturating_add(LONGEST_GLANCE);
        let register = lock(&self.node).register.as_ref().map(|register| register.deadline());
        let due = [last, register, self.upkeep.deadline(self.leads())];
        let due = due.into_iter().flatten().fold(latest, Ord::min);
        match self.commands.try_recv() {
            Ok(command) => self.obey_at_once(command)?,
            Err(TryRecvError::Empty) => self.receive_while_writing(due)?,
            Err(TryRecvError::Disconnected) => return Err(End::Told),
        }
        self.tick_register();
        self.advance_health();
        self.report_write();
        Ok(())
    }

    /// Waits for a datagram until `due`, and answers it if it is a request for the status.
    fn receive_while_writing(&mut self, due: Timestamp) -> Result<(), End> {
        match self.receive_until(due) {
            Ok(None) => {}
            Ok(Some((0, source))) if source == own_address(self.local) => {}
            Ok(Some((length, source))) => {
                let bytes = self.buffer.get(..length).unwrap_or_default();
                if lock(&self.node).endpoint.take_status_request(bytes, source, self.shared.clock.now()) {
                    self.answer_status();
                } else if !self.backlog.push(bytes, source) {
                    lock(&self.node).endpoint.count_overflow();
                }
            }
            Err(error) => self.fail_to_receive(error)?,
        }
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
        let priority = self.upkeep.poll(self.leads(), self.shared.clock.now());
        if let Some(priority) = priority {
            self.advance(Some(Input::SetPriority(priority)));
        }
        priority.is_some()
    }

    fn show_write(&self) {
        let write = self.upkeep.write_view();
        let mut view = self.shared.view();
        view.pending_write = write;
        self.upkeep.count_writes(&mut view.writes);
    }
}
