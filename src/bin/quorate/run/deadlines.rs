//! The deadlines that the supervisor sends to the guard. Times are readings of the `BootClock`.

use std::io::{self, Read};
use std::time::Duration;

use quorate::Timestamp;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Deadlines {
    /// When the guard asks the command to stop.
    pub(crate) stop_at: Timestamp,
    /// When the guard kills the command's process group.
    pub(crate) kill_at: Timestamp,
    /// When the kill timer kills the guard, and the system the command with it.
    pub(crate) timer_at: Timestamp,
    /// How long the command has to stop, while `kill_at` is far off.
    pub(crate) grace: Duration,
}

const WORD: usize = 8;
const LENGTH: usize = 4 * WORD;

impl Deadlines {
    pub(crate) fn bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        let [stop_at, kill_at, timer_at] =
            [self.stop_at, self.kill_at, self.timer_at].map(Timestamp::since_origin);
        let times = [stop_at, kill_at, timer_at, self.grace];
        for (word, time) in bytes.chunks_exact_mut(WORD).zip(times) {
            word.copy_from_slice(&u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).to_ne_bytes());
        }
        bytes
    }

    /// Fails if the supervisor is gone.
    pub(crate) fn read(mut line: impl Read) -> io::Result<Deadlines> {
        let mut time = || {
            let mut word = [0; WORD];
            line.read_exact(&mut word)?;
            io::Result::Ok(Duration::from_nanos(u64::from_ne_bytes(word)))
        };
        let [stop_at, kill_at, timer_at] = [time()?, time()?, time()?].map(Timestamp::from);
        Ok(Deadlines { stop_at, kill_at, timer_at, grace: time()? })
    }
}
