//! The question who leads, asked over a socket. Any program may ask, if it has the key where there is one.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::prelude::rust_2024::*;
use std::time::{Duration, Instant};
use std::vec;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::adapters::endpoint::{LeaderAddress, Question};
use crate::adapters::query_error::{ATTEMPTS, QueryError, any_address};
use crate::adapters::seal::{Keyring, SystemRng};
use crate::types::{ClusterId, NodeId};

/// Asks the host at `address` who leads group `cluster`; `None` if it knows no leader. Any host of the
/// group will do, a host of another group does not answer, and so will any program as asker. The answer is news, not a promise: the
/// leader may have changed when it arrives. A host that has keys does not answer: see
/// [`who_leads_sealed`].
///
/// `I` is the type of the group's ids.
///
/// # Errors
/// [`QueryError`] if there is no answer within `timeout`.
pub fn who_leads<I: NodeId + Serialize + DeserializeOwned>(
    cluster: ClusterId,
    address: SocketAddr,
    timeout: Duration,
) -> Result<Option<LeaderAddress<I>>, QueryError> {
    query(cluster, address, None, timeout)
}

/// As [`who_leads`], for a group that has one of these keys: a program without them can neither ask nor forge
/// the answer.
///
/// # Errors
/// [`QueryError`] if there is no answer within `timeout`.
pub fn who_leads_sealed<I: NodeId + Serialize + DeserializeOwned>(
    cluster: ClusterId,
    address: SocketAddr,
    keys: &Keyring,
    timeout: Duration,
) -> Result<Option<LeaderAddress<I>>, QueryError> {
    query(cluster, address, Some(keys), timeout)
}

fn query<I: NodeId + Serialize + DeserializeOwned>(
    cluster: ClusterId,
    address: SocketAddr,
    keys: Option<&Keyring>,
    timeout: Duration,
) -> Result<Option<LeaderAddress<I>>, QueryError> {
    ask(cluster, address, keys, timeout)
        .map_err(|source| QueryError::Io { address, source })?
        .ok_or(QueryError::TimedOut { address, timeout })
}

fn ask<I: NodeId + Serialize + DeserializeOwned>(
    cluster: ClusterId,
    address: SocketAddr,
    keys: Option<&Keyring>,
    timeout: Duration,
) -> io::Result<Option<Option<LeaderAddress<I>>>> {
    let question = Question::new(cluster, address, keys, &mut SystemRng::new().map_err(io::Error::other)?)
        .map_err(io::Error::other)?;
    exchange(address, question.bytes(), timeout, |bytes| question.read_answer(bytes))
}

/// Sends a question to `address`, again and again, until a datagram comes back that `read` takes, and returns what that
/// makes of it; `None` if none does within `timeout`.
pub(super) fn exchange<T>(
    address: SocketAddr,
    question: &[u8],
    timeout: Duration,
    mut read: impl FnMut(&mut [u8]) -> Option<T>,
) -> io::Result<Option<T>> {
    let socket = UdpSocket::bind(any_address(address))?;
    let pause = timeout.checked_div(ATTEMPTS).unwrap_or(timeout).max(Duration::from_millis(1));
    let mut buffer = vec![0; question.len()];
    let began = Instant::now();
    let (mut repeat, mut waited) = (Duration::ZERO, Duration::ZERO);
    while waited < timeout {
        if waited >= repeat {
            socket.send_to(question, address)?;
            repeat = waited.saturating_add(pause);
        }
        let left = repeat.min(timeout).saturating_sub(waited).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(left))?;
        if let Ok((length, _)) = socket.recv_from(&mut buffer) {
            let answer = read(buffer.get_mut(..length).unwrap_or_default());
            if answer.is_some() {
                return Ok(answer);
            }
        }
        waited = began.elapsed();
    }
    Ok(None)
}
