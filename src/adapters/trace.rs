//! Transitions as events of the crate `tracing`, and candidacies and leaderships as [spans](Spans).
//!
//! Call [`trace`] with every output, or with every event that a host tells of. Messages and writes are
//! silent: a healthy group says nothing.
//!
//! | level | means | events |
//! |---|---|---|
//! | `error` | an operator has to act, and nothing passes by itself | `StateLost`, `TwoProcesses`, `TwoLeaders`, `QuorumLost`, `ForeignCluster`, `OtherLife`, `MembershipConflict`, `TooManyForming`, `TermTooFarAhead`; `Diagnosed`, if [`Problem::needs_operator`](crate::Problem::needs_operator) says so: keys, groups, addresses, first members or a disk are wrong |
//! | `warn` | availability was lost, or is at risk, and nobody has planned it | `LeaderLost`, `TickedLate`, `SteppedDown` by a lease that lapsed, `HandoverFailed`, `NoSuccessor`, `ReconfigurationStalled`, `TargetAbandoned`, `LeaveForgotten`, `ShortPromise`; `Diagnosed` otherwise: no majority, silent members, a node that waits to be added |
//! | `info` | the group has changed, planned or not, or trouble is over | `Elected`, `SteppedDown` otherwise, `LeaderChanged`, `MembershipChanged` once it is committed, `TargetReached`, `Removed`, `Resolved`; a change of members that waits: `LearnerBehind`, `VoterBehind` |
//! | `debug` | the rest | commands rejected, `MembershipChanged` before it is committed, `Behind` |
//!
//! A node that crashes is a warning on each node that followed or leads it, and no more than one each; so a planned
//! handover is `info` on every node, and so are an orderly shutdown of a leader and a restart that is over within
//! seconds. What goes on is said again at growing intervals, so a log shows its last state without being filled by it.
//! The message of each is what [`Display`](core::fmt::Display) makes of it; what it is about is in fields too.

mod spans;

use ::tracing::{debug, error, info, warn};

use crate::diagnosis::Diagnosis;
use crate::event::{Event, StepDown};
use crate::io::Output;
use crate::types::{Leader, NodeId};

pub use self::spans::Spans;
#[cfg(any(feature = "udp", feature = "tokio"))]
pub(super) use self::spans::{Sight, Sights};

/// Tells what came out of the election of `node`.
pub fn trace<I: NodeId>(node: I, output: &Output<I>) {
    match output {
        Output::Event(event) => trace_event(node, event),
        Output::Rejected(reason) => debug!(?node, "rejected: {reason}"),
        Output::Persist(_) | Output::Send { .. } => {}
    }
}

/// Tells of one event of the election of `node`.
pub fn trace_event<I: NodeId>(node: I, event: &Event<I>) {
    match event {
        Event::Elected { term } => info!(?node, %term, "{event}"),
        Event::SteppedDown { term, reason: StepDown::LeaseLapsed } => warn!(?node, %term, "{event}"),
        Event::SteppedDown { term, .. } => info!(?node, %term, "{event}"),
        Event::LeaderChanged { leader: Some(Leader { id, term }) } => {
            info!(?node, leader = ?id, %term, "{event}");
        }
        Event::LeaderChanged { leader: None } => info!(?node, "{event}"),
        Event::TargetAbandoned | Event::LeaveForgotten => warn!(?node, "{event}"),
        Event::LeaderLost { leader } => warn!(?node, ?leader, "{event}"),
        Event::Diagnosed(diagnosis) => trace_diagnosis(node, diagnosis),
        Event::Resolved { problem, .. } => info!(?node, ?problem, "{event}"),
        Event::TickedLate { by } => warn!(?node, ?by, "{event}"),
        Event::MembershipChanged { version, committed: true } | Event::TargetReached { version } => {
            info!(?node, %version, "{event}");
        }
        Event::MembershipChanged { version, committed: false } => debug!(?node, %version, "{event}"),
        Event::Removed => info!(?node, "{event}"),
        Event::HandoverFailed { successor, reason } => warn!(?node, ?successor, ?reason, "{event}"),
        Event::NoSuccessor { unfit } => warn!(?node, ?unfit, "{event}"),
        Event::LearnerBehind { learner, position, required } => {
            info!(?node, ?learner, %position, %required, "{event}");
        }
        Event::VoterBehind { voter, position, required } => {
            info!(?node, ?voter, %position, %required, "{event}");
        }
        Event::ShortPromise { voter, granted, requested } => {
            warn!(?node, ?voter, ?granted, ?requested, "{event}")
        }
        Event::ReconfigurationStalled { awaited } => warn!(?node, ?awaited, "{event}"),
        Event::Behind { peer, position } => debug!(?node, ?peer, %position, "{event}"),
        Event::ForeignCluster { peer, cluster } => error!(?node, ?peer, %cluster, "{event}"),
        Event::OtherLife { peer, life } => error!(?node, ?peer, %life, "{event}"),
        Event::StateLost => error!(?node, "{event}"),
        Event::Recovered { term, how } => info!(?node, %term, ?how, "{event}"),
        Event::QuorumLost { blank } => error!(?node, ?blank, "{event}"),
        Event::TooManyForming { peer }
        | Event::MembershipConflict { peer }
        | Event::TwoProcesses { peer } => {
            error!(?node, ?peer, "{event}");
        }
        Event::TermTooFarAhead { peer, term } | Event::TwoLeaders { peer, term } => {
            error!(?node, ?peer, %term, "{event}");
        }
    }
}

fn trace_diagnosis<I: NodeId>(node: I, diagnosis: &Diagnosis<I>) {
    let (problem, silent) = (diagnosis.problem, &diagnosis.silent);
    if problem.needs_operator() {
        error!(?node, ?problem, ?silent, "{diagnosis}");
    } else {
        warn!(?node, ?problem, ?silent, "{diagnosis}");
    }
}
