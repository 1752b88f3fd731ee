//! What the host's thread does for the agent of a register.

use core::time::Duration;
use std::prelude::rust_2024::*;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Command;
#[cfg(feature = "register")]
use super::Notice;
use super::host_thread::{End, HostThread};
use super::node::lock;
use crate::adapters::attendant::{Attendant, Called};
use crate::types::{NodeId, Timestamp};

impl<I: NodeId + Serialize + DeserializeOwned> HostThread<I> {
    /// Does what is due about the register, and steps what its voter says.
    pub(super) fn attend_register(&mut self) -> Result<(), End> {
        if lock(&self.node).register.is_none() {
            return Ok(());
        }
        self.tick_register();
        loop {
            let input = lock(&self.node).take_from_register();
            let Some(input) = input else { break };
            self.advance(Some(input));
            self.act()?;
        }
        self.report_register();
        Ok(())
    }

    /// Does what is due about the register. What its voter says waits.
    pub(super) fn tick_register(&mut self) {
        let now = self.shared.clock.now();
        lock(&self.node).tick_register(now);
        self.report_register();
    }

    /// A call of the register has ended. The clock is read afterwards.
    pub(super) fn complete_call(&mut self, called: Called) {
        let now = self.shared.clock.now();
        if let Some(register) = &mut lock(&self.node).register {
            register.complete(called, now);
        }
    }

    /// Gives the calls that are under way the time to end, since the last one may give a promise back; but no longer than
    /// until `last`.
    pub(super) fn wait_for_register(&mut self, last: Timestamp) {
        while lock(&self.node).register.as_ref().is_some_and(Attendant::is_calling) {
            let left = last.saturating_duration_since(self.shared.clock.now());
            match self.commands.recv_timeout(left) {
                Ok(Command::Called(called)) => self.complete_call(called),
                Ok(Command::Written(written)) => {
                    let _too_late_to_matter = self.finish_write(written);
                }
                Ok(_) => {}
                Err(_) => return,
            }
            if left == Duration::ZERO {
                return;
            }
        }
    }

    #[cfg(feature = "register")]
    fn report_register(&mut self) {
        let events = lock(&self.node).register.as_mut().map(Attendant::take_events);
        for event in events.into_iter().flatten() {
            self.shared.events.push(Notice::Register(event));
        }
    }

    #[cfg(not(feature = "register"))]
    fn report_register(&mut self) {}

    /// Has the register hold that the data of the node reach so far, which the election is told first. Returns whether
    /// there is a register.
    #[cfg(feature = "register")]
    pub(super) fn record_position(&mut self, position: crate::types::Position) -> bool {
        if lock(&self.node).register.is_none() {
            return false;
        }
        let _never_rejected = self.advance_by_command(crate::io::Input::SetPosition(position), &[]);
        let (node, now) = (&mut *lock(&self.node), self.shared.clock.now());
        if let Some(register) = &mut node.register {
            register.record_position(&node.election, position, now);
        }
        true
    }
}
