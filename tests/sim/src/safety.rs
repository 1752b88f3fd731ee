//! What must never happen, looked for after every event.

use std::collections::HashMap;
use std::fmt;

use quorate::{Answer, Body, HardState, Lease, Message, Phase, Term};

use crate::clock::{Instant, SECOND};

/// The kinds of violation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
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
    /// S4: two memberships could both elect, with quorums that share nobody.
    QuorumsApart,
    /// S4: a leader was elected without what had been committed before.
    MembershipLost,
    /// A node took a membership for committed that was not.
    NotCommitted,
    /// A node was told that it is out by a membership that was not committed, or that lists it.
    FalselyRemoved,
    /// A change of members made no headway although nothing stood in its way.
    Stuck,
    /// A message spoke of what was not durable yet.
    NotDurable,
    /// L2: a leader fell although nothing had happened to it or to a quorum.
    NeedlessChange,
    /// L1, L3: nobody led although somebody could have.
    Leaderless,
    /// An endless loop, or outputs without bound.
    Unbounded,
    /// A message was answered with a rejection, or a lawful wish with nonsense.
    Nonsense,
    /// The code panicked.
    Panic,
}

/// A violation, and when it was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// True time.
    pub at: Instant,
    /// Which property fell.
    pub kind: Kind,
    /// What was seen.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at as f64 / SECOND as f64;
        write!(f, "{:?} at {seconds:.6} s: {}", self.kind, self.text)
    }
}

/// The history against which S1, S2, S3 and S5 are checked. S4 has a file of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Safety {
    elected: HashMap<Term, u64>,
    votes: HashMap<(u64, Term), u64>,
    terms: HashMap<u64, Term>,
    /// The highest term under which anybody could act, and who.
    highest: (Term, u64),
}

pub(crate) type Verdict = Result<(), (Kind, String)>;

impl Safety {
    /// Something became durable.
    pub(crate) fn durable(&mut self, node: u64, state: &HardState<u64>) -> Verdict {
        let last = self.terms.entry(node).or_default();
        if state.term < *last || state.term < state.membership.version().term {
            let text = format!("node {node} stored term {} after term {last}", state.term);
            return Err((Kind::TermFell, text));
        }
        *last = state.term;
        let before = self.votes.get(&(node, state.term)).copied();
        match (before, state.voted_for) {
            (Some(old), new) if new != Some(old) => {
                let text = format!("node {node} had voted for {old} in term {}, now {new:?}", state.term);
                Err((Kind::VoteChanged, text))
            }
            (None, Some(vote)) => {
                self.votes.insert((node, state.term), vote);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A message leaves a node whose durable state is `state`.
    pub(crate) fn sent(&self, node: u64, to: u64, message: &Message<u64>, state: &HardState<u64>) -> Verdict {
        if message.header.term > state.term {
            let text =
                format!("node {node} speaks of term {} but stored {}", message.header.term, state.term);
            return Err((Kind::NotDurable, text));
        }
        let (answer, vote) = match &message.body {
            Body::VoteReply(reply) => {
                (reply.answer, (reply.phase == Phase::Real).then_some(reply.request_term))
            }
            Body::HeartbeatReply(reply) => (reply.answer, None),
            Body::VoteRequest(_) | Body::Heartbeat(_) => return Ok(()),
        };
        let Answer::Granted(promise) = answer else { return Ok(()) };
        if u128::from(promise) > state.promised.as_nanos() {
            let text = format!("node {node} promised {promise} ns but stored {:?}", state.promised);
            return Err((Kind::NotDurable, text));
        }
        match vote {
            Some(term) if self.votes.get(&(node, term)) != Some(&to) => {
                let text = format!("node {node} granted {to} the vote of {term}, which it did not store");
                Err((Kind::VoteChanged, text))
            }
            _ => Ok(()),
        }
    }

    /// The host of `node` learns that it leads.
    pub(crate) fn elected(&mut self, node: u64, term: Term) -> Verdict {
        match *self.elected.entry(term).or_insert(node) {
            first if first == node => Ok(()),
            first => Err((Kind::TwoLeaders, format!("{first} and {node} were elected in term {term}"))),
        }
    }

    /// The host of `node` learns that `leader` leads.
    pub(crate) fn follows(&self, node: u64, leader: u64, term: Term) -> Verdict {
        if self.elected.get(&term) == Some(&leader) {
            return Ok(());
        }
        Err((Kind::TwoLeaders, format!("{node} follows {leader}, which was not elected in term {term}")))
    }

    /// `node` may act under `lease`, which holds.
    pub(crate) fn acts(&mut self, node: u64, lease: Lease) -> Verdict {
        if self.elected.get(&lease.term) != Some(&node) {
            let text = format!("{node} holds a lease of term {}, in which it was not elected", lease.term);
            return Err((Kind::TwoLeaders, text));
        }
        let (highest, holder) = self.highest;
        if lease.term < highest || (lease.term == highest && holder != node) {
            let text = format!("{node} acts in term {} after {holder} did in {highest}", lease.term);
            return Err((Kind::TermNotGreater, text));
        }
        self.highest = (lease.term, node);
        Ok(())
    }

    /// Those who may act at this instant.
    pub(crate) fn holders(&self, holders: &[(u64, Lease)]) -> Verdict {
        match holders {
            [(a, first), (b, second), ..] => {
                let text = format!(
                    "{a} (term {}, until {:?}) and {b} (term {}, until {:?})",
                    first.term, first.until, second.term, second.until
                );
                Err((Kind::TwoLeases, text))
            }
            _ => Ok(()),
        }
    }
}
