//! Every reachable state of small groups, within the bounds that each instance states: no property
//! falls. `cargo run -p quorate-sim --release -- model --large` goes further.

use quorate_sim::model::{Search, check, small};

#[test]
fn no_property_falls_in_any_reachable_state() {
    for instance in small() {
        let found = check(instance, Search::DepthFirst, 2);
        println!("{found}");
        assert!(found.is_well(), "{found}");
    }
}
