//! The pages show what the measurements wrote into `results`, and nothing else.

use std::process::Command;

#[test]
fn tables_and_drawings_are_what_the_recorded_figures_make_of_them() {
    let out = Command::new(env!("CARGO_BIN_EXE_quorate-versus")).args(["readme", "--check"]).output();
    let out = out.expect("the program runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}
