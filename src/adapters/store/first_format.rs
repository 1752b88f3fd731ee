//! The format of release 0.1: it is read when a group is upgraded, and never written.

use std::prelude::rust_2024::*;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Fault;
use crate::hard_state::HardState;
use crate::membership::{Limits, Membership, MembershipError};
use crate::types::{ClusterId, MembershipVersion, NodeId, Term};

pub(super) const FORMAT: u32 = 2;

#[derive(Deserialize)]
struct State<I> {
    cluster: ClusterId,
    term: Term,
    voted_for: Option<I>,
    promised: Duration,
    membership: Members<I>,
    committed: bool,
}

#[derive(Deserialize)]
struct Members<I> {
    version: MembershipVersion,
    voters: Vec<I>,
    learners: Vec<I>,
    quorum: u8,
    limits: Option<Limits>,
}

/// The state in the body of such a file. The group has no life in it, and gets that which every node derives.
pub(super) fn parse_body<I: NodeId + DeserializeOwned>(body: &[u8]) -> Result<HardState<I>, Fault> {
    match postcard::take_from_bytes::<State<I>>(body) {
        Ok((state, [])) => upgrade(state).map_err(|_| Fault::Malformed),
        Ok(_) | Err(_) => Err(Fault::Malformed),
    }
}

fn upgrade<I: NodeId>(state: State<I>) -> Result<HardState<I>, MembershipError> {
    let State { cluster, term, voted_for, promised, membership, committed } = state;
    let Members { version, voters, learners, quorum, limits } = membership;
    let membership = match limits {
        Some(limits) => Membership::formed(version, voters, learners, quorum.into(), limits)?,
        None => Membership::new(version, voters, learners, quorum.into())?,
    };
    Ok(HardState { term, voted_for, promised, committed, ..HardState::without_life(cluster, membership) })
}
