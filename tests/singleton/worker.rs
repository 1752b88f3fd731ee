//! The command that the supervisors run: it appends stamps to a file until it is killed.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::process::{self, Command};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use quorate::adapters::clock::BootClock;

use crate::stamp_audit::{LINE_END, Stamp};

const STAMP_INTERVAL: Duration = Duration::from_micros(500);

/// After this time a copy ends by itself, so that it does not stay for ever when the test has failed.
const MAX_LIFE: Duration = Duration::from_secs(600);

/// `worker exit CODE` exits. `worker listening FILE`, `worker deaf FILE` and `worker either FILE` stamp
/// the file; the first obeys SIGTERM, the second ignores it, and every second copy of the third does.
/// With a second file, a child stamps that one in the same way.
pub(crate) fn main(mut args: impl Iterator<Item = String>) -> ! {
    let (what, file) = (args.next().unwrap(), args.next().unwrap());
    let deaf = match what.as_str() {
        "exit" => process::exit(file.parse().unwrap()),
        "either" => process::id() % 2 == 1,
        what => what == "deaf",
    };
    if deaf {
        [Signal::SIGTERM].into_iter().collect::<SigSet>().thread_block().unwrap();
    }
    let child = args.next().map(|child_file| {
        Command::new(env::current_exe().unwrap()).args(["worker", &what, &child_file]).spawn().unwrap()
    });
    let number = |name| env::var(name).unwrap().parse().unwrap();
    let (clock, pid) = (BootClock::new(), process::id());
    let nanos = || u64::try_from(clock.now().since_origin().as_nanos()).unwrap();
    let (started, term, node) = (nanos(), number("QUORATE_TERM"), number("QUORATE_ID"));
    let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
    // The copy before may have died in the middle of a line.
    file.write_all(b"\n").unwrap();
    while nanos() - started < MAX_LIFE.as_nanos() as u64 {
        let stamp = Stamp { at: nanos(), term, node, copy: (pid, started) };
        file.write_all(format!("{stamp}{LINE_END}\n").as_bytes()).unwrap();
        thread::sleep(STAMP_INTERVAL);
    }
    child.into_iter().for_each(|mut child| drop(child.wait()));
    process::exit(1)
}
