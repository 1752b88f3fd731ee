//! What the host's thread does with the requests of operators.

use std::prelude::rust_2024::*;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::host_thread::{End, HostThread};
use super::node::lock;
use crate::adapters::endpoint::operator::{Command, Request};
use crate::adapters::wall_clock::wall_clock;
use crate::types::NodeId;

impl<I: NodeId + Serialize + DeserializeOwned> HostThread<I> {
    /// Answers the request of an operator that came with the last datagram, if one did.
    pub(super) fn answer_operator(&mut self) -> Result<(), End> {
        let request = lock(&self.node).endpoint.poll_request();
        match request {
            None => Ok(()),
            Some(Request::Status) => {
                self.answer_status();
                Ok(())
            }
            Some(Request::Command(command)) => {
                let outcome = self.advance_by_operator(&command);
                lock(&self.node).endpoint.answer_command(outcome, &mut self.transmits);
                self.flush();
                self.act()
            }
        }
    }

    /// Answers the request for the status that was taken last.
    pub(super) fn answer_status(&mut self) {
        let status = self.shared.status();
        lock(&self.node).endpoint.answer_status(status, wall_clock(), &mut self.transmits);
        self.flush();
    }

    /// Steps a command. Returns why it cannot be carried out, if it cannot.
    fn advance_by_operator(&mut self, command: &Command<I>) -> Result<(), String> {
        self.advance(None);
        let status = lock(&self.node).election.status();
        let input = command.input(&status).map_err(|error| error.to_string())?;
        let rejection = self.advance_by_command(input, &[]);
        rejection.map_or(Ok(()), |rejection| Err(rejection.to_string()))
    }
}
