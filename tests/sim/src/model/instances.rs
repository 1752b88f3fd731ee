//! What is searched: a few instances with the other tests, and the same ideas within wider bounds.

use quorate::Limits;

use super::instance::{Canvass, Clocks, Disks, Instance, Reach, Start, Wish};

use Reach::{Committed, Elected, Followed, Removed};

const OF_THREE: Limits = Limits { min_members: 2, max_members: 3 };
const OF_FOUR: Limits = Limits { min_members: 3, max_members: 4 };

/// Node 1 leads the first nodes; another term can come.
const fn led(name: &'static str, voters: u8) -> Instance {
    Instance { start: Start::Led { voters }, terms: 2, passes: 2, ..Instance::plain(name) }
}

/// Those that are searched with the other tests.
#[must_use]
pub fn small() -> Vec<Instance> {
    vec![
        Instance { leaders: 0b11, passes: 0, crashes: 1, ..Instance::plain("elections") },
        Instance { leaders: 0b11, disks: Disks::Instant, crashes: 1, ..led("leases", 3) },
        Instance {
            leaders: 0b11,
            disks: Disks::Instant,
            clocks: Clocks::Drifting(&[0b000, 0b110]),
            ..led("drift", 3)
        },
        Instance {
            leaders: 0b001,
            passes: 1,
            copies: 1,
            wishes: &[(Some(1), Wish::Reconfigure(&[1]))],
            reaches: &[Committed, Removed],
            ..led("shrink", 3)
        },
        Instance {
            start: Start::Grown { to: &[1, 2, 3] },
            limits: [5, 4, 4, 4],
            leaders: 0b11,
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
            wishes: &[(Some(3), Wish::Reconfigure(&[2, 3, 4]))],
            reaches: &[Elected, Committed],
            ..Instance::plain("rival steps")
        },
        Instance {
            clocks: Clocks::Free,
            disks: Disks::Instant,
            leaders: 0b101,
            wishes: &[(Some(1), Wish::Reconfigure(&[1, 2]))],
            reaches: &[Committed, Elected],
            passes: 1,
            promise: 1,
            limits: [1; 4],
            ..led("free clocks", 3)
        },
        Instance {
            start: Start::Forming { limits: OF_THREE, told: true },
            leaders: 0b11,
            disks: Disks::Instant,
            ..Instance::plain("forming")
        },
        Instance {
            wishes: &[(Some(1), Wish::Resign(Some(2)))],
            canvass: Canvass::Real,
            disks: Disks::Instant,
            leaders: 0b11,
            passes: 0,
            ..led("handover", 3)
        },
    ]
}

/// Those that take minutes.
#[must_use]
pub fn large() -> Vec<Instance> {
    vec![
        Instance { terms: 2, passes: 1, ..Instance::plain("elections: split votes") },
        Instance { passes: 1, crashes: 2, ..Instance::plain("elections: crashes") },
        Instance {
            terms: 2,
            passes: 1,
            crashes: 1,
            leaders: 0b11,
            copies: 1,
            ..Instance::plain("elections: copies")
        },
        Instance { leaders: 0b11, ..led("leases: slow disks", 3) },
        Instance { leaders: 0b11, crashes: 1, disks: Disks::Instant, passes: 3, ..led("leases: crashes", 3) },
        Instance {
            leaders: 0b11,
            disks: Disks::Instant,
            clocks: Clocks::Drifting(&[0, 0b110, 0b101, 0b001]),
            passes: 3,
            ..led("drift", 3)
        },
        Instance {
            wishes: &[(Some(1), Wish::Reconfigure(&[1, 2])), (None, Wish::Reconfigure(&[1, 2, 3]))],
            reaches: &[Committed, Removed, Elected, Followed],
            leaders: 0b11,
            disks: Disks::Instant,
            ..led("shrink, grow", 3)
        },
        Instance {
            wishes: &[(Some(1), Wish::Leave)],
            reaches: &[Committed, Removed],
            leaders: 0b11,
            passes: 1,
            ..led("leave", 3)
        },
        Instance {
            wishes: &[(None, Wish::Reconfigure(&[1, 2, 3]))],
            crashes: 1,
            reaches: &[Committed, Followed],
            ..led("join", 2)
        },
        Instance {
            wishes: &[(Some(1), Wish::Reconfigure(&[1, 2, 3]))],
            disks: Disks::Instant,
            reaches: &[Committed, Followed],
            passes: 3,
            limits: [4, 2, 2, 2],
            ..led("grow", 1)
        },
        Instance {
            nodes: 4,
            start: Start::Stepped { voters: 4, to: &[1, 2, 3] },
            terms: 3,
            leaders: 0b101,
            wishes: &[(Some(3), Wish::Reconfigure(&[2, 3, 4]))],
            reaches: &[Elected, Committed],
            ..Instance::plain("rival steps")
        },
        Instance {
            clocks: Clocks::Free,
            disks: Disks::Instant,
            wishes: &[(None, Wish::Reconfigure(&[1, 2]))],
            leaders: 0b11,
            terms: 3,
            reaches: &[Committed, Followed],
            ..led("free clocks", 3)
        },
        Instance {
            start: Start::Forming { limits: OF_THREE, told: true },
            passes: 1,
            ..Instance::plain("forming: three")
        },
        Instance {
            start: Start::Forming { limits: OF_THREE, told: false },
            passes: 1,
            wishes: &[
                (Some(1), Wish::Discover(2)),
                (Some(2), Wish::Discover(3)),
                (Some(3), Wish::Discover(1)),
            ],
            ..Instance::plain("forming: untold")
        },
        Instance {
            nodes: 4,
            start: Start::Forming { limits: OF_FOUR, told: true },
            passes: 1,
            disks: Disks::Instant,
            leaders: 0b101,
            ..Instance::plain("forming: four")
        },
        Instance {
            wishes: &[(None, Wish::Resign(None))],
            passes: 1,
            leaders: 0b11,
            ..led("handover: when ready", 3)
        },
        Instance { wishes: &[(None, Wish::ResignNow)], passes: 1, leaders: 0b11, ..led("handover: now", 3) },
        Instance {
            canvass: Canvass::Real,
            leaders: 0b11,
            disks: Disks::Instant,
            ..Instance::plain("pre-votes")
        },
        Instance { backlog: 4, leaders: 0b11, passes: 1, ..Instance::plain("backlog") },
    ]
}
