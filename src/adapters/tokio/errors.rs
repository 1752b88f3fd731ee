//! What can go wrong with a node.

use std::error::Error;
use std::fmt;
use std::io;
use std::string::String;
use std::sync::Arc;

use crate::adapters::timer::StaggerTooShort;
use crate::config::ConfigError;
use crate::hard_state::BlankError;
use crate::rejection::Rejection;

/// Why a node did not start.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Its configuration or its durable state is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A node without storage cannot start: the wall clock was never set, or the list of members is none.
    #[error(transparent)]
    Blank(#[from] BlankError),
    /// The folder of the node cannot be used as the deployment says.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Deployment(#[from] crate::adapters::store::DeploymentError),
    /// The election deadlines are too close for tokio's timers.
    #[error(transparent)]
    Stagger(#[from] StaggerTooShort),
    /// The register's agent cannot be started as it is configured.
    #[error("the register cannot be used: {0}")]
    Register(String),
    /// The operating system has no randomness to give.
    #[error("no randomness to start with")]
    Seed(#[source] io::Error),
    /// The transport cannot be used.
    #[error("the transport cannot be used")]
    Transport(#[source] io::Error),
    /// It was not started from within a tokio runtime.
    #[error("there is no tokio runtime here")]
    NoRuntime,
    /// The operating system has no thread to give.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// The node cannot be recorded.
    #[cfg(feature = "record")]
    #[error(transparent)]
    Recorder(#[from] crate::adapters::record::RecorderError),
}

/// Why a node has stopped.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Stopped {
    /// It was told to: [`Handle::shutdown`](super::Handle::shutdown).
    #[error("the node was shut down")]
    Shutdown,
    /// Its last handle was dropped.
    #[error("all handles of the node were dropped")]
    Dropped,
    /// A state could not be stored, and a part of it may have reached the disk. Nothing that follows from it was
    /// sent. Look at the disk, then start again from what is stored.
    #[error("cannot store the state of the election")]
    Storage(#[source] Arc<dyn Error + Send + Sync>),
    /// The transport says that nothing will ever arrive again.
    #[error("the transport is gone")]
    Transport(#[source] Arc<io::Error>),
    /// A clock of the program's own ran backwards, or out of range.
    #[error("the clock gave an impossible reading")]
    Clock,
    /// The storage, the transport, the client of a register or the clock panicked, or the node itself, which is a bug
    /// of this crate.
    #[error("the node panicked")]
    Panicked,
    /// The runtime ended before the node did.
    #[error("the runtime was shut down")]
    Aborted,
}

/// Why a command was not carried out.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError<I: fmt::Debug> {
    /// The election rejected it.
    #[error(transparent)]
    Rejected(Rejection<I>),
    /// The node was started without a register.
    #[error("the node was started without a register")]
    NoRegister,
    /// The node has stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}
