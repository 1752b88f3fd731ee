//! What the supervisor tells the guard. Times are those of the boot clock.

use std::io::{self, Read};
use std::time::Duration;

use quorate::Timestamp;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Orders {
    /// When the command is asked to stop.
    pub(crate) stop_at: Timestamp,
    /// When its group is killed.
    pub(crate) kill_at: Timestamp,
    /// When the system kills the guard, and with it the command.
    pub(crate) fuse_at: Timestamp,
    /// How long the command has to stop, while `kill_at` is far off.
    pub(crate) grace: Duration,
}

const WORD: usize = 8;
const LENGTH: usize = 4 * WORD;

impl Orders {
    pub(crate) fn bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        let [stop_at, kill_at, fuse_at] =
            [self.stop_at, self.kill_at, self.fuse_at].map(Timestamp::since_origin);
        let times = [stop_at, kill_at, fuse_at, self.grace];
        for (word, time) in bytes.chunks_exact_mut(WORD).zip(times) {
            word.copy_from_slice(&u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).to_ne_bytes());
        }
        bytes
    }

    /// Fails if the supervisor is gone.
    pub(crate) fn read(mut line: impl Read) -> io::Result<Orders> {
        let mut time = || {
            let mut word = [0; WORD];
            line.read_exact(&mut word)?;
            io::Result::Ok(Duration::from_nanos(u64::from_ne_bytes(word)))
        };
        let [stop_at, kill_at, fuse_at] = [time()?, time()?, time()?].map(Timestamp::from);
        Ok(Orders { stop_at, kill_at, fuse_at, grace: time()? })
    }
}
