//! The command that prints how much memory an instance takes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};
use std::time::Duration;

use quorate::{ClusterId, Config, Election, HardState, Timestamp, Timing};
use quorate_sim::{Dice, ManualNetwork};
use rand_chacha::ChaCha8Rng;

/// The system's allocator with a count of the bytes in use.
struct Counting;

static IN_USE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many bytes on the heap a clone of `election` takes.
fn heap(election: &Election<u64, ChaCha8Rng>) -> isize {
    let before = IN_USE.load(Ordering::Relaxed);
    let copy = election.clone();
    let after = IN_USE.load(Ordering::Relaxed);
    drop(copy);
    after - before
}

pub(crate) fn run() -> bool {
    let generator = size_of::<ChaCha8Rng>();
    let inline = size_of::<Election<u64, ChaCha8Rng>>() - generator;
    println!("An instance of three nodes with u64 ids, without its generator ({generator} bytes):");
    println!("{:>24} {:>8} {:>8} {:>8}", "", "inline", "heap", "total");
    let show = |name: &str, election: &Election<u64, ChaCha8Rng>| {
        let heap = heap(election);
        println!("{name:>24} {inline:>8} {heap:>8} {:>8}", inline as isize + heap);
    };
    let state = HardState::bootstrap(ClusterId(1), 1..=3).expect("three nodes");
    let fresh = Election::new(Config::new(1), state, Timestamp::ORIGIN, Dice::new(1).generator())
        .expect("a valid start");
    show("just started", &fresh);
    let mut network = ManualNetwork::new(3, Timing::lan());
    network.run(Duration::from_secs(5));
    let leader = network.leader().expect("a leader after five seconds");
    show("leader", network.node(leader));
    show("follower", network.node(leader % 3 + 1));
    true
}
