//! Each column of the table is filled by a library that deserves it, and by no other.

use std::time::Duration;

use quorate_versus::check::{Column, Watch};
use quorate_versus::dice::Dice;
use quorate_versus::faults::{self, Fault, Mix};
use quorate_versus::rival::almost_raft::AlmostRaft;
use quorate_versus::rival::omnipaxos::Omni;
use quorate_versus::rival::quorate::Quorate;
use quorate_versus::rival::raft_rs::RaftRs;
use quorate_versus::rival::{Claim, Effects, Mask, Place, Rival, Setup, is_majority};

/// A library that knows from the clock who leads.
struct Scripted<const WHICH: u8> {
    setup: Setup,
    started: Duration,
    reading: Duration,
}

/// Node 0 leads for ever.
const STEADY: u8 = 0;
/// Nobody leads.
const NOBODY: u8 = 1;
/// Nodes 0 and 1 lead, in one term.
const TWINS: u8 = 2;
/// Nodes 0 and 1 lead, in terms of their own.
const RIVALS: u8 = 3;
/// Node 0 leads for ten seconds.
const QUITTER: u8 = 4;
/// Node 0 panics after ten seconds.
const BROKEN: u8 = 5;

impl<const WHICH: u8> Rival for Scripted<WHICH> {
    type Message = ();
    type Durable = ();

    const NAME: &'static str = "scripted";

    fn first(_: Setup) {}

    fn start(setup: Setup, (): &(), reading: Duration, _: &mut Dice) -> Self {
        Scripted { setup, started: reading, reading }
    }

    fn run(&mut self, reading: Duration, _: Option<(Place, ())>, _: &mut Effects<Self>) {
        self.reading = reading;
        assert!(WHICH != BROKEN || self.setup.place != 0 || self.age() < 10, "as it should");
    }

    fn due(&self) -> Option<Duration> {
        Some(self.reading + Duration::from_millis(50))
    }

    fn claim(&self) -> Option<Claim> {
        let place = self.setup.place;
        let leads = match WHICH {
            NOBODY => false,
            TWINS | RIVALS => place < 2,
            QUITTER => place == 0 && self.age() < 10,
            _ => place == 0,
        };
        let term = if WHICH == RIVALS { place as u64 } else { 1 };
        leads.then_some(Claim { term, until: None })
    }

    fn is_quorum(&self, nodes: Mask) -> bool {
        is_majority(nodes, self.setup.nodes)
    }
}

impl<const WHICH: u8> Scripted<WHICH> {
    fn age(&self) -> u64 {
        (self.reading - self.started).as_secs()
    }
}

fn columns<R: Rival>(mix: Mix, seed: u64) -> Vec<Column> {
    faults::run::<R>(seed, 5, mix, 30).found.into_iter().map(|(column, ..)| column).collect()
}

#[test]
fn a_steady_leader_fills_none() {
    assert_eq!(columns::<Scripted<STEADY>>(Mix::Clean, 1), []);
}

#[test]
fn without_a_leader_the_majority_is_leaderless() {
    assert_eq!(columns::<Scripted<NOBODY>>(Mix::Clean, 1), [Column::Leaderless]);
}

#[test]
fn two_that_lead_in_one_term_are_found_at_once() {
    assert_eq!(columns::<Scripted<TWINS>>(Mix::Clean, 1), [Column::OneTerm, Column::OneComponent]);
}

#[test]
fn two_that_lead_in_two_terms_are_found_together_and_across_a_cut() {
    assert_eq!(columns::<Scripted<RIVALS>>(Mix::Clean, 1), [Column::OneComponent]);
    let parted = columns::<Scripted<RIVALS>>(Mix::Only(Fault::Partitions), 1);
    assert!(parted.contains(&Column::AcrossPartition), "{parted:?}");
}

#[test]
fn a_leader_that_gives_up_for_nothing_is_needless() {
    assert_eq!(columns::<Scripted<QUITTER>>(Mix::Clean, 1), [Column::Needless, Column::Leaderless]);
}

#[test]
fn a_panic_is_found_and_its_process_gone() {
    assert_eq!(columns::<Scripted<BROKEN>>(Mix::Clean, 1)[0], Column::Panic);
}

#[test]
fn a_seed_is_a_whole_run_of_each() {
    for seed in 1..4 {
        let twice = |run: fn(u64, usize, Mix, u64) -> Watch| {
            let (first, second) = (run(seed, 5, Mix::All, 60), run(seed, 5, Mix::All, 60));
            assert_eq!((first.rises, &first.found), (second.rises, &second.found), "seed {seed}");
            assert!(first.rises > 3, "seed {seed}: {} leaders in a minute of mishaps", first.rises);
        };
        twice(faults::run::<Quorate>);
        twice(faults::run::<RaftRs>);
        twice(faults::run::<AlmostRaft>);
        twice(faults::run::<Omni>);
        twice(faults::run::<RaftRs<1, false, false>>);
    }
}

#[test]
fn members_of_quorate_change_under_churn() {
    let watch = faults::run::<Quorate>(1, 5, Mix::Only(Fault::Churn), 60);
    assert!(watch.realignments > 10, "{} changes in a minute", watch.realignments);
}
