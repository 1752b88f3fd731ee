//! The last check before a step, which no proposed step ever fails, and the nodes to which a leader sends.
#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use super::*;
use crate::config::Config;
use crate::hard_state::HardState;
use crate::lease::Preparation;
use crate::types::ClusterId;
use alloc::vec;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

fn lone_leader() -> Election<u64, ChaCha8Rng> {
    let saved = HardState::bootstrap(ClusterId(1), [1]).unwrap();
    let rng = ChaCha8Rng::seed_from_u64(0);
    let mut leader = Election::new(Config::new(1), saved, Timestamp::ORIGIN, rng).unwrap();
    let _ = leader.tick(leader.deadline().unwrap());
    assert!(leader.config_and_term_quorum_check());
    leader
}

/// Rule 8.1 (b): a step needs overlapping quorums.
#[test]
#[should_panic(expected = "an unsafe step was proposed")]
fn a_step_to_quorums_that_do_not_overlap_is_not_taken_even_if_proposed() {
    let mut leader = lone_leader();
    let apart = leader.membership().next_membership(vec![1, 2, 3], vec![]).unwrap();
    leader.reconfig(apart, true, &mut Vec::new());
}

/// Rule 8.1 (g): a step needs the lease at that very instant, whatever else allows the step.
#[test]
fn a_step_is_not_taken_at_the_end_of_the_lease() {
    let mut leader = lone_leader();
    let target = Target::new([1], [2]).unwrap();
    if let Role::Leader(leading) = &mut leader.role {
        let change = leading.tasks.begin_reconfiguration();
        change.target = Some(target);
        let preparation = Preparation::new(leader.now, Nanos::ZERO, Nanos::ZERO, leading.lease);
        change.phase = ReconfigurationPhase::Preparing(preparation);
    }
    let mut over = leader.clone();
    if let Role::Leader(leading) = &mut over.role {
        leading.lease = over.now;
    }
    over.take_step_if_prepared(&mut Vec::new());
    assert_eq!(over.membership(), leader.membership());
    leader.take_step_if_prepared(&mut Vec::new());
    assert_eq!(leader.membership().learners(), [2]);
}

#[cfg(feature = "udp")]
#[test]
fn a_leader_sends_to_members_and_to_removed_nodes_that_do_not_know_it_yet() {
    let mut leader = lone_leader();
    let concerned = |leader: &Election<u64, ChaCha8Rng>| {
        [1, 2, 3, 9].map(|id| leader.recipients().any(|recipient| recipient == id))
    };
    let reconfiguration = |leader: &mut Election<u64, ChaCha8Rng>, voters: &[u64], learners: &[u64]| {
        let target = Target::new(voters.iter().copied(), learners.iter().copied()).unwrap();
        leader.reconfigure(target, Force::Never, &mut Vec::new()).unwrap();
        let _ = leader.tick(leader.deadline().unwrap());
    };
    reconfiguration(&mut leader, &[1], &[2, 3]);
    assert_eq!(concerned(&leader), [true, true, true, false], "learners");
    reconfiguration(&mut leader, &[1], &[3]);
    assert_eq!(leader.membership().learners(), [3]);
    assert_eq!(concerned(&leader), [true, true, true, false], "2 does not know yet that it is removed");
}
