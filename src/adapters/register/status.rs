//! What an agent asks its host for, what it is told, and what it tells operators.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::format::ContentError;
use crate::config::Timing;
use crate::message::Message;
use crate::types::{ClusterId, NodeId, Position, Timestamp};

/// What tells one content of the register from another: an entity tag, a revision, a number in a row. Two contents that
/// the register has ever held have different tags, or the store is none for this.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Tag(Box<[u8]>);

impl Tag {
    /// A tag of these bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Tag(bytes.into())
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The number that it was [made of](From::from); `None` if it was made of none.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        Some(u64::from_be_bytes((*self.0).try_into().ok()?))
    }
}

impl From<u64> for Tag {
    fn from(number: u64) -> Self {
        Tag(Box::new(number.to_be_bytes()))
    }
}

impl From<&str> for Tag {
    fn from(text: &str) -> Self {
        Tag(text.as_bytes().into())
    }
}

/// What the host of an agent has to do, in order.
///
/// Exhaustive, like [`Output`](crate::Output): a host that missed an addition could lose a promise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step<I> {
    /// Read the register, and report [`Found`](Outcome::Found) or [`Missing`](Outcome::Missing).
    Read,
    /// Replace what the register holds by `bytes`, if its tag still is `tag`.
    Swap {
        /// The tag of the content that is to be replaced.
        tag: Tag,
        /// The content that takes its place.
        bytes: Vec<u8>,
    },
    /// Step the node with this message from the voter of the register.
    Deliver(Message<I>),
    /// Store this number when there is time, and give the last one to [`AgentConfig::known_sequence`] at the next start.
    /// Nothing waits for it. Rule 10.11.
    Remember(u64),
    /// News: see each [`RegisterEvent`].
    Event(RegisterEvent<I>),
}

/// What came of a [`Step::Read`] or a [`Step::Swap`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The register holds this. The answer to a read.
    Found {
        /// The tag of the content.
        tag: Tag,
        /// The content.
        bytes: Vec<u8>,
    },
    /// There is no such object.
    Missing,
    /// The swap was made, and the content has this tag now.
    Swapped(Tag),
    /// The tag was another one. It may be that of this very write, if the client has repeated the call of its own accord.
    Refused,
    /// It was not done, for certain: no connection, no permission, throttled.
    Failed,
    /// Nobody knows whether it was done, or will be: no answer in time, or the connection broke. A read that ended so
    /// counts as [`Failed`](Self::Failed).
    Unknown,
}

/// When a leader asks the voter of the register for its promise. Rule 10.13.
///
/// Exhaustive: there is nothing between the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// Only when the other voters are no quorum any more, or the voter is to learn of another term or membership. At rest
    /// the register is not written at all. This is the one to take, unless each call is free.
    Spare {
        /// How often a node that does not lead looks at the register.
        look: Duration,
    },
    /// All the time, as any voter is asked. A leader then outlives the loss of the other machine without a single call in
    /// time; but a successor has to wait for the end of the voter's promise.
    Always {
        /// How often a node that does not lead looks at the register.
        look: Duration,
    },
}

impl Use {
    pub(super) fn look(self) -> Duration {
        let (Use::Spare { look } | Use::Always { look }) = self;
        look
    }
}

/// Whether a read shows what was written last.
///
/// Exhaustive: there is nothing between the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reads {
    /// A read that begins after a swap has ended shows its content or a later one. An older one than was ever seen means
    /// that a copy was put back, and the voter says nothing. Rule 10.11.
    #[default]
    Fresh,
    /// A read may come from a replica that is behind, or from a cache. It costs time only. An older content is taken for
    /// a late one, and is not used.
    MayBeStale,
}

/// What an agent is told at its start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentConfig<I> {
    /// The node on this machine.
    pub node: I,
    /// The voter whose state is in the register.
    pub voter: I,
    /// The group.
    pub cluster: ClusterId,
    /// The lengths of time of the node. The voter grants promises of up to its `promise_limit`, which is to be at least
    /// three times as long as a slow call of the register.
    pub timing: Timing,
    /// When the voter is asked.
    pub usage: Use,
    /// What the store promises of reads.
    pub reads: Reads,
    /// The last number of a [`Step::Remember`] of this node, of an earlier process too; 0 if there was none.
    pub known_sequence: u64,
}

impl<I> AgentConfig<I> {
    /// An agent of a node with [`Timing::wan`], fresh reads and nothing remembered.
    #[must_use]
    pub fn new(node: I, voter: I, cluster: ClusterId, usage: Use) -> Self {
        let (timing, reads) = (Timing::wan(), Reads::Fresh);
        AgentConfig { node, voter, cluster, timing, usage, reads, known_sequence: 0 }
    }
}

/// Why the voter of the register says nothing. It is as if its machine were down.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Silence<I> {
    /// The last call failed, or its outcome is not known.
    #[error("the register cannot be reached")]
    Unreachable,
    /// There is no such object. The operator creates it, once; if it existed before, its voter gets another id.
    #[error("there is no register: create it; if there was one, give its voter another id")]
    Missing,
    /// What the register holds was not written by this voter.
    #[error("the register cannot be used: {0}")]
    Unreadable(#[source] ContentError),
    /// An earlier copy of the register was put back: the votes that it lacks are lost. Remove its voter from the group,
    /// and add one under another id.
    #[error("an earlier copy of the register was put back: replace its voter by one with another id")]
    Older {
        /// The number of the last content that this node has seen.
        known: u64,
        /// The number of this content.
        found: u64,
    },
    /// As [`Older`](Self::Older): a leader has shown that the voter has forgotten what it had acknowledged.
    #[error("the register has lost what its voter acknowledged: replace the voter by one with another id")]
    Lost,
    /// The agent of that voter has never written this register: it has no access, or was given another one. Rule 10.12.
    #[error("node {0:?} has not signed the register: has it access, and to this one?")]
    Unsigned(I),
}

/// What an agent tells operators.
///
/// Non-exhaustive: a later version may tell more.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RegisterEvent<I> {
    /// The voter of the register says nothing from now on, for this reason; or `None`: it answers again. Reported when it
    /// changes.
    Silent(Option<Silence<I>>),
    /// The voter elects no node whose position is behind this one, from now on. See
    /// [`record_position`](super::Agent::record_position).
    PositionRecorded(Position),
    /// The position was not recorded: this node is not the leader that the voter follows, or the register was not
    /// reached. Whatever waits for it must not be acknowledged.
    PositionRefused(Position),
}

/// An agent, as it shows itself to operators.
///
/// Non-exhaustive: a later version may show more.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RegisterStatus<I> {
    /// Why the voter says nothing; `None` if it answers.
    pub silence: Option<Silence<I>>,
    /// When a call has last shown what the register holds.
    pub last_seen: Option<Timestamp>,
    /// The number of that content.
    pub sequence: Option<u64>,
    /// Until when the voter is bound, and to which node, as far as this agent knows.
    pub bound: Option<(I, Timestamp)>,
    /// How many calls there were, and what came of them.
    pub calls: CallCounters,
}

/// How many calls an agent has asked for, and what came of them.
///
/// Non-exhaustive: a later version may count more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct CallCounters {
    /// Reads.
    pub reads: u64,
    /// Swaps.
    pub swaps: u64,
    /// Swaps that were refused, as another write had come before.
    pub refused: u64,
    /// Calls that were not done.
    pub failed: u64,
    /// Swaps that nobody knows the outcome of.
    pub unknown: u64,
}

impl CallCounters {
    /// Counts a swap of which only a read can tell whether it was made.
    pub(super) fn count_unsettled(&mut self, outcome: &Outcome) {
        let count = if *outcome == Outcome::Refused { &mut self.refused } else { &mut self.unknown };
        *count = count.saturating_add(1);
    }
}

/// Why an agent cannot be started.
///
/// Non-exhaustive: a later version may check more.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError<I: NodeId> {
    /// The node and the voter of the register have the same id.
    #[error("node {0:?} cannot be the voter of its own register")]
    SameId(I),
    /// The lengths of time do not fit together.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// `look` is shorter than a millisecond, or longer than an hour.
    #[error("a look at the register each {0:?} is not between a millisecond and an hour")]
    Look(Duration),
}
