//! What was last heard of whom, and what is not said twice.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::membership::Membership;
use crate::message::Denial;
use crate::types::{NEVER, Nanos, NodeId, Round, Term};

/// The last of what each sender said. One entry for each member, and one for all strangers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct PeerLog<I> {
    /// In the order of the membership.
    members: Box<[PeerRecord]>,
    /// What most nodes never need.
    rare: Option<Box<RareState<I>>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct PeerRecord {
    /// Of the last heartbeat or vote request that was not ignored. Rule 2.7.
    last: (Term, Round),
    heard: Nanos,
}

const SILENT: PeerRecord = PeerRecord { last: (Term(0), Round(0)), heard: NEVER };

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct RareState<I> {
    /// The stranger with a newer membership that was heard last.
    stranger: Option<(I, PeerRecord)>,
    last_denial: Option<(I, Denial<I>)>,
    reported: Vec<(Option<I>, Anomaly)>,
    /// The last term that two nodes claimed to lead. Rule 5.4.
    disputed: Option<Term>,
}

/// What an operator is told once for each peer.
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

    /// The membership changed: what is known of those who stay is kept, of any who come it is too.
    pub(crate) fn realign(&mut self, old: &Membership<I>, new: &Membership<I>) {
        let stranger = self.rare.as_ref().and_then(|rare| rare.stranger);
        let known = |id: &I| {
            let place = old.index_of(*id).and_then(|place| self.members.get(place).copied());
            place.or_else(|| stranger.filter(|(stranger, _)| stranger == id).map(|(_, peer)| peer))
        };
        self.members = new.members().iter().map(|id| known(id).unwrap_or(SILENT)).collect();
        if let Some(rare) = &mut self.rare {
            rare.reported.retain(|(peer, _)| peer.is_none_or(|peer| new.contains(peer)));
        }
    }

    /// Something arrived from the member at `place`.
    pub(crate) fn heard(&mut self, place: usize, now: Nanos) {
        if let Some(peer) = self.members.get_mut(place) {
            peer.heard = now;
        }
    }

    /// When the member at `place` was last heard.
    pub(crate) fn last_heard(&self, place: usize) -> Option<Nanos> {
        self.members.get(place).map(|peer| peer.heard).filter(|&heard| heard != NEVER)
    }

    /// Rule 2.7: whether a heartbeat or vote request is newer than the last from its sender; if so
    /// it is now the last. Rounds are compared within a term, since a restart begins them again.
    pub(crate) fn is_news(&mut self, place: Option<usize>, from: I, term: Term, round: Round) -> bool {
        let peer = match place.and_then(|place| self.members.get_mut(place)) {
            Some(peer) => peer,
            None => match &mut self.rare().stranger {
                Some((stranger, peer)) if *stranger == from => peer,
                other => &mut other.insert((from, SILENT)).1,
            },
        };
        let news = (term, round) > peer.last;
        if news {
            peer.last = (term, round);
        }
        news
    }

    /// [`is_news`](Self::is_news) and [`heard`](Self::heard) of a member, in a term that nobody disputes.
    pub(crate) fn is_next(&mut self, place: u8, term: Term, round: Round, now: Nanos) -> bool {
        let undisputed = !self.is_disputed(term);
        let peer = self.members.get_mut(usize::from(place));
        let next = peer.filter(|peer| undisputed && (term, round) > peer.last);
        next.map(|peer| *peer = PeerRecord { last: (term, round), heard: now }).is_some()
    }

    /// Whether `oddity` of `peer` is yet to be told. Strangers count as one peer, so that memory
    /// stays bounded.
    pub(crate) fn report_once(&mut self, member: bool, peer: I, oddity: Anomaly) -> bool {
        let entry = (member.then_some(peer), oddity);
        let reported = &mut self.rare().reported;
        let first = !reported.contains(&entry);
        if first {
            reported.push(entry);
        }
        first
    }

    pub(crate) fn dispute(&mut self, term: Term) {
        self.rare().disputed = Some(term);
    }

    pub(crate) fn is_disputed(&self, term: Term) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.disputed == Some(term))
    }

    pub(crate) fn note_denial(&mut self, by: I, denial: Denial<I>) {
        self.rare().last_denial = Some((by, denial));
    }

    pub(crate) fn last_denial(&self) -> Option<(I, Denial<I>)> {
        self.rare.as_ref().and_then(|rare| rare.last_denial)
    }

    fn rare(&mut self) -> &mut RareState<I> {
        self.rare.get_or_insert_with(|| {
            Box::new(RareState { stranger: None, last_denial: None, reported: Vec::new(), disputed: None })
        })
    }
}
