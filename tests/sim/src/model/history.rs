//! The history of a state, as far as the properties need it.

use quorate::{Event, HardState, MembershipVersion, Output, Term};

/// A property that was violated in a single step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BrokenProperty {
    /// S1: two nodes were elected in one term.
    TwoElected,
    /// S1: a node's durable term ran backwards.
    Term,
    /// S3: a vote was changed.
    Vote,
    /// S4: a node's durable membership ran backwards.
    MembershipVersion,
}

/// The winner of a term.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Elected {
    pub(super) term: Term,
    pub(super) node: u8,
    /// The number of the membership with which the winner began.
    pub(super) number: u64,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct History {
    /// The winners, one for each term, in order.
    pub(super) elected: Vec<Elected>,
    /// The newest committed version of each term, in order.
    pub(super) committed: Vec<MembershipVersion>,
    /// The highest term in which a node could act as leader.
    pub(super) acted: Term,
    pub(super) removed: bool,
    pub(super) broken: Option<BrokenProperty>,
}

impl History {
    /// Records the events of `node`. In the end the node holds the membership of this `number`.
    pub(super) fn record(&mut self, node: u8, number: u64, outputs: &[Output<u8>]) {
        let mut term_won = None;
        for output in outputs {
            match output {
                Output::Event(Event::Elected { term }) => term_won = Some(*term),
                Output::Event(Event::MembershipChanged { version, committed }) => {
                    if let Some(term) = term_won.take() {
                        self.elect(Elected { term, node, number: version.number });
                    }
                    if *committed {
                        self.commit(*version);
                    }
                }
                Output::Event(Event::Removed) => self.removed = true,
                Output::Persist(_) | Output::Send { .. } | Output::Event(_) | Output::Rejected(_) => {}
            }
        }
        if let Some(term) = term_won {
            self.elect(Elected { term, node, number });
        }
    }

    fn elect(&mut self, elected: Elected) {
        match self.elected.binary_search_by_key(&elected.term, |other| other.term) {
            Ok(index) if self.elected[index].node != elected.node => {
                self.broken = Some(BrokenProperty::TwoElected)
            }
            Ok(_) => {}
            Err(index) => self.elected.insert(index, elected),
        }
    }

    fn commit(&mut self, version: MembershipVersion) {
        match self.committed.binary_search_by_key(&version.term, |other| other.term) {
            Ok(index) => self.committed[index] = self.committed[index].max(version),
            Err(index) => self.committed.insert(index, version),
        }
    }

    /// Checks a write that replaces `old` by `new`.
    pub(super) fn store(&mut self, old: &HardState<u8>, new: &HardState<u8>) {
        let changed = old.term == new.term && old.voted_for.is_some() && old.voted_for != new.voted_for;
        let violations = [
            (new.term < old.term, BrokenProperty::Term),
            (changed, BrokenProperty::Vote),
            (new.membership.version() < old.membership.version(), BrokenProperty::MembershipVersion),
        ];
        let first = violations.into_iter().find(|(violated, _)| *violated).map(|(_, property)| property);
        self.broken = self.broken.or(first);
    }

    /// Whether a leader was elected after a membership change was committed.
    pub(super) fn follows_a_change(&self) -> bool {
        let changes = self.committed.iter().filter(|version| version.number > 1);
        changes.into_iter().any(|change| self.elected.iter().any(|elected| elected.term > change.term))
    }

    /// Whether a later leader began with an older membership than was committed before, against S4.
    pub(super) fn loses_a_commit(&self) -> bool {
        self.committed.iter().any(|committed| {
            let later = self.elected.iter().filter(|elected| elected.term > committed.term);
            later.into_iter().any(|elected| elected.number < committed.number)
        })
    }
}
