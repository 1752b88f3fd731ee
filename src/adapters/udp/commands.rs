//! The commands of a program to its host. None waits for a disk: while a state is written, a command is stepped, and
//! what follows from it is sent afterwards.

use std::net::SocketAddr;
use std::prelude::rust_2024::*;
use std::sync::mpsc::sync_channel;

use super::{Command, Host, HostCommandError};
use crate::adapters::Advertised;
use crate::adapters::endpoint::{PeerAddress, check};
use crate::adapters::seal::Keyring;
use crate::io::{Force, Input, Urgency};
use crate::reconfig::Target;
use crate::types::{NodeId, Position, Priority};

impl<I: NodeId> Host<I> {
    /// Gives up leadership, to `successor` or to the node that the leader finds best. Returns when the
    /// attempt has begun; the events tell how it ends.
    ///
    /// # Errors
    /// [`HostCommandError`] if it does not lead, or no node can take over.
    pub fn resign(&self, successor: Option<I>, urgency: Urgency) -> Result<(), HostCommandError<I>> {
        self.step(Input::Resign { successor, urgency })
    }

    /// Campaigns now.
    ///
    /// # Errors
    /// [`HostCommandError`] if it leads already, cannot lead, or is bound by a promise.
    pub fn campaign(&self) -> Result<(), HostCommandError<I>> {
        self.step(Input::Campaign)
    }

    /// The program's data reach so far now.
    ///
    /// # Errors
    /// [`HostCommandError::Stopped`].
    pub fn set_position(&self, position: Position) -> Result<(), HostCommandError<I>> {
        self.step(Input::SetPosition(position))
    }

    /// How much the node wants to lead from now on.
    ///
    /// # Errors
    /// [`HostCommandError::Stopped`].
    pub fn set_priority(&self, priority: Priority) -> Result<(), HostCommandError<I>> {
        self.step(Input::SetPriority(priority))
    }

    /// Changes the members, on the leader, to `target` by safe steps. Returns when that has
    /// begun; [`TargetReached`](crate::Event::TargetReached) tells when it is done, and
    /// [`TargetAbandoned`](crate::Event::TargetAbandoned) that the next leader must be asked. A newcomer that has a name,
    /// [introduce](Self::introduce) before.
    ///
    /// # Errors
    /// [`HostCommandError`] if it does not lead, the target cannot be reached, or no node can be at one of the
    /// addresses.
    pub fn reconfigure(
        &self,
        target: Target<I>,
        force: Force,
        addresses: impl IntoIterator<Item = (I, SocketAddr)>,
    ) -> Result<(), HostCommandError<I>> {
        self.command(Input::Reconfigure { target, force }, addresses.into_iter().collect())
    }

    /// Node `id` is at `address`, or where a name says, as far as you know; where it answers counts more. As an entry of
    /// [`HostConfig::peers`](super::HostConfig::peers), and while the host runs: of each node the last four addresses and
    /// the last four names are kept, and never forgotten. A name is looked up now, also if the host has it.
    ///
    /// ```no_run
    /// # fn of(host: &quorate::adapters::udp::Host<u32>) -> Result<(), Box<dyn std::error::Error>> {
    /// host.introduce(4, "db-4.example:7000".parse()?)?;
    /// host.introduce(4, "10.0.0.4:7000".parse()?)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`HostCommandError`] if no node can be there, or the host has stopped.
    pub fn introduce(&self, id: I, address: PeerAddress) -> Result<(), HostCommandError<I>> {
        address.check()?;
        self.order(Command::Introduce { id, address })
    }

    /// There is a node `id` at `address`. A group that forms itself is formed with it; later, on the leader,
    /// the node is admitted.
    ///
    /// # Errors
    /// [`HostCommandError`] if the group is full or has not formed itself, another node leads it, or no node can be
    /// there.
    pub fn discovered(&self, id: I, address: SocketAddr) -> Result<(), HostCommandError<I>> {
        self.command(Input::Discovered(id), [(id, address)].into())
    }

    /// A node is gone for good: the reverse of [`discovered`](Self::discovered).
    ///
    /// # Errors
    /// [`HostCommandError`] if it is no member, or the last that can be spared, or another node leads.
    pub fn lost(&self, id: I) -> Result<(), HostCommandError<I>> {
        self.step(Input::Lost(id))
    }

    /// This node wants to be removed. Let it run until [`Removed`](crate::Event::Removed).
    ///
    /// # Errors
    /// [`HostCommandError`] if it is no member, or the only voter.
    pub fn leave(&self) -> Result<(), HostCommandError<I>> {
        self.step(Input::Leave)
    }

    /// Advertises this to the other members from now on, or nothing any more.
    ///
    /// # Errors
    /// [`HostCommandError::Stopped`].
    pub fn advertise(&self, text: Option<Advertised>) -> Result<(), HostCommandError<I>> {
        self.order(Command::Advertise(text))
    }

    /// Uses other keys from now on: see [`Keyring`] on how to rotate. No peer notices.
    ///
    /// # Errors
    /// [`HostCommandError`] if the host was started without keys, or has stopped.
    pub fn set_keys(&self, keys: Keyring) -> Result<(), HostCommandError<I>> {
        let (reply, answer) = sync_channel(1);
        self.order(Command::SetKeys { keys, reply })?;
        match answer.recv() {
            Ok(true) => Ok(()),
            Ok(false) => Err(HostCommandError::Unsealed),
            Err(_) => Err(HostCommandError::Stopped),
        }
    }

    /// Says whether this node is in a state to lead. While it is not, it has the priority 0, and a leader hands over.
    /// For a program that cannot say it by itself when its work hangs there is [`HealthConfig::check`].
    ///
    /// # Errors
    /// [`HostCommandError::Stopped`].
    ///
    /// [`HealthConfig::check`]: super::HealthConfig::check
    pub fn set_healthy(&self, is_healthy: bool) -> Result<(), HostCommandError<I>> {
        self.order(Command::SetHealthy(is_healthy))
    }

    fn step(&self, input: Input<I>) -> Result<(), HostCommandError<I>> {
        self.command(input, Vec::new())
    }

    fn command(&self, input: Input<I>, addresses: Vec<(I, SocketAddr)>) -> Result<(), HostCommandError<I>> {
        addresses.iter().try_for_each(|&(_, address)| check(address))?;
        let (reply, answer) = sync_channel(1);
        self.order(Command::Step { input, addresses, reply })?;
        match answer.recv() {
            Ok(outcome) => outcome.map_err(HostCommandError::Rejected),
            Err(_) => Err(HostCommandError::Stopped),
        }
    }
}
