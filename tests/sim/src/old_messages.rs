//! Messages that the network has carried before, and delivers again however old they are: across elections, attempts to
//! hand over, removals and restarts.

use quorate::Message;
use quorate::adapters::record::MessageNumber;
use quorate::message::{Answer, Body, Order, Phase};

use crate::clock::{Instant, MS};
use crate::cluster::{Cluster, ScheduledEvent, index_of};
use crate::rng::{Dice, Ppm};

/// How many messages from one node to another are kept.
const KEPT: usize = 64;
/// How many of a million messages that every run has thousands of are kept. All others are.
const KEPT_OF_ORDINARY: Ppm = 30_000;
/// How many messages of each sender and receiver come in one burst.
const BURST: u64 = 16;
/// How long a burst takes.
const BURST_LENGTH: u64 = 60 * MS;

/// A message, and when it was sent.
#[derive(Clone, Debug)]
struct Kept {
    sent: Instant,
    message: Message<u64>,
    number: MessageNumber,
}

/// The messages that are kept, by sender and then by receiver.
#[derive(Clone, Debug)]
pub(crate) struct OldMessages {
    nodes: usize,
    rings: Vec<Vec<Kept>>,
}

impl OldMessages {
    pub(crate) fn new(nodes: usize) -> Self {
        OldMessages { nodes, rings: vec![Vec::new(); nodes * nodes] }
    }

    /// Keeps a message. It takes the place of any other, so that some are as old as the run.
    fn keep(&mut self, from: usize, to: usize, kept: Kept, dice: &mut Dice) {
        if is_ordinary(&kept.message) && !dice.chance(KEPT_OF_ORDINARY) {
            return;
        }
        let ring = &mut self.rings[from * self.nodes + to];
        if ring.len() < KEPT {
            ring.push(kept);
        } else {
            ring[dice.below(KEPT as u64) as usize] = kept;
        }
    }

    fn any(&self, from: usize, to: usize, dice: &mut Dice) -> Option<Kept> {
        let ring = &self.rings[from * self.nodes + to];
        ring.get(dice.below(ring.len() as u64) as usize).cloned()
    }
}

/// Whether a message says only that its sender leads or follows, as nearly all do.
fn is_ordinary(message: &Message<u64>) -> bool {
    match &message.body() {
        Body::Heartbeat(beat) => beat.order == Order::Follow && beat.membership.is_none(),
        Body::HeartbeatReply(reply) => {
            matches!(reply.answer, Answer::Granted(_)) && !reply.leaving && !reply.ready
        }
        Body::VoteRequest(request) => request.phase == Phase::Pre,
        Body::VoteReply(_) | Body::RecoveryRequest | Body::RecoveryReply(_) | Body::BlankReply(_) => false,
    }
}

impl Cluster {
    /// Keeps a message that is sent now, and delivers an old one of the same two nodes now and then.
    pub(crate) fn remember_message(
        &mut self,
        from: usize,
        to: usize,
        message: &Message<u64>,
        number: MessageNumber,
    ) {
        let often = self.net.options.old;
        if often == 0 && !self.options.keeps_messages {
            return;
        }
        let kept = Kept { sent: self.now, message: message.clone(), number };
        self.old_messages.keep(from, to, kept, &mut self.dice);
        if self.dice.chance(often) {
            let (from, to) = if self.dice.chance(500_000) { (from, to) } else { (to, from) };
            let delay = self.dice.between(self.net.options.delay);
            self.deliver_old(from, to, delay);
        }
    }

    fn deliver_old(&mut self, from: usize, to: usize, delay: u64) {
        if let Some(Kept { sent, message, number }) = self.old_messages.any(from, to, &mut self.dice) {
            let event = ScheduledEvent::Deliver { node: to, from: from as u64 + 1, sent, message, number };
            self.schedule(self.now + delay, event);
        }
    }

    /// A turn in the life of the node at index `node`, with which what was said before is over: a burst of old messages
    /// to it and from it may follow.
    pub(crate) fn mark_turn(&mut self, node: usize) {
        if self.net.options.old_bursts && self.dice.chance(300_000) {
            self.burst(node);
        }
    }

    /// Delivers a burst of old messages to `node` and from it. If there are to be any, messages have to be kept:
    /// [`Options::keeps_messages`](crate::Options::keeps_messages).
    pub fn repeat_old_messages(&mut self, node: u64) {
        self.burst(index_of(node));
    }

    /// Delivers a burst of old messages to the node at index `node` and from it.
    pub(crate) fn burst(&mut self, node: usize) {
        for other in (0..self.hosts.len()).filter(|&other| other != node) {
            for _ in 0..self.dice.below(BURST) {
                let (from, to) = if self.dice.chance(700_000) { (other, node) } else { (node, other) };
                let delay = self.dice.below(BURST_LENGTH);
                self.deliver_old(from, to, delay);
            }
        }
    }
}
