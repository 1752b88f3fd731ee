//! The answers of a host to probes.

use std::format;
use std::net::SocketAddr;
use std::prelude::rust_2024::*;
use std::sync::Arc;

use super::Host;
use super::shared::Shared;
#[cfg(doc)]
use crate::adapters::metrics::Metrics;
use crate::adapters::probes::{ProbeServer, ProbeServerError, Response, Vitals, answer};
use crate::types::NodeId;

impl<I: NodeId + Send + 'static> Host<I> {
    /// Answers [probes](crate::adapters::probes) on `listen`, on a thread of its own, until the server is dropped; also
    /// once the host has stopped, since a probe is to find that out.
    ///
    /// # Errors
    /// [`ProbeServerError`] if the address cannot be listened on, or there is no thread.
    pub fn serve_probes(&self, listen: SocketAddr) -> Result<ProbeServer, ProbeServerError> {
        let shared = Arc::clone(&self.shared);
        ProbeServer::start(listen, move |path| answer(path, &shared.vitals()))
    }

    /// The same, with the name of the group in the metrics: see [`Metrics::of_group`].
    ///
    /// # Errors
    /// As of [`serve_probes`](Self::serve_probes).
    pub fn serve_probes_of_group(
        &self,
        name: impl Into<Arc<str>>,
        listen: SocketAddr,
    ) -> Result<ProbeServer, ProbeServerError> {
        let (shared, name) = (Arc::clone(&self.shared), name.into());
        ProbeServer::start(listen, move |path| answer(path, &shared.vitals().of_group(&name)))
    }

    /// What a [probe](crate::adapters::probes) of `path` is answered, for an HTTP server of the program's own.
    #[must_use]
    pub fn answer_probe(&self, path: &str) -> Response {
        answer(path, &self.shared.vitals())
    }
}

impl<I: NodeId> Shared<I> {
    fn vitals(&self) -> Vitals<I> {
        let reason = || match &self.view().failure {
            Some(failure) => format!("{failure}"),
            None => "the program has told it to".into(),
        };
        let mut vitals = Vitals::new(self.metrics());
        vitals.stopped = self.end.is_set().then(reason);
        vitals.idle_for = self.pulse.age(self.clock.now());
        vitals
    }
}
