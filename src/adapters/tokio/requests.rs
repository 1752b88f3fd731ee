//! What the node's task does with the requests of operators.

use std::prelude::rust_2024::*;

use super::task::Task;
use super::{Stopped, Transport};
use crate::adapters::endpoint::operator::{Command, Request};
use crate::adapters::wall_clock::wall_clock;
use crate::types::NodeId;

impl<I, T> Task<I, T>
where
    I: NodeId + Send + Sync + 'static,
    T: Transport<I>,
{
    /// Answers the request of an operator that the transport has, if it has one.
    pub(super) async fn answer_operator(&mut self) -> Result<(), Stopped> {
        match self.transport.poll_request() {
            None => Ok(()),
            Some(Request::Status) => {
                self.answer_status();
                Ok(())
            }
            Some(Request::Command(command)) => {
                let outcome = self.advance_by_operator(&command)?;
                self.show_node();
                self.transport.answer_command(outcome);
                self.act().await
            }
        }
    }

    /// Answers the request for the status that the transport took last.
    pub(super) fn answer_status(&mut self) {
        let status = self.status();
        self.transport.answer_status(status, wall_clock());
    }

    /// Steps a command. Returns why it cannot be carried out, if it cannot.
    fn advance_by_operator(&mut self, command: &Command<I>) -> Result<Result<(), String>, Stopped> {
        self.tick()?;
        let input = match command.input(&self.election.status()) {
            Ok(input) => input,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let rejection = self.advance_by_command(input)?;
        Ok(rejection.map_or(Ok(()), |rejection| Err(rejection.to_string())))
    }
}
