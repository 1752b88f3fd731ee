//! Safety: what must never happen, checked after every event. S4 is in `membership_safety.rs`.

use std::collections::HashMap;
use std::fmt;

use quorate::message::{Answer, Body, Phase};
use quorate::{HardState, Lease, Message, Term};

use crate::clock::{Instant, SECOND};

/// The kinds of violation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ViolationKind {
    /// S1: two nodes were elected in one term.
    TwoLeaders,
    /// S1: a node's durable term ran backwards.
    TermFell,
    /// S2: two nodes could act as leader at one instant.
    TwoLeases,
    /// S3: a vote was changed, or granted without being durable.
    VoteChanged,
    /// S5: a lease was had in a term that does not exceed an earlier leader's.
    TermNotGreater,
    /// S4: two memberships could both elect a leader, with quorums that share no voter.
    QuorumsApart,
    /// S4: a leader was elected without a membership that had been committed before.
    MembershipLost,
    /// A leader was elected without data that a quorum of the voters had held.
    DataLost,
    /// A node reported a membership as committed that was not.
    NotCommitted,
    /// A node was removed by a membership that was not committed, or that contains it.
    FalselyRemoved,
    /// A node acted on what was said in another life of a node, before it was added again, or in an earlier attempt.
    OutOfDate,
    /// A membership change did not end although nothing stood in its way.
    Stuck,
    /// A message told of a state that was not durable yet.
    NotDurable,
    /// L2: a leader stepped down although nothing had happened to it or to a quorum.
    NeedlessChange,
    /// L2: the host of a leader saw its lease end although leadership went on, and nothing had happened to
    /// the leader or to a quorum.
    LeaseGap,
    /// L1, L3: no node led although one could have.
    Leaderless,
    /// An endless loop, or outputs without bound.
    Unbounded,
    /// A message was rejected, or outputs contradicted each other.
    Nonsense,
    /// The code panicked.
    Panic,
}

/// A violation, and when it was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// True time.
    pub at: Instant,
    /// The property that was violated.
    pub kind: ViolationKind,
    /// What was observed.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at as f64 / SECOND as f64;
        write!(f, "{:?} at {seconds:.6} s: {}", self.kind, self.text)
    }
}

/// The history against which S1, S2, S3 and S5 are checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Safety {
    elected: HashMap<Term, u64>,
    votes: HashMap<(u64, Term), u64>,
    terms: HashMap<u64, Term>,
    /// The highest term in which a node could act as leader, and that node.
    highest: (Term, u64),
}

pub(crate) type Verdict = Result<(), (ViolationKind, String)>;

impl Safety {
    /// Checks a state of `node` that has become durable.
    pub(crate) fn durable(&mut self, node: u64, state: &HardState<u64>) -> Verdict {
        let last = self.terms.entry(node).or_default();
        if state.term < *last || state.term < state.membership.version().term {
            let text = format!("node {node} stored term {} after term {last}", state.term);
            return Err((ViolationKind::TermFell, text));
        }
        *last = state.term;
        let before = self.votes.get(&(node, state.term)).copied();
        match (before, state.voted_for) {
            (Some(old), new) if new != Some(old) => {
                let text = format!("node {node} had voted for {old} in term {}, now {new:?}", state.term);
                Err((ViolationKind::VoteChanged, text))
            }
            (None, Some(vote)) => {
                self.votes.insert((node, state.term), vote);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The disk of `node` is lost: it may store a lower term, and a vote once more (rule 9.4).
    pub(crate) fn forget(&mut self, node: u64) {
        self.terms.remove(&node);
        self.votes.retain(|&(voter, _), _| voter != node);
    }

    /// Checks a message of a node whose durable state is `state`.
    pub(crate) fn sent(&self, node: u64, to: u64, message: &Message<u64>, state: &HardState<u64>) -> Verdict {
        if message.header().term > state.term {
            let text =
                format!("node {node} sends term {} but has stored {}", message.header().term, state.term);
            return Err((ViolationKind::NotDurable, text));
        }
        let (answer, vote) = match &message.body() {
            Body::VoteReply(reply) => {
                (reply.answer, (reply.phase == Phase::Real).then_some(reply.request_term))
            }
            Body::HeartbeatReply(reply) => (reply.answer, None),
            Body::BlankReply(reply) if reply.pledge != state.blank.and_then(|blank| blank.pledge) => {
                let text = format!("node {node} tells a pledge that it has not stored: {reply:?}");
                return Err((ViolationKind::NotDurable, text));
            }
            Body::VoteRequest(_)
            | Body::Heartbeat(_)
            | Body::RecoveryRequest
            | Body::RecoveryReply(_)
            | Body::BlankReply(_) => {
                return Ok(());
            }
        };
        let Answer::Granted(promise) = answer else { return Ok(()) };
        if promise.as_duration() > state.promised {
            let text = format!("node {node} promised {promise} but has stored {:?}", state.promised);
            return Err((ViolationKind::NotDurable, text));
        }
        match vote {
            Some(term) if self.votes.get(&(node, term)) != Some(&to) => {
                let text = format!("node {node} granted {to} the vote of {term}, which it did not store");
                Err((ViolationKind::VoteChanged, text))
            }
            _ => Ok(()),
        }
    }

    /// Checks an `Elected` that the host of `node` sees.
    pub(crate) fn elected(&mut self, node: u64, term: Term) -> Verdict {
        match *self.elected.entry(term).or_insert(node) {
            first if first == node => Ok(()),
            first => {
                Err((ViolationKind::TwoLeaders, format!("{first} and {node} were elected in term {term}")))
            }
        }
    }

    /// Checks a `LeaderChanged` that the host of `node` sees.
    pub(crate) fn follows(&self, node: u64, leader: u64, term: Term) -> Verdict {
        if self.elected.get(&term) == Some(&leader) {
            return Ok(());
        }
        Err((
            ViolationKind::TwoLeaders,
            format!("{node} follows {leader}, which was not elected in term {term}"),
        ))
    }

    /// Checks that `node` may act under `lease`, which holds now.
    pub(crate) fn acts(&mut self, node: u64, lease: Lease) -> Verdict {
        if self.elected.get(&lease.term) != Some(&node) {
            let text = format!("{node} holds a lease of term {}, in which it was not elected", lease.term);
            return Err((ViolationKind::TwoLeaders, text));
        }
        let (highest, holder) = self.highest;
        if lease.term < highest || (lease.term == highest && holder != node) {
            let text = format!("{node} acts in term {} after {holder} did in {highest}", lease.term);
            return Err((ViolationKind::TermNotGreater, text));
        }
        self.highest = (lease.term, node);
        Ok(())
    }

    /// Checks the holders of leases at one time.
    pub(crate) fn holders(&self, holders: &[(u64, Lease)]) -> Verdict {
        match holders {
            [(a, first), (b, second), ..] => {
                let text = format!(
                    "{a} (term {}, until {}) and {b} (term {}, until {})",
                    first.term, first.until, second.term, second.until
                );
                Err((ViolationKind::TwoLeases, text))
            }
            _ => Ok(()),
        }
    }
}
