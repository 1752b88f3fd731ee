//! A register on its way into a host, whatever its ids need to be written.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use core::time::Duration;
use std::io;
#[cfg(feature = "store")]
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::agent::Agent;
use super::attendant::{Attendant, Caller, Spokesman};
use super::hosting::RegisterConfig;
use super::known_sequence::{self, KnownSequence};
use super::status::AgentConfig;
use crate::adapters::random::JitterRng;
use crate::config::{Config, Timing};
use crate::types::{ClusterId, NodeId};

/// Makes an agent, or says why it is configured wrongly.
type NewAgent<I> = fn(AgentConfig<I>, &mut JitterRng) -> Result<Box<dyn Spokesman<I>>, String>;

/// A register whose agent can be started by a host that does not know how its ids are written.
pub(in crate::adapters) struct Hosted<I, C> {
    config: RegisterConfig<I, C>,
    new_agent: NewAgent<I>,
}

impl<I: NodeId + Serialize + DeserializeOwned + Send + 'static, C> Hosted<I, C> {
    pub(in crate::adapters) fn new(config: RegisterConfig<I, C>) -> Self {
        let new_agent: NewAgent<I> = |config, rng| match Agent::new(config, rng) {
            Ok(agent) => Ok(Box::new(agent)),
            Err(error) => Err(error.to_string()),
        };
        Hosted { config, new_agent }
    }
}

impl<I: NodeId, C> Hosted<I, C> {
    /// Has the number of the last content kept in this file, unless another one was named.
    #[cfg(feature = "store")]
    pub(in crate::adapters) fn remember_in(&mut self, file: PathBuf) {
        self.config.file.get_or_insert(file);
    }

    /// Starts the agent of a node, whose calls go through what `caller` makes of the client.
    pub(in crate::adapters) fn start<E>(
        self,
        node: &Config<I>,
        cluster: ClusterId,
        rng: &mut JitterRng,
        caller: impl FnOnce(C) -> Result<Box<dyn Caller>, E>,
        (misconfigured, failed): (impl FnOnce(String) -> E, impl FnOnce(io::Error) -> E),
    ) -> Result<Attendant<I>, E> {
        let RegisterConfig { voter, usage, reads, call_timeout, known_sequence, file, cell } = self.config;
        let stored = file.as_ref().map(|file| known_sequence::read(file, cluster, voter));
        let known_sequence = stored.into_iter().fold(known_sequence, Ord::max);
        let config =
            AgentConfig { node: node.id, voter, cluster, timing: node.timing, usage, reads, known_sequence };
        let agent = match (self.new_agent)(config, rng) {
            Ok(agent) => agent,
            Err(error) => return Err(misconfigured(error)),
        };
        let longest = node.timing.promise_limit;
        let timeout = call_timeout.unwrap_or_else(|| usual_timeout(&node.timing));
        if !(Duration::from_millis(1)..=longest).contains(&timeout) {
            return Err(misconfigured(format!(
                "calls that may take {timeout:?} do not suit promises of {longest:?} at most: take 1 ms to that"
            )));
        }
        let known = file.map(|file| KnownSequence::in_file(file, cluster, voter));
        let known = known.transpose().map_err(failed)?;
        Ok(Attendant::new(voter, agent, caller(cell)?, (node.timing.promise_limit, timeout), known))
    }
}

/// Three calls fit into the longest promise.
fn usual_timeout(timing: &Timing) -> Duration {
    timing.promise_limit.checked_div(3).unwrap_or_default()
}

impl<I: Clone, C: Clone> Clone for Hosted<I, C> {
    fn clone(&self) -> Self {
        Hosted { config: self.config.clone(), new_agent: self.new_agent }
    }
}

impl<I: fmt::Debug, C> fmt::Debug for Hosted<I, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config.fmt(f)
    }
}
