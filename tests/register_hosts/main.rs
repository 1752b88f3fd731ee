//! Machines on loopback that share a register, whose calls may hang, fail or end too late. Bounds are generous: no test says
//! how fast anything is.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails should panic"
)]

mod memory;
mod records;
mod tasks;
mod threads;

use std::time::Duration;

use quorate::adapters::register::{RegisterConfig, RegisterStatus, Use};
use quorate::message::{Answer, Body, Denial, Header, HeartbeatReply, Round};
use quorate::{
    ClusterId, HardState, MembershipVersion, Message, Position, Priority, Term, Timestamp, Timing,
};

type Id = u64;
/// The machines, and the voter in the register.
const A: Id = 1;
const B: Id = 2;
const R: Id = 9;
const CLUSTER: ClusterId = ClusterId(7);

const PATIENCE: Duration = Duration::from_secs(60);

fn first() -> HardState<Id> {
    HardState::bootstrap(CLUSTER, [A, B, R]).unwrap()
}

/// Long enough that a slow machine loses no lease by it.
fn timing() -> Timing {
    let wan = Timing::wan();
    Timing { promise: wan.promise * 2, promise_limit: wan.promise_limit * 2, ..wan }
}

/// A spare register, whose calls may take half a second.
fn register<C>(cell: C) -> RegisterConfig<Id, C> {
    let usage = Use::Spare { look: Duration::from_millis(100) };
    RegisterConfig::new(R, usage, cell).call_timeout(Duration::from_millis(500))
}

/// Whether the voter has shown that it speaks to a node: all have signed the register.
fn speaks(status: &RegisterStatus<Id>) -> bool {
    status.silence.is_none() && status.last_seen.is_some()
}

/// What would make the leader of `term` step down, if it was from a voter.
fn denial_of_a_later_term(term: Term, version: MembershipVersion) -> Message<Id> {
    let header = Header {
        cluster: CLUSTER,
        life: first().life,
        term: Term(term.0 + 1_000),
        version,
        committed: true,
        round: Round(1),
        sent_at: Timestamp::ORIGIN,
    };
    let body = Body::HeartbeatReply(HeartbeatReply {
        request_term: term,
        answer: Answer::Denied(Denial::StaleTerm),
        position: Position::default(),
        priority: Priority::NEVER_LEADS,
        ready: false,
        leaving: false,
        membership: None,
    });
    Message::new(header, body)
}
