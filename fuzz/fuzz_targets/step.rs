//! Any bytes are a group, a start and a list of acts: one election does them all, and what must
//! hold holds after each.
//!
//! `cargo +nightly fuzz run step`, or on stable
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none step`.
#![no_main]

#[path = "../../tests/checked/mod.rs"]
mod checked;

use arbitrary::{Result, Unstructured};
use checked::{Checked, Start, draw};
use libfuzzer_sys::fuzz_target;
use quorate::{Priority, Term};

/// More than this takes long and finds nothing new.
const ACTS: usize = 500;

fuzz_target!(|data: &[u8]| {
    // Ends when the bytes do.
    let _ = play(&mut Unstructured::new(data));
});

fn play(u: &mut Unstructured<'_>) -> Result<()> {
    let bootstrap = [1, 3, 5].map(Start::Bootstrap);
    let start = *u.choose(&[bootstrap.as_slice(), &[Start::Forming, Start::Joining]].concat())?;
    let term = if u.ratio(3, 4)? { Term(0) } else { Term(u.arbitrary()?) };
    let mut checked = Checked::new(start, term, Priority(u.int_in_range(0..=2)?), u.arbitrary()?);
    for _ in 0..ACTS {
        if u.is_empty() {
            break;
        }
        let act = draw::act(u, &checked)?;
        checked.act(&act);
    }
    Ok(())
}
