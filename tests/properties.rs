//! Whatever comes in, from whomever, in whatever order: nothing panics, and what must hold holds.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that overflows or panics has found something"
)]

mod checked;

use arbitrary::Unstructured;
use checked::{Act, Checked, Start, draw};
use proptest::collection::vec;
use proptest::prelude::*;
use quorate::{Priority, RoleKind, Term};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What one act is drawn from. Fixed, so that acts can be left out one by one.
const DRAW: usize = 64;

fn any_start() -> impl Strategy<Value = Start> {
    let bootstrap = prop_oneof![Just(1), Just(3), Just(5)].prop_map(Start::Bootstrap);
    prop_oneof![4 => bootstrap, 1 => Just(Start::Forming), 1 => Just(Start::Joining)]
}

fn any_term() -> impl Strategy<Value = Term> {
    prop_oneof![4 => Just(0), 2 => 1..5_u64, 1 => u64::MAX - 3..=u64::MAX].prop_map(Term)
}

fn drawn(bytes: &[u8], checked: &Checked) -> Act {
    draw::act(&mut Unstructured::new(bytes), checked).unwrap_or(Act::Due)
}

/// What the election holds on the heap.
fn heap(checked: &Checked) -> usize {
    let mut copy = None;
    let held = allocation_counter::measure(|| copy = Some(checked.election().clone()));
    drop(copy);
    usize::try_from(held.bytes_current).unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_input_in_any_order_breaks_nothing(
        start in any_start(),
        term in any_term(),
        priority in 0..3_u8,
        seed: u64,
        draws in vec(vec(any::<u8>(), DRAW), 0..200),
    ) {
        let mut checked = Checked::new(start, term, Priority(priority), seed);
        for bytes in &draws {
            let act = drawn(bytes, &checked);
            checked.act(&act);
            let known = checked.election().membership().members().len();
            prop_assert!(heap(&checked) <= 1_000 + 200 * known, "memory grows");
        }
    }
}

/// The property is worth nothing if it holds only because nothing happens.
#[test]
fn the_inputs_reach_every_role_and_leave_it() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut seen = [0_u32; 4];
    let (mut terms, mut steps) = (0, 0);
    for round in 0..200 {
        let mut checked = Checked::new(Start::Bootstrap(1 + 2 * (round % 3)), Term(0), Priority(1), round);
        for _ in 0..200 {
            let mut bytes = [0; DRAW];
            rng.fill_bytes(&mut bytes);
            let before = checked.election().role();
            let version = checked.election().membership().version();
            let act = drawn(&bytes, &checked);
            checked.act(&act);
            let after = checked.election().role();
            let led = before == RoleKind::Leader && after == RoleKind::Leader;
            steps += u64::from(led && checked.election().membership().version().number > version.number);
            if before != after {
                let place = match after {
                    RoleKind::Follower => 0,
                    RoleKind::PreCandidate => 1,
                    RoleKind::Candidate => 2,
                    RoleKind::Leader => 3,
                };
                seen[place] += 1;
            }
        }
        terms += u64::from(checked.election().term() > Term(0));
    }
    println!("entered: {seen:?} (follower, pre-candidate, candidate, leader)");
    assert!(seen.iter().all(|&times| times > 50), "{seen:?}");
    assert!(terms > 150, "{terms} of 200 ever saw a term");
    println!("steps to other members: {steps}");
    assert!(steps > 50, "{steps}");
}
