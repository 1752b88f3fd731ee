//! A node whose state is in a folder.

use std::path::Path;
use std::prelude::rust_2024::*;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Handle, Options, StartError, Transport};
use crate::adapters::store::Deployment;
use crate::types::NodeId;

impl<I: NodeId + Serialize + DeserializeOwned + Send + Sync + 'static> Handle<I> {
    /// Starts a node whose state is kept in `folder`, on the runtime that this is called in: the same call at the first
    /// start and at each later one, also after the loss of the disk. What the `deployment` states decides what the node
    /// starts from if the folder holds nothing. The folder is read, and written to, before this returns.
    ///
    /// ```no_run
    /// # #[cfg(feature = "tokio-udp")]
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// use quorate::adapters::seal::Keyring;
    /// use quorate::adapters::store::Deployment;
    /// use quorate::adapters::tokio::{Handle, Udp};
    /// use quorate::{ClusterId, Config};
    ///
    /// let transport = Udp::bind_sealed("10.0.0.1:7000".parse()?, Keyring::read("group.key")?)?
    ///     .peer(2, "10.0.0.2:7000".parse()?)?
    ///     .peer(3, "10.0.0.3:7000".parse()?)?;
    /// let deployment = Deployment::first_rollout(ClusterId::from_name("backup"), [1, 2, 3]);
    /// let node = Handle::start_in("/var/lib/backup", &deployment, Config::new(1_u32), transport)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`start`](Self::start), and [`StartError::Deployment`] if the folder cannot be used so.
    pub fn start_in(
        folder: impl AsRef<Path>,
        deployment: &Deployment<I>,
        options: impl Into<Options<I>>,
        transport: impl Transport<I>,
    ) -> Result<Self, StartError> {
        #[cfg_attr(not(feature = "register"), allow(unused_mut, reason = "there is no register to tell"))]
        let mut options = options.into();
        let (store, state) = deployment.open(options.config.id, &folder)?;
        #[cfg(feature = "register")]
        options.remember_register_in(folder.as_ref());
        Self::start(options, state, store, transport)
    }
}
