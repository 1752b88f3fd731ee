//! What is shown on a terminal, and only there.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};

use crate::{printed, quorate};

/// A short demo.
const DEMO: [&str; 5] = ["demo", "--rounds", "1", "--kills", "1"];

/// What the program writes to a terminal, with this in its environment.
fn on_a_terminal(args: &[&str], (name, value): (&str, &str)) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap();
    let terminal = OpenOptions::new().write(true).open(OsStr::from_bytes(path.to_bytes())).unwrap();
    let mut command = quorate(args);
    command.env_remove("NO_COLOR").env("TERM", "xterm").env(name, value).stdout(terminal);
    let mut child = command.spawn().unwrap();
    // Otherwise this process would hold the terminal open.
    drop(command);
    let mut shown = Vec::new();
    // The end of a terminal is an error.
    let _end = File::from(master).read_to_end(&mut shown);
    let shown = String::from_utf8(shown).unwrap();
    assert!(child.wait().unwrap().success(), "{shown}");
    shown
}

#[test]
fn the_demo_draws_a_table_in_colour_on_a_terminal_and_plain_lines_elsewhere() {
    const GREEN: &str = "\x1b[32mleads";
    const UP: &str = "A\x1b[K";
    let plain = printed(&DEMO);
    assert!(!plain.contains('\x1b') && plain.contains("SIGKILL"), "{plain:?}");
    let coloured = on_a_terminal(&DEMO, ("TERM", "xterm"));
    assert!(coloured.contains(GREEN) && coloured.contains(UP), "{coloured:?}");
    let drawn = on_a_terminal(&DEMO, ("NO_COLOR", "1"));
    assert!(!drawn.contains("\x1b[3") && drawn.contains("leads") && drawn.contains(UP), "{drawn:?}");
    let dumb = on_a_terminal(&DEMO, ("TERM", "dumb"));
    assert!(!dumb.contains('\x1b') && dumb.contains("SIGKILL"), "{dumb:?}");
}
