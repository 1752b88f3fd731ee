//! How the hosts wait, and how exactly.
//!
//! | system | thread host, to | tokio host, to |
//! |---|---|---|
//! | Linux, Android, FreeBSD | 0.2 ms (`ppoll`) | 1 ms |
//! | other Unix | 1 ms (`poll`) | 1 ms |
//! | Windows | 16 ms, a tick of its scheduler | 16 ms |
//!
//! Each timer of an operating system runs by a clock that NTP may slow down, by up to a tenth on Linux, and on
//! most systems it stands still while the machine is suspended. So a wait consists of legs, and the clock is
//! read after each.

use std::time::Duration;
#[cfg(feature = "udp")]
use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, UdpSocket},
};

#[cfg(feature = "udp")]
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::config::Timing;

/// The longest leg: a machine that was suspended notices after so long, at the latest, that time is up.
const LONGEST_LEG: Duration = Duration::from_millis(50);

/// [`Timing::stagger`] is shorter than the timer of the host can tell apart, so that elections would split.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("stagger is {stagger:?}, and this host's timer needs at least {least:?}")]
pub struct StaggerTooShort {
    /// The stagger of the configuration.
    pub stagger: Duration,
    /// The shortest that this host can keep on this system.
    pub least: Duration,
}

/// How exact the timer of a host is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Precision {
    /// The rest of a wait that needs no further leg: a tenth of it is below the grain of the timer.
    last_leg: Duration,
    /// The shortest stagger between election deadlines that the timer can tell apart.
    least_stagger: Duration,
}

impl Precision {
    /// A thread that waits for a socket, or on a condition variable.
    #[cfg(feature = "udp")]
    pub(super) const THREAD: Precision =
        if cfg!(any(target_os = "linux", target_os = "android", target_os = "freebsd")) {
            Precision::new(Duration::from_millis(1), Duration::from_micros(500))
        } else {
            Precision::COARSE
        };

    /// A timer of tokio's, which counts milliseconds.
    #[cfg(feature = "tokio")]
    pub(super) const TOKIO: Precision = Precision::COARSE;

    const COARSE: Precision = if cfg!(windows) {
        Precision::new(Duration::from_millis(16), Duration::from_millis(16))
    } else {
        Precision::new(Duration::from_millis(8), Duration::from_millis(2))
    };

    /// Whether the timer can tell apart the election deadlines that `timing` asks for.
    pub(super) fn check(self, timing: &Timing) -> Result<(), StaggerTooShort> {
        let (stagger, least) = (timing.stagger, self.least_stagger);
        if stagger < least { Err(StaggerTooShort { stagger, least }) } else { Ok(()) }
    }

    const fn new(last_leg: Duration, least_stagger: Duration) -> Self {
        Precision { last_leg, least_stagger }
    }

    /// For how long to set the timer when `left` is left to wait: for seven eighths, unless that is little. A
    /// timer that runs by a tenth too slowly is over before `left` is.
    pub(super) fn leg(self, left: Duration) -> Duration {
        if left <= self.last_leg {
            return left;
        }
        left.saturating_sub(left.checked_div(8).unwrap_or_default()).min(LONGEST_LEG)
    }
}

/// How long before its end a lease is taken away, unless the program says otherwise: a tenth of a promise, the
/// shortest if they are tuned.
pub(super) fn default_margin(timing: &Timing) -> Duration {
    timing.tuned_from.unwrap_or(timing.promise).checked_div(10).unwrap_or_default()
}

/// Waits until `socket` has something to receive, for no longer than `left`, and receives it. Returns `None` if
/// there was nothing. The socket does not block.
#[cfg(feature = "udp")]
pub(super) fn receive_within(
    socket: &UdpSocket,
    left: Duration,
    buffer: &mut [u8],
) -> io::Result<Option<(usize, SocketAddr)>> {
    let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
    let mut descriptors = [PollFd::new(socket, PollFlags::IN)];
    let received = match poll(&mut descriptors, Some(&timeout)) {
        Ok(0) => return Ok(None),
        Ok(_) => socket.recv_from(buffer),
        Err(error) => Err(error.into()),
    };
    match received {
        Ok(datagram) => Ok(Some(datagram)),
        // A datagram whose checksum is wrong is gone when it is to be received.
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    /// A wait of `left` by a timer of which `rate` parts in a hundred pass in a unit of the clock: how many legs it
    /// has, and how late it ends.
    fn wait(precision: Precision, left: Duration, rate: u32) -> (u32, Duration) {
        let (mut waited, mut legs) = (Duration::ZERO, 0);
        while waited < left {
            waited += precision.leg(left - waited) * 100 / rate;
            legs += 1;
        }
        (legs, waited - left)
    }

    #[test]
    fn a_wait_is_exact_in_a_few_legs_though_the_timer_is_slowed_by_a_tenth() {
        for micros in 1..50_000 {
            let left = Duration::from_micros(micros);
            for precision in [Precision::new(millis(1), millis(1)), Precision::new(millis(8), millis(2))] {
                let grain = precision.last_leg / 8;
                for rate in [90, 91, 100] {
                    let (legs, late) = wait(precision, left, rate);
                    assert!(legs <= 4 && late <= grain, "{left:?} at {rate}: {legs} legs, {late:?} late");
                }
            }
        }
    }

    #[test]
    fn a_stagger_that_the_timer_cannot_keep_is_refused_by_name() {
        let precision = Precision::new(millis(8), millis(2));
        let timing = Timing { stagger: millis(2), ..Timing::lan() };
        assert_eq!(precision.check(&timing), Ok(()));
        let refused = precision.check(&Timing { stagger: Duration::from_micros(1_999), ..timing });
        assert_eq!(refused, Err(StaggerTooShort { stagger: Duration::from_micros(1_999), least: millis(2) }));
    }

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }
}
