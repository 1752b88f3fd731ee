//! What a register holds.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::hard_state::HardState;
use crate::membership::MAX_MEMBERS;
use crate::promise::HeldPromise;
use crate::types::Nanos;
use crate::types::{NodeId, Term, Timestamp};

/// Which write of which process it is. Rule 10.8: by it an agent recognizes a write whose outcome it was not told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct WriteId {
    /// A number that the process has drawn.
    pub(super) process: u64,
    /// The number of the write among those of the process.
    pub(super) write: u64,
}

/// The last promise of the voter. Rule 10.4: it lasts for `length` from when an agent has first seen it.
///
/// The number tells it from every other one, also from one to the same node for as long.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Promise<I> {
    /// The node that holds it.
    pub(super) to: I,
    /// The last term in which the voter granted that node a vote or accepted its heartbeat.
    pub(super) term: Term,
    /// The last term in which the voter accepted its heartbeat; 0 if it accepted none.
    pub(super) leads_term: Term,
    /// How long it lasts; zero if it was given back.
    pub(super) length: Nanos,
    /// The number of the write that gave it.
    pub(super) number: u64,
}

/// The longest promise that an agent writes: an hour is the longest limit, and resolutions are added.
const LONGEST: Nanos = Nanos(2 * 3_600_000_000_000);

/// All that the voter knows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(bound(deserialize = "I: NodeId + Deserialize<'de>"))]
pub(super) struct Content<I> {
    /// The id of the voter.
    pub(super) voter: I,
    pub(super) state: HardState<I>,
    pub(super) promise: Option<Promise<I>>,
    /// Rule 10.3: the number of the write, so that no two contents are the same.
    pub(super) sequence: u64,
    pub(super) written_by: WriteId,
    /// Rule 10.11: the voter has found out that an earlier copy was put back. It says nothing any more.
    pub(super) is_lost: bool,
    /// Rule 10.12: the nodes whose agents have written this register, sorted.
    pub(super) signatures: Vec<I>,
}

impl<I: NodeId> Content<I> {
    /// Whether an agent can have written it.
    pub(super) fn is_consistent(&self) -> bool {
        let Content { state, signatures, .. } = self;
        let are_sorted = signatures.is_sorted_by(|one, next| one < next);
        let is_voter = state.blank.is_none() && state.term >= state.membership.version().term;
        let is_promise = self.promise.is_none_or(|promise| {
            let Promise { term, leads_term, length, number, .. } = promise;
            leads_term <= term && term <= state.term && length <= LONGEST && number <= self.sequence
        });
        is_voter && is_promise && are_sorted && signatures.len() <= MAX_MEMBERS && self.sequence < u64::MAX
    }

    /// The voter's promise, on the clock of an agent that counts it from `since`.
    pub(super) fn promise_from(&self, since: Timestamp, resolution: Nanos) -> Option<HeldPromise<I>> {
        let Promise { to, term, leads_term, length, .. } = self.promise?;
        // What was given back is over, whatever the resolution.
        let until = if length == Nanos::ZERO { since } else { since.after(length).after(resolution) };
        Some(HeldPromise { to, term, leads_term, until })
    }

    /// Rule 10.12: the first voter, other than the register's, whose agent has not written this register.
    pub(super) fn missing_signature(&self) -> Option<I> {
        let voters = self.state.membership.voters().iter().copied();
        voters
            .filter(|&voter| voter != self.voter)
            .find(|voter| self.signatures.binary_search(voter).is_err())
    }

    /// Signs in the name of `node`, if it is a member. Signatures of nodes that are none are dropped.
    pub(super) fn sign(&mut self, node: I) {
        let members = &self.state.membership;
        self.signatures.retain(|&signer| members.contains(signer));
        if let (true, Err(position)) = (members.contains(node), self.signatures.binary_search(&node)) {
            self.signatures.insert(position, node);
        }
    }

    /// Whether `node` could sign, and has not.
    pub(super) fn awaits_signature_of(&self, node: I) -> bool {
        self.state.membership.contains(node) && self.signatures.binary_search(&node).is_err()
    }
}
