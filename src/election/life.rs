//! The life of a group: a message of another one is ignored, and both sides are told. Rule 1.7.

use alloc::vec::Vec;

use rand_core::Rng;

use super::Election;
use crate::event::Event;
use crate::io::Output;
use crate::message::{Answer, Body, Denial, Header, HeartbeatReply, Message, VoteReply, VoteRequest};
use crate::peer_log::Anomaly;
use crate::types::{Life, NodeId, Position, Priority};

impl<I: NodeId, R: Rng> Election<I, R> {
    /// Whether sender and receiver of a message belong to groups of different lives. A node of no life may join either.
    pub(super) fn is_of_another_life(&self, header: &Header) -> bool {
        let (theirs, ours) = (header.life, self.hard.life);
        theirs != ours && theirs != Life::NONE && ours != Life::NONE
    }

    /// Uses nothing of a message of another life. A request is denied, so that its sender hears of this one.
    #[cold]
    pub(super) fn on_message_of_another_life(
        &mut self,
        from: I,
        header: &Header,
        body: &Body<I>,
        out: &mut Vec<Output<I>>,
    ) {
        match body {
            Body::RecoveryRequest => return self.on_recovery_request(from, header, out),
            Body::VoteReply(VoteReply { answer, .. })
            | Body::HeartbeatReply(HeartbeatReply { answer, .. }) => {
                if let Answer::Denied(denial) = *answer {
                    self.peer_log.record_denial(from, denial, self.now);
                }
            }
            Body::VoteRequest(_) | Body::Heartbeat(_) => out.extend(self.deny_other_life(from, header, body)),
            Body::RecoveryReply(_) => return self.note_later_life(from, header, out),
            Body::BlankReply(_) => return,
        }
        self.report_other_life(from, header.life, out);
        // Rule 9.10: the group of this node may have been given up without it.
        self.check_quorum(out);
    }

    pub(super) fn report_other_life(&mut self, peer: I, life: Life, out: &mut Vec<Output<I>>) {
        self.report_anomaly(peer, Anomaly::OtherLife, Event::OtherLife { peer, life }, out);
    }

    /// The denial of a request of another life, which tells nothing but the life of this node.
    fn deny_other_life(&self, to: I, header: &Header, body: &Body<I>) -> Option<Output<I>> {
        let (answer, request_term) = (Answer::Denied(Denial::OtherLife), header.term);
        let body = match body {
            Body::VoteRequest(VoteRequest { phase, .. }) => {
                Body::VoteReply(VoteReply { phase: *phase, request_term, answer, membership: None })
            }
            Body::Heartbeat(_) => Body::HeartbeatReply(HeartbeatReply {
                request_term,
                answer,
                position: Position::default(),
                priority: Priority::default(),
                ready: false,
                leaving: false,
                membership: None,
            }),
            Body::VoteReply(_)
            | Body::HeartbeatReply(_)
            | Body::RecoveryRequest
            | Body::RecoveryReply(_)
            | Body::BlankReply(_) => return None,
        };
        Some(Output::Send { to, message: Message::new(self.reply_header(header), body) })
    }

    /// A node of no life belongs to the group whose membership it takes over.
    pub(super) fn join_life(&mut self, life: Life) {
        if self.hard.life == Life::NONE {
            self.hard.life = life;
        }
    }
}
