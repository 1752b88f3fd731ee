//! Spans of the crate `tracing`, for candidacies and leaderships.

#[cfg(any(feature = "udp", feature = "tokio"))]
use alloc::vec::Vec;
#[cfg(any(feature = "udp", feature = "tokio"))]
use core::mem;

use ::tracing::field::{Empty, display};
use ::tracing::{Span, info_span};
use rand_core::Rng;

use crate::election::Election;
use crate::role::RoleKind;
use crate::types::{NodeId, Term};

/// One span for each candidacy of a node, and one for each of its leaderships, both of level `info`. Both hosts keep them;
/// a loop of your own shows its election after each step and tick.
///
/// | span | from | to | fields |
/// |---|---|---|---|
/// | `candidacy` | the node asks for the votes of a term; pre-votes come before | it leads, or campaigns in that term no longer | `node`, `term`; at the end `won` |
/// | `leadership` | the node leads | it leads no longer | `node`, `term`; `renewed_to`, the last term, if the leadership was renewed in a later term |
///
/// Spans have no parent, and nothing is inside them: each shows for how long it lasted.
#[derive(Debug, Default)]
pub struct Spans {
    candidacy: Option<(Term, Span)>,
    leadership: Option<(Term, Span)>,
}

/// All that spans depend on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::adapters) struct Sight<I> {
    id: I,
    role: RoleKind,
    /// The term that it leads, if it is a leader.
    term: Term,
}

impl<I: NodeId> Sight<I> {
    fn of<R: Rng>(election: &Election<I, R>) -> Self {
        let lease = election.lease();
        let term = lease.map_or(election.term(), |lease| lease.term);
        Sight { id: election.id(), role: election.role(), term }
    }
}

/// What an election has shown, and spans have not been told yet.
#[cfg(any(feature = "udp", feature = "tokio"))]
#[derive(Debug)]
pub(in crate::adapters) struct Sights<I> {
    last: Option<Sight<I>>,
    untold: Vec<Sight<I>>,
}

#[cfg(any(feature = "udp", feature = "tokio"))]
impl<I: NodeId> Sights<I> {
    /// Takes note of what an election shows after a step or a tick.
    pub(in crate::adapters) fn look<R: Rng>(&mut self, election: &Election<I, R>) {
        let sight = Sight::of(election);
        if self.last.replace(sight) != Some(sight) {
            self.untold.push(sight);
        }
    }

    /// Takes what changes something.
    pub(in crate::adapters) fn take(&mut self) -> Vec<Sight<I>> {
        mem::take(&mut self.untold)
    }
}

#[cfg(any(feature = "udp", feature = "tokio"))]
impl<I> Sights<I> {
    pub(in crate::adapters) fn new() -> Self {
        Sights { last: None, untold: Vec::new() }
    }
}

impl Spans {
    /// No span yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins and ends spans as `election` requires after its last step or tick.
    pub fn observe<I: NodeId, R: Rng>(&mut self, election: &Election<I, R>) {
        self.follow(&Sight::of(election));
    }

    /// Begins and ends spans as the `sight` of an election requires.
    pub(in crate::adapters) fn follow<I: NodeId>(&mut self, &Sight { id, role, term }: &Sight<I>) {
        match role {
            RoleKind::Follower | RoleKind::PreCandidate | RoleKind::Recovering => {
                self.end_candidacy(false);
                self.leadership = None;
            }
            RoleKind::Candidate => {
                self.leadership = None;
                self.campaign(id, term);
            }
            RoleKind::Leader => self.lead(id, term),
        }
    }

    fn campaign<I: NodeId>(&mut self, node: I, term: Term) {
        if self.candidacy.as_ref().is_some_and(|(campaigned, _)| *campaigned == term) {
            return;
        }
        self.end_candidacy(false);
        self.candidacy = Some((term, info_span!(parent: None, "candidacy", ?node, %term, won = Empty)));
    }

    fn lead<I: NodeId>(&mut self, node: I, term: Term) {
        match &mut self.leadership {
            Some((led, _)) if *led == term => {}
            Some((led, span)) => {
                *led = term;
                span.record("renewed_to", display(term));
            }
            None => {
                // A node that needs no other vote campaigns and wins in one step.
                self.campaign(node, term);
                self.end_candidacy(true);
                let span = info_span!(parent: None, "leadership", ?node, %term, renewed_to = Empty);
                self.leadership = Some((term, span));
            }
        }
    }

    fn end_candidacy(&mut self, won: bool) {
        if let Some((_, span)) = self.candidacy.take() {
            span.record("won", won);
        }
    }
}
