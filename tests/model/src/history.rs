//! What has happened, as far as a property asks for it.

use quorate::{Event, HardState, MembershipVersion, Output, Term};

/// A property that fell in a single step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fall {
    /// S1: two nodes were elected in one term.
    TwoElected,
    /// S1: a node's durable term ran backwards.
    Term,
    /// S3: a vote was changed.
    Vote,
    /// S4: a node's durable membership ran backwards.
    MembershipVersion,
}

/// Who was elected in a term.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Elected {
    pub(super) term: Term,
    pub(super) node: u8,
    /// Of the membership it began with.
    pub(super) number: u64,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct History {
    /// One entry for each term, in order.
    pub(super) elected: Vec<Elected>,
    /// The newest of each term, in order.
    pub(super) committed: Vec<MembershipVersion>,
    /// The highest term under which anybody could act.
    pub(super) acted: Term,
    pub(super) removed: bool,
    pub(super) fall: Option<Fall>,
}

impl History {
    /// What `node` says, in order. It holds the membership of that `number` in the end.
    pub(super) fn note(&mut self, node: u8, number: u64, outputs: &[Output<u8>]) {
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
            Ok(place) if self.elected[place].node != elected.node => self.fall = Some(Fall::TwoElected),
            Ok(_) => {}
            Err(place) => self.elected.insert(place, elected),
        }
    }

    fn commit(&mut self, version: MembershipVersion) {
        match self.committed.binary_search_by_key(&version.term, |other| other.term) {
            Ok(place) => self.committed[place] = self.committed[place].max(version),
            Err(place) => self.committed.insert(place, version),
        }
    }

    /// A node that has stored `old` stores `new`.
    pub(super) fn store(&mut self, old: &HardState<u8>, new: &HardState<u8>) {
        let changed = old.term == new.term && old.voted_for.is_some() && old.voted_for != new.voted_for;
        let fall = [
            (new.term < old.term, Fall::Term),
            (changed, Fall::Vote),
            (new.membership.version() < old.membership.version(), Fall::MembershipVersion),
        ];
        let fall = fall.into_iter().find(|(fell, _)| *fell).map(|(_, fall)| fall);
        self.fall = self.fall.or(fall);
    }

    /// A later leader has what was committed after the first membership.
    pub(super) fn follows_a_change(&self) -> bool {
        let changes = self.committed.iter().filter(|version| version.number > 1);
        changes.into_iter().any(|change| self.elected.iter().any(|elected| elected.term > change.term))
    }

    /// S4: no later leader begins with less than was committed before.
    pub(super) fn loses_a_commit(&self) -> bool {
        self.committed.iter().any(|committed| {
            let later = self.elected.iter().filter(|elected| elected.term > committed.term);
            later.into_iter().any(|elected| elected.number < committed.number)
        })
    }
}
