//! Each kind of finding is made in a library that deserves it, and in no other.

use std::time::Duration;

use quorate_sim::{Dice, Faults};
use quorate_versus::chaos;
use quorate_versus::check::{Checker, FindingKind};
use quorate_versus::library::almost_raft::AlmostRaft;
use quorate_versus::library::omnipaxos::OmniPaxosNode;
use quorate_versus::library::quorate::Quorate;
use quorate_versus::library::raft_rs::RaftRs;
use quorate_versus::library::{Claim, Effects, NodeSetup, SimulatedNode};
use quorate_versus::node_set::{NodeIndex, NodeSet};

/// A library in which the clock decides which nodes claim to lead.
struct Scripted<const WHICH: u8> {
    setup: NodeSetup,
    started: Duration,
    reading: Duration,
}

/// Node 0 leads for ever.
const STEADY: u8 = 0;
/// No node leads.
const LEADERLESS: u8 = 1;
/// Nodes 0 and 1 lead in one term.
const TWINS: u8 = 2;
/// Nodes 0 and 1 lead, each in a term of its own.
const RIVALS: u8 = 3;
/// Node 0 leads for ten seconds.
const QUITTER: u8 = 4;
/// Node 0 panics after ten seconds.
const BROKEN: u8 = 5;

impl<const WHICH: u8> SimulatedNode for Scripted<WHICH> {
    type Message = ();
    type Durable = ();

    const NAME: &'static str = "scripted";

    fn initial_state(_: NodeSetup) {}

    fn start(setup: NodeSetup, (): &(), reading: Duration, _: &mut Dice) -> Self {
        Scripted { setup, started: reading, reading }
    }

    fn run(&mut self, reading: Duration, _: Option<(NodeIndex, ())>, _: &mut Effects<Self>) {
        self.reading = reading;
        assert!(WHICH != BROKEN || self.setup.node != 0 || self.age() < 10, "as it should");
    }

    fn deadline(&self) -> Option<Duration> {
        Some(self.reading + Duration::from_millis(50))
    }

    fn claim(&self) -> Option<Claim> {
        let node = self.setup.node;
        let leads = match WHICH {
            LEADERLESS => false,
            TWINS | RIVALS => node < 2,
            QUITTER => node == 0 && self.age() < 10,
            _ => node == 0,
        };
        let term = if WHICH == RIVALS { node as u64 } else { 1 };
        leads.then_some(Claim { term, until: None })
    }

    fn is_quorum(&self, nodes: NodeSet) -> bool {
        nodes.is_majority(self.setup.nodes)
    }
}

impl<const WHICH: u8> Scripted<WHICH> {
    fn age(&self) -> u64 {
        (self.reading - self.started).as_secs()
    }
}

fn findings<N: SimulatedNode>(faults: Faults, seed: u64) -> Vec<FindingKind> {
    chaos::run::<N>(seed, 5, faults, 30).findings.into_iter().map(|finding| finding.kind).collect()
}

#[test]
fn under_a_steady_leader_nothing_is_found() {
    assert_eq!(findings::<Scripted<STEADY>>(Faults::Clean, 1), []);
}

#[test]
fn without_a_leader_the_majority_is_leaderless() {
    assert_eq!(findings::<Scripted<LEADERLESS>>(Faults::Clean, 1), [FindingKind::Leaderless]);
}

#[test]
fn two_leaders_of_one_term_are_found_at_once() {
    assert_eq!(findings::<Scripted<TWINS>>(Faults::Clean, 1), [FindingKind::OneTerm, FindingKind::Connected]);
}

#[test]
fn two_leaders_of_different_terms_are_found_connected_and_partitioned() {
    assert_eq!(findings::<Scripted<RIVALS>>(Faults::Clean, 1), [FindingKind::Connected]);
    let parted = findings::<Scripted<RIVALS>>(Faults::Partitions, 1);
    assert!(parted.contains(&FindingKind::Partitioned), "{parted:?}");
}

#[test]
fn a_leader_that_gives_up_without_a_reason_is_a_needless_change() {
    assert_eq!(
        findings::<Scripted<QUITTER>>(Faults::Clean, 1),
        [FindingKind::NeedlessChange, FindingKind::Leaderless]
    );
}

#[test]
fn a_panic_is_found_and_ends_the_process() {
    assert_eq!(findings::<Scripted<BROKEN>>(Faults::Clean, 1)[0], FindingKind::Panic);
}

#[test]
fn the_same_seed_is_the_same_run_of_each_library() {
    for seed in 1..4 {
        let twice = |run: fn(u64, usize, Faults, u64) -> Checker| {
            let (first, second) = (run(seed, 5, Faults::All, 60), run(seed, 5, Faults::All, 60));
            assert_eq!(
                (first.elections, &first.findings),
                (second.elections, &second.findings),
                "seed {seed}"
            );
            assert!(first.elections > 3, "seed {seed}: {} leaders in a minute of mishaps", first.elections);
        };
        twice(chaos::run::<Quorate>);
        twice(chaos::run::<RaftRs>);
        twice(chaos::run::<AlmostRaft>);
        twice(chaos::run::<OmniPaxosNode>);
        twice(chaos::run::<RaftRs<1, false, false>>);
    }
}

#[test]
fn the_voters_of_quorate_change_under_churn() {
    let checker = chaos::run::<Quorate>(1, 5, Faults::Churn, 60);
    assert!(checker.reconfigurations > 10, "{} changes in a minute", checker.reconfigurations);
}
