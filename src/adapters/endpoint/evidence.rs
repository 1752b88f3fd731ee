//! What datagrams that this node cannot use say of the nodes from whose addresses they come.
//!
//! Anybody can send a few such datagrams. So a datagram counts only if it comes from an address of a node that this
//! endpoint writes to, and only together with others: a node that is set up wrongly writes at least once a second. What
//! a stranger sends is counted, and explains nothing. A stranger that can send from the addresses of members, and does
//! so all the time, is believed as long as these members are not heard themselves.

use core::net::SocketAddr;
use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;

use super::address::canonical;
use super::incoming::Origin;
use super::{DatagramCounters, Endpoint, NodeView};
use crate::adapters::diagnostics::Findings;
use crate::adapters::seal::Refusal;
use crate::event::Event;
use crate::types::{NodeId, Timestamp};

/// In how many of the last sixteen seconds such datagrams have arrived if they go on arriving.
const LASTING: u32 = 4;

/// What is wrong with a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// This node cannot read it.
    Unreadable,
    /// Another release has sent it.
    OtherRelease,
    /// It is of another group.
    Foreign,
    /// It is for another node.
    Misdirected,
    /// It bears the id of this node, and another process sent it.
    OwnId,
    /// This node has sent it itself.
    Returned,
    /// It is longer than this node can send it to a node.
    TooLong,
}

/// The latest datagrams that could not be used or sent, by node and by fault. There are no more than six for each node
/// in the address book.
pub(super) struct Evidence<I> {
    all: Vec<Clue<I>>,
    /// The counters when the node was last well, or looked at.
    well: Tally,
    reviewed: Tally,
}

struct Clue<I> {
    from: I,
    fault: Fault,
    /// The second of the last such datagram, and a bit for each of the sixteen up to it in which there was one.
    second: u64,
    seconds: u16,
}

/// What was counted up to some time.
#[derive(Clone, Copy, Default)]
struct Tally {
    unreadable: u64,
    sent: u64,
    send_errors: u64,
}

impl<I: NodeId> Evidence<I> {
    pub(super) fn new() -> Self {
        Evidence { all: Vec::new(), well: Tally::default(), reviewed: Tally::default() }
    }

    /// A datagram with this fault came from an address of `from`, or was for it.
    pub(super) fn record(&mut self, from: I, fault: Fault, now: Timestamp) {
        let second = now.since_origin().as_secs();
        match self.all.iter_mut().find(|clue| clue.from == from && clue.fault == fault) {
            Some(clue) => {
                clue.seconds = clue.up_to(second) | 1;
                clue.second = second;
            }
            None => self.all.push(Clue { from, fault, second, seconds: 1 }),
        }
    }

    /// Forgets what is too long ago.
    fn forget(&mut self, now: Timestamp) {
        let second = now.since_origin().as_secs();
        self.all.retain(|clue| clue.up_to(second) != 0);
    }

    /// The nodes from whose addresses datagrams with this fault go on coming.
    fn lasting(&self, fault: Fault, now: Timestamp) -> Vec<I> {
        let second = now.since_origin().as_secs();
        let of_kind = self.all.iter().filter(|clue| clue.fault == fault);
        of_kind.filter(|clue| clue.is_lasting(second)).map(|clue| clue.from).collect()
    }

    /// The nodes with this fault in any of the last sixteen seconds. Nobody else can have caused it.
    fn recent(&self, fault: Fault) -> Vec<I> {
        self.all.iter().filter(|clue| clue.fault == fault).map(|clue| clue.from).collect()
    }

    /// Something is wrong from now on.
    fn begin(&mut self, tally: Tally) {
        (self.well, self.reviewed) = (tally, tally);
    }

    /// Ends a review and begins the next. Returns whether the system took none of the datagrams in between.
    fn review_sends(&mut self, tally: Tally) -> bool {
        let before = std::mem::replace(&mut self.reviewed, tally);
        tally.sent == before.sent && tally.send_errors > before.send_errors
    }
}

impl<I> Clue<I> {
    /// The bits of the sixteen seconds up to `second`.
    fn up_to(&self, second: u64) -> u16 {
        let shift = u32::try_from(second.saturating_sub(self.second)).unwrap_or(u32::MAX);
        self.seconds.checked_shl(shift).unwrap_or(0)
    }

    fn is_lasting(&self, second: u64) -> bool {
        self.up_to(second).count_ones() >= LASTING
    }
}

impl Fault {
    /// What a datagram shows that the seal refused. That its sender could not prove it to be new, or that it has arrived
    /// before, shows nothing.
    pub(super) fn of(refusal: Refusal) -> Option<Self> {
        match refusal {
            Refusal::TooLong
            | Refusal::Truncated
            | Refusal::Unsealed
            | Refusal::UnknownKey
            | Refusal::Forged
            | Refusal::Malformed => Some(Fault::Unreadable),
            Refusal::UnknownVersion { .. } => Some(Fault::OtherRelease),
            Refusal::ForeignCluster { .. } => Some(Fault::Foreign),
            Refusal::Misdirected => Some(Fault::Misdirected),
            Refusal::Reflected => Some(Fault::Returned),
            Refusal::OwnId => Some(Fault::OwnId),
            Refusal::Unproven | Refusal::Stale | Refusal::Replayed | Refusal::NoRandomness => None,
        }
    }
}

impl Tally {
    fn of(counters: &DatagramCounters) -> Self {
        let refused = &counters.refused;
        let refused = [
            refused.too_long,
            refused.truncated,
            refused.unsealed,
            refused.unknown_version,
            refused.unknown_key,
            refused.forged,
            refused.malformed,
        ];
        let plain = [counters.oversized, counters.undecodable, counters.other_version];
        let unreadable = refused.into_iter().chain(plain);
        Tally {
            unreadable: unreadable.fold(0, u64::saturating_add),
            sent: counters.sent,
            send_errors: counters.send_errors,
        }
    }
}

impl<I: NodeId, R: TryCryptoRng> Endpoint<I, R> {
    /// A datagram with this fault came from `origin`.
    pub(super) fn record_fault(&mut self, fault: Fault, origin: Origin) {
        let Origin { source, at, .. } = origin;
        // This node may have its own address for that of another node. Others may have told it the address of a second
        // process as its own, but do not tell it that another node is there.
        let is_own = self.own.contains(source, source) && self.book.at(source).is_some();
        match fault {
            Fault::OwnId | Fault::Returned if is_own => self.record_clue(Fault::Misdirected, origin),
            // The address of another process of this node is not in the book. Nothing else is hidden by this event.
            Fault::OwnId => {
                self.evidence.record(self.id, fault, at);
                if !self.evidence.lasting(fault, at).is_empty() {
                    self.news.say(Event::TwoProcesses { peer: self.id }, at);
                }
            }
            Fault::Returned | Fault::TooLong => {}
            Fault::Unreadable | Fault::OtherRelease | Fault::Foreign | Fault::Misdirected => {
                self.record_clue(fault, origin);
            }
        }
    }

    /// The system has refused a datagram to this address because of its length.
    pub fn report_too_long(&mut self, to: SocketAddr) {
        if let Some(to) = self.book.at(canonical(to)) {
            self.evidence.record(to, Fault::TooLong, self.now);
        }
    }

    fn record_clue(&mut self, fault: Fault, origin: Origin) {
        if let Some(from) = self.book.at(origin.source) {
            self.evidence.record(from, fault, origin.at);
        }
    }

    /// Takes what a step has changed for the diagnosis.
    pub(super) fn watch(&mut self, node: &NodeView<'_, I>) {
        let now = node.health.now;
        self.evidence.forget(now);
        let leader = node.leader.map(|leader| leader.id);
        self.diagnostics.observe(&node.health, leader);
        if self.diagnostics.since() == Some(now) {
            self.evidence.begin(Tally::of(&self.counters()));
        }
    }

    /// Reports what is wrong, if it is time to.
    pub(super) fn report_problem(&mut self, now: Timestamp) {
        if self.diagnostics.is_due(now) {
            let findings = self.findings(now);
            self.diagnostics.review(findings, now);
        }
    }

    fn findings(&mut self, now: Timestamp) -> Findings<I> {
        let tally = Tally::of(&self.counters());
        let is_unknown = |id: &I| self.book.address(*id).is_none();
        let is_unresolved = |id: &I| self.names.is_unresolved(*id);
        let is_arriving = |id: &I| self.book.is_arriving(*id, now);
        Findings {
            unanswering: self.diagnostics.silent().iter().copied().filter(is_arriving).collect(),
            too_long_for: self.evidence.recent(Fault::TooLong),
            unreadable_from: self.evidence.lasting(Fault::Unreadable, now),
            other_release_from: self.evidence.lasting(Fault::OtherRelease, now),
            foreign_from: self.evidence.lasting(Fault::Foreign, now),
            misdirected_from: self.evidence.lasting(Fault::Misdirected, now),
            unaddressed: self.diagnostics.silent().iter().copied().filter(is_unknown).collect(),
            unresolved: self.diagnostics.silent().iter().copied().filter(is_unresolved).collect(),
            unreadable: tally.unreadable.saturating_sub(self.evidence.well.unreadable),
            cannot_send: self.evidence.review_sends(tally),
        }
    }
}
