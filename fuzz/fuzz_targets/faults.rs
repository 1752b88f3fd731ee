//! Any bytes are a cluster, its faults, and the fates of its messages and writes, for many seconds of virtual time. All
//! checks of the simulator run after every event, those of liveness too.
//!
//! `cargo +nightly fuzz run faults`, or on stable
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none faults`. Show a finding, line by line, with
//! `cargo run -p quorate-sim --release -- schedule fuzz/artifacts/faults/…`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_sim::Schedule;

fuzz_target!(|data: &[u8]| {
    Schedule::new(data).run();
});
