//! What the two askings of who leads have in common.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How often the question is repeated within its timeout: datagrams get lost.
pub(super) const ATTEMPTS: u32 = 5;

/// Why there is no answer.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// No answer came in time: the host does not run, has another key, or is of another group, or its ids are of another
    /// type.
    #[error("no answer from {address} within {timeout:?}")]
    TimedOut {
        /// The address that was asked.
        address: SocketAddr,
        /// For how long.
        timeout: Duration,
    },
    /// The question could not be asked.
    #[error("cannot ask {address}")]
    Io {
        /// The address that was to be asked.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// Where a socket listens that sends to `address`.
pub(super) fn any_address(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}
