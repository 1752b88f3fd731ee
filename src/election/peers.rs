//! What the log of peers says of a member, by the index that it has in the membership.

use super::Election;
use crate::peer_log::PeerIndex;
use crate::types::{MemberIndex, NodeId, Round, Term, Timestamp};

impl<I: NodeId, R> Election<I, R> {
    #[inline]
    pub(super) fn peer_at(&self, index: MemberIndex) -> Option<PeerIndex> {
        PeerIndex::new(index, self.own_index)
    }

    /// A message of the member at `index` has arrived.
    #[inline]
    pub(super) fn record_heard(&mut self, index: MemberIndex) {
        if let Some(peer) = self.peer_at(index) {
            self.peer_log.record_heard(peer, self.now);
        }
    }

    /// When another member was last heard.
    pub(super) fn last_heard(&self, index: MemberIndex) -> Option<Timestamp> {
        self.peer_log.last_heard(self.peer_at(index)?)
    }

    /// Rule 2.7: whether a heartbeat or vote request is newer than the last one that its sender had accepted.
    pub(super) fn is_newer(&self, index: Option<MemberIndex>, from: I, term: Term, round: Round) -> bool {
        let peer = index.and_then(|index| self.peer_at(index));
        self.peer_log.is_newer(peer, from, term, round)
    }

    /// Rule 2.7: remembers the round of a heartbeat or vote request that was newer.
    pub(super) fn record_round(&mut self, index: Option<MemberIndex>, from: I, term: Term, round: Round) {
        let peer = index.and_then(|index| self.peer_at(index));
        self.peer_log.record_round(peer, from, term, round);
    }
}
