//! The last guard before a step, which nothing that is proposed ever fails.
#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use super::*;
use crate::config::Config;
use crate::hard_state::HardState;
use crate::types::ClusterId;
use alloc::vec;
use core::time::Duration;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Rule 8.1 (b).
#[test]
#[should_panic(expected = "no such step was to be proposed")]
fn a_step_to_quorums_that_do_not_overlap_is_not_taken_even_if_proposed() {
    let saved = HardState::bootstrap(ClusterId(1), [1]).unwrap();
    let rng = ChaCha8Rng::seed_from_u64(0);
    let mut leader = Election::new(Config::new(1), saved, Duration::ZERO, rng).unwrap();
    let mut out = leader.tick(leader.deadline().unwrap());
    assert!(leader.config_and_term_quorum_check());
    let apart = leader.membership().successor(vec![1, 2, 3], vec![]).unwrap();
    leader.reconfig(apart, true, &mut out);
}
