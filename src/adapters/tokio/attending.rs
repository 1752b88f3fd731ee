//! What the node's task does for the agent of a register.

use tokio::select;

use super::task::Task;
use super::{Stopped, Transport};
use crate::adapters::attendant::{Attendant, Called};
use crate::io::Input;
use crate::message::Message;
use crate::types::{NodeId, Timestamp};

impl<I, T> Task<I, T>
where
    I: NodeId + Send + Sync + 'static,
    T: Transport<I>,
{
    /// The voter in a register, if there is one.
    pub(super) fn register_voter(&self) -> Option<I> {
        self.register.as_ref().map(Attendant::voter)
    }

    /// Sends `message`: to the agent, if it is for the voter of the register.
    pub(super) fn send(&mut self, to: I, message: Message<I>) {
        match &mut self.register {
            Some(register) if register.voter() == to => {
                register.ask(&self.election, message, self.watch.now());
            }
            Some(_) | None => self.transport.send(to, &message),
        }
    }

    /// Does what is due about the register, and steps what its voter says.
    pub(super) async fn attend_register(&mut self) -> Result<(), Stopped> {
        self.tick_register();
        while let Some(register) = &mut self.register
            && let Some(message) = register.take_message()
        {
            let from = register.voter();
            self.tick()?;
            self.actions.step(&mut self.election, Input::Receive { from, message });
            self.act().await?;
        }
        self.report_register();
        Ok(())
    }

    /// Does what is due about the register. What its voter says waits.
    pub(super) fn tick_register(&mut self) {
        if let Some(register) = &mut self.register {
            register.tick(&self.election, self.watch.now());
        }
        self.report_register();
    }

    /// A call of the register has ended. The clock is read afterwards.
    pub(super) fn complete_call(&mut self, called: Called) {
        if let Some(register) = &mut self.register {
            register.complete(called, self.watch.now());
        }
    }

    /// Gives the calls that are under way the time to end, since the last one may give a promise back; but no longer than
    /// until `last`.
    pub(super) async fn wait_for_register(&mut self, last: Timestamp) {
        while self.register.as_ref().is_some_and(Attendant::is_calling) && self.watch.now() < last {
            select! {
                biased;
                Some(called) = self.called.recv() => self.complete_call(called),
                () = self.watch.clock.nap(last) => {}
            }
        }
    }

    #[cfg(feature = "register")]
    fn report_register(&mut self) {
        let events = self.register.as_mut().map(Attendant::take_events);
        for event in events.into_iter().flatten() {
            let _no_subscriber = self.register_events.send(event);
        }
    }

    #[cfg(not(feature = "register"))]
    fn report_register(&mut self) {}

    /// Has the register hold that the data of the node reach so far, which the election is told first. Returns whether
    /// there is a register.
    #[cfg(feature = "register")]
    pub(super) fn record_position(&mut self, position: crate::types::Position) -> Result<bool, Stopped> {
        if self.register.is_none() {
            return Ok(false);
        }
        let _never_rejected = self.advance_by_command(Input::SetPosition(position))?;
        let now = self.watch.now();
        if let Some(register) = &mut self.register {
            register.record_position(&self.election, position, now);
        }
        Ok(true)
    }
}
