//! Any bytes are a cluster, all that befalls it, and what becomes of each message and each write; all
//! that the simulator looks for is looked for after every event.
//!
//! `cargo +nightly fuzz run cluster`, or on stable
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none cluster`. What it finds is shown, line by line, by
//! `cargo run -p quorate-sim --release -- schedule fuzz/artifacts/cluster/…`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_sim::Schedule;

fuzz_target!(|data: &[u8]| {
    Schedule::new(data).run();
});
