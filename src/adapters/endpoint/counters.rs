//! What came and went, in numbers.

use crate::adapters::seal::Refused;

/// How many datagrams came and went since the start, and what became of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub struct DatagramCounters {
    /// Messages of this group that were handed to the election.
    pub received: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Look-ups of names that were asked for.
    pub lookups: u64,
    /// Look-ups that ended without an address that a node can have.
    pub failed_lookups: u64,
    /// Questions about the leader that were answered.
    pub answered: u64,
    /// Requests of operators that were answered, also if by a refusal.
    pub requests: u64,
    /// Of the messages received, the messages of nodes that are neither configured peers nor nodes that the
    /// election sends to.
    pub strangers: u64,
    /// Refused: datagrams of another group, or that say so. The host reports the nodes that sent them, as
    /// [`Event::ForeignCluster`](crate::Event::ForeignCluster).
    pub foreign: u64,
    /// Refused: longer than any datagram of this protocol, if they are not sealed.
    pub oversized: u64,
    /// Refused: of another version, so that another release has sent them; of sealed ones only the datagrams whose
    /// seal is of the right version. The others are in `refused`, as `unknown_version`.
    pub other_version: u64,
    /// Refused: truncated, or no datagram of this protocol at all; of sealed ones only the datagrams that somebody with
    /// the key has made.
    pub undecodable: u64,
    /// Refused: messages in the name of this node.
    pub from_own_id: u64,
    /// Refused: datagrams in the name of the voter in a register, which has no machine.
    pub from_register_voter: u64,
    /// Refused: messages to another node, which once had the address of this one.
    pub misdirected: u64,
    /// Refused: questions about the leader, and requests of operators, that are shorter than their answer.
    pub short_questions: u64,
    /// Messages that were not sent, because the address of their receiver is unknown.
    pub unroutable: u64,
    /// Messages that were not sent because their receiver does not answer: it is written to more rarely.
    pub held_back: u64,
    /// Messages to strangers that were longer than what the stranger had sent: a challenge was sent instead, to see
    /// whether the stranger receives at the address that it seems to send from.
    pub unconfirmed: u64,
    /// Datagrams that the system did not take.
    pub send_errors: u64,
    /// Datagrams that came while a state was written, beyond those that are kept until then.
    pub overflowed: u64,
    /// Errors of the socket while it was listened to; none of them ends a host.
    pub receive_errors: u64,
    /// What the seal refused. Of a flood, the part that the system had room for.
    pub refused: Refused,
}

impl DatagramCounters {
    pub(super) fn count(&mut self, which: impl FnOnce(&mut DatagramCounters) -> &mut u64) {
        let counter = which(self);
        *counter = counter.saturating_add(1);
    }
}
