//! The answers of a node to probes.

use std::format;
use std::net::SocketAddr;
use std::prelude::rust_2024::*;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Handle;
use super::handle::Command;
use super::leadership_watch::LeadershipWatch;
use super::metrics::MetricsReply;
use crate::adapters::metrics::Metrics;
use crate::adapters::probes::{ProbeServer, ProbeServerError, Response, Vitals, answer, is_about_the_node};
use crate::types::NodeId;

/// For how long a node may keep a probe waiting. A node that does not answer by then is held up.
const PATIENCE: Duration = Duration::from_millis(500);

impl<I: NodeId + Send + Sync + 'static> Handle<I> {
    /// Answers [probes](crate::adapters::probes) on `listen`, on a thread of its own, until the server is dropped; also
    /// while the runtime of the node is blocked and once the node has stopped, since a probe is to find that out. The
    /// server does not keep the node running.
    ///
    /// # Errors
    /// [`ProbeServerError`] if the address cannot be listened on, or there is no thread.
    pub fn serve_probes(&self, listen: SocketAddr) -> Result<ProbeServer, ProbeServerError> {
        self.start_server(listen, |vitals| vitals)
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
        let name = name.into();
        self.start_server(listen, move |vitals| vitals.of_group(&name))
    }

    fn start_server(
        &self,
        listen: SocketAddr,
        complete: impl Fn(Vitals<I>) -> Vitals<I> + Send + 'static,
    ) -> Result<ProbeServer, ProbeServerError> {
        let (watch, commands) = (Arc::clone(&self.watch), self.commands.downgrade());
        ProbeServer::start(listen, move |path| {
            let metrics = || commands.upgrade().and_then(|commands| ask(&commands));
            let vitals = watch.vitals(is_about_the_node(path).then(metrics).flatten());
            answer(path, &complete(vitals))
        })
    }

    /// What a [probe](crate::adapters::probes) of `path` is answered, for an HTTP server of the program's own. A node
    /// that does not answer within half a second is taken for one that is held up.
    pub async fn answer_probe(&self, path: &str) -> Response {
        let metrics =
            if is_about_the_node(path) { timeout(PATIENCE, self.metrics()).await.ok() } else { None };
        answer(path, &self.watch.vitals(metrics.and_then(Result::ok)))
    }
}

/// Asks the node's task from another thread.
fn ask<I: Send + 'static>(commands: &mpsc::Sender<Command<I>>) -> Option<Metrics<I>> {
    let (reply, answer) = sync_channel(1);
    let reply = MetricsReply::new(move |metrics| {
        let _gone = reply.try_send(metrics);
    });
    commands.try_send(Command::Metrics(reply)).ok()?;
    answer.recv_timeout(PATIENCE).ok()
}

impl<I: Copy + Eq> LeadershipWatch<I> {
    fn vitals(&self, metrics: Option<Metrics<I>>) -> Vitals<I> {
        let stopped = self.stopped().map(|reason| format!("{reason}"));
        Vitals { stopped, idle_for: self.pulse.age(self.now()), metrics }
    }
}
