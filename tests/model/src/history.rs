//! The history of a state, as far as the properties need it.

use std::collections::BTreeSet;

use quorate::message::{Answer, Body, Heartbeat, Order, Phase, Round, VoteReply};
use quorate::{Event, HardState, Life, Membership, MembershipVersion, Message, Output, StepDown, Term};

use super::bounds::{Instance, Request};

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
    /// A leader removed a member that was to stay.
    Removal,
    /// A leader gave leadership up for a successor of which it could not know that it would win.
    Handover,
    /// A node was elected without the data that the group began with.
    Data,
}

/// The winner of a term.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Elected {
    pub(super) term: Term,
    pub(super) life: Life,
    pub(super) node: u8,
    /// The number of the membership with which the winner began.
    pub(super) number: u64,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct History {
    /// The winners, one for each term, in order.
    pub(super) elected: Vec<Elected>,
    /// The newest committed version of each term, in order, and its life.
    pub(super) committed: Vec<(Life, MembershipVersion)>,
    /// The highest term in which a node could act as leader.
    pub(super) acted: Term,
    pub(super) removed: bool,
    pub(super) recovered: bool,
    /// The nodes that have asked to be removed since they were added, and those that the target lacks, with a bit for
    /// each.
    leaving: u8,
    unwanted: u8,
    /// The attempt to hand over that was begun last.
    attempt: Option<Attempt>,
    /// Whether a host has asked its node to resign without waiting for a successor.
    is_urgent: bool,
    pub(super) broken: Option<BrokenProperty>,
}

/// An attempt to hand over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Attempt {
    term: Term,
    round: Round,
    successor: u8,
    /// The voters that have granted the successor a pre-vote since it began, with a bit for each.
    granted: u8,
}

fn bit(node: u8) -> u8 {
    1 << (node - 1)
}

impl History {
    /// Records a request that the host of `node` has made.
    pub(super) fn record_request(&mut self, node: u8, request: Request, rules: &Instance) {
        match request {
            Request::Leave => self.leaving |= bit(node),
            Request::Reconfigure(voters) => {
                let all = (1..=rules.nodes).map(bit).sum::<u8>();
                self.unwanted = all - voters.iter().copied().map(bit).sum::<u8>();
            }
            Request::Lose(lost) => self.unwanted |= bit(lost),
            Request::Discover(found) => self.unwanted &= !bit(found),
            Request::ResignNow => self.is_urgent = true,
            Request::Resign(_) | Request::Copy => {}
        }
    }

    /// Records a leader's step from `old` to `new`. A member that nobody has asked to go stays.
    pub(super) fn record_step(&mut self, old: &Membership<u8>, new: &Membership<u8>) {
        let is_step = new.version().number == old.version().number + 1 && !old.is_forming();
        if !is_step {
            return;
        }
        let may_go = self.leaving | self.unwanted;
        let mut removed = old.members().iter().filter(|&&id| !new.contains(id));
        if removed.any(|&id| may_go & bit(id) == 0) {
            self.broken = Some(BrokenProperty::Removal);
        }
        for &id in new.members().iter().filter(|&&id| !old.contains(id)) {
            self.leaving &= !bit(id);
        }
    }

    /// Records what `node` does in a handover. A leader that waits for its successor may give leadership up once a
    /// quorum of `members` has granted the successor a pre-vote in this attempt.
    pub(super) fn record_handover(&mut self, node: u8, members: &Membership<u8>, outputs: &[Output<u8>]) {
        for output in outputs {
            match output {
                Output::Send { to, message } => self.record_message(node, *to, message),
                Output::Event(Event::SteppedDown {
                    reason: StepDown::Resigned { successor: Some(id) },
                    ..
                }) => {
                    let attempt = self.attempt.take();
                    let granted = attempt.filter(|attempt| attempt.successor == *id);
                    let granted = granted.map_or(0, |attempt| attempt.granted) | bit(*id);
                    let votes = members.voters().iter().filter(|&&voter| granted & bit(voter) != 0).count();
                    if votes < members.quorum() && !std::mem::take(&mut self.is_urgent) {
                        self.broken = Some(BrokenProperty::Handover);
                    }
                }
                Output::Persist(_) | Output::Event(_) | Output::Rejected(_) => {}
            }
        }
    }

    fn record_message(&mut self, node: u8, to: u8, message: &Message<u8>) {
        match &message.body() {
            Body::Heartbeat(Heartbeat { order: Order::Prepare { attempt: round }, .. }) => {
                let (term, round) = (message.header().term, *round);
                let known = self.attempt.filter(|known| (known.term, known.round) == (term, round));
                self.attempt = known.or(Some(Attempt { term, round, successor: to, granted: 0 }));
            }
            Body::VoteReply(VoteReply { phase: Phase::Pre, answer: Answer::Granted(_), .. }) => {
                if let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.successor == to) {
                    attempt.granted |= bit(node);
                }
            }
            Body::Heartbeat(_)
            | Body::HeartbeatReply(_)
            | Body::VoteReply(_)
            | Body::VoteRequest(_)
            | Body::RecoveryRequest
            | Body::RecoveryReply(_)
            | Body::BlankReply(_) => {}
        }
    }

    /// A node is elected only with the data that the group began with.
    pub(super) fn check_data(&mut self, holds_data: bool, outputs: &[Output<u8>]) {
        let is_elected = outputs.iter().any(|output| matches!(output, Output::Event(Event::Elected { .. })));
        if is_elected && !holds_data {
            self.broken = Some(BrokenProperty::Data);
        }
    }

    /// Records the events of `node`, which takes part in `life`. In the end the node holds the membership of this `number`.
    pub(super) fn record(&mut self, node: u8, life: Life, number: u64, outputs: &[Output<u8>]) {
        let mut term_won = None;
        for output in outputs {
            match output {
                Output::Event(Event::Elected { term }) => term_won = Some(*term),
                Output::Event(Event::MembershipChanged { version, committed }) => {
                    if let Some(term) = term_won.take() {
                        self.elect(Elected { term, life, node, number: version.number });
                    }
                    if *committed {
                        self.commit(life, *version);
                    }
                }
                Output::Event(Event::Removed) => self.removed = true,
                Output::Event(Event::Recovered { .. }) => self.recovered = true,
                Output::Persist(_) | Output::Send { .. } | Output::Event(_) | Output::Rejected(_) => {}
            }
        }
        if let Some(term) = term_won {
            self.elect(Elected { term, life, node, number });
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

    fn commit(&mut self, life: Life, version: MembershipVersion) {
        match self.committed.binary_search_by_key(&version.term, |(_, other)| other.term) {
            Ok(index) => self.committed[index].1 = self.committed[index].1.max(version),
            Err(index) => self.committed.insert(index, (life, version)),
        }
    }

    /// In how many lives a leader was elected.
    pub(super) fn lives_led(&self) -> usize {
        let lives: BTreeSet<Life> = self.elected.iter().map(|elected| elected.life).collect();
        lives.len()
    }

    /// Checks a write that replaces `old` by `new`. A node that comes back after it has forgotten may store less than it
    /// held before (rule 9.4).
    pub(super) fn store(&mut self, old: &HardState<u8>, new: &HardState<u8>) {
        if old.blank.is_some() {
            return;
        }
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
        let changes = self.committed.iter().filter(|(_, version)| version.number > 1);
        changes.into_iter().any(|(_, change)| self.elected.iter().any(|elected| elected.term > change.term))
    }

    /// Whether a later leader began with an older membership than was committed before, against S4.
    pub(super) fn loses_a_commit(&self) -> bool {
        self.committed.iter().any(|(life, committed)| {
            let of_life = self.elected.iter().filter(|elected| elected.life == *life);
            let later = of_life.filter(|elected| elected.term > committed.term);
            later.into_iter().any(|elected| elected.number < committed.number)
        })
    }
}
