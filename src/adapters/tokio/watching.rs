//! What the node's task shows of its node, and finds out about it.

use super::task::Task;
use super::{ElectionCounters, NodeView, Transport};
use crate::adapters::diagnostics::Findings;
use crate::event::Event;
use crate::status::Status;
use crate::types::NodeId;

impl<I, T> Task<I, T>
where
    I: NodeId + Send + Sync + 'static,
    T: Transport<I>,
{
    /// Shows the node to all that depends on it, before its outputs are acted on.
    pub(super) fn show_node(&mut self) {
        let view = NodeView::of(&self.election).with_register_voter(self.register_voter());
        self.transport.observe(&view);
        if let Some(diagnostics) = &mut self.diagnostics {
            diagnostics.observe(&view.health, view.leader.map(|leader| leader.id));
        }
    }

    /// A message came. A transport is certain of its sender.
    pub(super) fn record_contact(&mut self) {
        if let Some(diagnostics) = &mut self.diagnostics {
            diagnostics.record_contact(true, self.watch.now());
        }
    }

    /// Finds out what is wrong, if that is due.
    pub(super) fn review(&mut self) {
        let now = self.watch.now();
        if let Some(diagnostics) = self.diagnostics.as_mut().filter(|diagnostics| diagnostics.is_due(now)) {
            diagnostics.review(Findings::default(), now);
        }
    }

    /// The next event that the election does not know of.
    pub(super) fn poll_event(&mut self) -> Option<Event<I>> {
        if let Some(event) = self.transport.poll_event() {
            return Some(event);
        }
        if let Some(event) = self.diagnostics.as_mut().and_then(|diagnostics| diagnostics.poll_event()) {
            return Some(event);
        }
        self.upkeep.poll_event(self.watch.now())
    }

    /// Tells of a state that waits for the disk, and of its end.
    pub(super) fn report_write(&mut self) {
        while let Some(event) = self.upkeep.poll_event(self.watch.now()) {
            let _no_subscriber = self.events.send(event);
        }
    }

    pub(super) fn count_elections(&self) -> ElectionCounters {
        let mut counters = self.actions.counters().clone();
        self.upkeep.count_writes(&mut counters);
        counters
    }

    pub(super) fn status(&self) -> Status<I> {
        let (mut status, now) = (self.election.status(), self.watch.now());
        let own = || self.diagnostics.as_ref().and_then(|diagnostics| diagnostics.current(now));
        status.diagnosis = self.transport.diagnosis().or_else(own);
        if let Some(register) = &self.register {
            register.show(&mut status);
        }
        if let Some(write) = self.upkeep.write_view() {
            write.show(&mut status, now);
        }
        status
    }
}
