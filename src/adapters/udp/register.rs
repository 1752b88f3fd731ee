//! A host that speaks for the voter of a register.

use std::io;
use std::path::PathBuf;
use std::prelude::rust_2024::*;
use std::sync::mpsc::{Sender, sync_channel};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::waker::Waker;
use super::{Command, Host, HostCommandError, HostConfig, HostStartError};
use crate::adapters::attendant::Attendant;
use crate::adapters::random;
use crate::adapters::register::call_thread::{SharedCell, call_on_thread, share};
use crate::adapters::register::hosted::Hosted;
use crate::adapters::register::{Cell, RegisterConfig, RegisterStatus};
use crate::config::Config;
use crate::types::{ClusterId, NodeId, Position};

/// The register of a host: see [`HostConfig::register`].
#[derive(Clone, Debug)]
pub struct HostRegister<I>(Hosted<I, SharedCell>);

impl<I: NodeId + Serialize + DeserializeOwned + Send + 'static> HostConfig<I> {
    /// Speaks for a voter whose state is in a register. The calls of its client run on a thread of their own; clones of
    /// this configuration share the client.
    ///
    /// ```no_run
    /// use quorate::adapters::register::{Cell, RegisterConfig, Use};
    /// use quorate::adapters::seal::Keyring;
    /// use quorate::adapters::store::Store;
    /// use quorate::adapters::udp::{Host, HostConfig};
    /// use quorate::{ClusterId, Config, HardState, Timing};
    /// use std::time::Duration;
    ///
    /// # fn start(cell: impl Cell) -> Result<(), Box<dyn std::error::Error>> {
    /// // The machines 1 and 2, and the voter 9 in the register whose client is `cell`.
    /// let usage = Use::Spare { look: Duration::from_secs(10) };
    /// let config = Config { timing: Timing::wan(), ..Config::new(1_u32) };
    /// let config = HostConfig::new(config, "10.0.0.1:7000".parse()?)
    ///     .sealed(Keyring::read("group.key")?)
    ///     .peer(2, "10.0.0.2:7000".parse()?)
    ///     .register(RegisterConfig::new(9, usage, cell));
    /// let first = HardState::bootstrap(ClusterId(7), [1, 2, 9])?;
    /// let mut store = Store::create("node-1", &first)?; // the first time; Store::open ever after
    /// let host = Host::start(config, first, move |state| store.save(state))?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn register(mut self, register: RegisterConfig<I, impl Cell>) -> Self {
        self.register = Some(HostRegister(Hosted::new(register.map(|cell| share(cell) as SharedCell))));
        self
    }
}

impl<I: NodeId + Send + 'static> HostRegister<I> {
    /// Has the number of the last content kept in this file, unless another one was named.
    pub(super) fn remember_in(&mut self, file: PathBuf) {
        self.0.remember_in(file);
    }

    pub(super) fn start(
        self,
        config: &Config<I>,
        cluster: ClusterId,
        (host, waker): (Sender<Command<I>>, Waker),
    ) -> Result<Attendant<I>, HostStartError> {
        let rng = random::generator();
        let mut rng = rng.map_err(|error| HostStartError::Seed(io::Error::other(error)))?;
        let report = move |called| {
            let _host_has_ended = host.send(Command::Called(called));
            waker.wake();
        };
        let on_thread = |cell| call_on_thread(cell, report).map_err(HostStartError::Thread);
        self.0.start(config, cluster, &mut rng, on_thread, (HostStartError::Register, HostStartError::Thread))
    }
}

impl<I: NodeId> Host<I> {
    /// The agent of the register's voter, as of the last thing that it did; `None` if the host has no register. The answer
    /// waits for no call.
    #[must_use]
    pub fn register_status(&self) -> Option<RegisterStatus<I>> {
        self.shared.register_status()
    }

    /// Tells the election that the data of this leader reach so far, and has the register hold that: see
    /// [`Agent::record_position`](crate::adapters::register::Agent::record_position). Returns when that has begun;
    /// [`PositionRecorded`](crate::adapters::register::RegisterEvent::PositionRecorded) tells when it is done, and
    /// [`PositionRefused`](crate::adapters::register::RegisterEvent::PositionRefused) that it is not. Acknowledge nothing
    /// before, and only if [`lease`](Self::lease) still gives one. Rule 10.15.
    ///
    /// # Errors
    /// [`HostCommandError`] if the host has no register, or has stopped.
    pub fn record_position(&self, position: Position) -> Result<(), HostCommandError<I>> {
        let (reply, answer) = sync_channel(1);
        self.order(Command::RecordPosition { position, reply })?;
        match answer.recv() {
            Ok(true) => Ok(()),
            Ok(false) => Err(HostCommandError::NoRegister),
            Err(_) => Err(HostCommandError::Stopped),
        }
    }
}

impl<I: NodeId> super::shared::Shared<I> {
    pub(super) fn register_status(&self) -> Option<RegisterStatus<I>> {
        self.with_node(|node| node.register.as_ref().map(Attendant::status))
    }
}
