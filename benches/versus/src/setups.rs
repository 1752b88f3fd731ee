//! The libraries whose failovers are measured, in each of the ways in which they are set up.

use std::ops::Range;
use std::time::Duration;

use rayon::prelude::*;

use crate::failover::{Outcome, Peace, Setting, crash_a_leader, leave_in_peace};
use crate::library::almost_raft::AlmostRaft;
use crate::library::omnipaxos::OmniPaxosNode;
use crate::library::quorate::Quorate;
use crate::library::raft_rs::RaftRs;
use crate::library::{SimulatedNode, Timings};

/// A library, set up in one of several ways.
#[derive(Clone, Copy, Debug)]
pub struct LibrarySetup {
    pub name: &'static str,
    /// The setting, with the timings of this setup.
    adapt: fn(&Setting) -> Setting,
    crash: fn(&Setting, u64) -> Outcome,
    leave: fn(&Setting, u64, u64) -> Peace,
    /// One seed in so many is run. More than 1 where a run takes long to simulate.
    pub one_seed_in: u64,
}

impl LibrarySetup {
    const fn new<N: SimulatedNode>(name: &'static str) -> Self {
        LibrarySetup {
            name,
            adapt: |setting| *setting,
            crash: crash_a_leader::<N>,
            leave: leave_in_peace::<N>,
            one_seed_in: 1,
        }
    }

    /// The outcomes of so many seeds, in their order.
    #[must_use]
    pub fn outcomes(&self, setting: &Setting, seeds: u64) -> Vec<Outcome> {
        let setting = (self.adapt)(setting);
        self.seeds(seeds).into_par_iter().map(|seed| (self.crash)(&setting, seed)).collect()
    }

    /// How groups do that are left alone for so many nanoseconds, with so many seeds.
    #[must_use]
    pub fn in_peace(&self, setting: &Setting, length: u64, seeds: u64) -> Vec<Peace> {
        let setting = (self.adapt)(setting);
        self.seeds(seeds).into_par_iter().map(|seed| (self.leave)(&setting, seed, length)).collect()
    }

    fn seeds(&self, seeds: u64) -> Range<u64> {
        1..seeds.div_ceil(self.one_seed_in) + 1
    }
}

pub const QUORATE: LibrarySetup = LibrarySetup::new::<Quorate>("quorate");
pub const QUORATE_AT_OMNIPAXOS: LibrarySetup = LibrarySetup {
    adapt: at_omnipaxos_packets,
    ..LibrarySetup::new::<Quorate>("quorate at omnipaxos' packets")
};
pub const OMNIPAXOS: LibrarySetup = LibrarySetup::new::<OmniPaxosNode>("omnipaxos");
pub const RAFT_RS_10: LibrarySetup =
    LibrarySetup::new::<RaftRs<10>>("raft-rs, pre-vote + check-quorum, 10 ms ticks");
pub const RAFT_RS_1: LibrarySetup =
    LibrarySetup::new::<RaftRs<1>>("raft-rs, pre-vote + check-quorum, 1 ms ticks");
const RAFT_RS_PRE_VOTE: LibrarySetup =
    LibrarySetup::new::<RaftRs<1, true, false>>("raft-rs, pre-vote, 1 ms ticks");
/// The protocol of the paper on Raft.
pub const RAFT_RS_PLAIN: LibrarySetup =
    LibrarySetup::new::<RaftRs<1, false, false>>("raft-rs, plain, 1 ms ticks");
const RAFT_RS_PLAIN_10: LibrarySetup =
    LibrarySetup::new::<RaftRs<10, false, false>>("raft-rs, plain, 10 ms ticks");
const ALMOST_RAFT: LibrarySetup =
    LibrarySetup { one_seed_in: 10, ..LibrarySetup::new::<AlmostRaft>("almost-raft") };

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

/// The libraries that are compared while nothing crashes, in the order of the table.
pub const IN_PEACE: [LibrarySetup; 4] = [QUORATE, QUORATE_AT_OMNIPAXOS, OMNIPAXOS, RAFT_RS_10];

/// In a round of omnipaxos every node asks every other node; in a round of quorate only the leader does. With
/// the same number of messages quorate therefore has as many rounds as there are nodes in the time of one.
/// Its promise is the longest round trip and two of these intervals, so that a lease outlasts the loss of one
/// heartbeat, and three intervals at least; where a tenth of the messages or more are lost, three intervals beside
/// the round trip, and five at least.
fn at_omnipaxos_packets(setting: &Setting) -> Setting {
    let heartbeat = setting.timings.heartbeat / setting.nodes as u32;
    let (beside, at_least) = if setting.loss < 100_000 { (2, 3) } else { (3, 5) };
    let with_replies = beside * heartbeat + Duration::from_nanos(2 * setting.delay.1);
    let election_timeout = with_replies.max(at_least * heartbeat);
    let timings = Timings { heartbeat, election_timeout, ..setting.timings };
    Setting { timings, ..*setting }
}
