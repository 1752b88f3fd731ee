//! How long it takes to stop, at most: what a service manager has to allow for.

use std::process;
use std::thread;
use std::time::Duration;

use super::log::Log;

/// How long the end of this process waits for its log to be read.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(1);

/// How many promises go by at most until leadership is handed over and the host has ended.
///
/// In promises, of which the longest one has three: until a node is found that can take over, which may have restarted a
/// moment ago, 4.3; until one of these leads, 3.3; the shutdown of the host, if none does, 6; the rest of a lease of which
/// clients of the local socket were told, 3. The next whole number is 17.
const PROMISES: u32 = 17;

/// What does not depend on the options: the last write of a disk, the last words of the log, and the promises of which the
/// longest one is not three, but the shortest that suits a local network.
const REST: Duration = Duration::from_secs(3);

/// For how long a supervisor goes on at most that was told to stop: the formula of 'quorate run --help'.
pub(crate) fn longest(promise: Duration, grace: Duration, hooks: Duration) -> Duration {
    let handover = promise.saturating_mul(PROMISES);
    handover.saturating_add(grace).saturating_add(hooks).saturating_add(REST)
}

/// The same with a seat. The register is called three times at most, which takes half of the length.
pub(crate) fn longest_of_seat(length: Duration, grace: Duration, hooks: Duration) -> Duration {
    length.saturating_add(grace).saturating_add(hooks).saturating_add(REST)
}

/// Ends this process when `longest` is over, if nothing else has: its guard kills the command then.
pub(crate) fn end_after(longest: Duration, log: &Log) -> ! {
    thread::sleep(longest.saturating_sub(LAST_WORDS));
    log.say(format_args!("error: has not stopped within {longest:?}, and ends now"));
    log.flush(LAST_WORDS);
    process::exit(1)
}
