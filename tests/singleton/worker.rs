//! The command: stamps a file until it is killed.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::process::{self, Command};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use quorate::adapters::clock::BootClock;

use crate::ledger::Stamp;

const EVERY: Duration = Duration::from_micros(500);

/// A copy that nobody has stopped does not stay for ever when the test has failed.
const LONGEST: Duration = Duration::from_secs(600);

/// `worker FILE [CHILD'S FILE]` stamps, `worker exit CODE` exits.
pub(crate) fn main(mut args: impl Iterator<Item = String>) -> ! {
    let file = args.next().unwrap();
    if file == "exit" {
        process::exit(args.next().unwrap().parse().unwrap());
    }
    if let Some(childs) = args.next() {
        Command::new(env::current_exe().unwrap()).args(["worker", &childs]).spawn().unwrap();
    }
    // Nothing but SIGKILL stops every second copy.
    if process::id() % 2 == 1 {
        [Signal::SIGTERM].into_iter().collect::<SigSet>().thread_block().unwrap();
    }
    let number = |name| env::var(name).unwrap().parse().unwrap();
    let (clock, pid) = (BootClock::new(), process::id());
    let nanos = || u64::try_from(clock.now().as_nanos()).unwrap();
    let (born, term, node) = (nanos(), number("QUORATE_TERM"), number("QUORATE_ID"));
    let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
    while nanos() - born < LONGEST.as_nanos() as u64 {
        let stamp = Stamp { at: nanos(), term, node, copy: (pid, born) };
        file.write_all(stamp.to_string().as_bytes()).unwrap();
        thread::sleep(EVERY);
    }
    process::exit(1)
}
