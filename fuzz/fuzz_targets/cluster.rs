//! Any bytes are a few nodes and what happens to them, one byte for each action: two nodes exchange messages, others are
//! lost or come again, time passes, a node forgets. All checks of safety of the simulator run after every event.
//!
//! `cargo +nightly fuzz run cluster`, or on stable
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none cluster`. Show a finding, line by line, with
//! `cargo run -p quorate-sim --release -- interleaving fuzz/artifacts/cluster/…`.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use quorate_sim::{Dice, Interleaving};

/// How long new inputs are. Longer ones find less in the same time.
const LENGTH: usize = 98;

fuzz_target!(|data: &[u8]| {
    Interleaving::new(data).run();
});

// A small change of a long order of events seldom leads to another one that matters. So every second input is new, and
// the coverage decides which of those are kept to be changed.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut dice = Dice::new(seed.into());
    if dice.chance(500_000) {
        return fuzzer_mutate(data, size, max_size);
    }
    let length = max_size.min(LENGTH);
    data[..length].fill_with(|| dice.below(256) as u8);
    length
});
