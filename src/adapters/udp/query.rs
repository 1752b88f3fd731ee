//! Anybody may ask who leads, if he has the key where there is one.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::prelude::rust_2024::*;
use std::time::{Duration, Instant};
use std::vec;

use serde::de::DeserializeOwned;

use super::LeaderAddress;
use super::datagram::{self, Datagram, Place, Report};
use crate::adapters::random;
use crate::adapters::seal::Keyring;
use crate::types::NodeId;

/// How often the question is repeated within its timeout: datagrams get lost.
const ATTEMPTS: u32 = 5;

/// Why there is no answer.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// Nobody answered in time.
    #[error("no answer from {address} within {timeout:?}")]
    TimedOut {
        /// Who was asked.
        address: SocketAddr,
        /// For how long.
        timeout: Duration,
    },
    /// The question could not be asked.
    #[error("cannot ask {address}")]
    Io {
        /// Who was to be asked.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// Asks the host at `address` who leads its group; `None` if it knows of nobody. Any host of the
/// group will do, and so will any program as asker. What is known is news, not a promise: the
/// leader may have changed when the answer arrives. A host that has keys does not answer: see
/// [`who_leads_sealed`].
///
/// `I` is the type of the group's ids.
///
/// # Errors
/// [`QueryError`] if there is no answer within `timeout`.
pub fn who_leads<I: NodeId + DeserializeOwned>(
    address: SocketAddr,
    timeout: Duration,
) -> Result<Option<LeaderAddress<I>>, QueryError> {
    answer(address, None, timeout)
}

/// As [`who_leads`], of a host whose group has one of these keys: who has none can neither ask nor forge
/// the answer.
///
/// # Errors
/// [`QueryError`] if there is no answer within `timeout`.
pub fn who_leads_sealed<I: NodeId + DeserializeOwned>(
    address: SocketAddr,
    keys: &Keyring,
    timeout: Duration,
) -> Result<Option<LeaderAddress<I>>, QueryError> {
    answer(address, Some(keys), timeout)
}

fn answer<I: NodeId + DeserializeOwned>(
    address: SocketAddr,
    keys: Option<&Keyring>,
    timeout: Duration,
) -> Result<Option<LeaderAddress<I>>, QueryError> {
    ask(address, keys, timeout)
        .map_err(|source| QueryError::Io { address, source })?
        .ok_or(QueryError::TimedOut { address, timeout })
}

fn ask<I: NodeId + DeserializeOwned>(
    address: SocketAddr,
    keys: Option<&Keyring>,
    timeout: Duration,
) -> io::Result<Option<Option<LeaderAddress<I>>>> {
    let socket = match address {
        SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?,
        SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?,
    };
    let mut nonce = [0; 8];
    random::fill(&mut nonce).map_err(io::Error::other)?;
    let question = datagram::question(nonce);
    let question = match keys {
        Some(keys) => keys.note(&question).map_err(io::Error::other)?,
        None => question,
    };
    let pause = timeout.checked_div(ATTEMPTS).unwrap_or(timeout).max(Duration::from_millis(1));
    let mut buffer = vec![0; question.len()];
    let began = Instant::now();
    let (mut repeat, mut waited) = (Duration::ZERO, Duration::ZERO);
    while waited < timeout {
        if waited >= repeat {
            socket.send_to(&question, address)?;
            repeat = waited.saturating_add(pause);
        }
        let left = repeat.min(timeout).saturating_sub(waited).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(left))?;
        if let Ok((length, _)) = socket.recv_from(&mut buffer) {
            let bytes = buffer.get_mut(..length).unwrap_or_default();
            let answer = match keys {
                Some(keys) => keys.open_note(bytes).ok(),
                None => Some(&*bytes),
            };
            if let Some(Datagram::Answer(echoed, report)) = answer.and_then(datagram::open)
                && echoed == nonce
            {
                return Ok(Some(read(report, address)));
            }
        }
        waited = began.elapsed();
    }
    Ok(None)
}

/// The answer of the host at `asked`; whatever address it came from may be somebody's who passed it on.
fn read<I>(report: Report<I>, asked: SocketAddr) -> Option<LeaderAddress<I>> {
    let (id, term, place) = report.leader?;
    let address = match place {
        Place::Unknown => None,
        Place::Here => Some(asked),
        Place::There(address) => Some(address),
    };
    Some(LeaderAddress { cluster: report.cluster, id, term, address })
}
