//! A node that is recorded.

use serde::Serialize;

use super::{Options, StartError};
use crate::adapters::record::{Attachment, Beginning, Recorder, Tap};
use crate::hard_state::HardState;
use crate::types::{NodeId, Timestamp};

impl<I: NodeId + Serialize> Options<I> {
    /// Records all that goes into the node and comes out of it. See [`record`](crate::adapters::record).
    #[must_use]
    pub fn record(mut self, recorder: Recorder) -> Self {
        self.recorder = Some(Attachment::new(recorder));
        self
    }
}

/// Begins the record of a node that was started at the first reading, if there is to be one; the second one is of now.
pub(super) fn begin<I: NodeId>(
    options: &Options<I>,
    state: &HardState<I>,
    (now, reading): (Timestamp, Timestamp),
    seed: u64,
    register: Option<I>,
) -> Result<Option<Tap<I>>, StartError> {
    let Some(recorder) = &options.recorder else { return Ok(None) };
    let beginning = Beginning { config: &options.config, state, now, reading, seed, register };
    Ok(Some(recorder.begin(beginning)?))
}
