//! The durable state of a node as its election holds it: [`HardState`] in fewer bytes.

use alloc::boxed::Box;

use crate::hard_state::{Blank, HardState};
use crate::membership::Membership;
use crate::types::{ClusterId, Life, Nanos, NodeId, Position, Term};

/// What a [`HardState`] holds, without room for what most nodes never have.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Held<I> {
    pub(crate) cluster: ClusterId,
    pub(crate) life: Life,
    pub(crate) term: Term,
    /// The node that has the vote of `term`; this node itself while `has_voted` is false.
    vote: I,
    has_voted: bool,
    /// Whether the membership was known to be committed.
    pub(crate) committed: bool,
    pub(crate) promised: Nanos,
    pub(crate) membership: Membership<I>,
    /// What only a node has that has forgotten what it took part in, or came back then. Section 9.
    amnesia: Option<Box<Amnesia>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Amnesia {
    position_floor: Position,
    blank: Option<Blank>,
}

impl<I: NodeId> Held<I> {
    /// What the node `me` holds that was started with `saved`.
    pub(crate) fn new(saved: HardState<I>, me: I) -> Self {
        let HardState {
            cluster,
            life,
            term,
            voted_for,
            promised,
            membership,
            committed,
            position_floor,
            blank,
        } = saved;
        let mut held = Held {
            cluster,
            life,
            term,
            vote: voted_for.unwrap_or(me),
            has_voted: voted_for.is_some(),
            committed,
            promised: promised.into(),
            membership,
            amnesia: None,
        };
        held.set_amnesia(Amnesia { position_floor, blank });
        held
    }

    /// The state to store, with another term and vote.
    pub(crate) fn to_state(&self, term: Term, voted_for: Option<I>) -> HardState<I> {
        HardState {
            cluster: self.cluster,
            life: self.life,
            term,
            voted_for,
            promised: self.promised.as_duration(),
            membership: self.membership.clone(),
            committed: self.committed,
            position_floor: self.position_floor(),
            blank: self.blank(),
        }
    }

    /// The node that has the vote of this term, if one has.
    pub(crate) fn voted_for(&self) -> Option<I> {
        self.has_voted.then_some(self.vote)
    }

    /// Gives the vote of this term.
    pub(crate) fn vote_for(&mut self, id: I) {
        (self.vote, self.has_voted) = (id, true);
    }

    /// The node `me` takes part in another term, whose vote is given to a node or free.
    pub(crate) fn begin_term(&mut self, term: Term, voted_for: Option<I>, me: I) {
        (self.term, self.vote, self.has_voted) = (term, voted_for.unwrap_or(me), voted_for.is_some());
    }

    /// How far the data of a candidate have to reach at the least. Rule 9.4.
    pub(crate) fn position_floor(&self) -> Position {
        self.amnesia.as_ref().map_or(Position::default(), |amnesia| amnesia.position_floor)
    }

    /// What the node knows if it has forgotten everything else.
    pub(crate) fn blank(&self) -> Option<Blank> {
        self.amnesia.as_ref()?.blank
    }

    pub(crate) fn set_position_floor(&mut self, position_floor: Position) {
        self.set_amnesia(Amnesia { position_floor, blank: self.blank() });
    }

    pub(crate) fn set_blank(&mut self, blank: Option<Blank>) {
        self.set_amnesia(Amnesia { position_floor: self.position_floor(), blank });
    }

    fn set_amnesia(&mut self, amnesia: Amnesia) {
        self.amnesia = (amnesia != Amnesia::default()).then(|| Box::new(amnesia));
    }
}
