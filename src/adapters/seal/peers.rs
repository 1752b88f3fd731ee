//! The other nodes that a seal remembers: no more than so many.

use std::collections::BTreeMap;
use std::prelude::rust_2024::*;

use serde::Serialize;

use super::contents::{FullHead, Tag, Ticket};
use super::number::{Channel, ChannelId, Channels, Number, Session};
use super::peer::Peer;
use super::{Refusal, SealError};
use crate::types::NodeId;

/// How many other nodes are remembered.
const MAX_PEERS: usize = 1_024;

/// The peers by their ids, and the channels between them and this process.
pub(super) struct Peers<I> {
    peers: BTreeMap<I, Peer>,
    /// The peers by the channels that are read.
    readable: BTreeMap<Channel, I>,
    /// The peers by the channels that are written to.
    writable: BTreeMap<ChannelId, I>,
    /// The last ticket that was given before a peer was forgotten, or before the first.
    forgotten: Ticket,
    /// How often any peer was used, by which the one is found that was unused for longest.
    used: u64,
}

impl<I: NodeId> Peers<I> {
    /// No peers. `given` is the ticket before the first that is given.
    pub(super) fn new(given: Ticket) -> Self {
        Peers {
            peers: BTreeMap::new(),
            readable: BTreeMap::new(),
            writable: BTreeMap::new(),
            forgotten: given,
            used: 0,
        }
    }

    pub(super) fn get(&self, id: I) -> Option<&Peer> {
        self.peers.get(&id)
    }

    /// Leaves room for so many datagrams in the peer's channel.
    #[cfg(test)]
    pub(super) fn skip(&mut self, id: I, left: u64) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.next = Number((peer.next.0 | 0xffff).saturating_add(1).saturating_sub(left));
        }
    }

    /// Marks the peer as used, if it is remembered.
    fn touch_known(&mut self, id: I) -> Option<&mut Peer> {
        self.used = self.used.saturating_add(1);
        let peer = self.peers.get_mut(&id)?;
        peer.used = self.used;
        Some(peer)
    }

    /// Makes room for one more peer. The peer is forgotten that was unused for longest: one that has never shown to be
    /// alive, if there is any. Its processes are admitted again by a later ticket than `given`.
    fn make_room(&mut self, given: Ticket) {
        if self.peers.len() < MAX_PEERS {
            return;
        }
        let longest =
            self.peers.iter().min_by_key(|(_, peer)| (peer.is_live(), peer.used)).map(|(&id, _)| id);
        let Some(peer) = longest.and_then(|id| self.peers.remove(&id)) else { return };
        self.writable.remove(&peer.channel());
        peer.admitted.and_then(|admitted| self.readable.remove(&admitted.channel));
        self.forgotten = given;
    }

    /// Accepts a datagram with a short head, or says why it is refused. Returns its sender.
    pub(super) fn accept_short(&mut self, session: Session, number: Number) -> Result<I, Refusal> {
        let channel = Channel { session, id: number.channel() };
        let &id = self.readable.get(&channel).ok_or(Refusal::Unproven)?;
        let peer = self.touch_known(id).ok_or(Refusal::Unproven)?;
        peer.accept_short(number).map(|()| id)
    }

    /// Accepts the reply of process `session` to a datagram of this process, or says why the reply is refused. Returns the
    /// peer that the datagram was for.
    pub(super) fn accept_reply(
        &mut self,
        answered: Number,
        session: Session,
        ticket: Ticket,
    ) -> Result<I, Refusal> {
        let &id = self.writable.get(&answered.channel()).ok_or(Refusal::Stale)?;
        let peer = self.touch_known(id).ok_or(Refusal::Stale)?;
        peer.accept_reply(answered, session, ticket).map(|()| id)
    }
}

impl<I: NodeId + Serialize> Peers<I> {
    /// Finds the peer, or begins to remember it, and marks it as used. `given` is the last ticket that was given.
    fn touch(&mut self, id: I, given: Ticket) -> Result<&mut Peer, SealError> {
        if !self.peers.contains_key(&id) {
            let tag = Tag::of(&id)?;
            self.make_room(given);
            self.peers.insert(id, Peer::new(tag, self.forgotten));
        }
        self.touch_known(id).ok_or(SealError::Unsealable)
    }

    /// The peer, with room for one more datagram in its channel, or else with a new channel.
    pub(super) fn writable(
        &mut self,
        id: I,
        given: Ticket,
        channels: &mut Channels,
    ) -> Result<&mut Peer, SealError> {
        let peer = self.touch(id, given)?;
        if peer.next.is_used_up() {
            let (before, first) = (peer.channel(), channels.open());
            peer.move_to(first);
            self.writable.remove(&before);
            self.writable.insert(first.channel(), id);
        }
        self.peers.get_mut(&id).ok_or(SealError::Unsealable)
    }

    /// Accepts a datagram with a full head, or says why it is refused. `me` is the session of the receiver, and `given` the
    /// last ticket that it gave. Returns whether the process of the sender had been replaced by another one.
    pub(super) fn accept_full(
        &mut self,
        (session, number): (Session, Number),
        head: &FullHead<I>,
        (me, given): (Session, Ticket),
    ) -> Result<bool, Refusal> {
        let channel = Channel { session, id: number.channel() };
        // Two nodes that have drawn one session cannot both be read: whose a short head is would be unknown.
        if self.readable.get(&channel).is_some_and(|&owner| owner != head.from) {
            return Err(Refusal::Unproven);
        }
        let before = self.peers.get(&head.from).and_then(|peer| peer.admitted);
        let known = self.touch_known(head.from);
        let accepted = known.and_then(|peer| peer.accept_full((session, number), head, me));
        let is_twin = match accepted {
            Some(accepted) => accepted.map(|()| false)?,
            None => {
                let (proven, ticket) = head.proof;
                let used = self.peers.get(&head.from).map_or(self.forgotten, |peer| peer.used_ticket);
                if proven != me || ticket <= used || ticket > given {
                    return Err(Refusal::Unproven);
                }
                let peer = self.touch(head.from, given).map_err(|_| Refusal::Malformed)?;
                peer.admit((session, number), head, me)
            }
        };
        self.update_readable(head.from, before.map(|before| before.channel));
        Ok(is_twin)
    }

    fn update_readable(&mut self, id: I, before: Option<Channel>) {
        let now = self.peers.get(&id).and_then(|peer| peer.admitted).map(|admitted| admitted.channel);
        if before != now {
            before.and_then(|before| self.readable.remove(&before));
            now.and_then(|now| self.readable.insert(now, id));
        }
    }
}
