//! The lines of a record.

use std::prelude::rust_2024::*;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::hard_state::HardState;
use crate::io::{Input, Output};
use crate::types::{NodeId, Timestamp};

/// The format of the lines, which the first of them names. Whatever a replay must not miss is a new format; a reader skips
/// parts of a line that it does not know.
pub const FORMAT: u32 = 1;

/// A line of a record. The page [`guide::records`](crate::guide::records) says when each is written.
///
/// Non-exhaustive: a later version may write more, in another [`FORMAT`] if a replay must not miss it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[serde(bound(serialize = "I: NodeId + Serialize", deserialize = "I: NodeId + Deserialize<'de>"))]
#[non_exhaustive]
pub enum Line<I> {
    /// A process of a node starts. The lines that follow are of this process, up to the next start.
    Start(Box<Start<I>>),
    /// The election was ticked when something was due. Other ticks change nothing, and are not written.
    Tick {
        /// The reading of the clock.
        at: Timestamp,
        /// What came out.
        #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
        out: Vec<Output<I>>,
    },
    /// The election was stepped.
    Step {
        /// The reading of the clock at the tick before.
        at: Timestamp,
        /// What went in.
        #[serde(rename = "in")]
        input: Input<I>,
        /// What came out.
        #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
        out: Vec<Output<I>>,
    },
    /// The state of the next `Persist` that was not acted on is being made durable. What came out after it waits.
    Writing {
        /// The reading of the clock.
        at: Timestamp,
    },
    /// That state is durable, and what waited for it is acted on.
    Durable {
        /// The reading of the clock.
        at: Timestamp,
    },
    /// All that acted by a lease has stopped, so that what came out after the next `SteppedDown` is acted on.
    Withdrawn {
        /// The reading of the clock.
        at: Timestamp,
    },
    /// Lines are missing here: what receives them took them too slowly. Nothing can be replayed from here on.
    Dropped {
        /// How many.
        lines: u64,
    },
    /// The record ends here, as it has become as long as it may be; the node ran on.
    Stopped {
        /// How many bytes it may have.
        limit: u64,
    },
    /// The process has ended, as far as its node is concerned.
    End {
        /// The reading of the clock.
        at: Timestamp,
        /// Why: `told`, or what failed.
        why: String,
        /// How many outputs were not acted on any more.
        left: u64,
    },
}

/// The beginning of a record: all that the replay of a process begins with.
///
/// Non-exhaustive: a later version may write more.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "I: NodeId + Serialize", deserialize = "I: NodeId + Deserialize<'de>"))]
#[non_exhaustive]
pub struct Start<I> {
    /// The [`FORMAT`] of the lines.
    pub format: u32,
    /// The release of this crate that ran the node.
    pub release: String,
    /// How people call the node.
    pub name: String,
    /// The form of ids when they are serialised without names, such as `u32` or `str`.
    pub id_type: String,
    /// What the wall clock of the machine showed at `at`, in nanoseconds since 1970.
    pub wall: u64,
    /// The reading of the clock that the election was started with.
    pub at: Timestamp,
    /// The seed of the election's random numbers, which are those of SplitMix64.
    pub seed: u64,
    /// Whether the node could change the members (feature `reconfiguration`).
    pub reconfiguration: bool,
    /// The voter in a register that the host speaks for, if there is one.
    #[serde(default)]
    pub register: Option<I>,
    /// The configuration of the node, whose id is in it.
    pub config: Config<I>,
    /// The durable state that the node was started from.
    pub state: HardState<I>,
}

impl<I> Line<I> {
    /// The reading of the clock of a line that has one.
    #[must_use]
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Line::Start(start) => Some(start.at),
            Line::Tick { at, .. }
            | Line::Step { at, .. }
            | Line::Writing { at }
            | Line::Durable { at }
            | Line::Withdrawn { at }
            | Line::End { at, .. } => Some(*at),
            Line::Dropped { .. } | Line::Stopped { .. } => None,
        }
    }
}
