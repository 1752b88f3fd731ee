//! Who is measured.

use std::time::Duration;

use rayon::prelude::*;

use crate::failover::{Outcome, Setting, trial};
use crate::rival::Pace;
use crate::rival::almost_raft::AlmostRaft;
use crate::rival::omnipaxos::Omni;
use crate::rival::quorate::Quorate;
use crate::rival::raft_rs::RaftRs;

/// A library, in one of the ways in which it can be set up.
#[derive(Clone, Copy, Debug)]
pub struct Competitor {
    pub name: &'static str,
    run: fn(&Setting, u64) -> Outcome,
    /// Of so many seeds one is run: it takes long to simulate.
    pub thinned: u64,
}

impl Competitor {
    const fn new(name: &'static str, run: fn(&Setting, u64) -> Outcome) -> Self {
        Competitor { name, run, thinned: 1 }
    }

    /// The outcomes of so many runs, in the order of their seeds.
    #[must_use]
    pub fn outcomes(&self, setting: &Setting, seeds: u64) -> Vec<Outcome> {
        let seeds = 1..seeds.div_ceil(self.thinned) + 1;
        seeds.into_par_iter().map(|seed| (self.run)(setting, seed)).collect()
    }
}

pub const QUORATE: Competitor = Competitor::new("quorate", trial::<Quorate>);
pub const QUORATE_AT_OMNIPAXOS: Competitor =
    Competitor::new("quorate at omnipaxos' packets", at_omnipaxos_packets);
pub const OMNIPAXOS: Competitor = Competitor::new("omnipaxos", trial::<Omni>);
pub const RAFT_RS_10: Competitor =
    Competitor::new("raft-rs, pre-vote + check-quorum, 10 ms ticks", trial::<RaftRs<10>>);
pub const RAFT_RS_1: Competitor =
    Competitor::new("raft-rs, pre-vote + check-quorum, 1 ms ticks", trial::<RaftRs<1>>);
const RAFT_RS_PRE_VOTE: Competitor =
    Competitor::new("raft-rs, pre-vote, 1 ms ticks", trial::<RaftRs<1, true, false>>);
/// As in the paper.
pub const RAFT_RS_PLAIN: Competitor =
    Competitor::new("raft-rs, plain, 1 ms ticks", trial::<RaftRs<1, false, false>>);
const RAFT_RS_PLAIN_10: Competitor =
    Competitor::new("raft-rs, plain, 10 ms ticks", trial::<RaftRs<10, false, false>>);
const ALMOST_RAFT: Competitor =
    Competitor { thinned: 10, ..Competitor::new("almost-raft", trial::<AlmostRaft>) };

/// In the order of the table.
pub const ALL: [Competitor; 9] = [
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

/// In a round of OmniPaxos all ask all, in one of quorate one does: it can have as many rounds as there
/// are nodes for the same number of messages. Three of them, or what an answer takes, are its promise.
fn at_omnipaxos_packets(setting: &Setting, seed: u64) -> Outcome {
    let heartbeat = setting.pace.heartbeat / setting.nodes as u32;
    let answered = heartbeat + Duration::from_nanos(5 * (setting.delay.0 + setting.delay.1) / 2);
    let pace = Pace { heartbeat, timeout: answered.max(3 * heartbeat), ..setting.pace };
    trial::<Quorate>(&Setting { pace, ..*setting }, seed)
}
