//! What can go wrong with a host.

use std::error::Error;
use std::fmt;
use std::io;
use std::string::String;
use std::sync::Arc;

use super::host_thread::End;
use crate::adapters::endpoint::UnusableAddress;
use crate::adapters::lease_watch::WatcherPanicked;
use crate::adapters::socket::BindError;
use crate::adapters::store::DeploymentError;
use crate::adapters::timer::StaggerTooShort;
use crate::config::ConfigError;
use crate::hard_state::BlankError;
use crate::rejection::Rejection;

/// Why a host did not start.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostStartError {
    /// Its address is not listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// An address of [`HostConfig::peers`](super::HostConfig::peers) is none that a node can have.
    #[error(transparent)]
    Peer(#[from] UnusableAddress),
    /// Its configuration or its durable state is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A node without storage cannot start: the wall clock was never set, or the list of members is none.
    #[error(transparent)]
    Blank(#[from] BlankError),
    /// The folder of the node cannot be used as the deployment says.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// The election deadlines are too close for the timer of the host.
    #[error(transparent)]
    Stagger(#[from] StaggerTooShort),
    /// The register's agent cannot be started as it is configured.
    #[error("the register cannot be used: {0}")]
    Register(String),
    /// The operating system has no randomness to give.
    #[error("no randomness to start with")]
    Seed(#[source] io::Error),
    /// The operating system has no thread to give.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// The node cannot be recorded.
    #[cfg(feature = "record")]
    #[error(transparent)]
    Recorder(#[from] crate::adapters::record::RecorderError),
}

/// Why a host stopped.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostFailure {
    /// A state could not be stored, and a part of it may have reached the disk. Nothing that follows from it was
    /// sent. Look at the disk, then start again from what is stored.
    #[error("cannot store the state of the election")]
    Persist(#[source] Arc<dyn Error + Send + Sync>),
    /// The socket is gone: something else in the process has closed its descriptor.
    #[error("the socket is gone")]
    Socket(#[source] Arc<io::Error>),
    /// A lease watcher panicked.
    #[error("a watcher of the lease panicked")]
    Watcher,
    /// The host's own thread panicked, which is a bug of this crate or a panic of the store.
    #[error("the host's thread panicked")]
    Panicked,
}

impl From<WatcherPanicked> for HostFailure {
    fn from(_: WatcherPanicked) -> Self {
        HostFailure::Watcher
    }
}

impl From<WatcherPanicked> for End {
    fn from(panicked: WatcherPanicked) -> Self {
        HostFailure::from(panicked).into()
    }
}

/// Why a command was not carried out.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostCommandError<I: fmt::Debug> {
    /// The election rejected it.
    #[error(transparent)]
    Rejected(Rejection<I>),
    /// An address with it is none that a node can have. Nothing was done.
    #[error(transparent)]
    Address(#[from] UnusableAddress),
    /// The host was started without keys.
    #[error("the host was started without keys")]
    Unsealed,
    /// The host was started without a register.
    #[error("the host was started without a register")]
    NoRegister,
    /// The host has stopped: see [`Host::failure`](super::Host::failure).
    #[error("the host has stopped")]
    Stopped,
}

/// The host has stopped: see [`Host::failure`](super::Host::failure).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[error("the host has stopped")]
pub struct HostStopped;
