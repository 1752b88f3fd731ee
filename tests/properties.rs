//! Properties of one election under arbitrary inputs in any order: it never panics, and the checks of
//! `quorate_sim::checked` hold after every step. And of a few nodes in any order of events: all promises hold.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that overflows or panics has found something"
)]

use std::time::Duration;

use arbitrary::Unstructured;
use proptest::collection::vec;
use proptest::prelude::*;
use quorate::{Input, Priority, RoleKind, Term, Timestamp};
use quorate_sim::checked::{CheckedElection, HostAction, StartingPoint, arbitrary_action};
use quorate_sim::{Counts, Dice, Interleaving};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// How many bytes decide one action. The number is fixed, so that shrinking can leave out actions one by one.
const ACTION_BYTES: usize = 64;

fn any_start() -> impl Strategy<Value = StartingPoint> {
    let bootstrap = prop_oneof![Just(1), Just(3), Just(5)].prop_map(StartingPoint::Bootstrap);
    let blank = Just(StartingPoint::Blank(5));
    prop_oneof![4 => bootstrap, 1 => Just(StartingPoint::Forming), 1 => Just(StartingPoint::Joining), 1 => blank]
}

fn any_term() -> impl Strategy<Value = Term> {
    prop_oneof![4 => Just(0), 2 => 1..5_u64, 1 => u64::MAX - 3..=u64::MAX].prop_map(Term)
}

fn action(bytes: &[u8], checked: &CheckedElection) -> HostAction {
    arbitrary_action(&mut Unstructured::new(bytes), checked).unwrap_or(HostAction::Due)
}

/// How many bytes the election holds on the heap.
fn heap(checked: &CheckedElection) -> usize {
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
        actions in vec(vec(any::<u8>(), ACTION_BYTES), 0..200),
    ) {
        let mut checked = CheckedElection::new(start, term, Priority(priority), seed);
        for bytes in &actions {
            let action = action(bytes, &checked);
            checked.apply(&action);
            let known = checked.election().membership().members().len();
            prop_assert!(heap(&checked) <= 1_000 + 200 * known, "the election grows without bound");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What the host has to do with each message, in one call. A reading before the last one is refused by both.
    #[test]
    fn to_receive_is_to_tick_and_then_to_step(
        start in any_start(),
        seed: u64,
        actions in vec(vec(any::<u8>(), ACTION_BYTES), 0..200),
    ) {
        let mut checked = CheckedElection::new(start, Term(0), Priority(1), seed);
        for bytes in &actions {
            let action = action(bytes, &checked);
            if let HostAction::Step(Input::Receive { from, message }) = &action {
                let last = checked.election().status().now;
                let due = checked.election().deadline().unwrap_or(last);
                for now in [Timestamp::ORIGIN, last, due, due.saturating_add(Duration::from_secs(1))] {
                    let (mut one, mut two) = (checked.election().clone(), checked.election().clone());
                    let (mut outputs, mut expected) = (Vec::new(), two.tick(now));
                    one.receive_into(now, *from, message, &mut outputs);
                    expected.extend(two.step(Input::Receive { from: *from, message: message.clone() }));
                    prop_assert_eq!(outputs, expected);
                    prop_assert_eq!(one, two);
                }
            }
            checked.apply(&action);
        }
    }
}

/// How many orders of events are tried for each order of inputs: an order of events is short.
const ORDERS_OF_EVENTS: u32 = 32;
/// The longest order of events. The shortest one is half as long: shorter ones reach little.
const EVENTS: usize = 100;

fn many_orders() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases.saturating_mul(ORDERS_OF_EVENTS),
        failure_persistence: None,
        ..default
    }
}

proptest! {
    #![proptest_config(many_orders())]

    /// Without rule 9.1, and without some other rules of section 9, this finds two leaders.
    #[test]
    fn no_order_of_messages_losses_and_lost_disks_breaks_a_promise(bytes in vec(any::<u8>(), EVENTS / 2..EVENTS)) {
        let outcome = Interleaving::new(&bytes).outcome(false);
        prop_assert!(outcome.violation.is_none(), "{:?}: {}", outcome.violation, show(&bytes));
    }
}

/// The run that these bytes decide, line by line, and the command that draws it.
fn show(bytes: &[u8]) -> String {
    let run = Interleaving::new(bytes);
    format!("{}\npage: {} --html run.html", run.outcome(true).lines.join("\n"), run.replay())
}

/// The property would be worth nothing if it held only because nothing happened.
#[test]
fn the_orders_of_events_reach_elections_changes_recoveries_and_foundings() {
    let mut counts = Counts::default();
    for seed in 0..1_000 {
        let mut dice = Dice::new(seed);
        let bytes: Vec<u8> = (0..EVENTS).map(|_| dice.below(256) as u8).collect();
        counts += Interleaving::new(&bytes).run();
    }
    println!("{counts:?}");
    assert!(counts.elections > 1_000 && counts.targets > 100 && counts.removals > 100, "{counts:?}");
    assert!(counts.forgotten > 2_000 && counts.recovered > 1_000 && counts.founded > 400, "{counts:?}");
}

/// The property would be worth nothing if it held only because nothing happened.
#[test]
fn the_inputs_reach_every_role_and_leave_it() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut seen = [0_u32; 5];
    let (mut terms, mut steps) = (0, 0);
    for round in 0..400 {
        let members = 1 + 2 * (round % 3);
        let start = if round % 5 == 4 { StartingPoint::Blank(5) } else { StartingPoint::Bootstrap(members) };
        let mut checked = CheckedElection::new(start, Term(0), Priority(1), round);
        for _ in 0..200 {
            let mut bytes = [0; ACTION_BYTES];
            rng.fill_bytes(&mut bytes);
            let before = checked.election().role();
            let version = checked.election().membership().version();
            let action = action(&bytes, &checked);
            checked.apply(&action);
            let after = checked.election().role();
            let leads = before == RoleKind::Leader && after == RoleKind::Leader;
            steps += u64::from(leads && checked.election().membership().version().number > version.number);
            seen[4] += u32::from(before == RoleKind::Recovering && after != before);
            if before != after {
                let index = match after {
                    RoleKind::Follower => 0,
                    RoleKind::PreCandidate => 1,
                    RoleKind::Candidate => 2,
                    RoleKind::Leader => 3,
                    // The role that a node leaves, seldom to enter it again.
                    RoleKind::Recovering => continue,
                };
                seen[index] += 1;
            }
        }
        terms += u64::from(checked.election().term() > Term(0));
    }
    println!("entered: {seen:?} (follower, pre-candidate, candidate, leader); the last: came back");
    assert!(seen[..4].iter().all(|&times| times > 100) && seen[4] > 5, "{seen:?}");
    assert!(terms > 300, "only {terms} of 400 elections left term 0");
    println!("membership changes by a leader: {steps}");
    assert!(steps > 50, "only {steps} membership changes");
}
