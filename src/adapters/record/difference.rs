//! What keeps a record from being replayed, above all that something else comes out.

use std::fmt;
use std::io;
use std::prelude::rust_2024::*;

use core::time::Duration;

use super::first_line::LONGEST_LINE;
use super::line::FORMAT;
use crate::config::ConfigError;

/// Why a record cannot be replayed any further.
///
/// Non-exhaustive: a later version may tell more apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// It is no record of a node.
    #[error("line {line} is not the beginning of a record, which is {{\"start\":{{\"format\":{FORMAT},…")]
    NotARecord {
        /// The line that should have been the first one.
        line: u64,
    },
    /// There is nothing in it.
    #[error("there is no whole line in it")]
    Empty,
    /// It is of another format: replay it with the release that wrote it, or a later one.
    #[error("line {line} is of format {format}, and this release reads format {FORMAT}")]
    OtherFormat {
        /// The line.
        line: u64,
        /// The format that it names.
        format: u64,
    },
    /// Ids are of another type: replay it with a program that has that.
    #[error("the ids are of the type {found:?}, and it was to be replayed with ids of the type {expected:?}")]
    OtherIdType {
        /// The type that the record names.
        found: String,
        /// That of the replay.
        expected: String,
    },
    /// A line says nothing, or nothing that a host does.
    #[error("line {line} makes no sense: {why}")]
    Nonsense {
        /// The line.
        line: u64,
        /// Why not.
        why: String,
    },
    /// A line is longer than any that a recorder writes.
    #[error("line {line} has more than {LONGEST_LINE} bytes")]
    TooLong {
        /// The line.
        line: u64,
    },
    /// The node could change the members, and this build cannot, or the other way round: see the feature
    /// `reconfiguration`.
    #[error("line {line}: the node was built with the feature {0:?} and this program without, or the other way round", .feature)]
    OtherFeatures {
        /// The line.
        line: u64,
        /// The feature.
        feature: &'static str,
    },
    /// The node cannot be started as it was.
    #[error("line {line}: the node cannot be started so")]
    Config {
        /// The line.
        line: u64,
        /// Why not.
        source: ConfigError,
    },
    /// The election put out something else than the record says.
    #[error("{0}")]
    Differs(Box<Difference>),
}

/// The first output that is another one than the record has.
///
/// Non-exhaustive: a later version may say more.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Difference {
    /// The line.
    pub line: u64,
    /// The name of the node.
    pub node: String,
    /// How long after the start of the process.
    pub after: Duration,
    /// Which output of the line it is, from 0.
    pub output: usize,
    /// What the record says; `None` if it has no such output.
    pub recorded: Option<String>,
    /// What came out; `None` if nothing more did.
    pub replayed: Option<String>,
    /// The release that wrote the record, if it is another one than this.
    pub release: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { line, node, after, recorded, replayed, release, .. } = self;
        let nothing = "nothing";
        let (recorded, replayed) =
            (recorded.as_deref().unwrap_or(nothing), replayed.as_deref().unwrap_or(nothing));
        write!(
            f,
            "line {line}, node {node}, {:.6} s after its start: the record says {recorded}, and the replay {replayed}",
            after.as_secs_f64()
        )?;
        match release {
            Some(release) => {
                write!(f, " (recorded by release {release}, replayed by {})", env!("CARGO_PKG_VERSION"))
            }
            None => Ok(()),
        }
    }
}
