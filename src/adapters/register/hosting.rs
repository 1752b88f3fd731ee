//! What a host is told of the register of its group.

use core::fmt;
use core::time::Duration;
use std::path::PathBuf;

use super::status::{Reads, Use};

/// The register of a group, as a host is told of it: `udp::HostConfig::register` and `tokio::Options::register`.
///
/// ```
/// # use quorate::adapters::register::{CellError, Reads, Tag};
/// use quorate::adapters::register::{RegisterConfig, Use};
/// use std::time::Duration;
///
/// # struct Row;
/// # impl quorate::adapters::register::Cell for Row {
/// #     fn read(&mut self) -> Result<Option<(Tag, Vec<u8>)>, CellError> { Ok(None) }
/// #     fn swap(&mut self, _: &Tag, _: &[u8]) -> Result<Option<Tag>, CellError> { Ok(None) }
/// #     fn create(&mut self, _: &[u8]) -> Result<Option<Tag>, CellError> { Ok(None) }
/// # }
/// // The voter 9 is in a row of a database, of which `Row` is the client.
/// let usage = Use::Spare { look: Duration::from_secs(10) };
/// let register = RegisterConfig::new(9_u32, usage, Row).reads(Reads::MayBeStale);
/// ```
#[derive(Clone)]
pub struct RegisterConfig<I, C> {
    pub(in crate::adapters) voter: I,
    pub(in crate::adapters) usage: Use,
    pub(in crate::adapters) reads: Reads,
    pub(in crate::adapters) call_timeout: Option<Duration>,
    pub(in crate::adapters) known_sequence: u64,
    pub(in crate::adapters) file: Option<PathBuf>,
    pub(in crate::adapters) cell: C,
}

impl<I, C> RegisterConfig<I, C> {
    /// The register of the voter `voter`, whose client is `cell`: fresh reads, and calls that take a third of
    /// [`promise_limit`](crate::Timing::promise_limit) at most.
    #[must_use]
    pub fn new(voter: I, usage: Use, cell: C) -> Self {
        RegisterConfig {
            voter,
            usage,
            reads: Reads::Fresh,
            call_timeout: None,
            known_sequence: 0,
            file: None,
            cell,
        }
    }

    /// What the store promises of reads.
    #[must_use]
    pub fn reads(mut self, reads: Reads) -> Self {
        self.reads = reads;
        self
    }

    /// How long a call may take: a millisecond to [`promise_limit`](crate::Timing::promise_limit), after which the promise
    /// that it would bring is over. A write that takes longer counts as [unknown](super::Outcome::Unknown), a read as
    /// [failed](super::Outcome::Failed), and what comes of it later is not used.
    #[must_use]
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = Some(timeout);
        self
    }

    /// The highest number of a content that this node has seen before its restart, if the program has kept it: that of
    /// [`RegisterStatus::sequence`](super::RegisterStatus::sequence). A lower one is then taken for a copy that was put
    /// back. Rule 10.11. A file keeps it, if the host is told of one: `remember_in`.
    #[must_use]
    pub fn known_sequence(mut self, sequence: u64) -> Self {
        self.known_sequence = sequence;
        self
    }

    /// Keeps that number in this file, from one start of the node to the next. It is written when there is time, and nothing
    /// waits for it; a file that is missing or damaged counts as none. Not called, a node that is started in a folder
    /// (`start_in` of both hosts) keeps it there, in `register`, and any other only for as long as it runs.
    #[must_use]
    pub fn remember_in(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// The same with another client.
    pub(in crate::adapters) fn map<D>(self, change: impl FnOnce(C) -> D) -> RegisterConfig<I, D> {
        let RegisterConfig { voter, usage, reads, call_timeout, known_sequence, file, cell } = self;
        RegisterConfig { voter, usage, reads, call_timeout, known_sequence, file, cell: change(cell) }
    }
}

impl<I: fmt::Debug, C> fmt::Debug for RegisterConfig<I, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterConfig")
            .field("voter", &self.voter)
            .field("usage", &self.usage)
            .field("reads", &self.reads)
            .field("call_timeout", &self.call_timeout)
            .field("known_sequence", &self.known_sequence)
            .finish_non_exhaustive()
    }
}
