//! Any bytes are a starting point and a list of actions: one election takes them all, and the checks of
//! `quorate_sim::checked` hold after each.
//!
//! `cargo +nightly fuzz run step`, or on stable
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none step`.
#![no_main]

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use quorate::{Priority, Term};
use quorate_sim::checked::{CheckedElection, StartingPoint, arbitrary_action};

/// More actions than this take long and find nothing new.
const MAX_ACTIONS: usize = 500;

fuzz_target!(|data: &[u8]| {
    // It ends early when the bytes do.
    let _ = play(&mut Unstructured::new(data));
});

fn play(u: &mut Unstructured<'_>) -> Result<()> {
    let bootstrap = [1, 3, 5].map(StartingPoint::Bootstrap);
    let start =
        *u.choose(&[bootstrap.as_slice(), &[StartingPoint::Forming, StartingPoint::Joining]].concat())?;
    let term = if u.ratio(3, 4)? { Term(0) } else { Term(u.arbitrary()?) };
    let mut checked = CheckedElection::new(start, term, Priority(u.int_in_range(0..=2)?), u.arbitrary()?);
    for _ in 0..MAX_ACTIONS {
        if u.is_empty() {
            break;
        }
        let action = arbitrary_action(u, &checked)?;
        checked.apply(&action);
    }
    Ok(())
}
