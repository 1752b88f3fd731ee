//! The network, which loses, duplicates and reorders messages.

use std::fmt;

use quorate::Message;
use quorate::message::{Body, Phase};

use super::group_state::Shared;

/// A message with its sender and receiver.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Envelope {
    pub(super) from: u8,
    pub(super) to: u8,
    pub(super) message: Message<u8>,
}

/// The messages of one kind from one node to another.
pub(super) type Channel = (u8, u8, u8);

impl Envelope {
    pub(super) fn channel(&self) -> Channel {
        let kind = match &self.message.body {
            Body::VoteRequest(request) if request.phase == Phase::Pre => 0,
            Body::VoteReply(reply) if reply.phase == Phase::Pre => 1,
            Body::VoteRequest(_) => 2,
            Body::VoteReply(_) => 3,
            Body::Heartbeat(_) => 4,
            Body::HeartbeatReply(_) => 5,
            Body::RecoveryRequest => 6,
            Body::RecoveryReply(_) => 7,
        };
        (self.from, self.to, kind)
    }

    /// Whether a duplicate may change anything. Pre-votes bind no voter, so theirs never do.
    pub(super) fn may_be_doubled(&self) -> bool {
        self.channel().2 > 1
    }
}

/// Prints the message on one line, for the path to a violation.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Message { header, body } = &self.message;
        write!(f, "{} to {}: ", self.from, self.to)?;
        match body {
            Body::VoteRequest(ask) => write!(f, "{:?} vote? {:?}", ask.phase, ask.claim)?,
            Body::VoteReply(reply) => {
                write!(f, "{:?} vote of {}: {:?}", reply.phase, reply.request_term, reply.answer)?
            }
            Body::Heartbeat(beat) => write!(f, "heartbeat for {} {:?}", beat.promise, beat.order)?,
            Body::HeartbeatReply(reply) => write!(f, "follow in {}: {:?}", reply.request_term, reply.answer)?,
            Body::RecoveryRequest => write!(f, "what do you hold?")?,
            Body::RecoveryReply(reply) => write!(f, "holds {:?}", reply.membership.voters())?,
        }
        write!(f, ", term {} version {} at {}", header.term, header.version, header.sent_at)
    }
}

/// The messages in the network, ordered by channel and then by age.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Network(Vec<Shared<Envelope>>);

impl Network {
    pub(super) fn messages(&self) -> &[Shared<Envelope>] {
        &self.0
    }

    /// Adds a message. Of each channel the last `capacity` messages are kept.
    pub(super) fn send(&mut self, envelope: Envelope, capacity: usize) {
        let envelope = Shared::new(envelope);
        if self.0.contains(&envelope) {
            return;
        }
        let channel = envelope.channel();
        let first = self.0.partition_point(|other| other.channel() < channel);
        let end = self.0.partition_point(|other| other.channel() <= channel);
        self.0.insert(end, envelope);
        if end - first >= capacity {
            self.0.remove(first);
        }
    }

    pub(super) fn remove(&mut self, envelope: &Shared<Envelope>) {
        self.0.retain(|other| other != envelope);
    }

    pub(super) fn lose_all(&mut self) {
        self.0.clear();
    }
}
