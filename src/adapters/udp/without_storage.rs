//! A host of a node that has no storage.

use std::convert::Infallible;
use std::prelude::rust_2024::*;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Host, HostConfig, HostStartError};
use crate::adapters::wall_clock::blank_now;
use crate::config::{Config, Memory};
use crate::types::{ClusterId, NodeId};

impl<I: NodeId + Serialize + DeserializeOwned + Send + 'static> Host<I> {
    /// Starts a node without storage. It writes nothing and waits for no disk, and each of its starts is this one, the
    /// first too: it [recovers](crate::HardState::blank) what its former process knew from the `members`, the first nodes
    /// of the group; and if all of these have nothing, they found the group. What has to hold for that, the page
    /// [`guide::memory`](crate::guide::memory) says; above all, the former process of this id has ended.
    ///
    /// The memory in `config` is [`Volatile`](Memory::Volatile), whatever it says. The wall clock of the machine is read
    /// once, here.
    ///
    /// ```no_run
    /// use quorate::adapters::seal::Keyring;
    /// use quorate::adapters::udp::{Host, HostConfig};
    /// use quorate::{ClusterId, Config};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let config = HostConfig::new(Config::new(1_u32), "10.0.0.1:7000".parse()?)
    ///     .sealed(Keyring::read("group.key")?)
    ///     .peer(2, "10.0.0.2:7000".parse()?)
    ///     .peer(3, "10.0.0.3:7000".parse()?);
    /// let host = Host::start_volatile(config, ClusterId(7), [1, 2, 3])?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`start`](Self::start), and [`HostStartError::Blank`] if the wall clock was never set or the list of members
    /// is none.
    pub fn start_volatile(
        mut config: HostConfig<I>,
        cluster: ClusterId,
        members: impl IntoIterator<Item = I>,
    ) -> Result<Self, HostStartError> {
        config.config = Config { memory: Memory::Volatile, ..config.config };
        let blank = blank_now(cluster, members)?;
        Self::start(config, blank, |_| Ok::<_, Infallible>(()))
    }
}
