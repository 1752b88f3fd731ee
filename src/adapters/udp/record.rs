//! A host that is recorded.

use std::prelude::rust_2024::*;

use serde::Serialize;

use super::{HostConfig, HostStartError};
use crate::adapters::record::{Attachment, Beginning, Tap};
use crate::hard_state::HardState;
use crate::types::{NodeId, Timestamp};

/// Begins the record of a node that was started at the first reading, if there is to be one; the second one is of now.
pub(super) fn begin<I: NodeId + Serialize>(
    config: &HostConfig<I>,
    state: &HardState<I>,
    (now, reading): (Timestamp, Timestamp),
    seed: u64,
    register: Option<I>,
) -> Result<Option<Tap<I>>, HostStartError> {
    let Some(recorder) = config.recorder.clone() else { return Ok(None) };
    let beginning = Beginning { config: &config.config, state, now, reading, seed, register };
    Ok(Some(Attachment::new(recorder).begin(beginning)?))
}
