//! The libraries whose failovers are measured, in each of the ways in which they are set up.

use std::time::Duration;

use rayon::prelude::*;

use crate::failover::{Outcome, Setting, crash_a_leader};
use crate::library::Timings;
use crate::library::almost_raft::AlmostRaft;
use crate::library::omnipaxos::OmniPaxosNode;
use crate::library::quorate::Quorate;
use crate::library::raft_rs::RaftRs;

/// A library, set up in one of several ways.
#[derive(Clone, Copy, Debug)]
pub struct LibrarySetup {
    pub name: &'static str,
    run: fn(&Setting, u64) -> Outcome,
    /// One seed in so many is run. More than 1 where a run takes long to simulate.
    pub one_seed_in: u64,
}

impl LibrarySetup {
    const fn new(name: &'static str, run: fn(&Setting, u64) -> Outcome) -> Self {
        LibrarySetup { name, run, one_seed_in: 1 }
    }

    /// The outcomes of so many seeds, in their order.
    #[must_use]
    pub fn outcomes(&self, setting: &Setting, seeds: u64) -> Vec<Outcome> {
        let seeds = 1..seeds.div_ceil(self.one_seed_in) + 1;
        seeds.into_par_iter().map(|seed| (self.run)(setting, seed)).collect()
    }
}

pub const QUORATE: LibrarySetup = LibrarySetup::new("quorate", crash_a_leader::<Quorate>);
pub const QUORATE_AT_OMNIPAXOS: LibrarySetup =
    LibrarySetup::new("quorate at omnipaxos' packets", at_omnipaxos_packets);
pub const OMNIPAXOS: LibrarySetup = LibrarySetup::new("omnipaxos", crash_a_leader::<OmniPaxosNode>);
pub const RAFT_RS_10: LibrarySetup =
    LibrarySetup::new("raft-rs, pre-vote + check-quorum, 10 ms ticks", crash_a_leader::<RaftRs<10>>);
pub const RAFT_RS_1: LibrarySetup =
    LibrarySetup::new("raft-rs, pre-vote + check-quorum, 1 ms ticks", crash_a_leader::<RaftRs<1>>);
const RAFT_RS_PRE_VOTE: LibrarySetup =
    LibrarySetup::new("raft-rs, pre-vote, 1 ms ticks", crash_a_leader::<RaftRs<1, true, false>>);
/// The protocol of the paper on Raft.
pub const RAFT_RS_PLAIN: LibrarySetup =
    LibrarySetup::new("raft-rs, plain, 1 ms ticks", crash_a_leader::<RaftRs<1, false, false>>);
const RAFT_RS_PLAIN_10: LibrarySetup =
    LibrarySetup::new("raft-rs, plain, 10 ms ticks", crash_a_leader::<RaftRs<10, false, false>>);
const ALMOST_RAFT: LibrarySetup =
    LibrarySetup { one_seed_in: 10, ..LibrarySetup::new("almost-raft", crash_a_leader::<AlmostRaft>) };

/// In the order of the table.
pub const ALL: [LibrarySetup; 9] = [
    QUORATE,
    QUORATE_AT_OMNIPAXOS,
    OMNIPAXOS,
    RAFT_RS_10,
    RAFT_RS_1,
    RAFT_RS_PRE_VOTE,
    RAFT_RS_PLAIN_10,
    RAFT_RS_PLAIN,
    ALMOST_RAFT,
];

/// In a round of omnipaxos every node asks every other node; in a round of quorate only the leader does. With
/// the same number of messages quorate therefore has as many rounds as there are nodes in the time of one.
/// Its promise is three of these intervals, or the time that a reply takes where that is longer.
fn at_omnipaxos_packets(setting: &Setting, seed: u64) -> Outcome {
    let heartbeat = setting.timings.heartbeat / setting.nodes as u32;
    let with_reply = heartbeat + Duration::from_nanos(5 * (setting.delay.0 + setting.delay.1) / 2);
    let timings = Timings { heartbeat, election_timeout: with_reply.max(3 * heartbeat), ..setting.timings };
    crash_a_leader::<Quorate>(&Setting { timings, ..*setting }, seed)
}
