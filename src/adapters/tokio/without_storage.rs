//! A node that has no storage.

use std::boxed::Box;
use std::error::Error;
use std::prelude::rust_2024::*;

use super::{Handle, Options, SaveError, StartError, Storage, Transport};
use crate::adapters::wall_clock::blank_now;
use crate::config::{Config, Memory};
use crate::hard_state::HardState;
use crate::types::{ClusterId, NodeId};

impl<I: NodeId + Send + Sync + 'static> Handle<I> {
    /// Starts a node without storage, on the runtime that this is called in. It writes nothing and waits for no disk,
    /// and each of its starts is this one, the first too: it [recovers](HardState::blank) what its former process knew
    /// from the `members`, the first nodes of the group; and if all of these have nothing, they found the group. What has
    /// to hold for that, the page [`guide::memory`](crate::guide::memory) says; above all, the former process of this id
    /// has ended.
    ///
    /// The memory in `options` is [`Volatile`](Memory::Volatile), whatever it says. The wall clock of the machine is
    /// read once, here.
    ///
    /// ```no_run
    /// # #[cfg(feature = "tokio-udp")]
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// use quorate::adapters::seal::Keyring;
    /// use quorate::adapters::tokio::{Handle, Udp};
    /// use quorate::{ClusterId, Config};
    ///
    /// let transport = Udp::bind_sealed("10.0.0.1:7000".parse()?, Keyring::read("group.key")?)?
    ///     .peer(2, "10.0.0.2:7000".parse()?)?
    ///     .peer(3, "10.0.0.3:7000".parse()?)?;
    /// let node = Handle::start_volatile(Config::new(1_u32), ClusterId(7), [1, 2, 3], transport)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`start`](Self::start), and [`StartError::Blank`] if the wall clock was never set or the list of members is
    /// none.
    pub fn start_volatile(
        options: impl Into<Options<I>>,
        cluster: ClusterId,
        members: impl IntoIterator<Item = I>,
        transport: impl Transport<I>,
    ) -> Result<Self, StartError> {
        Self::start(options.into().volatile(), blank_now(cluster, members)?, NoStorage, transport)
    }

    /// Starts a node without storage as [`start_volatile`](Self::start_volatile) does, on a runtime and a thread of its
    /// own as [`start_on_thread`](Self::start_on_thread) does.
    ///
    /// # Errors
    /// Those of both.
    pub fn start_volatile_on_thread<T, E>(
        options: impl Into<Options<I>>,
        cluster: ClusterId,
        members: impl IntoIterator<Item = I>,
        transport: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<Self, StartError>
    where
        T: Transport<I>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let blank = blank_now(cluster, members)?;
        Self::start_on_thread(options.into().volatile(), blank, NoStorage, transport)
    }
}

impl<I> Options<I> {
    fn volatile(mut self) -> Self {
        self.config = Config { memory: Memory::Volatile, ..self.config };
        self
    }
}

/// Is never asked to save anything.
struct NoStorage;

impl<I> Storage<I> for NoStorage {
    fn save(&mut self, _: &HardState<I>) -> Result<(), SaveError> {
        Ok(())
    }
}
