//! The catalogue of instances: small ones for `cargo test`, and large ones with wider bounds.

use quorate::Limits;

use super::bounds::{Clocks, Disks, Goal, Instance, PreVotes, Request, Start};

use Goal::{Committed, Elected, Followed, FoundedAgain, Recovered, Removed};

const OF_THREE: Limits = Limits { min_members: 2, max_members: 3 };
const OF_FOUR: Limits = Limits { min_members: 3, max_members: 4 };

/// An instance in which node 1 leads the first nodes, and one more term is possible.
const fn led(name: &'static str, voters: u8) -> Instance {
    Instance { start: Start::Led { voters }, terms: 2, passes: 2, ..Instance::plain(name) }
}

/// The instances that `cargo test` searches.
#[must_use]
pub fn small() -> Vec<Instance> {
    vec![
        Instance { leaders: 0b011, passes: 1, ..Instance::plain("split votes") },
        Instance { leaders: 0b011, terms: 2, crashes: 2, ..Instance::plain("crashes") },
        Instance { leaders: 0b011, disks: Disks::Instant, crashes: 1, ..led("leases", 3) },
        Instance {
            leaders: 0b011,
            disks: Disks::Instant,
            clocks: Clocks::Drifting(&[0b000, 0b110]),
            ..led("drift", 3)
        },
        Instance {
            leaders: 0b001,
            passes: 1,
            copies: 1,
            requests: &[(Some(1), Request::Reconfigure(&[1]))],
            goals: &[Committed, Removed],
            ..led("shrink", 3)
        },
        Instance {
            start: Start::Grown { to: &[1, 2, 3] },
            limits: [5, 4, 4, 4],
            leaders: 0b011,
            disks: Disks::Instant,
            passes: 4,
            ..led("grow", 1)
        },
        Instance {
            nodes: 4,
            start: Start::Stepped { voters: 4, to: &[1, 2, 3] },
            disks: Disks::Instant,
            leaders: 0b101,
            terms: 2,
            requests: &[(Some(3), Request::Reconfigure(&[2, 3, 4]))],
            goals: &[Elected, Committed],
            ..Instance::plain("rival steps")
        },
        Instance {
            clocks: Clocks::Free,
            disks: Disks::Instant,
            leaders: 0b011,
            promise: 1,
            limits: [1; 4],
            passes: 1,
            requests: &[(Some(1), Request::Reconfigure(&[1, 2, 3]))],
            goals: &[Committed, Elected, Followed],
            ..led("free clocks", 2)
        },
        Instance {
            start: Start::Forming { limits: OF_THREE, introduced: true },
            leaders: 0b011,
            disks: Disks::Instant,
            ..Instance::plain("forming")
        },
        Instance {
            requests: &[(Some(1), Request::Resign(Some(2)))],
            pre_votes: PreVotes::Real,
            disks: Disks::Instant,
            leaders: 0b011,
            passes: 0,
            ..led("handover", 3)
        },
        Instance {
            requests: &[(Some(1), Request::Resign(Some(2))), (Some(1), Request::Resign(Some(2)))],
            old_replies: 1,
            pre_votes: PreVotes::Real,
            disks: Disks::Instant,
            leaders: 0b011,
            passes: 0,
            ..led("old replies: handover", 3)
        },
        Instance {
            start: Start::Left { voters: 3 },
            requests: &[(None, Request::Reconfigure(&[1, 2, 3]))],
            old_replies: 1,
            disks: Disks::Instant,
            leaders: 0b011,
            passes: 2,
            goals: &[Committed, Elected, Followed],
            ..led("old replies: added again", 3)
        },
        Instance {
            data: true,
            requests: &[(Some(1), Request::Reconfigure(&[1, 2, 3])), (Some(2), Request::Copy)],
            disks: Disks::Instant,
            leaders: 0b011,
            passes: 2,
            goals: &[Committed, Elected, Followed],
            ..led("empty newcomers", 1)
        },
        Instance {
            leaders: 0b011,
            disks: Disks::Instant,
            forgets: 1,
            goals: &[Elected, Recovered],
            ..led("lost disk", 3)
        },
        Instance {
            nodes: 2,
            start: Start::Blank,
            leaders: 0b01,
            limits: [1; 4],
            promise: 1,
            disks: Disks::Instant,
            passes: 2,
            forgets: 1,
            goals: &[Elected, Recovered],
            ..Instance::plain("fresh start")
        },
    ]
}

/// The instances that take minutes.
#[must_use]
pub fn large() -> Vec<Instance> {
    [elections(), leases(), memberships(), formings(), hosts(), lost_disks(), fresh_starts()].concat()
}

fn elections() -> Vec<Instance> {
    vec![
        Instance { terms: 2, passes: 1, ..Instance::plain("elections: split votes") },
        Instance { passes: 1, crashes: 2, ..Instance::plain("elections: crashes") },
        Instance {
            leaders: 0b011,
            terms: 2,
            passes: 1,
            crashes: 1,
            copies: 1,
            ..Instance::plain("elections: copies")
        },
        Instance {
            leaders: 0b011,
            pre_votes: PreVotes::Real,
            terms: 1,
            passes: 1,
            ..Instance::plain("elections: pre-votes")
        },
    ]
}

fn leases() -> Vec<Instance> {
    let two = Instance { leaders: 0b011, ..led("", 3) };
    vec![
        Instance { name: "leases: slow disks", crashes: 2, copies: 1, ..two.clone() },
        Instance { name: "leases: copies", disks: Disks::Instant, copies: 1, passes: 3, ..two.clone() },
        Instance {
            name: "leases: drift",
            disks: Disks::Instant,
            clocks: Clocks::Drifting(&[0b000, 0b110, 0b101]),
            passes: 3,
            ..two.clone()
        },
        Instance {
            name: "handover: when ready",
            passes: 1,
            crashes: 1,
            requests: &[(None, Request::Resign(None))],
            ..two.clone()
        },
        Instance {
            name: "handover: now",
            passes: 1,
            crashes: 1,
            requests: &[(None, Request::ResignNow)],
            ..two
        },
    ]
}

fn memberships() -> Vec<Instance> {
    const BOTH: &[(Option<u8>, Request)] =
        &[(Some(1), Request::Reconfigure(&[1, 2])), (None, Request::Reconfigure(&[1, 2, 3]))];
    const JOIN: &[(Option<u8>, Request)] = &[(None, Request::Reconfigure(&[1, 2, 3]))];
    let two = Instance { leaders: 0b011, goals: &[Committed, Elected], ..led("", 3) };
    vec![
        Instance {
            name: "shrink, grow",
            goals: &[Committed, Removed, Elected, Followed],
            requests: BOTH,
            ..two.clone()
        },
        Instance {
            name: "leave",
            requests: &[(None, Request::Leave)],
            goals: &[Committed, Removed],
            passes: 1,
            ..two
        },
        Instance {
            goals: &[Committed, Followed],
            requests: JOIN,
            leaders: 0b011,
            crashes: 1,
            ..led("join: crashes", 2)
        },
        Instance { goals: &[Committed, Followed], requests: JOIN, ..led("join: time", 2) },
        Instance {
            limits: [3, 2, 2, 2],
            disks: Disks::Instant,
            passes: 4,
            requests: &[(Some(1), Request::Reconfigure(&[1, 2, 3]))],
            goals: &[Committed, Elected],
            ..led("grow: from the start", 1)
        },
        Instance {
            start: Start::Grown { to: &[1, 2, 3] },
            limits: [5, 4, 4, 4],
            leaders: 0b011,
            crashes: 1,
            passes: 4,
            ..led("grow: a longer lease", 1)
        },
        Instance {
            nodes: 4,
            start: Start::Stepped { voters: 4, to: &[1, 2, 3] },
            leaders: 0b101,
            terms: 3,
            crashes: 1,
            requests: &[(Some(3), Request::Reconfigure(&[2, 3, 4]))],
            goals: &[Elected, Committed],
            ..Instance::plain("rival steps")
        },
        Instance {
            clocks: Clocks::Free,
            disks: Disks::Instant,
            leaders: 0b011,
            promise: 1,
            limits: [1; 4],
            passes: 2,
            requests: JOIN,
            goals: &[Committed, Elected, Followed],
            ..led("free clocks", 2)
        },
    ]
}

fn formings() -> Vec<Instance> {
    let three = Start::Forming { limits: OF_THREE, introduced: true };
    vec![
        Instance { start: three, terms: 2, ..Instance::plain("forming: three") },
        Instance {
            start: three,
            leaders: 0b011,
            crashes: 1,
            terms: 2,
            ..Instance::plain("forming: crashes")
        },
        Instance {
            start: Start::Forming { limits: OF_THREE, introduced: false },
            requests: &[
                (Some(1), Request::Discover(2)),
                (Some(1), Request::Discover(3)),
                (Some(2), Request::Discover(3)),
                (Some(3), Request::Discover(1)),
            ],
            ..Instance::plain("forming: untold")
        },
        Instance {
            nodes: 4,
            start: Start::Forming { limits: OF_FOUR, introduced: true },
            leaders: 0b0101,
            disks: Disks::Instant,
            ..Instance::plain("forming: four")
        },
    ]
}

fn hosts() -> Vec<Instance> {
    vec![Instance {
        leaders: 0b011,
        backlog: 4,
        terms: 2,
        passes: 1,
        crashes: 1,
        ..Instance::plain("writes in the background")
    }]
}

/// The second of them has 15.7 million states.
fn lost_disks() -> Vec<Instance> {
    let two = Instance { leaders: 0b011, forgets: 1, goals: &[Elected, Recovered], ..led("", 3) };
    let instant = Instance { disks: Disks::Instant, ..two.clone() };
    vec![
        Instance { name: "lost disk: three terms", terms: 3, ..instant.clone() },
        Instance { name: "lost disk: after a long promise", passes: 3, ..instant.clone() },
        Instance { name: "lost disk: slow disks", copies: 1, ..two },
        Instance {
            name: "lost disk: twice",
            passes: 2,
            forgets: 2,
            promise: 1,
            limits: [1; 4],
            ..instant.clone()
        },
        Instance {
            name: "lost disk: a change of members",
            nodes: 4,
            start: Start::Led { voters: 4 },
            requests: &[(Some(1), Request::Reconfigure(&[1, 2, 4]))],
            goals: &[Committed, Recovered],
            ..instant
        },
    ]
}

/// Those of two nodes have 1.8 to 3.4 million states each, those of three nodes over 7 million each.
fn fresh_starts() -> Vec<Instance> {
    let two = Instance {
        start: Start::Blank,
        nodes: 2,
        leaders: 0b01,
        passes: 3,
        disks: Disks::Instant,
        promise: 1,
        limits: [1; 4],
        ..Instance::plain("")
    };
    vec![
        Instance {
            name: "fresh start: two nodes, twice",
            forgets: 2,
            goals: &[Elected, FoundedAgain],
            ..two.clone()
        },
        Instance {
            name: "fresh start: two leaders, twice",
            forgets: 2,
            leaders: 0b11,
            goals: &[Elected, FoundedAgain],
            ..two.clone()
        },
        // A node that crashes with its storage finds its pledge again (rule 9.6 (b)).
        Instance {
            name: "fresh start: a crash beside a lost disk",
            forgets: 1,
            crashes: 1,
            goals: &[Elected, Recovered],
            ..two.clone()
        },
        Instance { name: "fresh start: three nodes", nodes: 3, passes: 1, ..two.clone() },
        Instance {
            name: "fresh start: two leaders of three nodes",
            nodes: 3,
            passes: 1,
            leaders: 0b011,
            ..two
        },
    ]
}
