//! A message on its way out: its datagram, and where to send it.

use std::net::SocketAddr;
use std::prelude::rust_2024::*;
use std::time::Duration;

use serde::Serialize;

use super::book::Book;
use super::datagram;
use crate::message::{Body, Message};
use crate::types::{NodeId, Timestamp};

/// How often a node without a leader tells its configured peers where it is: they may not know, and
/// one that never stands for election is never asked.
pub(in crate::adapters) const HELLO_EVERY: Duration = Duration::from_millis(500);

/// How often to look whose address is not needed any more. No event tells when a removed node has
/// been told that it is out.
pub(in crate::adapters) const TIDY_EVERY: Duration = Duration::from_secs(1);

/// Why a message is not sent.
pub(in crate::adapters) enum Unsent {
    /// Nobody knows where its receiver is.
    Unroutable,
    /// It is too long, or its ids cannot be written.
    Unwritable,
}

/// The datagram for `to`, and every address to send it to. `asker` is who is answered now, and where
/// it asked from.
pub(in crate::adapters) fn write<I: NodeId + Serialize>(
    book: &mut Book<I>,
    from: I,
    to: I,
    message: &Message<I>,
    asker: Option<(I, SocketAddr)>,
    now: Timestamp,
) -> Result<(Vec<u8>, Vec<SocketAddr>), Unsent> {
    let mut route = book.route(to, now);
    // A stranger is answered where it asked from.
    if let (true, Some((asker, source))) = (route.is_empty(), asker) {
        route.extend((asker == to).then_some(source));
    }
    let Some(&reader) = route.first() else { return Err(Unsent::Unroutable) };
    let addresses = book.enclose(to, reader, carries_membership(message), now);
    let bytes = datagram::letter(from, to, &addresses, message).ok_or(Unsent::Unwritable)?;
    Ok((bytes, route))
}

/// Addresses travel with the membership.
fn carries_membership<I>(message: &Message<I>) -> bool {
    match &message.body {
        Body::VoteRequest(request) => request.membership.is_some(),
        Body::VoteReply(reply) => reply.membership.is_some(),
        Body::Heartbeat(heartbeat) => heartbeat.membership.is_some(),
        Body::HeartbeatReply(reply) => reply.membership.is_some(),
    }
}
