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
        let kind = match &self.message.body() {
            Body::VoteRequest(request) if request.phase == Phase::Pre => 0,
            Body::VoteReply(reply) if reply.phase == Phase::Pre => 1,
            Body::VoteRequest(_) => 2,
            Body::VoteReply(_) => 3,
            Body::Heartbeat(_) => 4,
            Body::HeartbeatReply(_) => 5,
            Body::RecoveryRequest => 6,
            Body::RecoveryReply(_) => 7,
            Body::BlankReply(_) => 8,
        };
        (self.from, self.to, kind)
    }

    /// Whether the message is a reply that says more than that its sender follows.
    fn tells_more(&self) -> bool {
        match &self.message.body() {
            Body::HeartbeatReply(reply) => reply.leaving || reply.ready,
            Body::VoteReply(_)
            | Body::VoteRequest(_)
            | Body::Heartbeat(_)
            | Body::RecoveryRequest
            | Body::RecoveryReply(_)
            | Body::BlankReply(_) => false,
        }
    }

    /// Whether a duplicate may change anything. Pre-votes bind no voter, so theirs never do.
    pub(super) fn may_be_doubled(&self) -> bool {
        self.channel().2 > 1
    }
}

/// Prints the message on one line, for the path to a violation.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (header, body) = (&self.message.header(), &self.message.body());
        write!(f, "{} to {}: ", self.from, self.to)?;
        match body {
            Body::VoteRequest(ask) => write!(f, "{:?} vote? {:?}", ask.phase, ask.claim)?,
            Body::VoteReply(reply) => {
                write!(f, "{:?} vote of {}: {:?}", reply.phase, reply.request_term, reply.answer)?
            }
            Body::Heartbeat(beat) => write!(f, "heartbeat for {} {:?}", beat.promise, beat.order)?,
            Body::HeartbeatReply(reply) => write!(f, "follow in {}: {:?}", reply.request_term, reply.answer)?,
            Body::RecoveryRequest => write!(f, "what do you hold?")?,
            Body::BlankReply(reply) => write!(f, "blank, pledged to {:?}", reply.pledge)?,
            Body::RecoveryReply(reply) => write!(f, "holds {:?}", reply.membership.voters())?,
        }
        write!(f, ", term {} version {} at {}", header.term, header.version, header.sent_at)
    }
}

/// The messages in the network.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Network {
    /// Ordered by channel and then by age.
    messages: Vec<Shared<Envelope>>,
    /// The replies of the past that may arrive again, in the order of sending.
    old: Vec<Shared<Envelope>>,
}

impl Network {
    pub(super) fn messages(&self) -> &[Shared<Envelope>] {
        &self.messages
    }

    pub(super) fn old_replies(&self) -> &[Shared<Envelope>] {
        &self.old
    }

    /// Keeps a reply, which may arrive again at any time.
    pub(super) fn keep(&mut self, envelope: &Envelope) {
        let envelope = Shared::new(envelope.clone());
        if envelope.tells_more() && !self.old.contains(&envelope) {
            self.old.push(envelope);
        }
    }

    /// Adds a message. Of each channel the last `capacity` messages are kept.
    pub(super) fn send(&mut self, envelope: Envelope, capacity: usize) {
        let envelope = Shared::new(envelope);
        if self.messages.contains(&envelope) {
            return;
        }
        let channel = envelope.channel();
        let first = self.messages.partition_point(|other| other.channel() < channel);
        let end = self.messages.partition_point(|other| other.channel() <= channel);
        self.messages.insert(end, envelope);
        if end - first >= capacity {
            self.messages.remove(first);
        }
    }

    pub(super) fn remove(&mut self, envelope: &Shared<Envelope>) {
        self.messages.retain(|other| other != envelope);
    }

    /// Loses the messages that are `lost`.
    pub(super) fn lose(&mut self, lost: impl Fn(&Envelope) -> bool) {
        self.messages.retain(|envelope| !lost(envelope));
    }
}
