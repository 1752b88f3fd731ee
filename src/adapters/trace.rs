//! Transitions as events of the crate `tracing`.
//!
//! Call [`trace`] with every output, or with every event that a host tells of. Messages and writes are
//! silent: a healthy group says nothing. Levels are what a person on call would choose: `error` for what
//! must not be and needs an operator, `warn` for what costs availability, `info` for transitions,
//! `debug` for the rest.

use ::tracing::{debug, error, info, warn};

use crate::io::{Event, Output, StepDown};
use crate::types::NodeId;

/// Tells what came out of the election of `node`.
pub fn trace<I: NodeId>(node: I, output: &Output<I>) {
    match output {
        Output::Event(event) => trace_event(node, event),
        Output::Rejected(reason) => debug!(?node, %reason, "wish rejected"),
        Output::Persist(_) | Output::Send { .. } => {}
    }
}

/// Tells of one event of the election of `node`.
pub fn trace_event<I: NodeId>(node: I, event: &Event<I>) {
    match event {
        Event::Elected { term } => info!(?node, %term, "elected"),
        Event::SteppedDown { term, reason } => trace_step_down(node, term.0, reason),
        Event::LeaderChanged { leader: Some((leader, term)) } => info!(?node, ?leader, %term, "follows"),
        Event::LeaderChanged { leader: None } => warn!(?node, "no leader"),
        Event::MembershipChanged { version, committed: true } => {
            info!(?node, %version, "membership committed")
        }
        Event::MembershipChanged { version, committed: false } => {
            debug!(?node, %version, "membership adopted");
        }
        Event::TargetReached { version } => info!(?node, %version, "target reached"),
        Event::TargetAbandoned => warn!(?node, "target forgotten"),
        Event::Removed => info!(?node, "removed"),
        Event::HandoverFailed { successor } => warn!(?node, ?successor, "handover failed"),
        Event::Behind { peer, position } => debug!(?node, ?peer, ?position, "behind"),
        Event::ForeignCluster { peer, cluster } => {
            warn!(?node, ?peer, cluster = cluster.0, "foreign cluster")
        }
        Event::TermTooFarAhead { peer, term } => error!(?node, ?peer, %term, "term too far ahead"),
        Event::StateLost => error!(?node, "durable state lost"),
        Event::TooManyForming { peer } => error!(?node, ?peer, "too many forming nodes"),
        Event::MembershipConflict { peer } => error!(?node, ?peer, "membership conflict"),
        Event::TwoLeaders { peer, term } => error!(?node, ?peer, %term, "two leaders of one term"),
    }
}

fn trace_step_down<I: NodeId>(node: I, term: u64, reason: &StepDown<I>) {
    match reason {
        StepDown::LeaseLapsed => warn!(?node, term, "stepped down: the lease lapsed"),
        StepDown::NewLeader { leader } => info!(?node, term, ?leader, "stepped down: another leads"),
        StepDown::Resigned { successor } => info!(?node, term, ?successor, "stepped down: resigned"),
    }
}
