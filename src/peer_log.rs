//! What a node remembers of its peers: the last round of each (rule 2.7), when it was heard, and which anomalies
//! were reported already.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::membership::Membership;
use crate::message::Denial;
use crate::notice::Notice;
use crate::types::{MemberIndex, NEVER, Nanos, NodeId, Position, Round, Term, Timestamp};

/// One record for each other member, and one for all nodes outside the membership, so that memory stays bounded.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct PeerLog<I> {
    /// One for each member but this node, in the order of the membership.
    members: Box<[PeerRecord]>,
    /// State that most nodes never need, kept out of line.
    rare: Option<Box<RareState<I>>>,
}

/// The index of another member among the members without this node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PeerIndex(usize);

impl PeerIndex {
    /// The index of the member at `index`, if that is not this node, which is at `own`.
    #[inline]
    pub(crate) fn new(index: MemberIndex, own: Option<MemberIndex>) -> Option<Self> {
        let is_behind_own = own.is_some_and(|own| own < index);
        let peer = index.as_usize().saturating_sub(usize::from(is_behind_own));
        (own != Some(index)).then_some(PeerIndex(peer))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct PeerRecord {
    /// Term and round of the last heartbeat or vote request that was accepted. Rule 2.7.
    last: (Term, Round),
    /// When the last message arrived, whatever it was.
    heard: Timestamp,
}

const SILENT: PeerRecord = PeerRecord { last: (Term(0), Round(0)), heard: NEVER };

/// What a node remembers of trouble. All of it ends, by [`PeerLog::forget_what_is_over`] at the latest, so that a node
/// that had trouble long ago is in the same state as one that never had.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct RareState<I> {
    /// The last node outside the membership whose heartbeat or vote request was accepted. It ends when that node
    /// becomes a member, and with the term of that request: older requests are denied by their term.
    outsider: Option<(I, PeerRecord)>,
    /// The last denial that arrived since this node followed a leader, and when. It ends when a leader is followed,
    /// and when it is older than any that is shown.
    last_denial: Option<(I, Denial<I>, Timestamp)>,
    /// The voters whose data reach further than this node's. An entry ends when this node's data reach as far, when
    /// the voter leaves the group, and with its notice.
    ahead: Vec<(I, Position, Notice<()>)>,
    /// What the host was told of. An entry ends when the peer leaves the group, and with its notice.
    reported: Vec<(Option<I>, Anomaly, Notice<()>)>,
    /// The last term that two nodes claimed to lead. Rule 5.4. It ends with that term.
    disputed: Option<Term>,
    /// When to look for what is over, here and in what a node remembers of takeovers.
    review_at: Timestamp,
}

impl<I> RareState<I> {
    fn is_empty(&self) -> bool {
        self.outsider.is_none()
            && self.last_denial.is_none()
            && self.ahead.is_empty()
            && self.reported.is_empty()
            && self.disputed.is_none()
    }
}

/// A thing that should not happen, which the host is told for each peer, at growing intervals while it lasts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Anomaly {
    ForeignCluster,
    OtherLife,
    MembershipConflict,
    TwoLeaders,
    TermTooFarAhead,
    TooManyForming,
    ShortPromise,
}

impl<I: NodeId> PeerLog<I> {
    /// The log of the node `me`, which has heard nobody yet.
    pub(crate) fn new(members: &Membership<I>, me: I) -> Self {
        let others = members.members().iter().filter(|&&id| id != me);
        PeerLog { members: others.map(|_| SILENT).collect(), rare: None }
    }

    /// The membership changed: the records of members that stay are kept, and so is that of an outsider that
    /// became a member.
    pub(crate) fn realign(&mut self, old: &Membership<I>, new: &Membership<I>, me: I) {
        let outsider = self.rare.as_ref().and_then(|rare| rare.outsider);
        let own = old.index_of(me);
        let known = |id: &I| {
            let index = old.index_of(*id).and_then(|index| PeerIndex::new(index, own));
            let peer = index.and_then(|PeerIndex(index)| self.members.get(index).copied());
            peer.or_else(|| outsider.filter(|(outsider, _)| outsider == id).map(|(_, peer)| peer))
        };
        let others = new.members().iter().filter(|&&id| id != me);
        self.members = others.map(|id| known(id).unwrap_or(SILENT)).collect();
        if let Some(rare) = &mut self.rare {
            rare.reported.retain(|(peer, _, _)| peer.is_none_or(|peer| new.contains(peer)));
            rare.ahead.retain(|(peer, _, _)| new.contains(*peer));
            rare.outsider = rare.outsider.filter(|(outsider, _)| !new.contains(*outsider));
        }
    }

    /// A message of the member at `index` arrived.
    pub(crate) fn record_heard(&mut self, PeerIndex(index): PeerIndex, now: Timestamp) {
        if let Some(peer) = self.members.get_mut(index) {
            peer.heard = now;
        }
    }

    /// When the member at `index` was last heard.
    pub(crate) fn last_heard(&self, PeerIndex(index): PeerIndex) -> Option<Timestamp> {
        self.members.get(index).map(|peer| peer.heard).filter(|&heard| heard != NEVER)
    }

    /// Rule 2.7: whether a heartbeat or vote request is newer than the last one that its sender had accepted.
    /// Rounds are compared within a term, since a restart begins them again.
    pub(crate) fn is_newer(&self, index: Option<PeerIndex>, from: I, term: Term, round: Round) -> bool {
        let last = match index {
            Some(PeerIndex(index)) => self.members.get(index).map(|peer| peer.last),
            None => self.outsider(from).map(|peer| peer.last),
        };
        (term, round) > last.unwrap_or(SILENT.last)
    }

    /// Rule 2.7: remembers the round of a heartbeat or vote request that was newer.
    pub(crate) fn record_round(&mut self, index: Option<PeerIndex>, from: I, term: Term, round: Round) {
        match index.and_then(|PeerIndex(index)| self.members.get_mut(index)) {
            Some(peer) => peer.last = (term, round),
            None => {
                let heard = self.outsider(from).map_or(NEVER, |peer| peer.heard);
                self.rare().outsider = Some((from, PeerRecord { last: (term, round), heard }));
            }
        }
    }

    /// Whether the next heartbeat of the member at `index` is newer, in a term that no two nodes claim to lead, and
    /// there is nothing to forget at `now`.
    pub(crate) fn is_next_round(
        &self,
        PeerIndex(index): PeerIndex,
        term: Term,
        round: Round,
        now: Timestamp,
    ) -> bool {
        let last = self.members.get(index).map(|peer| peer.last);
        let is_plain = |rare: &RareState<I>| {
            rare.disputed.is_none_or(|disputed| disputed != term) && now < rare.review_at
        };
        self.rare.as_deref().is_none_or(is_plain) && last.is_some_and(|last| (term, round) > last)
    }

    /// What [`record_round`](Self::record_round) and [`record_heard`](Self::record_heard) do for a member.
    pub(crate) fn record_heartbeat(
        &mut self,
        PeerIndex(index): PeerIndex,
        term: Term,
        round: Round,
        now: Timestamp,
    ) {
        if let Some(peer) = self.members.get_mut(index) {
            *peer = PeerRecord { last: (term, round), heard: now };
        }
    }

    fn outsider(&self, id: I) -> Option<PeerRecord> {
        let (outsider, peer) = self.rare.as_ref()?.outsider?;
        (outsider == id).then_some(peer)
    }

    /// `anomaly` of `peer` is seen at `now`. Returns whether to tell the host: the first time, and then after pauses
    /// that begin with `pause` and grow. All nodes outside the membership count as one peer, so that memory stays
    /// bounded.
    pub(crate) fn record_anomaly(
        &mut self,
        is_member: bool,
        peer: I,
        anomaly: Anomaly,
        now: Timestamp,
        pause: Nanos,
    ) -> bool {
        let entry = (is_member.then_some(peer), anomaly);
        let reported = &mut self.rare().reported;
        reported.retain(|(_, _, notice)| !notice.is_over(now));
        match reported.iter_mut().find(|(peer, anomaly, _)| (*peer, *anomaly) == entry) {
            Some((_, _, notice)) => notice.tell_again((), now, pause),
            None => {
                reported.push((entry.0, entry.1, Notice::new((), now, pause)));
                true
            }
        }
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
    /// after pauses that begin with `pause` and grow.
    pub(crate) fn record_ahead(
        &mut self,
        voter: I,
        position: Position,
        now: Timestamp,
        pause: Nanos,
    ) -> bool {
        let ahead = &mut self.rare().ahead;
        ahead.retain(|(_, _, notice)| !notice.is_over(now));
        let Some((_, known, notice)) = ahead.iter_mut().find(|(known, _, _)| *known == voter) else {
            ahead.push((voter, position, Notice::new((), now, pause)));
            return true;
        };
        let is_repeated = notice.tell_again((), now, pause);
        if is_repeated {
            *known = position;
        }
        is_repeated
    }

    /// The data of this node reach `position` now.
    pub(crate) fn forget_reached(&mut self, position: Position) {
        if let Some(rare) = &mut self.rare {
            rare.ahead.retain(|(_, ahead, _)| *ahead > position);
        }
    }

    /// Something is to be forgotten later: the next review is due at once, and says when.
    pub(crate) fn schedule_review(&mut self) {
        self.rare().review_at = Timestamp::ORIGIN;
    }

    /// Whether it is time to look for what is over.
    pub(crate) fn is_review_due(&self, now: Timestamp) -> bool {
        self.rare.as_ref().is_some_and(|rare| now >= rare.review_at)
    }

    /// Forgets what is over at `now`, in this `term`; denials are shown if they arrived at `oldest_denial` or later.
    /// The next review is due at `next`, if anything is left, here or by `is_more_left`.
    pub(crate) fn forget_what_is_over(
        &mut self,
        now: Timestamp,
        term: Term,
        oldest_denial: Timestamp,
        is_more_left: bool,
        next: Timestamp,
    ) {
        let Some(rare) = &mut self.rare else { return };
        rare.reported.retain(|(_, _, notice)| !notice.is_over(now));
        rare.ahead.retain(|(_, _, notice)| !notice.is_over(now));
        rare.disputed = rare.disputed.filter(|&disputed| disputed >= term);
        rare.outsider = rare.outsider.filter(|(_, peer)| peer.last.0 >= term);
        rare.last_denial = rare.last_denial.filter(|&(_, _, at)| at >= oldest_denial);
        rare.review_at = next;
        if rare.is_empty() && !is_more_left {
            self.rare = None;
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
                review_at: Timestamp::ORIGIN,
            })
        })
    }
}
