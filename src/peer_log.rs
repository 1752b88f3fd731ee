//! What a node remembers of its peers: the last round of each (rule 2.7), when it was heard, and which anomalies
//! were reported already.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::backoff::Backoff;
use crate::membership::Membership;
use crate::message::Denial;
use crate::types::{MemberIndex, NEVER, Nanos, NodeId, Position, Round, Term, Timestamp};

/// One record for each member, and one for all nodes outside the membership, so that memory stays bounded.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct PeerLog<I> {
    /// One for each member, in the order of the membership.
    members: Box<[PeerRecord]>,
    /// State that most nodes never need, kept out of line.
    rare: Option<Box<RareState<I>>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct PeerRecord {
    /// Term and round of the last heartbeat or vote request that was accepted. Rule 2.7.
    last: (Term, Round),
    /// When the last message arrived, whatever it was.
    heard: Timestamp,
}

const SILENT: PeerRecord = PeerRecord { last: (Term(0), Round(0)), heard: NEVER };

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct RareState<I> {
    /// The last node outside the membership whose heartbeat or vote request was accepted.
    outsider: Option<(I, PeerRecord)>,
    /// The last denial that arrived since this node followed a leader, and when.
    last_denial: Option<(I, Denial<I>, Timestamp)>,
    /// The voters whose data reach further than this node's, and how rarely the host is told again.
    ahead: Vec<(I, Position, Backoff)>,
    reported: Vec<(Option<I>, Anomaly)>,
    /// The last term that two nodes claimed to lead. Rule 5.4.
    disputed: Option<Term>,
}

/// A thing that should not happen, which the host is told once for each peer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Anomaly {
    ForeignCluster,
    MembershipConflict,
    TwoLeaders,
    TermTooFarAhead,
    TooManyForming,
}

impl<I: NodeId> PeerLog<I> {
    pub(crate) fn new(members: &Membership<I>) -> Self {
        PeerLog { members: core::iter::repeat_n(SILENT, members.members().len()).collect(), rare: None }
    }

    /// The membership changed: the records of members that stay are kept, and so is that of an outsider that
    /// became a member.
    pub(crate) fn realign(&mut self, old: &Membership<I>, new: &Membership<I>) {
        let outsider = self.rare.as_ref().and_then(|rare| rare.outsider);
        let known = |id: &I| {
            let peer = old.index_of(*id).and_then(|index| self.members.get(index.as_usize()).copied());
            peer.or_else(|| outsider.filter(|(outsider, _)| outsider == id).map(|(_, peer)| peer))
        };
        self.members = new.members().iter().map(|id| known(id).unwrap_or(SILENT)).collect();
        if let Some(rare) = &mut self.rare {
            rare.reported.retain(|(peer, _)| peer.is_none_or(|peer| new.contains(peer)));
            rare.ahead.retain(|(peer, _, _)| new.contains(*peer));
        }
    }

    /// A message of the member at `index` arrived.
    pub(crate) fn record_heard(&mut self, index: MemberIndex, now: Timestamp) {
        if let Some(peer) = self.members.get_mut(index.as_usize()) {
            peer.heard = now;
        }
    }

    /// When the member at `index` was last heard.
    pub(crate) fn last_heard(&self, index: MemberIndex) -> Option<Timestamp> {
        self.members.get(index.as_usize()).map(|peer| peer.heard).filter(|&heard| heard != NEVER)
    }

    /// Rule 2.7: whether a heartbeat or vote request is newer than the last one that its sender had accepted.
    /// Rounds are compared within a term, since a restart begins them again.
    pub(crate) fn is_newer(&self, index: Option<MemberIndex>, from: I, term: Term, round: Round) -> bool {
        let last = match index {
            Some(index) => self.members.get(index.as_usize()).map(|peer| peer.last),
            None => self.outsider(from).map(|peer| peer.last),
        };
        (term, round) > last.unwrap_or(SILENT.last)
    }

    /// Rule 2.7: remembers the round of a heartbeat or vote request that was newer.
    pub(crate) fn record_round(&mut self, index: Option<MemberIndex>, from: I, term: Term, round: Round) {
        match index.and_then(|index| self.members.get_mut(index.as_usize())) {
            Some(peer) => peer.last = (term, round),
            None => {
                let heard = self.outsider(from).map_or(NEVER, |peer| peer.heard);
                self.rare().outsider = Some((from, PeerRecord { last: (term, round), heard }));
            }
        }
    }

    /// Whether the next heartbeat of the member at `index` is newer, in a term that no two nodes claim to lead.
    pub(crate) fn is_next_round(&self, index: MemberIndex, term: Term, round: Round) -> bool {
        let last = self.members.get(index.as_usize()).map(|peer| peer.last);
        !self.is_disputed(term) && last.is_some_and(|last| (term, round) > last)
    }

    /// What [`record_round`](Self::record_round) and [`record_heard`](Self::record_heard) do for a member.
    pub(crate) fn record_heartbeat(&mut self, index: MemberIndex, term: Term, round: Round, now: Timestamp) {
        if let Some(peer) = self.members.get_mut(index.as_usize()) {
            *peer = PeerRecord { last: (term, round), heard: now };
        }
    }

    fn outsider(&self, id: I) -> Option<PeerRecord> {
        let (outsider, peer) = self.rare.as_ref()?.outsider?;
        (outsider == id).then_some(peer)
    }

    /// Remembers that `anomaly` of `peer` is reported, and returns whether that is the first time. All nodes
    /// outside the membership count as one peer, so that memory stays bounded.
    pub(crate) fn record_anomaly(&mut self, is_member: bool, peer: I, anomaly: Anomaly) -> bool {
        let entry = (is_member.then_some(peer), anomaly);
        let reported = &mut self.rare().reported;
        let first = !reported.contains(&entry);
        if first {
            reported.push(entry);
        }
        first
    }

    /// Rule 5.4: two nodes claim to lead `term`.
    pub(crate) fn record_dispute(&mut self, term: Term) {
        self.rare().disputed = Some(term);
    }

    pub(crate) fn is_disputed(&self, term: Term) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.disputed == Some(term))
    }

    pub(crate) fn record_denial(&mut self, by: I, denial: Denial<I>, now: Timestamp) {
        self.rare().last_denial = Some((by, denial, now));
    }

    /// The last denial, if it arrived at `oldest` or later.
    pub(crate) fn last_denial(&self, oldest: Timestamp) -> Option<(I, Denial<I>)> {
        let (by, denial, at) = self.rare.as_ref()?.last_denial?;
        (at >= oldest).then_some((by, denial))
    }

    /// A denial says nothing about the present any more, because a leader is known.
    pub(crate) fn forget_denial(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.last_denial = None;
        }
    }

    /// The data of `voter` reach further than this node's. Returns whether to tell the host: the first time, and then
    /// after pauses that begin with `unit` and grow.
    pub(crate) fn record_ahead(&mut self, voter: I, position: Position, now: Timestamp, unit: Nanos) -> bool {
        let ahead = &mut self.rare().ahead;
        if !ahead.iter().any(|(known, _, _)| *known == voter) {
            ahead.push((voter, position, Backoff::default()));
        }
        let entry = ahead.iter_mut().find(|(known, _, pause)| *known == voter && pause.has_passed(now));
        let Some((_, known, pause)) = entry else { return false };
        *known = position;
        pause.double(now, unit);
        true
    }

    /// The data of this node reach `position` now.
    pub(crate) fn forget_reached(&mut self, position: Position) {
        if let Some(rare) = &mut self.rare {
            rare.ahead.retain(|(_, ahead, _)| *ahead > position);
        }
    }

    fn rare(&mut self) -> &mut RareState<I> {
        self.rare.get_or_insert_with(|| {
            Box::new(RareState {
                outsider: None,
                last_denial: None,
                ahead: Vec::new(),
                reported: Vec::new(),
                disputed: None,
            })
        })
    }
}
