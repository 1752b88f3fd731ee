//! Answers to probes over HTTP: those of Kubernetes and of load balancers, and the scrapes of Prometheus.
//!
//! | path | 200 if | otherwise |
//! |---|---|---|
//! | `/livez` | the host runs, and has taken a turn within the last 10 s ([`STUCK_AFTER`]) | 503, and what is wrong |
//! | `/readyz` | the node knows a leader, has recovered what its restart made it forget, and its quarantine is over ([`Metrics::readiness`]) | 503, and what it waits for |
//! | `/leader` | the node knows a leader: its id, term and address, and what it advertises, each on a line | 503 |
//! | `/metrics` | the node can be asked: its [metrics](super::metrics) | 503 |
//!
//! `/livez` says whether a restart of the process would help. A node without a quorum is alive, and so is one whose disk
//! hangs: a restart mends neither. What makes a host stuck is its own program: a watcher of leases that does not return, or
//! a handler that blocks the runtime of a tokio node. A host that waits for its program to end its work is alive for as long
//! as the lease would have lasted, and for 10 s more. A process that was paused takes its next turn before long, so let two
//! or three probes in a row fail. `/readyz` is what a rolling restart waits for before the next node goes: as long as a
//! node is quarantined, its vote may be missing. It is no measure of whether this node leads, since only one of them does.
//!
//! Both hosts answer on a thread of their own:
//!
//! ```no_run
//! # #[cfg(feature = "udp")]
//! # fn serve(host: quorate::adapters::udp::Host<u32>) -> Result<(), Box<dyn std::error::Error>> {
//! let probes = host.serve_probes("0.0.0.0:9600".parse()?)?; // until it is dropped
//! # Ok(())
//! # }
//! ```
//!
//! A program that has an HTTP server mounts the answers there (`udp::Host::answer_probe`, `tokio::Handle::answer_probe`);
//! the page [`guide::operations`](crate::guide::operations) does so with axum.
//!
//! [`answer`] is the same for a loop of your own, and [`respond`] speaks HTTP without a socket.
//!
//! # Security
//!
//! What is answered is no secret of the group, but tells who leads and at which address. Whoever reaches the port may
//! read it, so listen where only the operator's machines do. Garbage, long and slow requests, and many of them at once cost
//! a bounded amount of memory, and no time of the election: 64 connections at once; 8 KiB for each request; a second until
//! it is whole, and 5 s for each connection. When all are taken, the machine with the most connections makes room for the
//! next, with one whose request is not whole if it has such a one: so clients that are many or slow take nothing from a probe
//! that comes from another machine. The addresses of one network of IPv6 (`/64`) count as one machine.

mod request;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod server;

use core::time::Duration;
use std::format;
use std::prelude::rust_2024::*;
use std::sync::Arc;

use super::metrics::{CONTENT_TYPE, Metrics};
use crate::types::{Leader, NodeId};

pub use self::request::{LONGEST_REQUEST, respond};
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub use self::server::{ProbeServer, ProbeServerError};

/// The paths that are answered.
pub const PATHS: [&str; 4] = ["/livez", "/readyz", "/leader", "/metrics"];

/// A host that has not taken a turn for so long is not alive. It takes several a second.
pub const STUCK_AFTER: Duration = Duration::from_secs(10);

/// The content type of all answers but the metrics.
const PLAIN: &str = "text/plain; charset=utf-8";

/// What a host knows of itself and of its node when a probe comes.
///
/// Non-exhaustive: a later version may know more.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Vitals<I> {
    /// Why the host has stopped, if it has.
    pub stopped: Option<String>,
    /// How long ago it took a turn.
    pub idle_for: Duration,
    /// The node; `None` if it has stopped, or does not answer.
    pub metrics: Option<Metrics<I>>,
}

impl<I> Vitals<I> {
    /// A host that runs, has just taken a turn, and shows this of its node.
    #[must_use]
    pub fn new(metrics: Metrics<I>) -> Self {
        Vitals { stopped: None, idle_for: Duration::ZERO, metrics: Some(metrics) }
    }

    /// The same with the name of the group: see [`Metrics::of_group`].
    #[must_use]
    pub fn of_group(mut self, name: &Arc<str>) -> Self {
        self.metrics = self.metrics.map(|metrics| metrics.of_group(Arc::clone(name)));
        self
    }
}

/// What to answer over HTTP.
///
/// Non-exhaustive: a later version may have more headers.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header of that name.
    pub content_type: &'static str,
    /// The content: lines of text.
    pub body: String,
}

impl Response {
    /// Plain text on one line.
    pub(super) fn line(status: u16, text: &str) -> Self {
        Response { status, content_type: PLAIN, body: format!("{text}\n") }
    }

    fn not_found() -> Self {
        Self::line(404, "there are /livez, /readyz, /leader and /metrics")
    }
}

/// What a probe of `path` is answered, which has no query.
#[must_use]
pub fn answer<I: NodeId>(path: &str, vitals: &Vitals<I>) -> Response {
    match path {
        "/livez" => verdict(vitals.liveness()),
        "/readyz" => verdict(vitals.readiness()),
        "/leader" => vitals.leader(),
        "/metrics" => match &vitals.metrics {
            Some(metrics) => {
                Response { status: 200, content_type: CONTENT_TYPE, body: metrics.to_open_metrics() }
            }
            None => verdict(vitals.liveness().and_then(|()| Err(NO_ANSWER.into()))),
        },
        _ => Response::not_found(),
    }
}

/// Whether the answer to `path` depends on the node, and not on its host alone.
#[cfg(feature = "tokio")]
pub(super) fn is_about_the_node(path: &str) -> bool {
    PATHS.contains(&path) && path != "/livez"
}

/// Why there are no metrics although the host is alive.
const NO_ANSWER: &str = "the node does not answer";

fn verdict(verdict: Result<(), String>) -> Response {
    match verdict {
        Ok(()) => Response::line(200, "ok"),
        Err(why) => Response::line(503, &why),
    }
}

impl<I: NodeId> Vitals<I> {
    fn liveness(&self) -> Result<(), String> {
        match &self.stopped {
            Some(why) => Err(format!("the host has stopped: {why}")),
            None if self.idle_for >= STUCK_AFTER => {
                Err(format!("the host is stuck: it has done nothing for {:?}", self.idle_for))
            }
            None => Ok(()),
        }
    }

    fn readiness(&self) -> Result<(), String> {
        self.liveness()?;
        let metrics = self.metrics.as_ref().ok_or(NO_ANSWER)?;
        metrics.readiness().map_err(|reason| format!("{reason}"))
    }

    fn leader(&self) -> Response {
        let metrics = self.metrics.as_ref().filter(|_| self.stopped.is_none());
        let Some((metrics, Leader { id, term })) =
            metrics.and_then(|metrics| Some((metrics, metrics.leader()?)))
        else {
            return verdict(self.liveness().and_then(|()| Err("no leader is known".into())));
        };
        let address = metrics.leader_address.map_or(String::new(), |address| format!("address {address}\n"));
        let text = metrics.leader_advertised.map_or(String::new(), |text| format!("advertises {text}\n"));
        let body = format!("leader {id:?}\nterm {term}\n{address}{text}");
        Response { status: 200, content_type: PLAIN, body }
    }
}
