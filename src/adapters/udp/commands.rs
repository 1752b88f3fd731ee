//! What the program may want of its host.

use std::net::SocketAddr;
use std::prelude::rust_2024::*;
use std::sync::mpsc::sync_channel;

use super::{Command, CommandError, Host};
use crate::adapters::seal::Keyring;
use crate::io::{Input, Urgency};
use crate::reconfig::Target;
use crate::types::{NodeId, Position, Priority};

impl<I: NodeId> Host<I> {
    /// Gives up leadership, to `successor` or to whom the leader finds best. Returns when the
    /// attempt has begun; the events tell how it ends.
    ///
    /// # Errors
    /// [`CommandError`] if it does not lead, or nobody can take over.
    pub fn resign(&self, successor: Option<I>, urgency: Urgency) -> Result<(), CommandError<I>> {
        self.step(Input::Resign { successor, urgency })
    }

    /// Stands for election now.
    ///
    /// # Errors
    /// [`CommandError`] if it leads already, cannot lead, or is bound by a promise.
    pub fn campaign(&self) -> Result<(), CommandError<I>> {
        self.step(Input::Campaign)
    }

    /// The program's data reach so far now.
    ///
    /// # Errors
    /// [`CommandError::Stopped`].
    pub fn set_position(&self, position: Position) -> Result<(), CommandError<I>> {
        self.step(Input::SetPosition(position))
    }

    /// How much the node wants to lead from now on.
    ///
    /// # Errors
    /// [`CommandError::Stopped`].
    pub fn set_priority(&self, priority: Priority) -> Result<(), CommandError<I>> {
        self.step(Input::SetPriority(priority))
    }

    /// Changes the members, on the leader: walks to `target` by safe steps. Returns when that has
    /// begun; [`TargetReached`](crate::Event::TargetReached) tells when it is done, and
    /// [`TargetAbandoned`](crate::Event::TargetAbandoned) that the next leader must be asked.
    ///
    /// `addresses` are those of newcomers; members are where they are. `force` takes a step although
    /// so few voters of the target answer that leadership will end with it.
    ///
    /// # Errors
    /// [`CommandError`] if it does not lead, or the target cannot be reached.
    pub fn reconfigure(
        &self,
        target: Target<I>,
        force: bool,
        addresses: impl IntoIterator<Item = (I, SocketAddr)>,
    ) -> Result<(), CommandError<I>> {
        self.command(Input::Reconfigure { target, force }, addresses.into_iter().collect())
    }

    /// There is a node `id` at `address`. In a group that forms itself it is one to form it with;
    /// later, on the leader, it is admitted.
    ///
    /// # Errors
    /// [`CommandError`] if the group is full or has not formed itself, or another node leads it.
    pub fn discovered(&self, id: I, address: SocketAddr) -> Result<(), CommandError<I>> {
        self.command(Input::Discovered(id), [(id, address)].into())
    }

    /// A node is gone for good: the reverse of [`discovered`](Self::discovered).
    ///
    /// # Errors
    /// [`CommandError`] if it is no member, or the last that can be spared, or another node leads.
    pub fn lost(&self, id: I) -> Result<(), CommandError<I>> {
        self.step(Input::Lost(id))
    }

    /// This node wants to be removed. Let it run until [`Removed`](crate::Event::Removed).
    ///
    /// # Errors
    /// [`CommandError`] if it is no member, or the only voter.
    pub fn leave(&self) -> Result<(), CommandError<I>> {
        self.step(Input::Leave)
    }

    /// Other keys from now on: see [`Keyring`] on how to rotate. Nobody notices.
    ///
    /// # Errors
    /// [`CommandError`] if the host was started without keys, or has stopped.
    pub fn set_keys(&self, keys: Keyring) -> Result<(), CommandError<I>> {
        let (reply, answer) = sync_channel(1);
        self.order(Command::SetKeys { keys, reply })?;
        match answer.recv() {
            Ok(true) => Ok(()),
            Ok(false) => Err(CommandError::Unsealed),
            Err(_) => Err(CommandError::Stopped),
        }
    }

    fn step(&self, input: Input<I>) -> Result<(), CommandError<I>> {
        self.command(input, Vec::new())
    }

    fn command(&self, input: Input<I>, addresses: Vec<(I, SocketAddr)>) -> Result<(), CommandError<I>> {
        let (reply, answer) = sync_channel(1);
        self.order(Command::Step { input, addresses, reply })?;
        match answer.recv() {
            Ok(met) => met.map_err(CommandError::Rejected),
            Err(_) => Err(CommandError::Stopped),
        }
    }
}
