//! A host of a node whose state is in a folder.

use std::path::Path;
use std::prelude::rust_2024::*;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Host, HostConfig, HostStartError};
use crate::adapters::store::Deployment;
use crate::types::NodeId;

impl<I: NodeId + Serialize + DeserializeOwned + Send + 'static> Host<I> {
    /// Starts a node whose state is kept in `folder`: the same call at the first start and at each later one, also after
    /// the loss of the disk. What the `deployment` states decides what the node starts from if the folder holds nothing.
    ///
    /// ```no_run
    /// use quorate::adapters::seal::Keyring;
    /// use quorate::adapters::store::Deployment;
    /// use quorate::adapters::udp::{Host, HostConfig};
    /// use quorate::{ClusterId, Config};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let config = HostConfig::new(Config::new(1_u32), "10.0.0.1:7000".parse()?)
    ///     .sealed(Keyring::read("group.key")?)
    ///     .peer(2, "10.0.0.2:7000".parse()?)
    ///     .peer(3, "10.0.0.3:7000".parse()?);
    /// let deployment = Deployment::first_rollout(ClusterId::from_name("backup"), [1, 2, 3]);
    /// let host = Host::start_in("/var/lib/backup", &deployment, config)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`start`](Self::start), and [`HostStartError::Deployment`] if the folder cannot be used so.
    pub fn start_in(
        folder: impl AsRef<Path>,
        deployment: &Deployment<I>,
        #[cfg_attr(not(feature = "register"), allow(unused_mut, reason = "there is no register to tell"))]
        mut config: HostConfig<I>,
    ) -> Result<Self, HostStartError> {
        let (mut store, state) = deployment.open(config.config.id, &folder)?;
        #[cfg(feature = "register")]
        config
            .register
            .iter_mut()
            .for_each(|register| register.remember_in(folder.as_ref().join("register")));
        Self::start(config, state, move |state| store.save(state))
    }
}
