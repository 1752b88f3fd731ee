//! Arbitrary memberships and durable states.

use std::time::Duration;

use arbitrary::{Error, Result, Unstructured};
use quorate::{
    Blank, ClusterId, HardState, Incarnation, Life, Limits, MAX_MEMBERS, Membership, MembershipVersion,
    Position, Term,
};

use crate::{AnyId, option};

/// An arbitrary membership version.
///
/// # Errors
/// If the bytes are not enough.
pub fn version(u: &mut Unstructured<'_>) -> Result<MembershipVersion> {
    Ok(MembershipVersion { term: Term(u.arbitrary()?), number: u.arbitrary()? })
}

/// An arbitrary valid membership: a joining node's, a forming group's, or one with lists.
///
/// # Errors
/// If the bytes are not enough, or give no valid membership.
pub fn membership<I: AnyId>(u: &mut Unstructured<'_>) -> Result<Membership<I>> {
    let built = match u.int_in_range(0..=7)? {
        0 => Ok(Membership::joining()),
        1 => Membership::forming(Limits { min_members: u.arbitrary()?, max_members: u.arbitrary()? }),
        kind => {
            let most = if kind == 2 { MAX_MEMBERS } else { 8 };
            let count = u.int_in_range(1..=most)?;
            let mut voters = (0..count).map(|_| I::any(u)).collect::<Result<Vec<I>>>()?;
            let learners = voters.split_off(u.int_in_range(1..=count)?);
            let quorum = u.int_in_range(voters.len() / 2 + 1..=voters.len())?;
            Membership::new(version(u)?, voters, learners, quorum)
        }
    };
    built.map_err(|_| Error::IncorrectFormat)
}

/// An arbitrary durable state.
///
/// # Errors
/// As [`membership`].
pub fn state<I: AnyId>(u: &mut Unstructured<'_>) -> Result<HardState<I>> {
    Ok(HardState {
        cluster: ClusterId(u.arbitrary()?),
        life: Life(u.arbitrary()?),
        term: Term(u.arbitrary()?),
        voted_for: option(u, I::any)?,
        promised: Duration::new(u.arbitrary()?, u.int_in_range(0..=999_999_999)?),
        membership: membership(u)?,
        committed: u.arbitrary()?,
        position_floor: Position { term: u.arbitrary()?, index: u.arbitrary()? },
        blank: option(u, |u| {
            let pledge = option(u, |u| Ok(Life(u.arbitrary()?)))?;
            Ok(Blank { incarnation: Incarnation(u.arbitrary()?), pledge, may_found: u.arbitrary()? })
        })?,
    })
}
