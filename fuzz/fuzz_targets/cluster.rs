//! Any bytes are a cluster, its faults, and the fates of its messages and writes. All checks of the
//! simulator run after every event.
//!
//! `cargo +nightly fuzz run cluster`, or on stable
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none cluster`. Show a finding, line by line, with
//! `cargo run -p quorate-sim --release -- schedule fuzz/artifacts/cluster/…`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_sim::Schedule;

fuzz_target!(|data: &[u8]| {
    Schedule::new(data).run();
});
