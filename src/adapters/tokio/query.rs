//! The question who leads, asked from a task.

use std::io;
use std::net::SocketAddr;
use std::prelude::rust_2024::*;
use std::time::Duration;
use std::vec;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::adapters::endpoint::{LeaderAddress, Question};
use crate::adapters::query_error::{ATTEMPTS, QueryError, any_address};
use crate::adapters::seal::{Keyring, SystemRng};
use crate::types::{ClusterId, NodeId};

/// Asks the node at `address` who leads group `cluster`, which has `keys`, or none; `None` if the node knows no leader.
/// Any node of the group will do, and any program may ask. The answer is news, not a promise: the leader may have changed
/// when it arrives. To be called within a runtime that does IO, with its timers enabled.
///
/// `I` is the type of the group's ids.
///
/// # Errors
/// [`QueryError`] if there is no answer within `timeout`.
pub async fn who_leads<I: NodeId + Serialize + DeserializeOwned>(
    cluster: ClusterId,
    address: SocketAddr,
    keys: Option<&Keyring>,
    timeout: Duration,
) -> Result<Option<LeaderAddress<I>>, QueryError> {
    let asked = ask(cluster, address, keys, timeout).await;
    asked
        .map_err(|source| QueryError::Io { address, source })?
        .ok_or(QueryError::TimedOut { address, timeout })
}

async fn ask<I: NodeId + Serialize + DeserializeOwned>(
    cluster: ClusterId,
    address: SocketAddr,
    keys: Option<&Keyring>,
    timeout: Duration,
) -> io::Result<Option<Option<LeaderAddress<I>>>> {
    let mut rng = SystemRng::new().map_err(io::Error::other)?;
    let question = Question::new(cluster, address, keys, &mut rng).map_err(io::Error::other)?;
    let socket = UdpSocket::bind(any_address(address)).await?;
    let pause = timeout.checked_div(ATTEMPTS).unwrap_or(timeout).max(Duration::from_millis(1));
    let mut buffer = vec![0; question.bytes().len()];
    let mut repeat = Instant::now();
    for _ in 0..ATTEMPTS {
        socket.send_to(question.bytes(), address).await?;
        repeat = repeat.checked_add(pause).unwrap_or(repeat);
        // An error is news of the datagram that was sent: no socket listens there.
        while let Ok(Ok((length, _))) = timeout_at(repeat, socket.recv_from(&mut buffer)).await {
            let answer = question.read_answer(buffer.get_mut(..length).unwrap_or_default());
            if answer.is_some() {
                return Ok(answer);
            }
        }
        sleep_until(repeat).await;
    }
    Ok(None)
}
