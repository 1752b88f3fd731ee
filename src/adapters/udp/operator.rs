//! The asking side of operators, on a socket of its own.

use std::io;
use std::net::SocketAddr;
use std::prelude::rust_2024::*;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::query::exchange;
use crate::adapters::endpoint::operator::{Command, Inquiry, Refused, Reply, Report, Ticket};
use crate::adapters::seal::{Keyring, SealError, SystemRng};
use crate::types::{ClusterId, NodeId};

/// An operator of a group, who has its key. Each call blocks for the timeout at most.
///
/// ```no_run
/// use std::time::Duration;
///
/// use quorate::adapters::endpoint::operator::{Change, ChangeKind, Command};
/// use quorate::adapters::seal::Keyring;
/// use quorate::adapters::udp::Operator;
/// use quorate::ClusterId;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let operator = Operator::new(ClusterId::from_name("backup"), Keyring::read("group.key")?);
/// let report = operator.report::<u32>("10.0.0.1:7000".parse()?)?;
/// println!("{}", report.status);
///
/// // On the leader: node 3 is gone for good. Refused if the members have changed since the report.
/// let command = Command::Change(Change::new(3, ChangeKind::Remove).seen_in(&report.status));
/// operator.command("10.0.0.1:7000".parse()?, &command)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Operator {
    cluster: ClusterId,
    keys: Keyring,
    timeout: Duration,
}

/// Why a node did not do what it was asked.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// No reply came in time: the node does not run, has another key, or is of another group; or it waits for
    /// its disk, and carries out no command until then, though it tells how it is. A
    /// command may have been carried out all the same.
    #[error("no reply from {address} within {timeout:?}")]
    TimedOut {
        /// The address that was asked.
        address: SocketAddr,
        /// For how long.
        timeout: Duration,
    },
    /// The node refuses, and says why.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The request could not be sent.
    #[error("cannot ask {address}")]
    Io {
        /// The address that was to be asked.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The request could not be sealed.
    #[error("the request cannot be sealed")]
    Seal(#[from] SealError),
}

impl Operator {
    /// An operator of group `cluster`, which has these keys.
    #[must_use]
    pub fn new(cluster: ClusterId, keys: Keyring) -> Self {
        Operator { cluster, keys, timeout: Duration::from_secs(2) }
    }

    /// Waits so long for a reply: two seconds unless told otherwise.
    #[must_use]
    pub fn waiting(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How the node at `address` is. `I` is the type of the group's ids.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub fn report<I: NodeId + Serialize + DeserializeOwned>(
        &self,
        address: SocketAddr,
    ) -> Result<Report<I>, OperatorError> {
        Ok(*self.fetch_report(address)?.0)
    }

    /// Has the node at `address` do something. What becomes of it, later reports show.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub fn command<I: NodeId + Serialize + DeserializeOwned>(
        &self,
        address: SocketAddr,
        command: &Command<I>,
    ) -> Result<(), OperatorError> {
        let (report, ticket) = self.fetch_report::<I>(address)?;
        if !report.takes_commands {
            return Err(Refused::NoCommands.into());
        }
        let inquiry = Inquiry::command(self.cluster, &self.keys, ticket, command, &mut rng(address)?)?;
        match self.ask::<I>(address, &inquiry)? {
            Reply::Accepted => Ok(()),
            Reply::Refused(reason) => Err(reason.into()),
            Reply::Report(..) => Err(self.timed_out(address)),
        }
    }

    /// Asks again with as many bytes as the reply takes, if it takes more.
    fn fetch_report<I: NodeId + Serialize + DeserializeOwned>(
        &self,
        address: SocketAddr,
    ) -> Result<(Box<Report<I>>, Ticket), OperatorError> {
        let mut length = Inquiry::LENGTH;
        loop {
            let inquiry = Inquiry::status(self.cluster, &self.keys, length, &mut rng(address)?)?;
            match self.ask(address, &inquiry)? {
                Reply::Report(report, ticket) => return Ok((report, ticket)),
                Reply::Refused(Refused::TooShort(needed)) if longer(needed) > length => {
                    length = longer(needed);
                }
                Reply::Refused(reason) => return Err(reason.into()),
                Reply::Accepted => return Err(self.timed_out(address)),
            }
        }
    }

    fn ask<I: NodeId + Serialize + DeserializeOwned>(
        &self,
        address: SocketAddr,
        inquiry: &Inquiry,
    ) -> Result<Reply<I>, OperatorError> {
        exchange(address, inquiry.bytes(), self.timeout, |bytes| inquiry.read_reply(bytes))
            .map_err(|source| OperatorError::Io { address, source })?
            .ok_or_else(|| self.timed_out(address))
    }

    fn timed_out(&self, address: SocketAddr) -> OperatorError {
        OperatorError::TimedOut { address, timeout: self.timeout }
    }
}

/// A reply of that length may be a little longer when it is asked for again.
fn longer(needed: u32) -> usize {
    usize::try_from(needed).unwrap_or(usize::MAX).saturating_add(64)
}

fn rng(address: SocketAddr) -> Result<SystemRng, OperatorError> {
    SystemRng::new().map_err(|error| OperatorError::Io { address, source: io::Error::other(error) })
}
