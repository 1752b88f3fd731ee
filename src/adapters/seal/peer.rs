//! Another node, as far as its datagrams have to be told from old ones.
//!
//! A process gives *tickets*, which are numbered. A datagram that bears a ticket is recent: it was sealed after the
//! ticket was given. A ticket later than the one before, and nothing else, *admits* a process of the other node, and the
//! channel that its datagrams come on. From then on the channel is enough. The numbers of the datagrams in it grow: all
//! below the number that was admitted count as seen, and each of the others is accepted once.
//!
//! So no datagram is accepted twice, whichever side has restarted meanwhile:
//!
//! - the receiver: what was sealed for an earlier process has a lower number than the datagram that bears the ticket of
//!   the present one;
//! - the sender: an earlier process was given its last ticket before its end, thus before any that its successor bears.
//!   Once the successor is admitted, no ticket of the earlier process is later.
//!
//! How a node comes to know the ticket of another is guarded just as well, or old datagrams could keep two nodes apart:
//! the node learns it from an accepted datagram, of a process of which it knows none, or from a reply to a datagram that
//! it has sealed since it last learned one. So of one process it never learns an earlier ticket after a later one.
//!
//! # Short heads
//!
//! A node seals with a full head until the other has said that it reads the channel, and with a short one afterwards.
//! A full head says so about the other direction, and asks for it. A node that has sealed a few datagrams and
//! received none seals with full heads again: who it is, and whom it means, is then told to any node that listens at the
//! other's address.

use std::prelude::rust_2024::*;

use super::Refusal;
use super::contents::{FullHead, Tag, Ticket};
use super::number::{Channel, ChannelId, Number, Session};
use super::window::Window;
use crate::types::NodeId;

/// How many datagrams with a short head are sealed in a row while none is received.
const MAX_UNANSWERED: u8 = 8;

/// The state kept for a peer; its size is the same for every peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// What a short head to the peer bears.
    pub(super) tag: Tag,
    /// The number of the next datagram to the peer.
    pub(super) next: Number,
    /// The number from which on datagrams may be answered.
    asked_from: Number,
    known: Option<Known>,
    /// Whether the peer has said that it reads the channel that `next` is in.
    is_confirmed: bool,
    /// Whether the peer asks to be told that its channel is read.
    is_asked: bool,
    /// How many datagrams were sealed since one was accepted.
    unanswered: u8,
    pub(super) admitted: Option<Admitted>,
    /// The process that was admitted before that one.
    replaced: Option<Session>,
    /// No process is admitted by this ticket, or by an earlier one.
    pub(super) used_ticket: Ticket,
    /// When the peer was last heard or written to, counted in datagrams.
    pub(super) used: u64,
}

/// The process of the peer whose datagrams are accepted, and where they come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admitted {
    pub(super) channel: Channel,
    window: Window,
}

/// The process of the peer that datagrams are sealed for, and the ticket that it has given.
#[derive(Clone, Copy, Debug)]
struct Known {
    session: Session,
    ticket: Ticket,
}

/// How a datagram to a peer begins.
pub(super) enum Form {
    /// The process of the peer that is known, and its ticket; the channel that is read, and whether to confirm.
    Full {
        proof: (Session, Ticket),
        heard: Option<Channel>,
        asks: bool,
    },
    Short(Tag),
}

impl Peer {
    /// A peer of which nothing is known. Tickets up to `used_ticket` may have admitted one of its processes before.
    pub(super) fn new(tag: Tag, used_ticket: Ticket) -> Self {
        Peer {
            tag,
            next: Number::NONE,
            asked_from: Number::NONE,
            known: None,
            is_confirmed: false,
            is_asked: false,
            unanswered: 0,
            admitted: None,
            replaced: None,
            used_ticket,
            used: 0,
        }
    }

    /// Whether datagrams for the peer can be sealed.
    pub(super) fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// Whether the peer has shown to be alive, which a sender of copied datagrams cannot.
    pub(super) fn is_live(&self) -> bool {
        self.admitted.is_some() || self.known.is_some()
    }

    /// The channel that the last datagram to the peer was in.
    pub(super) fn channel(&self) -> ChannelId {
        Number(self.next.0.saturating_sub(1)).channel()
    }

    /// Goes on in a channel that nobody reads yet.
    pub(super) fn move_to(&mut self, first: Number) {
        self.next = first;
        self.is_confirmed = false;
    }

    pub(super) fn take_number(&mut self) -> Number {
        let number = self.next;
        self.next = number.next();
        number
    }

    /// Chooses how the next datagram begins, which is sealed then; `None` if the peer has given no ticket yet. A datagram
    /// for which `has_room` says that a reply would be longer begins with a full head.
    pub(super) fn choose_form(&mut self, has_room: bool) -> Option<Form> {
        let Known { session, ticket } = self.known?;
        let is_short = self.is_confirmed && !self.is_asked && self.unanswered < MAX_UNANSWERED && has_room;
        self.unanswered = self.unanswered.saturating_add(1);
        if is_short {
            return Some(Form::Short(self.tag));
        }
        self.is_asked = false;
        let heard = self.admitted.map(|admitted| admitted.channel);
        Some(Form::Full { proof: (session, ticket), heard, asks: !self.is_confirmed })
    }

    /// Accepts a datagram with a short head on the channel that is read, if it is new.
    pub(super) fn accept_short(&mut self, number: Number) -> Result<(), Refusal> {
        let admitted = self.admitted.as_mut().ok_or(Refusal::Unproven)?;
        if !admitted.window.admit(number.0) {
            return Err(Refusal::Replayed);
        }
        self.unanswered = 0;
        Ok(())
    }

    /// Accepts a datagram with a full head of a process that is read, if it is new; `None` if another process, or none,
    /// is read.
    pub(super) fn accept_full<I: NodeId>(
        &mut self,
        (session, number): (Session, Number),
        head: &FullHead<I>,
        me: Session,
    ) -> Option<Result<(), Refusal>> {
        let admitted = self.admitted.as_mut().filter(|admitted| admitted.channel.session == session)?;
        if !admitted.window.admit(number.0) {
            return Some(Err(Refusal::Replayed));
        }
        // A datagram of the channel before may have been overtaken.
        admitted.channel.id = admitted.channel.id.max(number.channel());
        self.listen(head, me);
        Some(Ok(()))
    }

    /// Admits the process that sent this datagram. Returns whether the process had been replaced by another one: a process
    /// cannot be given a ticket after its end, so both are running.
    pub(super) fn admit<I: NodeId>(
        &mut self,
        (session, number): (Session, Number),
        head: &FullHead<I>,
        me: Session,
    ) -> bool {
        let before =
            self.admitted.map(|admitted| admitted.channel.session).filter(|&before| before != session);
        let is_twin = before.is_some() && self.replaced == Some(session);
        self.replaced = before.or(self.replaced);
        self.used_ticket = self.used_ticket.max(head.proof.1);
        let channel = Channel { session, id: number.channel() };
        self.admitted = Some(Admitted { channel, window: Window::starting_at(number.0) });
        if self.known.is_none_or(|known| known.session != session) {
            self.learn(session, head.ticket);
        }
        self.listen(head, me);
        is_twin
    }

    /// Takes note of what an accepted datagram says of the other direction.
    fn listen<I: NodeId>(&mut self, head: &FullHead<I>, me: Session) {
        self.is_confirmed = head.heard == Some(Channel { session: me, id: self.channel() });
        self.is_asked |= head.asks;
        self.unanswered = 0;
    }

    /// Accepts the reply of a process to a datagram of this number, or says why the reply is refused.
    pub(super) fn accept_reply(
        &mut self,
        answered: Number,
        session: Session,
        ticket: Ticket,
    ) -> Result<(), Refusal> {
        if answered < self.asked_from {
            return Err(Refusal::Stale);
        }
        self.learn(session, ticket);
        Ok(())
    }

    /// Learns the peer's ticket. All that was sealed before is answered thereby.
    fn learn(&mut self, session: Session, ticket: Ticket) {
        self.asked_from = self.next;
        self.is_confirmed &= self.known.is_some_and(|known| known.session == session);
        self.known = Some(Known { session, ticket });
    }
}
